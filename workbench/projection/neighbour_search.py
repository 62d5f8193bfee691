"""One neighbour graph, found once, kept, and shared by the map, the lists and every measure.

Exact up to a stated size, by matrix products in chunks; beyond it only the cells of a coarse
partition that are near a row are searched, and how many of the true neighbours that finds is
measured on a sample before the search, so that the recall is chosen and not hoped for.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import as_numbers, as_rows, check_axes, unit
from workbench.calling import verb
from workbench.devices import choose_device
from workbench.errors import BadInputError, Cancelled
from workbench.projection.exact_distances import FEW, between, near_queries, nearest_rows, sorted_by_distance
from workbench.projection.modality_gap import METRICS, are_unit
from workbench.projection.neighbour_graph import Neighbours
from workbench.results import Event, OnEvent, ShouldStop

if TYPE_CHECKING:
    import torch

    from workbench.projection.modality_gap import Metric

__all__ = [
    "EXACT_UP_TO",
    "map_neighbours",
    "nearest",
    "nearest_neighbours",
    "recall_of",
    "shared_neighbours",
]

EXACT_UP_TO = {"cpu": 20_000, "cuda": 500_000, "mps": 100_000}
"""Rows up to which every pair is compared, by device; above, see `projection.approximate_neighbours`."""

_CHUNK = 16_000_000  # distances held at once: 64 MB
_kept: OrderedDict[tuple[str, bool | None, str | None], Neighbours] = OrderedDict()
_KEEP = 6  # graphs; a session compares a few spaces
_lock = threading.Lock()


@verb
def nearest_neighbours(
    vectors: ArrayLike,
    *,
    k: int = 15,
    metric: str | None = None,
    exact: bool | None = None,
    device: str | None = None,
    seed: int = 0,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Neighbours:
    """The `k` nearest rows of every row, itself left out; fewer if there are fewer.

    Args:
        vectors: item x feature.
        k: how many, 1 or more.
        metric: None and "euclidean" compare the vectors as given, "cosine" their directions. However far
            from the origin they lie, float64 and integers keep their digits.
        exact: compare every pair; None does so up to `EXACT_UP_TO` rows.
        device: where; None takes the GPU if there is one.
        seed: of the approximate search.
        on_event, should_stop: hears each part that is done; asked before each.

    Returns:
        `Neighbours`: `.index` and `.distance`, item x k.

    Raises:
        BadInputError: no rows, values that are not numbers, k below 1, an unknown metric, a direction of
            a vector of length zero.
        Cancelled: `should_stop` returned true.

    Example:
        >>> from workbench.projection import nearest_neighbours
        >>> found = nearest_neighbours([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]], k=1)
        >>> found.index.tolist(), found.distance.tolist()  # half the squared distance
        ([[1], [0], [1]], [[0.5], [0.5], [8.0]])
    """
    array = as_numbers(vectors)
    check_axes("vectors", array, "item feature")
    _check(array, k)
    if metric is not None and metric not in METRICS:
        raise BadInputError(f"metric is {metric!r}; expected 'euclidean', 'cosine' or None.")
    if metric == "cosine" and not are_unit(array):
        empty = np.flatnonzero(~array.any(axis=1))
        if len(empty):
            raise BadInputError(
                f"{len(empty)} of {len(array)} vectors have length zero, so no direction, first row "
                f"{empty[0]}. Leave them out, or take metric='euclidean'."
            )
        array = unit(array.astype(np.float64))
    return _search(array, k, _suits_products(array, None), exact, device, seed, on_event, should_stop)


def _suits_products(array: NDArray[np.floating], metric: Metric | None) -> bool:
    """Whether products in float32 lose no digit that counts: of a model's unit vectors, also once moved."""
    return array.dtype == np.float32 and (metric == "cosine" or are_unit(array))


def _search(
    array: NDArray[np.floating],
    k: int,
    by_products: bool,
    exact: bool | None,
    device: str | None,
    seed: int,
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
) -> Neighbours:
    import torch

    where = choose_device(device)
    most = min(k, len(array) - 1)
    if most == 0:
        return Neighbours(np.zeros((1, 0), np.int32), np.zeros((1, 0), np.float32))
    every_pair = exact or (exact is None and len(array) <= EXACT_UP_TO[where.type])
    if not by_products and (every_pair or array.shape[1] <= FEW):
        index, exactly = nearest_rows(array, most, where, on_event, should_stop)
        by = "a tree" if array.shape[1] <= FEW else f"torch on {where.type}"
        return Neighbours(index, exactly, backend=f"exact, {by}, in float64")
    if not by_products:
        centred = array - array.mean(axis=0, dtype=np.float64)
        held = (centred / max(float(np.abs(centred).max()), 1e-300)).astype(np.float32)
    else:  # torch has no read-only tensors, and warns
        held = array if array.flags.writeable else array.copy()
    data = torch.from_numpy(held).to(where)
    if every_pair:
        index, distance = _exact(data, most, on_event, should_stop)
        return Neighbours(index, distance, backend=f"exact, torch on {where.type}")
    from workbench.projection.approximate_neighbours import by_cells

    found = by_cells(data, most, seed=seed, on_event=on_event, should_stop=should_stop)
    if by_products:
        return found
    apart = between(array, np.arange(len(array))[:, None], found.index)
    index, exactly = sorted_by_distance(found.index, apart, most)
    return replace(found, index=index, distance=exactly)


def shared_neighbours(
    vectors: NDArray[np.floating],
    *,
    k: int,
    metric: Metric | None = None,
    exact: bool | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Neighbours:
    """`nearest_neighbours`, remembered by content: the same vectors are never searched twice.

    `metric` is that of a `Space`, whose vectors are scaled already.
    """
    content = hashlib.blake2b(np.ascontiguousarray(vectors).data, digest_size=16)
    key = (content.hexdigest() + str(vectors.dtype) + str(vectors.shape), exact, metric)
    with _lock:
        held = _kept.get(key)
    if held is None or held.k < min(k, len(vectors) - 1):
        array = as_numbers(vectors)
        _check(array, k)
        by_products = _suits_products(array, metric)
        held = _search(array, k, by_products, exact, None, 0, on_event, should_stop)
        with _lock:
            _kept[key] = held
            while len(_kept) > _KEEP:
                _kept.popitem(last=False)
    return held.first(k)


def nearest(
    vectors: ArrayLike, queries: ArrayLike, *, k: int, metric: Metric | None = None
) -> tuple[NDArray[np.int32], NDArray[np.floating]]:
    """The `k` rows of `vectors` nearest to each query, and half the squared distances; always exact.

    `metric` as in `shared_neighbours`.
    """
    rows, asked = as_numbers(vectors), as_numbers(queries)
    check_axes("queries", asked, "query feature", feature=rows.shape[1])
    most = min(k, len(rows))
    if not _suits_products(rows, metric):
        return near_queries(rows, asked, most)
    asked = asked.astype(np.float32, copy=False)
    length = 0.5 * np.einsum("if,if->i", rows, rows)
    index = np.zeros((len(asked), most), np.int32)
    distance = np.zeros((len(asked), most), np.float32)
    step = max(1, _CHUNK // max(1, len(rows)))
    for start in range(0, len(asked), step):
        part = asked[start : start + step]
        apart = length - part @ rows.T  # the query's own length changes no order
        best = np.argpartition(apart, most - 1, axis=1)[:, :most] if most < len(rows) else None
        if best is None:
            best = np.broadcast_to(np.arange(len(rows)), apart.shape)
        near = np.take_along_axis(apart, best, axis=1)
        order = np.argsort(near, axis=1, kind="stable")
        index[start : start + step] = np.take_along_axis(best, order, axis=1)
        own = 0.5 * np.einsum("if,if->i", part, part)[:, None]
        distance[start : start + step] = np.take_along_axis(near, order, axis=1) + own
    return index, np.maximum(distance, 0)


@verb
def map_neighbours(points: ArrayLike, k: int) -> NDArray[np.int32]:
    """The nearest other points of a map in two dimensions, nearest first; always exact.

    Args:
        points: row x 2.
        k: how many; fewer where there are fewer.

    Returns:
        row x k, int32.

    Raises:
        BadInputError: a point that has no place (NaN or infinite), or other axes.

    Example:
        >>> from workbench.projection import map_neighbours
        >>> map_neighbours([[0, 0], [1, 0], [5, 0]], k=1).tolist()
        [[1], [0], [1]]
    """
    from scipy.spatial import cKDTree

    placed = np.asarray(as_rows("points", points, "row xy"), np.float64)
    lost = np.flatnonzero(~np.isfinite(placed).all(axis=1))
    if len(lost):
        raise BadInputError(
            f"{len(lost):,} of {len(placed):,} points of the map have no place (first row {lost[0]}: "
            f"{placed[lost[0]].tolist()}), so nothing is near them. Draw the map again without these rows."
        )
    most = min(k, len(placed) - 1)
    if most < 1:
        return np.zeros((len(placed), 0), np.int32)
    found = cKDTree(placed).query(placed, k=most + 1, workers=-1)[1].astype(np.int32)
    return without_self(found)


def without_self(found: NDArray[np.int32]) -> NDArray[np.int32]:
    """`found` (row x k + 1) without each row's own number; among equal points it may stand anywhere."""
    own = found == np.arange(len(found))[:, None]
    own[~own.any(axis=1), -1] = True  # crowded out by its own duplicates: the farthest goes
    return found[~own].reshape(len(found), -1)


def recall_of(found: Neighbours, vectors: ArrayLike, *, sample: int = 500, seed: int = 0) -> float:
    """Share of the true neighbours that `found` holds, on rows chosen at random."""
    rows = np.random.default_rng(seed).permutation(len(found))[:sample]
    array = as_numbers(vectors)
    true = nearest(array, array[rows], k=found.k + 1)[0]
    hits = [
        len(np.intersect1d(found.index[row], one[one != row][: found.k]))
        for row, one in zip(rows, true, strict=True)
    ]
    return float(np.sum(hits) / max(1, len(rows) * found.k))


def _exact(
    data: torch.Tensor, k: int, on_event: OnEvent | None, should_stop: ShouldStop | None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    import torch

    rows = len(data)
    length = 0.5 * data.square().sum(dim=1)
    index = np.empty((rows, k), np.int32)
    distance = np.empty((rows, k), np.float32)
    step = max(1, _CHUNK // rows)
    for start in range(0, rows, step):
        if should_stop is not None and should_stop():
            raise Cancelled(f"Cancelled after the neighbours of {start:,} of {rows:,} rows.")
        part = slice(start, min(start + step, rows))
        apart = torch.addmm(length, data[part], data.T, alpha=-1)
        apart += length[part, None]
        own = torch.arange(part.start, part.stop, device=data.device)
        apart[own - part.start, own] = torch.inf
        near = apart.topk(k, largest=False)
        index[part] = near.indices.to(torch.int32).cpu().numpy()
        distance[part] = near.values.clamp_(min=0).cpu().numpy()
        if on_event is not None:
            on_event(Event("neighbours", part.stop, rows))
    return index, distance


def _check(array: NDArray[np.floating], k: int) -> None:
    if not len(array):
        raise BadInputError("There are no rows to find neighbours of. Give at least one vector.")
    if k < 1:
        raise BadInputError(f"k is {k}; expected a whole number of at least 1.")
    wrong = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(wrong):
        raise BadInputError(
            f"{len(wrong)} of {len(array)} vectors have values that are not numbers, first row {wrong[0]}. "
            "Leave them out, or embed those items again."
        )
