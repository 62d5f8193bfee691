"""How far to trust a map: for every point, and for the whole, from the two neighbour graphs.

A map in two dimensions must lie. These figures say where: neighbours it invents, neighbours it tears
apart, points that are everybody's neighbour. One figure alone flatters (trustworthiness .998 can stand
beside 16 % of the neighbours kept), so they come together, each beside what chance would give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import frozen, unit
from workbench.calling import verb
from workbench.portable import Portable
from workbench.projection.neighbour_graph import WIDE
from workbench.projection.neighbour_overlap import on_map_of, shared, truth_of
from workbench.values import alike, classes_of

if TYPE_CHECKING:
    from workbench.projection.projection_result import Projection

__all__ = [
    "PointQuality",
    "Stability",
    "expected_skewness",
    "hubness",
    "known_stability",
    "one_of_each",
    "point_quality",
    "skewness",
    "zero_shot_margin",
]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PointQuality(Portable):
    """How far to trust each point of a map; every array is by row.

    Of equal distances those that favour the map count, so that copies of one vector are no strangers. NaN
    where the map has too few points to be judged (k is 0).

    Attributes:
        k: neighbours looked at; "far" means beyond `WIDE` times as many.
        preservation: share of the k true neighbours that are among the k nearest on the map.
        false: share of the k nearest on the map that are far in truth: strangers put side by side.
        missing: share of the k true neighbours that are far on the map: torn apart.
        hubness: in how many rows' k true neighbours this row stands; its mean is k. A picture with several
            captions counts once in each list, and not in those of its own copies; rows of one and the same
            vector share their lists evenly.
        cross_modal: share of the k true neighbours that are of the other modality.
        margin: pictures only, cosine with the texts of its own label minus that with the best other
            label; below 0 it would be named wrongly. NaN for texts and for pictures without a label; None
            without labels or texts.
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
        kept = f"{self.preservation.mean():.0%} of the neighbours kept" if self.k else "too few to be judged"
        return f"PointQuality({len(self.preservation):,} points, k={self.k}: {kept})"


@dataclass(frozen=True, eq=False)
class Stability(Portable):
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
    k = projection.k
    true, near = truth_of(projection, WIDE * k), on_map_of(projection, WIDE * k)
    single = one_of_each(projection)
    company = _company(true.index, single, k)
    nothing = np.full(len(projection), np.nan, np.float32)
    return PointQuality(
        k,
        preservation=shared(true, near, k, k),
        false=1 - shared(near, true, k, WIDE * k),
        missing=1 - shared(true, near, k, WIDE * k),
        hubness=_evenly(_hubness(company, single), projection) if k else nothing,
        cross_modal=_cross_modal(projection.modality, company) if k else nothing,
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


def expected_skewness(others: int, share: float) -> float:
    """Skewness of how often a row is named if each of `others` does so with probability `share`: binomial."""
    spread = np.sqrt(others * share * (1 - share))
    return float((1 - 2 * share) / spread) if spread > 0 else 0.0


@verb
def known_stability(projection: Projection) -> Stability | None:
    """What `stability` found for this projection, if it was asked.

    Args:
        projection: a map.

    Returns:
        Its `Stability`; None where nobody asked.

    Example:
        >>> from workbench.projection import Projection, known_stability
        >>> known_stability(Projection.from_points([[0, 0], [1, 0], [0, 1], [1, 1]])) is None
        True
    """
    return projection.__dict__.get("_stability")


def zero_shot_margin(projection: Projection) -> Floats | None:
    """row: of each picture, cosine with its own label's texts minus that with the best other label's.

    A label is the mean of its texts' vectors, so this needs labels, pictures and texts, and at least
    two labels; otherwise None.
    """
    embeddings = projection.embeddings
    if embeddings.labels is None or embeddings.image is None or embeddings.text is None:
        return None
    names, own = classes_of(embeddings.labels)
    if len(names) < 2:
        return None
    known = np.flatnonzero(own >= 0)  # an item without a label is of no class, and says nothing of one
    image, text = np.split(projection.space.vectors, [len(embeddings)])
    classes = np.zeros((len(names), text.shape[1]), np.float32)
    np.add.at(classes, own[known], text[known])
    classes = unit(classes)
    margin = np.full(len(projection), np.nan, np.float32)
    for start in range(0, len(known), step := max(1, 8_000_000 // len(names))):
        part = known[start : start + step]
        cosine = unit(image[part]) @ classes.T
        right = np.take_along_axis(cosine, own[part, None], axis=1)[:, 0]
        np.put_along_axis(cosine, own[part, None], -np.inf, axis=1)
        margin[part] = right - cosine.max(axis=1)
    return margin


def one_of_each(projection: Projection) -> NDArray[np.int64]:
    """row: the first row of the same picture; a text, and a picture with one caption, stands for itself."""
    rows = np.arange(len(projection))
    if len(projection.modalities) < 2:
        return rows
    of = projection.embeddings.groups
    first = np.unique(of, return_index=True)[1]
    rows[: len(of)] = first[of]
    return rows


def _company(index: NDArray[np.int32], single: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """row x k: neighbours with each picture once, and never the row's own copies; -1 where none is left.

    The row of a picture with five captions is on the map five times: copies would fill the lists.
    """
    if (single == np.arange(len(single))).all():
        return index[:, :k].astype(np.int64)
    lists = single[index]
    gone = lists == single[:, None]
    for place in range(1, lists.shape[1]):
        gone[:, place] |= (lists[:, :place] == lists[:, [place]]).any(axis=1)
    order = np.argsort(gone, axis=1, kind="stable")[:, :k]
    kept = np.take_along_axis(np.where(gone, -1, lists), order, axis=1)
    return kept


def _hubness(company: NDArray[np.int64], single: NDArray[np.int64]) -> Floats:
    """row: in how many rows' lists it, or its picture, stands."""
    counts = np.bincount(company[company >= 0], minlength=len(single))
    return counts[single].astype(np.float32)


def _evenly(lists: Floats, projection: Projection) -> Floats:
    """row: the mean over all rows with the very same vector: which of them a list names is chance."""
    same = alike(projection.space.vectors)
    count = np.bincount(same)
    if len(count) == len(same):
        return lists
    return (np.bincount(same, weights=lists) / count)[same].astype(np.float32)


def _cross_modal(modality: NDArray[np.uint8], index: NDArray[np.int64]) -> Floats:
    there = index >= 0
    other = (modality[index] != modality[:, None]) & there
    return (other.sum(axis=1) / np.maximum(1, there.sum(axis=1))).astype(np.float32)
