"""What the columns of a table mean: which is the picture, which the caption, which the class."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.data.frames import Frame, coded, is_words
from workbench.errors import BadInputError, did_you_mean
from workbench.formatting import one_line, plural
from workbench.untrusted import parsed
from workbench.values import is_missing

__all__ = [
    "IMAGE",
    "LABEL",
    "TEXT",
    "Words",
    "as_lists",
    "captions",
    "chosen",
    "labels_of",
    "numbered_captions",
]

IMAGE = (
    "image", "picture", "photo", "file", "filename", "file_name", "path", "image_path", "filepath", "img",
    "image_name", "image_file", "image_filename", "img_path", "file_path", "jpg", "jpeg", "png", "webp",
    "images",
)  # fmt: skip
TEXT = (
    "text", "caption", "sentence", "description", "title", "name", "comment", "txt", "captions", "texts",
    "sentences", "raw", "alt_text", "alt", "prompt", "query", "question",
)  # fmt: skip
LABEL = (
    "label", "class", "category", "target", "labels", "cls", "class_name", "label_name", "fine_label",
)  # fmt: skip

_WORDS_IN = ("raw", "text", "caption", "sentence", "value")  # of a record, the field that holds the words
_NUMBERED = re.compile(r"^(caption|text|sentence|comment)s?[ _-]?\d+$", re.IGNORECASE)
_ITEM = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_PRINTED = re.compile(rf"\[\s*{_ITEM}(?:\s*,?\s*{_ITEM})*\s*,?\s*\]", re.DOTALL)


Words = list[str] | list[list[str]]
"""One text a row, or one list of captions a row."""


def chosen(
    frame: Frame, wish: str | None, usual: Sequence[str], option: str, table: str, *, needed: bool = True
) -> str | None:
    """The name of a column: as it was wished for, else by its usual names.

    Raises:
        BadInputError: it is not there; the message names those that are.
    """
    names = {name.strip().casefold(): name for name in reversed(tuple(frame.columns))}
    for candidate in (wish,) if wish is not None else usual:
        if str(candidate).strip().casefold() in names:
            return names[str(candidate).strip().casefold()]
    if not needed and wish is None:
        return None
    there = one_line(", ".join(map(repr, frame.columns)), most=600) or "none"
    wanted = repr(wish) if wish is not None else f"one of {', '.join(usual)}"
    raise BadInputError(
        f"{table!r} has no column {wanted}; its columns are {there}. "
        f"Name it: data.load(path, {option}=...)." + (did_you_mean(wish, frame.columns) if wish else "")
    )


def numbered_captions(frame: Frame) -> list[str]:
    """Columns such as "caption_0", "caption_1": captions of one picture side by side; [] without them."""
    found = [name for name in frame.columns if _NUMBERED.match(name.strip())]
    return found if len(found) > 1 else []


def captions(values: Sequence[Any], column: str) -> tuple[Words, list[str]]:
    """row: its text, or its captions where a row holds several; and notes on what was not simply a text.

    A row without any has one empty text.

    Raises:
        BadInputError: a cell holds something whose printed form would be nobody's caption.
    """
    if _all_texts(values):
        return _plain(values)
    found = [_words(value, column, row) for row, value in enumerate(values)]
    notes = []
    several = sum(len(words) > 1 for words in found)
    numbers = sum(isinstance(value, (bool, int, float)) and not is_missing(value) for value in values)
    bare = sum(not any(map(str.strip, words)) for words in found)
    if several:
        notes.append(f"{plural(several, 'row')} with several captions: each is an item of its own")
    if numbers:
        notes.append(f"{plural(numbers, 'text')} in {column!r} are numbers, written out")
    if bare:
        notes.append(_without(bare))
    return [words or [""] for words in found], notes


def as_lists(words: Words) -> list[list[str]]:
    """One list of captions a row."""
    return [[word] if isinstance(word, str) else word for word in words]


def labels_of(frame: Frame, column: str) -> tuple[list[str] | None, list[str]]:
    """row: its label as a text, "" where it has none, and notes; None where the column holds lists."""
    if is_words(frame.columns[column]):  # few different texts for many rows
        known, codes = coded(frame.columns[column])
        values: list[Any] = np.array(known, dtype=object)[codes].tolist()
    else:
        values = frame.cells(column)
    names = frame.classes.get(column)
    if any(isinstance(value, (list, dict, tuple)) for value in values[:1000]):
        return None, [f"{column!r} holds several labels a row, so there are no labels; it is a column."]
    notes: list[str] = []
    if not frame.typed and any(is_missing(value) for value in values):
        filled = [value for value in values if not is_missing(value)]
        if filled and all(re.fullmatch(r"-?\d+\.0", value) for value in filled):
            values = [value[:-2] if value else "" for value in values]
            notes.append(f"{column!r} holds whole numbers beside gaps, written as 3.0: read as 3")
    found = [_label(value, names) for value in values]
    bare = sum(not label.strip() for label in found)
    if bare:
        notes.append(f"{plural(bare, 'row')} without a label in {column!r}")
    return found, notes


def _label(value: Any, names: Sequence[str] | None) -> str:
    if is_missing(value):
        return ""
    if isinstance(value, float) and value.is_integer():  # a class number that stood beside a gap
        value = int(value)
    if names is not None and isinstance(value, int) and not isinstance(value, bool):
        return names[value] if 0 <= value < len(names) else ""
    return str(value)


def _all_texts(values: Sequence[Any]) -> bool:
    return set(map(type, values)) <= {str, type(None)}


def _plain(values: Sequence[str | None]) -> tuple[Words, list[str]]:
    """Texts; if all that are there are printed lists of texts, those texts."""
    filled = [value for value in values if not is_missing(value)]
    notes = []
    if filled and all(value is not None and value.lstrip().startswith("[") for value in filled):
        parsed = [[""] if is_missing(value) else _printed(str(value)) for value in values]
        if all(words is not None for words in parsed):
            found = [words or [""] for words in parsed]
            return found, [f"Every text is a printed list: its {sum(map(len, found)):,} texts are captions"]
    bare = len(values) - len(filled)
    if bare:
        notes.append(_without(bare))
    return [value or "" for value in values], notes


def _printed(value: str) -> list[str] | None:
    """The texts of a list that was printed by JSON, Python or NumPy (which leaves the commas out)."""
    try:
        read = parsed(value)
    except ValueError:
        if not _PRINTED.fullmatch(value.strip()):
            return [] if value.strip() == "[]" else None
        try:
            read = [ast.literal_eval(item) for item in re.findall(_ITEM, value, re.DOTALL)]
        except (ValueError, SyntaxError):
            return None
    if isinstance(read, list) and all(isinstance(item, str) for item in read):
        return read
    return None


def _words(value: Any, column: str, row: int) -> list[str]:
    """The captions in one cell."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple)) or type(value).__name__ == "ndarray":
        return [word for item in value for word in _words(item, column, row) if word.strip()]
    if is_missing(value):
        return [""]
    if isinstance(value, Mapping):
        return _words(_words_in(value, column, row), column, row)
    if isinstance(value, (bool, int, float)):
        return [str(value)]
    raise BadInputError(
        f"Row {row} of the column {column!r} holds a {type(value).__name__} "
        f"({one_line(repr(value), most=40)}), which is no text. Name the text column: text_column='...'."
    )


def _words_in(record: Mapping[str, Any], column: str, row: int) -> Any:
    for name in _WORDS_IN:
        if name in record:
            return record[name]
    texts = [value for value in record.values() if isinstance(value, str)]
    if len(texts) == 1:
        return texts[0]
    raise BadInputError(
        f"Row {row} of the column {column!r} holds a record of "
        f"{one_line(', '.join(map(repr, record)), most=200) or 'nothing'}; "
        "which of them is the caption cannot be told. Make it a column of its own."
    )


def _without(count: int) -> str:
    return f"{plural(count, 'row')} without a text: empty"
