"""What single heads do, in numbers: how spread, how far, how much across modalities, how much to itself.

Every function takes the weights of one site, head x query x key in float64, and gives one number a head.

Source: mean attention distance, Dosovitskiy et al. 2021 (ViT), appendix D.7; share across modalities,
Aflalo et al. 2022 (VL-InterpreT).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workbench.attention.token_layout import TokenLayout

__all__ = ["crossing_shares", "distances", "entropies", "modalities", "own_shares"]

Weights = NDArray[np.float64]
Members = NDArray[np.bool_]


def entropies(rows: Weights) -> tuple[NDArray, float]:
    """Bits of each head, the mean over its rows; and that of even attention to all in reach.

    In reach is what some head gives weight to: neither padding behind a mask nor, in a causal layer, what
    comes later.
    """
    logs = np.log2(np.where(rows > 0, rows, 1))
    reach = (rows > 0).any(axis=0).sum(axis=1)
    return -(rows * logs).sum(axis=2).mean(axis=1), float(np.log2(np.maximum(reach, 1)).mean())


def distances(
    values: Weights, queries: NDArray[np.int64], query: TokenLayout, key: TokenLayout
) -> tuple[NDArray, float]:
    """From a patch to where it attends among patches, in patches, and the same of even attention; NaN without
    a grid.

    Args:
        queries: the tokens whose rows are there.
    """
    nothing = np.full(len(values), np.nan), float("nan")
    if query.grid is None or key.grid is None or query.grid != key.grid:
        return nothing
    number = {int(place): patch for patch, place in enumerate(query.patches)}
    rows = [row for row, place in enumerate(queries) if int(place) in number]
    if not rows:
        return nothing
    height, width = key.grid
    at = np.stack(np.divmod(np.arange(height * width), width), axis=1).astype(np.float64)
    apart = np.linalg.norm(at[:, None] - at[None], axis=-1)[[number[int(queries[row])] for row in rows]]
    among = values[:, rows][:, :, key.patches]
    among = among / np.maximum(among.sum(axis=2, keepdims=True), 1e-12)
    return (among * apart[None]).sum(axis=2).mean(axis=1), float(apart.mean())


def modalities(layout: TokenLayout) -> Mapping[str, Members]:
    """ "text" and "image" to which tokens are words, and which stand for a picture."""
    kinds = np.array(layout.kinds)
    return {"text": kinds == "word", "image": np.isin(kinds, ("patch", "picture"))}


def crossing_shares(values: Weights, asks: Members, seen: Members) -> NDArray:
    """head x query: how much of its attention each token in `asks` gives to those in `seen`."""
    return values[:, asks][:, :, seen].sum(axis=2)


def own_shares(values: Weights, rows: NDArray[np.int64], queries: NDArray[np.int64]) -> NDArray:
    """What the tokens of these rows give to themselves, within one sequence."""
    return values[:, rows, queries[rows]].mean(axis=1)
