"""One-line reprs and small HTML tables, from the standard library alone."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["html_table", "human_bytes", "one_line", "path_end", "plural"]


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

    `pictures` (WebP, one a row) stand in a first column; their text alternative is the row's first cell.
    """
    kept = list(rows)
    shown = [""] * len(kept)
    if pictures is not None:
        header = ("picture", *header)
        pairs = zip(pictures, kept, strict=True)
        shown = [f"<td>{_image(content, str(row[0]))}</td>" for content, row in pairs]
    head = "".join(f'<th scope="col">{escape(str(cell))}</th>' for cell in header)
    body = "".join(
        f"<tr>{image}" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        for image, row in zip(shown, kept, strict=True)
    )
    return (
        f'<table style="min-width: 36em"><caption style="text-align: left">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _image(content: bytes, alternative: str) -> str:
    source = f"data:image/webp;base64,{base64.b64encode(content).decode()}"
    return f'<img alt="{escape(alternative)}" height="48" src="{source}">'
