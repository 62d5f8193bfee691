"""The exercises and measurements of the lesson on captions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench import data, models
from workbench.data.scenes import Scene, Thing
from workbench.errors import BadInputError, UnknownNameError
from workbench.generation import truth
from workbench.labs.captions_lesson import check, exercises, one_colour_wrong, pointing, true_captions

ANSWERS = {
    "mask": 55,
    "orders": 6,
    "floor": math.lgamma(5),
    "temperature": 0.25,
    "one word": 8 / 9,
}
PAIR = Scene(
    (Thing("star", "red", "small", row=20.0, col=48.0), Thing("square", "blue", "large", row=70.0, col=48.0))
)


def test_every_exercise_is_answered_here() -> None:
    assert set(exercises()) == set(ANSWERS)
    assert all("?" in question for question in exercises().values())


@pytest.mark.parametrize(("name", "answer"), ANSWERS.items())
def test_the_right_answer_is_taken_and_a_wrong_one_gets_a_hint(name: str, answer: float) -> None:
    right, wrong = check(name, float(answer)), check(name, float(answer) + 1)
    assert right.right and repr(right).startswith("✓ right: ")
    assert not wrong.right and repr(wrong).startswith("✗ not yet: ")
    assert right.words != wrong.words


def test_what_cannot_be_judged_is_refused_in_words() -> None:
    with pytest.raises(UnknownNameError, match=r"no exercise 'flor'; there are mask, orders.*'floor'"):
        check("flor", 1)
    with pytest.raises(BadInputError, match="answer is 'six'; expected a number"):
        check("orders", "six")  # type: ignore[arg-type]


def test_the_true_captions_of_two_things_are_both_orders_with_the_relation_and_without() -> None:
    assert true_captions(PAIR) == (
        "a small red star above a large blue square",
        "a large blue square below a small red star",
        "a small red star and a large blue square",
        "a large blue square and a small red star",
    )
    assert true_captions(PAIR, "zh")[0] == "一个小的红色星形在一个大的蓝色正方形的上面"


def test_the_true_captions_are_true_and_there_are_as_many_as_orders() -> None:
    for scene in data.load("shapes", n=12).columns["scene"]:
        said = true_captions(scene)
        related = len(scene.things) == 2 and scene.relation(0, 1) is not None
        assert len(set(said)) == len(said) == math.factorial(len(scene.things)) * (1 + related)
        assert all(truth(text, scene).exact for text in said)


def test_a_colour_that_is_exchanged_is_the_only_thing_wrong() -> None:
    assert one_colour_wrong(PAIR) == one_colour_wrong(PAIR)  # the same scene, the same choice
    for scene in data.load("shapes", n=30).columns["scene"]:
        verdict = truth(one_colour_wrong(scene), scene)
        assert not verdict.exact and verdict.well_formed
        assert verdict.count("right") == len(scene.things) - 1


@pytest.fixture(scope="module")
def looked():
    return pointing(models.load("shapes-captioner"), data.load("shapes", n=8, seed=7))


class TestPointing:
    def test_the_shape_is_looked_at_in_the_row_that_produces_it_and_not_one_late(self, looked) -> None:
        assert looked.hits.shape == (2, 3, 3) and looked.words == 31
        assert looked.hits[0, :2, 2].min() > 0.8
        assert looked.hits[1, :, 2].max() < 0.35

    def test_one_row_late_is_the_row_of_the_next_word(self, looked) -> None:
        np.testing.assert_array_equal(looked.hits[1, :, 0], looked.hits[0, :, 1])  # size, then colour
        np.testing.assert_array_equal(looked.hits[1, :, 1], looked.hits[0, :, 2])  # colour, then shape

    def test_chance_is_the_share_of_patches_that_a_thing_covers(self, looked) -> None:
        assert 0.05 < looked.chance[0] < 0.16
        assert "chance" in looked._repr_html_() and repr(looked).startswith("Pointing(31 words each; ")
