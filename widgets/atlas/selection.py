"""Selections: bitmasks of rows on the wire, item numbers in Python."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import BadInputError
from workbench.formatting import one_line

__all__ = ["as_text", "from_text", "items_of", "pack", "row_numbers", "rows_of", "unpack"]


def pack(rows: NDArray[np.int64], count: int) -> bytes:
    """Row numbers as a bitmask, the lowest bit first: a million rows are 125 kB."""
    if not len(rows):
        return b""
    chosen = np.zeros(count, bool)
    chosen[rows] = True
    return np.packbits(chosen, bitorder="little").tobytes()


def unpack(mask: bytes, count: int) -> NDArray[np.int64]:
    """The row numbers of a bitmask, ascending, read-only."""
    raw = np.frombuffer(mask, np.uint8)
    rows = np.flatnonzero(np.unpackbits(raw, bitorder="little")[:count]).astype(np.int64)
    rows.flags.writeable = False
    return rows


def row_numbers(given: ArrayLike | None, count: int, *, what: str = "item") -> NDArray[np.int64]:
    """Ids or a mask as sorted, unique numbers below `count`, read-only.

    Raises:
        BadInputError: a mask of another length, a number out of range, or something else.
    """
    array = np.asarray([] if given is None else given)
    if array.size == 0 and array.dtype != np.bool_:
        array = array.astype(np.int64).reshape(-1)
    if array.ndim != 1 or array.dtype.kind not in "iub":
        raise BadInputError(
            f"A selection is a list of {what} numbers or a mask; got {one_line(repr(given))}."
        )
    if array.dtype == np.bool_:
        if len(array) != count:
            raise BadInputError(
                f"The mask has {len(array)} entries; expected one for each of {count} {what}s."
            )
        numbers = np.flatnonzero(array)
    else:
        outside = array[(array < 0) | (array >= count)]
        if outside.size:
            raise BadInputError(f"{what.capitalize()} {outside[0]} was selected; there are {count}, from 0.")
        numbers = _once(array, count)
    numbers = numbers.astype(np.int64)
    numbers.flags.writeable = False
    return numbers


def items_of(rows: NDArray[np.int64], item: NDArray[Any]) -> NDArray[np.int64]:
    """The pairs that rows belong to, each once, ascending, read-only."""
    items = _once(item[rows], int(item.max(initial=-1)) + 1)
    items.flags.writeable = False
    return items


def rows_of(items: NDArray[np.int64], item: NDArray[Any]) -> NDArray[np.int64]:
    """Every row of these pairs, pictures and texts."""
    chosen = np.zeros(int(item.max(initial=-1)) + 1, bool)
    chosen[items] = True
    return np.flatnonzero(chosen[item]).astype(np.int64)


def _once(numbers: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Ascending, each once: by marking them, which for many costs a tenth of `np.unique`."""
    marks = np.zeros(count, bool)
    marks[numbers] = True
    return np.flatnonzero(marks).astype(np.int64)


def as_text(rows: NDArray[np.int64], count: int) -> str:
    """Row numbers as a short line of letters, for code that brings many of them back; see `from_text`."""
    return f"{count}:{base64.b64encode(zlib.compress(pack(rows, count))).decode()}"


def from_text(text: str) -> NDArray[np.int64]:
    """The row numbers that `as_text` wrote."""
    count, _, packed = text.partition(":")
    return unpack(zlib.decompress(base64.b64decode(packed)), int(count))
