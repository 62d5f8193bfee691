"""A content-addressed store of arrays: in memory while the kernel lives, on disk across kernels.

A key is a digest of everything that determines the value, so an entry is never stale. Reading or
writing the disk may fail at any time; then the work is simply done again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from workbench.archives import Arrays

__all__ = ["ArrayStore", "VectorMemory", "cache_folder", "digest", "replacing", "sweep"]

_LAYOUT = 1  # raise when the meaning of a stored file changes
_TEMPORARY, _STALE_SECONDS = ".workbench.tmp", 3600
_swept: set[Path] = set()
_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where arrays are kept: `$WORKBENCH_CACHE`, else `workbench` in the user's cache folder."""
    chosen = os.environ.get("WORKBENCH_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "workbench"


def digest(*parts: Any) -> str:
    """A hexadecimal key of JSON-like `parts`; the store's own layout is part of it."""
    text = json.dumps([_LAYOUT, *parts], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of `path` at the end: whole or not at all.

    What kernels that were killed have left beside it is taken away.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}{_TEMPORARY}")
    try:
        with part.open("wb") as file:
            yield file
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Once a kernel and folder: files that nobody has written to for an hour, there and in folders below."""
    if folder in _swept:
        return
    _swept.add(folder)
    for pattern in (f"*{_TEMPORARY}", f"*/*{_TEMPORARY}"):
        for left in folder.glob(pattern):
            try:
                if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                    left.unlink()
            except OSError:
                continue  # another kernel was quicker


class ArrayStore:
    """Named arrays in one `.npz` a key. Writes are atomic; a damaged file counts as absent."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def get(self, key: str) -> dict[str, NDArray] | None:
        """The arrays stored under `key`, or None."""
        path = self._path(key)
        sweep(path.parent.parent)
        try:
            with Arrays(path) as stored:
                return dict(stored)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, zipfile.BadZipFile) as problem:
            _log.warning("Left out the damaged cache entry %s: %s", path, problem)
            return None

    def put(self, key: str, arrays: Mapping[str, NDArray]) -> None:
        """Keep `arrays` under `key`; a full or read-only disk is logged and otherwise ignored."""
        path = self._path(key)
        try:
            with replacing(path) as part:
                np.savez(part, **dict(arrays))  # type: ignore[arg-type]
        except OSError as problem:
            _log.warning("Could not keep a result in %s: %s", path, problem)

    def _path(self, key: str) -> Path:
        # The folder is looked up at use, so that a test or a user can move it at any time.
        return (self._folder or cache_folder()) / key[:2] / f"{key}.npz"


class VectorMemory:
    """Vectors by key, least recently used dropped first once `limit_mb` is passed. Thread-safe."""

    def __init__(self, limit_mb: float = 512) -> None:
        self._limit = limit_mb * 1e6
        self._bytes = 0
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> NDArray[np.float32] | None:
        """The vector of `key`, or None."""
        with self._lock:
            if key in self._vectors:
                self._vectors.move_to_end(key)
            return self._vectors.get(key)

    def put(self, key: str, vector: NDArray[np.float32]) -> None:
        """Keep `vector`, dropping the ones unused for longest."""
        with self._lock:
            known = self._vectors.pop(key, None)
            self._bytes += vector.nbytes - (known.nbytes if known is not None else 0)
            self._vectors[key] = vector
            while self._bytes > self._limit and len(self._vectors) > 1:
                self._bytes -= self._vectors.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._vectors.clear()
            self._bytes = 0

    def __len__(self) -> int:
        return len(self._vectors)
