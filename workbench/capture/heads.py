"""What single heads do, in numbers: how spread, how far, how much across modalities; and rollout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.attention.head_statistics import crossing_shares, distances, entropies, modalities, own_shares
from workbench.attention.rollout import rolled_out
from workbench.axes import frozen
from workbench.calling import verb
from workbench.capture.trace import AttentionMap
from workbench.errors import BadInputError
from workbench.portable import Portable

__all__ = ["HeadStatistics", "head_statistics", "rollout"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class HeadStatistics(Portable):
    """One number a head, means over the rows kept (padding left out).

    Attributes:
        entropy: head, in bits.
        uniform: the entropy of attention to all tokens in reach alike, the most there can be. In reach is
            what some head gives weight to: neither padding behind a mask nor, in a causal layer, what comes
            later.
        distance: head, from a patch to where it attends among patches, in patches; NaN without a grid.
        even_distance: the same if a patch attended to all patches alike.
        cross: head, share of the attention that goes to the other modality; NaN where there is none in reach.
        own: head, share that a token gives to itself; NaN where query and key are two sequences.
    """

    entropy: Floats
    distance: Floats
    cross: Floats
    own: Floats
    uniform: float
    even_distance: float

    def __post_init__(self) -> None:
        for name in ("entropy", "distance", "cross", "own"):
            object.__setattr__(self, name, frozen(getattr(self, name)))


@verb
def head_statistics(attention: AttentionMap) -> HeadStatistics:
    """The figures of each head of a site; of several windows, tiles or pictures the mean.

    Args:
        attention: of one site, `trace.attention("image.3")`.

    Returns:
        A `HeadStatistics`: an array of one value a head for each figure.

    Example:
        >>> from workbench import data
        >>> from workbench.capture import capture, head_statistics
        >>> trace = capture("emoji-clip", data.load("emoji")[0], "image.3")
        >>> figures = head_statistics(trace.attention("image.3"))
        >>> figures.entropy.shape, bool((figures.entropy < figures.uniform).all())
        ((6,), True)

    Source: mean attention distance, Dosovitskiy et al. 2021 (ViT), appendix D.7; cross-modal share,
    Aflalo et al. 2022 (VL-InterpreT).
    """
    if attention.site.windows > 1:
        each = [head_statistics(attention.window(number)) for number in range(attention.site.windows)]
        names = [one.name for one in fields(HeadStatistics)]
        means: dict[str, Any] = {
            name: np.mean([getattr(one, name) for one in each], axis=0) for name in names
        }
        return HeadStatistics(**means | {name: float(means[name]) for name in ("uniform", "even_distance")})
    values = attention.values.astype(np.float64)
    real = np.array([place not in attention.query.padded for place in attention.queries])
    rows = values[:, real] if real.any() else values
    entropy, uniform = entropies(rows)
    distance, even = distances(values, attention.queries, attention.query, attention.key)
    return HeadStatistics(
        entropy, distance, _cross(attention, values), _own(attention, values, real), uniform, even
    )


@verb
def rollout(attentions: Sequence[AttentionMap], *, head_mean: bool = True) -> Floats:
    """Attention followed through all layers, half of each layer's way being the shortcut past it.

    Args:
        attentions: of the self-attention sites of one side, first layer first, with all their rows.
        head_mean: average heads; False takes the largest head for each pair of tokens, scaled to sum to 1.

    Returns:
        query x key, float32; every row sums to 1.

    Raises:
        BadInputError: no layers, layers of other lengths or in windows, or rows that were not kept.

    Example:
        >>> from workbench import data
        >>> from workbench.capture import capture, rollout
        >>> trace = capture("emoji-clip", data.load("emoji")[0], "image")
        >>> rollout([trace.attention(site) for site in trace.group("image")]).shape
        (65, 65)

    Source: Abnar and Zuidema 2020, "Quantifying attention flow in transformers", equation 1.
    """
    if not attentions:
        raise BadInputError("Rollout needs the self-attention of at least one layer; got none.")
    count, layers = attentions[0].query.count, []
    for one in attentions:
        if one.site.of == "window" or one.site.windows > 1:
            what = (
                "windows, which differ from layer to layer" if one.site.of == "window" else "several pictures"
            )
            remedy = (
                "" if one.site.of == "window" else " Take one of them: attention.window(0) of each layer."
            )
            raise BadInputError(
                f"Rollout follows the same tokens through all layers; {one.site.name} attends within {what}."
                f"{remedy}"
            )
        if one.values.shape[1:] != (count, count):
            raise BadInputError(
                f"Rollout multiplies whole square maps of {count} tokens; {one.site.name} has "
                f"{one.values.shape[1]} x {one.values.shape[2]}. Capture with rows='all', one side at a time."
            )
        heads = one.values.astype(np.float64)
        mixed = heads.mean(axis=0) if head_mean else heads.max(axis=0)
        layers.append(mixed if head_mean else mixed / mixed.sum(axis=1, keepdims=True))
    return rolled_out(layers, np.eye(count)).astype(np.float32)


def _cross(attention: AttentionMap, values: NDArray[np.float64]) -> NDArray:
    query, key = attention.query, attention.key
    if query.side != key.side and "joint" not in (query.side, key.side):
        return np.ones(len(values))
    if key.side != "joint":
        return np.full(len(values), np.nan)
    asks, seen = modalities(query), modalities(key)
    shares = [
        crossing_shares(values, asks[own][attention.queries], seen[other])
        for own, other in (("image", "text"), ("text", "image"))
        if asks[own][attention.queries].any() and seen[other].any()
    ]
    return np.concatenate(shares, axis=1).mean(axis=1) if shares else np.full(len(values), np.nan)


def _own(attention: AttentionMap, values: NDArray[np.float64], real: NDArray[np.bool_]) -> NDArray:
    if attention.site.kind != "self":
        return np.full(len(values), np.nan)
    rows = np.flatnonzero(real) if real.any() else np.arange(len(attention.queries))
    return own_shares(values, rows, attention.queries)
