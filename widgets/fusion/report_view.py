"""A comparison as plain data for the screen: quality with intervals, curves, calibration, cost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.fusion import FusionReport
from workbench.metrics import interval

__all__ = [
    "COSTS",
    "MEASURES",
    "cost_view",
    "curve_rows",
    "curves_view",
    "lines_for",
    "number",
    "quality_view",
]

MEASURES = {
    "accuracy": ("accuracy", "share of test items right", True),
    "balanced_accuracy": ("balanced accuracy", "share right of each class, and the mean of these", True),
    "f1": ("F1", "mean over classes of 2 TP / (2 TP + FP + FN), 0 to 1", True),
    "auroc": ("AUROC", "chance that a right item scores above a wrong one", True),
    "nll": ("NLL", "mean of -log probability of the truth, nats", False),
    "brier": ("Brier", "squared distance from the truth, 0 to 2", False),
    "ece": ("ECE", "distance of confidence from accuracy", False),
}
"""measure to (short name, meaning with its unit, whether more is better)."""
COSTS = {
    "parameters": ("parameters", "numbers trained"),
    "flops": ("FLOPs", "of one example, forward"),
    "seconds": ("training, s", "seconds of one seed"),
    "p50_ms": ("latency, ms", "one example, median, milliseconds"),
    "memory_mb": ("memory, MB", "weights, gradients, optimiser and activations of a batch"),
}
"""cost to (axis label, meaning with its unit)."""


def number(value: float, digits: int = 4) -> float | None:
    """Rounded for the wire; None where there is none (JSON has no NaN)."""
    return round(float(value), digits) if math.isfinite(value) else None


def quality_view(report: FusionReport, measure: str, baseline: str) -> dict[str, Any]:
    """Every fusion's mean with its interval and seeds, beside the lines it is to be read against."""
    short, meaning, more = MEASURES[measure]
    values = report.metrics[measure]
    rows = []
    for place, card in enumerate(report.cards):
        mean, low, high = interval(values[place])
        row = {
            "fusion": card.name, "title": card.title, "where": card.where, "kind": card.kind,
            "mean": number(mean), "low": number(low), "high": number(high),
            "seeds": [number(value) for value in values[place]],
            "epoch": [int(epoch) for epoch in report.epoch[place]],
            "unmatched": card.name in report.budget.unmatched,
        }  # fmt: skip
        rows.append(row | _against(report, card.name, baseline, measure))
    best = sorted((row for row in rows if row["mean"] is not None), key=lambda row: row["mean"], reverse=more)
    return {
        "rows": rows,
        "order": [row["fusion"] for row in best] + [row["fusion"] for row in rows if row["mean"] is None],
        "measure": measure, "short": short, "meaning": meaning, "more": more,
        "lines": lines_for(report, measure),
        "baseline": baseline,
        "seeds": list(report.seeds),
        "broken": [{"fusion": name, "why": why} for name, why in report.broken.items()],
        "unmatched": list(report.budget.unmatched),
        "calibration": _calibration(report),
    }  # fmt: skip


def lines_for(report: FusionReport, measure: str) -> list[dict[str, Any]]:
    """The twins of a measure among the report's lines: what the data and chance say."""
    named = {
        "accuracy": lambda key: key == "chance" or key.endswith("accuracy"),
        "balanced_accuracy": lambda key: key == "balanced chance",
        "f1": lambda key: key == "f1 chance",
        "nll": lambda key: key.lower().startswith("ln ") or key.endswith("nll"),
        "auroc": lambda key: key.endswith("auroc"),
    }.get(measure, lambda key: False)
    words = {
        "chance": "chance", "balanced chance": "chance", "f1 chance": "chance",
        "bayes_accuracy": "upper bound", "additive_accuracy": "best additive model",
        "image_accuracy": "image alone", "text_accuracy": "text alone",
        "author_accuracy": "its author's model", "majority_accuracy": "majority class",
    }  # fmt: skip
    found = [
        {"name": words.get(key, key.replace("_", " ")), "value": number(value)}
        for key, value in report.lines.items()
        if named(key)
    ]
    if measure == "auroc" and not found:
        found.append({"name": "chance", "value": 0.5})
    return [line for line in found if line["value"] is not None]


def curves_view(report: FusionReport, curve: str) -> dict[str, Any]:
    """Each fusion's curve: the mean over seeds by epoch with the range of the seeds, and the epoch kept."""
    rows = curve_rows(report.curves[curve])
    loss = curve.endswith("loss")
    return {
        "curve": curve,
        "label": curve.replace("_", " ") + (", nats" if loss else ""),
        "rows": [
            {
                "fusion": card.name, "title": card.title, "where": card.where, "points": rows[place],
                "kept": number(_mean([epoch for epoch in report.epoch[place] if epoch > 0]), 2),
            }
            for place, card in enumerate(report.cards)
        ],
        "lines": lines_for(report, "nll" if loss else "accuracy"),
    }  # fmt: skip


def curve_rows(values: NDArray) -> list[list[list[float | None]]]:
    """fusion to epochs of [epoch, mean, lowest seed, highest seed]; epochs without a value are left out."""
    rows = []
    for seeds in values:
        points = []
        for epoch, column in enumerate(np.asarray(seeds, float).T, start=1):
            kept = column[np.isfinite(column)]
            if len(kept):
                points.append([epoch, number(kept.mean()), number(kept.min()), number(kept.max())])
        rows.append(points)
    return rows


def cost_view(report: FusionReport, cost: str, measure: str) -> dict[str, Any]:
    """Quality against one cost, and which fusions nothing beats in both."""
    label, meaning = COSTS[cost]
    spent = np.asarray(getattr(report.budget, cost), float)
    quality = np.array([interval(row) for row in report.metrics[measure]])
    more = MEASURES[measure][2]
    front = _front(spent, quality[:, 0] if more else -quality[:, 0])
    rows = [
        {
            "fusion": card.name, "title": card.title, "where": card.where,
            "cost": number(spent[place], 3), "mean": number(quality[place, 0]),
            "low": number(quality[place, 1]), "high": number(quality[place, 2]), "front": bool(front[place]),
            "parameters": int(report.budget.parameters[place]), "flops": int(report.budget.flops[place]),
            "formula": number(report.budget.flops_formula[place], 0),
            "seconds": number(report.budget.seconds[place], 2), "p50": number(report.budget.p50_ms[place], 3),
            "p95": number(report.budget.p95_ms[place], 3),
            "memory": number(report.budget.memory_mb[place], 2),
        }
        for place, card in enumerate(report.cards)
    ]  # fmt: skip
    return {
        "cost": cost, "label": label, "meaning": meaning, "measure": measure, "short": MEASURES[measure][0],
        "rows": rows, "unmatched": list(report.budget.unmatched),
        "lines": lines_for(report, measure),
    }  # fmt: skip


def _against(report: FusionReport, name: str, baseline: str, measure: str) -> dict[str, Any]:
    """Difference from the baseline seed by seed; sure if the interval leaves zero out."""
    if name == baseline or baseline not in report.fusions:
        return {"difference": None, "sure": None}
    paired = report.paired(name, baseline, measure)
    sure = None if not math.isfinite(paired.low) else bool(paired.low > 0 or paired.high < 0)
    difference = [number(paired.mean), number(paired.low), number(paired.high)]
    return {"difference": difference, "sure": sure}


def _calibration(report: FusionReport) -> list[dict[str, Any]]:
    return [
        {
            "fusion": card.name,
            "title": card.title,
            "where": card.where,
            "points": [
                [number(mean), number(rate), int(count)]
                for mean, rate, count in report.calibration[place]
                if count > 0 and math.isfinite(mean)
            ],
        }
        for place, card in enumerate(report.cards)
    ]


def _front(cost: NDArray, quality: NDArray) -> NDArray[np.bool_]:
    """fusion: nothing is at least as good and cheaper, or better and no dearer."""
    on = np.zeros(len(cost), bool)
    for place in range(len(cost)):
        if math.isfinite(cost[place]) and math.isfinite(quality[place]):
            beaten = (cost <= cost[place]) & (quality >= quality[place])
            strictly = beaten & ((cost < cost[place]) | (quality > quality[place]))
            on[place] = not strictly.any()
    return on


def _mean(values: list[int]) -> float:
    return float(np.mean(values)) if values else float("nan")
