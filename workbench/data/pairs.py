"""`Pairs`: pictures with their texts, opened one at a time and sliced like an array."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL.Image import Image
from PIL.Image import new as new_picture

from workbench._repr import html_table, one_line, plural
from workbench.errors import BadInputError, BadPictureError

__all__ = ["Pair", "Pairs", "Source"]

_SHOWN = 8  # rows, where pairs show themselves
Index = slice | Sequence[int] | Sequence[bool] | NDArray[Any]


@dataclass(frozen=True, eq=False)
class Source:
    """Where one picture comes from: how to open it, and a key of its content."""

    open: Callable[[], Image]
    key: Callable[[], str]


@dataclass(frozen=True, eq=False)
class Pair:
    """One picture with its text. The picture is opened when it is asked for.

    `code` is a Python expression that gives the same pair.
    """

    source: Source = field(repr=False)
    text: str
    label: str | None
    columns: Mapping[str, Any] = field(repr=False)
    credit: str = field(default="", repr=False)
    code: str = field(default="pair", repr=False)

    @cached_property
    def picture(self) -> Image:
        """The picture as upright RGB."""
        return self.source.open()

    @property
    def key(self) -> str:
        """Digest of the picture's content."""
        return self.source.key()


@dataclass(frozen=True, eq=False)
class Pairs:
    """An immutable sequence of picture-text pairs.

    `pairs[3]` is a `Pair`; a slice, a list of ints, a mask or an array of either gives `Pairs`.

    Attributes:
        name: what it was loaded as.
        texts: one caption a picture.
        labels: one class a picture, or None.
        columns: further values, one sequence a column.
        credit: to be shown wherever the pictures are shown; "" if nothing is owed.
        licence: of the pictures.
        notes: what the user should know (rows left out, and why).
        code: a Python expression that loads the same pairs.
        facts: numbers known of the whole set, by name ("bayes_accuracy"); usually none.
    """

    name: str
    sources: tuple[Source, ...] = field(repr=False)
    texts: tuple[str, ...] = field(repr=False)
    labels: tuple[str, ...] | None = field(default=None, repr=False)
    columns: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, repr=False)
    credit: str = ""
    licence: str = "unknown"
    notes: tuple[str, ...] = ()
    code: str = "pairs"
    facts: Mapping[str, float] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        labels = self.texts if self.labels is None else self.labels
        lengths = {"texts": self.texts, "labels": labels, **self.columns}
        for column, values in lengths.items():
            if len(values) != len(self.sources):
                raise BadInputError(
                    f"{column} has {len(values)} entries; "
                    f"expected one for each of {len(self.sources)} pictures."
                )

    def __len__(self) -> int:
        return len(self.sources)

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: Index) -> Pairs: ...
    def __getitem__(self, index: int | Index) -> Pair | Pairs:
        if isinstance(index, (int, np.integer)):
            return self._pair(int(index))
        rows = self._rows(index)
        labels = None if self.labels is None else tuple(self.labels[row] for row in rows)
        columns = {name: tuple(values[row] for row in rows) for name, values in self.columns.items()}
        return replace(
            self,
            sources=tuple(self.sources[row] for row in rows),
            texts=tuple(self.texts[row] for row in rows),
            labels=labels,
            columns=columns,
            code=f"{self.code}{_index_code(index, rows)}",
        )

    def __iter__(self) -> Iterator[Pair]:
        return (self._pair(row) for row in range(len(self)))

    def __add__(self, other: Pairs) -> Pairs:
        """Both, one after the other; labels are kept if both have them, columns if both name them."""
        both = self.labels is not None and other.labels is not None
        shared = [name for name in self.columns if name in other.columns]
        credits = dict.fromkeys(credit for credit in (self.credit, other.credit) if credit)
        return Pairs(
            self.name,
            self.sources + other.sources,
            self.texts + other.texts,
            (self.labels or ()) + (other.labels or ()) if both else None,
            {name: tuple(self.columns[name]) + tuple(other.columns[name]) for name in shared},
            " ".join(credits),
            self.licence if self.licence == other.licence else "mixed",
            self.notes + other.notes,
            f"{self.code} + {other.code}",
        )

    def picture(self, item: int) -> Image:
        """The picture of one item as upright RGB.

        Raises:
            BadPictureError: it cannot be read; the message names the item.
            IndexError: there is no such item.
        """
        self._check_item(item)
        try:
            return self.sources[item].open()
        except BadPictureError as problem:
            raise BadPictureError(
                f"Item {item} ({one_line(self.texts[item], most=40)!r}): {problem}"
            ) from problem

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """item: digest of the picture's content, so that a picture is known again under any name."""
        return tuple(source.key() for source in self.sources)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all pictures, texts and labels in their order; the same on every machine."""
        parts = [*self.keys, *self.texts, *(self.labels or ())]
        joined = hashlib.sha256()
        for part in parts:
            joined.update(part.encode() + b"\0")
        return joined.hexdigest()[:16]

    def with_texts(self, texts: str | Sequence[str]) -> Pairs:
        """The same pictures with other texts: the name of a column, or one text a picture."""
        if isinstance(texts, str):
            if texts not in self.columns:
                raise BadInputError(
                    f"There is no column {texts!r}; columns are {', '.join(self.columns) or 'none'}."
                )
            return replace(
                self, texts=tuple(map(str, self.columns[texts])), code=f"{self.code}.with_texts({texts!r})"
            )
        return replace(self, texts=tuple(map(str, texts)), code=f"{self.code}.with_texts({list(texts)!r})")

    def sample(self, count: int, *, seed: int = 0) -> Pairs:
        """`count` pairs chosen at random, in their order (all of them if there are fewer)."""
        if count < 0:
            raise BadInputError(f"count is {count}; expected 0 or more.")
        rows = np.random.default_rng(seed).permutation(len(self))[:count]
        return self[sorted(rows.tolist())]

    def check(self) -> tuple[Pairs, dict[int, str]]:
        """Open every picture: the pairs that can be read, and why each of the others cannot."""
        broken: dict[int, str] = {}
        for row in range(len(self)):
            try:
                self.sources[row].open()
            except BadPictureError as problem:
                broken[row] = str(problem)
        return self[[row for row in range(len(self)) if row not in broken]], broken

    def _pair(self, row: int) -> Pair:
        self._check_item(row)
        columns = {name: values[row] for name, values in self.columns.items()}
        label = None if self.labels is None else self.labels[row]
        code = f"({self.code})" if " + " in self.code else self.code
        return Pair(
            self.sources[row], self.texts[row], label, columns, self.credit, f"{code}[{row % len(self)}]"
        )

    def _check_item(self, row: int) -> None:
        if not -len(self) <= row < len(self):
            raise IndexError(f"Item {row} was asked for; {self.name!r} has {len(self)}, numbered from 0.")

    def _rows(self, index: Index) -> list[int]:
        if isinstance(index, slice):
            return list(range(len(self)))[index]
        array = np.asarray(index)
        if array.size == 0 and array.dtype != np.bool_:
            return []
        if array.ndim != 1 or array.dtype.kind not in "iub":
            raise BadInputError(
                "Pairs are indexed by an int, a slice, a list of ints or a mask; "
                f"got {one_line(repr(index))}."
            )
        if array.dtype == np.bool_:
            if len(array) != len(self):
                raise BadInputError(
                    f"The mask has {len(array)} entries; expected one for each of {len(self)} pairs."
                )
            return np.flatnonzero(array).tolist()
        wrong = array[(array < -len(self)) | (array >= len(self))]
        if wrong.size:
            raise IndexError(
                f"Item {wrong[0]} was asked for; {self.name!r} has {len(self)}, numbered from 0."
            )
        return (array % len(self)).tolist()

    def __repr__(self) -> str:
        classes = "" if self.labels is None else f", {plural(len(set(self.labels)), 'label')}"
        return f"Pairs({self.name!r}, {plural(len(self), 'picture')}{classes})"

    def _repr_html_(self) -> str:
        count = min(len(self), _SHOWN)
        texts = [one_line(text) for text in self.texts[:count]]
        labels = [one_line(label) for label in (self.labels or [""] * count)[:count]]
        more = f", the first {count}" if len(self) > count else ""
        header = ("text", "label", "item") if self.labels else ("text", "item")
        rows = [
            (text, label, item) if self.labels else (text, item)
            for item, (text, label) in enumerate(zip(texts, labels, strict=True))
        ]
        pictures = [_thumbnail(source) for source in self.sources[:count]]
        return html_table(f"{self!r}{more}. {self.credit}", header, rows, pictures=pictures)


def _thumbnail(source: Source) -> bytes:
    """A small WebP; of a picture that cannot be read, a grey square, since a listing must not fail."""
    try:
        picture = source.open()
    except BadPictureError:
        picture = new_picture("RGB", (8, 8), "grey")
    picture.thumbnail((96, 96))
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=80)
    return out.getvalue()


def content_key(content: ArrayLike | bytes) -> str:
    """Digest of bytes, or of an array's values."""
    raw = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()
    return hashlib.sha256(raw).hexdigest()[:32]


def _index_code(index: Index, rows: list[int]) -> str:
    if isinstance(index, slice):
        parts = ["" if value is None else repr(int(value)) for value in (index.start, index.stop)]
        step = "" if index.step is None else f":{int(index.step)}"
        return f"[{parts[0]}:{parts[1]}{step}]"
    return f"[{rows!r}]"
