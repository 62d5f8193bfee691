"""What the zero-shot board shows, as plain data: a ranking and the user's choices in, JSON out.

Pure functions. The front end draws exactly this and computes no score of its own, so a number on
the screen is a number of `workbench`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from workbench._repr import plural
from workbench.results import Ranking, Retrieval, Rule
from workbench.zeroshot import leave_one_out, reject_cost, template_cosines
from workbench.zeroshot.scoring import Measure, reject_scores

__all__ = [
    "PAGE",
    "Choices",
    "Sort",
    "accepted",
    "board_view",
    "detail",
    "gallery",
    "hints",
    "item_order",
    "reject_panel",
]

PAGE = 24
"""Pictures on one page of the gallery."""

_LABELS_SHOWN = 12  # of one picture's labels; thousands would bury the answer
_WORDINGS_SHOWN = 24  # columns of the heatmap
_LEAVE_ONE_OUT = 24  # more wordings than this and the effect of each would be noise anyway
_TEXTS_SHOWN = 6
_BARS = 24  # of the histogram under the threshold

Sort = Literal["as given", "surest first", "doubtful first", "by label", "wrong first"]


@dataclass(frozen=True)
class Choices:
    """What the user has set, beside the scoring that the ranking itself records."""

    sort: Sort = "as given"
    page: int = 0
    measure: Measure = "probability"
    threshold: float | None = None


def board_view(
    ranking: Ranking,
    choices: Choices,
    focus: int,
    *,
    own_rule: Rule | None,
    found: Retrieval | None = None,
    texts: Retrieval | None = None,
) -> dict[str, Any]:
    """Everything the front end draws but the pictures and the code.

    `own_rule` is the rule the model was trained with, None if the model is gone; `found` sorts the
    pictures by a sentence; `texts` are candidates for the picture in view.
    """
    item = min(max(focus, 0), len(ranking) - 1)
    order, similarity = (None, None) if found is None else (found.order, found.cosine)
    return {
        "gallery": gallery(ranking, choices, found=order, similarity=similarity),
        "detail": detail(ranking, item, kept=bool(accepted(ranking, choices)[item])),
        "reject": reject_panel(ranking, choices),
        "texts": None if texts is None else texts.top(_TEXTS_SHOWN),
        "query": "" if found is None else found.query,
        "model": {
            "name": ranking.provenance.model,
            "live": own_rule is not None,
            "scale": ranking.scale,
            "bias": ranking.bias,
            "notes": list(ranking.provenance.notes),
        },
        "hints": hints(ranking, own_rule or ranking.rule),
        "labels": len(ranking.labels),
        "notes": list(ranking.pairs.notes),
        "credit": ranking.pairs.credit,
    }


def item_order(
    ranking: Ranking, choices: Choices, found: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Items in the order of the gallery; `found` (a search) comes before any sorting."""
    if found is not None:
        return found
    margin = ranking.margin
    if choices.sort == "surest first":
        return np.argsort(-margin, kind="stable")
    if choices.sort == "doubtful first":
        return np.argsort(margin, kind="stable")
    if choices.sort == "by label":
        return np.lexsort((-margin, ranking.best))
    if choices.sort == "wrong first" and ranking.truth is not None:
        wrong = (ranking.truth >= 0) & (ranking.best != ranking.truth)
        return np.lexsort((-margin, ~wrong))
    return np.arange(len(ranking))


def gallery(
    ranking: Ranking,
    choices: Choices,
    *,
    found: NDArray[np.int64] | None = None,
    similarity: NDArray[np.float32] | None = None,
) -> dict[str, Any]:
    """One page of cards, and what is said above them."""
    order = item_order(ranking, choices, found)
    pages = max(1, math.ceil(len(order) / PAGE))
    page = min(max(choices.page, 0), pages - 1)
    kept = accepted(ranking, choices)
    items = order[page * PAGE : (page + 1) * PAGE]
    return {
        "page": page,
        "pages": pages,
        "total": len(ranking),
        "items": [_card(ranking, int(i), bool(kept[i]), similarity) for i in items],
        "counts": _counts(ranking, kept),
        "accuracy": ranking.accuracy,
        "known": 0 if ranking.truth is None else int((ranking.truth >= 0).sum()),
    }


def accepted(ranking: Ranking, choices: Choices) -> NDArray[np.bool_]:
    """item: whether it gets a label; all do while no threshold is set."""
    if choices.threshold is None:
        return np.ones(len(ranking), dtype=bool)
    return reject_scores(ranking, choices.measure) >= choices.threshold


def detail(ranking: Ranking, item: int, *, kept: bool) -> dict[str, Any]:
    """One picture against its best labels, with every measure told apart, and the wordings' heatmap."""
    order = ranking.order[item][:_LABELS_SHOWN]
    truth = -1 if ranking.truth is None else int(ranking.truth[item])
    rows = [
        {
            "label": ranking.labels[k],
            "index": int(k),
            "cosine": float(ranking.cosine[item, k]),
            "logit": float(ranking.logit[item, k]),
            "probability": float(ranking.probability[item, k]),
            "right": int(k) == truth,
        }
        for k in order
    ]
    return {
        "item": item,
        "name": ranking.names[item] if ranking.names else f"picture {item}",
        "kept": kept,
        "margin": float(ranking.margin[item]),
        "rows": rows,
        "hidden": len(ranking.labels) - len(rows),
        "sum": float(ranking.probability[item].sum()),
        "wordings": _wordings(ranking, item, order),
    }


def hints(ranking: Ranking, own_rule: Rule) -> list[str]:
    """What a reader of these numbers should know just now; usually nothing."""
    said = []
    if ranking.rule == "softmax" and len(ranking.labels) == 1:
        said.append("One label always gets the whole share. Add a second, or ask yes or no with sigmoid.")
    if ranking.rule != own_rule:
        said.append(
            f"This model was trained with {own_rule}; with {ranking.rule} only the order means something."
        )
    if ranking.temperature != 1:
        said.append(
            "Temperature 1 is the model's own. Moving it changes how sure it sounds, not which label wins."
        )
    return said


def reject_panel(ranking: Ranking, choices: Choices) -> dict[str, Any]:
    """The histogram that the threshold cuts, and in words what the cut costs."""
    scores = reject_scores(ranking, choices.measure)
    low, high = _range(scores, choices.measure)
    count, _ = np.histogram(np.clip(scores, low, high), bins=_BARS, range=(low, high))
    return {
        "low": low,
        "high": high,
        "bars": count.tolist(),
        "rejected": int((~accepted(ranking, choices)).sum()),
        "cost": _cost(ranking, choices),
    }


def _card(ranking: Ranking, item: int, kept: bool, similarity: NDArray[np.float32] | None) -> dict[str, Any]:
    best = int(ranking.best[item])
    truth = -1 if ranking.truth is None else int(ranking.truth[item])
    return {
        "item": item,
        "name": ranking.names[item] if ranking.names else f"picture {item}",
        "label": ranking.labels[best],
        "index": best,
        "probability": float(ranking.probability[item, best]),
        "margin": float(ranking.margin[item]),
        "kept": kept,
        "right": None if truth < 0 else truth == best,
        "truth": None if truth < 0 else ranking.labels[truth],
        "similarity": None if similarity is None else float(similarity[item]),
    }


def _counts(ranking: Ranking, kept: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """How many pictures each of the most used labels won; what was rejected is its own row."""
    won = np.bincount(ranking.best[kept], minlength=len(ranking.labels))
    used = [k for k in np.argsort(-won, kind="stable")[:_LABELS_SHOWN] if won[k]]
    rows = [{"label": ranking.labels[k], "index": int(k), "count": int(won[k])} for k in used]
    rejected = int((~kept).sum())
    return rows + ([{"label": "none of these", "index": -1, "count": rejected}] if rejected else [])


def _wordings(ranking: Ranking, item: int, classes: Sequence[int] | NDArray[np.int64]) -> dict[str, Any]:
    """Cosine by label and template, who wins under each wording, and what dropping a wording changes."""
    shown = slice(0, _WORDINGS_SHOWN)
    cosines = template_cosines(ranking, item)
    few = len(ranking.templates) <= _LEAVE_ONE_OUT
    effect = leave_one_out(ranking, item=item) if few else np.full(len(ranking.templates), np.nan)
    winners = cosines.argmax(axis=0)
    return {
        "templates": list(ranking.templates[shown]),
        "active": [bool(on) for on in ranking.active[shown]],
        "values": np.round(cosines[classes][:, shown].astype(float), 4).tolist(),
        "labels": [ranking.labels[k] for k in classes],
        "winner": [ranking.labels[k] for k in winners[shown]],
        "effect": [None if math.isnan(value) else round(float(value), 4) for value in effect[shown]],
        "hidden": max(0, len(ranking.templates) - _WORDINGS_SHOWN),
    }


def _range(scores: NDArray[np.float32], measure: Measure) -> tuple[float, float]:
    """The span of the threshold slider: fixed for shares, the data's own for cosines."""
    if measure != "cosine":
        return 0.0, 1.0
    return math.floor(float(scores.min()) * 20) / 20, math.floor(float(scores.max()) * 20 + 1) / 20


def _cost(ranking: Ranking, choices: Choices) -> str:
    if choices.threshold is None:
        return "Nothing is rejected: every picture gets a label, even one that fits none."
    rejected = int((~accepted(ranking, choices)).sum())
    what = f"{plural(rejected, 'picture')} of {len(ranking):,} named “none of these”."
    if ranking.truth is None:
        return what + " The right answers are not known here, so what that costs is not known either."
    cost = reject_cost(ranking, choices.threshold, measure=choices.measure)
    parts = [f"{_percent(cost.correct_lost)} of the right answers are lost"]
    if not math.isnan(cost.wrong_caught):
        parts.append(f"{_percent(cost.wrong_caught)} of the wrong ones are caught")
    if not math.isnan(cost.accuracy):
        parts.append(f"{_percent(cost.accuracy)} of the answers left are right")
    return f"{what} {'; '.join(parts)}."


def _percent(share: float) -> str:
    return "none" if math.isnan(share) else f"{share:.0%}"
