"""UMAP's fuzzy neighbour graph, found by bisection of all rows at once.

Source: McInnes et al. 2018, "UMAP", section 3.1 and algorithms 2 and 3; the conventions (the point
itself is its first neighbour, 64 halvings, the floor under the bandwidth) are those of umap-learn 0.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from workbench.projection.modality_gap import Metric
from workbench.projection.neighbour_graph import Neighbours

__all__ = ["apart", "bandwidths", "curve", "fuzzy_graph", "memberships"]

_HALVINGS = 64
_CLOSE = 1e-5
_FITTED = {(0.1, 1.0): (1.5769434602697652, 0.8950608778515733)}  # the default, kept: a fit imports for .3 s
_FLOOR = 1e-3  # a bandwidth is at least this share of the mean distance


def fuzzy_graph(neighbours: Neighbours, near: int) -> csr_matrix:
    """row x row: how much two points belong together, 0 to 1, symmetric.

    `near` counts the point itself; at most as many as are held are used.
    """
    held = neighbours.first(near - 1)
    rows = len(held)
    rho, sigma = bandwidths(held.distance)
    weight = memberships(held.distance, rho, sigma)
    heads = np.repeat(np.arange(rows), held.k)
    one_way = csr_matrix((weight.ravel(), (heads, held.index.ravel())), shape=(rows, rows))
    other = one_way.T.tocsr()
    both = one_way + other - one_way.multiply(other)  # probabilistic or: one of the two directions holds
    both.eliminate_zeros()
    both.sort_indices()
    return both


def apart(distance: NDArray[np.floating], metric: Metric) -> NDArray[np.floating]:
    """The distance a layout goes by, from half the squared one: 1 - cosine is that already; the Euclidean
    distance is its root, in units of the mean, so that no unit of measurement matters.
    """
    if metric == "cosine":
        return distance
    root = np.sqrt(2 * distance.astype(np.float64))
    mean = float(root.mean()) if root.size else 0.0
    return (root / mean if mean > 0 else root).astype(np.float32)


def bandwidths(distance: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """row: distance of the nearest distinct neighbour, and the bandwidth that spends log2(k + 1)."""
    rows, k = distance.shape
    apart = distance.astype(np.float64)
    positive = np.where(apart > 0, apart, np.inf).min(axis=1, initial=np.inf)
    rho = np.where(np.isfinite(positive), positive, 0.0)
    target = np.log2(k + 1)
    beyond = apart - rho[:, None]
    low, high, middle = np.zeros(rows), np.full(rows, np.inf), np.ones(rows)
    for _ in range(_HALVINGS):
        # What is not beyond the nearest neighbour counts in full.
        spent = np.where(beyond > 0, np.exp(-np.maximum(beyond, 0) / middle[:, None]), 1.0).sum(axis=1)
        done = np.abs(spent - target) < _CLOSE
        if done.all():
            break
        over = spent > target
        high = np.where(over, middle, high)
        low = np.where(over, low, middle)
        halved = np.where(np.isinf(high), middle * 2, (low + high) / 2)
        middle = np.where(done, middle, halved)
    # The point itself, at distance 0, counts in the means.
    own_mean = apart.sum(axis=1) / (k + 1)
    floor = _FLOOR * np.where(rho > 0, own_mean, apart.sum() / max(1, rows * (k + 1)))
    return rho.astype(np.float32), np.maximum(middle, floor).astype(np.float32)


def memberships(
    distance: NDArray[np.float32], rho: NDArray[np.float32], sigma: NDArray[np.float32]
) -> NDArray[np.float32]:
    """row x k: exp(-(distance - rho) / sigma), 1 within rho."""
    beyond = distance - rho[:, None]
    width = np.maximum(sigma, np.finfo(np.float32).tiny)[:, None]
    shares = np.exp(-np.maximum(beyond, 0) / width)
    return np.where((beyond <= 0) | (sigma[:, None] == 0), 1.0, shares).astype(np.float32)


def curve(min_dist: float, spread: float = 1.0) -> tuple[float, float]:
    """a, b of 1 / (1 + a d^2b), fitted to a step at `min_dist` that falls off over `spread`."""
    if (min_dist, spread) in _FITTED:
        return _FITTED[min_dist, spread]
    from scipy.optimize import curve_fit

    d = np.linspace(0, 3 * spread, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(-(d - min_dist) / spread))
    (a, b), _ = curve_fit(lambda x, a, b: 1 / (1 + a * x ** (2 * b)), d, wanted)
    return float(a), float(b)
