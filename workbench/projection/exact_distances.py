"""Neighbours of vectors that are no unit vectors: degrees, metres, counts, anything far from the origin.

A difference of two large numbers that lie close together loses its digits in float32, and in a product of
matrices it loses twice as many. So distances here are sums of squared differences in float64. Of few
features a tree finds the nearest; of many, fast products name candidates, whose true distances are taken,
and a row whose candidates could have missed one, by the products' own rounding, is searched again in
float64, and in the end by differences alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.errors import Cancelled
from workbench.results import Event, OnEvent, ShouldStop

if TYPE_CHECKING:
    import torch

__all__ = ["FEW", "between", "from_rows", "in_blocks", "near_queries", "nearest_rows", "sorted_by_distance"]

FEW = 8
"""Features up to which a tree is faster than products."""
_SPARE = 8  # candidates beyond those asked for
_AT_ONCE = 8_000_000  # numbers held at once: 64 MB
_IN_CACHE = 250_000  # of pairs gathered from everywhere: six times as fast as 64 MB
Floats = NDArray[np.float64]
Index = NDArray[np.int32]


def between(vectors: NDArray[np.floating], one: NDArray, other: NDArray) -> Floats:
    """pair: half the squared distance of rows `one` and `other` (any shape each, broadcast together)."""
    first, second = np.broadcast_arrays(one, other)
    flat = first.reshape(-1), second.reshape(-1)
    out = np.empty(len(flat[0]), np.float64)
    step = max(1, _IN_CACHE // max(1, vectors.shape[1]))
    for start in range(0, len(out), step):
        part = slice(start, start + step)
        apart = np.subtract(vectors[flat[0][part]], vectors[flat[1][part]], dtype=np.float64)
        out[part] = 0.5 * np.einsum("pf,pf->p", apart, apart)
    return out.reshape(first.shape)


def in_blocks(vectors: NDArray[np.floating], rows: NDArray) -> Iterator[tuple[slice, Floats, Floats]]:
    """Half the squared distances from some rows to every row, block after block: which rows, rows x block,
    and how far off they may be by rounding (rows x 1). A million rows are read once, never copied whole.
    """
    middle = vectors.mean(axis=0, dtype=np.float64)
    asked = vectors[rows] - middle
    own = 0.5 * np.einsum("if,if->i", asked, asked)
    step = max(1, _AT_ONCE // max(1, len(rows), vectors.shape[1]))
    for start in range(0, len(vectors), step):
        block = slice(start, min(start + step, len(vectors)))
        part = vectors[block] - middle
        if part.shape[1] <= FEW:
            apart = np.zeros((len(rows), len(part)))
            for mine, theirs in zip(asked.T, part.T, strict=True):
                apart += 0.5 * (mine[:, None] - theirs) ** 2
            yield block, apart, np.zeros((len(rows), 1))
            continue
        length = 0.5 * np.einsum("if,if->i", part, part)
        apart = own[:, None] + length - asked @ part.T
        yield (
            block,
            np.maximum(apart, 0, out=apart),
            _rounding(length, own, part.shape[1], np.float64)[:, None],
        )


def from_rows(vectors: NDArray[np.floating], rows: NDArray) -> tuple[Floats, Floats]:
    """rows x all: what `in_blocks` gives, put together, and how far off it may be (rows x 1)."""
    apart, off = np.empty((len(rows), len(vectors))), np.zeros((len(rows), 1))
    for block, found, rough in in_blocks(vectors, rows):
        apart[:, block], off = found, np.maximum(off, rough)
    return apart, off


def nearest_rows(
    vectors: NDArray[np.floating],
    k: int,
    where: torch.device,
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
) -> tuple[Index, Floats]:
    """row x k: the nearest other rows, nearest first, and half the squared distances; always exact."""
    centred = vectors.astype(np.float64)
    centred -= centred.mean(axis=0)
    index = np.empty((len(vectors), k), np.int32)
    distance = np.empty((len(vectors), k), np.float64)
    search = _Tree(centred) if centred.shape[1] <= FEW else _Products(vectors, centred, where)
    step = max(1, _AT_ONCE // len(vectors))
    for start in range(0, len(vectors), step):
        if should_stop is not None and should_stop():
            raise Cancelled(f"Cancelled after the neighbours of {start:,} of {len(vectors):,} rows.")
        rows = np.arange(start, min(start + step, len(vectors)))
        found = search(rows, k)
        index[rows], distance[rows] = sorted_by_distance(found, between(vectors, rows[:, None], found), k)
        if on_event is not None:
            on_event(Event("neighbours", int(rows[-1]) + 1, len(vectors)))
    return index, distance


def near_queries(
    vectors: NDArray[np.floating], queries: NDArray[np.floating], k: int
) -> tuple[Index, Floats]:
    """query x k: the rows of `vectors` nearest to each query, and half the squared distances."""
    middle = vectors.mean(axis=0, dtype=np.float64)
    known, asked = vectors - middle, queries - middle
    both = np.concatenate([known, asked])
    index = np.empty((len(asked), k), np.int32)
    distance = np.empty((len(asked), k), np.float64)
    length = 0.5 * np.einsum("if,if->i", known, known)
    most = min(k + _SPARE, len(known))
    tree = _Tree(known).tree if known.shape[1] <= FEW else None
    step = max(1, _AT_ONCE // len(known))
    for start in range(0, len(asked), step):
        part = np.arange(start, min(start + step, len(asked)))
        if tree is not None:
            found = np.asarray(tree.query(asked[part], k=[*range(1, k + 1)], workers=-1)[1])
        else:
            apart = length - asked[part] @ known.T  # the query's own length changes no order
            found = np.argpartition(apart, most - 1, axis=1)[:, :most]
        far = between(both, len(known) + part[:, None], found)
        index[part], distance[part] = sorted_by_distance(found, far, k)
    return index, distance


def sorted_by_distance(found: NDArray, distance: Floats, k: int) -> tuple[Index, Floats]:
    """The nearest `k` of each row's candidates, nearest first; of equal ones the lower number first."""
    order = np.lexsort((found, distance), axis=1)[:, :k]
    return (
        np.take_along_axis(found, order, axis=1).astype(np.int32),
        np.take_along_axis(distance, order, axis=1),
    )


class _Tree:
    """Candidates by a tree: exact in float64, for few features."""

    def __init__(self, centred: Floats) -> None:
        from scipy.spatial import cKDTree

        self.centred, self.tree = centred, cKDTree(centred)

    def __call__(self, rows: NDArray[np.int64], k: int) -> Index:
        found = np.asarray(self.tree.query(self.centred[rows], k=k + 1, workers=-1)[1])
        own = found == rows[:, None]
        own[~own.any(axis=1), -1] = True  # crowded out by its own duplicates: the farthest goes
        return found[~own].reshape(len(rows), -1).astype(np.int32)


class _Products:
    """Candidates by products of matrices, in float32 where that cannot have missed one, else in float64."""

    def __init__(self, vectors: NDArray[np.floating], centred: Floats, where: torch.device) -> None:
        import torch

        self.vectors = vectors
        scale = max(float(np.abs(centred).max()), np.finfo(np.float64).tiny)
        self.centred, self.scale = centred / scale, scale
        self.length = 0.5 * np.einsum("if,if->i", self.centred, self.centred)
        precise = torch.device("cpu") if where.type == "mps" else where  # which has no float64
        self.levels = [
            (torch.from_numpy(self.centred).to(device, kind), numpy_kind)
            for device, kind, numpy_kind in (
                (where, torch.float32, np.float32),
                (precise, torch.float64, np.float64),
            )
        ]

    def __call__(self, rows: NDArray[np.int64], k: int) -> Index:
        most = min(k + _SPARE, len(self.centred) - 1)
        found = np.empty((len(rows), most), np.int32)
        left = np.arange(len(rows))
        for data, kind in self.levels:
            found[left], beyond = self._candidates(data, rows[left], most)
            if most == len(self.centred) - 1:
                return found
            true = between(self.vectors, rows[left, None], found[left]) / self.scale**2
            reached = np.partition(true, k - 1, axis=1)[:, k - 1]
            slack = _rounding(self.length, self.length[rows[left]], self.centred.shape[1], kind)
            left = left[reached > np.maximum(beyond - slack, 0)]
            if not len(left):
                return found
        for one in left:  # an outlier so far away that float64 is coarse: differences alone
            apart = between(self.centred, rows[one], np.arange(len(self.centred)))
            apart[rows[one]] = np.inf
            found[one] = np.argpartition(apart, most - 1)[:most]
        return found

    def _candidates(self, data: torch.Tensor, rows: NDArray[np.int64], most: int) -> tuple[Index, Floats]:
        """row x most candidates, and the distance that all others are beyond."""
        import torch

        asked = torch.from_numpy(rows).to(data.device)
        length = 0.5 * data.square().sum(dim=1)
        apart = torch.addmm(length, data[asked], data.T, alpha=-1)
        apart += length[asked, None]
        apart[torch.arange(len(rows), device=data.device), asked] = torch.inf
        near = apart.topk(most, largest=False)
        beyond = near.values[:, -1].double().cpu().numpy()
        return near.indices.to(torch.int32).cpu().numpy(), beyond


def _rounding(lengths: Floats, own: Floats, features: int, kind: type) -> Floats:
    """How far off a product's half squared distance may be; `lengths` are half the squared ones."""
    return 8 * np.sqrt(features) * np.finfo(kind).eps * (own + float(lengths.max(initial=0.0)))
