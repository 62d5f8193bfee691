"""What the atlas says of single points: their true neighbours, and what the map made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from widgets import wire
from widgets.atlas.figures import Figure
from workbench.errors import BadPictureError
from workbench.formatting import one_line
from workbench.projection import Neighbours, Projection, neighbours_of
from workbench.values import is_missing

__all__ = [
    "KINDS",
    "SHEET_COLUMNS",
    "closeness",
    "near_on_map",
    "picture_of",
    "pictures_of",
    "point_card",
    "row_text",
    "sheet",
    "without_paper",
]

KINDS = ("picture", "text")
SHEET_COLUMNS = 16
_WHITE = 250  # of 255; resampling and JPEG leave paper a little grey
_FIRST = ("preservation", "hubness")  # of the figures, in the tip under the pointer


def point_card(projection: Projection, row: int, figures: Mapping[str, Figure]) -> dict[str, Any]:
    """One point as plain data: its text, figures and true neighbours, each with whether the map kept it."""
    shown = near_on_map(projection.points, row, max(1, projection.k))
    near, strangers = neighbours_of(projection, row, shown)
    true = near.index[0].tolist()
    by, close = closeness(projection, near)
    cells = iter(range(len(true)))  # of the strip, which holds only the pictures among them
    neighbours = [
        {
            "point": other,
            "kind": KINDS[projection.modality[other]],
            "text": row_text(projection, other),
            "by": by,
            "close": value,
            "kept": other in shown,
            "cell": next(cells) if projection.modality[other] == 0 else None,
        }
        for other, value in zip(true, close[0].tolist(), strict=True)
    ]
    labels = projection.embeddings.labels
    return {
        "point": row,
        "kind": KINDS[projection.modality[row]],
        "text": row_text(projection, row, most=240),
        "label": ""
        if labels is None or is_missing(own := labels[projection.item[row]])
        else one_line(str(own)),
        "kept": sum(other in shown for other in true) if true else None,
        "of": len(true),
        "neighbours": neighbours,
        "strangers": list(strangers),
        "figures": _figures(row, figures),
    }


def closeness(projection: Projection, near: Neighbours) -> tuple[str, NDArray[np.float32]]:
    """What is said of how near neighbours are, and row x neighbour: "cosine", or "distance" where no vector
    was scaled and a cosine would mean nothing.
    """
    if projection.space.metric == "cosine":
        return "cosine", near.cosine.astype(np.float32)
    return "distance", np.sqrt(2 * near.distance).astype(np.float32)


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
    """One WebP of square cells, `columns` a row; empty where there is no picture.

    The paper of drawings is taken away, so that they stand on the theme's own ground.
    """
    if not pictures:
        return b""
    shown = [without_paper(picture, cell) for picture in pictures]
    return wire.sprite(shown, cell=cell, columns=max(1, min(columns, len(pictures))))


def without_paper(picture: Image.Image, side: int) -> Image.Image:
    """The picture with the white around it transparent, if all four corners are white; else as it is.

    White inside a drawing stays. `side` is what it will be shown at: more than twice that is not looked at.
    """
    shown = picture.convert("RGB")
    if max(shown.size) > 2 * side:
        shown = shown.copy()
        shown.thumbnail((2 * side, 2 * side))
    pixels = np.asarray(shown)
    if (pixels[[0, 0, -1, -1], [0, -1, 0, -1]] < 255).any():
        return picture
    parts, _ = ndimage.label((pixels >= _WHITE).all(axis=2))
    rim = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    paper = np.isin(parts, rim[rim > 0])
    alpha = np.where(paper, 0, 255).astype(np.uint8)
    edge = ndimage.binary_dilation(paper) & ~paper  # half drawing, half paper
    alpha[edge] = 255 - pixels[edge].min(axis=1)
    shown = shown.convert("RGBA")
    shown.putalpha(Image.fromarray(alpha))
    return shown


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
