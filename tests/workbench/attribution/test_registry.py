"""Methods of one's own: one function, one card, known everywhere."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.families import made
from widgets import show
from workbench import data, models
from workbench.attribution import (
    METHODS,
    Maps,
    MethodCard,
    Options,
    attribute,
    available_methods,
    faithfulness,
    method_card,
    register_method,
    registered_methods,
)
from workbench.errors import BadInputError, UnknownNameError, UnsupportedError

CARD = MethodCard(
    "slope",
    "Slope x input",
    "path",
    ("image", "text"),
    ("gradients",),
    True,
    "All that is saturated.",
    "nobody",
)


def slope(explained, options: Options) -> Maps:
    """One function for every kind: the slope at the input times its difference from the baseline."""
    found = []
    for given in (explained.picture_input(options.fill), explained.text_input()):
        if given is None:
            found.append(None)
            continue
        at = given.given.detach().clone().requires_grad_(True)
        (gradient,) = explained.gradient(given.score(at), at)
        found.append(given.collect((gradient * (given.given - given.baseline))[0]))
    return Maps(*found)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS, "rows", dict(METHODS.rows))


@pytest.fixture(scope="module")
def model():
    return models.load("shapes-clip")


@pytest.fixture(scope="module")
def pair() -> data.Pair:
    return data.load("shapes", n=4)[3]


def test_a_method_of_ones_own_is_asked_like_any_other(model, pair) -> None:
    assert register_method(CARD, slope) is CARD
    assert list(METHODS)[-1] == "slope" and registered_methods() == ("slope",)
    assert method_card("Slope") is CARD
    assert available_methods(model)["slope"] is None
    heatmap = attribute(model, pair, method="slope")
    pixels = model.pixels([pair.picture])["pixel_values"].requires_grad_(True)
    text = model.text_features(model.words([pair.text])).detach()
    cosine = torch.cosine_similarity(model.image_features({"pixel_values": pixels}), text).sum()
    (wanted,) = torch.autograd.grad(cosine, pixels)
    away = pixels.detach() - pixels.detach().mean(dim=(2, 3), keepdim=True)
    assert float(heatmap.image.sum()) == pytest.approx(float((wanted * away).sum()), abs=1e-6)
    assert heatmap.signed and heatmap.title == "Slope x input" and heatmap.cost.backwards == 2
    assert "slope" in attribute(model, pair, method=["all"], steps=2, samples=70).methods


@pytest.mark.parametrize("name", ["bert", "vit", "llava"])
def test_the_same_function_explains_models_that_are_no_dual_encoders(name: str) -> None:
    register_method(CARD, slope)
    network, inputs = made(name)
    heatmap = attribute(network, inputs, method="slope")
    assert (heatmap.image is not None) == (name != "bert") and (heatmap.text is not None) == (name != "vit")
    assert not heatmap.flat


def test_faithfulness_the_board_and_its_code_know_it(model, pair) -> None:
    register_method(CARD, slope)
    maps = attribute(model, pair, method=["slope", "relevance"])
    scores = faithfulness(maps["slope"], measures=["deletion", "randomisation"])
    assert set(scores.measures) == {"deletion", "randomisation"}
    board = show(maps, model=model)
    offered = board._view["methods"]
    assert any(one["name"] == "slope" and not one["reason"] for one in offered), offered
    code = board.code()
    assert "# 'slope' is a method of your own" in code and "method=['slope', 'relevance']" in code
    again: dict = {}
    exec(code.replace("show(", "shown = show("), again)
    np.testing.assert_array_equal(again["maps"]["slope"].image, maps["slope"].image)


def test_a_method_that_needs_two_towers_is_not_asked_elsewhere(pair) -> None:
    register_method(replace(CARD, needs=("gradients", "towers")), slope)
    network, inputs = made("vit")
    assert "image tower of a dual encoder" in available_methods(network)["slope"]
    with pytest.raises(UnsupportedError, match="image tower"):
        attribute(network, inputs, method="slope")


@pytest.mark.parametrize("name", ["grad-cam", "GradCAM", "relevance"])
def test_a_name_that_the_package_has_stays_its_own(name: str) -> None:
    for replaced in (False, True):
        with pytest.raises(BadInputError, match="those of the package stay"):
            register_method(replace(CARD, name=name), slope, replace=replaced)
    assert not registered_methods()


def test_a_name_of_ones_own_is_replaced_only_where_that_is_said() -> None:
    register_method(CARD, slope)
    with pytest.raises(BadInputError, match="replace=True"):
        register_method(replace(CARD, title="Another"), slope)
    assert METHODS["slope"].title == "Slope x input"
    register_method(replace(CARD, title="Another"), slope, replace=True)
    assert METHODS["slope"].title == "Another" and registered_methods() == ("slope",)


@pytest.mark.parametrize(
    ("card", "function", "match"),
    [
        ("slope", slope, "expected a MethodCard"),
        (replace(CARD, name=""), slope, "expected a word"),
        (replace(CARD, name="all"), slope, "expected a word"),
        (replace(CARD, sides=("picture",)), slope, "sides of the card"),
        (replace(CARD, needs=("attention", "luck")), slope, "needs of the card"),
        (CARD, "slope", "expected one that is called"),
    ],
)
def test_what_is_no_method_is_refused_in_words(card, function, match: str) -> None:
    with pytest.raises((BadInputError, TypeError), match=match):
        register_method(card, function)
    with pytest.raises(UnknownNameError):
        method_card("slope")


def test_a_function_that_returns_something_else_is_told_so(model, pair) -> None:
    register_method(CARD, lambda explained, options: np.ones((8, 8)))
    with pytest.raises(BadInputError, match=r"returned ndarray; expected Maps"):
        attribute(model, pair, method="slope")


def test_who_goes_through_the_methods_sees_those_that_there_were_when_he_began() -> None:
    names, known = iter(METHODS), list(METHODS)
    first = next(names)
    register_method(CARD, slope)
    assert [first, *names] == known and "slope" in METHODS


def test_threads_that_go_through_the_methods_are_not_disturbed_by_those_that_add_some() -> None:
    """A mapping that changed under its readers would end them with a RuntimeError."""
    known, problems = set(METHODS), []

    def read() -> None:
        try:
            for _ in range(300):
                assert known <= {name for name in METHODS if METHODS[name].name == name}
        except Exception as problem:
            problems.append(problem)

    def add(first: int) -> None:
        try:
            for number in range(first, first + 25):
                register_method(replace(CARD, name=f"slope-{number}"), slope)
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=read) for _ in range(3)]
    threads += [threading.Thread(target=add, args=(100 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert len(registered_methods()) == 100


def test_every_method_of_the_package_is_there_and_says_its_signs_once(model, pair) -> None:
    maps = attribute(model, pair, method=["all"], steps=2, samples=70)
    assert set(maps.methods) == set(METHODS)
    for heatmap in maps:
        assert heatmap.signed == METHODS[heatmap.method].signed
        assert heatmap.signed or float(heatmap.image.min()) >= 0, heatmap.method
