"""What single heads do, in numbers: how spread, how far, how much across modalities; and rollout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.axes import frozen
from workbench.capture.layout import TokenLayout
from workbench.capture.trace import AttentionMap
from workbench.errors import BadInputError

__all__ = ["HeadStatistics", "head_statistics", "rollout"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class HeadStatistics:
    """One number a head, means over the rows kept (padding left out).

    Attributes:
        entropy: in bits; `uniform` is that of attention to every token alike, the most there can be.
        distance: from a patch to where it attends among patches, in patches; NaN without a grid.
        even_distance: the same if a patch attended to all patches alike.
        cross: share of the attention that goes to the other modality; NaN where there is none in reach.
        own: share that a token gives to itself; NaN where query and key are two sequences.
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


def head_statistics(attention: AttentionMap) -> HeadStatistics:
    """The figures of each head of a site.

    Source: mean attention distance, Dosovitskiy et al. 2021 (ViT), appendix D.7; cross-modal share,
    Aflalo et al. 2022 (VL-InterpreT).
    """
    values = attention.values.astype(np.float64)
    real = np.array([place not in attention.query.padded for place in attention.queries])
    rows = values[:, real] if real.any() else values
    logs = np.log2(np.where(rows > 0, rows, 1))
    entropy = -(rows * logs).sum(axis=2).mean(axis=1)
    reachable = (rows > 0).sum(axis=2).mean() if attention.causal else attention.key.count
    distance, even = _distance(attention, values)
    return HeadStatistics(entropy, distance, _cross(attention, values), _own(attention, values),
                          float(np.log2(max(reachable, 1))), even)  # fmt: skip


def rollout(attentions: Sequence[AttentionMap], *, head_mean: bool = True) -> Floats:
    """query x key: attention followed through all layers, half of each layer's way being the shortcut.

    Args:
        head_mean: average heads; False takes the largest head for each pair of tokens, scaled to sum to 1.

    Raises:
        BadInputError: no layers, layers of other lengths, or rows that were not kept.

    Source: Abnar and Zuidema 2020, "Quantifying attention flow in transformers", equation 1.
    """
    if not attentions:
        raise BadInputError("Rollout needs the self-attention of at least one layer; got none.")
    count = attentions[0].query.count
    flow = np.eye(count)
    for one in attentions:
        if one.values.shape[1:] != (count, count):
            raise BadInputError(
                f"Rollout multiplies whole square maps of {count} tokens; {one.site.name} has "
                f"{one.values.shape[1]} x {one.values.shape[2]}. Capture with rows='all', one side at a time."
            )
        heads = one.values.astype(np.float64)
        mixed = heads.mean(axis=0) if head_mean else heads.max(axis=0)
        mixed = 0.5 * mixed / mixed.sum(axis=1, keepdims=True) + 0.5 * np.eye(count)
        flow = mixed @ flow
    return flow.astype(np.float32)


def _distance(attention: AttentionMap, values: NDArray[np.float64]) -> tuple[NDArray, float]:
    query, key = attention.query, attention.key
    nothing = np.full(len(values), np.nan), float("nan")
    if query.grid is None or key.grid is None or query.grid != key.grid:
        return nothing
    rows = [row for row, place in enumerate(attention.queries) if place in set(query.patches.tolist())]
    if not rows:
        return nothing
    height, width = key.grid
    at = np.stack(np.divmod(np.arange(height * width), width), axis=1).astype(np.float64)
    apart = np.linalg.norm(at[:, None] - at[None], axis=-1)[attention.queries[rows] - query.first_patch]
    among = values[:, rows][:, :, key.patches]
    among = among / np.maximum(among.sum(axis=2, keepdims=True), 1e-12)
    return (among * apart[None]).sum(axis=2).mean(axis=1), float(apart.mean())


def _cross(attention: AttentionMap, values: NDArray[np.float64]) -> NDArray:
    query, key = attention.query, attention.key
    if query.side != key.side and "joint" not in (query.side, key.side):
        return np.ones(len(values))
    if key.side != "joint":
        return np.full(len(values), np.nan)
    asks, seen = _kinds(query)[attention.queries], _kinds(key)
    shares = []
    for own, other in (("patch", "word"), ("word", "patch")):
        if (asks == own).any() and (seen == other).any():
            shares.append(values[:, asks == own][:, :, seen == other].sum(axis=2))
    return np.concatenate(shares, axis=1).mean(axis=1) if shares else np.full(len(values), np.nan)


def _kinds(layout: TokenLayout) -> NDArray:
    return np.array(["patch" if kind == "picture" else kind for kind in layout.kinds])


def _own(attention: AttentionMap, values: NDArray[np.float64]) -> NDArray:
    if attention.site.kind != "self":
        return np.full(len(values), np.nan)
    rows = np.arange(len(attention.queries))
    return values[:, rows, attention.queries].mean(axis=1)
