"""What the atlas answers when its front end asks: arrays, pictures, words and cards that come into view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from widgets import wire
from widgets.atlas.cards import SHEET_COLUMNS, picture_of, pictures_of, point_card, row_text, sheet
from widgets.atlas.projection_view import filter_marks
from workbench.errors import BadInputError
from workbench.formatting import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from widgets.atlas.embedding_atlas import EmbeddingAtlas

__all__ = ["answer"]

_COARSE, _FINE = 32, 96  # pixels of a picture on the map
_LARGE, _STRIP = 96, 40  # of the point's own picture and of its neighbours'
_UPLOAD_MB = 16
Message = dict[str, Any]


def answer(atlas: EmbeddingAtlas, message: Message, buffers: list[memoryview]) -> None:
    """Send what was asked for. A kind that nobody knows is passed over: another version may send it.

    Raises:
        BadInputError: the browser reports a problem, or sends a picture that is too large.
    """
    kind = str(message.get("kind"))
    if kind == "problem":
        raise BadInputError(str(message.get("message", "")))
    elif kind == "place":
        _place(atlas, message, buffers)
    elif kind in _ANSWERS:
        _ANSWERS[kind](atlas, message)


def _send_array(atlas: EmbeddingAtlas, message: Message) -> None:
    for head, part in atlas.arrays.parts(str(message["name"]), int(message["version"])):
        atlas.send(head, [part])


def _send_pictures(atlas: EmbeddingAtlas, message: Message) -> None:
    now = atlas.projection
    rows = [row for row in _rows(atlas, message) if now.modality[row] == 0]
    cell = _COARSE if message["kind"] == "coarse" else _FINE
    found = pictures_of(now, rows)
    columns = min(SHEET_COLUMNS, max(1, len(found)))
    atlas.send(
        {"kind": message["kind"], "points": rows, "cell": cell, "columns": columns}, [sheet(found, cell)]
    )


def _send_words(atlas: EmbeddingAtlas, message: Message) -> None:
    found = [[row, row_text(atlas.projection, row, most=32)] for row in _rows(atlas, message)]
    atlas.send({"kind": "words", "found": found})


def _send_card(atlas: EmbeddingAtlas, message: Message) -> None:
    now, rows = atlas.projection, _rows(atlas, message)[:1]
    found = [(row, point_card(now, row, atlas.figures)) for row in rows]
    own = [picture_of(now, row) for row in rows]
    strip = pictures_of(now, [other["point"] for _, card in found for other in card["neighbours"]])
    buffers = [
        wire.as_bytes(own[0], side=_LARGE) if own and own[0] is not None else b"",
        sheet(strip, _STRIP, columns=max(1, len(strip))),
    ]
    atlas.send({"kind": "look", "found": found}, buffers)


def _page(atlas: EmbeddingAtlas, message: Message) -> None:
    """Offer the page that can be explored as an array, or take it back once it has been fetched."""
    page = None if message.get("done") else np.frombuffer(atlas._page(), np.uint8)
    atlas.arrays.put("page", page)
    atlas._data = atlas.arrays.announced()


def _choose(atlas: EmbeddingAtlas, message: Message) -> None:
    """Select what the legend's filter leaves lit, or what the gallery lists."""
    if message.get("what") == "labels":
        marks = filter_marks(atlas.projection, atlas.labels, atlas.kinds)
        atlas.selected_rows = [] if marks is None else np.flatnonzero(marks == 0)
    else:
        atlas.selected_rows = atlas.listed


def _place(atlas: EmbeddingAtlas, message: Message, buffers: list[memoryview]) -> None:
    name, picture = str(message.get("name", "picture")), bytes(buffers[0])
    if len(picture) > _UPLOAD_MB * 1e6:
        raise BadInputError(
            f"{one_line(name)!r} has {len(picture) / 1e6:.0f} MB; expected at most {_UPLOAD_MB}. "
            "Shrink it first."
        )
    atlas.place(picture, name)


def _rows(atlas: EmbeddingAtlas, message: Message) -> list[int]:
    return [int(row) for row in message.get("points", []) if 0 <= int(row) < len(atlas.projection)]


_ANSWERS: dict[str, Callable[[EmbeddingAtlas, Message], None]] = {
    "want": _send_array,
    "coarse": _send_pictures,
    "fine": _send_pictures,
    "words": _send_words,
    "look": _send_card,
    "choose": _choose,
    "stability": lambda atlas, _message: atlas.measure_stability(),
    "page": _page,
    "keep": lambda atlas, _message: atlas._keep(),
}
