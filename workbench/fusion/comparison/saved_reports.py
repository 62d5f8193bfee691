"""Reports that were saved, opened again; and the fusion that a report's name stands for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.calling import verb
from workbench.data.examples import Examples
from workbench.data.pairs import Pairs
from workbench.errors import BadInputError, UnknownNameError
from workbench.fusion.comparison.compare import examples_of
from workbench.fusion.comparison.report import FusionReport
from workbench.fusion.comparison.report_parts import Budget, Contributions, Pid, Robustness
from workbench.fusion.design import Design, Fusion, FusionCard, Plan
from workbench.fusion.leaks import Leak
from workbench.fusion.modules.builders import fusion
from workbench.keeping import opened
from workbench.models.base import DualEncoder
from workbench.models.given import Named, as_encoder
from workbench.results import Provenance

__all__ = ["made_by", "open_report"]

_PARTS = (Budget, Contributions, Design, FusionCard, Leak, Pid, Plan, Provenance, Robustness)


@verb
def open_report(
    folder: str | Path,
    data: str | Path | Pairs | Examples | None = None,
    *,
    model: Named | None = None,
) -> FusionReport:
    """A report that `report.save(folder)` wrote.

    Args:
        folder: what `save` was given.
        data: what `compare` was given, so that examples can be shown and looked into; they are made
            again and must be the same to the last token. None opens the numbers alone.
        model: what `compare` was given, where tokens are its frozen features.

    Returns:
        The `FusionReport` as it was, number for number.

    Raises:
        BadInputError: no report is there, it is damaged, or `data` are not those it was measured on.

    Example:
        >>> from workbench.fusion import measured, open_report
        >>> report = measured("easy-vqa-few")
        >>> open_report(report.save("my-report")).fusions == report.fusions
        True
    """
    where = Path(folder).expanduser()
    report: FusionReport = opened(folder, FusionReport._form, FusionReport, _PARTS)
    model = None if model is None else as_encoder(model)
    report = replace(report, code=_opening(folder, data, model))
    if data is None:
        return report
    examples = examples_of(data, model)
    if examples.fingerprint != report.provenance.data:
        raise BadInputError(
            f"{where} was measured on {report.data!r} with fingerprint {report.provenance.data}; these "
            f"examples have {examples.fingerprint}. Give what compare() was given, or open it without data."
        )
    return replace(report, examples=examples)


def _opening(folder: str | Path, data: Any, model: DualEncoder | None) -> str:
    """Python that opens the same folder with the same data."""
    given = "" if data is None else f", {repr(str(data)) if isinstance(data, str | Path) else data.code}"
    loaded = "" if model is None else f", model=models.load({model.card.name!r})"
    return f"open_report({str(folder)!r}{given}{loaded})"


def made_by(report: FusionReport, name: str) -> Fusion | None:
    """The fusion itself: held by a live report, or shipped under the very card that a saved one names.

    None for a saved fusion of the user's own, of which only weights and card are left.
    """
    if name in report.built:
        made: Fusion = report.built[name]
        return made
    try:
        shipped = fusion(name, depth=report.plan.design.depth)
    except UnknownNameError:
        return None
    return shipped if shipped.card == report.cards[report.index(name)] else None
