"""Each page of the fusion board as a `Sheet`: the same numbers as on the screen, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from widgets.colours import DIVERGING
from widgets.format import percent
from widgets.fusion.analysis_view import contributions_view, robustness_view
from widgets.fusion.plane_view import Plane
from widgets.fusion.report_view import MEASURES
from widgets.fusion.sheet import Sheet
from workbench.fusion import Advice, FusionCard, FusionReport, Meeting, Proof, Regions

__all__ = [
    "advice_sheet",
    "contributions_sheet",
    "models_sheet",
    "plane_sheet",
    "proof_sheet",
    "report_sheet",
    "robustness_sheet",
]

_TILE = 96  # pixels


def report_sheet(report: FusionReport, measure: str) -> Sheet:
    """Every fusion with its mean, interval, size and cost."""
    short = MEASURES[measure][0]
    header = ("fusion", "where", "class", short, "95 % low", "95 % high", "parameters", "FLOPs", "seconds")
    ends = report.interval(measure)
    rows = [
        (
            card.title, card.where, card.kind, *(_shown(value) for value in ends[place]),
            int(report.budget.parameters[place]), int(report.budget.flops[place]),
            _shown(report.budget.seconds[place]),
        )
        for place, card in enumerate(report.cards)
    ]  # fmt: skip
    return Sheet(
        f"{report.data}: {short} on {report.counts.get('test', 0):,} test items",
        header, rows,
        notes=(
            *_stamp(report), *report.plain_notes, *(f"{name}: {why}" for name, why in report.broken.items())
        ),
        origin=_origin(report), csv=report.to_csv(), latex=report.to_latex(),
        bars=[(_stamped(card, report), float(ends[place, 0])) for place, card in enumerate(report.cards)],
        arrays={name: values for name, values in report.metrics.items()},
        provenance=report.provenance.to_dict() | {"configuration": report.config_hash},
        warnings=_warnings(report),
    )  # fmt: skip


def robustness_sheet(report: FusionReport, measure: str) -> Sheet:
    """One row a fusion, damage and level."""
    view = robustness_view(report, measure)
    rows, notes, bars = [], [], []
    for panel in view["panels"]:
        notes.append(
            f"{panel['title']}: items changed {', '.join(map(str, panel['realised']))} of {panel['items']}; "
            f"p_missing_train {panel['p_missing_train']:g}"
        )
        for row in panel["rows"]:
            rows += [(row["title"], panel["title"], *map(_cell, point)) for point in row["points"]]
            bars.append((f"{row['fusion']}, {panel['title']}", row["relative"] or float("nan")))
    header = ("fusion", "damage", "level", view["measure"], "95 % low", "95 % high")
    return Sheet(
        f"{report.data}: {view['measure']} while one modality gets worse",
        header, rows, notes=notes, origin=_origin(report), bars=bars,
        arrays={f"{part.modality}_{part.kind}": part.accuracy for part in report.robustness},
        provenance=report.provenance.to_dict(),
        warnings=_warnings(report),
    )  # fmt: skip


def contributions_sheet(report: FusionReport) -> Sheet:
    """Shapley values, interaction, EMAP gap: means over seeds."""
    view = contributions_view(report)
    if view is None:
        return Sheet("contributions were not computed", (), ())
    header = (
        "fusion", "class", *(f"Shapley {name}" for name in view["modalities"]), "interaction",
        "EMAP accuracy", "EMAP gap", "additive share",
    )  # fmt: skip
    rows = [
        (
            row["title"], row["kind"], *(_cell(value[0]) for value in row["shapley"]),
            *(_cell(row[name][0]) for name in ("interaction", "emap", "gap", "additive")),
        )
        for row in view["rows"]
    ]  # fmt: skip
    notes = [f"Removed: {view['removal']}.", *(_pid_words(pid) for pid in view["pid"])]
    return Sheet(
        f"{report.data}: who contributes", header, rows, notes=notes, origin=_origin(report),
        bars=[(row["title"], row["interaction"][0] or 0.0) for row in view["rows"]],
        provenance=report.provenance.to_dict(),
        warnings=_warnings(report),
    )  # fmt: skip


def plane_sheet(
    base: Regions | None, shown: Sequence[tuple[FusionCard, Plane | None]], *, task: str, seed: int
) -> Sheet:
    """Accuracy of each fusion on fresh points of the plane, beside the ceiling of sums."""
    if base is None:
        return Sheet(f"{task}: nothing is trained yet", (), ())
    done = [(card, plane) for card, plane in shown if plane is not None]
    ceiling = f"{base.additive_ceiling:.4f}"
    rows = [
        (card.title, card.name, card.where, card.kind, f"{plane.accuracy:.4f}", ceiling)
        for card, plane in done
    ]
    layers = [("right answer", "", base.truth), ("best additive model", ceiling, base.additive)]
    layers += [(card.title, f"{percent(plane.accuracy)} right", plane.probability) for card, plane in done]
    return Sheet(
        f"{task}: what each fusion decides over the plane",
        ("fusion", "name", "where", "class", "accuracy", "best additive model"), rows,
        origin={"seed": str(seed), "steps": str(base.steps)},
        pictures=[(_drawn(values), title, words) for title, words, values in layers],
        arrays={card.name: plane.probability for card, plane in done} | {"truth": base.truth},
        provenance=base.provenance.to_dict(),
    )  # fmt: skip


def advice_sheet(advice: Advice) -> Sheet:
    """Every fusion with what was measured, and why it is out where it is; the reasons as notes."""
    header = ("fusion", "class", "accuracy", "95 % low", "95 % high", "parameters", "why not")
    rows = [
        (one.card.title, one.card.kind, *map(_shown, one.quality), one.parameters, one.excluded)
        for one in advice.options
    ]
    return Sheet(
        f"Advised: {advice.choice or 'nothing is left'}", header, rows,
        notes=(*(f"{one.text} ({one.source})" for one in advice.reasons), *advice.notes),
        origin={"evidence": advice.evidence}, bars=[(one.card.title, one.quality[0]) for one in
        advice.options], provenance=advice.provenance.to_dict(),
    )  # fmt: skip


def proof_sheet(proof: Proof) -> Sheet:
    """Every row of a proof."""
    marks = {True: "within", False: "BROKEN", None: "no claim"}
    rows = [
        (row.fusion, row.kind, row.task, row.measure, f"{row.measured:.4g}", row.theory, marks[row.passed])
        for row in proof.rows
    ]
    header = ("fusion", "class", "task", "measure", "measured", "theory", "verdict")
    inside = [float(np.mean([row.passed is not False for row in proof.of(name)])) for name in proof.fusions]
    return Sheet(
        repr(proof), header, rows, origin={"seed": str(proof.provenance.seed)}, csv=proof.to_csv(),
        bars=list(zip(proof.fusions, inside, strict=True)), provenance=proof.provenance.to_dict(),
    )  # fmt: skip


def models_sheet(rows: Sequence[dict[str, Any]], measured: Sequence[Meeting] = ()) -> Sheet:
    """Where the modalities meet inside models that are in use, and what was measured in some."""
    header = ("model", "where", "channel", "closest here", "what can be read")
    cells = [(row["model"], row["where"], row["channel"], row["closest"], row["read"]) for row in rows]
    notes = [
        f"{found.model}{'' if found.trained else ' (tiny, random weights)'}: {found}." for found in measured
    ]
    return Sheet("fusion inside real models", header, cells, notes=tuple(notes))


def _warnings(report: FusionReport) -> list[str]:
    return [leak.text for leak in report.leaks]


def _stamp(report: FusionReport) -> list[str]:
    """Unequal budgets are said wherever the figure goes."""
    names = ", ".join(report.budget.unmatched)
    if any(note.startswith("unequal budgets") for note in report.notes):
        return []  # the comparison has said it itself
    return [f"Unmatched budgets: {names}. A difference may be theirs and not the fusion's."] if names else []


def _stamped(card: FusionCard, report: FusionReport) -> str:
    return f"{card.title} (unmatched)" if card.name in report.budget.unmatched else card.title


def _origin(report: FusionReport) -> dict[str, str]:
    return {
        "configuration": report.config_hash,
        "seeds": " ".join(map(str, report.seeds)),
        "data": report.data,
    }


def _drawn(values: np.ndarray) -> Image.Image:
    """Blue for class 0, orange for class 1, white where undecided; the text's axis points up."""
    share = np.clip(np.asarray(values, float), 0, 1)[::-1, :, None]
    low, middle, high = (np.array(colour, float) for colour in DIVERGING)
    colour = np.where(
        share < 0.5, low + (middle - low) * share * 2, middle + (high - middle) * (share * 2 - 1)
    )
    return Image.fromarray(colour.round().astype(np.uint8)).resize((_TILE, _TILE), Image.Resampling.NEAREST)


def _pid_words(pid: dict[str, Any]) -> str:
    bars = ", ".join(f"{name} {_cell(value)}" for name, value in pid["bars"])
    return f"Information of {pid['name']}, in {pid['unit']}: {bars} ({pid['estimator']})."


def _shown(value: float) -> str:
    return f"{float(value):.4f}" if np.isfinite(value) else ""


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
