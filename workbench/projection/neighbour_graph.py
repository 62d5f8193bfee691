"""`Neighbours`: who is truly near whom, and how many of them a map can be judged by: the room's ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import as_numbers, check_axes, frozen
from workbench.formatting import plural
from workbench.portable import Portable

__all__ = ["WIDE", "Neighbours", "digits_kept", "judged_note", "most_judged"]

WIDE = 2
"""The graph holds this many times the neighbours a map is judged by, to tell a near miss from a stranger."""


@dataclass(frozen=True, eq=False)
class Neighbours(Portable):
    """The nearest neighbours of every row, found once and shared by everything that asks.

    Shapes:
        index: item x k int32, nearest first, the row itself left out
        distance: item x k: half the squared Euclidean distance, which is 1 - cosine between unit vectors;
            float32 between those, float64 between vectors of other lengths

    Attributes:
        exact: whether every pair was compared.
        recall: share of the true neighbours that were found, measured on `recall_sample` rows; 1 if exact.
        recall_sample: how many rows that was measured on; 0 if exact.
        backend: what computed it, in words for the screen.
    """

    index: NDArray[np.int32]
    distance: NDArray[np.floating]
    exact: bool = True
    recall: float = 1.0
    recall_sample: int = 0
    backend: str = "exact"

    def __post_init__(self) -> None:
        check_axes("index", self.index, "item neighbour")
        check_axes("distance", self.distance, "item neighbour", item=len(self.index), neighbour=self.k)
        object.__setattr__(self, "index", _kept(self.index, np.int32))
        object.__setattr__(self, "distance", digits_kept(self.distance))

    @property
    def k(self) -> int:
        """Neighbours a row."""
        return int(np.shape(self.index)[1])

    @property
    def cosine(self) -> NDArray[np.floating]:
        """item x k: 1 - distance; a cosine only where the vectors are unit vectors."""
        return 1 - self.distance

    def first(self, k: int) -> Neighbours:
        """The nearest `k` of them (fewer if fewer are held)."""
        if k >= self.k:
            return self
        index, distance = self.index[:, :k], self.distance[:, :k]
        return Neighbours(index, distance, self.exact, self.recall, self.recall_sample, self.backend)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        how = "exact" if self.exact else f"recall {self.recall:.3f} on {self.recall_sample} rows"
        return f"Neighbours({plural(len(self), 'row')} x {self.k}, {how}, {self.backend})"


def most_judged(points: int) -> int:
    """The most neighbours that a map of so many points can be judged by."""
    return max(0, (points - 2) // WIDE)


def judged_note(asked: int, points: int) -> tuple[str, ...]:
    """What to say where a map is judged by fewer neighbours than asked for."""
    most = most_judged(points)
    if asked <= most:
        return ()
    if not most:
        return (f"{plural(points, 'point')}: too few for figures of trust, which need at least four.",)
    return (
        f"Judged by {plural(most, 'neighbour')} a point, not {asked}: figures of trust have no meaning where "
        f"that is half of the {points} points or more.",
    )


def digits_kept(array: ArrayLike) -> NDArray:
    """Read-only, in float64 where it was given so; itself if it is read-only already, as large maps are."""
    given = as_numbers(array)
    return given if given is array and not given.flags.writeable else frozen(given, given.dtype)


def _kept(array: ArrayLike, dtype: Any) -> NDArray:
    """`array` itself if it is read-only already, so that a million points are not copied again."""
    given = np.asarray(array)
    return given if given.dtype == dtype and not given.flags.writeable else frozen(given, dtype)
