"""What the user has set on the board, and what follows: who gets a label, which cards, in what order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.results import Ranking
from workbench.zeroshot import Measure, reject_scores

__all__ = [
    "ONLY",
    "SORTS",
    "Choices",
    "Only",
    "Sort",
    "accepted",
    "item_order",
    "matching_threshold",
    "present",
]

Sort = Literal["as given", "surest first", "doubtful first", "by label", "wrong first"]
Only = Literal["all", "right", "wrong", "none of these"]

SORTS: tuple[Sort, ...] = ("as given", "surest first", "doubtful first", "by label", "wrong first")
ONLY: tuple[Only, ...] = ("all", "right", "wrong", "none of these")


@dataclass(frozen=True)
class Choices:
    """Everything beside the scoring that the ranking itself records.

    Attributes:
        only: which answers are listed; won_by: only pictures that one of these labels won, () for all.
        removed: item numbers that are neither listed nor counted.
    """

    sort: Sort = "as given"
    page: int = 0
    measure: Measure = "probability"
    threshold: float | None = None
    only: Only = "all"
    won_by: tuple[str, ...] = ()
    removed: tuple[int, ...] = ()


def accepted(ranking: Ranking, choices: Choices) -> NDArray[np.bool_]:
    """item: whether it gets a label; all do while no threshold is set."""
    if choices.threshold is None:
        return np.ones(len(ranking), dtype=bool)
    return reject_scores(ranking, choices.measure) >= choices.threshold


def present(ranking: Ranking, choices: Choices) -> NDArray[np.int64]:
    """Numbers of the items that were not removed, in order."""
    return np.setdiff1d(np.arange(len(ranking)), np.array(choices.removed, dtype=np.int64))


def item_order(
    ranking: Ranking, choices: Choices, found: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Items that pass the filters, in the gallery's order; a search (`found`) comes before any sorting."""
    order = _sorted(ranking, choices) if found is None else found
    return order[_passes(ranking, choices)[order]]


def matching_threshold(ranking: Ranking, measure: Measure, rejected: int) -> float:
    """The threshold on `measure` below which as many items lie as are rejected now, between two of them."""
    scores = np.sort(reject_scores(ranking, measure).astype(float))
    if rejected <= 0:
        return float(np.floor(scores[0] * 1000) / 1000)
    if rejected >= len(scores):
        return float(np.ceil(scores[-1] * 1000 + 1) / 1000)
    return round(float(scores[rejected - 1] + scores[rejected]) / 2, 4)


def _sorted(ranking: Ranking, choices: Choices) -> NDArray[np.int64]:
    margin = ranking.margin
    if choices.sort == "surest first":
        return np.argsort(-margin, kind="stable")
    if choices.sort == "doubtful first":
        return np.argsort(margin, kind="stable")
    if choices.sort == "by label":
        return np.lexsort((-margin, ranking.best, ~accepted(ranking, choices)))
    if choices.sort == "wrong first" and ranking.truth is not None:
        wrong = (ranking.truth >= 0) & (ranking.best != ranking.truth)
        return np.lexsort((-margin, ~wrong))
    return np.arange(len(ranking))


def _passes(ranking: Ranking, choices: Choices) -> NDArray[np.bool_]:
    kept = accepted(ranking, choices)
    passes = np.zeros(len(ranking), dtype=bool)
    passes[present(ranking, choices)] = True
    if choices.only == "none of these":
        passes &= ~kept
    elif choices.only != "all" and ranking.truth is not None:
        right = ranking.best == ranking.truth
        passes &= kept & (ranking.truth >= 0) & (right if choices.only == "right" else ~right)
    if choices.won_by:
        wanted = [label in choices.won_by for label in ranking.labels]
        passes &= kept & np.array(wanted)[ranking.best]
    return passes
