"""`fused`: the vectors that a compared fusion makes of its test items, for maps and atlases."""

from __future__ import annotations

import numpy as np

from workbench.axes import unit
from workbench.calling import verb
from workbench.errors import BadInputError, UnavailableError
from workbench.fusion.comparison.report import FusionReport
from workbench.results import Embeddings, Provenance

__all__ = ["fused"]


@verb
def fused(report: FusionReport, fusion: str) -> Embeddings:
    """What stands before the last layer of a fusion (first seed), one vector an item of `report.items`.

    Pictures and texts come along where the data have them, so that two fusions can be laid side by side::

        show(align(project(fused(report, "mean-logits")), project(fused(report, "co-attention"))))

    Args:
        report: of `compare`, `measured` or `open_report`.
        fusion: a name in it.

    Returns:
        `Embeddings`: `.image` is item x width, unit vectors; `.labels` the right answers.

    Raises:
        UnknownNameError: the fusion is not in the report.
        UnavailableError: it was not finished before the comparison was interrupted.
        BadInputError: items of which the fusion makes nothing but zeros: they have no direction.

    Example:
        >>> from workbench.fusion import fused, measured
        >>> report = measured("easy-vqa")
        >>> len(fused(report, "co-attention")) == len(report.items)
        True
    """
    report.index(fusion)  # raises where it was not compared
    if fusion not in report.fused:
        raise UnavailableError(f"{fusion} was not finished in this comparison, so it has no vectors.")
    vectors = report.fused[fusion]
    empty = np.flatnonzero(~np.asarray(vectors, bool).any(axis=1))
    if len(empty):
        raise BadInputError(
            f"{fusion} makes nothing but zeros of {len(empty)} of {len(vectors)} items, first item "
            f"{report.items[empty[0]]}; such vectors have no direction and no place on a map."
        )
    pairs = getattr(report.examples, "pairs", None)
    shown = None if pairs is None else pairs[[int(item) for item in report.items]]
    labels = tuple(report.classes[int(answer)] for answer in report.truth)
    own = report.provenance
    parameters = {"fusion": fusion, "configuration": report.config_hash}
    origin = Provenance("fused", fusion, "", own.data, parameters, report.seeds[0])
    texts = () if shown is None else tuple(shown.texts)
    return Embeddings(unit(vectors), None, texts, labels, origin, shown)
