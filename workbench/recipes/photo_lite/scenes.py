"""Training pictures: cut-outs alone and in twos and threes, on white, colours, gradients and textures."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from importlib import util
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from workbench.recipes.photo_lite.material import Item, cut_out

__all__ = ["scenes"]

_TEXTURES = ("grass.png", "gravel.png", "brick.png")


def scenes(
    items: Sequence[Item], *, side: int, mixed: int, seed: int
) -> Iterator[tuple[Image.Image, tuple[str, ...]]]:
    """Pictures with their captions: every item once, then `mixed` scenes of two or three.

    Items that cannot be drawn are left out.
    """
    chance = random.Random(seed)
    drawable = []
    for item in items:
        try:
            picture = cut_out(item)
        except (OSError, ValueError):
            continue
        drawable.append(item)
        yield _scene([picture], side, chance), item.captions
    for _ in range(mixed):
        chosen = chance.sample(drawable, chance.choice((2, 2, 3)))
        captions = [chance.choice(item.captions) for item in chosen]
        yield _scene([cut_out(item) for item in chosen], side, chance), (" and ".join(captions),)


def _scene(pictures: Sequence[Image.Image], side: int, chance: random.Random) -> Image.Image:
    ground = _ground(side, chance)
    for picture in pictures:
        share = chance.uniform(0.7, 1.0) if len(pictures) == 1 else chance.uniform(0.35, 0.65)
        scale = share * side / max(picture.size)
        width, height = (max(1, round(length * scale)) for length in picture.size)
        left, top = chance.randint(0, side - width), chance.randint(0, side - height)
        grown = picture.resize((width, height), Resampling.BICUBIC)
        ground.paste(grown, (left, top), grown)
    return ground


def _ground(side: int, chance: random.Random) -> Image.Image:
    kind = chance.random()
    if kind < 0.4:
        return Image.new("RGB", (side, side), "white")
    if kind < 0.6:
        return Image.new("RGB", (side, side), _colour(chance))
    if kind < 0.8:
        down = np.linspace(0, 1, side)[:, None, None]
        blend = np.array(_colour(chance)) * (1 - down) + np.array(_colour(chance)) * down
        return Image.fromarray(np.broadcast_to(blend, (side, side, 3)).astype(np.uint8))
    return Image.open(_photographs() / chance.choice(_TEXTURES)).convert("RGB").resize((side, side))


def _colour(chance: random.Random) -> tuple[int, int, int]:
    return chance.randrange(256), chance.randrange(256), chance.randrange(256)


def _photographs() -> Path:
    spec = util.find_spec("skimage")
    assert spec is not None and spec.origin is not None  # scikit-image is a dependency
    return Path(spec.origin).parent / "data"
