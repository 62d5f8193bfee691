"""One fusion trained for every seed at once, the epoch chosen on validation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workbench.errors import UnsupportedError
from workbench.fusion.comparison.dataset import Batch, Bundle, gather
from workbench.fusion.design import Fusion, Plan
from workbench.fusion.ensemble import Replicas, scheduled

__all__ = ["Curves", "Gaps", "Tick", "Trained", "answers", "train"]

_EVALUATED = 512  # items a step when nothing is learnt
_CLIP = 1.0
Tick = Callable[[int, dict[str, NDArray[np.float64]]], None]
"""Called after each epoch with its number (from 1) and the newest points, one a seed; may cancel."""
Curves = dict[str, NDArray[np.float64]]


@dataclass(eq=False)
class Gaps:
    """What was really left out in training: of `shown` items (all epochs and seeds), `lost` by modality."""

    lost: dict[str, int] = field(default_factory=dict)
    shown: int = 0


@dataclass(eq=False)
class Trained:
    """A fusion with the weights of its best epoch.

    Attributes:
        curves: "train_loss", "validation_loss", "validation_accuracy" to seed x epoch.
        epoch: seed; the epoch kept, from 1.
        seconds: training time of one seed (all were trained side by side).
        gaps: items that lost a modality on purpose, as counted.
    """

    replicas: Replicas
    curves: Curves
    epoch: NDArray[np.int64]
    seconds: float
    gaps: Gaps


def train(
    fusion: Fusion,
    data: Bundle,
    plan: Plan,
    seeds: Sequence[int],
    beat: Callable[[], None],
    tick: Tick,
    expert: Callable[[int], None] = lambda epoch: None,
) -> Trained:
    """Every seed's copy of a fusion, trained by the plan.

    A seed decides first weights and the order of the rows; two fusions with one seed meet the same rows
    in the same order. `expert` hears each epoch of experts that are trained first.

    Raises:
        UnsupportedError: a training that begins with experts, of a fusion that has none.
        Cancelled: from `beat` or `tick`.
    """
    replicas = Replicas(
        lambda: fusion.build(data.spec, plan.design), seeds, device=next(iter(data.inputs.values()))[0].device
    )
    if "log_prior" in replicas.buffers:
        replicas.buffers["log_prior"] = data.log_prior.expand(len(seeds), -1).clone()
    start = time.perf_counter()
    if plan.training == "joint":
        found = _stage(replicas, _Whole(), list(replicas.parameters), data, plan, seeds, beat, tick)
    else:
        found = _apart(fusion, replicas, data, plan, seeds, beat, tick, expert)
    curves, epoch, gaps = found
    return Trained(replicas, curves, epoch, (time.perf_counter() - start) / len(seeds), gaps)


def answers(replicas: Replicas, inputs: Batch) -> NDArray[np.float32]:
    """Probabilities of every copy for the same items: seed x item x class."""
    count = len(next(iter(inputs.values()))[0])
    parts = []
    for start in range(0, count, _EVALUATED):
        rows = slice(start, start + _EVALUATED)
        same = {name: (values[rows], mask[rows]) for name, (values, mask) in inputs.items()}
        logits = replicas.shared(lambda model, batch: model(batch).logits, same)
        parts.append(logits.softmax(dim=-1).cpu().numpy())
    return np.concatenate(parts, axis=1)


class _Whole:
    """The fusion's own logits, and those of its further heads: all learn the label."""

    def logits(self, model: Any, inputs: Batch) -> tuple[Tensor, ...]:
        out = model(inputs)
        return out.logits, *out.auxiliary.values()

    def heads(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tensors

    def extra(self) -> list[Tensor]:
        return []


class _Experts:
    """Each expert's logits; experts without a head get one that is thrown away afterwards."""

    def __init__(self, replicas: Replicas, data: Bundle, width: int) -> None:
        self._own = hasattr(replicas.skeleton, "heads")
        self._maps: list[Tensor] = []
        if not self._own:
            device = next(iter(replicas.parameters.values())).device
            shape = (replicas.count, width, data.spec.classes)
            self._maps = [torch.zeros(shape, device=device, requires_grad=True) for _ in data.spec.features]

    def logits(self, model: Any, inputs: Batch) -> tuple[Tensor, ...]:
        return tuple(model(inputs, experts=True).auxiliary.values())

    def heads(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tensors if self._own else tuple(x @ w for x, w in zip(tensors, self._maps, strict=True))

    def extra(self) -> list[Tensor]:
        return self._maps


def _apart(
    fusion: Fusion,
    replicas: Replicas,
    data: Bundle,
    plan: Plan,
    seeds: Sequence[int],
    beat: Callable[[], None],
    tick: Tick,
    expert: Callable[[int], None],
) -> tuple[Curves, NDArray[np.int64], Gaps]:
    """Experts first, each on the label; then what combines them, or with "experts-first" all of it.

    With "separate" the experts are frozen by then, and where nothing is left to train they are the fusion.
    """
    parts: tuple[str, ...] = ()
    if hasattr(replicas.skeleton, "expert_parts"):
        parts = replicas.skeleton.expert_parts()  # type: ignore[operator]
    names = [name for name in replicas.parameters if name.startswith(parts)] if parts else []
    if not names:
        raise UnsupportedError(
            f"{fusion.name} has no experts of its own, so it cannot be trained apart: its modalities meet "
            "before anything is learnt. Use training='joint', or leave it out."
        )
    together = plan.training == "experts-first"
    rest = [name for name in replicas.parameters if together or name not in names]
    experts = _Experts(replicas, data, plan.design.width)
    found = _stage(replicas, experts, names, data, plan, seeds, beat, tick if not rest else _quiet(expert))
    if not rest:
        return found
    curves, epoch, gaps = _stage(replicas, _Whole(), rest, data, plan, seeds, beat, tick)
    return curves, epoch, _both(found[2], gaps)


def _both(first: Gaps, second: Gaps) -> Gaps:
    names = first.lost | second.lost
    lost = {name: first.lost.get(name, 0) + second.lost.get(name, 0) for name in names}
    return Gaps(lost, first.shown + second.shown)


def _quiet(expert: Callable[[int], None]) -> Tick:
    return lambda epoch, _values: expert(epoch)


def _stage(
    replicas: Replicas,
    task: _Whole | _Experts,
    names: list[str],
    data: Bundle,
    plan: Plan,
    seeds: Sequence[int],
    beat: Callable[[], None],
    tick: Tick,
) -> tuple[Curves, NDArray[np.int64], Gaps]:
    """Train the parameters `names` for the plan's epochs and put back each copy's best epoch."""
    free = [replicas.parameters[name] for name in names] + task.extra()
    device = free[0].device
    optimizer = torch.optim.AdamW(free, lr=plan.learning_rate, weight_decay=plan.weight_decay)
    orders = [np.random.default_rng([seed, 1]) for seed in seeds]
    rows = data.rows["train"]
    size = min(plan.batch_size, len(rows))
    steps = len(rows) // size
    curves: Curves = {
        name: np.full((len(seeds), plan.epochs), np.nan)
        for name in ("train_loss", "validation_loss", "validation_accuracy")
    }
    best, best_loss = replicas.snapshot(), np.full(len(seeds), np.inf)
    epoch, gaps = np.zeros(len(seeds), dtype=np.int64), Gaps()
    for turn in range(plan.epochs):
        order = torch.from_numpy(np.stack([rows[random.permutation(len(rows))] for random in orders])).to(
            device
        )
        total = torch.zeros(len(seeds), device=device)
        for step in range(steps):
            beat()
            chosen = order[:, step * size : (step + 1) * size]
            batch, label = gather(data.inputs, chosen), data.labels[chosen]
            batch, gone = _dropped(batch, plan.p_missing_train, orders)
            for name, count in gone.items():
                gaps.lost[name] = gaps.lost.get(name, 0) + count
            gaps.shown += chosen.numel()
            optimizer.param_groups[0]["lr"] = plan.learning_rate * scheduled(
                turn * steps + step, plan.epochs * steps
            )
            heads = task.heads(replicas.apply(task.logits, batch))
            losses = torch.stack([_cross_entropy(logits, label) for logits in heads])
            optimizer.zero_grad()
            losses.sum().backward()
            replicas.clip(free, _CLIP)
            optimizer.step()
            total += losses[0].detach()
        loss, right = _validate(replicas, task, data)
        curves["train_loss"][:, turn] = (total / steps).cpu().numpy()
        curves["validation_loss"][:, turn], curves["validation_accuracy"][:, turn] = loss, right
        better = loss < best_loss
        replicas.keep(best, torch.from_numpy(better))
        best_loss, epoch = np.where(better, loss, best_loss), np.where(better, turn + 1, epoch)
        tick(turn + 1, {name: values[:, turn] for name, values in curves.items()})
    replicas.restore(best)
    return curves, epoch, gaps


def _cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """copy: mean over a batch. Shapes: copy x item x class, copy x item."""
    each = functional.cross_entropy(logits.flatten(0, 1), label.flatten(), reduction="none")
    return each.view(label.shape).mean(dim=1)


def _validate(
    replicas: Replicas, task: _Whole | _Experts, data: Bundle
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """seed: loss and accuracy on the validation rows (of experts: their mean)."""
    rows = torch.from_numpy(data.rows["validation"])
    loss, right = np.zeros(replicas.count), np.zeros(replicas.count)
    for part in rows.split(_EVALUATED):
        chosen = part.expand(replicas.count, -1).to(data.labels.device)
        label = data.labels[chosen]
        with torch.no_grad():
            heads = task.heads(replicas.apply(task.logits, gather(data.inputs, chosen), grad=False))
            heads = heads if isinstance(task, _Experts) else heads[:1]
            for logits in heads:
                loss += (_cross_entropy(logits, label) * len(part) / len(heads)).cpu().numpy()
                hits = (logits.argmax(dim=-1) == label).float().sum(dim=1) / len(heads)
                right += hits.cpu().numpy()
    return loss / len(rows), right / len(rows)


def _dropped(
    batch: Batch, rate: float, randoms: Sequence[np.random.Generator]
) -> tuple[Batch, dict[str, int]]:
    """Each modality of an item is masked with chance `rate`; if all would be, one chosen evenly stays.

    Beside the batch: modality to the items that lost it.
    """
    if not rate:
        return batch, {}
    mask = next(iter(batch.values()))[1]
    shape = (mask.shape[1], len(batch))
    gone = np.stack([random.random(shape) < rate for random in randoms])
    spared = np.stack([random.integers(0, len(batch), shape[0]) for random in randoms])
    empty = gone.all(axis=-1)
    gone[empty, spared[empty]] = False
    away = torch.from_numpy(gone).to(mask.device)
    left = {
        name: (values, there & ~away[..., place, None])
        for place, (name, (values, there)) in enumerate(batch.items())
    }
    return left, dict(zip(batch, gone.sum(axis=(0, 1)).tolist(), strict=True))
