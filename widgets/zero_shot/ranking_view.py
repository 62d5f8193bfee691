"""What the zero-shot board shows, as plain data: a ranking and the user's choices in, JSON out.

Pure functions. The front end draws exactly this and computes no score of its own, so a number on
the screen is a number of `workbench`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.colours import NAMED
from widgets.zero_shot.choices import Choices, accepted, item_order, present
from widgets.zero_shot.rejection import reject_panel
from widgets.zero_shot.traits import PAGE
from workbench.formatting import plural
from workbench.models import Advice
from workbench.results import Ranking, Retrieval, Rule
from workbench.zeroshot import alike, leave_one_out, reject_scores, take, template_cosines

__all__ = ["PAGE", "alike_labels", "board_view", "detail", "gallery", "hints", "unread_labels"]

_LABELS_SHOWN = 12  # of one picture's labels; thousands would bury the answer
_COUNTS_SHOWN = 200  # rows of the legend
_WORDINGS_SHOWN = 24  # columns of the heatmap
_LEAVE_ONE_OUT = 24  # more templates than this and the effect of each would be noise anyway
_TEXTS_SHOWN = 6
_UNREAD_SHOWN = 6
_ALIKE_SHOWN = 3  # groups of labels that the model cannot tell apart


def board_view(
    ranking: Ranking,
    choices: Choices,
    focus: int,
    *,
    own_rule: Rule | None,
    advice: Advice | None = None,
    found: Retrieval | None = None,
    texts: Retrieval | None = None,
) -> dict[str, Any]:
    """Everything the front end draws but the pictures and the code.

    `own_rule` is the rule the model was trained with, None if the model is gone; `found` sorts the
    pictures by a sentence; `texts` are candidates for the picture in view.
    """
    item = min(max(focus, 0), len(ranking) - 1)
    counted = present(ranking, choices)
    return {
        "gallery": gallery(ranking, choices, counted, found=found),
        "detail": detail(ranking, choices, item),
        "reject": reject_panel(ranking, choices, counted, advice),
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
        "unread": unread_labels(ranking),
        "alike": alike_labels(ranking),
        "hues": _hues(ranking, choices, counted),
        "notes": list(ranking.pairs.notes),
        "credit": ranking.pairs.credit,
    }


def gallery(
    ranking: Ranking, choices: Choices, counted: NDArray[np.int64], *, found: Retrieval | None = None
) -> dict[str, Any]:
    """One page of cards, and what is said above them."""
    order = item_order(ranking, choices, None if found is None else found.order)
    pages = max(1, math.ceil(len(order) / PAGE))
    page = min(max(choices.page, 0), pages - 1)
    kept, scores = accepted(ranking, choices), reject_scores(ranking, choices.measure)
    known = np.zeros(0) if ranking.truth is None else ranking.truth[counted]
    right = 0 if ranking.truth is None else int((known == ranking.best[counted])[known >= 0].sum())
    similarity = None if found is None else found.cosine
    return {
        "page": page,
        "pages": pages,
        "total": len(counted),
        "listed": len(order),
        "removed": len(ranking) - len(counted),
        "items": [
            _card(ranking, int(i), bool(kept[i]), float(scores[i]), similarity)
            for i in order[page * PAGE : (page + 1) * PAGE]
        ],
        "counts": _counts(ranking, kept, counted),
        "winners": int((np.bincount(ranking.best[counted][kept[counted]]) > 0).sum()) if len(counted) else 0,
        "known": int((known >= 0).sum()),
        "right": right,
        "accuracy": right / int((known >= 0).sum()) if (known >= 0).any() else None,
    }


def detail(ranking: Ranking, choices: Choices, item: int) -> dict[str, Any]:
    """One picture against its best labels, with every measure told apart, and the templates' heatmap."""
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
        "name": _name(ranking, item),
        "kept": bool(accepted(ranking, choices)[item]),
        "score": float(reject_scores(take(ranking, [item]), choices.measure)[0]),
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
        said.append("One label always gets probability 1. Add a second, or ask yes or no with sigmoid.")
    if ranking.rule != own_rule:
        said.append(
            f"This model was trained with {own_rule}; with {ranking.rule} only the order means something."
        )
    if ranking.temperature != 1:
        said.append(
            "Temperature 1 is the model's own. Moving it changes how sure it sounds, not which label wins."
        )
    return said


def unread_labels(ranking: Ranking) -> dict[str, Any] | None:
    """Labels that hold words which the text tower reads as one unknown token; None if it reads all."""
    marked = [
        {"label": label, "words": list(words)}
        for label, words in zip(ranking.labels, ranking.unread, strict=False)
        if words
    ]
    if not marked:
        return None
    known, count = len(ranking.labels) - len(marked), plural(len(ranking.labels), "label")
    return {
        "said": f"{known:,} of {count} {'is' if known == 1 else 'are'} made of words this model knows.",
        "labels": marked[:_UNREAD_SHOWN],
        "more": max(0, len(marked) - _UNREAD_SHOWN),
    }


def alike_labels(ranking: Ranking) -> dict[str, Any] | None:
    """Labels that the model cannot tell apart, and the labels with one for each group; None if it can."""
    groups = alike(ranking.text, ranking.unread)
    if not groups:
        return None
    spare = {place for group in groups for place in group[1:]}
    shown = [" = ".join(repr(ranking.labels[place]) for place in group) for group in groups[:_ALIKE_SHOWN]]
    more = f", and {plural(len(groups) - _ALIKE_SHOWN, 'other group')}" if len(groups) > _ALIKE_SHOWN else ""
    share = "share one probability" if ranking.rule == "softmax" else "get the same probability"
    return {
        "said": f"The model reads these alike, so they {share}: {'; '.join(shown)}{more}.",
        "labels": [label for place, label in enumerate(ranking.labels) if place not in spare],
    }


def _card(
    ranking: Ranking, item: int, kept: bool, score: float, similarity: NDArray[np.float32] | None
) -> dict[str, Any]:
    best = int(ranking.best[item])
    truth = -1 if ranking.truth is None else int(ranking.truth[item])
    return {
        "item": item,
        "name": _name(ranking, item),
        "label": ranking.labels[best],
        "index": best,
        "probability": float(ranking.probability[item, best]),
        "margin": float(ranking.margin[item]),
        "score": score,
        "kept": kept,
        "right": None if truth < 0 else truth == best,
        "truth": None if truth < 0 else ranking.labels[truth],
        "unread": bool(ranking.unread and ranking.unread[best]),
        "similarity": None if similarity is None else float(similarity[item]),
    }


def _name(ranking: Ranking, item: int) -> str:
    return ranking.names[item] if ranking.names else f"picture {item + 1}"


def _wins(ranking: Ranking, kept: NDArray[np.bool_], counted: NDArray[np.int64]) -> NDArray[np.int64]:
    """class: how many of the counted pictures each label won."""
    return np.bincount(ranking.best[counted][kept[counted]], minlength=len(ranking.labels))


def _counts(ranking: Ranking, kept: NDArray[np.bool_], counted: NDArray[np.int64]) -> list[dict[str, Any]]:
    """How many pictures each label won, the most used first; what was rejected is its own row."""
    won = _wins(ranking, kept, counted)
    used = [k for k in np.argsort(-won, kind="stable")[:_COUNTS_SHOWN] if won[k]]
    rows = [{"label": ranking.labels[k], "index": int(k), "count": int(won[k])} for k in used]
    rejected = int((~kept[counted]).sum())
    return rows + ([{"label": "none of these", "index": -1, "count": rejected}] if rejected else [])


def _hues(ranking: Ranking, choices: Choices, counted: NDArray[np.int64]) -> dict[str, int]:
    """Label index to the place of its colour: those that won most have one each, and no colour serves two.

    Among themselves they take colours in the order of the labels, so that a click elsewhere changes none.
    """
    won = _wins(ranking, accepted(ranking, choices), counted)
    most = [int(k) for k in np.argsort(-won, kind="stable")[: len(NAMED)] if won[k]]
    return {str(k): place for place, k in enumerate(sorted(most))}


def _wordings(ranking: Ranking, item: int, classes: NDArray[np.int64]) -> dict[str, Any]:
    """Cosine by label and template, who wins under each template, and what dropping a template changes."""
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
