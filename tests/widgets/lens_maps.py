"""Traces made by hand for the tests of the lens."""

from __future__ import annotations

import numpy as np

from widgets import AttentionLens
from workbench.capture import AttentionMap, Site, TokenLayout

IMAGE = TokenLayout("image", 7, (2, 3), 1, pooling="token", pooled=0)
TEXT = TokenLayout("text", 5, words=("<start>", "a", "cat", "<end>"), padded=(4,))
HOSTILE = "<img src=x onerror=alert(1)>"


def soft(*shape: int, causal: bool = False, seed: int = 0) -> np.ndarray:
    scores = np.exp(2 * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)
    if causal:
        scores *= np.tril(np.ones(shape[-2:], np.float32))
    return scores / scores.sum(axis=-1, keepdims=True)


def made(
    query: TokenLayout,
    key: TokenLayout,
    *,
    layers: int = 3,
    heads: int = 2,
    kind: str = "self",
    name: str = "",
):
    maps = {}
    for layer in range(layers):
        own = f"{name or query.side}.{layer}"
        site = Site(own, f"blocks.{own}", kind, layer, heads, query, key)  # type: ignore[arg-type]
        causal = kind == "self" and query.side == "text"
        maps[own] = AttentionMap(site, soft(heads, query.count, key.count, causal=causal, seed=layer))
    return maps


def choose(lens: AttentionLens, **changes: object) -> None:
    lens.selected = dict(lens.selected) | changes
