"""The map as a picture for print: points, the names of their labels, a legend, and what drew it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from widgets.atlas.colour import Colouring
from widgets.snapshot import font_for
from workbench.formatting import one_line

__all__ = ["Dots", "draw_map"]

_SCALE = 2  # pixels of the file for each pixel asked for: sharp in print
_EDGE, _HEAD, _FOOT = 16, 34, 54
_LEGEND = 10  # entries
_INK, _SOFT = "#1f2328", "#57606a"
_RIM = "#1f2328"


class Dots(NamedTuple):
    """What is drawn: where (row x 2), whether it is a picture (0) or a text (1), and its colour's number."""

    points: NDArray[np.float32]
    modality: NDArray[np.uint8]
    codes: NDArray[np.uint8]


def draw_map(
    dots: Dots,
    shown: Colouring,
    *,
    title: str,
    size: tuple[int, int],
    landmarks: Sequence[Mapping[str, Any]] = (),
    placed: Sequence[tuple[str, tuple[float, float]]] = (),
    chosen: NDArray[np.bool_] | None = None,
    hidden: NDArray[np.bool_] | None = None,
    camera: Sequence[float] = (),
) -> bytes:
    """A PNG of `size` x 2. Pictures are discs, texts diamonds; what is not `chosen` is pale.

    Rows that are `hidden` are left out. `camera` is the middle and the zoom of the part that is drawn.
    """
    width, height = size[0] * _SCALE, size[1] * _SCALE
    to_pixel = _to_pixel(dots.points, width, height, camera)
    at = _placed(dots.points, to_pixel, whole=not camera)
    if hidden is not None:
        at[hidden] = -1e6
    pale = chosen is not None and bool(chosen.any())
    lit = chosen if pale and chosen is not None else np.ones(len(at), bool)
    pixels = np.full((height, width, 3), 255, np.float32)
    side = _side(len(at))
    bottom = height - _FOOT * _SCALE
    at[(at[:, 1] < _HEAD * _SCALE) | (at[:, 1] > bottom - side)] = -1e6
    for strong in (False, True):
        rows = np.flatnonzero(lit == strong)
        if shown.legend["ramp"] and strong:  # a rim, so that the brightest stand out from paper
            _splat(pixels, at, dots, _RIM, rows, side + 2, 0.3)
        _splat(pixels, at, dots, shown, rows, side, 0.75 if strong else 0.18)
    picture = Image.fromarray(pixels.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    taken: list[tuple[float, float, float, float]] = []
    for text, point in placed:
        x, y = to_pixel(*point)
        draw.regular_polygon((x, y, 9 * _SCALE), 3, fill=_INK, outline="white")
        _write(
            draw, one_line(text, most=40), (x, y - 18 * _SCALE), 12, taken, bold=True, within=(width, bottom)
        )
    for mark in landmarks:
        x, y = to_pixel(mark["x"], mark["y"])
        if 0 < x < width and _HEAD * _SCALE < y < bottom:
            _write(draw, mark["text"], (x, y), 12, taken, bold=True, within=(width, bottom))
    outside = int(np.count_nonzero(at[:, 0] < 0))
    title = f"{title} · {outside:,} outside this view" if outside else title
    _frame(draw, title, shown, dots, width, height)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _to_pixel(points: NDArray[np.float32], width: int, height: int, camera: Sequence[float]) -> Any:
    low, high = _body(points)
    span = np.where(high - low > 0, high - low, 1)
    room = np.array([width - 2 * _EDGE * _SCALE, height - (_HEAD + _FOOT + _EDGE) * _SCALE])
    x_middle, y_middle = (float(part) for part in (low + high) / 2)
    zoom = 1.0
    if camera:
        x_middle, y_middle, zoom = camera
    scale = zoom * float((room / span).min())
    left, top = width / 2, _HEAD * _SCALE + float(room[1]) / 2
    return lambda x, y: (left + scale * (x - x_middle), top + scale * (y_middle - y))


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


def _placed(points: NDArray[np.float32], to_pixel: Any, *, whole: bool) -> NDArray[np.float64]:
    """row x 2 pixels; what is not drawn lies far away."""
    x, y = to_pixel(points[:, 0].astype(np.float64), points[:, 1].astype(np.float64))
    at = np.stack([x, y], axis=1)
    at[~(_inside(points) if whole else np.isfinite(points).all(axis=1))] = -1e6
    return at


def _side(count: int) -> int:
    """Pixels of a point's square."""
    return 3 if count > 100_000 else 5 if count > 20_000 else 9 if count > 3000 else 13


def _splat(
    pixels: NDArray[np.float32],
    at: NDArray[np.float64],
    dots: Dots,
    shown: Colouring | str,
    rows: NDArray[np.int64],
    side: int,
    cover: float,
) -> None:
    """Mix every point's colour into its pixels; a later point lies on an earlier one.

    Pixel by pixel of the point's shape and not point by point, so a million points take seconds.
    """
    palette = [shown] if isinstance(shown, str) else shown.palette
    colours = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in palette], np.float32)
    ink = colours[np.zeros(len(rows), np.uint8) if isinstance(shown, str) else dots.codes[rows]]
    texts = dots.modality[rows] == 1
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


def _frame(
    draw: ImageDraw.ImageDraw, title: str, shown: Colouring, dots: Dots, width: int, height: int
) -> None:
    font = font_for(title, 13 * _SCALE)
    room = width - 2 * _EDGE * _SCALE
    while draw.textlength(title, font=font) > room and len(title) > 1:
        title = title[:-2].rstrip() + "…"
    draw.text((_EDGE * _SCALE, 9 * _SCALE), title, fill=_INK, font=font)
    legend = shown.legend
    x, y = float(_EDGE * _SCALE), height - (_FOOT - 14) * _SCALE
    x = _kinds(draw, dots, x, y)
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


def _kinds(draw: ImageDraw.ImageDraw, dots: Dots, x: float, y: float) -> float:
    """Which shape is which kind, where both are on the map."""
    if len(np.unique(dots.modality)) < 2:
        return x
    font = font_for("", 11 * _SCALE)
    for text, shape in (("picture", "disc"), ("text", "diamond")):
        middle = (x + 5 * _SCALE, y + 7 * _SCALE)
        if shape == "disc":
            draw.ellipse((x + _SCALE, y + 3 * _SCALE, x + 9 * _SCALE, y + 11 * _SCALE), fill=_SOFT)
        else:
            draw.regular_polygon((middle, 5 * _SCALE), 4, rotation=45, fill=_SOFT)
        draw.text((x + 13 * _SCALE, y), text, fill=_SOFT, font=font)
        x += draw.textlength(text, font=font) + 25 * _SCALE
    return x


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
    within: tuple[float, float],
) -> None:
    """Words centred at a place, with a white rim; moved inside the figure, left out where others stand."""
    font = font_for(text, size * _SCALE)
    wide, edge = draw.textlength(text, font=font), 6 * _SCALE
    left = max(edge, min(at[0] - wide / 2, within[0] - wide - edge))
    top = max(_HEAD * _SCALE, min(at[1] - size * _SCALE / 2, within[1] - size * _SCALE - edge))
    box = (left, top, left + wide, top + size * _SCALE)
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
