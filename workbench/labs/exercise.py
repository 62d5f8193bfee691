"""Exercises of the lessons: a question whose truth is worked out, and words for right and for not yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from workbench.errors import BadInputError, UnknownNameError, did_you_mean

__all__ = ["Exercise", "Verdict", "judged"]


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what to think of next."""

    right: bool
    words: str

    def __repr__(self) -> str:
        return f"{'✓ right' if self.right else '✗ not yet'}: {self.words}"


@dataclass(frozen=True)
class Exercise:
    """A question, its truth as a function, how near an answer must be, and words for both outcomes."""

    question: str
    truth: Callable[[], float]
    within: float
    why: str
    hint: str


def judged(exercises: Mapping[str, Exercise], name: str, answer: float) -> Verdict:
    """Is `answer` right? The words say why, or what to try.

    Raises:
        UnknownNameError: there is no such exercise; the message lists them.
        BadInputError: the answer is not a number.
    """
    if name not in exercises:
        raise UnknownNameError(
            f"There is no exercise {name!r}; there are {', '.join(exercises)}.{did_you_mean(name, exercises)}"
        )
    one = exercises[name]
    if not isinstance(answer, int | float) or not np.isfinite(answer):
        raise BadInputError(f"answer is {answer!r}; expected a number. The question: {one.question}")
    right = abs(answer - one.truth()) <= one.within
    return Verdict(right, one.why if right else one.hint)
