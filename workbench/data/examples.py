"""`Examples`: several modalities as tokens, with labels and a split: what a fusion is trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import check_axes, frozen
from workbench.errors import BadInputError
from workbench.formatting import one_line, plural
from workbench.portable import Portable

__all__ = ["SPLITS", "Examples", "Split", "Tokens", "measured_numbers"]

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Tokens(Portable):
    """One modality: a vector for each token of each item, and which of them are there.

    An item whose mask is all False lacks the modality. What stands under a False is never read.

    Shapes:
        values: item x token x feature, float32, or float64 where float32 cannot tell the values apart (time
            stamps, large counts); finite wherever `mask` is True
        mask: item x token, True = present
    """

    values: NDArray[np.floating]
    mask: NDArray[np.bool_]

    def __post_init__(self) -> None:
        check_axes("values", self.values, "item token feature")
        items, tokens, _ = np.shape(self.values)
        check_axes("mask", self.mask, "item token", item=items, token=tokens)
        wide = np.asarray(self.values).dtype == np.float64
        object.__setattr__(self, "values", _kept(self.values, np.float64 if wide else np.float32))
        object.__setattr__(self, "mask", _kept(self.mask, np.bool_))

    @classmethod
    def of(cls, values: ArrayLike, mask: ArrayLike | None = None) -> Tokens:
        """Tokens from item x token x feature, or item x feature (one token each); all present by default.

        Numbers of any kind and unit: whole ones, and points in time (as seconds), are taken too.
        """
        array = _numbers(values)
        array = array[:, None] if array.ndim == 2 else array
        check_axes("values", array, "item token feature")
        there = np.ones(array.shape[:2], bool) if mask is None else np.asarray(mask, bool)
        check_axes("mask", there, "item token", item=array.shape[0], token=array.shape[1])
        return cls(array if _needs_float64(array[there]) else array.astype(np.float32), there)

    @property
    def present(self) -> NDArray[np.bool_]:
        """item: whether any token is there."""
        return np.asarray(self.mask.any(axis=1))

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Any) -> Tokens:
        return Tokens(self.values[rows], self.mask[rows])


@dataclass(frozen=True, eq=False)
class Examples(Portable):
    """Items with two or more modalities, a class each, and the part of the data each belongs to.

    Attributes:
        name: what it was loaded as.
        modalities: name to `Tokens`, one row an item; usually "image" and "text".
        labels: item, index into `classes`; -1 where the label is unknown.
        classes: names of the classes.
        split: item, 0 train, 1 validation, 2 test (places in `SPLITS`).
        pairs: the `Pairs` the items come from, row by row, or None; a screen shows pictures from it.
        meta: facts and theory lines by name: "bayes_accuracy", "unit", the dials of a generator.
        notes: what the user should know (rows left out, and why; how pictures became tokens).
        code: a Python expression that makes the same examples.
        looks: item x row x column x 3, uint8: each picture at 12 x 12 pixels, by which nearly equal ones are
            found in two parts of the data; None where there are no pictures.
        measured: the first of the labels that were measured numbers, "" if none was. They are cut to whole
            ones here, with a note, and a comparison refuses them: it is of classes.
    """

    name: str
    modalities: Mapping[str, Tokens] = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)
    classes: tuple[str, ...]
    split: NDArray[np.uint8] = field(repr=False)
    pairs: Any = field(default=None, repr=False)
    meta: Mapping[str, Any] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    code: str = "examples"
    looks: NDArray[np.uint8] | None = field(default=None, repr=False)
    measured: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if len(self.modalities) < 2:
            raise BadInputError(
                f"Fusion needs at least two modalities; {self.name!r} has {list(self.modalities)}."
            )
        items = len(self.labels)
        for name, tokens in self.modalities.items():
            if len(tokens) != items:
                raise BadInputError(
                    f"{name!r} has {len(tokens)} items and there are {items} labels; "
                    "expected one row of every modality and one label for each item."
                )
        check_axes("split", self.split, "item", item=items)
        labels, measured = _class_numbers(self.labels, self.classes)
        object.__setattr__(self, "labels", labels)
        if measured:
            object.__setattr__(self, "measured", measured)
            object.__setattr__(self, "notes", (*self.notes, measured_numbers("labels", measured)))
        object.__setattr__(self, "split", _kept(self.split, np.uint8))
        if self.pairs is not None and len(self.pairs) != items:
            raise BadInputError(f"pairs holds {len(self.pairs)} entries for {items} items.")
        if self.looks is not None:
            check_axes("looks", self.looks, "item row column colour", item=items)
            object.__setattr__(self, "looks", _kept(self.looks, np.uint8))

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, split: Split) -> NDArray[np.int64]:
        """Item numbers of one part of the data, in order: `split` is "train", "validation" or "test"."""
        return np.flatnonzero(self.split == SPLITS.index(split)).astype(np.int64)

    def take(self, rows: Sequence[int] | NDArray[Any]) -> Examples:
        """The same examples, only some `rows` (item numbers), in the order given.

        What `meta` says row by row ("words", "latents") is taken with them.
        """
        kept = np.asarray(rows, dtype=np.int64)
        meta = dict(self.meta)
        if "words" in meta:
            meta["words"] = tuple(meta["words"][row] for row in kept)
        if "latents" in meta:
            meta["latents"] = {side: np.asarray(values)[kept] for side, values in meta["latents"].items()}
        return replace(
            self,
            modalities={name: tokens[kept] for name, tokens in self.modalities.items()},
            labels=self.labels[kept],
            split=self.split[kept],
            pairs=None if self.pairs is None else self.pairs[kept.tolist()],
            meta=meta,
            looks=None if self.looks is None else self.looks[kept],
            code=f"{self.code}.take({kept.tolist()!r})",
        )

    @cached_property
    def fingerprint(self) -> str:
        """Digest of every token, mask, label and split: the same on every machine."""
        joined = hashlib.sha256(repr((self.classes, tuple(self.modalities))).encode())
        for tokens in self.modalities.values():
            joined.update(np.ascontiguousarray(np.where(tokens.mask[..., None], tokens.values, 0)).tobytes())
            joined.update(tokens.mask.tobytes())
        joined.update(self.labels.tobytes() + self.split.tobytes())
        return joined.hexdigest()[:16]

    def __repr__(self) -> str:
        shapes = ", ".join(
            f"{name} {'x'.join(map(str, tokens.values.shape[1:]))}"
            for name, tokens in self.modalities.items()
        )
        counts = "/".join(str(int((self.split == place).sum())) for place in range(3))
        return (
            f"Examples({one_line(self.name)!r}, {plural(len(self), 'item')} ({counts}), {shapes}, "
            f"{plural(len(self.classes), 'class', 'classes')})"
        )


def _numbers(values: ArrayLike) -> NDArray:
    """float32 as it is, everything else as float64; points in time and lengths of time as seconds."""
    given = np.asarray(values)
    if given.dtype.kind in "mM":
        kind = "datetime64[ns]" if given.dtype.kind == "M" else "timedelta64[ns]"
        gone = np.isnat(given)
        return np.where(gone, np.nan, given.astype(kind).astype(np.int64) / 1e9)
    return given if given.dtype == np.float32 else given.astype(np.float64)


_LOST = 1e-4  # deviations of a feature that rounding to float32 may move it by


def _needs_float64(there: NDArray) -> bool:
    """Whether float32 would move some feature by much of what tells its values apart."""
    if there.dtype == np.float32 or not there.size:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        lost = np.abs(there - there.astype(np.float32))
        known = np.isfinite(there)
        spread = np.std(there, axis=0, where=known)
        most = np.max(lost, axis=0, initial=0, where=known)
        return bool((most > _LOST * spread)[spread > 0].any())


def _class_numbers(labels: ArrayLike, classes: Sequence[str]) -> tuple[NDArray[np.int64], str]:
    """Places in `classes`, NaN as -1; and the first measured numbers among them, which are cut to whole ones.

    Raises:
        BadInputError: no numbers, several labels an item, or numbers that no class has.
    """
    given = np.asarray(labels)
    last = len(classes) - 1
    if given.ndim == 2 and given.shape[1] > 1:
        raise BadInputError(
            f"labels has shape {given.shape}: {given.shape[1]} labels an item. A comparison is of one class "
            "an item. Of one-hot rows give labels.argmax(axis=1); where an item has several labels, compare "
            "one at a time: labels[:, 0], with its two classes."
        )
    if given.ndim != 1 or given.dtype.kind not in "biuf":
        raise BadInputError(
            f"labels is an array of {given.dtype} with shape {given.shape}; expected class numbers, one an "
            f"item: 0 to {last}, or -1 where the label is unknown."
        )
    first = ""
    if given.dtype.kind == "f":
        known = given[np.isfinite(given)]
        first = ", ".join(f"{value:g}" for value in known[np.trunc(known) != known][:3])
        given = np.where(np.isfinite(given), np.trunc(given), -1)
    wrong = given[(given.astype(np.int64) < -1) | (given.astype(np.int64) > last)]
    if len(wrong):
        raise BadInputError(
            f"labels holds {int(wrong[0])}; class numbers go from 0 to {last} "
            f"({plural(len(classes), 'class', 'classes')}: {one_line(', '.join(map(str, classes)))}), "
            "-1 is an unknown label. Numbers that begin at 1 need 1 taken off."
        )
    return _kept(given, np.int64), first


def measured_numbers(what: str, first: str) -> str:
    """The refusal of a target that is a number, and what to do."""
    return (
        f"{what} holds measured numbers ({first}, ...): a comparison is of classes, and a number is none. "
        "Cut them into a few classes first, as with pandas.qcut(values, 4, labels=False) or "
        "np.digitize(values, edges)."
    )


def _kept(array: ArrayLike, dtype: Any) -> NDArray:
    """`array` itself if it is already read-only and of `dtype`, so that slices of a large set copy once."""
    given = np.asarray(array)
    if given.dtype == dtype and not given.flags.writeable:
        return given
    return frozen(given, dtype)
