"""Tasks on a plane: one number from each modality, a yes or no, and what a sum of scores can say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.calling import verb
from workbench.errors import UnknownNameError, did_you_mean

__all__ = ["PlaneTask", "additive_ceiling", "draw_points", "plane_task", "plane_tasks", "seen"]

BUMPS = 12
"""A value is shown as so many overlapping bumps along its axis: a sense organ, so that training is short."""


@dataclass(frozen=True)
class PlaneTask:
    """A rule over the square from -1 to 1.

    Attributes:
        name, title: for code and for people.
        why: what a sum of one score a modality can and cannot do here.
        rule: (image, text) values, any shape, to 0 or 1.
        cells: the rule is constant on a grid of so many cells a side; 0 if it is not.
        additive_solves: whether a sum of one score a modality decides it.
        tied: both values lie on the same side of 0 (each says what the other says).
    """

    name: str
    title: str
    why: str
    rule: Callable[[NDArray, NDArray], NDArray] = field(repr=False)
    cells: int
    additive_solves: bool
    tied: bool = False

    @property
    def additive_ceiling(self) -> float:
        """Best accuracy of any sum of one score a modality."""
        if self.additive_solves:
            return 1.0
        centre = (np.arange(self.cells) + 0.5) * 2 / self.cells - 1
        return additive_ceiling(self.rule(*np.meshgrid(centre, centre)))

    def __reduce__(self) -> str | tuple[Any, ...]:
        """A task of the house goes by its name: its rule is code."""
        return (plane_task, (self.name,)) if self in _TASKS else super().__reduce__()

    def truth(self, axis: NDArray) -> NDArray[np.float32]:
        """row (text) x col (image): the right answer at every pair of values of `axis`."""
        return self.rule(*np.meshgrid(axis, axis)).astype(np.float32)

    def additive(self, axis: NDArray) -> NDArray[np.float32]:
        """row x col: the probability that the best sum gives at every pair of values of `axis`.

        It is the truth, or the base rate throughout. A logistic sum keeps the share of positives in every row
        and column; where all rows and columns have the same share, that is all it can say.
        """
        truth = self.truth(axis)
        return truth if self.additive_solves else np.full_like(truth, truth.mean())


@verb
def plane_tasks() -> tuple[PlaneTask, ...]:
    """Every task that `regions` knows, in the order in which to look at them.

    Returns:
        `PlaneTask`s.

    Example:
        >>> from workbench.fusion import plane_tasks
        >>> xor = next(task for task in plane_tasks() if task.name == "xor")
        >>> xor.additive_solves, xor.additive_ceiling  # three corners of four
        (False, 0.75)
    """
    return _TASKS


def plane_task(name: str) -> PlaneTask:
    """The task of that name.

    Raises:
        UnknownNameError: there is none; the message names them.
    """
    found = next((task for task in _TASKS if task.name == name), None)
    if found is None:
        names = [task.name for task in _TASKS]
        raise UnknownNameError(
            f"There is no task {name!r} on the plane; there are {', '.join(names)}."
            f"{did_you_mean(name, names)}"
        )
    return found


def additive_ceiling(table: NDArray) -> float:
    """Best accuracy of a thresholded sum f(row) + g(col) on a table of zeros and ones, cells alike likely.

    A sum orders the columns, and each row calls positive those from some place on: so the best is a
    search over orders of columns, with each row's best place. Exact; for small tables.
    """
    best = 0
    for order in permutations(range(table.shape[1])):
        row = table[:, order]
        right = np.concatenate(
            [np.zeros((len(row), 1)), np.cumsum(row == 0, axis=1)], axis=1
        ) + np.concatenate([np.cumsum((row == 1)[:, ::-1], axis=1)[:, ::-1], np.zeros((len(row), 1))], axis=1)
        best = max(best, int(right.max(axis=1).sum()))
    return best / table.size


def draw_points(
    task: PlaneTask, count: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """(image value, text value, answer) of fresh points."""
    image, text = random.uniform(-1, 1, (2, count)).astype(np.float32)
    if task.tied:
        text = np.abs(text) * np.sign(image)
    return image, text, task.rule(image, text).astype(np.int64)


def seen(values: NDArray) -> NDArray[np.float32]:
    """values.shape x 1 x bump: a value as a model sees it, one token of overlapping bumps."""
    centres = np.linspace(-1, 1, BUMPS, dtype=np.float32)
    distance = (np.asarray(values, np.float32)[..., None, None] - centres) * (BUMPS / 2)
    return np.exp(-0.5 * distance**2)


def _cell(values: NDArray, cells: int) -> NDArray[np.int64]:
    return np.clip(np.floor((np.asarray(values) + 1) * cells / 2), 0, cells - 1).astype(np.int64)


_TASKS: tuple[PlaneTask, ...] = (
    PlaneTask(
        "xor", "XOR", "Yes if exactly one value is positive. s00 + s11 = s01 + s10 for every sum, so none "
        "can put both diagonals on their sides: three corners of four at most.",
        lambda a, b: (a > 0) != (b > 0), 2, False,
    ),
    PlaneTask(
        "and", "AND", "Yes if both are positive. Half a bit of synergy, and yet a sum with a high threshold "
        "decides it.",
        lambda a, b: (a > 0) & (b > 0), 2, True,
    ),
    PlaneTask(
        "ring", "ring", "Yes inside a circle. The border is curved, and a squared plus b squared is still "
        "one score a modality.",
        lambda a, b: np.square(a) + np.square(b) < 0.6, 0, True,
    ),
    PlaneTask(
        "match", "alike", "Yes if both values lie in the same third. Every row and column has the same share "
        "of yes, so a sum of scores has nothing to hold on to.",
        lambda a, b: _cell(a, 3) == _cell(b, 3), 3, False,
    ),
    PlaneTask(
        "checkerboard", "checkerboard", "Sixteen fields in two colours: the sign of a product, twice over. "
        "Harder to learn than XOR, and as far beyond any sum.",
        lambda a, b: (_cell(a, 4) + _cell(b, 4)) % 2 == 1, 4, False,
    ),
    PlaneTask(
        "unique-image", "picture only", "Only the picture's value matters; the text is a distraction to be "
        "ignored.",
        lambda a, b: (a > 0) & (b == b), 2, True,
    ),
    PlaneTask(
        "redundant", "both say it", "Both values have the same sign, always: either is enough. Off the two "
        "squares where data lie, a model may say what it likes.",
        lambda a, b: (a > 0) & (b == b), 2, True, tied=True,
    ),
)  # fmt: skip
