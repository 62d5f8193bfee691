"""Classes that are too rare to be measured, and classes so unequal that accuracy says little."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workbench.data.examples import Examples
from workbench.formatting import one_line, plural

__all__ = ["rare_notes"]

_FEW = 5  # test rows of a class, below which its own figures rest on next to nothing
_UNEQUAL = 0.8  # share of one class
_NAMED = 3


def rare_notes(examples: Examples, rows: Mapping[str, NDArray[np.int64]]) -> tuple[str, ...]:
    """What a reader must know of the classes of the rows that a comparison uses ("train", ..., "test")."""
    labels, many = examples.labels, len(examples.classes)
    counts = np.stack([np.bincount(labels[found], minlength=many) for found in rows.values()])
    test = np.bincount(labels[rows["test"]], minlength=many)
    few = np.flatnonzero((counts.sum(axis=0) > 0) & ((test < _FEW) | (counts == 0).any(axis=0)))
    few = few[np.argsort(test[few], kind="stable")]
    notes: tuple[str, ...] = ()
    if len(few):
        shown = ", ".join(
            f"{_name(examples, place)} {'/'.join(map(str, counts[:, place]))}"
            for place in few[:_NAMED].tolist()
        ) + (", ..." if len(few) > _NAMED else "")
        notes += (
            f"{plural(len(few), 'rare class', 'rare classes')} (rows of {'/'.join(rows)}): {shown}. "
            "Figures of such a class rest on few rows, and so do AUROC, balanced accuracy and F1, which "
            "count it in full",
        )
    share = float(test.max() / max(1, test.sum()))
    if share > _UNEQUAL:
        notes += (
            f"{_name(examples, int(test.argmax()))} is {share:.0%} of the test rows: accuracy is that high "
            "for whoever always says so; read balanced accuracy and F1",
        )
    return notes


def _name(examples: Examples, place: int) -> str:
    return repr(one_line(examples.classes[place], most=30))
