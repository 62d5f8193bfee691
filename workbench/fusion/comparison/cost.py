"""What a fusion costs: numbers to train, arithmetic, time for one example, memory for one batch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from workbench.fusion.comparison.dataset import Batch
from workbench.fusion.modules.flops import count_flops

__all__ = ["Cost", "cost", "unmatched"]

_RUNS, _FACTOR = 30, 1.5


@dataclass(frozen=True)
class Cost:
    """Of one fusion; see `Budget` for units."""

    parameters: int
    flops: int
    flops_formula: float
    p50_ms: float
    p95_ms: float
    memory_mb: float


def cost(module: nn.Module, batch: Batch) -> Cost:
    """Measured on one training batch (its first example, for time)."""
    trainable = sum(value.numel() for value in module.parameters() if value.requires_grad)
    tokens = {name: values.shape[1] for name, (values, _) in batch.items()}
    formula = getattr(module, "formula_flops", None)
    median, slow = _milliseconds(module, {name: (x[:1], mask[:1]) for name, (x, mask) in batch.items()})
    # a weight, its gradient and Adam's two moments, 4 bytes each; and what the backward pass keeps
    memory = 16 * trainable + _kept_bytes(module, batch)
    expected = float("nan") if formula is None else float(formula(tokens))
    return Cost(trainable, count_flops(module, batch), expected, median, slow, memory / 1e6)


def unmatched(names: list[str], parameters: NDArray[Any], flops: NDArray[Any]) -> tuple[str, ...]:
    """Fusions whose size or work is not within 1.5 times the median: not compared on equal budgets."""
    out = []
    for place, name in enumerate(names):
        for values in (parameters, flops):
            middle = float(np.median(values))
            if not middle / _FACTOR <= float(values[place]) <= middle * _FACTOR:
                out.append(name)
                break
    return tuple(out)


def _milliseconds(module: nn.Module, one: Batch) -> tuple[float, float]:
    times = []
    with torch.inference_mode():
        for _ in range(_RUNS):
            start = time.perf_counter()
            module(one).logits.cpu()
            times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times)), float(np.percentile(times, 95))


def _kept_bytes(module: nn.Module, batch: Batch) -> int:
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    own = {value.untyped_storage().data_ptr() for value in module.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = module(batch)  # holds the graph until the bytes are counted
    total = sum(size for pointer, size in kept.items() if pointer not in own)
    del out
    return total
