"""The zero-shot board as a static page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from widgets.snapshot import Snapshot, contact_sheet, picture_table
from widgets.zero_shot.view import Choices, accepted
from workbench._repr import one_line, plural
from workbench.results import Ranking

__all__ = ["board_snapshot"]

_HEADER = ("text", "best label", "probability", "margin")


def board_snapshot(ranking: Ranking, choices: Choices, items: Sequence[int], *, code: str) -> Snapshot:
    """`items` of a ranking in the order given: a table, a contact sheet, all scores, their provenance."""
    kept = accepted(ranking, choices)
    rows = []
    for item in items:
        label, probability = ranking.top(item, 1)[0]
        answer = label if kept[item] else "none of these"
        rows.append((ranking.names[item], answer, f"{probability:.1%}", f"{ranking.margin[item]:.3f}"))
    pictures = [ranking.pairs.picture(item) for item in items]
    caption = (
        f"{plural(len(items), 'picture')} of {len(ranking)} among {plural(len(ranking.labels), 'label')}; "
        f"{ranking.rule}, temperature {ranking.temperature:g}"
    )
    named = one_line(", ".join(ranking.labels), most=400)
    notes = (f"Labels: {named}. Probabilities are among these labels only.", ranking.pairs.credit)
    return Snapshot(
        caption,
        picture_table(caption, _HEADER, rows, pictures, notes=notes),
        contact_sheet(pictures, [(row[1], row[2]) for row in rows]),
        {"items": np.array(items), "cosine": ranking.cosine, "probability": ranking.probability},
        ranking.provenance.to_dict() | {"code": code},
    )
