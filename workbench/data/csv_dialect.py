"""Tables of text as their program wrote them: which separator, which quotes, and no row swallowed.

Every cell comes out as it is written: no number is read, no word is taken for a gap. Plain files go
through Arrow; where quotes stand, Python's own reader; and where these do not add up, line by line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.data.csv_rows import Rows, split_line, split_rows
from workbench.data.encodings import decoded, encoding_notes
from workbench.data.frames import Frame
from workbench.errors import BadInputError
from workbench.formatting import one_line, plural

__all__ = ["QUOTING", "Usual", "read_delimited"]

QUOTING = ("auto", "none", "double")
_SEPARATORS = ("\t", ",", ";", "|")
_SPOKEN = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}
_LOOKED_AT = 50  # lines that show what the separator is
_PICTURE = re.compile(r"\.(png|jpe?g|jpe|jfif|webp|gif|bmp|tiff?|avif|jp2|ppm)(#\d+)?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Usual:
    """Names of columns that mean something, in small letters: of pictures, of texts, and of anything."""

    image: Collection[str]
    text: Collection[str]
    every: Collection[str]


def read_delimited(
    table: Path,
    usual: Usual,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    quoting: str | int = "auto",
) -> Frame:
    """The cells of a table as texts, with notes on what was found and on rows that do not fit.

    Raises:
        BadInputError: an option that means nothing, or rows that cannot be told apart.
    """
    quotes = _quotes(quoting)
    content = table.read_bytes()
    words = decoded(content, encoding=encoding, name=table.name)
    plain = words.text.isascii() or words.encoding in ("", "utf-8")
    first = [line for line in _lines(words.text[:400_000], _LOOKED_AT) if line.strip()]
    if not first:
        raise BadInputError(f"{table.name!r} is empty: it has no row and no column.")
    mark = _mark(separator, table, first, usual)
    header, padded = _header(first, mark, usual)
    names, notes = _named(header, first[0], mark, padded)
    used = quotes != "none" and '"' in words.text
    rows: Any = None
    is_odd = "\r" in words.text.replace("\r\n", "\n")
    words = replace(words, text=words.text if used or padded or is_odd or not plain else "")
    if not words.text:
        rows = _through_arrow(content, mark, names, skip=1 if header else 0)
    if rows is None:
        words = words if words.text else replace(words, text=decoded(content, encoding=encoding).text)
        found = split_rows(
            words.text, _shape(mark, names, padded, usual), quotes=quotes, skip=1 if header else 0
        )
        _check_lengths(found, names, table)
        notes += found.notes
        columns: dict[str, Any] = dict(zip(names, found.columns, strict=True))
    else:
        columns = rows
    count = len(next(iter(columns.values())))
    said = f"a table of {plural(count, 'row')}, parted by {_SPOKEN.get(mark, repr(mark))}"
    said += f", in {words.encoding}" if words.encoding else ""
    return Frame(
        columns,
        count,
        typed=False,
        notes=(*encoding_notes(table.name, words, encoding), *notes),
        read_as=said,
    )


def _quotes(quoting: str | int) -> str:
    """One of `QUOTING`; the numbers of Python's csv module mean the same."""
    if quoting == csv.QUOTE_NONE and not isinstance(quoting, bool):
        return "none"
    if quoting in (csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC) and not isinstance(quoting, bool):
        return "double"
    if quoting not in QUOTING:
        raise BadInputError(f"quoting is {quoting!r}; expected one of {', '.join(map(repr, QUOTING))}.")
    return str(quoting)


def _lines(text: str, most: int) -> list[str]:
    return [line.rstrip("\n") for line, _ in zip(io.StringIO(text, newline=None), range(most), strict=False)]


def _mark(wish: str | None, table: Path, lines: Sequence[str], usual: Usual) -> str:
    """The separator: that under which the first line names what we know and the others have as many cells."""
    if wish is not None:
        if not isinstance(wish, str) or len(wish) != 1 or wish in '"\r\n':
            raise BadInputError(f"separator is {wish!r}; expected one character, such as ',' or '\\t'.")
        return wish
    likely = "\t" if table.suffix.lower() == ".tsv" else ","
    ranked = []
    for mark in _SEPARATORS:
        cells = [_bare(cell) for cell in split_line(lines[0], mark)]
        known = sum(cell.casefold() in usual.every for cell in cells)
        pictures = sum(bool(_PICTURE.search(cell)) for cell in cells)
        same = sum(len(split_line(line, mark)) == len(cells) for line in lines) / len(lines)
        several = len(cells) > 1
        ranked.append((known + pictures if several else 0, several, mark == likely, same, mark))
    return max(ranked)[-1]


def _header(lines: Sequence[str], mark: str, usual: Usual) -> tuple[list[str], bool]:
    """Names in the first line ([] where it is a row itself), and whether cells are padded with spaces."""
    cells = split_line(lines[0], mark)
    padded = len(cells) > 1 and all(cell.startswith(" ") for cell in cells[1:])
    names = [_bare(cell) for cell in cells]
    known = any(name.casefold() in usual.every for name in names)
    if not known and any(_PICTURE.search(name) for name in names):
        return [], padded
    return names, padded


def _named(header: Sequence[str], first: str, mark: str, padded: bool) -> tuple[list[str], tuple[str, ...]]:
    """A name for each column, no two alike, and notes where we gave them."""
    if not header:
        cells = split_line(first, mark)
        picture = next(k for k, cell in enumerate(cells) if _PICTURE.search(cell))
        numbered = [f"column {k + 1}" for k in range(len(cells))]
        numbered[-1 if picture != len(cells) - 1 else 0] = "text"
        numbered[picture] = "image"
        return numbered, ("The first line names no columns: it is read as a row.",)
    names: list[str] = []
    seen: dict[str, int] = {}
    notes: list[str] = []
    for place, name in enumerate(header):
        name = name or f"column {place + 1}"
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            notes.append(
                f"The column {name!r} is there twice: the later one is called '{name} ({seen[name]})'."
            )
            name = f"{name} ({seen[name]})"
        names.append(name)
    return names, tuple(notes)


def _bare(cell: str) -> str:
    return cell.strip().removeprefix("\ufeff").strip('"').strip()


def _shape(mark: str, names: Sequence[str], padded: bool, usual: Usual) -> Rows:
    folded = [name.casefold() for name in names]
    image = next((k for k, name in enumerate(folded) if name in usual.image), None)
    text = next((k for want in usual.text for k, name in enumerate(folded) if name == want), None)
    return Rows(mark, len(names), image, text, padded)


def _check_lengths(found: Any, names: Sequence[str], table: Path) -> None:
    if found.too_long:
        row, cells = found.too_long[0]
        raise BadInputError(
            f"Row {row} of {table.name!r} holds {cells} cells, more values than its first line names "
            f"({one_line(', '.join(map(repr, names)), most=200)}); so do {len(found.too_long) - 1:,} more. "
            "Put texts that hold separators in double quotes, or give separator='...'."
        )


def _through_arrow(content: bytes, mark: str, names: Sequence[str], *, skip: int) -> dict[str, Any] | None:
    """Every cell as a text, in Arrow; None where rows are of differing length, which Arrow would drop."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    odd: list[Any] = []

    def refuse(row: Any) -> str:
        odd.append(row)
        return "skip"

    body = content.removeprefix(b"\xef\xbb\xbf")
    start = body.lstrip(b"\r\n")
    try:
        read = arrow.read_csv(
            pa.BufferReader(start),
            read_options=arrow.ReadOptions(column_names=list(names), skip_rows=skip, use_threads=True),
            parse_options=arrow.ParseOptions(
                delimiter=mark, quote_char=False, ignore_empty_lines=True, invalid_row_handler=refuse
            ),
            convert_options=arrow.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, ValueError):  # a mark that Arrow does not take, or bytes that are no UTF-8
        return None
    return None if odd else {name: read[name] for name in names}
