"""Two pictures of a screen compared as an eye would: not letter for letter, but nothing missing and no colour swapped.

A font that is drawn a shade bolder, or stands a pixel lower, passes. A panel that is gone, a colour that became
another, a picture that moved, does not: the screen is cut into tiles, and each tile must have about the same light,
the same colour and the same amount of detail as before. (One small button that is gone weighs less than what fonts
do: buttons are asked for by name, in the tests of their widgets.)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

__all__ = ["SCALE", "Difference", "compare", "keep", "name_of", "small"]

#: Kept pictures are a third as wide as the screen: readable, and small enough to be carried.
SCALE = 3
TILE = 16  # pixels of a kept picture: 48 of the screen

#: What fonts, smoothing and a last digit may change, of 255. Measured on the planted changes of test_looks.py.
WHOLE = 3.0
LIGHT = 7.0
COLOUR = 7.0
DETAIL = 11.0
TALLER = 0.03


@dataclass(frozen=True)
class Difference:
    """How far two pictures are apart; `wrong` says what is more than fonts can explain, "" if nothing is."""

    whole: float
    light: float
    colour: float
    detail: float
    wrong: str = ""


def name_of(widget: str, size: tuple[int, int], theme: str) -> str:
    """The file a screen is kept in."""
    return f"{widget}-{size[0]}x{size[1]}-{theme}.webp"


def small(picture: Image.Image) -> Image.Image:
    """A screenshot at the scale it is kept and compared at."""
    size = (max(1, round(picture.width / SCALE)), max(1, round(picture.height / SCALE)))
    return picture.convert("RGB").resize(size, Image.Resampling.BOX)


def keep(picture: Image.Image, path: Path) -> None:
    """Keep a screenshot, small, as WebP."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small(picture).save(path, "WEBP", quality=82, method=6)


def compare(now: Image.Image, kept: Image.Image) -> Difference:
    """Hold two small pictures beside each other.

    Args:
        now: the screen as it is, already `small`.
        kept: the picture it should look like.
    """
    if now.width != kept.width or abs(now.height - kept.height) > max(4, TALLER * kept.height):
        return Difference(255, 255, 255, 255, f"{now.size} instead of {kept.size} pixels at 1/{SCALE} scale")
    height = min(now.height, kept.height)
    both = [one.convert("RGB").crop((0, 0, kept.width, height)) for one in (now, kept)]
    whole = float(np.abs(np.subtract(*(_soft(one) for one in both))).mean())
    light, colour, detail = (
        np.abs(first - second).max(axis=0)
        for first, second in zip(*(_tiles(one) for one in both), strict=True)
    )
    found = Difference(whole, float(light.max()), float(colour.max()), float(detail.max()))
    return Difference(
        found.whole, found.light, found.colour, found.detail, _wrong(found, light, colour, detail)
    )


def _wrong(found: Difference, *tiles: NDArray[np.float64]) -> str:
    said = [f"the whole differs by {found.whole:.1f}"] if found.whole > WHOLE else []
    named = zip(("light", "colour", "detail"), tiles, (LIGHT, COLOUR, DETAIL), strict=True)
    for name, values, limit in named:
        if values.max() > limit:
            row, column = np.unravel_index(int(values.argmax()), values.shape)
            at = (int(column) * TILE * SCALE, int(row) * TILE * SCALE)
            said.append(f"{name} differs by {values.max():.1f} (at most {limit:g}) near x, y = {at}")
    return "; ".join(said)


def _soft(picture: Image.Image) -> NDArray[np.float64]:
    """Blurred, at an eighth of the screen's scale."""
    width, height = (max(1, round(side * SCALE / 8)) for side in picture.size)
    soft = picture.filter(ImageFilter.GaussianBlur(2)).resize((width, height), Image.Resampling.BOX)
    return np.asarray(soft, np.float64)


def _tiles(picture: Image.Image) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each tile: its light, its two differences of colour beside each other, how much is drawn in it."""
    # Softened a little: a letter that stands one pixel lower must not count as another tile's letter.
    values = np.asarray(picture.filter(ImageFilter.GaussianBlur(1.5)), np.float64)
    light = values @ np.array([0.299, 0.587, 0.114])
    red, blue = _mean(values[..., 0] - light), _mean(values[..., 2] - light)
    sharp = np.asarray(picture.convert("L"), np.float64)
    steps = np.abs(np.diff(sharp, axis=0, prepend=sharp[:1])) + np.abs(
        np.diff(sharp, axis=1, prepend=sharp[:, :1])
    )
    return _mean(light)[None], np.stack([red, blue]), _mean(steps)[None]


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of tiles. What is left over at the right and below belongs to the last tiles: slivers would be noise."""
    rows, columns = (max(1, side // TILE) for side in values.shape)
    across = _ends(columns, values.shape[1])
    return np.array(
        [
            [values[top:bottom, left:right].mean() for left, right in across]
            for top, bottom in _ends(rows, values.shape[0])
        ]
    )


def _ends(count: int, size: int) -> list[tuple[int, int]]:
    return [(place * TILE, (place + 1) * TILE if place + 1 < count else size) for place in range(count)]
