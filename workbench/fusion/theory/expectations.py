"""From a fusion's class and a task to the bounds its measured numbers must keep."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.fusion.design import FusionCard
from workbench.fusion.theory.proof import ProofRow
from workbench.fusion.theory.tasks import CLASSES, GAUSSIAN, Task

__all__ = ["Bound", "bounds", "judged", "must_solve"]

# Widths of a band around theory: sampling error of 6,000 test items and what training leaves over.
AUROC, NLL, ACCURACY, R2 = 0.03, 0.02, 0.02, 0.03
SOLVED_NLL, SOLVED_AUROC, SOLVED_R2 = 0.05, 0.99, 0.9
GAUSSIAN_NLL = 0.2628  # of the exact posterior, by quadrature in the tests
# A mean over heads that each learn to be right alone: calibrated only once their shares have moved far.
_UNDERCONFIDENT = ("mean-probabilities", "hybrid")
_CEILINGS = {"xor": 0.75, "match": 0.75, "sum-mod": 8 / 9}  # of a scalar gate; see `_scalar_gate`


@dataclass(frozen=True)
class Bound:
    """One measure of one fusion on one task: where it must lie, and why."""

    measure: str
    low: float
    high: float
    theory: str


def must_solve(card: FusionCard, task: Task) -> bool:
    """Whether a fusion of this class reaches the best on this task, so that failing is a fault."""
    if task.name == "gaussian":
        return False  # judged by its own closed form
    if card.kind in ("universal", "bilinear"):
        return True
    if card.kind == "unimodal":
        return _alone(card, task) == task.bayes == 1
    return task.additive_solves


def bounds(card: FusionCard, task: Task) -> list[Bound]:
    """What theory says of a fusion on a task; an infinite end where it says nothing."""
    if task.name == "gaussian":
        return _gaussian(card, task)
    if must_solve(card, task):
        return _solved(task)
    if card.kind == "additive":
        return _additive(card, task)
    return _scalar_gate(task) if card.kind == "scalar-gated" else _unimodal(card, task)


def judged(card: FusionCard, task: str, bound: Bound, measured: float) -> ProofRow:
    """A row of the proof; a bound open at both ends is no claim."""
    claims = math.isfinite(bound.low) or math.isfinite(bound.high)
    passed = bool(bound.low <= measured <= bound.high) if claims else None
    return ProofRow(
        card.name, card.kind, task, bound.measure, measured, bound.low, bound.high, bound.theory, passed
    )


def _solved(task: Task) -> list[Bound]:
    if task.classes == 1:
        return [Bound("R2", SOLVED_R2, math.inf, "1: a product is within its class")]
    rows = [Bound("NLL", 0.0, SOLVED_NLL, f"0: {task.why}")]
    if task.classes == 2:
        rows.insert(0, Bound("AUROC", SOLVED_AUROC, 1.0, "1"))
    return [*rows, Bound("accuracy", 1 - ACCURACY, 1.0, "1")]


def _additive(card: FusionCard, task: Task) -> list[Bound]:
    if task.classes == 1:
        if card.name == "mean-probabilities":  # additive in probabilities; its log need not be
            return [Bound("R2", -math.inf, math.inf, "no claim: a sum of probabilities, read as a number")]
        return [Bound("R2", -math.inf, R2, f"0: {task.why}")]
    if card.name == "mean-probabilities" and task.classes < CLASSES:
        # An expert may hide mass on the class that is shut here, and so weigh itself: a scalar gate.
        return _scalar_gate(task)
    least = task.additive_nll
    rows = [Bound("NLL", least - NLL, least + NLL, f"ln {task.classes} = {least:.4f}: {task.why}")]
    if task.name == "xor":
        rows.insert(0, Bound("AUROC", 0.5 - AUROC, 0.5 + AUROC, f"1/2: {task.why}"))
    ceiling = task.additive_accuracy
    return [*rows, _ceiling(ceiling, "the best of any sum of one score a modality")]


def _scalar_gate(task: Task) -> list[Bound]:
    """z h(a) + (1 - z) t(b) > k exactly if logit z > log(k - t) - log(h - k): a sum's decision.

    For three classes that makes every pair of classes wrong in some cell, so at most 8 of 9.
    """
    if task.classes == 1:
        return [Bound("R2", -math.inf, math.inf, "no claim: a gate of both times a score of one")]
    return [_ceiling(_CEILINGS[task.name], "its decision is that of an additive score")]


def _unimodal(card: FusionCard, task: Task) -> list[Bound]:
    best = _alone(card, task)
    if task.classes == 1:
        return [Bound("R2", -math.inf, R2, "0: E[ab | a] = 0")]
    return [_ceiling(best, "the best that one modality can say")]


def _gaussian(card: FusionCard, task: Task) -> list[Bound]:
    best = task.bayes if card.kind != "unimodal" else _alone(card, task)
    mean = " and ".join(f"{value:g}" for value in GAUSSIAN)
    rows = [Bound("accuracy", best - ACCURACY, best + ACCURACY, f"{best:.4f}: Phi, means {mean}")]
    if card.kind in ("universal", "bilinear", "additive") and card.name not in _UNDERCONFIDENT:
        least = GAUSSIAN_NLL
        rows.append(Bound("NLL", least - NLL, least + NLL, f"{least}: that of the exact posterior"))
    return rows


def _ceiling(best: float, why: str) -> Bound:
    return Bound("accuracy", -math.inf, best + ACCURACY, f"at most {best:.3f}: {why}")


def _alone(card: FusionCard, task: Task) -> float:
    return task.alone[0 if card.name.endswith("image") else 1]
