"""`Pairs`: pictures with their texts, opened one at a time and sliced like an array."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from PIL.Image import new as new_picture

from workbench.axes import check_count
from workbench.data.sources import Columns, Source, content_key
from workbench.errors import BadInputError, BadPictureError
from workbench.formatting import html_table, one_line, plural
from workbench.portable import Portable
from workbench.values import as_texts, classes_of, is_missing

__all__ = ["Pair", "Pairs", "Source", "content_key"]

_SHOWN = 8  # rows, where pairs show themselves
Index = slice | Sequence[int] | Sequence[bool] | NDArray[Any]


@dataclass(frozen=True, eq=False)
class Pair(Portable):
    """One picture with its text. The picture is opened when it is asked for: `pair.picture`.

    Attributes:
        source: where the picture comes from.
        text: its caption.
        label: its class, or None.
        columns: the row's further values, by the name of their column.
        credit: to be shown wherever the picture is shown; "" if nothing is owed.
        code: a Python expression that gives the same pair.
    """

    source: Source = field(repr=False)
    text: str
    label: Any
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
class Pairs(Portable):
    """An immutable sequence of picture-text pairs.

    `pairs[3]` is a `Pair`; a slice, a list of ints, a mask or an array of either gives `Pairs`. A picture
    with several captions stands in as many rows, one a caption; `.groups` says which rows are one picture's.

    Attributes:
        name: what it was loaded as.
        sources: one a row, what a picture is opened from; rows of one picture share theirs.
        texts: one caption a row.
        labels: one class a row, or None; "" or None in a row that has none.
        columns: further values, one sequence a column.
        credit: to be shown wherever the pictures are shown; "" if nothing is owed.
        licence: of the pictures.
        notes: what the user should know (rows left out, and why).
        code: a Python expression that loads the same pairs.
        facts: numbers known of the whole set, by name ("bayes_accuracy"); usually none.
        read_as: what the file or folder was taken for, in a sentence; "" where nothing was read.
        in_memory: whether some pictures were never files of their own, so that `code` can only name them
            (`pictures`). `data.keep` writes them down, and its `code` loads them.

    Example:
        >>> from workbench import data
        >>> pairs = data.load("emoji")
        >>> pairs[0].text, len(pairs[:8]), len(pairs.sample(5, seed=1))
        ('grinning face', 8, 5)
    """

    name: str
    sources: tuple[Source, ...] = field(repr=False)
    texts: tuple[str, ...] = field(repr=False)
    labels: tuple[Any, ...] | None = field(default=None, repr=False)
    columns: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, repr=False)
    credit: str = ""
    licence: str = "unknown"
    notes: tuple[str, ...] = ()
    code: str = "pairs"
    facts: Mapping[str, float] = field(default_factory=dict, repr=False)
    read_as: str = field(default="", repr=False)
    in_memory: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        labels = self.texts if self.labels is None else self.labels
        lengths = {"texts": len(self.texts), "labels": len(labels)}
        if isinstance(self.columns, Columns):  # not made yet, and all of one length
            lengths["columns"] = self.columns.count
        else:
            lengths |= {name: len(values) for name, values in self.columns.items()}
        for column, count in lengths.items():
            if count != len(self.sources):
                raise BadInputError(
                    f"{column} has {count} entries; expected one for each of {len(self.sources)} pictures."
                )
        texts, notes = as_texts(self.texts)
        if texts is not self.texts:
            object.__setattr__(self, "texts", texts)
            object.__setattr__(self, "notes", (*self.notes, *notes))

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
        part = replace(
            self,
            sources=tuple(self.sources[row] for row in rows),
            texts=tuple(self.texts[row] for row in rows),
            labels=labels,
            columns=_taken(self.columns, rows),
            code=f"{self._term}{_index_code(index, rows)}",
        )
        if "keys" in vars(self):  # every file was read for them; a part of them is not read again
            vars(part)["keys"] = tuple(self.keys[row] for row in rows)
        return part

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
            in_memory=self.in_memory or other.in_memory,
        )

    @property
    def _term(self) -> str:
        """`code` as something that an index or a call can follow."""
        return f"({self.code})" if " + " in self.code else self.code

    def picture(self, item: int) -> Image:
        """The picture of one `item` (its row) as upright RGB.

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

    def thumbnail(self, item: int) -> bytes:
        """A small WebP of one `item`; a grey square for one that cannot be read: listings go on."""
        self._check_item(item)
        return _thumbnail(self.sources[item])

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """item: digest of the picture's content, so that a picture is known again under any name.

        "" where there is no content any more: a file that is gone, or may not be read.
        """
        found = {id(source): source for source in self.sources}  # rows of one picture share a source
        known = {place: _content(source) for place, source in found.items()}
        return tuple(known[id(source)] for source in self.sources)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """row: number of its picture, in order of appearance; the captions of one picture share a number."""
        order = {place: number for number, place in enumerate(dict.fromkeys(map(id, self.sources)))}
        found = np.fromiter((order[id(source)] for source in self.sources), np.int64, len(self))
        found.flags.writeable = False
        return found

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all pictures, texts and labels in their order; the same on every machine."""
        parts = [*self.keys, *self.texts, *map(_label_text, self.labels or ())]
        joined = hashlib.sha256()
        for part in parts:
            joined.update(part.encode() + b"\0")
        return joined.hexdigest()[:16]

    def with_texts(self, texts: str | Sequence[str]) -> Pairs:
        """The same pictures with other `texts`: the name of a column, or one text a picture.

        Raises:
            BadInputError: there is no such column, or not one text for each row.
        """
        if isinstance(texts, str):
            if texts not in self.columns:
                raise BadInputError(
                    f"There is no column {texts!r}; columns are {', '.join(self.columns) or 'none'}."
                )
            return replace(self, texts=tuple(self.columns[texts]), code=f"{self._term}.with_texts({texts!r})")
        return replace(self, texts=tuple(texts), code=f"{self._term}.with_texts({list(texts)!r})")

    def with_labels(self, labels: str | Sequence[Any]) -> Pairs:
        """The same pictures with other `labels`: one for all, or one a picture; "" where it is not known."""
        given = (labels,) * len(self) if isinstance(labels, str) else tuple(labels)
        said = labels if isinstance(labels, str) else list(given)
        return replace(self, labels=given, code=f"{self._term}.with_labels({said!r})")

    def sample(self, count: int, *, seed: int = 0) -> Pairs:
        """`count` pairs chosen at random by `seed`, in their order (all of them if there are fewer).

        Raises:
            BadInputError: `count` is below 0.
        """
        check_count("count", count)
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
        columns = {name: values[0] for name, values in _taken(self.columns, [row]).items()}
        label = None if self.labels is None else self.labels[row]
        return Pair(
            self.sources[row],
            self.texts[row],
            label,
            columns,
            self.credit,
            f"{self._term}[{row % len(self)}]",
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
        pictures = int(self.groups.max()) + 1 if len(self) else 0
        several = f", {plural(len(self), 'text')}" if pictures < len(self) else ""
        classes = ""
        if self.labels is not None:
            names, of = classes_of(self.labels)
            bare = int((of < 0).sum())
            classes = f", {plural(len(names), 'label')}" + (f", {bare:,} without one" if bare else "")
        return f"Pairs({self.name!r}, {plural(pictures, 'picture')}{several}{classes})"

    def _repr_html_(self) -> str:
        count = min(len(self), _SHOWN)
        texts = [one_line(text) for text in self.texts[:count]]
        labels = [one_line(_label_text(label)) for label in (self.labels or [""] * count)[:count]]
        more = f", the first {count}" if len(self) > count else ""
        header = ("text", "label", "item") if self.labels else ("text", "item")
        rows = [
            (text, label, item) if self.labels else (text, item)
            for item, (text, label) in enumerate(zip(texts, labels, strict=True))
        ]
        pictures = [self.thumbnail(item) for item in range(count)]
        return html_table(f"{self!r}{more}. {self.credit}", header, rows, pictures=pictures)


def _taken(columns: Mapping[str, tuple[Any, ...]], rows: list[int]) -> Mapping[str, tuple[Any, ...]]:
    if isinstance(columns, Columns):
        return columns.take(rows)
    return {name: tuple(values[row] for row in rows) for name, values in columns.items()}


def _label_text(label: object) -> str:
    return "" if is_missing(label) else str(label)


def _content(source: Source) -> str:
    try:
        return source.key()
    except (BadPictureError, OSError):
        return ""


def _thumbnail(source: Source) -> bytes:
    try:
        picture = source.open()
    except BadPictureError:
        picture = new_picture("RGB", (8, 8), "grey")
    picture.thumbnail((96, 96))
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=80)
    return out.getvalue()


def _index_code(index: Index, rows: list[int]) -> str:
    if isinstance(index, slice):
        parts = ["" if value is None else repr(int(value)) for value in (index.start, index.stop)]
        step = "" if index.step is None else f":{int(index.step)}"
        return f"[{parts[0]}:{parts[1]}{step}]"
    return f"[{rows!r}]"
