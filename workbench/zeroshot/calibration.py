"""Does 80 % mean right eight times in ten? Reliability, a fitted temperature, and what rejecting costs."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.formatting import plural
from workbench.metrics import calibration_bins
from workbench.portable import Portable
from workbench.results import Ranking
from workbench.zeroshot.reliability_diagram import reliability_svg
from workbench.zeroshot.scoring import Measure, reject_scores, rescore

__all__ = ["RejectCost", "Reliability", "fit_temperature", "reject_cost", "reliability"]


@dataclass(frozen=True, eq=False)
class Reliability(Portable):
    """Confidence against accuracy in bins.

    Attributes:
        edges: bin + 1, the ends of the bins, from 0 to 1 or by quantiles.
        confidence: bin, the mean probability of the best label; NaN where the bin is empty.
        accuracy: bin, the share of right answers; NaN where the bin is empty.
        count: bin, how many pictures are in it.
        error: expected calibration error: mean |confidence - accuracy|, weighted by count.
    """

    edges: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]
    error: float

    @property
    def gap(self) -> float:
        """Mean confidence minus accuracy over all pictures: above 0 the model says it is surer than it is."""
        filled = self.count > 0
        gaps = self.confidence[filled] - self.accuracy[filled]
        return float((gaps * self.count[filled]).sum() / self.count.sum())

    def __repr__(self) -> str:
        return f"Reliability(ECE {self.error:.3f} over {plural(int(self.count.sum()), 'picture')})"

    def _repr_html_(self) -> str:
        drawn = reliability_svg(self.edges, self.confidence, self.accuracy, self.count, self.error)
        sure = "surer than it is right" if self.gap > 0 else "less sure than it is right"
        return (
            f"<figure style='margin: 0'>{drawn}<figcaption>Expected calibration error {self.error:.3f} over "
            f"{plural(int(self.count.sum()), 'picture')}; on the whole {sure}, by {abs(self.gap):.1%}. "
            "Blue: how many were right. Orange: how sure the model was. On the dashed line the two agree."
            "</figcaption></figure>"
        )


#: The temperatures among which the best is looked for.
_TEMPERATURES = (0.01, 100.0)


@dataclass(frozen=True)
class RejectCost:
    """What "none of these" below a threshold does to pictures whose right label is known.

    Attributes:
        threshold: below it a picture is "none of these".
        measure: what is compared with the threshold.
        answered: share of all pictures that still get a label.
        correct_lost: share of the rightly named pictures that are now rejected.
        wrong_caught: share of the wrongly named ones, and of those with no right label, now rejected;
            NaN if there are none.
        accuracy: share of right answers among the answered pictures that have a right label.
    """

    threshold: float
    answered: float
    correct_lost: float
    wrong_caught: float
    accuracy: float
    measure: Measure = "probability"

    def __repr__(self) -> str:
        parts = (
            ("answered", self.answered),
            ("right ones lost", self.correct_lost),
            ("wrong ones caught", self.wrong_caught),
            ("right among the answered", self.accuracy),
        )
        told = ", ".join(f"{_percent(share)} {what}" for what, share in parts)
        return f"RejectCost({self.measure} below {self.threshold:.3g}: {told})"


@verb
def reliability(
    ranking: Ranking, *, bins: int = 10, spacing: Literal["width", "mass"] = "width"
) -> Reliability:
    """How the probability of the best label compares with how often it is right.

    Only pictures whose right label is on the list count. With few pictures a bin is noise: look at `.count`.
    The error depends on how many bins there are: 10 here, 15 in a `FusionReport`.

    Args:
        ranking: of `classify`, with labels of the data on its list.
        bins: how many.
        spacing: "width" makes bins of equal width from 0 to 1, "mass" such as hold equally many pictures.

    Returns:
        A `Reliability`: `.confidence`, `.accuracy` and `.count` by bin, and `.error`, the calibration error.

    Raises:
        BadInputError: no picture of the ranking has a right label on the list, `bins` is below 1, or
            `spacing` is neither word.

    Source: Naeini et al. 2015; Guo et al. 2017, equation 3.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import classify, reliability
        >>> shapes = data.load("shapes", n=12)
        >>> ranking = classify("shapes-clip", shapes, sorted(set(shapes.labels)))
        >>> int(reliability(ranking, bins=5).count.sum())
        12
    """
    known = _known(ranking)
    confidence = reject_scores(ranking)[known]
    correct = ranking.best[known] == _truth(ranking)[known]
    binned = calibration_bins(confidence, correct, bins=bins, spacing=spacing)
    return Reliability(binned.edges, binned.confidence, binned.accuracy, binned.count, binned.error)


@verb
def fit_temperature(ranking: Ranking) -> float:
    """The temperature with the least negative log-likelihood on pictures whose right label is known.

    It changes no answer, only how sure the answers sound. Fit it on pictures you will not judge by.

    Args:
        ranking: of `classify`, with labels of the data on its list.

    Returns:
        What `rescore(ranking, temperature=...)` takes: above 1 makes answers less sure, below 1 surer.

    Raises:
        BadInputError: no picture of the ranking has a right label on the list.

    Warns:
        UserWarning: the best one lies beyond those tried, 0.01 to 100: no answer is wrong, or the scores know
            nothing of the truth.

    Source: temperature scaling, Guo et al. 2017, section 4.2.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import classify, fit_temperature
        >>> emoji = data.load("emoji").with_labels(data.load("emoji").texts)[:30]
        >>> 0.01 < fit_temperature(classify("emoji-clip", emoji, emoji.labels)) < 100
        True
    """
    known = _known(ranking)
    truth = _truth(ranking)[known]

    def loss(log_temperature: float) -> float:
        scored = rescore(ranking, temperature=float(np.exp(log_temperature)))
        right = scored.probability[known].astype(np.float64)
        chosen = np.log(np.maximum(right[np.arange(len(truth)), truth], 1e-12))
        if ranking.rule == "softmax":
            return float(-chosen.mean())
        others = np.log(np.maximum(1 - right, 1e-12))
        others[np.arange(len(truth)), truth] = chosen
        return float(-others.sum(axis=1).mean())

    low, high = _TEMPERATURES
    best = float(np.exp(minimize_scalar(loss, bounds=(np.log(low), np.log(high)), method="bounded").x))
    if not low * 1.01 < best < high / 1.01:
        right = int((ranking.best[known] == truth).sum())
        why = "smaller ones fit better still" if best < 1 else "larger ones fit better still"
        warnings.warn(
            f"The temperature {best:.3g} is the end of those tried, and {why}: {right} of {len(truth)} "
            "answers are right. Fit it on more pictures, some of which the model gets wrong and some right.",
            stacklevel=2,
        )
    return best


@verb
def reject_cost(ranking: Ranking, threshold: float, *, measure: Measure = "probability") -> RejectCost:
    """What rejecting every picture whose `measure` is below `threshold` costs and catches.

    Args:
        ranking: of `classify`, with labels of the data on its list.
        threshold: in units of `measure`; what lies below is "none of these".
        measure: "probability" of the best label, its "margin" before the second, or its "cosine".

    Returns:
        A `RejectCost`: shares from 0 to 1.

    Raises:
        BadInputError: the right label of no picture is known, or no such measure.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import classify, reject_cost
        >>> shapes = data.load("shapes", n=12)
        >>> ranking = classify("shapes-clip", shapes, sorted(set(shapes.labels)))
        >>> reject_cost(ranking, 0.0).answered, reject_cost(ranking, 1.1).answered
        (1.0, 0.0)
    """
    truth = _truth(ranking)
    kept = reject_scores(ranking, measure) >= threshold
    right = ranking.best == truth
    answerable = kept & (truth >= 0)
    return RejectCost(
        float(threshold),
        answered=float(kept.mean()),
        correct_lost=_share(~kept, right),
        wrong_caught=_share(~kept, ~right),
        accuracy=_share(right, answerable),
        measure=measure,
    )


def _percent(share: float) -> str:
    return "no" if math.isnan(share) else f"{share:.1%}"


def _share(what: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(what[among].mean()) if among.any() else float("nan")


def _truth(ranking: Ranking) -> NDArray[np.int64]:
    if ranking.truth is None:
        raise BadInputError(
            "The right labels of these pictures are not known. Load pairs with labels "
            "(a folder of class folders, a table with a label column), and classify among those."
        )
    return ranking.truth


def _known(ranking: Ranking) -> NDArray[np.bool_]:
    known = _truth(ranking) >= 0
    if not known.any():
        raise BadInputError(
            "No picture has its right label on the list, so nothing can be measured. "
            "Add the data's own labels to the list."
        )
    return known
