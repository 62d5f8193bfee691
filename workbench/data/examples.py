"""`Examples`: several modalities as tokens, with labels and a split: what a fusion is trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench._repr import one_line, plural
from workbench.axes import check_axes, frozen
from workbench.errors import BadInputError

__all__ = ["SPLITS", "Examples", "Split", "Tokens"]

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Tokens:
    """One modality: a vector for each token of each item, and which of them are there.

    An item whose mask is all False lacks the modality. What stands under a False is never read.

    Shapes:
        values: item x token x feature, float32; finite wherever `mask` is True
        mask: item x token, True = present
    """

    values: NDArray[np.float32]
    mask: NDArray[np.bool_]

    def __post_init__(self) -> None:
        check_axes("values", self.values, "item token feature")
        items, tokens, _ = np.shape(self.values)
        check_axes("mask", self.mask, "item token", item=items, token=tokens)
        object.__setattr__(self, "values", _kept(self.values, np.float32))
        object.__setattr__(self, "mask", _kept(self.mask, np.bool_))

    @classmethod
    def of(cls, values: ArrayLike, mask: ArrayLike | None = None) -> Tokens:
        """Tokens from item x token x feature, or item x feature (one token each); all present by default."""
        array = np.asarray(values, dtype=np.float32)
        array = array[:, None] if array.ndim == 2 else array
        check_axes("values", array, "item token feature")
        return cls(array, np.ones(array.shape[:2], bool) if mask is None else np.asarray(mask, bool))

    @property
    def present(self) -> NDArray[np.bool_]:
        """item: whether any token is there."""
        return np.asarray(self.mask.any(axis=1))

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Any) -> Tokens:
        return Tokens(self.values[rows], self.mask[rows])


@dataclass(frozen=True, eq=False)
class Examples:
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
        object.__setattr__(self, "labels", _kept(self.labels, np.int64))
        object.__setattr__(self, "split", _kept(self.split, np.uint8))
        if self.pairs is not None and len(self.pairs) != items:
            raise BadInputError(f"pairs holds {len(self.pairs)} entries for {items} items.")

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, split: Split) -> NDArray[np.int64]:
        """Item numbers of one part of the data, in their order."""
        return np.flatnonzero(self.split == SPLITS.index(split)).astype(np.int64)

    def take(self, rows: Sequence[int] | NDArray[Any]) -> Examples:
        """The same examples, only some rows, in the order given.

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


def _kept(array: ArrayLike, dtype: Any) -> NDArray:
    """`array` itself if it is already read-only and of `dtype`, so that slices of a large set copy once."""
    given = np.asarray(array)
    if given.dtype == dtype and not given.flags.writeable:
        return given
    return frozen(given, dtype)
