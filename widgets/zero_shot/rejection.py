"""The panel "abstain": a histogram that the threshold cuts, the measured one, and what the cut costs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.format import number
from widgets.zero_shot.choices import Choices, accepted
from workbench.formatting import plural
from workbench.models import Advice
from workbench.results import Ranking
from workbench.zeroshot import Measure, reject_cost, reject_scores, take

__all__ = ["deciding", "reject_panel"]

_BARS = 24  # of the histogram under the threshold


def reject_panel(
    ranking: Ranking, choices: Choices, counted: NDArray[np.int64], advice: Advice | None = None
) -> dict[str, Any]:
    """The histogram that the threshold cuts, and in words what the cut costs."""
    scores = reject_scores(ranking, choices.measure)[counted]
    measured = _measured(ranking, choices.measure, advice)
    low, high = _range(scores, choices.measure, measured)
    count, _ = np.histogram(np.clip(scores, low, high), bins=_BARS, range=(low, high))
    return {
        "low": low,
        "high": high,
        "bars": count.tolist(),
        "most": int(count.max(initial=0)),
        "measured": measured,
        "rejected": int((~accepted(ranking, choices)[counted]).sum()),
        "cost": _cost(ranking, choices, counted),
    }


def deciding(score: float, choices: Choices) -> str:
    """Why a picture is "none of these": `cosine 0.223 < 0.254`, in as many digits as tell the two apart."""
    threshold = choices.threshold if choices.threshold is not None else math.nan
    for digits in (3, 4, 5, 6):
        left, right = (f"{value:.{digits}f}".replace("-", "−") for value in (score, threshold))
        if left != right:
            break
    return f"{choices.measure} {left} < {right}"


def _measured(ranking: Ranking, measure: Measure, advice: Advice | None) -> dict[str, Any] | None:
    """The threshold that was measured for this model, and with which templates if not with these."""
    count = len(ranking.labels)
    value = None if advice is None or advice.measure != measure else advice.threshold_for(count)
    if advice is None or value is None:
        return None
    on = [template for template, active in zip(ranking.templates, ranking.active, strict=True) if active]
    same = on == list(advice.templates)
    note = "" if same else f"It was measured with the template {', '.join(advice.templates)}."
    if advice.growth and advice.measured_to is not None and count > advice.measured_to:
        note += f" It was measured with up to {advice.measured_to} labels, and is carried on from there."
    among = f" for {plural(count, 'label')}" if advice.growth else ""
    return {"value": value, "said": f"measured: {number(value)}{among}", "note": note.strip()}


def _range(
    scores: NDArray[np.float32], measure: Measure, measured: dict[str, Any] | None
) -> tuple[float, float]:
    """The span of the threshold slider: fixed for shares, the data's own for cosines."""
    if measure != "cosine":
        return 0.0, 1.0
    held = [float(value) for value in scores]
    if measured is not None:
        held.append(measured["value"])
    return math.floor(min(held) * 20) / 20, math.floor(max(held) * 20 + 1) / 20


def _cost(ranking: Ranking, choices: Choices, counted: NDArray[np.int64]) -> str:
    if choices.threshold is None:
        return "Nothing is rejected: every picture gets a label, even one that fits none."
    rejected = int((~accepted(ranking, choices)[counted]).sum())
    what = f"{rejected:,} of {plural(len(counted), 'picture')}: none of these."
    if ranking.truth is None:
        return what + " The right answers are not known here, so what that costs is not known either."
    cost = reject_cost(take(ranking, counted), choices.threshold, measure=choices.measure)
    parts = [f"{_percent(cost.correct_lost)} of the right answers are lost"]
    if not math.isnan(cost.wrong_caught):
        parts.append(f"{_percent(cost.wrong_caught)} of the wrong ones are caught")
    if not math.isnan(cost.accuracy):
        parts.append(f"{_percent(cost.accuracy)} of the answers left are right")
    return f"{what} {'; '.join(parts)}."


def _percent(share: float) -> str:
    return "none" if math.isnan(share) else f"{share:.0%}".replace("%", " %")
