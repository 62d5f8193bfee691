"""`Frame`: a table that has been read and not been understood yet: columns of cells, and how it was read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.values import is_missing

__all__ = ["Frame", "cells", "coded", "is_words", "numbers"]

# Numbers that are the same text again when they are written: no leading zero, no exponent, no sign of plus.
_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,300})")
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)\.\d+")


@dataclass(frozen=True)
class Frame:
    """Columns by name, as long as each other.

    Attributes:
        columns: Arrow columns, or lists; an Arrow column stays packed until it is asked for.
        typed: whether the file says what is a number (parquet, JSON); else every cell is a text.
        notes: what its reader should know.
        read_as: what it was taken for, in words.
        classes: names of the class numbers of a column, where the file holds them.
        pictures: names of the columns that the file itself calls pictures.
    """

    columns: Mapping[str, Any]
    count: int
    typed: bool
    notes: tuple[str, ...] = ()
    read_as: str = ""
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()

    def cells(self, name: str) -> list[Any]:
        """One column as plain Python values."""
        return cells(self.columns[name])

    def maker(self, name: str) -> Callable[[], Sequence[Any]]:
        """What gives the values of one column when it is called: numbers where the texts are numbers."""
        return partial(_made, self.columns[name], self.typed)


def cells(column: Any) -> list[Any]:
    """An Arrow column, a pandas one or a list as plain Python values."""
    if hasattr(column, "to_pylist"):
        return column.to_pylist()
    return column if isinstance(column, list) else list(column)


def is_words(column: Any) -> bool:
    """Whether an Arrow column holds texts."""
    return str(getattr(column, "type", "")) in ("string", "large_string")


def coded(column: Any) -> tuple[list[str | None], NDArray[np.int64]]:
    """The different texts of an Arrow column, and for each row which it has."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    if hasattr(encoded, "combine_chunks"):
        encoded = encoded.combine_chunks()
    return encoded.dictionary.to_pylist(), np.asarray(encoded.indices, np.int64)


def numbers(values: Sequence[str]) -> Sequence[Any]:
    """Texts as numbers if that loses nothing of any of them: leading zeros, exponents and long decimals stay.

    An empty cell among numbers is None.
    """
    filled = [value for value in values if not is_missing(value)]
    if not filled or not all(map(_keeps, filled)):
        return values
    return [None if is_missing(value) else _number(value) for value in values]


def _keeps(value: str) -> bool:
    if _WHOLE.fullmatch(value):
        return value != "-0"
    return bool(_DECIMAL.fullmatch(value)) and repr(float(value)) == value


def _number(value: str) -> int | float:
    return float(value) if "." in value else int(value)


def _made(column: Any, typed: bool) -> Sequence[Any]:
    values = cells(column)
    if typed:
        return [None if isinstance(value, float) and value != value else value for value in values]
    return numbers(values)
