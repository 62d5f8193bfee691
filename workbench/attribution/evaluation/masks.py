"""Where the right answer is: masks in the picture's own pixels, brought to the model's view of it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from workbench.data.pairs import Pair
from workbench.errors import BadInputError

__all__ = ["covered", "hits", "named_things", "scene_mask", "seen_mask"]

_ENOUGH = 0.25  # of a patch inside the mask, for the patch to count as a hit


def named_things(pair: Pair, text: str) -> tuple[int, ...]:
    """Which things of a `shapes` scene the text names: by colour and shape, else by the one it gives."""
    scene = pair.columns.get("scene")
    if scene is None:
        return ()
    words = set(re.findall(r"[a-z]+", text.lower()))
    said = " ".join(re.findall(r"[a-z]+", text.lower()))
    whole = [k for k, thing in enumerate(scene.things) if f"{thing.colour} {thing.shape}" in said]
    if whole:
        return tuple(whole)
    shapes = [k for k, thing in enumerate(scene.things) if thing.shape in words]
    colours = [k for k, thing in enumerate(scene.things) if thing.colour in words]
    return tuple(sorted(set(shapes) & set(colours)) if shapes and colours else shapes or colours)


def scene_mask(pair: Pair, text: str) -> NDArray[np.bool_] | None:
    """row x col of the pair's picture: everything in a `shapes` scene that the text names, or None."""
    things = named_things(pair, text)
    if not things:
        return None
    return np.any([pair.columns["scene"].mask(thing) for thing in things], axis=0)


def seen_mask(model: Any, pair: Pair, mask: ArrayLike) -> NDArray[np.bool_]:
    """The mask as the model sees it: cropped, squashed and sized as the picture is.

    Raises:
        BadInputError: the mask has another size than the picture, or nothing of it is left in view.
    """
    given = np.asarray(mask, dtype=bool)
    width, height = pair.picture.size
    if given.shape != (height, width):
        raise BadInputError(
            f"mask has shape {given.shape}; expected the rows and columns of the pair's picture, "
            f"({height}, {width})."
        )
    # Twice, with both polarities: what preprocessing adds around the picture is then in neither.
    bright, dark = (
        np.asarray(model.preprocess_view(_drawn(part)).convert("L"), float) for part in (given, ~given)
    )
    seen = (bright > 127) & (dark < 128)
    if not seen.any():
        raise BadInputError(
            "Nothing of the mask is left in the model's view of the picture: it was cropped away, or empty."
        )
    return seen


def covered(mask: NDArray[np.bool_], grid: tuple[int, int]) -> NDArray[np.floating]:
    """row x col of the patches: the share of each that lies in the mask."""
    rows, cols = grid
    height, width = mask.shape
    by_row, by_col = np.arange(height) * rows // height, np.arange(width) * cols // width
    inside, total = np.zeros(grid), np.zeros(grid)
    np.add.at(inside, (by_row[:, None], by_col[None]), mask)
    np.add.at(total, (by_row[:, None], by_col[None]), 1)
    return inside / np.maximum(total, 1)


def hits(mask: NDArray[np.bool_], grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Patches that count as a hit: a quarter covered, or the most covered one where none is."""
    share = covered(mask, grid)
    return share >= min(_ENOUGH, share.max())


def _drawn(mask: NDArray[np.bool_]) -> Image.Image:
    return Image.fromarray(mask.astype(np.uint8) * 255).convert("RGB")
