"""A fusion trained on a task of two numbers with fresh points at every step, and asked over the plane.

Training ends once nothing more is to be had: a fusion whose loss has come as near as makes no difference to
the least that its class can reach (`loss_floor`) lets its rate run out and stops. What should have found a
rule and stands at guessing when half its steps are gone starts again, for a start can fail by bad luck.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from workbench.fusion.design import Design, Fusion, FusionCard, Spec
from workbench.fusion.ensemble import scheduled
from workbench.fusion.inside.plane_tasks import BUMPS, PlaneTask, draw_points, seen
from workbench.runtime import seeded

__all__ = ["EVERY", "asked", "loss_floor", "trained"]

EVERY = 10
"""Steps between two points of a curve."""
_SPEC = Spec({"image": BUMPS, "text": BUMPS}, {"image": 1, "text": 1}, 2)
_BATCH, _RATE, _FRESH = 64, 6e-3, 4000
_STARTS, _LEARNT = 3, 0.3  # nats above the floor: below this a rule has been found
_NEAR, _LEAST, _COOLING = (
    0.08,
    60,
    30,
)  # nats above the floor, fewest steps before the rate runs out, steps for it
_GUESSING, _HALF = 0.05, 0.4  # nats below guessing, share of the steps after which a start is given up
_GRID = 120  # points a side: a multiple of every task's cells

Tell = Callable[[int, int, float], None]
"""Called with (start, step, loss) every `EVERY` steps; may cancel."""


def trained(one: Fusion, task: PlaneTask, design: Design, steps: int, seed: int, tell: Tell) -> nn.Module:
    """A model after training; one that should have got there and did not starts again, twice at most."""
    floor = loss_floor(one.card, task)
    for start in range(_STARTS):
        with seeded(seed + 1000 * start):
            module = one.build(_SPEC, design)
        give_up = _guess(task) - _GUESSING if start + 1 < _STARTS else math.inf
        random = np.random.default_rng([seed, 31, start])
        loss = _fit(module, task, steps, floor, give_up, random, partial(tell, start))
        if loss < floor + _LEARNT:
            break
    return module.eval()


def loss_floor(card: FusionCard, task: PlaneTask) -> float:
    """Nats: the least mean loss that a fusion's class can reach on a task.

    None for what can say anything, and for a sum where a sum is enough. Where it is not, rows and columns all
    have the same share of yes, so the best sum is that share throughout. One modality alone knows the share
    at each of its own values.
    """
    if card.kind in ("universal", "bilinear") or (card.kind != "unimodal" and task.additive_solves):
        return 0.0
    if card.kind != "unimodal":
        return _guess(task)
    truth, there = _grid(task)
    other = 0 if card.name.endswith("image") else 1  # the axis of what is not seen
    share = (truth * there).sum(axis=other) / there.sum(axis=other)
    return float(_entropy(share).mean())


def _guess(task: PlaneTask) -> float:
    """The loss of who knows only how often the answer is yes."""
    truth, there = _grid(task)
    return float(_entropy(np.average(truth, weights=there)))


def _grid(task: PlaneTask) -> tuple[NDArray, NDArray]:
    """row (text) x col (image): the answer in the middle of each cell, and whether data lie there."""
    middle = (np.arange(_GRID) + 0.5) * 2 / _GRID - 1
    image, text = np.meshgrid(middle, middle)
    there = (image > 0) == (text > 0) if task.tied else np.ones_like(image, bool)
    return task.rule(image, text).astype(float), there.astype(float)


def _entropy(share: NDArray | float) -> NDArray:
    held = np.clip(np.asarray(share, float), 1e-12, 1 - 1e-12)
    return np.asarray(-held * np.log(held) - (1 - held) * np.log(1 - held))


def _fit(
    module: nn.Module,
    task: PlaneTask,
    steps: int,
    floor: float,
    give_up: float,
    random: np.random.Generator,
    tell: Callable[[int, float], None],
) -> float:
    """The mean loss of the last few steps."""
    free, grads = _flat(module)
    optimizer = torch.optim.AdamW([free], lr=_RATE, weight_decay=0)
    recent: list[float] = []
    cooling = 0  # the step from which the rate runs out; 0 while it follows its schedule
    for step in range(1, steps + 1):
        image, text, answer = draw_points(task, _BATCH, random)
        label = torch.from_numpy(answer)
        optimizer.param_groups[0]["lr"] = _RATE * _share(step, steps, cooling)
        losses = [functional.cross_entropy(logits, label) for logits in _heads(module, image, text)]
        grads.zero_()
        torch.stack(losses).sum().backward()
        grads.mul_((1.0 / (grads.norm() + 1e-6)).clamp(max=1.0))
        optimizer.step()
        recent.append(float(losses[0].detach()))
        if step % EVERY == 0:
            tell(step, float(np.mean(recent[-EVERY:])))
            lately = float(np.mean(recent[-2 * EVERY :]))
            if cooling and step >= cooling + _COOLING:
                break
            if not cooling and step >= _LEAST and lately <= floor + _NEAR:
                cooling = step
            if step >= _HALF * steps and lately > max(give_up, floor + _LEARNT):
                break
    return float(np.mean(recent[-EVERY:]))


def _flat(module: nn.Module) -> tuple[Tensor, Tensor]:
    """All weights as one tensor and all gradients as another, which the module's own are views of.

    The models are so small that Adam, asked a hundred times a step, took a third of the time.
    """
    own = [value for value in module.parameters() if value.requires_grad]
    whole = torch.cat([value.detach().reshape(-1) for value in own])
    grads = torch.zeros_like(whole)
    start = 0
    for value in own:
        part = slice(start, start + value.numel())
        value.data, value.grad = whole[part].view_as(value), grads[part].view_as(value)
        start = part.stop
    whole.requires_grad_()
    whole.grad = grads
    return whole, grads


def _share(step: int, steps: int, cooling: int) -> float:
    """Of the rate: the schedule's, or what is left of it while it runs out."""
    if not cooling:
        return scheduled(step, steps)
    along = min(1.0, (step - cooling) / _COOLING)
    return scheduled(cooling, steps) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * along)))


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
