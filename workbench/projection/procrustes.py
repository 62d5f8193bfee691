"""Two maps of the same rows laid on each other, and how much each point's company changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import as_rows, frozen
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.formatting import one_line
from workbench.keeping import Form, Kept
from workbench.portable import Portable
from workbench.projection.neighbour_graph import most_judged
from workbench.projection.neighbour_overlap import on_map_of, shared, truth_of
from workbench.projection.projection_result import Projection

__all__ = ["Alignment", "Similarity", "align", "similarity"]


@dataclass(frozen=True, eq=False)
class Similarity(Portable):
    """A turn (or a mirror image), a scale and a move: what may be done to a map without changing it.

    Attributes:
        turn: 2 x 2, a rotation, or one with a mirror image.
        scale: what lengths are multiplied by.
        origin: 2, the middle of what is moved; it is taken off first.
        target: 2, the middle of where it goes; it is added last.
    """

    turn: NDArray[np.float64]
    scale: float
    origin: NDArray[np.float64]
    target: NDArray[np.float64]

    def apply(self, points: ArrayLike) -> NDArray[np.float32]:
        """`points`, row x 2, moved: turned, scaled and brought to the target."""
        moved = (np.asarray(points, np.float64) - self.origin) @ self.turn * self.scale + self.target
        return moved.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Alignment(Kept):
    """Two maps of the same rows, the second laid on the first.

    Shapes:
        moved: row x 2, the second map's points
        change: row, share of a point's neighbours in the first space that it lost in the second, 0 to 1; NaN
            of fewer than four points
        change_on_map: row, the same between the two maps
        drift: row, distance between its two places, in mean distances from the first map's centre

    Attributes:
        first, second: the two maps; the points of the second are those in `moved`.
        chance: the change two unrelated neighbour lists would show; the line to read `change` against.
        residual: share of the first map's spread that the second could not be laid on.
    """

    _form: ClassVar[Form] = Form("alignment", "alignment of two maps", "workbench.projection.open_alignment")

    first: Projection
    second: Projection
    moved: NDArray[np.float32]
    change: NDArray[np.float32]
    change_on_map: NDArray[np.float32]
    drift: NDArray[np.float32]
    chance: float
    residual: float

    def __repr__(self) -> str:
        return (
            f"Alignment({len(self.moved):,} points, {self.change.mean():.0%} of the neighbours changed, "
            f"chance {self.chance:.0%})"
        )


@verb
def similarity(points: ArrayLike, onto: ArrayLike, *, weight: ArrayLike | None = None) -> Similarity:
    """The turn, scale and move that lay `points` on `onto`, row by row, with the least squared distance.

    Mirror images are allowed: maps have no handedness.

    Args:
        points: row x 2, what is moved.
        onto: row x 2, what stays.
        weight: row, 0 or more: which rows should fit; None takes all alike.

    Returns:
        A `Similarity`; its `.apply(points)` moves them.

    Raises:
        BadInputError: other axes, or weights below 0 or all 0.

    Source: Schönemann 1966; Gower 1975 (orthogonal Procrustes analysis).

    Example:
        >>> from workbench.projection import similarity
        >>> found = similarity([[0, 0], [1, 0], [0, 1]], [[2, 2], [4, 2], [2, 4]])  # twice as wide, moved
        >>> round(float(found.scale), 6)
        2.0
    """
    two = np.asarray(as_rows("onto", onto, "item xy", xy=2), np.float64)
    one = np.asarray(as_rows("points", points, "item xy", item=len(two), xy=2), np.float64)
    own = np.ones(len(one)) if weight is None else np.asarray(weight, np.float64)
    if weight is not None and (own.shape != (len(one),) or not own.sum() > 0 or own.min() < 0):
        raise BadInputError(
            f"weight is {one_line(repr(weight))}; expected {len(one)} numbers, one a row, of 0 or more and "
            "not all 0."
        )
    share = (own / own.sum())[:, None]
    origin, target = (one * share).sum(axis=0), (two * share).sum(axis=0)
    first, second = one - origin, two - target
    left, stretch, right = np.linalg.svd((first * share).T @ second)
    spread = float((share * first**2).sum())
    scale = float(stretch.sum() / spread) if spread > 0 and stretch.sum() > 0 else 1.0
    return Similarity(left @ right, scale, origin, target)


@verb
def align(first: Projection, second: Projection) -> Alignment:
    """The second map laid on the first, with a change score for every point.

    The maps may come from two models, two layers or two fusions, as long as row i means the same thing.

    Args:
        first: the map that stays.
        second: the map that is turned, scaled and moved onto it.

    Returns:
        An `Alignment`.

    Raises:
        BadInputError: the maps have other numbers of rows, or other modalities.

    Source: orthogonal Procrustes analysis, see `similarity`.

    Example:
        >>> import numpy as np
        >>> from workbench.projection import Projection, align
        >>> points = np.random.default_rng(0).normal(size=(20, 2))
        >>> turned = points @ [[0, 1], [-1, 0]] * 3  # the same map, turned and three times as wide
        >>> found = align(Projection.from_points(points), Projection.from_points(turned))
        >>> bool(np.allclose(found.moved, points, atol=1e-4)), round(found.residual, 3)
        (True, 0.0)
    """
    if len(first) != len(second) or not np.array_equal(first.modality, second.modality):
        raise BadInputError(
            f"The maps have {len(first):,} and {len(second):,} points ({' + '.join(first.modalities)} and "
            f"{' + '.join(second.modalities)}); expected the same rows in both. Embed the same pairs."
        )
    moved = similarity(second.points, first.points).apply(second.points)
    # With half of all points or more for neighbours, two lists are alike whatever the maps.
    k = min(first.neighbours.k, second.neighbours.k, most_judged(len(first)))
    apart = np.linalg.norm(first.points - moved, axis=1)
    centred = np.linalg.norm(first.points - first.points.mean(axis=0), axis=1)
    spread = max(float((centred**2).sum()), 1e-12)
    return Alignment(
        first,
        replace(second, points=moved),
        frozen(moved),
        frozen(1 - shared(truth_of(first, k), truth_of(second, k), k, k)),
        frozen(1 - shared(on_map_of(first, k), on_map_of(second, k), k, k)),
        frozen(apart / max(float(centred.mean()), 1e-12)),
        chance=1 - k / max(1, len(first) - 1),
        residual=float((apart**2).sum() / spread),
    )
