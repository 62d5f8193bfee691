"""PCA: the two directions of largest variance. The same for every seed, and no neighbour is invented."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.projection.reducer_interface import Drawn, Task

__all__ = ["draw_pca", "principal"]


def draw_pca(task: Task) -> Drawn:
    """The first two principal components, with the share of the variance they keep as a note."""
    points, share = principal(task.vectors)
    note = f"Two principal components keep {share:.0%} of the variance."
    return Drawn(points, "PCA", {"variance_kept": round(share, 4)}, (note,))


def principal(vectors: NDArray[np.float32], *, most: int = 2) -> tuple[NDArray[np.float32], float]:
    """row x `most` coordinates along the largest components, and their share of all variance.

    The largest loading of a component is positive, so that signs do not depend on the solver.
    Missing dimensions (one feature, one row) are zero.
    """
    centred = vectors - vectors.mean(axis=0)
    values, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    best = directions[:, ::-1][:, :most]
    largest = best[np.abs(best).argmax(axis=0), np.arange(best.shape[1])]
    points = centred @ (best * np.where(largest < 0, -1, 1)).astype(np.float32)
    points = np.pad(points, ((0, 0), (0, most - points.shape[1])))
    total = values.clip(0).sum()
    share = float(values[::-1][:most].clip(0).sum() / total) if total > 0 else 1.0
    return np.ascontiguousarray(points, np.float32), share
