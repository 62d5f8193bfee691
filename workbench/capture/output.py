"""What a model gives out, compared between two passes; and the model without dropout meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

__all__ = ["difference_between", "evaluated", "tensors_in"]


def difference_between(plain: Sequence[Tensor], captured: Sequence[Tensor]) -> float:
    """The largest relative difference among the tensors of two outputs."""
    if len(plain) != len(captured):
        return float("inf")
    worst = 0.0
    for one, other in zip(plain, captured, strict=True):
        if one.shape != other.shape:
            return float("inf")
        apart = float((one.double() - other.double()).norm())
        worst = max(worst, apart / max(float(one.double().norm()), 1e-12))
    return worst


def tensors_in(output: Any) -> list[Tensor]:
    """Every tensor of numbers in an output, however it is nested."""
    if isinstance(output, Tensor):
        return [output.detach()] if output.is_floating_point() else []
    if isinstance(output, Mapping):
        return [tensor for value in output.values() for tensor in tensors_in(value)]
    if isinstance(output, (list, tuple)):
        return [tensor for value in output for tensor in tensors_in(value)]
    return []


@contextmanager
def evaluated(root: nn.Module) -> Iterator[None]:
    """Dropout off inside; every module's own training flag back afterwards."""
    training = [module for module in root.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
