"""Single tokens read by a tower's own head, and scores without parts, against the model itself."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from workbench import data, models
from workbench.attribution.alike import token_cosines, token_vectors
from workbench.attribution.without import score_without
from workbench.capture import capture
from workbench.errors import BadInputError, UnsupportedError


@pytest.fixture(scope="module")
def model():
    return models.load("shapes-clip")


@pytest.fixture(scope="module")
def pair():
    return data.load("shapes", n=4)[0]


@pytest.fixture(scope="module")
def trace(model, pair):
    return capture(model, pair)


def test_the_token_that_the_head_reads_gives_the_models_own_vector(model, pair, trace) -> None:
    with torch.no_grad():
        image = model.image_features(model.pixels([pair.picture]))[0]
        text = model.text_features(model.words([pair.text]))[0]
    end = len(trace.group("text")[-1].query.words) - 1
    assert (token_vectors(model, trace, "image")[0] - image).norm() < 1e-5 * image.norm()
    assert (token_vectors(model, trace, "text")[end] - text).norm() < 1e-5 * text.norm()


def test_cosines_are_one_a_word_and_patch_and_the_model_is_left_as_it_was(model, trace) -> None:
    hooks = [len(module._forward_hooks) for module in model.model.modules()]
    cosines = token_cosines(model, trace)
    assert cosines.shape == (len(trace.group("text")[-1].query.words), 8, 8)
    assert np.abs(cosines).max() <= 1 + 1e-6
    assert [len(module._forward_hooks) for module in model.model.modules()] == hooks


def test_another_thread_meanwhile_gets_what_the_model_says(model, pair, trace) -> None:
    pixels = model.pixels([pair.picture])
    with torch.no_grad():
        plain = model.image_features(pixels)
    over = threading.Event()

    def keep_reading() -> None:
        while not over.is_set():
            token_cosines(model, trace)

    worker = threading.Thread(target=keep_reading)
    worker.start()
    try:
        with torch.no_grad():
            seen = [model.image_features(pixels) for _ in range(20)]
    finally:
        over.set()
        worker.join()
    assert all(one.shape == plain.shape and torch.allclose(one, plain, atol=1e-5) for one in seen)


def test_one_tower_alone_has_no_cosines(model, pair) -> None:
    with pytest.raises(
        UnsupportedError, match="need a model with an image tower of patches and a text tower"
    ):
        token_cosines(model, capture(model, pair, sites="text"))


def test_a_score_without_parts_is_that_of_the_pair_without_them(model, pair) -> None:
    words = list(model.tokens(pair.text).pieces)
    found = score_without(model, pair, words=[words.index("large")], draws=0)
    image, text = (
        model.encode_images([pair.picture]),
        model.encode_texts([pair.text.replace("large ", "", 1)]),
    )
    assert found.score == pytest.approx(float(image[0] @ text[0]), abs=1e-4)
    assert found.before == pytest.approx(float(image[0] @ model.encode_texts([pair.text])[0]), abs=1e-4)
    assert found.random.shape == (0,) and found.change == found.score - found.before


def test_random_parts_are_repeatable_and_as_many(model, pair) -> None:
    one, other = (score_without(model, pair, patches=[0, 9], draws=5, seed=seed) for seed in (3, 3))
    assert np.array_equal(one.random, other.random) and one.random.shape == (5,)
    assert "without 2 patches; random parts:" in str(one)


def test_taking_away_nothing_all_or_what_is_not_there_is_refused(model, pair) -> None:
    with pytest.raises(BadInputError, match="Nothing was taken away"):
        score_without(model, pair)
    with pytest.raises(BadInputError, match="All 64 patches would be taken away; leave at least one"):
        score_without(model, pair, patches=range(64))
    with pytest.raises(BadInputError, match="patches holds 70; those that can be taken away are 0 to 63"):
        score_without(model, pair, patches=[70])
