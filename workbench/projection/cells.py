"""Approximate neighbours for many rows: search near cells only, with the recall chosen beforehand.

The rows are cut into cells by k-means on a sample. For a sample of rows the true neighbours are
found exactly, and one looks up in which cells they lie: that gives the recall of searching the
1, 2, 3, ... nearest cells without searching any, and as many are searched as the recall asks for.
On data without structure that becomes all of them, and the result is exact at its price.

Source: inverted files, Sivic and Zisserman 2003; Johnson et al. 2017 (FAISS), section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.errors import Cancelled
from workbench.projection.result import Neighbours
from workbench.results import Event, OnEvent, ShouldStop

if TYPE_CHECKING:
    import torch

__all__ = ["RECALL", "by_cells"]

RECALL = 0.97
"""Share of the true neighbours that a search must reach on the sample."""
_SAMPLE = 400
_PER_CELL = 64  # rows of the sample that train one centre
_ROUNDS = 6


def by_cells(
    data: torch.Tensor,
    k: int,
    *,
    seed: int = 0,
    recall: float = RECALL,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Neighbours:
    """The `k` nearest rows of every row, about `recall` of them the true ones; the figure is measured."""
    random = np.random.default_rng(seed)
    centres = _centres(data, cells=max(2, int(1.5 * len(data) ** 0.5)), random=random)
    cell = _nearest_centre(data, centres)
    reach, measured = _reach(data, k, centres, cell, recall, random)
    index, distance = _search(data, k, centres, cell, reach, on_event, should_stop)
    backend = f"{reach} of {len(centres)} cells, torch on {data.device.type}"
    if reach == len(centres):
        return Neighbours(index, distance, backend=backend)
    return Neighbours(index, distance, False, measured, min(_SAMPLE, len(data)), backend)


def _centres(data: torch.Tensor, *, cells: int, random: np.random.Generator) -> torch.Tensor:
    import torch

    rows = random.permutation(len(data))[: cells * _PER_CELL]
    sample = data[torch.from_numpy(np.sort(rows)).to(data.device)]
    first = random.permutation(len(sample))[:cells]
    centres = sample[torch.from_numpy(first).to(data.device)].clone()
    for _ in range(_ROUNDS):
        cell = _nearest_centre(sample, centres)
        count = torch.bincount(cell, minlength=cells)
        total = torch.zeros_like(centres).index_add_(0, cell, sample)
        filled = count > 0  # an empty cell keeps its centre
        centres[filled] = total[filled] / count[filled, None]
    return centres


def _nearest_centre(data: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    import torch

    length = 0.5 * centres.square().sum(dim=1)
    parts = [torch.addmm(length, part, centres.T, alpha=-1).argmin(dim=1) for part in data.split(16_384)]
    return torch.cat(parts)


def _order(centres: torch.Tensor) -> torch.Tensor:
    """cell x cell: every cell's cells, nearest first, itself before all."""
    import torch

    apart = torch.cdist(centres, centres)
    apart.fill_diagonal_(-1)
    return apart.argsort(dim=1)


def _reach(
    data: torch.Tensor,
    k: int,
    centres: torch.Tensor,
    cell: torch.Tensor,
    recall: float,
    random: np.random.Generator,
) -> tuple[int, float]:
    """How many cells to search for `recall`, and what that many find on the sample."""
    import torch

    rows = torch.from_numpy(random.permutation(len(data))[:_SAMPLE]).to(data.device)
    apart = torch.addmm(0.5 * data.square().sum(dim=1), data[rows], data.T, alpha=-1)
    apart[torch.arange(len(rows), device=data.device), rows] = torch.inf
    true = apart.topk(k, largest=False).indices
    rank = _order(centres).argsort(dim=1)
    needed = rank[cell[rows]].gather(1, cell[true]).flatten() + 1
    found = torch.bincount(needed, minlength=len(centres) + 1).cumsum(0) / needed.numel()
    reach = int((found >= min(recall, 1.0) - 1e-9).nonzero()[0, 0])
    return max(1, reach), float(found[max(1, reach)])


def _search(
    data: torch.Tensor,
    k: int,
    centres: torch.Tensor,
    cell: torch.Tensor,
    reach: int,
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    import torch

    members = torch.argsort(cell, stable=True)
    ends = torch.bincount(cell, minlength=len(centres)).cumsum(0).tolist()
    starts = [0, *ends[:-1]]
    ordered = data[members]  # the rows of a cell lie side by side: slices instead of gathers
    length = 0.5 * ordered.square().sum(dim=1)
    index = np.empty((len(data), k), np.int32)
    distance = np.empty((len(data), k), np.float32)
    done = 0
    for own, near in enumerate(_order(centres).tolist()):
        if should_stop is not None and should_stop():
            raise Cancelled(f"Cancelled after the neighbours of {done:,} of {len(data):,} rows.")
        mine = slice(starts[own], ends[own])
        if mine.stop == mine.start:
            continue
        chosen = _enough(near, reach, starts, ends, k)
        places = torch.cat([torch.arange(starts[c], ends[c], device=data.device) for c in chosen])
        apart = torch.addmm(length[places], ordered[mine], ordered[places].T, alpha=-1)
        apart += length[mine, None]
        # The cell itself stands first, so that its rows meet themselves on the diagonal.
        apart.fill_diagonal_(torch.inf)
        best = apart.topk(k, largest=False)
        rows = members[mine].cpu().numpy()
        index[rows] = members[places[best.indices]].to(torch.int32).cpu().numpy()
        distance[rows] = best.values.clamp_(min=0).cpu().numpy()
        done += mine.stop - mine.start
        if on_event is not None:
            on_event(Event("neighbours", done, len(data)))
    return index, distance


def _enough(near: list[int], reach: int, starts: list[int], ends: list[int], k: int) -> list[int]:
    """The nearest `reach` cells, or more if those hold no `k` other rows."""
    held = 0
    for count, cell in enumerate(near, start=1):
        held += ends[cell] - starts[cell]
        if count >= reach and held > k:
            return near[:count]
    return near
