"""A report as a table: for the notebook, as CSV, as LaTeX."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from workbench.fusion.comparison.report import FusionReport

__all__ = ["table", "to_csv", "to_latex"]

MEASURES = ("accuracy", "balanced_accuracy", "f1", "auroc", "nll", "brier", "ece")
_ORIGIN = ("config_hash", "data", "leaks")
_SPECIAL = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}"}
_SPECIAL |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}


_BESIDE = (("balanced", "balanced_accuracy"), ("F1", "f1"), ("NLL", "nll"), ("ECE", "ece"))


def table(report: FusionReport) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """(header, rows): accuracy with its interval, other measures, size and work of each fusion."""
    beside = [(title, name) for title, name in _BESIDE if name in report.metrics]
    header = (
        "fusion", "where", "class", "accuracy", "95 % interval", *(title for title, _ in beside),
        "parameters", "MFLOPs",
    )  # fmt: skip
    spread = report.interval("accuracy")
    rows: list[tuple[object, ...]] = []
    for place, card in enumerate(report.cards):
        mean, low, high = spread[place]
        budget = report.budget
        rows.append(
            (
                card.name + (" *" if card.name in budget.unmatched else ""),
                card.where,
                card.kind,
                _shown(mean),
                f"{_shown(low)} to {_shown(high)}" if np.isfinite(low) else "-",
                *(_shown(_mean(report.metrics[name][place])) for _, name in beside),
                f"{int(budget.parameters[place]):,}" if budget.parameters[place] >= 0 else "-",
                f"{budget.flops[place] / 1e6:.2f}" if budget.flops[place] >= 0 else "-",
            )
        )
    return header, rows


_TITLES = {
    "accuracy": "Accuracy", "balanced_accuracy": "Balanced acc.", "f1": "F1", "nll": "NLL", "ece": "ECE",
}  # fmt: skip


def to_csv(report: FusionReport) -> str:
    """One row a fusion and seed; unfinished numbers are empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    cost = ("parameters", "flops", "seconds", "p50_ms", "memory_mb")
    writer.writerow((*_ORIGIN, "fusion", "where", "class", "training", "seed", "epoch", *MEASURES, *cost))
    leaks = "; ".join(f"{leak.modality}: {leak.kind}" for leak in report.leaks)
    for place, card in enumerate(report.cards):
        for column, seed in enumerate(report.seeds):
            measured = [
                _cell(report.metrics[name][place, column]) if name in report.metrics else ""
                for name in MEASURES
            ]
            spent = [_cell(getattr(report.budget, name)[place]) for name in cost]
            epoch = int(report.epoch[place, column])
            writer.writerow(
                (
                    report.config_hash,
                    report.data,
                    leaks,
                    card.name,
                    card.where,
                    card.kind,
                    report.plan.training,
                    seed,
                    epoch if epoch > 0 else "",
                    *measured,
                    *spent,
                )
            )
    return out.getvalue()


def to_latex(report: FusionReport) -> str:
    """A booktabs table: mean and half-width of the 95 % interval over seeds, best accuracy in bold."""
    names = [name for name in ("accuracy", "balanced_accuracy", "f1", "nll", "ece") if name in report.metrics]
    spread = {name: report.interval(name) for name in names}
    means = spread["accuracy"][:, 0]
    best = int(np.nanargmax(means)) if np.isfinite(means).any() else -1
    lines = [
        f"% {_escaped(report.data)}; config {report.config_hash}; seeds {', '.join(map(str, report.seeds))}",
        f"% training: {report.plan.training}; intervals: 95 %, Student's t over seeds; * unequal budget",
        *(f"% LEAK: {_escaped(leak.text)}" for leak in report.leaks),
        rf"\begin{{tabular}}{{ll{'r' * len(names)}rr}}",
        r"\toprule",
        rf"Fusion & Class & {' & '.join(_TITLES[name] for name in names)} & Parameters & MFLOPs \\",
        r"\midrule",
    ]
    for place, card in enumerate(report.cards):
        shown = [_plus_minus(spread[name][place]) for name in names]
        if place == best:
            shown[0] = rf"\textbf{{{shown[0]}}}"
        star = "*" if card.name in report.budget.unmatched else ""
        size = f"{int(report.budget.parameters[place])}" if report.budget.parameters[place] >= 0 else "--"
        work = f"{report.budget.flops[place] / 1e6:.2f}" if report.budget.flops[place] >= 0 else "--"
        cells = [_escaped(card.name) + star, card.kind, *shown, size, work]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _plus_minus(spread: np.ndarray) -> str:
    mean, low, high = spread
    if not np.isfinite(mean):
        return "--"
    half = f" $\\pm$ {(high - low) / 2:.3f}" if np.isfinite(low) else ""
    return f"{mean:.3f}{half}"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in " ".join(text.split()))


def _mean(values: np.ndarray) -> float:
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if len(kept) else float("nan")


def _shown(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"


def _cell(value: float) -> str:
    return f"{float(value):.6g}" if np.isfinite(value) and value >= 0 else ""
