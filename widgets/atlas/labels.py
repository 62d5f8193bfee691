"""Labels as they are shown: any value, each under a text of its own, and those without one apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.formatting import one_line
from workbench.values import classes_of

__all__ = ["UNLABELLED", "chosen_items", "label_names"]

UNLABELLED = "no label"
"""What the legend calls items that have none."""


def label_names(labels: Sequence[Any]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The text that stands for each label, no two alike, and for each item which it has; -1 for none.

    Texts are on one line and cut short; where two would be the same, the later is numbered.
    """
    classes, codes = classes_of(labels)
    return _distinct(classes), codes


def chosen_items(labels: Sequence[Any], chosen: Collection[Any]) -> NDArray[np.bool_]:
    """item: whether its label is among `chosen`, as it is shown or as it is; `UNLABELLED` means none."""
    classes, codes = classes_of(labels)
    names = _distinct(classes)
    asked = set(map(str, chosen))
    other = asked - {UNLABELLED, *names}  # labels as they are, where they are shown otherwise
    wanted = [name in asked or str(own) in other for name, own in zip(names, classes, strict=True)]
    return np.append(np.asarray(wanted, bool), UNLABELLED in asked)[codes]


def _distinct(classes: Sequence[Any]) -> tuple[str, ...]:
    found: dict[str, None] = {UNLABELLED: None}
    for label in classes:
        text = name = one_line(str(label))
        number = 2
        while name in found:
            name = f"{text} ({number})"
            number += 1
        found[name] = None
    return tuple(found)[1:]
