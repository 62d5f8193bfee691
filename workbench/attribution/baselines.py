"""What a map that knows nothing looks like: noise, and nearness to the picture's centre."""

from __future__ import annotations

import numpy as np

__all__ = ["centre_map", "random_map"]


def random_map(grid: tuple[int, int], seed: int) -> np.ndarray:
    """Uniform noise, row x col: what a map that knows nothing looks like."""
    return np.random.default_rng(seed).random(grid)


def centre_map(grid: tuple[int, int]) -> np.ndarray:
    """Nearness to the picture's centre, row x col, 1 in the middle."""
    rows, cols = ((np.arange(length) + 0.5) / length - 0.5 for length in grid)
    return 1 - np.hypot(rows[:, None], cols[None]) / np.hypot(0.5, 0.5)
