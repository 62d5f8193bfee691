"""How results show themselves in words: one line, counted nouns, bytes, small HTML tables.

From the standard library alone; every cell of a table is escaped.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["html_image", "html_table", "html_warnings", "human_bytes", "one_line", "path_end", "plural"]

_NUMBER = re.compile(r"[<>]?\s*[+\-−]?[\d.,]+(e[+\-−]?\d+)?\s?%?|nan|inf|—|–|", re.IGNORECASE)
_PICTURE = 56  # pixels, the height of a picture in a table


def one_line(text: str, *, most: int = 60) -> str:
    """`text` on one line, cut with an ellipsis after `most` characters."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def path_end(path: object, *, most: int = 70) -> str:
    """`path` on one line, cut at its front: what tells files apart is at the end."""
    flat = " ".join(str(path).split())
    return flat if len(flat) <= most else "…" + flat[1 - most :]


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """`1 picture`, `2,000 pictures`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def human_bytes(count: float) -> str:
    """`1.2 MB`: decimal units, one digit."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def html_table(
    caption: str,
    header: Iterable[str],
    rows: Iterable[Sequence[object]],
    *,
    pictures: Sequence[bytes] | None = None,
) -> str:
    """An accessible HTML table. Every cell is escaped: texts of users are never markup.

    A column of numbers stands flush right, any other flush left. `pictures` (WebP, one a row) stand in a
    first column; their text alternative is the row's first cell.
    """
    kept, names = [[str(cell) for cell in row] for row in rows], list(map(str, header))
    sides = [_side([row[column] for row in kept]) for column in range(len(names))]
    shown = [""] * len(kept)
    if pictures is not None:
        shown = [
            f'<td style="text-align: left">{html_image(content, row[0], height=_PICTURE)}</td>'
            for content, row in zip(pictures, kept, strict=True)
        ]
    head = '<th scope="col" style="text-align: left">picture</th>' if pictures is not None else ""
    head += "".join(_cell("th", name, side) for name, side in zip(names, sides, strict=True))
    body = "".join(
        f"<tr>{image}{''.join(_cell('td', *cell) for cell in zip(row, sides, strict=True))}</tr>"
        for image, row in zip(shown, kept, strict=True)
    )
    return (
        f'<table style="min-width: 36em"><caption style="text-align: left">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def html_warnings(texts: Iterable[str]) -> str:
    """Sentences in red, each in a box of its own; readable on a light ground and on a dark one."""
    return "".join(
        '<p role="note" style="border: 2px solid #d33f3f; padding: 4px 8px; max-width: 70em">'
        f'<strong style="color: #d33f3f">Leak.</strong> {escape(text)}</p>'
        for text in texts
    )


def html_image(content: bytes, alternative: str, *, height: int) -> str:
    """A WebP as a picture inside the page, `height` pixels high."""
    source = f"data:image/webp;base64,{base64.b64encode(content).decode()}"
    return f'<img alt="{escape(alternative)}" height="{height}" src="{source}">'


def _side(cells: Sequence[str]) -> str:
    return "right" if cells and all(_NUMBER.fullmatch(cell) for cell in cells) else "left"


def _cell(tag: str, text: str, side: str) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    return f'<{tag}{scope} style="text-align: {side}">{escape(text)}</{tag}>'
