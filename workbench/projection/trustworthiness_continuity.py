"""Trustworthiness and continuity: by how many ranks a map's neighbours are off, and when that can be said.

Source: Venna and Kaski 2001, "Neighborhood preservation in nonlinear projection methods".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.projection.exact_distances import between, from_rows, in_blocks
from workbench.projection.neighbour_overlap import Near, on_map_of, places_of, slack, truth_of

if TYPE_CHECKING:
    from workbench.projection.projection_result import Projection

__all__ = ["RankShare", "continuity", "expected_share", "rank_shares", "trustworthiness"]

_BUDGET = 20_000_000  # distances looked at: 2,000 rows of 10,000, 200 of 100,000
_LEAST = 200
_CHUNK = 4_000_000


class RankShare(NamedTuple):
    """What `trustworthiness` or `continuity` of a map is.

    Attributes:
        value: 0 to 1; NaN where the map has too few points.
        sample: how many of its rows it was measured on.
    """

    value: float
    sample: int


@verb
def trustworthiness(
    projection: Projection, *, k: int | None = None, rows: ArrayLike | None = None, seed: int = 0
) -> RankShare:
    """1 if no map neighbour is a stranger, and the number of rows it was measured on.

    Each of those rows is ranked against every row, so that a sample estimates the figure of the whole. Of
    points that are equally near on the map, those that are nearest in truth count.

    Args:
        projection: a map.
        k: neighbours looked at; None takes the map's own. More than the map holds are searched for.
        rows: row numbers to measure on; None takes all of a small map, else a sample.
        seed: of that sample.

    Returns:
        A `RankShare`.

    Raises:
        BadInputError: k is not below half the number of points: the figure is not defined there.

    Source: Venna and Kaski 2001, equation 1; the same figure as scikit-learn's.

    Example:
        >>> import numpy as np
        >>> from workbench.projection import Projection, trustworthiness
        >>> points = np.random.default_rng(0).normal(size=(30, 2))
        >>> trustworthiness(Projection.from_points(points, vectors=points), k=5).value  # a map of itself
        1.0
    """
    near = _legal(projection, k)
    chosen = _sampled(projection, rows, seed)
    if not near or not len(chosen):
        return RankShare(float("nan"), 0)
    shares = rank_shares(projection.space.vectors, on_map_of(projection, near + 1), near, chosen)
    return RankShare(float(shares.mean()), len(chosen))


@verb
def continuity(
    projection: Projection, *, k: int | None = None, rows: ArrayLike | None = None, seed: int = 0
) -> RankShare:
    """1 if no true neighbour was torn away, and the number of rows it was measured on.

    Args:
        projection, k, rows, seed: as for `trustworthiness`.

    Returns:
        A `RankShare`.

    Raises:
        BadInputError: k is not below half the number of points: the figure is not defined there.

    Source: Venna and Kaski 2001, equation 2: trustworthiness with map and space exchanged.

    Example:
        >>> import numpy as np
        >>> from workbench.projection import Projection, continuity
        >>> points = np.random.default_rng(0).normal(size=(30, 2))
        >>> continuity(Projection.from_points(points, vectors=points), k=5).value  # a map of itself
        1.0
    """
    near = _legal(projection, k)
    chosen = _sampled(projection, rows, seed)
    if not near or not len(chosen):
        return RankShare(float("nan"), 0)
    shares = rank_shares(projection.points, truth_of(projection, near + 1), near, chosen)
    return RankShare(float(shares.mean()), len(chosen))


def expected_share(points: int, k: int) -> float:
    """What trustworthiness and continuity of a map that knows nothing come to, on average.

    Each of its k neighbours then has any of the ranks 1 to points - 1: .5 for many points, more for few.
    """
    others = points - 1
    return 1 - (others - k) * (points - k) / (others * (2 * points - 3 * k - 1))


def rank_shares(space: ArrayLike, judged: Near, k: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """rows: each row's part of trustworthiness: 1 minus the penalty for its `k` neighbours in `judged` by how
    far down they stand in `space` (row x feature). Their mean over all rows is the figure.
    """
    vectors = np.asarray(space)
    worst = k * (2 * len(vectors) - 3 * k - 1) / 2
    near = judged.index[rows, :k]
    own = between(vectors, rows[:, None], near)
    rank = np.ones(near.shape, np.int64)
    for block, apart, off in in_blocks(vectors, rows):
        here = np.flatnonzero((rows >= block.start) & (rows < block.stop))
        apart[here, rows[here] - block.start] = np.inf  # the row itself has no rank
        least = own - slack(own) - off
        for place in range(k):
            rank[:, place] += (apart < least[:, [place]]).sum(axis=1)
    penalty = np.maximum(rank - k, 0).sum(axis=1).astype(np.float64)
    tied = np.flatnonzero((penalty > 0) & _ends_in_a_tie(judged, k, rows))
    penalty[tied] = _least_penalty(vectors, judged, k, rows[tied])
    return 1 - penalty / worst


def _ends_in_a_tie(judged: Near, k: int, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """rows: whether the neighbour after the last that counts is exactly as near."""
    if judged.distance.shape[1] <= k:
        return np.zeros(len(rows), bool)
    last, after = judged.distance[rows, k - 1], judged.distance[rows, k]
    return after <= last + slack(last)


def _least_penalty(
    vectors: NDArray[np.floating], judged: Near, k: int, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """rows: the penalty if of equally near neighbours those that are best in the space (`vectors`) count."""
    found = np.zeros(len(rows))
    step = max(1, _CHUNK // max(1, len(vectors)))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        seen, rough = from_rows(judged.vectors, part)
        apart, off = from_rows(vectors, part)
        own = np.arange(len(part))
        seen[own, part] = apart[own, part] = np.inf
        last = np.partition(seen, k - 1, axis=1)[:, [k - 1]]
        may = rough + slack(last)
        for place in range(len(part)):
            sure = np.flatnonzero(seen[place] < last[place] - may[place])
            tied = np.flatnonzero(np.abs(seen[place] - last[place]) <= may[place])
            far = apart[place, np.concatenate([sure, tied])]
            above = np.searchsorted(np.sort(apart[place]), far - slack(far) - 2 * off[place])
            over = np.maximum(above + 1 - k, 0)
            found[start + place] = over[: len(sure)].sum() + np.sort(over[len(sure) :])[: k - len(sure)].sum()
    return found


def _legal(projection: Projection, k: int | None) -> int:
    if k is None:
        return projection.k
    points = len(projection)
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise BadInputError(f"k is {k!r}; expected a whole number of at least 1.")
    if 2 * k >= points:
        most = (points - 1) // 2
        raise BadInputError(
            f"k is {k} of {points} points; trustworthiness and continuity have no meaning where k is half of "
            f"the points or more. "
            + (f"Take k up to {most}, or map more points." if most else "Map more points.")
        )
    return int(k)


def _sampled(projection: Projection, rows: ArrayLike | None, seed: int) -> NDArray[np.int64]:
    count = len(projection)
    chosen = np.arange(count) if rows is None else np.array(places_of("rows", rows, count), np.int64)
    most = max(_LEAST, _BUDGET // max(1, count))
    if len(chosen) > most:
        chosen = np.sort(np.random.default_rng(seed).permutation(chosen)[:most])
    return chosen
