"""The exercises of the fusion lesson: every truth is worked out, right answers pass, wrong ones get a hint."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from workbench.errors import BadInputError, UnknownNameError
from workbench.labs.fusion_lesson import additive_corners, check, exercises

ANSWERS = {
    "xor corners": 3,
    "rank law": 0.25,
    "bottleneck layers": 2,
    "and": 1,
    "picture lost": norm.cdf(0.7),
}


def test_every_exercise_is_answered_here() -> None:
    assert set(exercises()) == set(ANSWERS)
    assert all(question.endswith("?") for question in exercises().values())


@pytest.mark.parametrize(("name", "answer"), ANSWERS.items())
def test_the_right_answer_is_taken_and_a_wrong_one_gets_a_hint(name: str, answer: float) -> None:
    right, wrong = check(name, float(answer)), check(name, float(answer) + 1)
    assert right.right and repr(right).startswith("✓ right: ")
    assert not wrong.right and repr(wrong).startswith("✗ not yet: ")
    assert right.words != wrong.words


def test_no_sum_of_random_scores_ever_gets_all_four_corners() -> None:
    random = np.random.default_rng(0)
    counts = [
        additive_corners(tuple(random.normal(size=2)), tuple(random.normal(size=2)), random.normal()).count
        for _ in range(2000)
    ]
    assert max(counts) == 3


def test_the_corners_say_which_are_right() -> None:
    corners = additive_corners(image=(0, 1), text=(0, 1), threshold=0.5)
    assert corners.answer.tolist() == [[False, True], [True, True]]
    assert corners.right.tolist() == [[True, True], [True, False]]
    assert repr(corners) == "Corners(3 of 4 right)"
    assert "+2: yes ✗" in corners._repr_html_()


def test_what_cannot_be_judged_is_refused_in_words() -> None:
    with pytest.raises(UnknownNameError, match=r"no exercise 'rank'; there are xor corners, rank law"):
        check("rank", 1)
    with pytest.raises(BadInputError, match="answer is 'three'; expected a number"):
        check("xor corners", "three")  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match=r"image is .*expected two finite numbers"):
        additive_corners(image=(1, 2, 3), text=(0, 1))  # type: ignore[arg-type]
