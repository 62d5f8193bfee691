"""Pairs with parts taken away: patches filled in, words left out."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from workbench.attention.token_layout import is_mark
from workbench.attribution.case import Case
from workbench.errors import BadInputError

__all__ = [
    "CELLS",
    "FILLS",
    "cells_of",
    "filling",
    "free_words",
    "masked_pixels",
    "masked_words",
    "padding_of",
]

FILLS = ("mean", "blur", "white", "black")
CELLS = 7  # rows and columns of cells, where a tower has no patches of its own


def cells_of(case: Case) -> tuple[int, int]:
    """Rows and columns of what is taken away: the tower's patches, else 7 x 7 cells."""
    if case.has_tokens:
        return case.layout.grid
    height, width = case.pixels["pixel_values"].shape[-2:]
    short = min(height, width)
    return max(1, round(CELLS * height / short)), max(1, round(CELLS * width / short))


def filling(case: Case, fill: str) -> Tensor:
    """The picture that shows through where patches are taken away, as the tower's input.

    Raises:
        BadInputError: no such fill.
    """
    if fill not in FILLS:
        raise BadInputError(f"fill is {fill!r}; expected one of {', '.join(FILLS)}.")
    pixels = case.pixels["pixel_values"]
    if fill == "mean":
        axes = (2, 3) if pixels.ndim == 4 else (1,)
        return pixels.mean(dim=axes, keepdim=True).expand_as(pixels)
    picture = case.picture.convert("RGB")
    if fill == "blur":
        other = picture.filter(ImageFilter.GaussianBlur(max(picture.size) / 10))
    else:
        other = Image.new("RGB", picture.size, fill)
    return case.model.pixels([other])["pixel_values"]


def masked_pixels(
    case: Case, keep: NDArray[np.floating] | NDArray[np.bool_], filled: Tensor
) -> dict[str, Tensor]:
    """The picture with only the cells in `keep` (item x row x col), the others as in `filled`."""
    pixels = case.pixels["pixel_values"]
    kept = torch.from_numpy(np.ascontiguousarray(keep, dtype=np.float32)).to(pixels.device, pixels.dtype)
    if pixels.ndim == 4:
        height, width = pixels.shape[-2:]
        rows = torch.arange(height, device=pixels.device) * kept.shape[1] // height
        cols = torch.arange(width, device=pixels.device) * kept.shape[2] // width
        share = kept[:, rows][:, :, cols][:, None]
    else:
        flat = kept.flatten(1)
        share = torch.ones(len(flat), pixels.shape[1], device=pixels.device, dtype=pixels.dtype)
        share[:, : flat.shape[1]] = flat
        share = share[:, :, None]
    out = {name: value.expand(len(kept), *value.shape[1:]) for name, value in case.pixels.items()}
    out["pixel_values"] = pixels * share + filled * (1 - share)
    return out


def free_words(case: Case) -> list[int]:
    """Places of tokens that can be left out: not the special ones, which every text has."""
    return [place for place, token in enumerate(case.tokens) if not is_mark(token)]


def masked_words(case: Case, keep: NDArray[np.bool_]) -> dict[str, Tensor]:
    """The explained text without the tokens whose `keep` (item x token) is false; the gap is closed."""
    words, count = case.words, len(case.tokens)
    length = words["input_ids"].shape[1]
    blank = case.first - 1 if case.first else count  # a place of padding, where there is one
    rows: dict[str, list[Tensor]] = {name: [] for name in words}
    for row in keep:
        kept = [case.first + k for k in range(count) if row[k]]
        for name, value in words.items():
            there = value[0, torch.tensor(kept, device=value.device, dtype=torch.long)]
            empty = padding_of(case) if name == "input_ids" else value[0, blank] if length > count else 0
            rest = torch.full((length - len(kept),), int(empty), device=value.device, dtype=value.dtype)
            rows[name].append(torch.cat([rest, there] if case.first else [there, rest]))
    return {name: torch.stack(values) for name, values in rows.items()}


def padding_of(case: Case) -> int:
    """The id that stands where a text has no token."""
    ids, count = case.words["input_ids"][0], len(case.tokens)
    if len(ids) > count:
        return int(ids[case.first - 1 if case.first else count])
    tokeniser = getattr(case.model, "tokeniser", None)
    tokeniser = getattr(tokeniser, "tokenizer", tokeniser)
    return int(getattr(tokeniser, "pad_token_id", None) or 0)
