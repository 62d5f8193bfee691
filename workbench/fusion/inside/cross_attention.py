"""How much attention goes from one modality to the other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["crossing"]


def crossing(
    attentions: Mapping[str, NDArray[np.float32]], masks: Mapping[str, NDArray[np.bool_]]
) -> NDArray[np.float32]:
    """item: share of attention that tokens of one modality pay to another; NaN where none pays any.

    The mean over layers, heads and present tokens. What is read from shared bottleneck tokens counts
    half, for half of what they hold came from each stream; in their first layer they hold nothing yet.

    Args:
        attentions: "layer/queries->keys" to item x head x query x key, as `FusionOutput` has them.
    """
    items = len(next(iter(masks.values())))
    total, count = np.zeros(items), np.zeros(items)
    shared_from = min((int(name.split("/")[0]) for name in attentions if "+b" in name), default=0)
    for name, weights in attentions.items():
        layer, sides = name.split("/", 1)
        queries, keys = (
            _owners(side, masks, size)
            for side, size in zip(sides.split("->"), weights.shape[2:], strict=True)
        )
        if sides.startswith("cls->"):  # one stream's cls asks the other stream
            queries[:] = next((m for m in masks if m not in keys), "")
        shared = 0.5 if int(layer) > shared_from else 0.0
        for modality, mask in masks.items():
            asks = _present(queries == modality, mask, len(queries))
            if not asks.any():
                continue
            counts = np.where(keys == "b", shared, ~np.isin(keys, [modality, ""]) * 1.0)
            share = np.einsum("ihqk,k->iq", weights, counts) / weights.shape[1]
            total += (share * asks).sum(axis=1)
            count += asks.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return (total / np.where(count > 0, count, np.nan)).astype(np.float32)


def _owners(side: str, masks: Mapping[str, NDArray], size: int) -> NDArray[np.object_]:
    """token: the modality it belongs to, "b" for shared ones, "" for none (null, a cls of all, latents)."""
    parts = side.split("+")
    out: list[str] = []
    fixed = sum(masks[part].shape[1] if part in masks else part in ("cls", "null") for part in parts)
    joint = parts.count("cls") == 1 and sum(part in masks for part in parts) > 1
    for place, part in enumerate(parts):
        if part in masks:
            out += [part] * masks[part].shape[1]
        elif part == "cls":
            follows = parts[place + 1] if place + 1 < len(parts) else ""
            out.append("" if joint or follows not in masks else follows)
        elif part in ("b", "latents"):
            out += ["b" if part == "b" else ""] * (size - fixed)
        else:
            out.append("")
    return np.array(out, dtype=object)


def _present(own: NDArray[np.bool_], mask: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """item x query: queries of a modality that are there (its cls always is)."""
    there = np.zeros((len(mask), count), bool)
    places = np.flatnonzero(own)
    if not len(places):
        return there
    tokens = places[-mask.shape[1] :]
    there[:, places] = True
    if len(places) >= mask.shape[1]:
        there[:, tokens] = mask
    return there
