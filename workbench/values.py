"""What a label or a text may be: anything that can be shown, or nothing at all.

People bring class numbers, booleans, texts with spaces around them, and gaps. A label is given back as it
came; what is empty, None or NaN is no label, and never a class of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadInputError
from workbench.formatting import one_line, plural

__all__ = [
    "alike",
    "as_label",
    "as_labels",
    "as_sentences",
    "as_texts",
    "classes_of",
    "is_missing",
    "known_labels",
    "sentences_of",
]


def is_missing(value: object) -> bool:
    """Whether `value` says nothing: None, NaN (of any library), an empty text or one of spaces."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    try:
        return bool(value != value)  # NaN and NaT are the values that differ from themselves
    except (TypeError, ValueError):  # pandas' NA cannot be compared; an array is no single value
        return type(value).__name__ == "NAType"


def as_label(value: Any) -> Any:
    """One label as plain Python: NumPy's numbers become Python's; None where there is no label."""
    if type(value) is str:
        return value
    return None if is_missing(value) else value.item() if isinstance(value, np.generic) else value


def as_labels(labels: Iterable[Any], items: int) -> tuple[Any, ...]:
    """Labels as they came, one an item; gaps are empty texts where all others are texts, else None.

    Raises:
        BadInputError: not one for each item, or one that is a list.
    """
    given = tuple(labels)
    if len(given) != items:
        raise BadInputError(f"labels has {len(given)} entries; expected one for each of {items} items.")
    if set(map(type, given)) <= {str}:
        return given
    found = tuple(map(as_label, given))
    for place, label in enumerate(found):
        if label is not None and type(label).__hash__ is None:
            raise BadInputError(
                f"Label {place} is a {type(label).__name__} ({one_line(repr(label))}); "
                "expected one value an item."
            )
    return found


def known_labels(labels: Sequence[Any]) -> NDArray[np.bool_]:
    """item: whether it has a label."""
    return np.fromiter((not is_missing(label) for label in labels), np.bool_, len(labels))


def classes_of(labels: Sequence[Any]) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
    """The labels there are, in order, and for each item which it has; -1 where it has none.

    1, True and "1" are three labels: each is kept apart by its kind. Numbers stand in their order, texts
    in theirs.
    """
    keys = [None if is_missing(label) else (type(label).__name__, label) for label in labels]
    found = {key: key[1] for key in dict.fromkeys(keys) if key is not None}
    order = sorted(found, key=_order)
    place: dict[Any, int] = {key: number for number, key in enumerate(order)} | {None: -1}
    codes = np.fromiter((place[key] for key in keys), np.int64, len(keys))
    return tuple(found[key] for key in order), codes


def as_texts(texts: Iterable[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Texts as they came, and notes on those that were none: gaps become empty, numbers are written out.

    Raises:
        BadInputError: one is a list, a dict, bytes or the like; its printed form is nobody's caption.
    """
    given = tuple(texts)
    if set(map(type, given)) <= {str}:
        return given, ()
    missing = [text is None or (not isinstance(text, str) and is_missing(text)) for text in given]
    said = tuple(
        "" if gone else _written(text, place)
        for place, (text, gone) in enumerate(zip(given, missing, strict=True))
    )
    numbers = sum(not isinstance(text, str) for text in given) - sum(missing)
    notes = []
    if any(missing):
        notes.append(f"{plural(sum(missing), 'item')} without a text (None or NaN): empty")
    if numbers:
        notes.append(f"{plural(numbers, 'text was', 'texts were')} no words but numbers, written out")
    return said, tuple(notes)


def as_sentences(texts: Any, *, what: str = "texts") -> list[str]:
    """Texts for a model to read: one, or a list, a tuple, an array, a column of a table.

    Raises:
        BadInputError: no texts: numbers, bytes, gaps, lists; `what` is what the message calls them.
    """
    listed = sentences_of(texts, what=what)
    for place, text in enumerate(listed):
        if not isinstance(text, str):
            if is_missing(text):
                raise BadInputError(f"{what}: text {place} is missing (None or NaN); expected words.")
            raw = isinstance(text, (bytes, bytearray))
            kind = f"bytes ({one_line(repr(text), most=40)})" if raw else _kind_of(text)
            say = "Write .decode('utf-8')." if raw else "Of numbers, give the words that are meant."
            raise BadInputError(f"{what}: text {place} is {kind}; expected words. {say}")
    return [str(text) for text in listed]


def sentences_of(texts: Any, *, what: str = "texts") -> list[Any]:
    """The members of what holds texts, whatever they are; one text alone is a list of one.

    Raises:
        BadInputError: it holds nothing one after the other, or is bytes, a mapping or a table.
    """
    if isinstance(texts, str):
        return [texts]
    if hasattr(texts, "to_pylist"):
        return list(texts.to_pylist())
    strange = isinstance(texts, (bytes, bytearray, memoryview, Mapping)) or hasattr(texts, "columns")
    if strange or not isinstance(texts, Iterable) or isinstance(texts, type) or callable(texts):
        raise BadInputError(f"{what} is {_kind_of(texts)}; expected a text or a list of texts.")
    array = getattr(texts, "ndim", 1)
    if array != 1:
        held = texts.tolist() if array == 0 and hasattr(texts, "tolist") else None
        if isinstance(held, str):
            return [held]
        raise BadInputError(f"{what} has {array} axes; expected a text or a list of texts.")
    return list(texts)


def _kind_of(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__} ({one_line(repr(value), most=40)})"


def _written(text: Any, place: int) -> str:
    if isinstance(text, str):
        return str(text)
    if isinstance(text, (bool, int, float, np.number, np.bool_)):
        return str(text)
    raise BadInputError(
        f"Text {place} is a {type(text).__name__} ({one_line(repr(text), most=40)}); expected words. "
        "Give one text an item."
    )


def _order(key: tuple[str, Any]) -> tuple[int, str, Any]:
    kind, label = key
    if isinstance(label, (bool, int, float)):
        return (0, kind, label)
    return (1, kind, label) if isinstance(label, str) else (2, kind, str(label))


def alike(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """row: number of its vector among the different ones, by first appearance."""
    bits = np.ascontiguousarray(vectors + np.float32(0)).view(np.uint32)  # -0.0 becomes 0.0
    odd = np.random.default_rng(0).integers(1, 2**63, bits.shape[1], dtype=np.uint64) | np.uint64(1)
    digest = np.empty(len(bits), np.uint64)
    for start in range(0, len(bits), 4096):  # wide integers take room
        digest[start : start + 4096] = bits[start : start + 4096].astype(np.uint64) @ odd
    _, first, inverse = np.unique(digest, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
