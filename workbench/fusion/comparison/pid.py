"""Partial information decomposition: what two variables say about a third alike, alone, or only together.

Bertschinger et al. 2014: among all joint distributions q with the same p(x1, y) and p(x2, y), take the
one with least information I_q(Y; X1 X2). What p has above it is synergy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import BadInputError
from workbench.fusion.comparison.report_parts import Pid

__all__ = ["cluster", "decompose", "decompose_table"]

_ROUNDS, _STILL = 3000, 1e-9  # bits
_SWEEPS, _LAST = 30, 2000  # scalings of rows and columns in a round, and at most at the end
_TINY, _FIT = 1e-300, 1e-12


def decompose_table(
    table: ArrayLike, *, names: tuple[str, str] = ("image", "text"), estimator: str = "exact"
) -> Pid:
    """The decomposition of a joint distribution, in bits.

    Args:
        table: x1 x x2 x y, probabilities or counts.

    Raises:
        BadInputError: not three axes, or a negative or NaN entry, or nothing but zeros.

    Source: Bertschinger et al. 2014, Entropy 16(4), definition 1. Solved by alternating between q and
    its own product q(x1, x2) p(y): both minimise the same Kullback-Leibler divergence over convex sets,
    so it converges to the minimum (Csiszár and Tusnády 1984).
    """
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 3 or not np.isfinite(counts).all() or (counts < 0).any() or counts.sum() <= 0:
        raise BadInputError(
            f"table has shape {counts.shape}; expected x1 x x2 x y with counts or probabilities of at least "
            "0, and not all of them 0."
        )
    p = counts / counts.sum()
    p = p[:, :, p.sum(axis=(0, 1)) > 0]
    least = _information(_least_informative(p), (0, 1))
    one, two, both = _information(p, (0,)), _information(p, (1,)), _information(p, (0, 1))
    redundant = one + two - least
    unique = {names[0]: least - two, names[1]: least - one}
    clipped = {name: max(0.0, value) for name, value in unique.items()}
    return Pid(
        max(0.0, redundant), clipped, max(0.0, both - least), estimator=estimator, items=int(counts.sum())
    )


def decompose(
    one: NDArray[np.int64],
    two: NDArray[np.int64],
    label: NDArray[np.int64],
    *,
    names: tuple[str, str] = ("image", "text"),
    permutations: int = 0,
    seed: int = 0,
    estimator: str = "exact",
) -> Pid:
    """The decomposition of paired discrete values, counted over items, with a permutation null.

    `null` is the mean decomposition after the labels are shuffled: what counting finds in so many items
    where there is nothing. Few items in many cells look synergistic; read the bars above their null.
    """
    table = _count(one, two, label)
    found = decompose_table(table, names=names, estimator=estimator)
    random = np.random.default_rng(seed)
    null = []
    for _ in range(permutations):
        other = decompose_table(_count(one, two, random.permutation(label)), names=names)
        null.append((other.redundant, *other.unique.values(), other.synergistic))
    mean = tuple(float(value) for value in np.mean(null, axis=0)) if null else ()
    return Pid(
        found.redundant, found.unique, found.synergistic, mean, estimator, found.unit, len(label)
    )  # fmt: skip


def cluster(vectors: NDArray, most: int, seed: int = 0) -> tuple[NDArray[np.int64], str]:
    """(item: a discrete value, how): the vectors themselves if at most `most` differ, else k-means."""
    distinct, where = np.unique(np.round(vectors, 4), axis=0, return_inverse=True)
    if len(distinct) <= most:
        return where.reshape(-1).astype(np.int64), "as they are"
    return _k_means(vectors, most, seed), f"k-means, {most} clusters"


def _k_means(vectors: NDArray, count: int, seed: int, rounds: int = 30) -> NDArray[np.int64]:
    """item: its cluster, by Lloyd's rounds from a k-means++ start (Arthur and Vassilvitskii 2007).

    Written out, since scikit-learn's holds BLAS to one thread for the whole process while it runs, and
    SciPy's warns of a cluster that has run empty: both reach into other threads. From the same start SciPy's
    gives the same labels.
    """
    random = np.random.default_rng(seed)
    centres = vectors[random.choice(len(vectors), 1)]
    for _ in range(count - 1):  # k-means++: far points are likelier
        far = _distances(vectors, centres).min(axis=1)
        chosen = random.choice(len(vectors), p=far / far.sum()) if far.sum() > 0 else 0
        centres = np.concatenate([centres, vectors[[chosen]]])
    for _ in range(rounds):
        nearest = _distances(vectors, centres).argmin(axis=1)
        for k in range(count):
            if (nearest == k).any():
                centres[k] = vectors[nearest == k].mean(axis=0)
    return _distances(vectors, centres).argmin(axis=1).astype(np.int64)


def _distances(vectors: NDArray, centres: NDArray) -> NDArray:
    squared = (vectors**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1)[None]
    return np.maximum(squared - 2 * vectors @ centres.T, 0)


def _count(one: NDArray, two: NDArray, label: NDArray) -> NDArray[np.float64]:
    places = [np.unique(values, return_inverse=True)[1].reshape(-1) for values in (one, two, label)]
    table = np.zeros([int(place.max()) + 1 for place in places])
    np.add.at(table, tuple(places), 1)
    return table


def _information(p: NDArray, axes: tuple[int, ...]) -> float:
    """I(Y; the variables of `axes`) in bits, of a joint x1 x x2 x y."""
    rest = tuple(axis for axis in (0, 1) if axis not in axes)
    joint = p.sum(axis=rest) if rest else p
    joint = joint.reshape(-1, p.shape[2])
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log2(joint[there] / product[there])).sum())


def _least_informative(p: NDArray) -> NDArray:
    """q with the marginals (x1, y) and (x2, y) of p, and the least information about y."""
    first, second = p.sum(axis=1), p.sum(axis=0)  # x1 x y, x2 x y
    share = p.sum(axis=(0, 1))
    q = first[:, None, :] * second[None, :, :] / share
    before = np.inf
    for turn in range(_ROUNDS):
        q = _fitted(q.sum(axis=2, keepdims=True) * share, first, second)
        if turn % 20 == 0:
            now = _information(q, (0, 1))
            if before - now < _STILL:
                break
            before = now
    return _fitted(q, first, second, most=_LAST)


def _fitted(q: NDArray, first: NDArray, second: NDArray, most: int = _SWEEPS) -> NDArray:
    """The nearest table with the marginals asked for: rows and columns scaled in turn (Sinkhorn)."""
    for _ in range(most):
        q = q * (first / np.maximum(q.sum(axis=1), _TINY))[:, None, :]
        q = q * (second / np.maximum(q.sum(axis=0), _TINY))[None, :, :]
        if np.abs(q.sum(axis=1) - first).max() < _FIT:
            break
    return q
