"""How far to trust a map: for every point, and for the whole, from the two neighbour graphs.

A map in two dimensions must lie. These figures say where: neighbours it invents, neighbours it tears
apart, points that are everybody's neighbour. One figure alone flatters (trustworthiness .998 can stand
beside 16 % of the neighbours kept), so they come together, each beside what chance would give.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import frozen, unit
from workbench.projection.align import shared
from workbench.projection.result import WIDE, Projection
from workbench.results import OnEvent, ShouldStop

__all__ = [
    "PointQuality",
    "Stability",
    "continuity",
    "hubness",
    "known_stability",
    "point_quality",
    "rank_shares",
    "skewness",
    "stability",
    "trustworthiness",
    "zero_shot_margin",
]

_BUDGET = 20_000_000  # distances looked at for trustworthiness: 2,000 rows of 10,000, 200 of 100,000
_LEAST = 200
Floats = NDArray[np.float32]
_stabilities: weakref.WeakKeyDictionary[Projection, Stability] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class PointQuality:
    """How far to trust each point of a map; every array is by row.

    Attributes:
        k: neighbours looked at; "far" means beyond `WIDE` times as many.
        preservation: share of the k true neighbours that are among the k nearest on the map.
        false: share of the k nearest on the map that are far in truth: strangers put side by side.
        missing: share of the k true neighbours that are far on the map: torn apart.
        hubness: in how many rows' k true neighbours this row stands; its mean is k.
        cross_modal: share of the k true neighbours that are of the other modality.
        margin: pictures only, cosine with the texts of its own label minus that with the best other
            label; below 0 it would be named wrongly. NaN for texts; None without labels or texts.
    """

    k: int
    preservation: Floats
    false: Floats
    missing: Floats
    hubness: Floats
    cross_modal: Floats
    margin: Floats | None

    def __post_init__(self) -> None:
        for name in ("preservation", "false", "missing", "hubness", "cross_modal"):
            object.__setattr__(self, name, frozen(getattr(self, name)))
        if self.margin is not None:
            object.__setattr__(self, "margin", frozen(self.margin))

    def __repr__(self) -> str:
        return (
            f"PointQuality({len(self.preservation):,} points, k={self.k}: "
            f"{self.preservation.mean():.0%} of the neighbours kept)"
        )


@dataclass(frozen=True, eq=False)
class Stability:
    """How much of a point's company on the map every seed agrees on.

    Attributes:
        agreement: row, mean share of its k map neighbours that maps of other seeds show as well.
        seeds: of the other maps.
        chance: what unrelated maps would share.
    """

    agreement: Floats
    seeds: tuple[int, ...]
    chance: float

    def __repr__(self) -> str:
        return (
            f"Stability({self.agreement.mean():.0%} agreement over {len(self.seeds)} more seeds, "
            f"chance {self.chance:.1%})"
        )


def point_quality(projection: Projection) -> PointQuality:
    """The figures of every point; see `PointQuality`. Costs one search in two dimensions."""
    true, near = projection.neighbours.index, projection.on_map
    k = projection.k
    return PointQuality(
        k,
        preservation=shared(true[:, :k], near[:, :k]),
        false=1 - shared(near[:, :k], true[:, : WIDE * k]),
        missing=1 - shared(true[:, :k], near[:, : WIDE * k]),
        hubness=hubness(true[:, :k]),
        cross_modal=_cross_modal(projection.modality, true[:, :k]),
        margin=zero_shot_margin(projection),
    )


def hubness(index: ArrayLike) -> Floats:
    """row: in how many rows' neighbour lists (row x k) this row stands.

    Source: Radovanović et al. 2010, "Hubs in Space", section 2 (N_k).
    """
    lists = np.asarray(index)
    return np.bincount(lists.ravel(), minlength=len(lists)).astype(np.float32)


def skewness(values: ArrayLike) -> float:
    """Third standardised moment: 0 if nobody is a hub, large if a few are everybody's neighbour."""
    array = np.asarray(values, np.float64)
    spread = array.std()
    return float((((array - array.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def trustworthiness(
    projection: Projection, *, k: int | None = None, rows: ArrayLike | None = None, seed: int = 0
) -> tuple[float, int]:
    """1 if no map neighbour is a stranger, and the number of rows it was measured on.

    Each of those rows is ranked against every row, so that a sample estimates the figure of the whole.

    Source: Venna and Kaski 2001, equation 1; the same figure as scikit-learn's.
    """
    return _ranked(projection, "false", k, rows, seed)


def continuity(
    projection: Projection, *, k: int | None = None, rows: ArrayLike | None = None, seed: int = 0
) -> tuple[float, int]:
    """1 if no true neighbour was torn away, and the number of rows it was measured on.

    Source: Venna and Kaski 2001, equation 2: trustworthiness with map and space exchanged.
    """
    return _ranked(projection, "missing", k, rows, seed)


def rank_shares(space: ArrayLike, judged: ArrayLike, k: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """rows: each row's part of trustworthiness: 1 minus the penalty for neighbours of `judged` (row x k)
    by how far down they stand in `space` (row x feature). Their mean over all rows is the figure.
    """
    vectors, near = np.asarray(space, np.float32), np.asarray(judged)[rows, :k]
    count = len(vectors)
    worst = k * (2 * count - 3 * k - 1) / 2
    if worst <= 0:
        return np.ones(len(rows))
    length = 0.5 * np.einsum("if,if->i", vectors, vectors)
    penalty = np.zeros(len(rows))
    step = max(1, 4_000_000 // count)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        apart = length - vectors[part] @ vectors.T
        apart[np.arange(len(part)), part] = -np.inf  # the row itself is rank 0
        own = np.take_along_axis(apart, near[start : start + step], axis=1)
        rank = np.stack([(apart < own[:, [j]]).sum(axis=1) for j in range(own.shape[1])], axis=1)
        penalty[start : start + step] = np.maximum(rank - k, 0).sum(axis=1)
    return 1 - penalty / worst


def stability(
    projection: Projection,
    *,
    seeds: int = 2,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Stability:
    """How much of the map other seeds would have shown; the map is drawn `seeds` more times.

    The graph is not searched again. The result is remembered with the projection, and
    `measures(projection)` shows it from then on.

    Raises:
        BadInputError: the points were made elsewhere, so they cannot be drawn again.
        Cancelled: `should_stop` returned true.
    """
    from workbench.projection.redrawing import redraw

    tried = tuple((projection.seed or 0) + step for step in range(1, seeds + 1))
    k, total = projection.k, np.zeros(len(projection), np.float32)
    for seed in tried:
        other = redraw(projection, seed=seed, on_event=on_event, should_stop=should_stop)
        total += shared(projection.on_map[:, :k], other.on_map[:, :k])
    chance = k / max(1, len(projection) - 1)
    _stabilities[projection] = Stability(frozen(total / seeds), tried, chance)
    return _stabilities[projection]


def known_stability(projection: Projection) -> Stability | None:
    """What `stability` found for this projection, if it was asked."""
    return _stabilities.get(projection)


def zero_shot_margin(projection: Projection) -> Floats | None:
    """row: of each picture, cosine with its own label's texts minus that with the best other label's.

    A label is the mean of its texts' vectors, so this needs labels, pictures and texts, and at least
    two labels; otherwise None.
    """
    embeddings = projection.embeddings
    if embeddings.labels is None or embeddings.image is None or embeddings.text is None:
        return None
    names, own = np.unique(np.asarray(embeddings.labels), return_inverse=True)
    if len(names) < 2:
        return None
    image, text = np.split(projection.space.vectors, [len(embeddings)])
    classes = np.zeros((len(names), text.shape[1]), np.float32)
    np.add.at(classes, own, text)
    classes = unit(classes)
    margin = np.full(len(projection), np.nan, np.float32)
    for start in range(0, len(image), step := max(1, 8_000_000 // len(names))):
        part = slice(start, min(start + step, len(image)))
        cosine = unit(image[part]) @ classes.T
        right = np.take_along_axis(cosine, own[part, None], axis=1)[:, 0]
        np.put_along_axis(cosine, own[part, None], -np.inf, axis=1)
        margin[part] = right - cosine.max(axis=1)
    return margin


def _cross_modal(modality: NDArray[np.uint8], index: NDArray[np.int32]) -> Floats:
    if not index.shape[1]:
        return np.zeros(len(modality), np.float32)
    return (modality[index] != modality[:, None]).mean(axis=1).astype(np.float32)


def _ranked(
    projection: Projection, side: str, k: int | None, rows: ArrayLike | None, seed: int
) -> tuple[float, int]:
    near = projection.k if k is None else k
    count = len(projection)
    chosen = np.arange(count) if rows is None else np.asarray(rows, np.int64)
    most = max(_LEAST, _BUDGET // max(1, count))
    if len(chosen) > most:
        chosen = np.sort(np.random.default_rng(seed).permutation(chosen)[:most])
    if side == "false":
        shares = rank_shares(projection.space.vectors, projection.on_map, near, chosen)
    else:
        shares = rank_shares(projection.points, projection.neighbours.index, near, chosen)
    return float(shares.mean()) if len(shares) else float("nan"), len(chosen)
