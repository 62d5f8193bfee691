"""What the atlas says of single points: their true neighbours, and what the map made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from widgets import wire
from widgets.atlas.figures import Figure
from workbench._repr import one_line
from workbench.errors import BadPictureError
from workbench.projection import Projection

__all__ = [
    "KINDS",
    "SHEET_COLUMNS",
    "near_on_map",
    "picture_of",
    "pictures_of",
    "point_card",
    "row_text",
    "sheet",
]

KINDS = ("picture", "text")
SHEET_COLUMNS = 16
_FIRST = ("preservation", "hubness")  # of the figures, in the tip under the pointer


def point_card(projection: Projection, row: int, figures: Mapping[str, Figure]) -> dict[str, Any]:
    """One point as plain data: its text, figures and true neighbours, each with whether the map kept it."""
    near = projection.neighbours.first(max(1, projection.k))
    true = near.index[row].tolist()
    shown = near_on_map(projection.points, row, len(true))
    cells = iter(range(len(true)))  # of the strip, which holds only the pictures among them
    neighbours = [
        {
            "point": other,
            "kind": KINDS[projection.modality[other]],
            "text": row_text(projection, other),
            "cosine": float(cosine),
            "kept": other in shown,
            "cell": next(cells) if projection.modality[other] == 0 else None,
        }
        for other, cosine in zip(true, near.cosine[row].tolist(), strict=True)
    ]
    labels = projection.embeddings.labels
    return {
        "point": row,
        "kind": KINDS[projection.modality[row]],
        "text": row_text(projection, row, most=240),
        "label": "" if labels is None else one_line(labels[projection.item[row]]),
        "kept": sum(other in shown for other in true) if true else None,
        "of": len(true),
        "neighbours": neighbours,
        "strangers": [other for other in shown if other not in true],
        "figures": _figures(row, figures),
    }


def near_on_map(points: NDArray[np.float32], row: int, k: int) -> list[int]:
    """The `k` nearest other points on the map; looked for afresh, since only one row is asked about."""
    apart = ((points - points[row]) ** 2).sum(axis=1)
    apart[row] = np.inf
    k = min(k, len(points) - 1)
    if k < 1:
        return []
    best = np.argpartition(apart, k - 1)[:k]
    return best[np.argsort(apart[best], kind="stable")].tolist()


def row_text(projection: Projection, row: int, *, most: int = 60) -> str:
    """The text of a row's pair, or its number."""
    texts = projection.embeddings.texts
    item = int(projection.item[row])
    return one_line(texts[item], most=most) if texts else f"item {item}"


def picture_of(projection: Projection, row: int) -> Image.Image | None:
    """The picture of a picture's row; None for texts, and where no pictures are known.

    One that cannot be read is a grey square: a map must not fail because of one file.
    """
    if projection.pairs is None or projection.modality[row] != 0:
        return None
    try:
        return projection.pairs.picture(int(projection.item[row]))
    except BadPictureError:
        return Image.new("RGB", (32, 32), "#888888")


def pictures_of(projection: Projection, rows: Sequence[int]) -> list[Image.Image]:
    """The pictures of these rows, in their order, read side by side: decoding leaves Python's lock."""
    with ThreadPoolExecutor(4) as readers:
        found = list(readers.map(lambda row: picture_of(projection, row), rows))
    return [picture for picture in found if picture is not None]


def sheet(pictures: Sequence[Image.Image], cell: int, *, columns: int = SHEET_COLUMNS) -> bytes:
    """One WebP of square cells, `columns` a row; empty where there is no picture."""
    return wire.sprite(pictures, cell=cell, columns=max(1, min(columns, len(pictures)))) if pictures else b""


def _figures(row: int, figures: Mapping[str, Figure]) -> list[dict[str, Any]]:
    return [
        {
            "name": figure.name,
            "value": float(figure.values[row]) if np.isfinite(figure.values[row]) else None,
            "unit": figure.unit,
            "help": figure.help,
            "first": key in _FIRST,
        }
        for key, figure in figures.items()
    ]
