"""A page of the fusion board as a table: for a file (CSV, LaTeX), for print, for a place without a kernel."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from textwrap import wrap
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from widgets.snapshot import Snapshot, contact_sheet
from workbench.errors import BadInputError
from workbench.formatting import html_table, html_warnings, one_line

__all__ = ["FORMS", "Sheet", "board_snapshot", "file_of"]

FORMS = ("csv", "latex")
_BAR, _ROW, _LEFT = 360, 24, 240  # pixels of the picture: longest bar, a row, the names
_LINE, _LETTERS, _RED = 17, 100, "#c62828"  # of a warning: pixels a line, letters in it, its colour


@dataclass(frozen=True)
class Sheet:
    """One page as a table.

    Attributes:
        origin: columns added to every row of a file, the same in each: configuration hash, seeds, data.
        csv, latex: given where a result writes its own; else made from the rows.
        bars: (name, value) of the picture, or None.
        pictures: (picture, title, words) of the picture, or empty.
        warnings: what must be read before any number: in red, above the table and on the picture.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    notes: Sequence[str] = ()
    origin: Mapping[str, str] = field(default_factory=dict)
    csv: str | None = None
    latex: str | None = None
    bars: Sequence[tuple[str, float]] = ()
    pictures: Sequence[tuple[Image.Image, str, str]] = ()
    arrays: Mapping[str, NDArray] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def file_of(sheet: Sheet, form: str) -> str:
    """The text of a file.

    Raises:
        BadInputError: another form than "csv" or "latex", or a page without numbers.
    """
    if form not in FORMS:
        raise BadInputError(f"form is {form!r}; a page is exported as {' or '.join(FORMS)}.")
    if not sheet.rows:
        raise BadInputError("There is nothing on this page to export yet. Train or compare something first.")
    if form == "csv":
        return sheet.csv if sheet.csv is not None else _csv(sheet)
    return sheet.latex if sheet.latex is not None else _latex(sheet)


def board_snapshot(sheet: Sheet, code: str) -> Snapshot:
    """The page as HTML with a real table, a picture, and the numbers behind it."""
    origin = "; ".join(f"{name} {value}" for name, value in sheet.origin.items())
    notes = [*sheet.notes, origin]
    html = html_warnings(sheet.warnings) + html_table(sheet.caption, sheet.header, sheet.rows)
    html += "".join(f"<p><small>{escape(note)}</small></p>" for note in notes if note)
    return Snapshot(
        sheet.caption, html, _picture(sheet), sheet.arrays, dict(sheet.provenance) | {"code": code},
        _table(sheet),
    )  # fmt: skip


def _csv(sheet: Sheet) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(_table(sheet))
    return out.getvalue()


def _table(sheet: Sheet) -> list[list[object]]:
    """Header and rows, with where they come from in every row."""
    if not sheet.rows:
        return []
    return [[*sheet.header, *sheet.origin], *([*row, *sheet.origin.values()] for row in sheet.rows)]


def _latex(sheet: Sheet) -> str:
    columns = "l" + "r" * (len(sheet.header) - 1)
    origin = ", ".join(f"{name} {value}" for name, value in sheet.origin.items())
    body = " \\\\\n".join(" & ".join(_tex(cell) for cell in row) for row in sheet.rows)
    return (
        f"% {one_line(origin, most=400)}\n\\begin{{table}}\n\\caption{{{_tex(sheet.caption)}}}\n"
        f"\\begin{{tabular}}{{{columns}}}\n\\hline\n"
        f"{' & '.join(_tex(cell) for cell in sheet.header)} \\\\\n\\hline\n{body} \\\\\n\\hline\n"
        "\\end{tabular}\n\\end{table}\n"
    )


def _tex(cell: object) -> str:
    text = str(cell).replace("\\", r"\textbackslash ")
    for sign in "&%$#_{}":
        text = text.replace(sign, "\\" + sign)
    return text.replace("~", r"\textasciitilde ").replace("^", r"\textasciicircum ")


def _picture(sheet: Sheet) -> bytes:
    if sheet.pictures:
        pictures = [picture for picture, _, _ in sheet.pictures]
        return contact_sheet(pictures, [(title, words) for _, title, words in sheet.pictures])
    return _bars(sheet.bars, sheet.warnings)


def _bars(bars: Sequence[tuple[str, float]], warnings: Sequence[str] = ()) -> bytes:
    """Warnings in red, then names and horizontal bars on white; values that are not finite have no bar."""
    font = ImageFont.load_default(13)
    known = [value for _, value in bars if np.isfinite(value)]
    longest = max([1e-9, *map(abs, known)])
    told = [line for text in warnings for line in wrap(f"Leak. {one_line(text, most=2000)}", _LETTERS)]
    head = _LINE * len(told) + (8 if told else 0)
    picture = Image.new("RGB", (_LEFT + _BAR + 90, head + _ROW * max(1, len(bars)) + 12), "white")
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(told):
        draw.text((8, 6 + _LINE * row), line.encode("ascii", "replace").decode(), _RED, font=font)
    for row, (name, value) in enumerate(bars):
        top = head + 6 + _ROW * row
        draw.text(
            (8, top + 4), one_line(name, most=34).encode("ascii", "replace").decode(), "black", font=font
        )
        if np.isfinite(value):
            draw.rectangle((_LEFT, top + 5, _LEFT + _BAR * abs(value) / longest, top + _ROW - 6), "#4c8bd6")
            draw.text((_LEFT + _BAR * abs(value) / longest + 6, top + 4), f"{value:.4g}", "black", font=font)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
