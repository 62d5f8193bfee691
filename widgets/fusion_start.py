"""Where a fusion board starts: its traits, from what it is given to show."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.fusion import FusionReport, Proof, Regions

__all__ = ["start_values"]

_FIRST_CHOICE = ["mean-logits", "concat-mlp", "early-tokens"]


def start_values(
    report: FusionReport | None, proof: Proof | None, regions: Regions | None, *, has_examples: bool
) -> dict[str, Any]:
    """Trait to value: the page that fits, the best fusion in view, its budget for the next comparison."""
    if report is not None and report.cards:
        return _of_report(report)
    if proof is not None:
        return {"tab": "proof"}
    if regions is not None:
        return {"tab": "plane", "task": regions.task} | _of_regions(regions)
    return {"tab": "training", "chosen": _FIRST_CHOICE} if has_examples else {}


def _of_report(report: FusionReport) -> dict[str, Any]:
    means = report.interval("accuracy")[:, 0]
    best = int(np.nanargmax(means)) if np.isfinite(means).any() else 0
    first = next((card.name for card in report.cards if card.kind == "additive"), report.fusions[0])
    return {
        "tab": "quality", "fusion": report.fusions[best], "baseline": first, "chosen": list(report.fusions),
        "seeds": len(report.seeds), "epochs": report.plan.epochs, "most_train": report.plan.most_train or 0,
        "focus": int(report.items[0]) if len(report.items) else -1,
    }  # fmt: skip


def _of_regions(regions: Regions) -> dict[str, Any]:
    """The slider and its neighbours as a given `Regions` has them."""
    values: dict[str, Any] = {"seed": regions.provenance.seed or 0}
    slider = next((name for name in regions.fusions if name.startswith("slider-")), None)
    if slider is not None:
        layer, _, bottleneck = slider.removeprefix("slider-").partition("b")
        values |= {"layer": int(layer), "bottleneck": int(bottleneck or 0)}
    return values | {"beside": [name for name in regions.fusions if name != slider]}
