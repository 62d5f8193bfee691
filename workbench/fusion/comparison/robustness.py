"""Quality while one modality gets worse: noise on its tokens, or more and more items without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.fusion.comparison.dataset import Batch
from workbench.fusion.comparison.report_parts import Robustness
from workbench.fusion.comparison.training import answers
from workbench.fusion.design import Plan
from workbench.fusion.ensemble import Replicas
from workbench.metrics import accuracy, nll

__all__ = ["Condition", "collect", "conditions", "score_conditions"]

Condition = tuple[str, str, int]
"""(kind, modality, place of the level)."""
Scores = dict[Condition, tuple[NDArray[np.float64], NDArray[np.float64]]]


def conditions(names: tuple[str, ...], plan: Plan) -> list[Condition]:
    """Every level of every curve."""
    levels = {"noise": plan.noise_test, "missing": plan.p_missing_test}
    return [(kind, name, place) for kind in levels for name in names for place in range(len(levels[kind]))]


def score_conditions(
    replicas: Replicas, inputs: Batch, truth: NDArray[np.int64], plan: Plan, beat: Callable[[], None]
) -> Scores:
    """Condition to (accuracy, NLL), one number a seed. Every fusion meets the same damage."""
    found: Scores = {}
    for condition in conditions(tuple(inputs), plan):
        beat()
        probability = answers(replicas, _damaged(inputs, condition, plan)[0])
        found[condition] = (
            np.array([accuracy(one, truth) for one in probability]),
            np.array([nll(one, truth) for one in probability]),
        )
    return found


def collect(
    scores: Mapping[str, Scores], order: list[str], seeds: int, inputs: Batch, plan: Plan, theory: Any = None
) -> tuple[Robustness, ...]:
    """One `Robustness` a kind and modality; fusions that were not reached are NaN.

    `theory` is (kind, modality) to a function of the levels, where the data have a closed form.
    """
    curves = []
    for kind, levels in (("noise", plan.noise_test), ("missing", plan.p_missing_test)):
        for name in inputs:
            values = np.full((2, len(order), seeds, len(levels)), np.nan, dtype=np.float32)
            for row, fusion in enumerate(order):
                for place in range(len(levels)):
                    if fusion in scores:
                        values[:, row, :, place] = scores[fusion][kind, name, place]
            realised = [_damaged(inputs, (kind, name, place), plan)[1] for place in range(len(levels))]
            curves.append(
                Robustness(
                    kind,  # type: ignore[arg-type]
                    name,
                    np.array(levels, np.float32),
                    np.array(realised, np.int64),
                    values[0],
                    values[1],
                    len(next(iter(inputs.values()))[0]),
                    plan.p_missing_train,
                    theory[kind, name](np.array(levels)) if theory and (kind, name) in theory else None,
                )
            )
    return tuple(curves)


def _damaged(inputs: Batch, condition: Condition, plan: Plan) -> tuple[Batch, int]:
    """(inputs with one modality damaged, number of items that were really changed)."""
    kind, name, place = condition
    values, mask = inputs[name]
    random = torch.Generator().manual_seed(1009 + place)
    if kind == "noise":
        level = plan.noise_test[place]
        noise = torch.randn(values.shape, generator=random).to(values.device)
        changed = int(mask.any(dim=1).sum()) if level else 0
        return {**inputs, name: (values + level * noise * mask[..., None], mask)}, changed
    gone = torch.rand(len(values), generator=random) < plan.p_missing_test[place]
    gone = gone.to(values.device)
    changed = int((gone & mask.any(dim=1)).sum())
    return {**inputs, name: (values, mask & ~gone[:, None])}, changed
