"""What stands nearest to a query or a point, in ranks and cosines, and where its own pair stands."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from widgets.atlas_cards import row_text
from workbench.projection import Projection

__all__ = ["PAGE", "Listed", "empty_gallery", "nearest_gallery", "row_vector", "selection_gallery"]

PAGE = 24
Listed = Literal["pictures", "texts", "selection"]
_CODE = {"pictures": 0, "texts": 1}


def nearest_gallery(
    projection: Projection,
    vector: NDArray[np.float32],
    wanted: Listed,
    *,
    asked: str,
    own: int | None = None,
    recall: str = "",
) -> dict[str, Any]:
    """The candidates nearest to a unit vector, best first, by the model's own cosine.

    Neither the map nor a closed gap changes these ranks: retrieval works in the model's space.

    Args:
        own: the row that asks; it is left out, and its own pair is marked.
        recall: how well such a search does over all the data, in words.
    """
    rows = np.flatnonzero(projection.modality == _CODE[wanted])
    if not len(rows):
        return empty_gallery(f"This map holds no {wanted}.")
    held = projection.embeddings.image if wanted == "pictures" else projection.embeddings.text
    assert held is not None  # there are rows of this kind
    cosine = held @ vector
    order = np.argsort(-cosine, kind="stable")
    mate = -1 if own is None else _mate(projection, own)
    if own is not None:
        order = order[rows[order] != own]
    best = order[:PAGE]
    where = np.flatnonzero(rows[order] == mate)
    title = f"{wanted} nearest to {asked}"
    if len(where):
        title += f" · its own pair stands at rank {int(where[0]) + 1:,} of {len(order):,}"
    return {
        "title": title + (f" · {recall}" if recall else ""),
        "rows": [
            _row(projection, int(rows[k]), rank + 1, float(cosine[k]), mate if len(where) else None)
            for rank, k in enumerate(best)
        ],
    }


def row_vector(projection: Projection, row: int) -> NDArray[np.float32]:
    """feature: the unit vector of one row, as the model gave it (no copy of all the others)."""
    held = projection.embeddings.text if projection.modality[row] else projection.embeddings.image
    assert held is not None  # a row of this kind is there
    return held[projection.item[row]]


def selection_gallery(projection: Projection, rows: NDArray[np.int64]) -> dict[str, Any]:
    """The first of the selected points."""
    if not len(rows):
        return empty_gallery("Nothing is selected: draw a lasso, or click a point.")
    shown = [_row(projection, int(row), place + 1, None, None) for place, row in enumerate(rows[:PAGE])]
    more = f", the first {PAGE}" if len(rows) > PAGE else ""
    return {"title": f"{len(rows):,} selected points{more}", "rows": shown}


def empty_gallery(title: str) -> dict[str, Any]:
    """Nothing to list, and why."""
    return {"title": title, "rows": []}


def _row(
    projection: Projection, row: int, rank: int, score: float | None, mate: int | None
) -> dict[str, Any]:
    return {
        "point": row,
        "text": row_text(projection, row),
        "rank": rank,
        "score": score,
        "right": None if mate is None else row == mate,
    }


def _mate(projection: Projection, row: int) -> int:
    """The other row of the same pair, or -1."""
    if len(projection.modalities) < 2:
        return -1
    items = len(projection.embeddings)
    return row - items if row >= items else row + items
