"""The atlas without a kernel: a labelled figure for print, and a page that can still be explored."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets import esm
from widgets.atlas.cards import KINDS, SHEET_COLUMNS, pictures_of, row_text, sheet
from widgets.atlas.colour import Colouring
from widgets.atlas.drawing import draw_map
from widgets.atlas.gallery import empty_gallery
from widgets.atlas.view import Choices, atlas_view, landmarks, measure_rows, said
from widgets.snapshot import Snapshot
from workbench._repr import html_table
from workbench.errors import BadInputError
from workbench.projection import Projection

__all__ = ["atlas_page", "atlas_snapshot"]

_CELL = 48  # pixels of a picture in the page
_NEAR = 8  # true neighbours of a point in the page
_TEXTS = 50_000  # points whose texts and neighbours are written into the page


def atlas_snapshot(
    projection: Projection,
    choices: Choices,
    shown: Colouring,
    measures: Sequence[Any],
    *,
    title: str,
    size: tuple[int, int],
    placed: Sequence[tuple[str, tuple[float, float]]] = (),
    code: str = "",
) -> Snapshot:
    """The map as a picture with its legend and figures in words, and the numbers behind it."""
    title = title or f"{_named(projection)}: {said(projection)}"
    marks = landmarks(projection, shown) if shown.legend["title"] == "label" else []
    rows = [(row.name, row.shown, row.twin, row.sample) for row in measures]
    chosen = choices.selected
    png = draw_map(
        projection,
        shown,
        title=title,
        size=size,
        landmarks=marks,
        placed=placed,
        chosen=np.isin(projection.item, chosen),
    )
    picture = base64.b64encode(png).decode()
    notes = [*projection.notes, projection.pairs.credit if projection.pairs is not None else ""]
    figure = (
        f'<figure style="margin:0"><img alt="{escape(title)}" style="max-width:100%" width="{size[0]}" '
        f'src="data:image/png;base64,{picture}"><figcaption>{escape(title)}</figcaption></figure>'
    )
    table = (
        html_table("How far to trust this map", ("measure", "value", "beside it", "from"), rows)
        if rows
        else ""
    )
    words = "".join(f"<p><small>{escape(note)}</small></p>" for note in notes if note)
    arrays: dict[str, NDArray[Any]] = {
        "points": projection.points,
        "modality": projection.modality,
        "item": projection.item,
        "selected": chosen,
    }
    provenance = projection.provenance.to_dict() | {
        "code": code,
        "measures": {row[0]: row[1] for row in rows},
    }
    return Snapshot(title, figure + table + words, png, arrays, provenance)


def atlas_page(
    projection: Projection,
    shown: Colouring,
    measures: Sequence[Any],
    path: str | Path,
    *,
    title: str = "",
    pictures: int = 2000,
) -> str:
    """Write the page; `pictures` limits how many are put into it. Returns its path.

    Raises:
        BadInputError: the folder of `path` does not exist.
    """
    file = Path(path)
    if not file.parent.is_dir():
        raise BadInputError(f"The folder {str(file.parent)!r} does not exist. Make it, or give another path.")
    file = file if file.suffix else file.with_suffix(".html")
    title = title or f"{_named(projection)}: {said(projection)}"
    content = json.dumps(_content(projection, shown, measures, pictures), ensure_ascii=False)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<style>body{{margin:12px}}{esm.style('base', 'embedding_atlas')}</style></head><body>"
        f'<script type="application/json" id="atlas">{_inert(content)}</script>'
        f'<script type="module">{_inert(esm.script("atlas_page"))}</script></body></html>'
    )
    file.write_text(page, "utf-8")
    return str(file)


def _content(
    projection: Projection, shown: Colouring, measures: Sequence[Any], pictures: int
) -> dict[str, Any]:
    panel = measure_rows(measures or None, None, 0)
    view = atlas_view(projection, Choices(), shown, figures={}, measures=panel)
    static = "not in a saved page"
    full = len(projection) <= _TEXTS
    rows = np.flatnonzero(projection.modality == 0)
    kept = rows[:: max(1, -(-len(rows) // pictures))] if view["pictures"] else rows[:0]
    view |= {
        "colours": [{"value": "label", "text": shown.legend["title"], "why": ""}],
        "sliders": {"shift": f"λ is {static}.", "temperature": ""},
        "live": False,
        "dead": static,
        "words": full and view["words"],
        "gallery": empty_gallery("Click a point to see its true neighbours.") | {"thumb": 72, "columns": 1},
        "placed": [],
        "code": "# a saved page: make the atlas with show(projection)\n",
    }
    return {
        "view": view,
        "arrays": {
            "points": _packed(projection.points.astype(np.float32)),
            "kinds": _packed(projection.modality),
            "codes": _packed(shown.codes),
        },
        "points": _points(projection) if full else None,
        "sheet": base64.b64encode(sheet(pictures_of(projection, kept.tolist()), _CELL)).decode(),
        "pictured": kept.tolist(),
        "cell": _CELL,
        "columns": max(1, min(SHEET_COLUMNS, len(kept))),
    }


def _points(projection: Projection) -> dict[str, Any]:
    """Texts, labels, true neighbours, and which of those the map kept, for the cards of the page."""
    near = projection.neighbours.first(_NEAR)
    shown = projection.on_map
    kept = (near.index[:, :, None] == shown[:, None, : projection.neighbours.k]).any(axis=2)
    labels = projection.embeddings.labels
    return {
        "kinds": list(KINDS),
        "texts": [row_text(projection, row) for row in range(len(projection.embeddings))],
        "labels": None if labels is None else list(labels),
        "item": projection.item.tolist(),
        "k": int(near.k),
        "near": _packed(near.index.astype(np.uint32)),
        "cosine": _packed(near.cosine.astype(np.float32)),
        "kept": _packed(kept.astype(np.uint8)),
    }


def _packed(array: Any) -> dict[str, str]:
    raw = np.ascontiguousarray(array)
    return {"type": str(raw.dtype), "base64": base64.b64encode(raw.tobytes()).decode()}


def _inert(text: str) -> str:
    """Text that cannot end the script element it stands in."""
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")


def _named(projection: Projection) -> str:
    return projection.embeddings.provenance.model or "embedding map"
