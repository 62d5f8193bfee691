"""Exercises of the lesson on fusion.

    additive_corners(image=(-1, 1), text=(-1, 1))      # which corners of XOR a sum of scores gets right
    check("rank law", 0.25)                            # right or not, and why

Read from top to bottom: first the corners, then the questions. Each truth is worked out by the
package when it is asked for, so an exercise cannot disagree with what the lesson measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from workbench.axes import frozen
from workbench.errors import BadInputError
from workbench.formatting import html_table
from workbench.fusion import card, plane_tasks
from workbench.labs.exercise import Exercise, Verdict, judged
from workbench.portable import Portable

__all__ = ["Corners", "Verdict", "additive_corners", "check", "exercises"]

XOR = np.array([[0, 1], [1, 0]])
"""text value x picture value: yes where exactly one of them is 1."""


@dataclass(frozen=True, eq=False)
class Corners(Portable):
    """What a sum of one score a modality answers at the four corners of XOR.

    Shapes:
        score: text value x picture value, the sum of both scores
        answer: text value x picture value, whether the sum is above the threshold
    """

    score: NDArray[np.float64]
    answer: NDArray[np.bool_]

    @property
    def right(self) -> NDArray[np.bool_]:
        """text value x picture value: is the answer XOR's?"""
        return np.asarray(self.answer == XOR)

    @property
    def count(self) -> int:
        """Corners right, of four."""
        return int(self.right.sum())

    def __repr__(self) -> str:
        return f"Corners({self.count} of 4 right)"

    def _repr_html_(self) -> str:
        rows = [(f"text says {text}", *(self._cell(text, picture) for picture in (0, 1))) for text in (1, 0)]
        return html_table(f"{self.count} of 4 corners right", ("", "picture says 0", "picture says 1"), rows)

    def _cell(self, text: int, picture: int) -> str:
        said = "yes" if self.answer[text, picture] else "no"
        return f"{self.score[text, picture]:+g}: {said} {'✓' if self.right[text, picture] else '✗'}"


def additive_corners(
    image: tuple[float, float], text: tuple[float, float], threshold: float = 0.0
) -> Corners:
    """The four corners of XOR as answered by late fusion: add two scores, compare with a threshold.

    Args:
        image: the score of the picture when it says 0, and when it says 1. text: the same of the text.
        threshold: the answer is yes where the sum is above it.

    Raises:
        BadInputError: not two finite numbers for each modality.
    """
    scores = {"image": np.asarray(image, float), "text": np.asarray(text, float)}
    for name, pair in scores.items():
        if pair.shape != (2,) or not np.isfinite(pair).all():
            raise BadInputError(f"{name} is {pair.tolist()!r}; expected two finite numbers, as (-1, 1).")
    total = scores["text"][:, None] + scores["image"][None, :]
    return Corners(frozen(total, np.float64), frozen(total > threshold, np.bool_))


def exercises() -> dict[str, str]:
    """Name to question of every exercise."""
    return {name: one.question for name, one in _EXERCISES.items()}


def check(exercise: str, answer: float) -> Verdict:
    """Is `answer` right? The words say why, or what to try.

    Raises:
        UnknownNameError: there is no such exercise; the message lists them.
        BadInputError: the answer is not a number.
    """
    return judged(_EXERCISES, exercise, answer)


def _most_corners() -> float:
    """Every order of four sums: scores of 0 and +-1 with half-way thresholds reach them all."""
    steps, thresholds = (-1.0, 0.0, 1.0), (-1.5, -0.5, 0.5, 1.5)
    tried = product(steps, steps, steps, steps, thresholds)
    return float(max(additive_corners((a, b), (c, d), at).count for a, b, c, d, at in tried))


def _fewest_layers() -> float:
    """Of three, how many need the bottleneck before the slider's fusion is more than a sum."""
    depth = 3
    joint = [layer for layer in range(depth) if card(f"slider-{layer}b1", depth=depth).kind == "universal"]
    return float(depth - max(joint))


def _sum_solves_and() -> float:
    return float(next(task.additive_ceiling for task in plane_tasks() if task.name == "and"))


def _without_picture() -> float:
    from workbench.fusion.theory.closed_forms import GAUSSIAN, phi

    return phi(GAUSSIAN[1])


_EXERCISES: dict[str, Exercise] = {
    "xor corners": Exercise(
        "How many of the four corners of XOR can a sum of two scores get right at most?",
        _most_corners, 0,
        "three. s00 + s11 = s01 + s10, so not both of one diagonal can be above the threshold while both of "
        "the other are below it.",
        "try scores on additive_corners. Is there any choice that gets all four? Add up both diagonals.",
    ),
    "rank law": Exercise(
        "y is the product a . b of two random vectors with 8 numbers each. What share of its variance (R2) "
        "can low-rank fusion of rank 2 explain?",
        lambda: 2 / 8, 0.005,
        "r / d = 2 / 8. Each factor pair catches one of the eight products, and all are worth the same.",
        "the product is a sum of eight terms of equal variance. How many of them do two factor pairs catch?",
    ),
    "bottleneck layers": Exercise(
        "The streams exchange through shared tokens in the last k of 3 layers. How large must k be for XOR?",
        _fewest_layers, 0,
        "two: one layer to write to the shared tokens, another to read them. With one it is late fusion "
        "under another name.",
        "who reads what the last layer has written? Put the slider one stop before late, with shared tokens, "
        "and look at the graph.",
    ),
    "and": Exercise(
        "What share of AND can a sum of two scores get right at most (0 to 1)?",
        _sum_solves_and, 0.005,
        "all of it: a + b > 1.5. Half a bit of synergy, and yet no joint features are needed.",
        "choose the preset 'AND needs no fusion' on the board, or find a threshold for a + b.",
    ),
    "picture lost": Exercise(
        "y is +1 or -1; the picture shows y + noise, the text .7 y + noise, both with noise of variance 1. "
        "The best rule with both is right .889 of the time. And when the picture is gone?",
        _without_picture, 0.003,
        "Phi(.7) = .758: what the text alone can say. No fusion can do better, and a good one does no worse.",
        "only the text is left: the share of a normal variable with mean .7 that lies above 0.",
    ),
}  # fmt: skip
