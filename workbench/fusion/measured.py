"""Comparisons that were run once, at length, and are kept with the package: `measured("easy-vqa")`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from workbench._repr import html_table, plural
from workbench.errors import UnknownNameError
from workbench.fusion.statistics import interval

__all__ = ["MeasuredTable", "measured"]

_FILES = {"easy-vqa": "measured_easy_vqa.json"}


@dataclass(frozen=True, eq=False)
class MeasuredTable:
    """One comparison as numbers: no weights, no pictures.

    Attributes:
        rows: one a fusion: "fusion", "where", "class", "accuracy", "nll", "ece" (a list, one value a
            seed), "parameters", "flops", "seconds" (training of one seed), "shapley" (by modality),
            "interaction", "emap_gap", "noise" and "missing" (accuracy by modality and level).
        lines: twins: "chance", "text_accuracy" (question alone, by counting), "author_accuracy".
        plan: settings of training; `seeds` and `counts` (rows of each part) beside it.
        config_hash: of data, fusions, seeds and settings, as in `FusionReport`.
        code: the call that measures it again, with the same hash.
    """

    data: str
    rows: tuple[Mapping[str, Any], ...]
    seeds: tuple[int, ...]
    counts: Mapping[str, int]
    plan: Mapping[str, Any]
    lines: Mapping[str, float]
    config_hash: str
    machine: str
    versions: Mapping[str, str] = field(default_factory=dict)
    code: str = ""

    def interval(self, fusion: str, measure: str = "accuracy") -> tuple[float, float, float]:
        """(mean, low, high) over seeds: 95 %, Student's t.

        Raises:
            UnknownNameError: the fusion is not in the table.
        """
        for row in self.rows:
            if row["fusion"] == fusion:
                return interval(np.array(row[measure]))
        raise UnknownNameError(
            f"{fusion!r} is not in this table; it holds {', '.join(row['fusion'] for row in self.rows)}."
        )

    def __repr__(self) -> str:
        return (
            f"MeasuredTable({self.data!r}, {plural(len(self.rows), 'fusion')}, "
            f"{plural(len(self.seeds), 'seed')}, {plural(self.counts['test'], 'test item')})"
        )

    def _repr_html_(self) -> str:
        header = (
            "fusion",
            "where",
            "class",
            "accuracy",
            "95 % interval",
            "NLL",
            "ECE",
            "parameters",
            "s a seed",
        )
        rows = []
        for row in sorted(self.rows, key=lambda row: -np.mean(row["accuracy"])):
            mean, low, high = interval(np.array(row["accuracy"]))
            rows.append(
                (
                    row["fusion"], row["where"], row["class"], f"{mean:.3f}", f"{low:.3f} to {high:.3f}",
                    f"{np.mean(row['nll']):.3f}", f"{np.mean(row['ece']):.3f}", f"{row['parameters']:,}",
                    f"{row['seconds']:.0f}",
                )
            )  # fmt: skip
        twins = "; ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in self.lines.items())
        said = (
            f"{self!r}. {self.counts['train']:,} training rows, {self.plan['epochs']} epochs, "
            f"measured by {self.code}, config {self.config_hash}. {twins}."
        )
        return html_table(said, header, rows)


@cache
def measured(data: str = "easy-vqa") -> MeasuredTable:
    """The comparison of every fusion on a data set, as it was measured for this version.

    Raises:
        UnknownNameError: none is kept for that data set.
    """
    if data not in _FILES:
        raise UnknownNameError(f"No comparison on {data!r} is kept; there is one on {', '.join(_FILES)}.")
    held = json.loads(resources.files("workbench.fusion").joinpath(_FILES[data]).read_text("utf-8"))
    return MeasuredTable(
        held["data"], tuple(held["rows"]), tuple(held["seeds"]), held["counts"], held["plan"], held["lines"],
        held["config_hash"], held["machine"], held["versions"], held["code"],
    )  # fmt: skip
