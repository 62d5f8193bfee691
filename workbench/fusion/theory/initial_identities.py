"""What a fusion must equal before it has learned anything: identities of its start, without training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from workbench.fusion.design import Fusion, FusionOutput
from workbench.fusion.theory.expectations import Bound, judged
from workbench.fusion.theory.proof import ProofRow
from workbench.fusion.theory.structure import DESIGN, SPEC, Inputs, made_inputs
from workbench.runtime import seeded

__all__ = ["start_rows"]

_SAME = 1e-5


def start_rows(one: Fusion, seed: int = 0) -> list[ProofRow]:
    """One row: the largest distance of an untrained fusion from what its card says that it begins as.

    Fusions whose start is no identity (a random map of both modalities) have no row.
    """
    if one.card.name not in _STARTS:
        return []
    why, expected = _STARTS[one.card.name]
    with seeded(seed):
        module = one.build(SPEC, DESIGN)
        inputs = made_inputs()
    with torch.no_grad():
        out = module(inputs, alone=True)
        found = float((_relative(out.logits) - _relative(expected(module, inputs, out))).abs().max())
    return [judged(one.card, "at the start", Bound("distance", 0.0, _SAME, f"0: {why}"), found)]


def _relative(logits: Tensor) -> Tensor:
    """Logits without what all classes share: two models that differ by it answer alike."""
    return logits.log_softmax(dim=-1)


def _first_alone(module: Any, inputs: Inputs, _out: FusionOutput) -> Tensor:
    first = next(iter(inputs))
    logits: Tensor = module({first: inputs[first]}).logits
    return logits


def _alone(out: FusionOutput) -> Tensor:
    """modality x batch x class"""
    return torch.stack(list(out.per_modality.values()))


_STARTS: dict[str, tuple[str, Callable[[Any, Inputs, FusionOutput], Tensor]]] = {
    "film": ("scale 1 and shift 0, the picture alone", _first_alone),
    "mean-logits": ("half of each modality's own logits", lambda _m, _i, out: _alone(out).mean(dim=0)),
    "mean-probabilities": (
        "half of each modality's own probabilities",
        lambda _m, _i, out: _alone(out).softmax(dim=-1).mean(dim=0).log(),
    ),
    "product-of-experts": (
        "with an even prior, the product of each modality's own probabilities",
        lambda _m, _i, out: _alone(out).log_softmax(dim=-1).sum(dim=0),
    ),
    "learned-weights": ("weight 1 for every modality", lambda _m, _i, out: _alone(out).sum(dim=0)),
    "hybrid": (
        "a third of each of its three heads",
        lambda _m, _i, out: torch.stack(list(out.auxiliary.values())).mean(dim=0),
    ),
}
