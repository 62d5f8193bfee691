"""Where one picture comes from, and columns that stay in Arrow until somebody asks for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL.Image import Image

from workbench.data.pictures import open_picture
from workbench.errors import BadPictureError

__all__ = ["BytesSource", "Columns", "FileSource", "Source", "content_key", "held"]


class Source:
    """How to open one picture, and a key of its content.

    Both are functions by name (or partials of such), so that pictures go to other processes and into pickles.

    `file_name` is that of the file it came from, "" if there was none.
    """

    __slots__ = ("_key", "_open", "file_name")

    def __init__(self, open: Callable[[], Image], key: Callable[[], str], file_name: str = "") -> None:
        self._open = open
        self._key = key
        self.file_name = file_name

    def __copy__(self) -> Source:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Source:
        return self  # nothing in it changes, and what it holds may be large

    def open(self) -> Image:
        """The picture as upright RGB."""
        return self._open()

    def key(self) -> str:
        """Digest of the picture's content."""
        return self._key()


class FileSource(Source):
    """A picture in a file; its key is a digest of the file's bytes."""

    __slots__ = ("path",)

    def __init__(self, path: str | Path) -> None:
        self.path = self.file_name = str(path)

    def open(self) -> Image:
        """The picture as upright RGB."""
        return open_picture(Path(self.path))

    def key(self) -> str:
        """Digest of the file's bytes."""
        return content_key(Path(self.path).read_bytes())


class BytesSource(Source):
    """A picture as the bytes of a file, which `read` gives; `name` is what an error calls it."""

    __slots__ = ("name", "read")

    def __init__(self, read: Callable[[], bytes], name: str, file_name: str = "") -> None:
        self.read = read
        self.name = name
        self.file_name = file_name

    def open(self) -> Image:
        """The picture as upright RGB."""
        try:
            content = self.read()
        except OSError as problem:
            raise BadPictureError(f"{self.name} cannot be read: {problem.strerror or problem}.") from problem
        return open_picture(content, name=self.name)

    def key(self) -> str:
        """Digest of the bytes."""
        return content_key(self.read())


def held(picture: Image, file_name: str = "") -> Source:
    """A source for a picture that was opened, from the file of that name if there was one."""
    key = content_key(f"{picture.size}".encode() + picture.tobytes())
    # A copy: whoever shrinks what was opened must not shrink it for everybody.
    return Source(picture.copy, partial(str, key), file_name)


class Columns(Mapping[str, "tuple[Any, ...]"]):
    """Columns by name, each made into a tuple when it is first asked for.

    `makers` gives for each name what returns its values; `rows` chooses among them (None takes all).
    """

    def __init__(
        self, makers: Mapping[str, Callable[[], Sequence[Any]]], count: int, rows: ArrayLike | None = None
    ) -> None:
        self._makers = dict(makers)
        self._rows = None if rows is None else np.asarray(rows, np.int64)
        self._held: dict[str, tuple[Any, ...]] = {}
        self.count = count

    def __getitem__(self, name: str) -> tuple[Any, ...]:
        if name not in self._held:
            values = self._makers[name]()
            self._held[name] = (
                tuple(values) if self._rows is None else tuple(values[row] for row in self._rows.tolist())
            )
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and dict(self) == dict(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)  # what makes them may be bound to a table in memory

    def __deepcopy__(self, memo: dict[int, Any]) -> Columns:
        return self

    def take(self, rows: Sequence[int]) -> Columns:
        """The same columns of some rows, still not made."""
        chosen = np.asarray(rows, np.int64)
        kept = chosen if self._rows is None else self._rows[chosen]
        return Columns(self._makers, len(chosen), kept)

    def __repr__(self) -> str:
        return f"Columns({', '.join(self._makers)}; {self.count:,} rows)"


def content_key(content: ArrayLike | bytes) -> str:
    """Digest of bytes, or of an array's values."""
    raw = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()
    return hashlib.sha256(raw).hexdigest()[:32]
