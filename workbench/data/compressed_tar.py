"""A compressed tar, unpacked on the way, that gives no more than real pictures do.

A few kilobytes may claim to be gigabytes, of a picture or of its name. So it is unpacked in pieces, and ends
with an error where it becomes more than anybody's pictures would.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from workbench.data.pictures import MAX_BYTES
from workbench.errors import BadInputError
from workbench.formatting import human_bytes

__all__ = ["PIECE", "opened"]

PIECE = MAX_BYTES
"""The most bytes that are unpacked at once: no picture that is opened is longer, and no name."""
_SURE = 200_000_000  # bytes that a file may unpack to whatever its own size
_TIMES = 100  # beyond that, how many times its own size: pictures are packed already
_OPENERS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


def opened(tar: Path, packed: bool) -> IO[bytes]:
    """The bytes of a tar, unpacked where it is `packed`."""
    with tar.open("rb") as file:
        head = file.read(6)
    opener = next((how for mark, how in _OPENERS.items() if head.startswith(mark)), None) if packed else None
    if opener is None:
        return tar.open("rb")
    return _Unpacked(opener(tar, "rb"), tar)  # type: ignore[return-value]


class _Unpacked(io.RawIOBase):
    """A file that is unpacked as far as it is read.

    Raises:
        BadInputError: by then it has become far more than pictures do.
        ReadError: so much is asked for at once that it is the size of nothing that is read.
    """

    def __init__(self, inner: Any, tar: Path) -> None:
        self._inner, self._tar, self._size = inner, tar, tar.stat().st_size
        self._allowed = max(_SURE, _TIMES * self._size)

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes, by reading on."""
        return True

    def tell(self) -> int:
        """The place in what was unpacked."""
        return self._inner.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Unpack as far as a place."""
        place = offset if whence == io.SEEK_SET else self.tell() + offset
        self._check(place)
        return self._inner.seek(place)

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `PIECE`."""
        if not 0 <= size <= PIECE:
            raise tarfile.ReadError(f"a part of it claims {size:,} bytes")
        content: bytes = self._inner.read(size)
        self._check(self.tell())
        return content

    def close(self) -> None:
        """Close the packed file too."""
        self._inner.close()
        super().close()

    def _check(self, place: int) -> None:
        if place > self._allowed:
            raise BadInputError(
                f"{self._tar.name!r} ({human_bytes(self._size)}) unpacks to more than "
                f"{human_bytes(self._allowed)}, which pictures do not. If that is right, unpack it to an "
                "uncompressed .tar first: gunzip FILE."
            )
