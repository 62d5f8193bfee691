"""Several copies of one small model trained as one: other seeds, or other tasks, in the same step.

A small model spends its time starting operations, not computing. Stacked weights under `torch.vmap`
start each operation once for all copies. Copies never mix: gradients of one do not reach another,
and Adam works on each number by itself.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from workbench.runtime import seeded

__all__ = ["Replicas", "scheduled"]


class Replicas:
    """`count` copies of a fusion with their own weights, in one stack.

    Attributes:
        parameters, buffers: name to copy x ...; leaves of the graph.
    """

    def __init__(self, build: Callable[[], nn.Module], seeds: Iterable[int], *, device: Any = "cpu") -> None:
        models = []
        for seed in seeds:
            with seeded(seed):
                models.append(build().to(device))
        self.count = len(models)
        self.skeleton = copy.deepcopy(models[0]).to("meta")
        stacked, buffers = stack_module_state(models)
        self.parameters = {name: value.detach().requires_grad_() for name, value in stacked.items()}
        self.buffers = dict(buffers)

    def apply(self, function: Callable[..., Any], *batched: Any, grad: bool = True) -> Any:
        """`function(model, *rows)` for every copy at once; each of `batched` has a leading copy axis.

        `function` returns tensors (or tuples and dicts of them), which come back with that axis.
        """

        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], *rows: Any) -> Any:
            def model(*args: Any, **options: Any) -> Any:
                return functional_call(self.skeleton, (parameters, buffers), args, options)

            return function(model, *rows)

        with torch.set_grad_enabled(grad):
            return torch.vmap(one)(self.parameters, self.buffers, *batched)

    def shared(self, function: Callable[..., Any], same: Any) -> Any:
        """`function(model, same)` for every copy, all reading the same rows; nothing is learnt."""

        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], rows: Any) -> Any:
            def model(*args: Any, **options: Any) -> Any:
                return functional_call(self.skeleton, (parameters, buffers), args, options)

            return function(model, rows)

        with torch.no_grad():
            return torch.vmap(one, in_dims=(0, 0, None))(self.parameters, self.buffers, same)

    def some(self, copies: list[int]) -> Replicas:
        """Only some of the copies, with the weights they have now."""
        other = copy.copy(self)
        other.count = len(copies)
        other.skeleton = copy.deepcopy(self.skeleton)
        other.parameters = {
            name: value.detach()[copies].clone().requires_grad_() for name, value in self.parameters.items()
        }
        other.buffers = {name: value[copies].clone() for name, value in self.buffers.items()}
        return other

    def snapshot(self) -> dict[str, Tensor]:
        """A copy of every weight."""
        return {name: value.detach().clone() for name, value in self.parameters.items()}

    def keep(self, best: dict[str, Tensor], better: Tensor) -> None:
        """Overwrite `best` with the present weights of the copies where `better` (copy, bool) is True."""
        for name, value in self.parameters.items():
            best[name][better] = value.detach()[better]

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Put weights back in place."""
        with torch.no_grad():
            for name, value in self.parameters.items():
                value.copy_(weights[name])

    def model(self, copy_: int) -> nn.Module:
        """One copy as an ordinary module."""
        own = copy.deepcopy(self.skeleton).to_empty(device=next(iter(self.parameters.values())).device)
        state = {name: value[copy_] for name, value in (self.parameters | self.buffers).items()}
        own.load_state_dict({name: value.detach().clone() for name, value in state.items()})
        return own

    def clip(self, parameters: list[Tensor], most: float) -> None:
        """Scale each copy's gradients down to a norm of at most `most`, copy by copy."""
        grads = [value.grad for value in parameters if value.grad is not None]
        norms = torch.stack([grad.flatten(1).pow(2).sum(dim=1) for grad in grads]).sum(dim=0).sqrt()
        scale = (most / norms.clamp(min=1e-12)).clamp(max=1.0)
        for grad in grads:
            grad.mul_(scale.view(-1, *([1] * (grad.ndim - 1))))


def scheduled(step: int, steps: int, *, warm: float = 0.05, last: float = 0.02) -> float:
    """Share of the learning rate at a step: a short rise, then half a cosine down to `last`."""
    rise = max(1, int(warm * steps))
    if step < rise:
        return (step + 1) / rise
    along = (step - rise) / max(1, steps - rise)
    return last + (1 - last) * 0.5 * (1 + math.cos(math.pi * along))
