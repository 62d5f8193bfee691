"""One neighbour graph, found once, kept, and shared by the map, the lists and every measure.

Exact up to a stated size, by matrix products in chunks; beyond it only the cells of a coarse
partition that are near a row are searched, and how many of the true neighbours that finds is
measured on a sample before the search, so that the recall is chosen and not hoped for.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import check_axes
from workbench.errors import BadInputError, Cancelled
from workbench.projection.result import Neighbours
from workbench.results import Event, OnEvent, ShouldStop
from workbench.runtime import choose_device

if TYPE_CHECKING:
    import torch

__all__ = [
    "EXACT_UP_TO",
    "map_neighbours",
    "nearest",
    "nearest_neighbours",
    "recall_of",
    "shared_neighbours",
]

EXACT_UP_TO = {"cpu": 20_000, "cuda": 500_000, "mps": 100_000}
"""Rows up to which every pair is compared, by device; above, see `workbench.projection.cells`."""

_CHUNK = 16_000_000  # distances held at once: 64 MB
_kept: OrderedDict[tuple[str, bool | None], Neighbours] = OrderedDict()
_KEEP = 6  # graphs; a session compares a few spaces
_lock = threading.Lock()


def nearest_neighbours(
    vectors: ArrayLike,
    *,
    k: int = 15,
    exact: bool | None = None,
    device: str | None = None,
    seed: int = 0,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Neighbours:
    """The `k` nearest rows of every row (item x feature), itself left out; fewer if there are fewer.

    Args:
        exact: compare every pair; None does so up to `EXACT_UP_TO` rows.
        device: where; None takes the GPU if there is one.

    Raises:
        BadInputError: no rows, values that are not numbers, k below 1.
        Cancelled: `should_stop` returned true.
    """
    import torch

    array = np.ascontiguousarray(vectors, np.float32)
    check_axes("vectors", array, "item feature")
    _check(array, k)
    if not array.flags.writeable:  # torch has no read-only tensors, and warns
        array = array.copy()
    where = choose_device(device)
    most = min(k, len(array) - 1)
    if most == 0:
        return Neighbours(np.zeros((1, 0), np.int32), np.zeros((1, 0), np.float32))
    data = torch.from_numpy(array).to(where)
    if exact or (exact is None and len(array) <= EXACT_UP_TO[where.type]):
        index, distance = _exact(data, most, on_event, should_stop)
        return Neighbours(index, distance, backend=f"exact, torch on {where.type}")
    from workbench.projection.cells import by_cells

    return by_cells(data, most, seed=seed, on_event=on_event, should_stop=should_stop)


def shared_neighbours(
    vectors: NDArray[np.float32],
    *,
    k: int,
    exact: bool | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Neighbours:
    """`nearest_neighbours`, remembered by content: the same vectors are never searched twice."""
    content = hashlib.blake2b(np.ascontiguousarray(vectors).data, digest_size=16)
    key = (content.hexdigest() + str(vectors.shape), exact)
    with _lock:
        held = _kept.get(key)
    if held is None or held.k < min(k, len(vectors) - 1):
        held = nearest_neighbours(vectors, k=k, exact=exact, on_event=on_event, should_stop=should_stop)
        with _lock:
            _kept[key] = held
            while len(_kept) > _KEEP:
                _kept.popitem(last=False)
    return held.first(k)


def nearest(
    vectors: ArrayLike, queries: ArrayLike, *, k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The `k` rows of `vectors` nearest to each query, and half the squared distances; always exact."""
    rows, asked = np.asarray(vectors, np.float32), np.asarray(queries, np.float32)
    check_axes("queries", asked, "query feature", feature=rows.shape[1])
    most = min(k, len(rows))
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


def map_neighbours(points: ArrayLike, k: int) -> NDArray[np.int32]:
    """row x k: the nearest other points of a map in two dimensions, nearest first; always exact."""
    from scipy.spatial import cKDTree

    placed = np.asarray(points, np.float64)
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
    array = np.asarray(vectors, np.float32)
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


def _check(array: NDArray[np.float32], k: int) -> None:
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
