"""How much two views of the same rows agree on who is near whom; equal distances are nobody's fault.

Where several points are exactly as far away, any of them may stand last in a list of k. Which one does is
no statement of the space or of the map, so it is chosen in favour of both: copies of one vector are never
counted as each other's strangers. Without ties this is the plain overlap of the lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.formatting import one_line
from workbench.projection.exact_distances import between
from workbench.projection.neighbour_graph import Neighbours
from workbench.projection.neighbour_search import map_neighbours, shared_neighbours

if TYPE_CHECKING:
    from workbench.projection.projection_result import Projection

__all__ = ["Near", "neighbours_of", "on_map_of", "places_of", "shared", "slack", "truth_of"]

_CHUNK = 20_000_000  # pairs of entries compared at once
_CHECKED = (
    4_000_000_000  # numbers read to find ties beyond the ends of lists; more, and only visible ones are
)
_PRODUCTS = 3e-7  # of vectors of length 1 in float32


@dataclass(frozen=True, eq=False)
class Near:
    """Who is near whom in one view: lists (row x neighbour, nearest first) with half the squared distances.

    `vectors` (row x feature) tell the distances of those that are in no list.
    """

    index: NDArray[np.int32]
    distance: NDArray[np.floating]
    vectors: NDArray[np.floating]


def truth_of(projection: Projection, width: int) -> Near:
    """The neighbours in the space, at least `width` of them; searched again where fewer are held."""
    graph, space = projection.neighbours, projection.space
    if graph.k < min(width, len(projection) - 1):
        graph = shared_neighbours(space.vectors, k=width, metric=space.metric)
    return Near(graph.index, graph.distance, space.vectors)


def on_map_of(projection: Projection, width: int) -> Near:
    """The neighbours on the map, at least `width` of them."""
    index, points = projection.on_map, projection.points
    if index.shape[1] < min(width, len(projection) - 1):
        index = map_neighbours(points, width)
    return Near(index, between(points, np.arange(len(points))[:, None], index), points)


def slack(distance: NDArray[np.floating]) -> NDArray[np.floating]:
    """How far apart two distances may be and still be equal: what the arithmetic cannot tell."""
    if distance.dtype == np.float64:
        return 1e-9 * np.abs(distance)
    return _PRODUCTS * np.maximum(1, np.abs(distance))


@verb
def neighbours_of(
    projection: Projection, row: int, shown: Sequence[int] = ()
) -> tuple[Neighbours, tuple[int, ...]]:
    """The true neighbours that a row is judged by, and which of the points near it on the map are strangers.

    A stranger is farther away in truth. Of equally near ones those stand in the list that are shown.

    Args:
        projection: a map.
        row: number of one of its points.
        shown: rows that stand near it on the map.

    Returns:
        `Neighbours` of one row (1 x neighbour), and the strangers among `shown`.

    Raises:
        BadInputError: a row that the map does not have.

    Example:
        >>> from workbench.projection import Projection, neighbours_of
        >>> line = [[place, 0.0] for place in range(9)]
        >>> points = [[8.0, 0.0], *line[1:8], [0.0, 0.0]]  # the two ends have changed places
        >>> near, strangers = neighbours_of(Projection.from_points(points, vectors=line, k=2), 0, [7, 6])
        >>> near.index.tolist(), strangers
        ([[1, 2]], (7, 6))
    """
    if not -len(projection) <= row < len(projection):
        raise BadInputError(f"row is {row}; this map has {len(projection):,} points, numbered from 0.")
    shown = places_of("shown", shown, len(projection))
    near = projection.neighbours.first(max(1, projection.k))
    index, distance = near.index[row].copy(), near.distance[row]
    others = np.setdiff1d(np.asarray(shown, np.int32), index)
    if not len(index) or not len(others):
        return replace(near, index=index[None], distance=distance[None]), ()
    last = distance[-1:]
    apart = between(projection.space.vectors, np.array(row), others)
    equal = others[apart <= last + slack(last)]
    free = np.flatnonzero((distance >= last - slack(last)) & ~np.isin(index, shown))
    taken = min(len(equal), len(free))
    index[free[:taken]] = equal[:taken]
    strangers = [other for other in shown if other in set(others.tolist()) - set(equal.tolist())]
    return replace(near, index=index[None], distance=distance[None]), tuple(strangers)


def places_of(name: str, shown: Any, count: int) -> tuple[int, ...]:
    """Numbers of points, as they were given.

    Raises:
        BadInputError: no whole numbers, or points that are not there.
    """
    try:
        listed = np.asarray(shown)
        wrong = listed.ndim != 1 or (listed.size and listed.dtype.kind not in "iu")
    except (TypeError, ValueError):
        wrong = True
    if wrong or (listed.size and not (-count <= listed.min() and listed.max() < count)):
        raise BadInputError(
            f"{name} is {one_line(repr(shown))}; expected numbers of points, of 0 to {count - 1}, in a list."
        )
    return tuple(listed.tolist())


def shared(one: Near, other: Near, mine: int, theirs: int) -> NDArray[np.float32]:
    """row: share of its `mine` nearest in `one` that are among its `theirs` nearest in `other`; NaN for 0."""
    rows = len(one.index)
    if mine < 1 or theirs < 1:
        return np.full(rows, np.nan, np.float32)
    found = np.empty(rows, np.float32)
    step = max(1, _CHUNK // max(1, one.index.shape[1] * other.index.shape[1]))
    for start in range(0, rows, step):
        part = np.arange(start, min(start + step, rows))
        found[part] = _shared(one, other, mine, theirs, part)
    return found


def _shared(one: Near, other: Near, mine: int, theirs: int, rows: NDArray[np.int64]) -> NDArray[np.floating]:
    first, second = one.index[rows], other.index[rows]
    same = first[:, :, None] == second[:, None, :]  # row x neighbour x neighbour
    held, twice = same.any(axis=2), same.any(axis=1)
    where = same.argmax(axis=2)
    # Every candidate once: those of `one`, then those that only `other` lists.
    near = np.concatenate([one.distance[rows], np.full(second.shape, np.inf)], axis=1)
    far = np.where(held, np.take_along_axis(other.distance[rows], where, axis=1), np.inf)
    far = np.concatenate([far, np.where(twice, np.inf, other.distance[rows])], axis=1)
    candidates = np.concatenate([first, second], axis=1)
    counted = np.concatenate([np.ones(first.shape, bool), ~twice], axis=1)
    _beyond(one, mine, rows, candidates, near, counted, far <= _limit(other, theirs, rows))
    _beyond(other, theirs, rows, candidates, far, counted, near <= _limit(one, mine, rows))
    sure_near, tied_near = _within(one, mine, rows, near, counted)
    sure_far, tied_far = _within(other, theirs, rows, far, counted)
    free_near, free_far = mine - sure_near.sum(axis=1), theirs - sure_far.sum(axis=1)
    took_near = np.minimum((tied_near & sure_far).sum(axis=1), free_near)
    took_far = np.minimum((sure_near & tied_far).sum(axis=1), free_far)
    took_both = np.minimum(
        (tied_near & tied_far).sum(axis=1), np.minimum(free_near - took_near, free_far - took_far)
    )
    return ((sure_near & sure_far).sum(axis=1) + took_near + took_far + took_both) / mine


def _limit(view: Near, k: int, rows: NDArray[np.int64]) -> NDArray[np.floating]:
    """row x 1: the distance of the `k`-th neighbour, with what may be equal to it."""
    last = view.distance[rows, k - 1][:, None]
    return last + slack(last)


def _beyond(
    view: Near,
    k: int,
    rows: NDArray[np.int64],
    candidates: NDArray[np.int32],
    distance: NDArray[np.floating],
    counted: NDArray[np.bool_],
    useful: NDArray[np.bool_],
) -> None:
    """Fill in distances of candidates that a view does not list, where they may be as near as its `k`-th."""
    limit = _limit(view, k, rows)[:, 0]
    full = view.index.shape[1] >= len(view.index) - 1
    reaches = (limit >= view.distance[rows, -1]) & (not full)
    if candidates.size * view.vectors.shape[1] * (len(view.index) / len(rows)) > _CHECKED:
        reaches &= view.distance[rows, -2:].min(axis=1) >= limit - 2 * slack(limit)
    asked = np.isinf(distance) & counted & useful & reaches[:, None]
    row, place = np.nonzero(asked)
    distance[row, place] = between(view.vectors, rows[row], candidates[row, place])


def _within(
    view: Near, k: int, rows: NDArray[np.int64], distance: NDArray[np.floating], counted: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Candidates that are nearer than the `k`-th neighbour, and those exactly as near."""
    last = view.distance[rows, k - 1][:, None]
    sure = counted & (distance < last - slack(last))
    return sure, counted & ~sure & (distance <= last + slack(last))
