"""Approximate neighbours for many rows: search near cells only, with the recall chosen beforehand.

The rows are cut into cells by k-means on a sample. For a sample of rows the true neighbours are
found exactly, and one looks up in which cells they lie: that gives the recall of searching the
1, 2, 3, ... nearest cells without searching any, and as many are searched as the recall asks for.
On data without structure that becomes all of them, and the result is exact at its price.

Source: inverted files, Sivic and Zisserman 2003; Johnson et al. 2017 (FAISS), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.errors import Cancelled
from workbench.projection.neighbour_graph import Neighbours
from workbench.results import Event, OnEvent, ShouldStop

if TYPE_CHECKING:
    import torch

__all__ = ["RECALL", "among_cells", "by_cells"]

RECALL = 0.97
"""Share of the true neighbours that a search must reach on the sample."""
_SAMPLE = 400
_PER_CELL = 64  # rows of the sample that train one centre
_ROUNDS = 6


@dataclass(frozen=True, eq=False)
class _Cells:
    """Rows in the order of their cells, so that the rows of a cell lie side by side."""

    centres: torch.Tensor
    order: torch.Tensor  # cell x cell: every cell's cells, nearest first, itself before all
    members: torch.Tensor  # the rows, cell after cell
    rows: torch.Tensor  # their vectors
    starts: list[int]
    ends: list[int]


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
    cells, cell = _cut(data, seed)
    reach, measured = _reach(data, data, k, cells, cell, recall, seed, own=True)
    index, distance = _search(cells, data, cell, k, reach, "neighbours", on_event, should_stop, own=True)
    backend = f"{reach} of {len(cells.centres)} cells, torch on {data.device.type}"
    if reach == len(cells.centres):
        return Neighbours(index, distance, backend=backend)
    return Neighbours(index, distance, False, measured, min(_SAMPLE, len(data)), backend)


def among_cells(
    data: torch.Tensor,
    queries: torch.Tensor,
    k: int,
    *,
    seed: int = 0,
    recall: float = RECALL,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32], float]:
    """query x k: the rows of `data` nearest to each query, half the squared distances; and the recall."""
    cells, _ = _cut(data, seed)
    cell = _nearest_centre(queries, cells.centres)
    reach, measured = _reach(data, queries, k, cells, cell, recall, seed, own=False)
    index, distance = _search(cells, queries, cell, k, reach, "placing", on_event, should_stop, own=False)
    return index, distance, measured


def _cut(data: torch.Tensor, seed: int) -> tuple[_Cells, torch.Tensor]:
    """The rows cut into cells, and the cell of each."""
    import torch

    random = np.random.default_rng(seed)
    centres = _centres(data, cells=max(2, int(1.5 * len(data) ** 0.5)), random=random)
    cell = _nearest_centre(data, centres)
    members = torch.argsort(cell, stable=True)
    ends = torch.bincount(cell, minlength=len(centres)).cumsum(0).tolist()
    return _Cells(centres, _order(centres), members, data[members], [0, *ends[:-1]], ends), cell


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
    queries: torch.Tensor,
    k: int,
    cells: _Cells,
    cell: torch.Tensor,
    recall: float,
    seed: int,
    *,
    own: bool,
) -> tuple[int, float]:
    """How many cells to search for `recall`, and what that many find on a sample of the queries.

    `own`: the queries are the rows themselves, and none is its own neighbour.
    """
    import torch

    chosen = np.random.default_rng(seed + 1).permutation(len(queries))[:_SAMPLE]
    asked = torch.from_numpy(chosen).to(data.device)
    apart = torch.addmm(0.5 * data.square().sum(dim=1), queries[asked], data.T, alpha=-1)
    if own:
        apart[torch.arange(len(asked), device=data.device), asked] = torch.inf
    true = apart.topk(k, largest=False).indices
    of_row = torch.empty(len(data), dtype=torch.long, device=data.device)
    counts = torch.tensor(cells.ends) - torch.tensor(cells.starts)
    of_row[cells.members] = torch.arange(len(counts)).repeat_interleave(counts).to(data.device)
    rank = cells.order.argsort(dim=1)
    needed = rank[cell[asked]].gather(1, of_row[true]).flatten() + 1
    found = torch.bincount(needed, minlength=len(counts) + 1).cumsum(0) / needed.numel()
    reach = int((found >= min(recall, 1.0) - 1e-9).nonzero()[0, 0])
    return max(1, reach), float(found[max(1, reach)])


def _search(
    cells: _Cells,
    queries: torch.Tensor,
    cell: torch.Tensor,
    k: int,
    reach: int,
    stage: str,
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
    *,
    own: bool,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    import torch

    asking = torch.argsort(cell, stable=True)
    last = torch.bincount(cell, minlength=len(cells.centres)).cumsum(0).tolist()
    length = 0.5 * cells.rows.square().sum(dim=1)
    index = np.empty((len(queries), k), np.int32)
    distance = np.empty((len(queries), k), np.float32)
    done = 0
    for number, near in enumerate(cells.order.tolist()):
        if should_stop is not None and should_stop():
            raise Cancelled(f"Cancelled after the {stage} of {done:,} of {len(queries):,} rows.")
        mine = asking[done : last[number]]
        if not len(mine):
            continue
        part = queries[mine]
        chosen = _enough(near, reach, cells.starts, cells.ends, k)
        places = torch.cat([torch.arange(cells.starts[c], cells.ends[c], device=part.device) for c in chosen])
        apart = torch.addmm(length[places], part, cells.rows[places].T, alpha=-1)
        apart += 0.5 * part.square().sum(dim=1)[:, None]
        if own:  # the cell itself stands first, so that its rows meet themselves on the diagonal
            apart.fill_diagonal_(torch.inf)
        best = apart.topk(k, largest=False)
        rows = mine.cpu().numpy()
        index[rows] = cells.members[places[best.indices]].to(torch.int32).cpu().numpy()
        distance[rows] = best.values.clamp_(min=0).cpu().numpy()
        done = last[number]
        if on_event is not None:
            on_event(Event(stage, done, len(queries)))
    return index, distance


def _enough(near: list[int], reach: int, starts: list[int], ends: list[int], k: int) -> list[int]:
    """The nearest `reach` cells, or more if those hold no `k` other rows."""
    held = 0
    for count, cell in enumerate(near, start=1):
        held += ends[cell] - starts[cell]
        if count >= reach and held > k:
            return near[:count]
    return near
