"""The atlas without a kernel: a labelled figure for print, and a page that can still be explored."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets import esm
from widgets.atlas.cards import KINDS, SHEET_COLUMNS, closeness, pictures_of, row_text, sheet
from widgets.atlas.colour import Colouring
from widgets.atlas.drawing import Dots, draw_map
from widgets.atlas.figures import Figure
from widgets.atlas.gallery import empty_gallery
from widgets.atlas.projection_view import Choices, filter_marks, said
from widgets.atlas.selection import pack
from widgets.format import spaced
from widgets.snapshot import Snapshot
from workbench.formatting import html_table
from workbench.projection import Projection
from workbench.values import is_missing

__all__ = ["atlas_snapshot", "page_content", "page_of", "page_title", "stem_of"]

_CELL = 48  # pixels of a picture in the page
_NEAR = 8  # true neighbours of a point in the page
_TEXTS = 50_000  # points whose texts and neighbours are written into the page, and rows of the table
_STATE = (
    "labels",
    "kinds",
    "only",
    "links",
    "tool",
    "words",
    "pictures",
    "focus",
    "wheel",
)  # of a saved page


def stem_of(path: str | Path) -> str:
    """`map` for `map.html`: the endings are added to it."""
    name = str(path).strip()
    return name[: -len(".html")] if name.lower().endswith(".html") else name


def atlas_snapshot(
    projection: Projection,
    choices: Choices,
    shown: Colouring,
    measures: Sequence[Any],
    figures: Mapping[str, Figure],
    *,
    title: str = "",
    size: tuple[int, int] = (900, 620),
    placed: Sequence[tuple[str, tuple[float, float]]] = (),
    marks: Sequence[Mapping[str, Any]] = (),
    code: str = "",
    most: int | None = None,
) -> Snapshot:
    """The map as a picture with its legend and figures in words, and the numbers behind it.

    `marks` are the names written on the map, `placed` what was put there by hand.
    `most` limits the points of the picture: those drawn are spread evenly over all, and it says so.
    """
    title = title or page_title(projection, choices)
    rows = [(row.name, spaced(row.shown), spaced(row.twin), row.sample) for row in measures]
    taken = np.arange(len(projection))
    if most is not None and len(projection) > most:
        taken = np.linspace(0, len(projection) - 1, most).astype(np.int64)
        title += f" · {most:,} of its points drawn"
    lit = _lit(projection, choices)[taken]
    png = draw_map(
        Dots(projection.points[taken], projection.modality[taken], shown.codes[taken]), shown, title=title,
        size=size, placed=placed, hidden=~lit if choices.only else None, camera=choices.camera, chosen=lit,
        landmarks=marks,
    )  # fmt: skip
    settings = _settings(projection, choices, shown)
    arrays: dict[str, NDArray[Any]] = {
        "points": projection.points,
        "modality": projection.modality,
        "item": projection.item,
        "selected": choices.selected,
        "selected_rows": choices.rows,
        **{f"figure_{key}": figure.values for key, figure in figures.items()},
    }
    provenance = projection.provenance.to_dict() | {
        "code": code,
        "settings": settings,
        "measures": {row[0]: row[1] for row in rows},
    }
    table = () if most is not None else list(_table(projection, choices, figures))
    return Snapshot(
        title, _html(projection, title, settings, rows, png, size[0]), png, arrays, provenance, table
    )


def _html(
    projection: Projection,
    title: str,
    settings: Mapping[str, Any],
    rows: Sequence[Sequence[str]],
    png: bytes,
    width: int,
) -> str:
    picture = base64.b64encode(png).decode()
    credit = projection.pairs.credit if projection.pairs is not None else ""
    lines = ["; ".join(f"{name} {value}" for name, value in settings.items()), *projection.notes, credit]
    head = ("measure", "value", "baseline", "from")
    table = html_table("How far to trust this map", head, rows) if rows else ""
    words = "".join(f"<p><small>{escape(line)}</small></p>" for line in lines if line)
    return (
        f'<figure style="margin:0"><img alt="{escape(title)}" style="max-width:100%" width="{width}" '
        f'src="data:image/png;base64,{picture}"><figcaption>{escape(title)}</figcaption></figure>'
        f"{table}{words}"
    )


def _settings(projection: Projection, choices: Choices, shown: Colouring) -> dict[str, Any]:
    """What was chosen, in words for a caption."""
    found: dict[str, Any] = {"coloured by": shown.legend["title"], "temperature": choices.temperature}
    if len(projection.modalities) == 2:
        found["share of the gap closed (λ)"] = choices.shift
    if choices.labels:
        found["labels"] = ", ".join(choices.labels)
    if choices.kinds:
        found["kinds"] = ", ".join(choices.kinds)
    if choices.query:
        found["search"] = f"“{choices.query}”"
    return found


def _lit(projection: Projection, choices: Choices) -> NDArray[np.bool_]:
    """row: whether it is drawn strongly: what is selected, else what the legend's filter leaves."""
    if len(choices.rows) > 1:  # one point dims nothing, as on the screen
        lit = np.zeros(len(projection), bool)
        lit[choices.rows] = True
        return lit
    marks = filter_marks(projection, choices.labels, choices.kinds)
    return np.ones(len(projection), bool) if marks is None else marks == 0


def _table(
    projection: Projection, choices: Choices, figures: Mapping[str, Figure]
) -> Iterator[Sequence[object]]:
    """A row for each selected point, or for all if there is no selection; counted from 0, as in Python."""
    yield ["point", "item", "kind", "text", "label", "x", "y", *figures]
    labels = projection.embeddings.labels
    for row in (choices.rows if len(choices.rows) else np.arange(len(projection)))[:_TEXTS].tolist():
        item = int(projection.item[row])
        x, y = projection.points[row].tolist()
        yield [
            row, item, KINDS[projection.modality[row]], row_text(projection, row, most=10_000),
            "" if labels is None else labels[item], x, y,
            *(float(figure.values[row]) for figure in figures.values()),
        ]  # fmt: skip


def page_of(title: str, contents: Sequence[str], said: str = "") -> str:
    """A page of one map, or of several that are linked; each content is one of `page_content`'s as JSON.

    `said` stands above them.
    """
    names = ["atlas", *(f"atlas-{place}" for place in range(1, len(contents)))]
    data = "".join(
        f'<script type="application/json" class="atlas" id="{name}">{_inert_data(one)}</script>'
        for name, one in zip(names, contents, strict=True)
    )
    above = f"<p>{escape(said)}</p>" if said else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<style>body{{margin:12px}}{esm.style('shared/base', 'atlas/board')}</style></head><body>"
        f"{above}{data}"
        f'<script type="module">{_inert(esm.script("atlas/page"))}</script></body></html>'
    )


def page_content(
    projection: Projection, choices: Choices, shown: Colouring, view: Mapping[str, Any], pictures: int
) -> dict[str, Any]:
    """What a page holds of one map, with the view as it stands and up to `pictures` pictures."""
    static = "not in a saved page"
    full = len(projection) <= _TEXTS
    rows = np.flatnonzero(projection.modality == 0)
    kept = rows[:: max(1, -(-len(rows) // pictures))] if view["pictures"] else rows[:0]
    marks = filter_marks(projection, choices.labels, choices.kinds)
    arrays = {
        "points": projection.points.astype(np.float32),
        "kinds": projection.modality,
        "codes": shown.codes,
    }
    if marks is not None:
        arrays["filter"] = marks
    own = {
        "colours": [{"value": choices.colour, "text": shown.legend["title"], "why": ""}],
        "sliders": {"shift": f"λ is {static}.", "temperature": f"τ is {static}."},
        "live": False,
        "saved": True,
        "redraw": False,
        "layers": [],
        "dead": static,
        "words": full and view["words"],
        "gallery": empty_gallery("Click a point to see its nearest neighbours in the model's space."),
    }
    legend = dict(view["legend"])
    if not full:  # then the page holds no labels
        legend["entries"] = [entry | {"filter": False} for entry in legend["entries"]]
    return {
        "view": {**view, **own, "legend": legend},
        "state": {name: _plain(getattr(choices, name)) for name in _STATE}
        | {"colour": choices.colour, "camera": list(choices.camera), "temperature": choices.temperature}
        | {"shift": choices.shift, "gallery": "selection" if len(choices.rows) > 1 else "pictures"},
        "mask": base64.b64encode(pack(choices.rows, len(projection))).decode(),
        "arrays": {name: _packed(array) for name, array in arrays.items()},
        "points": _points(projection) if full else None,
        "sheet": base64.b64encode(sheet(pictures_of(projection, kept.tolist()), _CELL)).decode(),
        "pictured": kept.tolist(),
        "cell": _CELL,
        "columns": max(1, min(SHEET_COLUMNS, len(kept))),
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _points(projection: Projection) -> dict[str, Any]:
    """Texts, labels, true neighbours, and which of those the map kept, for the cards of the page."""
    near = projection.neighbours.first(_NEAR)
    shown = projection.on_map
    kept = (near.index[:, :, None] == shown[:, None, : projection.neighbours.k]).any(axis=2)
    labels = projection.embeddings.labels
    by, close = closeness(projection, near)
    return {
        "kinds": list(KINDS),
        "texts": [row_text(projection, row) for row in range(len(projection.embeddings))],
        "labels": None if labels is None else ["" if is_missing(own) else str(own) for own in labels],
        "item": projection.item.tolist(),
        "k": int(near.k),
        "near": _packed(near.index.astype(np.uint32)),
        "by": by,
        "close": _packed(close),
        "kept": _packed(kept.astype(np.uint8)),
    }


def _packed(array: Any) -> dict[str, str]:
    raw = np.ascontiguousarray(array)
    return {"type": str(raw.dtype), "base64": base64.b64encode(raw.tobytes()).decode()}


def _inert_data(text: str) -> str:
    """JSON that a page cannot take for markup: `<` stands in its strings only, where it may be spelt out."""
    return text.replace("<", "\\u003c")


def _inert(text: str) -> str:
    """A program of ours that cannot end the script element it stands in."""
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")


def page_title(projection: Projection, choices: Choices) -> str:
    """What a picture or page of the map is called: model, points, who drew them, how many are selected."""
    known = projection.embeddings.provenance.model or "embedding map"
    chosen = f" · {len(choices.rows):,} points selected" if len(choices.rows) > 1 else ""
    return f"{known}: {said(projection)}{chosen}"
