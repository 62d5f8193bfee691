"""Lines into rows, where quotes stand or rows are too long: an odd quote never swallows a row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from workbench.formatting import plural

__all__ = ["Found", "Rows", "split_line", "split_rows"]

_MOST_LINES = 200  # lines that one quoted text may run over
_PICTURE = re.compile(r"\.[a-z0-9]{2,5}(#\d+)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Rows:
    """What a row of a table looks like: its separator, its cells, and which hold the picture and the text.

    `padded` means that a space follows each separator.
    """

    mark: str
    cells: int
    image: int | None
    text: int | None
    padded: bool


@dataclass
class Found:
    """Cells by column, and what did not fit.

    Attributes:
        too_long: (row, cells) of rows with more cells than the first line, which could not be mended.
    """

    columns: list[list[str]]
    too_long: list[tuple[int, int]] = field(default_factory=list)
    short: int = 0
    joined: int = 0
    odd: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the table should know, one sentence each."""
        said = []
        if self.odd:
            said.append(
                f"{plural(self.odd, 'row')} with quotes that enclose nothing: there they are read as letters"
            )
        if self.joined:
            said.append(
                f"{plural(self.joined, 'row')} with more separators than columns: they belong to the text"
            )
        if self.short:
            said.append(f"{plural(self.short, 'row')} with fewer cells than columns: the rest is empty")
        return tuple(said)


def split_line(line: str, mark: str) -> list[str]:
    """One line as cells: by its quotes if they add up, else at every separator."""
    return _strict(line, mark) or line.split(mark)


def split_rows(text: str, shape: Rows, *, quotes: str, skip: int) -> Found:
    """Every line of `text` after the first `skip` as a row of `shape`."""
    lines = [line.rstrip("\n") for line in io.StringIO(text, newline=None)]
    found = Found([[] for _ in range(shape.cells)])
    begin = next((place for place, line in enumerate(lines) if line.strip()), 0)
    for count, (cells, literal) in enumerate(_records(lines[begin + skip :], shape, quotes), start=1):
        found.odd += literal
        _put(found, cells, shape, count)
    return found


def _records(lines: Sequence[str], shape: Rows, quotes: str) -> Iterator[tuple[list[str], bool]]:
    """Cells of each row, and whether it has quotes that were read as letters."""
    if quotes == "none" or not any('"' in line for line in lines):
        yield from ((line.split(shape.mark), False) for line in lines if line.strip())
        return
    place = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        if not line.strip():
            continue
        if '"' not in line:
            yield line.split(shape.mark), False
            continue
        cells = _strict(line, shape.mark, padded=shape.padded)
        if cells is not None:
            yield cells, False
            continue
        cells, used = _over_lines(lines, place - 1, shape, quotes)
        place += used
        yield (cells, False) if cells else (line.split(shape.mark), True)


def _strict(line: str, mark: str, *, padded: bool = False) -> list[str] | None:
    """The cells of one row whose quotes add up; None where they do not."""
    try:
        read = csv.reader(io.StringIO(line, newline=""), delimiter=mark, strict=True, skipinitialspace=padded)
        rows = list(read)
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _over_lines(lines: Sequence[str], start: int, shape: Rows, quotes: str) -> tuple[list[str] | None, int]:
    """A row whose quoted text runs over several lines, and how many more it takes; None if a quote is odd.

    It is odd if it never closes, or if what it would swallow are rows by themselves.
    """
    text = lines[start]
    for more, line in enumerate(lines[start + 1 : start + _MOST_LINES], start=1):
        if quotes == "auto" and _is_row(line, shape):
            return None, 0
        text += "\n" + line
        if '"' in line:
            cells = _strict(text, shape.mark, padded=shape.padded)
            if cells is not None and (len(cells) == shape.cells or quotes == "double"):
                return cells, more
    return None, 0


def _is_row(line: str, shape: Rows) -> bool:
    """Whether a line stands for itself: enough cells, and a picture's name where one belongs."""
    cells = line.split(shape.mark)
    if len(cells) < shape.cells or shape.cells < 2 or shape.image is None:
        return False
    name = cells[shape.image].strip(' "')
    return bool(_PICTURE.search(name)) or (any(map(str.isdigit, name)) and " " not in name)


def _put(found: Found, cells: list[str], shape: Rows, row: int) -> None:
    surplus = len(cells) - shape.cells
    if surplus > 0 and not any(cell.strip() for cell in cells[shape.cells :]):
        cells, surplus = cells[: shape.cells], 0  # separators at the end of the line
    if surplus > 0 and shape.text is not None:
        end = shape.text + surplus + 1
        cells = [*cells[: shape.text], shape.mark.join(cells[shape.text : end]), *cells[end:]]
        found.joined += 1
    elif surplus > 0:
        found.too_long.append((row, len(cells)))
        return
    if surplus < 0:
        found.short += 1
        cells = [*cells, *[""] * -surplus]
    for column, cell in zip(found.columns, cells, strict=True):
        column.append(cell[1:] if shape.padded and cell.startswith(" ") else cell)
