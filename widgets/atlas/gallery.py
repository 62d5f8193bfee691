"""What stands nearest to a query or a point, ranked, with cosines or distances, and its own pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from widgets.atlas.cards import row_text
from workbench.axes import unit
from workbench.formatting import plural
from workbench.projection import Measure, Projection, are_unit

if TYPE_CHECKING:
    from widgets.atlas.search import Found

__all__ = [
    "PAGE",
    "Ask",
    "Listed",
    "empty_gallery",
    "listing",
    "nearest_gallery",
    "row_vector",
    "selection_gallery",
]

PAGE = 24
Listed = Literal["pictures", "texts", "selection"]
_CODE = {"pictures": 0, "texts": 1}


class Ask(NamedTuple):
    """What is to be listed: candidates of a kind, beside what was placed, else the point looked at.

    `items` is the number of pairs that the selected points belong to.
    """

    wanted: Listed
    found: Found | None
    focus: int
    selected: NDArray[np.int64]
    page: int = 0
    items: int = 0


def listing(
    projection: Projection, ask: Ask, measured: Sequence[Measure]
) -> tuple[dict[str, Any], list[int]]:
    """The list under the map, and the rows in it that have a picture, in order."""
    gallery = _answered(projection, ask, measured)
    shown = projection.pairs is not None
    pictured = [row["point"] for row in gallery["rows"] if shown and projection.modality[row["point"]] == 0]
    cell = {row: place for place, row in enumerate(pictured)}
    for row in gallery["rows"]:
        row["cell"] = cell.get(row["point"])
    return gallery, pictured


def _answered(projection: Projection, ask: Ask, measured: Sequence[Measure]) -> dict[str, Any]:
    if ask.wanted == "selection":
        return selection_gallery(projection, ask.selected, ask.page, ask.items)
    if ask.found is not None:
        asked, recall = f"“{ask.found.said}”", _recall(ask.wanted, "texts", measured)
        return nearest_gallery(
            projection, ask.found.vector, ask.wanted, asked=asked, recall=recall, page=ask.page
        )
    if ask.focus >= 0:
        asked = f"“{row_text(projection, ask.focus, most=40)}”"
        recall = _recall(ask.wanted, "texts" if projection.modality[ask.focus] else "pictures", measured)
        vector = row_vector(projection, ask.focus)
        return nearest_gallery(
            projection, vector, ask.wanted, asked=asked, own=ask.focus, recall=recall, page=ask.page
        )
    return empty_gallery("Click a point or search: what is nearest to it is listed here.")


def _recall(wanted: Listed, asks: Listed, measured: Sequence[Measure]) -> str:
    """How well searches of this direction do over all pairs, in words; "" within one modality."""
    if wanted == asks:
        return ""
    key = "text_to_image_10" if asks == "texts" else "image_to_text_10"
    value = next((row.value for row in measured if row.key == key), None)
    return "" if value is None else f"over all pairs, recall@10 is {value:.0%}"


def nearest_gallery(
    projection: Projection,
    vector: NDArray[np.float32],
    wanted: Listed,
    *,
    asked: str,
    own: int | None = None,
    recall: str = "",
    page: int = 0,
) -> dict[str, Any]:
    """The candidates nearest to a vector, best first: by the model's own cosine, or by their distance on a
    map of Euclidean distances.

    Neither the map nor a closed gap changes these ranks: retrieval works in the model's space.

    Args:
        own: the row that asks; it is left out, and its own pair is marked.
        recall: how well such a search does over all the data, in words.
        page: of the answers, from 0.
    """
    rows = np.flatnonzero(projection.modality == _CODE[wanted])
    if not len(rows):
        return empty_gallery(f"This map holds no {wanted}.")
    held = projection.embeddings.image if wanted == "pictures" else projection.embeddings.text
    assert held is not None  # there are rows of this kind
    far, close = _closeness(projection, held, vector)
    order = np.argsort(far, kind="stable")
    mate = -1 if own is None else _mate(projection, own)
    if own is not None:
        order = order[rows[order] != own]
    page = _within(page, len(order))
    best = order[page * PAGE : (page + 1) * PAGE]
    where = np.flatnonzero(rows[order] == mate)
    title = f"{wanted} nearest to {asked}"
    if len(where):
        title += f" · its own pair stands at rank {int(where[0]) + 1:,} of {len(order):,}"
    return {
        "title": title + (f" · {recall}" if recall else ""),
        **_paged(page, len(order)),
        "rows": [
            _row(
                projection,
                int(rows[k]),
                page * PAGE + rank + 1,
                float(close[k]),
                mate if len(where) else None,
            )
            for rank, k in enumerate(best)
        ],
    }


def _closeness(
    projection: Projection, held: NDArray[np.float32], vector: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """candidate: what to sort by, small first, and what to show."""
    if projection.space.metric == "euclidean":
        apart = np.linalg.norm(held - vector, axis=1)
        return apart, apart
    cosine = held @ vector if are_unit(held) else unit(held) @ unit(vector)
    return -cosine, cosine


def row_vector(projection: Projection, row: int) -> NDArray[np.float32]:
    """feature: the vector of one row, as the model gave it (no copy of all the others)."""
    held = projection.embeddings.text if projection.modality[row] else projection.embeddings.image
    assert held is not None  # a row of this kind is there
    return held[projection.item[row]]


def selection_gallery(
    projection: Projection, rows: NDArray[np.int64], page: int = 0, items: int = 0
) -> dict[str, Any]:
    """A page of the selected points, in their order."""
    if not len(rows):
        return empty_gallery("Nothing is selected: draw a lasso, or click a point.")
    page = _within(page, len(rows))
    first = page * PAGE
    shown = [
        _row(projection, int(row), first + place + 1, None, None)
        for place, row in enumerate(rows[first : first + PAGE])
    ]
    title = f"{plural(items, 'pair')} ({plural(len(rows), 'point')}) selected"
    return {"title": title, **_paged(page, len(rows)), "rows": shown}


def empty_gallery(title: str) -> dict[str, Any]:
    """Nothing to list, and why."""
    return {"title": title, **_paged(0, 0), "rows": []}


def _within(page: int, count: int) -> int:
    """The page asked for, or the last there is."""
    return max(0, min(page, -(-count // PAGE) - 1))


def _paged(page: int, count: int) -> dict[str, int]:
    return {"page": page, "pages": max(1, -(-count // PAGE)), "total": count}


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
