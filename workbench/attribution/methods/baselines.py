"""What a map that knows nothing looks like: noise, and nearness to the picture's centre."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.explained.explained import Explained
from workbench.attribution.method_interface import Maps, Options
from workbench.errors import UnsupportedError

__all__ = ["centre_map", "centre_maps", "random_map", "random_maps"]


def random_maps(explained: Explained, options: Options) -> Maps:
    """Uniform noise on patches and words, from two generators: the seed's, and that of the seed plus 1."""
    chance = np.random.default_rng(options.seed + 1)
    image = None if explained.grid is None else random_map(explained.grid, options.seed)
    return Maps(image, chance.random(len(explained.tokens)) if len(explained.tokens) else None)


def centre_maps(explained: Explained, options: Options) -> Maps:
    """Nearness to the picture's centre.

    Raises:
        UnsupportedError: there is no one picture with cells.
    """
    if explained.grid is None:
        raise UnsupportedError(
            f"There is {explained.without_picture}." if explained.without_picture
            else "This model sees no picture, or several, so there is no centre."
        )  # fmt: skip
    return Maps(centre_map(explained.grid))


def random_map(grid: tuple[int, int], seed: int) -> NDArray[np.float64]:
    """Uniform noise between 0 and 1, row x col."""
    return np.random.default_rng(seed).random(grid)


def centre_map(grid: tuple[int, int]) -> NDArray[np.float64]:
    """Nearness to the picture's centre, row x col, 1 in the middle."""
    rows, cols = ((np.arange(length) + 0.5) / length - 0.5 for length in grid)
    found: NDArray[np.float64] = 1 - np.hypot(rows[:, None], cols[None]) / np.hypot(0.5, 0.5)
    return found
