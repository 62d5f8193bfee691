"""What the attention of one example says across modalities. Pure functions over arrays of a `Look`.

Attention shows where a block looked, not what mattered for the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["attention_maps", "crossings", "segments"]

_ONE = ("cls", "null")  # sides of one token; all others but modalities take what is left


def segments(sides: str, tokens: Mapping[str, int], total: int) -> dict[str, tuple[slice, str]]:
    """name to (places, modality) of "cls+text+cls+image" among `total` queries or keys.

    A cls belongs to the modality named after it where each has its own; the modality is "" for what is
    shared. A query side cut to its first token (a last block answers only for the cls) holds just that.
    """
    found: dict[str, tuple[slice, str]] = {}
    parts = sides.split("+")
    each_has_one = parts.count("cls") >= sum(part in tokens for part in parts)
    known = sum(1 if part in _ONE else tokens.get(part, 0) for part in parts)
    start = 0
    for place, part in enumerate(parts):
        following = parts[place + 1] if place + 1 < len(parts) else ""
        own_cls = part == "cls" and following in tokens and each_has_one
        owner = part if part in tokens else following if own_cls else ""
        size = 1 if part in _ONE else tokens.get(part, max(0, total - known))
        stop = min(total, start + size)
        name = f"{part} of {owner}" if part == "cls" and owner else part
        if stop > start:
            found[name] = (slice(start, stop), owner)
        start = stop
    return found


def crossings(attentions: Mapping[str, NDArray], tokens: Mapping[str, int]) -> dict[int, float]:
    """layer: mean share of attention that one modality's queries give to the other modality's tokens.

    Queries of no modality (latents, one cls for all) are left out: nothing says whose question it is.
    """
    shares: dict[int, list[float]] = {}
    for name, weights in attentions.items():
        layer, queries, keys = _parts(name)
        asked = segments(keys, tokens, weights.shape[-1])
        for place, owner in segments(queries, tokens, weights.shape[-2]).values():
            other = [part for part, whose in asked.values() if whose and whose != owner]
            if owner and (other or any(whose == "" for _, whose in asked.values())):
                given = sum(float(weights[..., place, part].sum(axis=-1).mean()) for part in other)
                shares.setdefault(layer, []).append(given)
    return {layer: float(np.mean(values)) for layer, values in sorted(shares.items()) if any(values)}


def attention_maps(
    attentions: Mapping[str, NDArray], tokens: Mapping[str, int], item: int, *, most: int = 12
) -> list[dict[str, Any]]:
    """Who asked whom, block by block, for one item: mean over heads of each query group's attention.

    Returns:
        rows with `layer`, `asker`, `asked` (name to list of shares over that modality's tokens) and
        `cross` (share that went to another modality); blocks in which something crosses come first.
    """
    rows = []
    for name, weights in attentions.items():
        layer, queries, keys = _parts(name)
        mean = np.asarray(weights[item], float).mean(axis=0)  # query x key
        asked = segments(keys, tokens, mean.shape[1])
        for asker, (place, owner) in segments(queries, tokens, mean.shape[0]).items():
            given = mean[place].mean(axis=0)
            rows.append(_row(layer, asker, owner, given, asked))
    rows.sort(key=lambda row: (-(row["cross"] > 0), row["layer"]))
    return rows[:most]


def _row(
    layer: int, asker: str, owner: str, given: NDArray, asked: Mapping[str, tuple[slice, str]]
) -> dict[str, Any]:
    spread = {
        name: np.round(given[part], 4).tolist()
        for name, (part, whose) in asked.items()
        if whose and name == whose
    }
    mass = {name: round(float(given[part].sum()), 4) for name, (part, _) in asked.items()}
    cross = sum(given[part].sum() for part, whose in asked.values() if whose and whose != owner)
    return {"layer": layer, "asker": asker, "asked": spread, "mass": mass, "cross": round(float(cross), 4)}


def _parts(name: str) -> tuple[int, str, str]:
    layer, _, sides = name.partition("/")
    queries, _, keys = sides.partition("->")
    return int(layer), queries, keys
