"""How well pictures and texts find each other: contrastive loss, ranks, recall.

All in chunks: a table of every picture against every text would not fit for long.

Similarity is 1 minus half the squared distance: the cosine of unit vectors, and what it becomes when
a modality is moved along the gap without being scaled again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import as_rows, check_axes
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.formatting import one_line
from workbench.portable import Portable
from workbench.renaming import renamed
from workbench.results import Rule

__all__ = [
    "PairRanks",
    "check_scale",
    "contrastive_loss",
    "group_ranks",
    "pair_losses",
    "pair_ranks",
    "recall",
    "scale_of",
]

_CHUNK = 8_000_000
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairRanks(Portable):
    """Where each query's own partner stands among all candidates.

    Attributes:
        query: query, the item each row is about.
        above: query, how many candidates are strictly nearer than the partner.
        ties: query, how many others are exactly as near.
        candidates: how many there are in all.
        own: query, how many candidates are right; None where that is one.
    """

    query: NDArray[np.int64]
    above: NDArray[np.int64]
    ties: NDArray[np.int64]
    candidates: int
    own: NDArray[np.int64] | None = None

    @property
    def rank(self) -> NDArray[np.float64]:
        """query: 1 is first; equal candidates share the middle of their places."""
        return 1 + self.above + self.ties / 2

    @renamed("most", "k")
    def within(self, k: int) -> NDArray[np.float64]:
        """query: the chance of standing among the first `k`, 0 or 1 unless there are ties."""
        return np.clip((k - self.above) / (self.ties + 1), 0, 1)

    @renamed("most", "k")
    def chance(self, k: int) -> float:
        """How often a right candidate would be among the first `k` if they stood in any order."""
        own = np.ones(1) if self.own is None else self.own.astype(np.float64)
        places = np.arange(min(k, self.candidates))
        missed = np.clip((self.candidates - own[:, None] - places) / (self.candidates - places), 0, 1)
        return float(1 - missed.prod(axis=1).mean())


@verb
def pair_ranks(queries: ArrayLike, candidates: ArrayLike, *, items: ArrayLike | None = None) -> PairRanks:
    """The rank of candidate i for query i.

    Args:
        queries, candidates: item x feature each; row i of one belongs to row i of the other.
        items: numbers of the queries to ask; None takes all.

    Returns:
        `PairRanks`: `.rank` is one number a query, 1 is first.

    Raises:
        BadInputError: other axes, or an item that is not there.

    Example:
        >>> import numpy as np
        >>> from workbench.projection import pair_ranks
        >>> queries = np.array([[1.0, 0.0], [0.9, 0.1]])
        >>> pair_ranks(queries, np.eye(2)).rank.tolist()  # the second query is nearer to the first candidate
        [1.0, 2.0]
    """
    asked = np.asarray(as_rows("queries", queries), np.float32)
    known = np.asarray(as_rows("candidates", candidates), np.float32)
    check_axes("candidates", known, "item feature", item=len(asked), feature=asked.shape[1])
    chosen = np.arange(len(asked)) if items is None else np.asarray(items, np.int64)
    if chosen.ndim != 1 or (chosen.size and not -len(asked) <= chosen.min() <= chosen.max() < len(asked)):
        raise BadInputError(
            f"items is {one_line(repr(items))}; expected rows, numbers of 0 to {len(asked) - 1}."
        )
    above, ties = np.zeros(len(chosen), np.int64), np.zeros(len(chosen), np.int64)
    length = 0.5 * np.einsum("if,if->i", known, known)
    for start in range(0, len(chosen), step := _step(len(known))):
        part = chosen[start : start + step]
        score = asked[part] @ known.T - length
        own = score[np.arange(len(part)), part][:, None]
        above[start : start + step] = (score > own).sum(axis=1)
        ties[start : start + step] = (score == own).sum(axis=1) - 1
    return PairRanks(chosen, above, ties, len(known))


def group_ranks(
    queries: ArrayLike,
    candidates: ArrayLike,
    query_groups: ArrayLike,
    candidate_groups: ArrayLike,
    *,
    items: ArrayLike | None = None,
) -> PairRanks:
    """The rank of the best right candidate for each query, or for `items` of them: one of its own group.

    The protocol of COCO and Flickr30k: of a picture's captions any is a hit, and the others are no rivals.
    `candidates` holds each picture once when texts are asked.

    Source: CLIP_benchmark, `zeroshot_retrieval.py` (recall_at_k).
    """
    asked, known = np.asarray(queries, np.float32), np.asarray(candidates, np.float32)
    mine, theirs = np.asarray(query_groups), np.asarray(candidate_groups)
    chosen = np.arange(len(asked)) if items is None else np.asarray(items, np.int64)
    above, ties, own = (np.zeros(len(chosen), np.int64) for _ in range(3))
    length = 0.5 * np.einsum("if,if->i", known, known)
    for start in range(0, len(chosen), step := _step(len(known))):
        part, place = chosen[start : start + step], slice(start, start + step)
        score = asked[part] @ known.T - length
        right = mine[part][:, None] == theirs
        best = np.where(right, score, -np.inf).max(axis=1, keepdims=True)
        above[place] = ((score > best) & ~right).sum(axis=1)
        ties[place] = ((score == best) & ~right).sum(axis=1)
        own[place] = right.sum(axis=1)
    return PairRanks(chosen, above, ties, len(known), own)


@renamed("most", "k")
@verb
def recall(ranks: PairRanks, k: int) -> float:
    """Share of queries whose partner is among the first `k` (recall@k); chance is `k` / candidates.

    Args:
        ranks: of `pair_ranks`.
        k: how many candidates count as found.

    Returns:
        0 to 1; NaN where nothing was asked.

    Example:
        >>> import numpy as np
        >>> from workbench.projection import pair_ranks, recall
        >>> recall(pair_ranks(np.array([[1.0, 0.0], [0.9, 0.1]]), np.eye(2)), 1)
        0.5
    """
    return float(ranks.within(k).mean()) if len(ranks.query) else float("nan")


def scale_of(temperature: float | None) -> float | None:
    """1 / `temperature`, which papers call τ and CLIP learns as its inverse, the scale of logits.

    Raises:
        BadInputError: it is not above 0.
    """
    if temperature is None:
        return None
    if not (np.isfinite(temperature) and temperature > 0):
        raise BadInputError(f"temperature is {temperature!r}; expected a number above 0, such as 0.01.")
    return 1 / float(temperature)


@renamed("temperature", "scale", convert=scale_of, meaning="which is 1 / temperature")
@verb
def contrastive_loss(
    image: ArrayLike,
    text: ArrayLike,
    *,
    scale: float,
    rule: Rule = "softmax",
    bias: float = 0.0,
) -> float:
    """The loss the model was trained with, over all these pairs at once.

    `scale` multiplies cosines, as `model.scale` does: it is 1 / τ of the papers. At chance the loss is
    log(pairs) for "softmax"; it grows with the number of pairs, so give that beside it.

    Args:
        image, text: unit vectors, item x feature; row i of one belongs to row i of the other.
        scale: the cosines are multiplied by it; CLIP's own is about 100.
        rule: "softmax", over all candidates both ways, or "sigmoid", a yes or no for every combination.
        bias: added to the logits of "sigmoid".

    Returns:
        The mean over pairs, in nats.

    Raises:
        BadInputError: other axes, a scale that is not above 0, a rule that is neither word.

    Source: CLIP, Radford et al. 2021, figure 3; SigLIP, Zhai et al. 2023, equation 1.

    Example:
        >>> import numpy as np
        >>> from workbench.projection import contrastive_loss
        >>> alike = np.ones((4, 1))  # nothing tells these four pairs apart: log(4)
        >>> round(contrastive_loss(alike, alike, scale=14.3), 3)
        1.386
    """
    image, text = as_rows("image", image), as_rows("text", text)
    if rule not in get_args(Rule):
        raise BadInputError(f"rule is {rule!r}; expected 'softmax' or 'sigmoid'.")
    losses = pair_losses(image, text, scale=scale, rule=rule, bias=bias)
    return float(losses.mean())


def pair_losses(
    image: ArrayLike,
    text: ArrayLike,
    *,
    scale: float,
    rule: Rule = "softmax",
    bias: float = 0.0,
    groups: ArrayLike | None = None,
) -> Floats:
    """item: what each pair adds to the loss, the mean of both directions; their mean is the loss.

    Pairs of one of the `groups` (item) show the same picture: they are no rivals of each other.
    """
    pictures, words = np.asarray(image, np.float64), np.asarray(text, np.float64)
    check_axes("text", words, "item feature", item=len(pictures), feature=pictures.shape[1])
    check_scale(scale)
    logits = _similarity(pictures, words) * scale + bias
    own = np.diagonal(logits).copy()
    numbers = np.arange(len(logits)) if groups is None else np.asarray(groups)
    alike = numbers[:, None] == numbers
    np.fill_diagonal(alike, False)
    logits[alike] = -np.inf
    if rule == "softmax":
        return 0.5 * (_log_sum(logits, 1) + _log_sum(logits, 0)) - own
    # Every picture against every text is one yes or no; the sum over texts belongs to the picture.
    negative = np.logaddexp(0, logits)
    np.fill_diagonal(negative, np.logaddexp(0, -own))
    return negative.sum(axis=1)


def check_scale(scale: float) -> None:
    """Refuse a scale that turns no cosine into a logit.

    Raises:
        BadInputError: it is not above 0.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise BadInputError(f"scale is {scale!r}; expected a number above 0, such as model.scale.")


def _similarity(one: Floats, other: Floats) -> Floats:
    length = 0.5 * ((one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None])
    return 1 - (length - one @ other.T)


def _log_sum(logits: Floats, axis: int) -> Floats:
    top = logits.max(axis=axis, keepdims=True)
    return np.log(np.exp(logits - top).sum(axis=axis)) + top.squeeze(axis)


def _step(rows: int) -> int:
    return max(1, _CHUNK // max(1, rows))
