"""Metrics of predicted probabilities, once for every board: accuracy, calibration, AUROC, intervals.

Written out, and held by the tests to scikit-learn's: its own put a filter of warnings in place for the whole
process, and several threads that measure at once take theirs away in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import BadInputError

__all__ = [
    "CalibrationBins",
    "accuracy",
    "auroc",
    "balanced_accuracy",
    "brier",
    "calibration_bins",
    "expected_calibration_error",
    "f1",
    "interval",
    "nll",
    "r2",
    "top_label_bins",
    "wilson",
]

_SPACINGS = ("width", "mass")


@dataclass(frozen=True, eq=False)
class CalibrationBins:
    """How sure answers were against how often they were right, in bins of confidence.

    Shapes:
        edges: bin + 1; confidence, accuracy, count: bin (NaN confidence and accuracy where count is 0)
    """

    edges: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error: mean |confidence - accuracy|, by count: 0 to 1; NaN of no items."""
        if not self.count.sum():
            return float("nan")
        gaps = np.nan_to_num(np.abs(self.confidence - self.accuracy))
        return float((gaps * self.count).sum() / self.count.sum())


def calibration_bins(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    bins: int,
    spacing: Literal["width", "mass"] = "width",
) -> CalibrationBins:
    """Mean confidence and accuracy of the answers in each bin of confidence.

    An interval is open on the left and closed on the right, so that a confidence of exactly 1 falls into the
    last one. There is no default number of bins: the error depends on it, so whoever reports one says it.

    Args:
        confidence: item, the probability of the answer given.
        correct: item, whether that answer was right.
        bins: how many.
        spacing: "width", all equally wide; "mass", each with equally many items, ties aside.

    Raises:
        BadInputError: fewer than one bin, or another spacing.

    Source: Naeini et al. 2015; Guo et al. 2017, equations 1 to 3.
    """
    if bins < 1:
        raise BadInputError(f"bins is {bins}; expected at least 1.")
    if spacing not in _SPACINGS:
        raise BadInputError(f"spacing is {spacing!r}; expected {' or '.join(map(repr, _SPACINGS))}.")
    sure = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    edges = np.linspace(0, 1, bins + 1)
    if spacing == "mass" and len(sure):
        edges = np.quantile(sure, edges)
    index = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(index, sure, bins) / count
        mean_accuracy = np.bincount(index, right, bins) / count
    return CalibrationBins(edges, mean_confidence, mean_accuracy, count)


def top_label_bins(probability: NDArray, truth: NDArray, *, bins: int) -> CalibrationBins:
    """`calibration_bins` of item x class probabilities: the answer is the likeliest class."""
    return calibration_bins(probability.max(axis=-1), probability.argmax(axis=-1) == truth, bins=bins)


def expected_calibration_error(probability: NDArray, truth: NDArray, *, bins: int) -> float:
    """Distance of the confidence of the likeliest class from accuracy, weighted by items, 0 to 1."""
    return top_label_bins(probability, truth, bins=bins).error


def accuracy(probability: NDArray, truth: NDArray) -> float:
    """Share of items whose largest probability is that of the truth."""
    return float((probability.argmax(axis=-1) == truth).mean())


def balanced_accuracy(probability: NDArray, truth: NDArray) -> float:
    """Share right of each class that occurs, and their mean: a rare class counts as much as a frequent one.

    Brodersen et al. 2010, "The balanced accuracy and its posterior distribution".
    """
    hits, occurs, _ = _counts(probability, truth)
    return float((hits[occurs > 0] / occurs[occurs > 0]).mean())


def f1(probability: NDArray, truth: NDArray) -> float:
    """Mean over classes of 2 TP / (2 TP + FP + FN) ("macro"); of those that occur or are answered."""
    hits, occurs, answered = _counts(probability, truth)
    counted = occurs + answered > 0
    return float((2 * hits[counted] / (occurs + answered)[counted]).mean())


def _counts(probability: NDArray, truth: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """class: how often it is answered rightly, occurs, and is answered."""
    answer, classes = probability.argmax(axis=-1), probability.shape[-1]
    hits = np.bincount(answer[answer == truth], minlength=classes)
    return hits, np.bincount(truth, minlength=classes), np.bincount(answer, minlength=classes)


def nll(probability: NDArray, truth: NDArray) -> float:
    """Mean of -log probability of the truth, in nats. A probability below 1e-12 counts as that."""
    chosen = np.take_along_axis(probability, np.asarray(truth)[:, None], axis=-1)
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def brier(probability: NDArray, truth: NDArray) -> float:
    """Mean squared distance of the probabilities from the truth, summed over classes: 0 to 2 (Brier 1950).

    Written out: scikit-learn's takes several classes only since 1.7, and halves that of two.
    """
    target = np.eye(probability.shape[-1])[truth]
    return float(((probability - target) ** 2).sum(axis=-1).mean())


def auroc(score: NDArray, positive: NDArray) -> float:
    """Chance that a positive item scores above a negative one; ties count half. NaN if one kind is missing
    or a score is not a number.

    With scores of several classes (item x class) and labels: the mean over the classes that occur of
    one class against the rest.
    """
    if score.ndim == 2:
        per_class = [auroc(score[:, k], positive == k) for k in range(score.shape[1])]
        defined = [value for value in per_class if np.isfinite(value)]
        return float(np.mean(defined)) if defined else float("nan")
    from scipy.stats import rankdata

    is_positive = np.asarray(positive, bool)
    if is_positive.all() or not is_positive.any() or not np.isfinite(score).all():
        return float("nan")
    count = int(is_positive.sum())
    above = rankdata(score)[is_positive].sum() - count * (count + 1) / 2  # Mann-Whitney's U
    return float(above / (count * (len(is_positive) - count)))


def r2(predicted: NDArray, truth: NDArray) -> float:
    """Share of the variance that is explained; below 0 for a guess worse than the mean."""
    return float(1 - ((predicted - truth) ** 2).mean() / np.var(truth))


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


def wilson(right: int, n: int, level: float = 0.95) -> tuple[float, float, float]:
    """(share, low, high): `right` of `n` with Wilson's score interval; three NaN of none.

    It stays inside 0 to 1 and is not empty where all are right or all wrong, as share ± 1.96 errors would be.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    from scipy.stats import norm

    if not 0 <= right <= n:
        raise BadInputError(f"right is {right} of n = {n}; expected a count from 0 to n.")
    if n == 0:
        return float("nan"), float("nan"), float("nan")
    share, z = right / n, float(norm.ppf(0.5 + level / 2))
    middle, wide = share + z * z / (2 * n), z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    whole = 1 + z * z / n
    # of none and of all the bound is the share itself, which rounding may miss by 1e-17
    return share, min(share, max(0.0, (middle - wide) / whole)), max(share, min(1.0, (middle + wide) / whole))
