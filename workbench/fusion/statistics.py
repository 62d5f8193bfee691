"""Measures of predictions, and intervals over seeds. NumPy and SciPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "accuracy",
    "auroc",
    "balanced_accuracy",
    "brier",
    "calibration",
    "ece",
    "f1",
    "interval",
    "nll",
    "r2",
]

BINS = 15


def accuracy(probability: NDArray, truth: NDArray) -> float:
    """Share of items whose largest probability is that of the truth."""
    return float((probability.argmax(axis=-1) == truth).mean())


def balanced_accuracy(probability: NDArray, truth: NDArray) -> float:
    """Share right of each class that occurs, and their mean: a rare class counts as much as a frequent one.

    Brodersen et al. 2010, "The balanced accuracy and its posterior distribution".
    """
    occurring = np.unique(truth)
    answer = probability.argmax(axis=-1)
    return float(np.mean([(answer[truth == label] == label).mean() for label in occurring]))


def f1(probability: NDArray, truth: NDArray) -> float:
    """Mean over classes of 2 TP / (2 TP + FP + FN) ("macro"); of those that occur or are answered."""
    answer = probability.argmax(axis=-1)
    classes = np.union1d(truth, answer)
    hits = [int(((answer == label) & (truth == label)).sum()) for label in classes]
    shown = [int((answer == label).sum() + (truth == label).sum()) for label in classes]
    return float(np.mean([2 * hit / of for hit, of in zip(hits, shown, strict=True)]))


def nll(probability: NDArray, truth: NDArray) -> float:
    """Mean of -log probability of the truth, in nats."""
    chosen = np.take_along_axis(probability, np.asarray(truth)[:, None], axis=-1)
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def brier(probability: NDArray, truth: NDArray) -> float:
    """Mean squared distance of the probabilities from the truth, summed over classes: 0 to 2."""
    target = np.eye(probability.shape[-1])[truth]
    return float(((probability - target) ** 2).sum(axis=-1).mean())


def auroc(score: NDArray, positive: NDArray) -> float:
    """Chance that a positive item scores above a negative one; ties count half. NaN if one kind is missing.

    With scores of several classes (item x class) and labels: the mean over the classes that occur of
    one class against the rest.
    """
    if score.ndim == 2:
        found = [auroc(score[:, k], positive == k) for k in range(score.shape[1])]
        known = [value for value in found if np.isfinite(value)]
        return float(np.mean(known)) if known else float("nan")
    from scipy.stats import rankdata

    yes = np.asarray(positive, bool)
    count = int(yes.sum())
    if count in (0, len(yes)):
        return float("nan")
    ranks = rankdata(score)[yes].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(yes) - count)))


def r2(predicted: NDArray, truth: NDArray) -> float:
    """Share of the variance that is explained; below 0 for a guess worse than the mean."""
    return float(1 - ((predicted - truth) ** 2).mean() / np.var(truth))


def calibration(probability: NDArray, truth: NDArray, bins: int = BINS) -> NDArray[np.float64]:
    """bin x 3: mean confidence, accuracy and number of items of each bin of the largest probability."""
    confidence = probability.max(axis=-1)
    right = probability.argmax(axis=-1) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins).astype(float)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, confidence, minlength=bins) / count
        rate = np.bincount(place, right, minlength=bins) / count
    return np.stack([mean, rate, count], axis=1)


def ece(probability: NDArray, truth: NDArray, bins: int = BINS) -> float:
    """Expected calibration error: distance of confidence from accuracy, weighed by items, 0 to 1."""
    mean, rate, count = calibration(probability, truth, bins).T
    return float(np.nansum(np.abs(mean - rate) * count) / count.sum())


def interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """(mean, low, high) of a mean over seeds by Student's t; NaN ends with fewer than two values.

    Values that are not finite (seeds not reached) are left out.
    """
    from scipy.stats import t

    kept = np.asarray(values, dtype=float)
    kept = kept[np.isfinite(kept)]
    if len(kept) == 0:
        return float("nan"), float("nan"), float("nan")
    mean = float(kept.mean())
    if len(kept) == 1:
        return mean, float("nan"), float("nan")
    half = float(t.ppf(0.5 + level / 2, len(kept) - 1) * kept.std(ddof=1) / np.sqrt(len(kept)))
    return mean, mean - half, mean + half
