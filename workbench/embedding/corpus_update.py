"""A corpus whose data changed: what is still true stays where it is, and no vector is computed twice.

A partition whose pictures, texts and labels stand as before is left alone. Any other is moved aside, and its
vectors are taken from there by the content of picture and text; it is dropped once the new corpus holds all
that was in it, and kept otherwise, so that a wrong folder given once loses nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.data.pairs import Pairs
from workbench.embedding.corpus import Corpus
from workbench.embedding.partitions import label_column, left_out_of, read_table, vectors_of
from workbench.errors import BadInputError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Earlier", "clear_up", "finished_keys", "move_aside", "stands"]

_EARLIER = "earlier-*.parquet"
_HELD = 4  # files of vectors open at a time: the order of pictures seldom changes much


class Earlier:
    """Vectors of a corpus from before its data changed, by the content of picture and text."""

    def __init__(self, folder: Path) -> None:
        self._places: dict[str, dict[str, tuple[Path, int]]] = {"image": {}, "text": {}}
        for path, table in _earlier(folder):
            for side, column in (("image", "key"), ("text", "text")):
                of = self._places[side]
                of.update({one: (path, row) for row, one in enumerate(table[column].to_pylist())})
        self._vectors = lru_cache(maxsize=_HELD)(_vectors)

    def get(self, side: str, content: str) -> NDArray[np.float16] | None:
        """The vector of a picture ("image", its key) or of a text ("text", its words), or None."""
        place = self._places[side].get(content) if content or side == "text" else None
        if place is None:
            return None
        try:
            return self._vectors(place[0])[side][place[1]]
        except BadInputError:
            return None  # damaged: it is computed anew


def stands(corpus: Corpus, number: int, pairs: Pairs, *, skip: bool) -> bool:
    """Whether a partition is there, whole, and of these very pictures, texts and labels.

    Args:
        skip: whether it may have left out pictures that could not be read.
    """
    try:
        table = corpus.read(number)
    except BadInputError:
        return False
    part = pairs[list(corpus.rows(number))]
    labels = label_column(part)
    bad = {entry["item"]: entry["key"] for entry in left_out_of(table)}
    rows = zip(corpus.rows(number), part.keys, part.texts, labels, strict=True)
    expected = [row for row in rows if row[0] not in bad]
    names = ("item", "key", "text", "label")
    held = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    if held != expected or (bad and not skip):
        return False
    return all(key == part.keys[item - corpus.rows(number)[0]] for item, key in bad.items())


def move_aside(held: Corpus, grown: Corpus, pairs: Pairs) -> None:
    """Make room for the new cut: every partition of the old one that does not stand in it is set aside."""
    taken = {path.name for path in held.folder.glob(_EARLIER)}
    free = (name for name in map("earlier-{:04d}.parquet".format, range(10**6)) if name not in taken)
    for number in held.done:
        if number >= grown.partitions or not stands(grown, number, pairs, skip=True):
            os.replace(held.path(number), held.folder / next(free))


def finished_keys(corpus: Corpus) -> set[str]:
    """Keys of every picture that has a vector in the folder, in its place or set aside."""
    found: set[str] = set()
    for path in [*map(corpus.path, corpus.done), *corpus.folder.glob(_EARLIER)]:
        try:
            found.update(read_table(path, ("key",))["key"].to_pylist())
        except BadInputError:
            continue  # damaged: it is computed anew, and says nothing
    return found


def clear_up(folder: Path, pairs: Pairs) -> None:
    """Drop what was set aside and is now in its new place; what is in no new place is kept."""
    keys, texts = set(pairs.keys), set(pairs.texts)
    for path, table in _earlier(folder):
        if keys.issuperset(table["key"].to_pylist()) and texts.issuperset(table["text"].to_pylist()):
            path.unlink(missing_ok=True)


def _earlier(folder: Path) -> Iterator[tuple[Path, pa.Table]]:
    for path in sorted(folder.glob(_EARLIER)):
        try:
            yield path, read_table(path, ("key", "text"))
        except BadInputError:
            continue


def _vectors(path: Path) -> dict[str, NDArray[np.float16]]:
    table = read_table(path)
    return {side: vectors_of(table, side).astype(np.float16) for side in ("image", "text")}
