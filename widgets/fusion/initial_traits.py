"""Where a fusion board starts: its traits, from what it is given to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from widgets.fusion.plane_store import DEPTH, card_of
from widgets.fusion.training_runs import FIRST_CHOICE
from workbench.errors import BadInputError
from workbench.fusion import Advice, Examples, FusionReport, Meeting, Proof, Regions, plane_tasks

__all__ = ["asked_of", "check_plane", "start_values"]


def start_values(
    report: FusionReport | None,
    proof: Proof | None,
    regions: Regions | None,
    meetings: Sequence[Meeting],
    examples: Examples | None,
    advice: Advice | None,
) -> dict[str, Any]:
    """Trait to value: the page that fits, the best fusion in view, its budget for the next comparison."""
    plane = {} if regions is None else {"tab": "plane", "task": regions.task} | _of_regions(regions)
    if report is not None and report.cards:
        return plane | _of_report(report)
    if advice is not None:
        return _of_advice(advice)
    if proof is not None:
        return {"tab": "proof"} | plane
    if regions is not None:
        return plane
    if meetings:
        return {"tab": "models"}
    return {"tab": "training", "chosen": list(FIRST_CHOICE)} if examples is not None else {}


def check_plane(task: str, layer: int, bottleneck: int, beside: Sequence[str], steps: int) -> None:
    """Refuse settings that the plane does not have.

    Raises:
        BadInputError: no such task, layer, bottleneck, or too few steps. UnknownNameError: no such fusion.
    """
    known = [row.name for row in plane_tasks()]
    if task not in known:
        raise BadInputError(f"task is {task!r}; the plane has {', '.join(known)}.")
    if not 0 <= layer <= DEPTH:
        raise BadInputError(f"layer is {layer}; expected 0 (early) to {DEPTH} (late).")
    if not 0 <= bottleneck <= 16:
        raise BadInputError(f"bottleneck is {bottleneck}; expected 0 (all tokens) to 16.")
    if steps < 10:
        raise BadInputError(f"steps is {steps}; expected at least 10.")
    for name in beside:
        card_of(name, {})  # raises, with the nearest names


def asked_of(board: Any) -> dict[str, Any]:
    """What a board's page Choose asks `advise`."""
    asked = {name: getattr(board, name) for name in ("need", "may_miss", "explain", "apart")}
    return asked | {
        "parameters": board.most_parameters or None,
        "seconds": board.most_seconds or None,
        "rows": board.rows or None,
    }


def _of_report(report: FusionReport) -> dict[str, Any]:
    means = report.interval("accuracy")[:, 0]
    best = int(np.nanargmax(means)) if np.isfinite(means).any() else 0
    first = next((card.name for card in report.cards if card.kind == "additive"), report.fusions[0])
    return {
        "tab": "quality", "fusion": report.fusions[best], "baseline": first, "chosen": list(report.fusions),
        "seeds": len(report.seeds), "epochs": report.plan.epochs, "most_train": report.plan.most_train or 0,
        "training": report.plan.training,
        "focus": int(report.items[0]) if len(report.items) else -1,
    }  # fmt: skip


def _of_regions(regions: Regions) -> dict[str, Any]:
    """The slider and its neighbours as a given `Regions` has them."""
    values: dict[str, Any] = {"seed": regions.provenance.seed or 0, "steps": regions.steps}
    slider = next((name for name in regions.fusions if name.startswith("slider-")), None)
    if slider is not None:
        layer, _, bottleneck = slider.removeprefix("slider-").partition("b")
        values |= {"layer": int(layer), "bottleneck": int(bottleneck or 0)}
    return values | {"beside": [name for name in regions.fusions if name != slider]}


def _of_advice(advice: Advice) -> dict[str, Any]:
    asked: dict[str, Any] = dict(advice.answers)
    limits = {"parameters": "most_parameters", "seconds": "most_seconds", "rows": "rows"}
    values = {limits.get(name, name): value for name, value in asked.items() if value is not None}
    return {"tab": "choose"} | values
