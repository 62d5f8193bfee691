"""How well pictures and texts find each other: contrastive loss, ranks, recall.

All in chunks: a table of every picture against every text would not fit for long.

Similarity is 1 minus half the squared distance: the cosine of unit vectors, and what it becomes when
a modality is moved along the gap without being scaled again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import check_axes
from workbench.errors import BadInputError
from workbench.results import Rule

__all__ = ["PairRanks", "contrastive_loss", "pair_losses", "pair_ranks", "recall"]

_CHUNK = 8_000_000
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairRanks:
    """Where each query's own partner stands among all candidates.

    Shapes:
        query: query, the item each row is about
        above: query, candidates that are strictly nearer; ties: query, others exactly as near
    """

    query: NDArray[np.int64]
    above: NDArray[np.int64]
    ties: NDArray[np.int64]
    candidates: int

    @property
    def rank(self) -> NDArray[np.float64]:
        """query: 1 is first; equal candidates share the middle of their places."""
        return 1 + self.above + self.ties / 2

    def within(self, most: int) -> NDArray[np.float64]:
        """query: the chance of standing among the first `most`, 0 or 1 unless there are ties."""
        return np.clip((most - self.above) / (self.ties + 1), 0, 1)


def pair_ranks(queries: ArrayLike, candidates: ArrayLike, *, items: ArrayLike | None = None) -> PairRanks:
    """The rank of candidate i for query i (item x feature each), for `items` or for all."""
    asked, known = np.asarray(queries, np.float32), np.asarray(candidates, np.float32)
    check_axes("candidates", known, "item feature", item=len(asked), feature=asked.shape[1])
    chosen = np.arange(len(asked)) if items is None else np.asarray(items, np.int64)
    above, ties = np.zeros(len(chosen), np.int64), np.zeros(len(chosen), np.int64)
    length = 0.5 * np.einsum("if,if->i", known, known)
    for start in range(0, len(chosen), step := _step(len(known))):
        part = chosen[start : start + step]
        score = asked[part] @ known.T - length
        own = score[np.arange(len(part)), part][:, None]
        above[start : start + step] = (score > own).sum(axis=1)
        ties[start : start + step] = (score == own).sum(axis=1) - 1
    return PairRanks(chosen, above, ties, len(known))


def recall(ranks: PairRanks, most: int) -> float:
    """Share of queries whose partner is among the first `most`; chance is `most` / candidates."""
    return float(ranks.within(most).mean()) if len(ranks.query) else float("nan")


def contrastive_loss(
    image: ArrayLike,
    text: ArrayLike,
    *,
    temperature: float,
    rule: Rule = "softmax",
    bias: float = 0.0,
) -> float:
    """The loss the model was trained with, over all these pairs at once.

    At chance it is log(pairs) for "softmax"; it grows with the number of pairs, so give that beside it.

    Source: CLIP, Radford et al. 2021, figure 3; SigLIP, Zhai et al. 2023, equation 1.
    """
    losses = pair_losses(image, text, temperature=temperature, rule=rule, bias=bias)
    return float(losses.mean())


def pair_losses(
    image: ArrayLike,
    text: ArrayLike,
    *,
    temperature: float,
    rule: Rule = "softmax",
    bias: float = 0.0,
) -> Floats:
    """item: what each pair adds to the loss, the mean of both directions; their mean is the loss."""
    pictures, words = np.asarray(image, np.float64), np.asarray(text, np.float64)
    check_axes("text", words, "item feature", item=len(pictures), feature=pictures.shape[1])
    if not (np.isfinite(temperature) and temperature > 0):
        raise BadInputError(f"temperature is {temperature!r}; expected a number above 0, such as 0.01.")
    logits = (_similarity(pictures, words)) / temperature + bias
    own = np.diagonal(logits)
    if rule == "softmax":
        return 0.5 * (_log_sum(logits, 1) + _log_sum(logits, 0)) - own
    # Every picture against every text is one yes or no; the sum over texts belongs to the picture.
    negative = np.logaddexp(0, logits)
    np.fill_diagonal(negative, np.logaddexp(0, -own))
    return negative.sum(axis=1)


def _similarity(one: Floats, other: Floats) -> Floats:
    length = 0.5 * ((one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None])
    return 1 - (length - one @ other.T)


def _log_sum(logits: Floats, axis: int) -> Floats:
    top = logits.max(axis=axis, keepdims=True)
    return np.log(np.exp(logits - top).sum(axis=axis)) + top.squeeze(axis)


def _step(rows: int) -> int:
    return max(1, _CHUNK // max(1, rows))
