"""A fusion trained on a task of two numbers with fresh points at every step, and asked over the plane."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from workbench.fusion.design import Design, Fusion, Spec
from workbench.fusion.inside.planes import BUMPS, PlaneTask, draw_points, seen
from workbench.fusion.replicas import BUILDING, scheduled
from workbench.runtime import seeded

__all__ = ["asked", "trained"]

_SPEC = Spec({"image": BUMPS, "text": BUMPS}, {"image": 1, "text": 1}, 2)
_BATCH, _RATE, _FRESH = 64, 6e-3, 4000
_STARTS, _LEARNT = 2, 0.3  # nats: below this a rule has been found


def trained(
    one: Fusion,
    task: PlaneTask,
    design: Design,
    steps: int,
    seed: int,
    every: int,
    tell: Callable[[int, float], None],
) -> nn.Module:
    """A model after training; one that should have got there and did not starts again, once."""
    able = one.card.kind in ("universal", "bilinear") or task.additive_solves
    for start in range(_STARTS):
        with BUILDING, seeded(seed + 1000 * start):
            module = one.build(_SPEC, design)
        loss = _fit(module, task, steps, np.random.default_rng([seed, 31, start]), every, tell)
        if loss < _LEARNT or not able:
            break
    return module.eval()


def _fit(
    module: nn.Module,
    task: PlaneTask,
    steps: int,
    random: np.random.Generator,
    every: int,
    tell: Callable[[int, float], None],
) -> float:
    """The mean loss of the last few steps."""
    free = [value for value in module.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(free, lr=_RATE, weight_decay=0)
    recent: list[float] = []
    for step in range(1, steps + 1):
        image, text, answer = draw_points(task, _BATCH, random)
        label = torch.from_numpy(answer)
        optimizer.param_groups[0]["lr"] = _RATE * scheduled(step, steps)
        losses = [functional.cross_entropy(logits, label) for logits in _heads(module, image, text)]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        nn.utils.clip_grad_norm_(free, 1.0)
        optimizer.step()
        recent.append(float(losses[0].detach()))
        if step % every == 0:
            tell(step, float(np.mean(recent[-every:])))
    return float(np.mean(recent[-every:]))


def _heads(module: nn.Module, image: NDArray, text: NDArray) -> tuple[Tensor, ...]:
    shown = {"image": torch.from_numpy(seen(image)), "text": torch.from_numpy(seen(text))}
    out = module({name: (x, torch.ones(x.shape[:-1], dtype=torch.bool)) for name, x in shown.items()})
    return out.logits, *out.auxiliary.values()


def asked(module: nn.Module, task: PlaneTask, axis: NDArray, seed: int) -> tuple[NDArray[np.float32], float]:
    """(probability of yes over the plane, accuracy on fresh points)."""
    image, text = (part.ravel() for part in np.meshgrid(axis, axis))
    plane = _yes(module, image, text).reshape(len(axis), len(axis))
    image, text, answer = draw_points(task, _FRESH, np.random.default_rng([seed, 37]))
    return plane, float(((_yes(module, image, text) > 0.5) == answer).mean())


def _yes(module: nn.Module, image: NDArray, text: NDArray) -> NDArray[np.float32]:
    with torch.inference_mode():
        return _heads(module, image, text)[0].softmax(dim=-1)[:, 1].numpy()
