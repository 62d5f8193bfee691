"""One fusion trained on every task with a known answer, all tasks in one stack of replicas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workbench.fusion.design import Design, Fusion, Spec
from workbench.fusion.ensemble import Replicas, scheduled
from workbench.fusion.theory.expectations import Bound, bounds, judged, must_solve
from workbench.fusion.theory.proof import ProofRow
from workbench.fusion.theory.tasks import CLASSES, FEATURES, TASKS, TOKENS, Task, draw
from workbench.metrics import accuracy, auroc, nll, r2

__all__ = ["SMALL", "SPEC", "Measured", "measure", "run_separate", "run_trials", "task_losses"]

SPEC = Spec({"image": FEATURES, "text": FEATURES}, {"image": TOKENS, "text": TOKENS}, CLASSES)
SMALL = Design(width=16, depth=2, heads=2, expand=2, rank=4, bottleneck=4)
"""The size every fusion is proved at."""
BATCH, RATE, TEST = 32, 4e-3, 6000
STEPS = (200, 400, 400, 800)
"""Steps of each round; all tasks are in the first, and later ones give what is left two new starts."""
STARTS = 2
_SOLVED_NLL, _SOLVED_R2 = 0.03, 0.92  # when no further start is needed; stricter than the bounds

Measured = dict[str, float]
Beat = Callable[[], None]
"""Called every few steps; raises `Cancelled` when the user has had enough."""


def run_trials(
    fusion: Fusion, seed: int, beat: Beat, design: Design = SMALL, told: Beat = lambda: None
) -> list[ProofRow]:
    """Rows of every task. A task that should be solved and is not starts again from other weights.

    One start that gets there proves that the fusion can represent the rule. What a class *cannot* do is
    asserted after the first round, in which the others do solve theirs. `told` is called after each round.
    """
    random = np.random.default_rng([seed, 7])
    left = list(TASKS)
    found: dict[str, Measured] = {}
    for turn, steps in enumerate(STEPS):
        copies = left if turn == 0 else [task for task in left for _ in range(STARTS)]
        seeds = [1000 * seed + 100 * turn + k for k in range(len(copies))]
        replicas = Replicas(lambda: fusion.build(SPEC, design), seeds)
        _train(replicas, copies, random, beat, steps)
        for task, numbers in zip(copies, measure(replicas, copies, random), strict=True):
            if task.name not in found or _rank(numbers) > _rank(found[task.name]):
                found[task.name] = numbers
        told()
        left = [task for task in left if must_solve(fusion.card, task) and not _solved(found[task.name])]
        if not left:
            break
    return [
        judged(fusion.card, task.name, bound, found[task.name][bound.measure])
        for task in TASKS
        for bound in bounds(fusion.card, task)
    ]


def run_separate(fusion: Fusion, seed: int, beat: Beat, design: Design = SMALL) -> list[ProofRow]:
    """Rows of a fusion over experts that were trained apart and frozen: chance where alone is chance."""
    tasks = [task for task in TASKS if task.name in ("xor", "sum-mod", "unique-image")]
    replicas = Replicas(lambda: fusion.build(SPEC, design), [seed + 89 * k for k in range(len(tasks))])
    random = np.random.default_rng([seed, 11])
    _train(replicas, tasks, random, beat, STEPS[0], stage="experts")
    _train(replicas, tasks, random, beat, STEPS[0], stage="combiner")
    numbers = measure(replicas, tasks, random)
    rows = []
    for task, found in zip(tasks, numbers, strict=True):
        best = max(task.alone)
        low = best - 0.03 if best < 1 else 0.98
        why = "what experts trained apart know" if best == 1 else "each expert alone knows nothing"
        bound = Bound("accuracy", low, best + 0.03, f"{best:.3f}: {why}")
        rows.append(judged(fusion.card, f"{task.name}, trained apart", bound, found["accuracy"]))
    return rows


def task_losses(logits: Tensor, label: Tensor, tasks: Sequence[Task]) -> Tensor:
    """task: mean cross-entropy over a task's own classes, or squared error where a number is predicted.

    Shapes:
        logits: task x item x class; label: task x item
    """
    real = torch.tensor([task.classes == 1 for task in tasks])
    squared = (predicted(logits) - label).pow(2).mean(dim=1)
    target = (label * ~real[:, None]).long()
    each = functional.cross_entropy(
        open_logits(logits, tasks).flatten(0, 1), target.flatten(), reduction="none"
    )
    return torch.where(real, squared, each.view(label.shape).mean(dim=1))


def predicted(logits: Tensor) -> Tensor:
    """The number that a model predicts: the difference of its first two logits."""
    return logits[..., 1] - logits[..., 0]


def open_logits(logits: Tensor, tasks: Sequence[Task]) -> Tensor:
    """Logits with those of classes that a task does not have shut."""
    count = torch.tensor([max(2, task.classes) for task in tasks])
    shut = torch.arange(logits.shape[-1])[None] >= count[:, None]
    return logits.masked_fill(shut[:, None], -1e9)


def measure(
    replicas: Replicas, tasks: Sequence[Task], random: np.random.Generator, count: int = TEST
) -> list[Measured]:
    """AUROC, NLL, accuracy, or R2, of each task's replica on fresh items."""
    *_, label = shown = _batch(tasks, count, random)
    logits = replicas.apply(_forward, *shown[:2], grad=False)[0]
    chance = open_logits(logits, tasks).softmax(dim=-1).numpy()
    number, truth = predicted(logits).numpy(), label.numpy()
    return [_measured(task, chance[k], number[k], truth[k]) for k, task in enumerate(tasks)]


def _measured(task: Task, chance: NDArray, number: NDArray, truth: NDArray) -> Measured:
    if task.classes == 1:
        return {"R2": r2(number, truth)}
    label = truth.astype(int)
    found = {"NLL": nll(chance, label), "accuracy": accuracy(chance, label)}
    return found | ({"AUROC": auroc(chance[:, 1], label == 1)} if task.classes == 2 else {})


def _rank(numbers: Measured) -> float:
    return numbers.get("R2", -numbers.get("NLL", 0.0))


def _solved(numbers: Measured) -> bool:
    return _rank(numbers) > (_SOLVED_R2 if "R2" in numbers else -_SOLVED_NLL)


def _train(
    replicas: Replicas,
    tasks: Sequence[Task],
    random: np.random.Generator,
    beat: Beat,
    steps: int,
    stage: str = "all",
) -> None:
    free = _free(replicas, stage)
    if not free:
        return
    step_rule = _experts if stage == "experts" else _forward
    optimizer = torch.optim.AdamW(free, lr=RATE, weight_decay=0)
    for step in range(steps):
        if step % 10 == 0:
            beat()
        optimizer.param_groups[0]["lr"] = RATE * scheduled(step, steps)
        image, text, label = _batch(tasks, BATCH, random)
        heads = replicas.apply(step_rule, image, text)
        loss = torch.stack([task_losses(logits, label, tasks).sum() for logits in heads]).sum()
        optimizer.zero_grad()
        loss.backward()
        replicas.clip(free, 1.0)
        optimizer.step()


def _free(replicas: Replicas, stage: str) -> list[Tensor]:
    """Parameters that a stage trains: all, the experts', or all but the experts'."""
    if stage == "all":
        return list(replicas.parameters.values())
    parts: tuple[str, ...] = replicas.skeleton.expert_parts()  # type: ignore[operator]
    chosen = stage == "experts"
    return [value for name, value in replicas.parameters.items() if name.startswith(parts) == chosen]


def _batch(tasks: Sequence[Task], count: int, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    drawn = [draw(task, count, random) for task in tasks]
    image, text, label = (torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))
    return image, text, label


def _inputs(image: Tensor, text: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    there = torch.ones(image.shape[:-1], dtype=torch.bool)
    return {"image": (image, there), "text": (text, there)}


def _forward(model: Any, image: Tensor, text: Tensor) -> tuple[Tensor, ...]:
    """Logits, and those of further heads that are trained on the same labels."""
    out = model(_inputs(image, text))
    return out.logits, *out.auxiliary.values()


def _experts(model: Any, image: Tensor, text: Tensor) -> tuple[Tensor, ...]:
    return tuple(model(_inputs(image, text), experts=True).auxiliary.values())
