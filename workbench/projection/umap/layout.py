"""UMAP's layout in torch: whole arrays instead of one edge at a time, on a CPU or a GPU, nothing to compile.

The forces, their clipping, the falling step and the number of repulsions are UMAP's. Two things
differ. Edges of a round (of a third of it, in a small map) move their points together, not one after
the other. And the points that repel are the same few shifts of one random order for everybody, which
reads memory in a row instead of jumping.

Source: McInnes et al. 2018, "UMAP", section 4.2 and algorithm 5.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from workbench.errors import Cancelled
from workbench.results import Event, OnEvent, ShouldStop
from workbench.runtime import one_thread

if TYPE_CHECKING:
    import torch

    _Sum = Callable[[], torch.Tensor]

__all__ = ["lay_out"]

_NEGATIVES = 5  # repulsions for each attraction
# Up to so many rows: parts of a round, whose edges move their points together, and random partners of a
# point in a part, which stand for all its repulsions. A small map suffers from coarse moves, and can pay.
_CARE = ((5_000, 3, 20), (20_000, 1, 24))
_LEAST_CARE = (1, 12)
_AT_ONCE = 4  # of them in one array, which then stays in the processor's cache
_CLIP = 4.0
_WORTH_THREADS = 50_000
_TINY = 1e-12  # two points in one place do not pull
_SOFT = 1e-3  # keeps the repulsion of two points in one place finite


@dataclass(frozen=True, eq=False)
class _Edges:
    head: torch.Tensor
    tail: torch.Tensor
    chance: torch.Tensor


def lay_out(
    graph: csr_matrix,
    start: NDArray[np.float32],
    *,
    a: float,
    b: float,
    epochs: int,
    seed: int,
    device: str = "cpu",
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> NDArray[np.float32]:
    """row x 2 points, begun at `start` and moved for `epochs` rounds.

    On a CPU the same seed gives the same points, whatever the number of cores.

    Raises:
        Cancelled: `should_stop` returned true.
    """
    # Steps of a small map are shorter than the threads' waiting for each other.
    with one_thread() if device == "cpu" and len(start) < _WORTH_THREADS else nullcontext():
        return _run(graph, start, a, b, epochs, seed, device, on_event, should_stop)


def _run(
    graph: csr_matrix,
    start: NDArray[np.float32],
    a: float,
    b: float,
    epochs: int,
    seed: int,
    device: str,
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
) -> NDArray[np.float32]:
    import torch

    where = torch.device(device)
    random = torch.Generator(device=where).manual_seed(seed)
    edges = _edges(graph, epochs, where)
    parts, draws = _care(len(start))
    points = torch.from_numpy(np.ascontiguousarray(start.T, np.float32)).to(where)  # xy x row
    # An edge of chance c is due every 1/c rounds, from a random beginning.
    due = torch.rand(edges.chance.shape, generator=random, device=where)
    with _aside(len(start), where) as aside:
        for epoch in range(epochs):
            if should_stop is not None and should_stop():
                raise Cancelled(f"Cancelled after {epoch} of {epochs} rounds of the layout; no map was kept.")
            for chosen in _parts(_due(due, edges.chance), parts, random):
                pushed = aside(lambda: _push(points, a, b, draws, random))
                head, tail = edges.head.index_select(0, chosen), edges.tail.index_select(0, chosen)
                _move(points, head, tail, pushed, a, b, draws, 1 - epoch / epochs)
            if on_event is not None and (epoch + 1) % 10 == 0:
                on_event(Event("layout", epoch + 1, epochs))
    return points.T.contiguous().cpu().numpy()


def _care(rows: int) -> tuple[int, int]:
    """Parts of a round and random partners in a part."""
    return next(((parts, draws) for most, parts, draws in _CARE if rows <= most), _LEAST_CARE)


def _parts(chosen: torch.Tensor, parts: int, random: torch.Generator) -> Sequence[torch.Tensor]:
    """The edges of a round, in random parts."""
    import torch

    if parts == 1:
        return (chosen,)
    order = torch.randperm(len(chosen), generator=random, device=chosen.device)
    return chosen[order].chunk(parts)


def _due(due: torch.Tensor, chance: torch.Tensor) -> torch.Tensor:
    """The edges whose turn it is; what is due is carried on in place."""
    import torch

    due += chance
    now = due >= 1
    due.frac_()
    if now.device.type == "cpu":  # NumPy finds set flags ten times faster
        return torch.from_numpy(np.flatnonzero(now.numpy()))
    return now.nonzero()[:, 0]


@contextmanager
def _aside(rows: int, where: torch.device) -> Iterator[Callable[[_Sum], _Sum]]:
    """What runs a sum on a second thread while the first goes on; on a GPU and in large maps, at once.

    Steps of a small map are too short to be cut between threads, but pulls and pushes need not wait for
    each other.
    """
    import torch

    if where.type != "cpu" or rows >= _WORTH_THREADS or (os.cpu_count() or 1) < 2:
        yield _at_once
        return
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield lambda work: pool.submit(work).result


def _at_once(work: _Sum) -> _Sum:
    found = work()
    return lambda: found


def _edges(graph: csr_matrix, epochs: int, where: torch.device) -> _Edges:
    import torch

    pairs = graph.tocoo()
    # An edge that would be drawn less than once in all rounds is left out, as UMAP does.
    strong = pairs.data >= pairs.data.max(initial=0) / max(epochs, 1)
    head, tail, weight = pairs.row[strong], pairs.col[strong], pairs.data[strong]
    chance = weight / weight.max(initial=1e-9)
    return _Edges(
        torch.from_numpy(head.astype(np.int64)).to(where),
        torch.from_numpy(tail.astype(np.int64)).to(where),
        torch.from_numpy(chance.astype(np.float32)).to(where),
    )


def _move(
    points: torch.Tensor,
    head: torch.Tensor,
    tail: torch.Tensor,
    pushed: Callable[[], torch.Tensor],
    a: float,
    b: float,
    draws: int,
    step: float,
) -> None:
    """Points moved in place: every edge drawn pulls both its ends, every point is pushed by strangers."""
    import torch

    apart = points.index_select(1, head) - points.index_select(1, tail)
    squared = apart.square().sum(dim=0).clamp_(min=_TINY)
    power = squared.pow(b)
    pull = power.mul(-2 * a * b).div_(squared.mul_(power.mul_(a).add_(1)))
    moves = (apart.mul_(pull)).clamp_(-_CLIP, _CLIP).mul_(step)
    count = torch.bincount(head, minlength=points.shape[1]).to(points.dtype)
    push = pushed() * (count * (_NEGATIVES / draws * step))
    for axis in range(2):
        points[axis].index_add_(0, head, moves[axis]).index_add_(0, tail, moves[axis], alpha=-1)
    points += push


def _push(points: torch.Tensor, a: float, b: float, draws: int, random: torch.Generator) -> torch.Tensor:
    """xy x row: the sum of `draws` repulsions for every point."""
    import torch

    rows, where = points.shape[1], points.device
    order = torch.randperm(rows, generator=random, device=where)
    shuffled = points.index_select(1, order)
    twice = torch.cat([shuffled, shuffled], dim=1)
    offsets = torch.randint(rows, (draws,), generator=random, device=where).tolist()
    total = torch.zeros_like(shuffled)
    for few in range(0, draws, _AT_ONCE):
        others = torch.stack([twice[:, o : o + rows] for o in offsets[few : few + _AT_ONCE]], dim=1)
        apart = others.neg_().add_(shuffled[:, None])  # xy x draw x row
        squared = apart.square().sum(dim=0)
        push = squared.pow(b).mul_(a).add_(1).mul_(squared.add_(_SOFT)).reciprocal_().mul_(2 * b)
        total += apart.mul_(push).clamp_(-_CLIP, _CLIP).sum(dim=1)
    return torch.empty_like(total).index_copy_(1, order, total)
