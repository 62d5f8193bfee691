"""What a model says of the next token, in numbers: from its scores to log-probabilities in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.errors import UnsupportedError

__all__ = ["Said", "check_scores", "entropies", "joined", "likeliest", "nothing_said", "said_of", "wide"]

_NEVER = -1e4  # whose exponential is 0 in float64, as that of everything below it


@dataclass(frozen=True)
class Said:
    """What was said of some chosen tokens, one a row.

    Shapes:
        logp, entropy, rank: row
        tokens, token_logp: row x alternative, likeliest first
    """

    logp: NDArray[np.float64]
    entropy: NDArray[np.float64]
    rank: NDArray[np.int64]
    tokens: NDArray[np.int64]
    token_logp: NDArray[np.float64]


def wide(logits: Tensor) -> Tensor:
    """(..., token) natural log-probabilities in float64, on the device where that has such numbers."""
    scores = (logits.cpu() if logits.device.type == "mps" else logits).double()
    return scores - scores.logsumexp(dim=-1, keepdim=True)


def said_of(logp: Tensor, chosen: Sequence[int], count: int) -> Said:
    """Of row x token log-probabilities: the chosen one's, its rank, the entropy, the `count` likeliest."""
    picked = torch.as_tensor(chosen, device=logp.device)[:, None]
    own = logp.gather(1, picked)
    tokens, token_logp = likeliest(logp, count)
    return Said(
        own[:, 0].cpu().numpy(),
        entropies(logp),
        1 + (logp > own).sum(dim=-1).cpu().numpy(),
        tokens,
        token_logp,
    )


def entropies(logp: Tensor) -> NDArray[np.float64]:
    """row: in nats; what can never be adds nothing."""
    spread = -(logp.exp() * logp.clamp(min=_NEVER)).sum(dim=-1)
    return spread.cpu().numpy()


def nothing_said(count: int) -> Said:
    """Of no token."""
    return Said(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros((0, count), np.int64),
                np.zeros((0, count)))  # fmt: skip


def joined(parts: Sequence[Said]) -> Said:
    """One after another."""
    return Said(*(np.concatenate([getattr(one, field.name) for one in parts]) for field in fields(Said)))


def likeliest(logp: Tensor, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """row x alternative: the likeliest tokens and what they have, of equals the lower number first."""
    count = min(count, logp.shape[-1])
    if not count:
        return np.zeros((len(logp), 0), np.int64), np.zeros((len(logp), 0))
    found = logp.topk(count, dim=-1)
    crowded = (logp >= found.values[:, -1:]).sum(dim=-1) > count  # equals at the edge: torch takes any
    values, tokens = found.values.cpu().numpy(), found.indices.cpu().numpy()
    for row in np.flatnonzero(crowded.cpu().numpy()):
        tokens[row] = np.argsort(-logp[row].cpu().numpy(), kind="stable")[:count]
        values[row] = logp[row].cpu().numpy()[tokens[row]]
    order = np.lexsort((tokens, -values), axis=-1)
    return np.take_along_axis(tokens, order, -1), np.take_along_axis(values, order, -1)


def check_scores(highest: float, step: int, model: Any) -> None:
    """Refuse a step whose highest score is no number: of scores that hold NaN it is NaN.

    Raises:
        UnsupportedError: there is no distribution to choose from.
    """
    if np.isfinite(highest):
        return
    precision = getattr(model, "precision", "float32")
    advice = (
        "Its weights or this input are damaged: load it again, and try another picture"
        if precision == "float32"
        else f"It computes in {precision}: load it with dtype='float32'"
    )
    raise UnsupportedError(
        f"{model.card.name} gave scores that are no numbers (highest: {highest}) for token {step} of its "
        f"answer, so there is nothing to choose from. {advice}."
    )
