"""A result as a page that needs no kernel: HTML with a real table, a PNG, and the numbers.

Widget state does not survive the next save of a notebook; a snapshot is an ordinary output and does.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from widgets.wire import as_bytes
from workbench.errors import BadInputError
from workbench.formatting import html_table

__all__ = ["Snapshot", "contact_sheet", "exported", "font_for", "picture_table"]

_CELL = 132  # pixels a picture on the contact sheet
_STRIP = 40  # pixels for the words under it


class Files(list[Path]):
    """What an export wrote, the page first; where one path is expected, that one: `open(files)`."""

    def __fspath__(self) -> str:
        return str(self[0])


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A static picture of a widget: shows itself in a notebook, on GitHub, in print.

    Attributes:
        title: what heads it.
        html: a self-contained fragment, every text escaped.
        png: the same as a picture.
        arrays: the numbers behind it.
        provenance: model, data, parameters, versions.
        table: rows of the table it shows, the header first; empty if there is none.

    Example:
        >>> from widgets import Snapshot
        >>> files = Snapshot("One number", "<p>1</p>", png=b"", arrays={"number": [1]}).save("one-number")
        >>> [file.name for file in files]
        ['one-number.html', 'one-number.png', 'one-number.npz', 'one-number.json']
    """

    title: str
    html: str
    png: bytes
    arrays: Mapping[str, NDArray] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    table: Sequence[Sequence[object]] = ()

    def save(self, path: str | Path) -> Files:
        """Write `path`.html, .png, .npz and .json, and .csv where there is a table; returns the paths.

        Raises:
            BadInputError: the folder of `path` does not exist.
        """
        stem = Path(path)
        if not stem.parent.is_dir():
            raise BadInputError(
                f"The folder {str(stem.parent)!r} does not exist. Make it, or give another path."
            )
        files = Files(stem.with_name(stem.name + ending) for ending in (".html", ".png", ".npz", ".json"))
        page = f'<!doctype html><meta charset="utf-8"><title>{escape(self.title)}</title>{self.html}'
        files[0].write_text(page, "utf-8")
        files[1].write_bytes(self.png)
        np.savez_compressed(files[2], **dict(self.arrays))  # type: ignore[arg-type]
        files[3].write_text(json.dumps(dict(self.provenance), indent=2, ensure_ascii=False), "utf-8")
        if self.table:
            files.append(stem.with_name(stem.name + ".csv"))
            with files[4].open(
                "w", encoding="utf-8-sig", newline=""
            ) as out:  # the mark tells Excel it is UTF-8
                csv.writer(out).writerows(self.table)
        return files

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        png = base64.b64encode(self.png).decode()
        return {"text/html": self.html, "image/png": png, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Snapshot({self.title!r}, {len(self.html) / 1000:.0f} kB of HTML)"


def exported(snapshot: Snapshot, path: str | Path, *, page: bytes = b"", picture: bytes = b"") -> Files:
    """Save under a name that somebody typed; the browser's `page` and `picture` go before the snapshot's own.

    Raises:
        BadInputError: no name, or a folder that does not exist.
    """
    name = str(path).strip()
    if not name:
        raise BadInputError("Give a name for the files, such as 'my-map'.")
    files = snapshot.save(Path(name).expanduser())
    for file, content in zip(files, (page, picture), strict=False):
        if content:
            file.write_bytes(content)
    return files


def picture_table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    pictures: Sequence[Image.Image],
    *,
    notes: Sequence[str] = (),
) -> str:
    """An HTML table with a thumbnail before each row, and notes under it."""
    table = html_table(caption, header, rows, pictures=[as_bytes(picture, side=96) for picture in pictures])
    return table + "".join(f"<p><small>{escape(note)}</small></p>" for note in notes if note)


def contact_sheet(
    pictures: Sequence[Image.Image], lines: Sequence[Sequence[str]], *, columns: int = 6
) -> bytes:
    """A PNG of the pictures, two lines of words under each."""
    columns = max(1, min(columns, len(pictures)))
    rows = max(1, -(-len(pictures) // columns))
    sheet = Image.new("RGB", (columns * _CELL, rows * (_CELL + _STRIP)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (picture, words) in enumerate(zip(pictures, lines, strict=True)):
        row, column = divmod(place, columns)
        left, top = column * _CELL, row * (_CELL + _STRIP)
        shown = picture.convert("RGB")
        shown.thumbnail((_CELL - 12, _CELL - 12), Image.Resampling.LANCZOS)
        sheet.paste(shown, (left + (_CELL - shown.width) // 2, top + (_CELL - shown.height) // 2))
        for number, text in enumerate(words[:2]):
            _write(draw, text, (left + 6, top + _CELL - 4 + 17 * number), _CELL - 12)
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def _write(draw: ImageDraw.ImageDraw, text: str, at: tuple[int, int], width: int) -> None:
    font = font_for(text)
    shown = text
    while draw.textlength(shown, font=font) > width and len(shown) > 1:
        shown = shown[:-2].rstrip() + "…"
    draw.text(at, shown, fill="black", font=font)


def font_for(text: str, size: int = 13) -> Any:
    """Pillow's own font for Latin; for other scripts a system font that has them, where there is one."""
    if text.isascii():
        return ImageFont.load_default(size)
    for name in (
        "NotoSansCJK-Regular.ttc",
        "wqy-microhei.ttc",
        "DejaVuSans.ttf",
        "Arial Unicode.ttf",
        "msyh.ttc",
    ):
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
