"""Robustness, contributions and the proof, as plain data for the screen."""

from __future__ import annotations

from typing import Any

import numpy as np

from widgets.fusion.report_view import lines_for, number
from workbench.formatting import plural
from workbench.fusion import FusionReport, Proof
from workbench.metrics import interval

__all__ = ["contributions_view", "proof_view", "robustness_view"]


def robustness_view(report: FusionReport, measure: str) -> dict[str, Any]:
    """One panel a damage: quality at each level for each fusion, and the closed form where there is one."""
    shown = measure if measure in ("accuracy", "nll") else "accuracy"
    panels = []
    for damage in report.robustness:
        values = getattr(damage, shown)
        unit = "noise, standard deviations" if damage.kind == "noise" else "share of items without it"
        rows = [
            {
                "fusion": card.name, "title": card.title, "where": card.where,
                "points": [
                    [number(level), *(number(value) for value in interval(values[place, :, at]))]
                    for at, level in enumerate(damage.levels)
                ],
                "relative": number(interval(damage.relative[place])[0]),
            }
            for place, card in enumerate(report.cards)
        ]  # fmt: skip
        theory = None
        if damage.theory is not None and shown == "accuracy":
            theory = [[number(x), number(y)] for x, y in zip(damage.levels, damage.theory, strict=True)]
        panels.append(
            {
                "title": f"{damage.modality}, {'with noise' if damage.kind == 'noise' else 'missing'}",
                "kind": damage.kind, "modality": damage.modality, "x": unit, "rows": rows, "theory": theory,
                "realised": [int(count) for count in damage.realised], "items": damage.items,
                "levels": [number(level) for level in damage.levels],
                "p_missing_train": damage.p_missing_train,
            }
        )  # fmt: skip
    lines = [line for line in lines_for(report, shown) if line["name"] in ("chance", "ln K")]
    return {"measure": shown, "panels": panels, "lines": lines}


def contributions_view(report: FusionReport) -> dict[str, Any] | None:
    """Shapley values with their interaction, the EMAP gap, the information decomposition, gradients."""
    parts = report.contributions
    if parts is None:
        return None
    rows = []
    for place, card in enumerate(report.cards):
        rows.append(
            {
                "fusion": card.name, "title": card.title, "where": card.where, "kind": card.kind,
                "shapley": [_spread(parts.shapley[place, :, m]) for m in range(len(report.modalities))],
                "interaction": _spread(parts.interaction[place]),
                "emap": _spread(parts.emap_accuracy[place]),
                "gap": _spread(parts.emap_gap[place]),
                "additive": _spread(parts.additive_share[place]),
                "cosine": _spread(parts.gradient_cosine[place]),
                "ratio": _spread(parts.gradient_ratio[place]),
            }
        )  # fmt: skip
    titles = {card.name: card.title for card in report.cards}
    pid = [
        {
            "name": name, "title": titles.get(name, name), "unit": value.unit,
            "estimator": value.estimator, "items": value.items,
            "bars": [
                ["redundancy", number(value.redundant)],
                *([f"unique: {modality}", number(bits)] for modality, bits in value.unique.items()),
                ["synergy", number(value.synergistic)],
            ],
            "null": [number(bits) for bits in value.null],
        }
        for name, value in parts.pid.items()
    ]  # fmt: skip
    return {
        "modalities": list(report.modalities), "rows": rows, "pid": pid,
        "removal": parts.removal, "items": parts.items, "emap_items": parts.emap_items,
    }  # fmt: skip


def proof_view(proof: Proof) -> dict[str, Any]:
    """A table fusion x task; a cell is its worst row, opened by a click."""
    cells = []
    for fusion in proof.fusions:
        kind = proof.of(fusion)[0].kind
        found = []
        for task in proof.tasks:
            rows = proof.of(fusion, task)
            verdicts = [row.passed for row in rows]
            state = "broken" if False in verdicts else "within" if True in verdicts else "no claim"
            head = next((row for row in rows if row.passed is False), rows[0] if rows else None)
            found.append(
                {
                    "task": task,
                    "state": state if rows else "none",
                    "measure": "" if head is None else head.measure,
                    "measured": None if head is None else number(head.measured),
                    "rows": [[row.measure, number(row.measured), row.theory, row.passed] for row in rows],
                }
            )
        cells.append({"fusion": fusion, "kind": kind, "cells": found})
    return {
        "tasks": list(proof.tasks), "rows": cells, "seconds": number(proof.seconds, 1),
        "failures": len(proof.failures), "count": len(proof), "complete": proof.complete,
        "said": _said(proof),
    }  # fmt: skip


def _said(proof: Proof) -> str:
    judged = sum(row.passed is not None for row in proof.rows)
    cut = "" if proof.complete else "Cancelled before the end. "
    if not proof.failures:
        return f"{cut}{plural(judged, 'claim')} tested, all within theory, in {proof.seconds:.0f} s."
    broken = sorted({row.fusion for row in proof.failures})
    count = f"{len(proof.failures)} of {judged} claims broken"
    return f"{cut}{count}, by {', '.join(broken)}. These cannot be compared."


def _spread(values: Any) -> list[float | None]:
    """[mean, low, high] over seeds."""
    kept = np.asarray(values, float)
    if not np.isfinite(kept).any():
        return [None, None, None]
    return [number(value) for value in interval(kept)]
