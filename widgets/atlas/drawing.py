"""The map as a picture for print: points, the names of their labels, a legend, and what drew it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from widgets.atlas.colour import Colouring
from widgets.snapshot import font_for
from workbench._repr import one_line
from workbench.projection import Projection

__all__ = ["draw_map"]

_SCALE = 2  # pixels of the file for each pixel asked for: sharp in print
_EDGE, _HEAD, _FOOT = 16, 34, 54
_LEGEND = 10  # entries
_INK, _SOFT = "#1f2328", "#57606a"


def draw_map(
    projection: Projection,
    shown: Colouring,
    *,
    title: str,
    size: tuple[int, int],
    landmarks: Sequence[Mapping[str, Any]] = (),
    placed: Sequence[tuple[str, tuple[float, float]]] = (),
    chosen: NDArray[np.bool_] | None = None,
) -> bytes:
    """A PNG of `size` x 2. Pictures are discs, texts diamonds; what is not selected is pale."""
    width, height = size[0] * _SCALE, size[1] * _SCALE
    at = _placed(projection.points, width, height)
    pale = chosen is not None and bool(chosen.any())
    lit = chosen if pale and chosen is not None else np.ones(len(at), bool)
    pixels = np.full((height, width, 3), 255, np.float32)
    side = _side(len(at))
    for strong in (False, True):
        _splat(pixels, at, projection, shown, np.flatnonzero(lit == strong), side, 0.75 if strong else 0.18)
    picture = Image.fromarray(pixels.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    to_pixel = _to_pixel(projection.points, width, height)
    taken: list[tuple[float, float, float, float]] = []
    for text, point in placed:
        x, y = to_pixel(*point)
        draw.regular_polygon((x, y, 9 * _SCALE), 3, fill=_INK, outline="white")
        _write(draw, one_line(text, most=40), (x, y - 18 * _SCALE), 12, taken, bold=True)
    for mark in landmarks:
        _write(draw, mark["text"], to_pixel(mark["x"], mark["y"]), 12, taken, bold=True)
    outside = int(np.count_nonzero(~_inside(projection.points)))
    title = f"{title} · {outside:,} points farther out" if outside else title
    _frame(draw, one_line(title, most=max(20, size[0] // 7)), shown, width, height)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _to_pixel(points: NDArray[np.float32], width: int, height: int) -> Any:
    low, high = _body(points)
    span = np.where(high - low > 0, high - low, 1)
    left_edge, upper_edge = float(low[0]), float(high[1])
    room = np.array([width - 2 * _EDGE * _SCALE, height - (_HEAD + _FOOT + _EDGE) * _SCALE])
    scale = float((room / span).min())
    left = float(width - scale * span[0]) / 2
    top = _HEAD * _SCALE + float(room[1] - scale * span[1]) / 2
    return lambda x, y: (left + scale * (x - left_edge), top + scale * (upper_edge - y))


def _body(points: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The corners of what is drawn: all points, or their middle if a few stragglers would shrink it."""
    known = points[np.isfinite(points).all(axis=1)].astype(np.float64)
    if not len(known):
        return np.zeros(2), np.ones(2)
    lowest, highest = known.min(axis=0), known.max(axis=0)
    low, high = np.percentile(known, [2, 98], axis=0)
    spare = 0.12 * (high - low)
    low, high = np.maximum(lowest, low - spare), np.minimum(highest, high + spare)
    smaller = 0 < np.prod(high - low) < 0.7 * np.prod(highest - lowest)
    return (low, high) if smaller else (lowest, highest)


def _inside(points: NDArray[np.float32]) -> NDArray[np.bool_]:
    low, high = _body(points)
    return np.all((points >= low - 1e-6) & (points <= high + 1e-6), axis=1)


def _placed(points: NDArray[np.float32], width: int, height: int) -> NDArray[np.float64]:
    """row x 2 pixels; what is not drawn lies far away."""
    x, y = _to_pixel(points, width, height)(points[:, 0].astype(np.float64), points[:, 1].astype(np.float64))
    at = np.stack([x, y], axis=1)
    at[~_inside(points)] = -1e6
    return at


def _side(count: int) -> int:
    """Pixels of a point's square."""
    return 3 if count > 100_000 else 5 if count > 20_000 else 9 if count > 3000 else 13


def _splat(
    pixels: NDArray[np.float32],
    at: NDArray[np.float64],
    projection: Projection,
    shown: Colouring,
    rows: NDArray[np.int64],
    side: int,
    cover: float,
) -> None:
    """Mix every point's colour into its pixels; a later point lies on an earlier one.

    Pixel by pixel of the point's shape and not point by point, so a million points take seconds.
    """
    colours = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in shown.palette], np.float32)
    ink = colours[shown.codes[rows]]
    texts = projection.modality[rows] == 1
    height, width = pixels.shape[:2]
    half = side // 2
    for down in range(-half, half + 1):
        for right in range(-half, half + 1):
            disc = down * down + right * right <= (half + 0.3) ** 2
            diamond = abs(down) + abs(right) <= half
            take = np.where(texts, diamond, disc)
            col, row = (np.rint(at[rows, axis]).astype(np.int64) + by for axis, by in ((0, right), (1, down)))
            take &= (col >= 0) & (row >= 0) & (col < width) & (row < height)
            old = pixels[row[take], col[take]]
            pixels[row[take], col[take]] = old + cover * (ink[take] - old)


def _frame(draw: ImageDraw.ImageDraw, title: str, shown: Colouring, width: int, height: int) -> None:
    draw.text((_EDGE * _SCALE, 9 * _SCALE), title, fill=_INK, font=font_for(title, 13 * _SCALE))
    legend = shown.legend
    x, y = float(_EDGE * _SCALE), height - (_FOOT - 14) * _SCALE
    if legend["ramp"]:
        x = _ramp(draw, legend, x, y)
    for entry in legend["entries"][:_LEGEND]:
        text = one_line(f"{entry['text']} ({entry['count']:,})", most=30)
        font = font_for(text, 11 * _SCALE)
        wide = draw.textlength(text, font=font) + 26 * _SCALE
        if x + wide > width - _EDGE * _SCALE:
            x, y = float(_EDGE * _SCALE), y + 17 * _SCALE
        if y + 14 * _SCALE > height:
            return
        draw.ellipse((x, y + 2 * _SCALE, x + 10 * _SCALE, y + 12 * _SCALE), fill=entry["colour"])
        draw.text((x + 14 * _SCALE, y), text, fill=_INK, font=font)
        x += wide
    hidden = len(legend["entries"]) - _LEGEND
    if hidden > 0 and x < width - 90 * _SCALE:
        draw.text((x, y), f"and {hidden} more", fill=_SOFT, font=font_for("", 11 * _SCALE))


def _ramp(draw: ImageDraw.ImageDraw, legend: Mapping[str, Any], x: float, y: float) -> float:
    words = f"{legend['title']}: {legend['low']}"
    font = font_for(words, 11 * _SCALE)
    draw.text((x, y), words, fill=_INK, font=font)
    x += draw.textlength(words, font=font) + 6 * _SCALE
    steps = len(legend["ramp"])
    for place, colour in enumerate(legend["ramp"]):
        draw.rectangle(
            (x + place * 24 * _SCALE, y + 2 * _SCALE, x + (place + 1) * 24 * _SCALE, y + 12 * _SCALE),
            fill=colour,
        )
    x += (24 * steps + 6) * _SCALE
    draw.text((x, y), legend["high"], fill=_INK, font=font)
    return x + draw.textlength(legend["high"], font=font) + 18 * _SCALE


def _write(
    draw: ImageDraw.ImageDraw,
    text: str,
    at: tuple[float, float],
    size: int,
    taken: list[tuple[float, float, float, float]],
    *,
    bold: bool = False,
) -> None:
    """Words centred at a place, with a white rim; left out where others already stand."""
    font = font_for(text, size * _SCALE)
    wide = draw.textlength(text, font=font)
    box = (at[0] - wide / 2, at[1] - size * _SCALE / 2, at[0] + wide / 2, at[1] + size * _SCALE / 2)
    if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
        return
    taken.append(box)
    draw.text(
        box[:2],
        text,
        fill=_INK,
        font=font,
        stroke_width=3 * _SCALE if bold else 2 * _SCALE,
        stroke_fill="white",
    )
