"""A colour map for sizes, one for signed values, colours for names; `shared/colours.mjs` has the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["DIVERGING", "NAMED", "NEUTRAL", "SEQUENTIAL", "diverging", "sequential"]

#: Viridis at eleven equal steps (van der Walt and Smith 2015): its lightness grows evenly.
SEQUENTIAL = (
    (68, 1, 84), (72, 36, 117), (65, 68, 135), (53, 95, 141), (42, 120, 142), (33, 145, 140),
    (34, 168, 132), (68, 191, 112), (122, 209, 81), (189, 223, 38), (253, 231, 37),
)  # fmt: skip
#: Below zero, zero, above zero: blue and orange are told apart by every common kind of colour blindness.
DIVERGING = ((30, 110, 210), (255, 255, 255), (214, 96, 0))
#: For names that are compared: eight that stay apart on light and on dark ground (after Okabe and Ito 2008).
NAMED = ("#4c8bd6", "#d98a1f", "#2f9e78", "#c25fa4", "#8a79d6", "#c4574c", "#3aa6b9", "#8d9440")
#: For whatever has no colour of its own.
NEUTRAL = "#8a919c"


def sequential(share: ArrayLike) -> NDArray[np.uint8]:
    """... x 3: red, green, blue of shares from 0 to 1."""
    return _between(SEQUENTIAL, np.asarray(share, dtype=float))


def diverging(value: ArrayLike) -> NDArray[np.uint8]:
    """... x 3: red, green, blue of values from -1 to 1; white at 0."""
    return _between(DIVERGING, (np.asarray(value, dtype=float) + 1) / 2)


def _between(stops: Sequence[tuple[int, int, int]], share: NDArray[np.float64]) -> NDArray[np.uint8]:
    table = np.asarray(stops, dtype=float)
    at = np.clip(share, 0, 1) * (len(table) - 1)
    channels = [np.interp(at, np.arange(len(table)), table[:, channel]) for channel in range(3)]
    return np.floor(np.stack(channels, axis=-1) + 0.5).astype(np.uint8)
