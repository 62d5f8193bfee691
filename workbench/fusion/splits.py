"""Rows shared out among train, validation and test: as given, else drawn by whole groups and by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.data.examples import SPLITS
from workbench.errors import BadInputError

__all__ = ["draw", "given_split"]

_SHARES = (0.7, 0.15, 0.15)
_OF_TRAIN = (0.85, 0.15)  # where test was given, and validation was not
_NEAR = 1 / 3  # of its share: so far a class may lie in a draw of groups that hold several classes
_ALIKE = {"val": "validation", "valid": "validation", "dev": "validation", "training": "train"}


def given_split(
    given: Sequence[object] | None, groups: NDArray[np.int64], labels: NDArray[np.int64], seed: int
) -> NDArray[np.uint8]:
    """item: 0 train, 1 validation, 2 test; what `given` leaves open is drawn by `seed`.

    Raises:
        BadInputError: `given` holds something else than the names of parts.
    """
    if given is None:
        return draw(groups, labels, _SHARES, seed)
    names = [str(value).strip().casefold() for value in given]
    names = [_ALIKE.get(name, name) for name in names]
    strange = sorted(set(names) - set(SPLITS))
    if strange:
        raise BadInputError(
            f"The column 'split' holds {', '.join(map(repr, strange[:3]))}; expected 'train', 'validation' "
            "or 'test' in every row. Rename the values, or the column, and the split is drawn."
        )
    split = np.array([SPLITS.index(name) for name in names], dtype=np.uint8)
    if not (split == 1).any():
        train = split == 0
        split[train] = draw(groups[train], labels[train], _OF_TRAIN, seed)
    return split


def draw(
    groups: NDArray[np.int64], labels: NDArray[np.int64], shares: Sequence[float], seed: int
) -> NDArray[np.uint8]:
    """item: its part. A group is never parted, and each class has its share of every part.

    Groups of one class are shared out exactly, to a group. Where groups hold several classes (many questions
    about a picture) that may be impossible: they are drawn at random, and the draw is kept if every class is
    within a third of its share (or one row). A class with three groups or more is in every part. Otherwise
    groups are placed one by one, those with the rarest class first, each where that class is
    missed most (Sechidis, Tsoumakas and Vlahavas 2011, "On the stratification of multi-label data").

    Args:
        groups: item; equal numbers stay together. labels: item; the class.
        shares: of train, validation and test, or of the first two; they sum to 1.
    """
    numbers, where = np.unique(groups, return_inverse=True)
    classes = int(labels.max()) + 1
    held = np.zeros((len(numbers), classes))
    np.add.at(held, (where, labels), 1)
    order = np.random.default_rng(seed).permutation(len(numbers))
    if ((held > 0).sum(axis=1) > 1).any():
        part = _at_random(held, order, shares)
        if _near(held, part, shares):
            return part[where]
    return _by_class(held, order, shares)[where]


def _at_random(held: NDArray, order: NDArray, shares: Sequence[float]) -> NDArray[np.uint8]:
    """group: its part, in the order that was drawn. Groups that bring a class first go to train."""
    part = np.empty(len(order), np.uint8)
    ends = np.round(np.cumsum(shares[:-1]) * len(order)).astype(int)
    part[order] = np.searchsorted(ends, np.arange(len(order)), side="right")
    first = [order[np.flatnonzero(held[order, label])[0]] for label in np.flatnonzero(held.sum(axis=0))]
    part[first] = 0
    return part


def _near(held: NDArray, part: NDArray, shares: Sequence[float]) -> bool:
    wanted = np.outer(shares, held.sum(axis=0))
    found = np.stack([held[part == place].sum(axis=0) for place in range(len(shares))])
    without = (found == 0).any(axis=0) & ((held > 0).sum(axis=0) >= len(shares))
    near = np.abs(found - wanted) <= np.maximum(1, _NEAR * wanted)
    return bool(near.all() and not without.any())


def _by_class(held: NDArray, order: NDArray, shares: Sequence[float]) -> NDArray[np.uint8]:
    """group: its part, placed by its rarest class where that is missed most, then where most rows are."""
    total = held.sum(axis=0)
    missed = np.outer(shares, total)
    groups = (held > 0).sum(axis=0)
    several = groups >= len(shares)  # of these classes no part shall be without: one group at least
    missed[1:, several] = np.maximum(missed[1:, several], total[several] / groups[several])
    missed[0] = total - missed[1:].sum(axis=0)
    room = np.array(shares) * total.sum()
    part = np.zeros(len(order), np.uint8)
    placed = np.zeros(len(order), bool)
    for label in sorted(np.flatnonzero(total), key=lambda label: total[label]):
        mine = [group for group in order if held[group, label] and not placed[group]]
        for group in sorted(mine, key=lambda group: -held[group, label]):  # the largest first; ties as drawn
            place = max(range(len(shares)), key=lambda at: (round(missed[at, label], 9), room[at]))
            part[group], placed[group] = place, True
            missed[place] -= held[group]
            room[place] -= held[group].sum()
    return part
