"""Large arrays for the browser: announced by version, sent in parts when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PART_MB", "Arrays"]

PART_MB = 4
"""A message's share of an array; Jupyter drops connections over messages of 10 MB."""


class Arrays:
    """Named arrays, each with a version that grows when its content changes."""

    def __init__(self) -> None:
        self._held: dict[str, NDArray[Any]] = {}
        self._version: dict[str, int] = {}

    def put(self, name: str, array: NDArray[Any] | None) -> bool:
        """Hold `array` under `name` (None takes it away); whether anything has changed."""
        old = self._held.get(name)
        if array is None:
            return self._held.pop(name, None) is not None
        if old is array or (old is not None and old.dtype == array.dtype and np.array_equal(old, array)):
            return False
        self._held[name] = np.ascontiguousarray(array)
        self._version[name] = self._version.get(name, 0) + 1
        return True

    def announced(self) -> dict[str, dict[str, Any]]:
        """name: version, bytes and type, as the front end's store reads them."""
        return {
            name: {"version": self._version[name], "bytes": array.nbytes, "type": str(array.dtype)}
            for name, array in self._held.items()
        }

    def parts(self, name: str, version: int) -> Iterator[tuple[dict[str, Any], memoryview]]:
        """The messages that carry an array; none if it has been replaced meanwhile."""
        array = self._held.get(name)
        if array is None or self._version[name] != version:
            return
        raw = memoryview(array.reshape(-1).view(np.uint8).data)
        step = PART_MB * 1_000_000
        for offset in range(0, len(raw), step):
            head = {"kind": "part", "name": name, "version": version, "offset": offset}
            yield head, raw[offset : offset + step]
