"""Checks of a fusion that need no training: what is registered, what is read, what may be missing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.fusion.design import Design, Fusion, FusionCard, Spec
from workbench.fusion.modules.flops import count_flops
from workbench.fusion.theory.expectations import Bound, judged
from workbench.fusion.theory.proof import ProofRow
from workbench.runtime import seeded

__all__ = ["DESIGN", "SPEC", "Inputs", "check_structure", "made_inputs"]

SPEC = Spec({"image": 5, "text": 7}, {"image": 6, "text": 4}, 3)
DESIGN = Design(width=12, depth=2, heads=2, rank=2, bottleneck=3)
_ITEMS, _SAME = 5, 1e-4
Inputs = dict[str, tuple[Tensor, Tensor]]


def check_structure(fusion: Fusion, seed: int = 0) -> list[ProofRow]:
    """One row a check. A fusion that fails one is broken whatever it learns."""
    with seeded(seed):
        module = fusion.build(SPEC, DESIGN)
        inputs = made_inputs()
    _two_steps(module, inputs)
    rows: list[tuple[str, float, float, str]] = [
        ("dead parameters", _dead(module), 0, "0: each receives a gradient"),
        ("masked tokens", _masked(module, inputs), _SAME, "0: what is under a mask is never read"),
        ("padding", _padding(module, inputs), _SAME, "0: masked tokens may be added"),
        ("missing key", _missing(module, inputs), _SAME, "0: a key left out equals a mask without True"),
        ("alone", _alone(module, inputs), 0, "0 infinite logits when a modality is missing"),
    ]
    if hasattr(module, "formula_parameters"):
        found = sum(value.numel() for value in module.parameters())
        expected = module.formula_parameters()
        rows.append(("parameters off", abs(found - expected), 0, f"0: {expected} by the formula"))
        tokens = {name: x.shape[1] for name, (x, _) in inputs.items()}
        counted, formula = count_flops(module, inputs), module.formula_flops(tokens)
        rows.append(("FLOPs off", abs(counted - formula), 0, f"0: {formula} by the formula"))
    if fusion.card.kind == "additive" and fusion.name != "mean-probabilities":
        rows.append(("interaction", _interaction(module, inputs), _SAME, "0: a sum of one score a modality"))
    return [_row(fusion.card, *row) for row in rows] + _keys(module, fusion.card, inputs)


def _row(card: FusionCard, what: str, measured: float, most: float, theory: str) -> ProofRow:
    return judged(card, "structure", Bound(what, 0.0, most, theory), float(measured))


def made_inputs(count: int = _ITEMS) -> Inputs:
    """Random tokens of both modalities, two fewer than there may be; one picture token is masked."""
    inputs = {}
    for name, feature in SPEC.features.items():
        tokens = SPEC.tokens[name] - 2
        inputs[name] = (torch.randn(count, tokens, feature), torch.ones(count, tokens, dtype=torch.bool))
    inputs["image"][1][0, 1] = False
    return inputs


def _two_steps(module: nn.Module, inputs: Inputs) -> None:
    """Two steps: a map that starts at zero passes no gradient on in the first."""
    optimizer = torch.optim.SGD([value for value in module.parameters() if value.requires_grad], lr=0.1)
    label = torch.arange(_ITEMS) % SPEC.classes
    for _ in range(2):
        out = module(inputs)
        loss = sum(functional.cross_entropy(each, label) for each in (out.logits, *out.auxiliary.values()))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimizer.step()


def _dead(module: nn.Module) -> int:
    return sum(
        value.numel()
        for value in module.parameters()
        if value.grad is None or not bool(value.grad.abs().sum())
    )


@torch.no_grad()
def _masked(module: nn.Module, inputs: Inputs) -> float:
    """Largest change of a logit when what stands under False masks becomes large, then NaN."""
    x, mask = inputs["image"]
    for garbage in (1e4, math.nan):
        other = torch.where(mask[..., None], x, torch.full_like(x, garbage))
        change = _distance(module, inputs, inputs | {"image": (other, mask)})
        if not change <= _SAME:
            return change
    return change


@torch.no_grad()
def _padding(module: nn.Module, inputs: Inputs) -> float:
    longer = {
        name: (functional.pad(x, (0, 0, 0, 2), value=3.0), functional.pad(mask, (0, 2), value=False))
        for name, (x, mask) in inputs.items()
    }
    return _distance(module, inputs, longer)


@torch.no_grad()
def _missing(module: nn.Module, inputs: Inputs) -> float:
    worst = 0.0
    for name, (x, mask) in inputs.items():
        without = {other: pair for other, pair in inputs.items() if other != name}
        change = _distance(module, without, inputs | {name: (x, torch.zeros_like(mask))})
        worst = max(worst, change) if change == change else math.inf
    return worst


@torch.no_grad()
def _alone(module: nn.Module, inputs: Inputs) -> int:
    """Logits that are not finite, each modality alone, and with no modality at all."""
    nothing = {name: (x, torch.zeros_like(mask)) for name, (x, mask) in inputs.items()}
    every = [*module(inputs, alone=True).per_modality.values(), module(nothing).logits]
    return sum(int((~torch.isfinite(logits)).sum()) for logits in every)


@torch.no_grad()
def _keys(module: Any, card: FusionCard, inputs: Inputs) -> list[ProofRow]:
    """The fewest keys any attention chooses among: a softmax over one key is 1, whatever is asked."""
    attentions = module(inputs, look=True).attentions
    if not attentions:
        return []
    fewest = min(weights.shape[-1] for weights in attentions.values())
    bound = Bound("keys", 2, math.inf, "at least 2: over one key attention says nothing")
    return [judged(card, "structure", bound, float(fewest))]


@torch.no_grad()
def _interaction(module: Callable[..., Any], inputs: Inputs) -> float:
    """Largest double difference f(a,b) - f(a',b) - f(a,b') + f(a',b') of log-odds; 0 for a sum."""
    (image, image_mask), (text, text_mask) = inputs["image"], inputs["text"]
    swapped = torch.roll(torch.arange(len(image)), 1)

    def odds(i: Tensor, t: Tensor) -> Tensor:
        logits = module({"image": (image[i], image_mask[i]), "text": (text[t], text_mask[t])}).logits
        return logits - logits.mean(dim=1, keepdim=True)

    here = torch.arange(len(image))
    double = odds(here, here) - odds(swapped, here) - odds(here, swapped) + odds(swapped, swapped)
    return float(double.abs().max())


def _distance(module: Callable[..., Any], one: Inputs, other: Inputs) -> float:
    found = float((module(one).logits - module(other).logits).abs().max())
    return found if math.isfinite(found) else math.inf
