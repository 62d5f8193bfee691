"""What can be learnt here: one class an item. Numbers and sets of labels are refused, with what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.data.examples import measured_numbers
from workbench.errors import BadInputError
from workbench.formatting import one_line, plural

__all__ = ["check_classes", "several_labels"]

_MOST_LEVELS = 20  # grades with a fraction ("3.5 stars") that may still be classes
_MARKS = ("|", ";", ",")


def check_classes(name: str, labels: Sequence[Any]) -> None:
    """Refuse labels that are no classes. None of `labels` may be missing.

    Raises:
        BadInputError: several labels in one, or measured numbers.
    """
    for label in labels:
        if isinstance(label, (list, tuple, set, frozenset, dict, np.ndarray)):
            raise BadInputError(several_labels(name, one_line(repr(label), most=40)))
    distinct = list(dict.fromkeys(labels))
    joined = _joined(distinct)
    if joined:
        raise BadInputError(several_labels(name, one_line(joined, most=40)))
    numbers = [_number(label) for label in distinct]
    if any(value is None for value in numbers):
        return
    broken = [value for value in numbers if value is not None and value % 1]
    if broken and (len(distinct) > _MOST_LEVELS or len(distinct) > len(labels) / 2):
        first = ", ".join(f"{value:g}" for value in broken[:3])
        raise BadInputError(
            measured_numbers(f"The label column of {name!r} ({plural(len(distinct), 'value')})", first)
        )


def several_labels(name: str, first: str) -> str:
    """The refusal of several labels an item, and what to do."""
    return (
        f"{name!r} has several labels in one row ({first}): a comparison is of one class an item. Compare "
        "one label at a time, as pairs.with_labels(['yes' if 'cat' in row else 'no' for row in rows]); or, "
        "if each combination is a class of its own, write it as one word."
    )


def _number(label: Any) -> float | None:
    if isinstance(label, bool):
        return None
    try:
        value = float(label)
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) else None


def _joined(distinct: Sequence[Any]) -> str:
    """A label that is several joined by a mark, where the parts come again in other labels; "" if none is."""
    texts = [label for label in distinct if isinstance(label, str)]
    for mark in _MARKS:
        parts = {
            text: list(dict.fromkeys(re.sub(r"^[\[({]+|[\])}]+$", "", text).split(mark))) for text in texts
        }
        several = [text for text in texts if mark in text]
        if len(several) < 2:
            continue
        count = Counter(part.strip(" '\"").casefold() for found in parts.values() for part in found)
        known = {part.strip(" '\"").casefold() for text in several for part in parts[text]} - {""}
        again = sum(count[part] > 1 for part in known)
        if known and again >= 2 * len(known) / 3:
            return several[0]
    return ""
