"""`measured`: a comparison that takes an hour, run once and kept with the package."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources

from workbench.calling import verb
from workbench.data import load
from workbench.errors import UnknownNameError
from workbench.fusion.comparison.report import FusionReport
from workbench.fusion.comparison.saved_reports import open_report
from workbench.fusion.tokens import examples as made

__all__ = ["KEPT", "measured"]

KEPT = ("easy-vqa", "easy-vqa-few", "easy-vqa-gaps")


@verb
def measured(data: str = "easy-vqa", *, examples: bool = False) -> FusionReport:
    """The comparison of every fusion on all of a data set, as it was measured for this version.

    Five seeds; the notes say on what machine. `python -m workbench.recipes.easy_vqa` measures it again.
    Weights, fused vectors and the answers to single items were kept in half precision; quality was
    computed before. Fusions of your own, compared on the same data with its `plan`, can join it.

    "easy-vqa-few" and "easy-vqa-gaps" are small studies on part of its questions, with six fusions and three
    seeds: 2,000 training rows, and 4,000 with gaps (`python -m workbench.recipes.easy_vqa_studies`). They
    hold no weights.

    Args:
        data: which of them.
        examples: load the pictures and questions too (some seconds), so that items can be opened.

    Returns:
        A `FusionReport`.

    Raises:
        UnknownNameError: none is kept for that data set.

    Example:
        >>> from workbench.fusion import measured
        >>> report = measured("easy-vqa-few")
        >>> len(report.fusions), len(report.seeds), report.complete
        (6, 3, True)
    """
    if data not in KEPT:
        raise UnknownNameError(f"No comparison on {data!r} is kept; there is one on {', '.join(KEPT)}.")
    with resources.as_file(resources.files("workbench.fusion") / "kept" / data) as folder:
        report = open_report(folder, made(load("easy-vqa")) if examples else None)
    return replace(report, code=f"measured({data!r}{', examples=True' if examples else ''})")
