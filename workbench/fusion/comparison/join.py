"""`join`: comparisons of the same data under the same plan, as one report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from workbench.calling import verb
from workbench.errors import BadInputError, UnavailableError, UnknownNameError, did_you_mean
from workbench.fusion.comparison.assemble import budget_note
from workbench.fusion.comparison.cost import unmatched
from workbench.fusion.comparison.report import FusionReport
from workbench.fusion.comparison.report_parts import Budget, Contributions, Robustness
from workbench.fusion.comparison.run import INTERRUPTED, configuration
from workbench.fusion.comparison.saved_reports import made_by
from workbench.fusion.design import Fusion
from workbench.results import Provenance
from workbench.values import as_sentences

__all__ = ["join"]


@verb
def join(reports: Sequence[FusionReport], fusions: Sequence[str] | None = None) -> FusionReport:
    """The fusions of several reports in one: yesterday's and today's, or those of two machines.

    Fusions are trained apart from each other, so the result is what one call of `compare` with all of them
    gives, the same configuration hash included; only times are those of where each was measured. Whose
    budget is unequal is judged again, beside all. Of a comparison that was interrupted, what was finished is
    taken, so that it can be gone on with: `join([cut, compare(data, the_rest, plan=cut.plan)])`.

    Args:
        reports: of `compare`, on the same data with the same seeds and plan.
        fusions: which, and in what order; None takes all as they come. `join([report], names)` is a part.

    Returns:
        A `FusionReport` of all.

    Raises:
        BadInputError: no report, one in which nothing was finished, a fusion that two of them hold, or
            data, seeds or plan that differ.
        UnknownNameError: a fusion that none of them holds.

    Example:
        >>> from workbench.fusion import join, measured
        >>> join([measured("easy-vqa")], ["co-attention", "mean-logits"]).fusions
        ('co-attention', 'mean-logits')
    """
    if not reports:
        raise BadInputError("There is nothing to join; give reports of compare(), as [first, second].")
    first = reports[0]
    for other in reports:
        _same(first, other)
    order, chosen = _chosen(reports, fusions)
    names = tuple(name for _, name in chosen)
    made = [
        made_by(report, name) or Fusion(report.cards[report.index(name)], _no_code) for report, name in chosen
    ]
    config = configuration(first.provenance.data, made, first.seeds, first.plan)

    def row(pick: Callable[[FusionReport], Any]) -> Any:
        return np.concatenate([pick(report) for report in reports])[order]

    def each(field: str) -> dict[str, Any]:
        there = [(getattr(report, field), name) for report, name in chosen]
        return {name: values[name] for values, name in there if name in values}

    budget = _budget(row, names)
    return replace(
        first,
        cards=tuple(report.cards[report.index(name)] for report, name in chosen),
        metrics={key: row(lambda one, key=key: one.metrics[key]) for key in _measures(reports)},  # type: ignore[misc]
        curves={key: row(lambda one, key=key: one.curves[key]) for key in first.curves},  # type: ignore[misc]
        epoch=row(lambda one: one.epoch),
        calibration=row(lambda one: one.calibration),
        confusion=row(lambda one: one.confusion),
        robustness=tuple(_curve(row, first, place) for place in range(len(first.robustness))),
        budget=budget,
        contributions=_contributions(row, first, chosen),
        probability=row(lambda one: one.probability),
        fused=each("fused"),
        weights=each("weights"),
        examples=next((report.examples for report in reports if report.examples is not None), None),
        broken={name: why for report in reports for name, why in report.broken.items()},
        complete=True,
        built=each("built"),
        code="",
        config_hash=config,
        notes=_notes(reports, budget),
        leaks=tuple(dict.fromkeys(leak for report in reports for leak in report.leaks)),
        provenance=_provenance(first, names, config),
    )


def _chosen(
    reports: Sequence[FusionReport], fusions: Sequence[str] | None
) -> tuple[list[int], list[tuple[FusionReport, str]]]:
    """Which rows of all reports one after another are wanted, and of each its report and its fusion."""
    rows = [(report, name) for report in reports for name in report.fusions]
    held = [(place, *row) for place, row in enumerate(rows) if row[1] in row[0].weights]  # what was finished
    asked = None if fusions is None else as_sentences(fusions, what="fusions")
    wanted = _order([name for _, _, name in held], asked)
    return [held[place][0] for place in wanted], [held[place][1:] for place in wanted]


def _measures(reports: Sequence[FusionReport]) -> list[str]:
    """What was measured in all of them."""
    return [key for key in reports[0].metrics if all(key in report.metrics for report in reports)]


def _order(held: list[str], fusions: Sequence[str] | None) -> list[int]:
    """Where the fusions that are wanted stand among those that are held."""
    twice = sorted({name for name in held if held.count(name) > 1})
    if twice:
        raise BadInputError(f"{', '.join(twice)} stands in two of these reports; leave one of them out.")
    wanted = held if fusions is None else list(fusions)
    unknown = [name for name in wanted if name not in held]
    if unknown:
        raise UnknownNameError(
            f"{unknown[0]!r} is in none of these reports; they hold {', '.join(held)}."
            f"{did_you_mean(unknown[0], held)}"
        )
    if not wanted or len(set(wanted)) < len(wanted):
        raise BadInputError(f"fusions is {wanted!r}; expected at least one, each once.")
    return [held.index(name) for name in wanted]


def _same(first: FusionReport, other: FusionReport) -> None:
    if not other.weights:
        raise BadInputError(f"{other!r} was interrupted before a fusion was finished; leave it out.")
    for what, one, two in (
        ("data", (first.data, first.provenance.data), (other.data, other.provenance.data)),
        ("seeds", first.seeds, other.seeds),
        ("plan", first.plan, other.plan),
    ):
        if one != two:
            raise BadInputError(
                f"These reports cannot be joined: their {what} differ, {one!r} and {two!r}. A difference of "
                "fusions would be one of the comparison. Compare both with the same data, seeds and plan."
            )


def _no_code(*_: Any) -> Any:
    raise UnavailableError("A saved report holds weights and no code; this fusion cannot be built from it.")


Row = Callable[[Callable[[FusionReport], Any]], Any]
"""One array over the fusions that were chosen, from what is picked of each report."""


def _budget(row: Row, names: tuple[str, ...]) -> Budget:
    arrays = [one.name for one in fields(Budget) if one.name != "unmatched"]
    columns = {name: row(lambda one, name=name: getattr(one.budget, name)) for name in arrays}  # type: ignore[misc]
    return Budget(**columns, unmatched=unmatched(list(names), columns["parameters"], columns["flops"]))


def _curve(row: Row, first: FusionReport, place: int) -> Robustness:
    return replace(
        first.robustness[place],
        accuracy=row(lambda one: one.robustness[place].accuracy),
        nll=row(lambda one: one.robustness[place].nll),
    )


_BY_FUSION = (
    "value", "shapley", "interaction", "emap_accuracy", "emap_gap", "additive_share", "gradient_cosine",
    "gradient_ratio",
)  # fmt: skip


def _contributions(
    row: Row, first: FusionReport, chosen: Sequence[tuple[FusionReport, str]]
) -> Contributions | None:
    if first.contributions is None:
        return None
    arrays = {name: row(lambda one, name=name: getattr(one.contributions, name)) for name in _BY_FUSION}  # type: ignore[misc]
    pid = dict(first.contributions.pid)
    if pid:
        pid = {"data": pid["data"]} | {name: report.contributions.pid[name] for report, name in chosen}  # type: ignore[union-attr]
    return replace(first.contributions, **arrays, pid=pid)


def _notes(reports: Sequence[FusionReport], budget: Budget) -> tuple[str, ...]:
    """Each once; what was said of the budgets of a part is said again of all."""
    old = {budget_note(report.budget) for report in reports}
    kept = [note for report in reports for note in report.notes if note not in old]
    notes = [note for note in kept if not note.startswith(INTERRUPTED)]
    return tuple(dict.fromkeys(note for note in (*notes, budget_note(budget)) if note))


def _provenance(first: FusionReport, names: tuple[str, ...], config: str) -> Provenance:
    settings = dict(first.provenance.parameters) | {"fusions": list(names), "config_hash": config}
    return replace(first.provenance, parameters=settings)
