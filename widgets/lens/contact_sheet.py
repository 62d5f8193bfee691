"""The lens as one picture, drawn without a browser: the picture, every head, the words, a colour scale."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from widgets.colours import DIVERGING, diverging, sequential
from widgets.snapshot import font_for

__all__ = ["Chip", "Scale", "Sheet", "over_picture", "painted"]

WIDE = 1600  # pixels of the sheet: twice what it takes on a page
_EDGE, _GAP = 32, 20
_TEXT, _SMALL = 26, 22  # pixels of letters
_INK, _SOFT, _LINE = "#1f2328", "#57606a", "#d0d7de"


@dataclass(frozen=True)
class Scale:
    """What has full colour, and whether values have a sign; a weight is placed by its square root."""

    limit: float
    signed: bool = False

    def share(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Values on the scale: 0 to 1, signed ones -1 to 1."""
        shares = np.nan_to_num(values) / self.limit if self.limit > 0 else np.zeros_like(values)
        return np.clip(shares, -1, 1) if self.signed else np.sqrt(np.clip(shares, 0, 1))


@dataclass(frozen=True)
class Chip:
    """A token with its number as it is written and its colour."""

    name: str
    said: str
    colour: tuple[int, int, int]


def painted(values: NDArray[np.floating[Any]], scale: Scale) -> NDArray[np.uint8]:
    """... x 3: opaque colours."""
    share = scale.share(values)
    return diverging(share) if scale.signed else sequential(share)


def over_picture(
    picture: NDArray[np.uint8] | None,
    values: NDArray[np.floating[Any]],
    scale: Scale,
    opacity: float,
    side: int,
) -> Image.Image:
    """row x col of patches over the picture in its colours: the more there is, the more opaque its patch.

    `side` is the width in pixels; without a picture the ground is grey.
    """
    shape = values.shape if picture is None else picture.shape[:2]
    size = (side, max(1, round(side * shape[0] / shape[1])))
    if picture is None:
        ground = Image.new("RGB", size, "#808080")
    else:
        small = picture.shape[1] <= 160  # of a tiny picture every pixel is seen
        how = Image.Resampling.NEAREST if small else Image.Resampling.BICUBIC
        ground = Image.fromarray(np.asarray(picture)).convert("RGB").resize(size, how)
    share = scale.share(values)
    ends = np.array([DIVERGING[0], DIVERGING[2]], np.uint8)
    colours = ends[(share >= 0).astype(int)] if scale.signed else sequential(share)
    alpha = np.round(255 * opacity * np.abs(share)).astype(np.uint8)
    veil = Image.fromarray(np.dstack([colours, alpha]), "RGBA").resize(size, Image.Resampling.NEAREST)
    ground.paste(veil, (0, 0), veil)
    return ground


def _font(text: str, size: int) -> Any:
    """One face for the whole sheet: that which has the typographic signs; another script brings its own."""
    return font_for(text if any(ord(sign) > 0x2FFF for sign in text) else "“", size)


class Sheet:
    """A page that grows downwards; what is put on it is never cut."""

    def __init__(self) -> None:
        self._image = Image.new("RGB", (WIDE, 6000), "white")
        self._draw = ImageDraw.Draw(self._image)
        self.y = _EDGE

    def text(
        self,
        words: str,
        *,
        x: int = _EDGE,
        width: int = WIDE - 2 * _EDGE,
        size: int = _TEXT,
        soft: bool = False,
    ) -> None:
        """A paragraph, broken where the line is full."""
        font = _font(words, size)
        for line in self._lines(words, font, width):
            self._room(size + 8)
            self._draw.text((x, self.y), line, fill=_SOFT if soft else _INK, font=font)
            self.y += size + 8

    def picture(self, picture: Image.Image, x: int = _EDGE) -> None:
        """A picture, left edge at `x`."""
        self._room(picture.height)
        self._image.paste(picture, (x, self.y))
        self.y += picture.height + _GAP // 2

    def scale(
        self, scale: Scale, low: str, high: str, *, opacity: float, x: int = _EDGE, width: int = 600
    ) -> None:
        """The colour scale with its ends, as it lies over white."""
        ramp = np.linspace(-1, 1, width) if scale.signed else np.linspace(0, 1, width) ** 2
        white, unit = np.full((1, width, 3), 255, np.uint8), Scale(1.0, scale.signed)
        strip = over_picture(white, ramp[None], unit, opacity, width).resize((width, 20))
        self._room(60)
        self._image.paste(strip, (x, self.y))
        self._draw.rectangle((x, self.y, x + width - 1, self.y + 19), outline=_LINE)
        self.y += 26
        font = _font(low + high, _SMALL)
        self._draw.text((x, self.y), low, fill=_SOFT, font=font)
        self._draw.text(
            (x + width - self._draw.textlength(high, font=font), self.y), high, fill=_SOFT, font=font
        )
        self.y += _SMALL + 12

    def heads(self, maps: Sequence[NDArray[np.uint8]], *, x: int, width: int, tall: int) -> None:
        """layer -> head x row x col x colour, numbered from 1; as large as the room allows."""
        layers, (heads, rows, cols) = len(maps), maps[0].shape[:3]
        left, top, gap = 40, 32, 6
        across = max(
            8, min((width - left) // heads - gap, round(((tall - top) / layers - gap) * cols / rows), 220)
        )
        down = max(8, round(across * rows / cols))
        font = _font("0", _SMALL)
        self._room(top + layers * (down + gap))
        for head in range(0, heads, max(1, -(-30 // (across + gap)))):
            middle = x + left + head * (across + gap) + across / 2
            self._draw.text((middle, self.y + 4), str(head + 1), fill=_SOFT, font=font, anchor="ma")
        every = max(1, -(-26 // (down + gap)))
        for layer, drawn in enumerate(maps):
            y = self.y + top + layer * (down + gap)
            if layer % every == 0:
                self._draw.text(
                    (x + left - 12, y + down / 2), str(layer + 1), fill=_SOFT, font=font, anchor="rm"
                )
            for head in range(heads):
                small = Image.fromarray(drawn[head]).resize((across, down), Image.Resampling.NEAREST)
                self._image.paste(small, (x + left + head * (across + gap), y))
        self.y += top + layers * (down + gap) + _GAP // 2

    def chips(self, chips: Sequence[Chip], *, x: int = _EDGE, width: int = WIDE - 2 * _EDGE) -> None:
        """Tokens side by side, each with its colour and its number."""
        at, tall = x, 92
        for chip in chips:
            name_font, font = _font(chip.name, _TEXT), _font(chip.said, _SMALL)
            wide = round(
                max(
                    96,
                    *(
                        self._draw.textlength(words, font=one)
                        for words, one in ((chip.name, name_font), (chip.said, font))
                    ),
                )
                + 20
            )
            if at > x and at + wide > x + width:
                at, self.y = x, self.y + tall + 8
            self._room(tall)
            self._draw.rectangle((at, self.y, at + wide, self.y + tall), outline=_LINE)
            self._draw.text((at + 10, self.y + 6), chip.name, fill=_INK, font=name_font)
            self._draw.rectangle(
                (at + 10, self.y + 42, at + wide - 10, self.y + 54), fill=chip.colour, outline=_LINE
            )
            self._draw.text((at + 10, self.y + 60), chip.said, fill=_SOFT, font=font)
            at += wide + 8
        self.y += tall + _GAP

    def png(self) -> bytes:
        """The page, as long as what is on it."""
        out = io.BytesIO()
        self._image.crop((0, 0, WIDE, self.y + _EDGE)).save(out, "PNG", optimize=True)
        return out.getvalue()

    def _lines(self, words: str, font: Any, width: int) -> list[str]:
        """Broken between words; a word longer than a line, or a script without spaces, between letters."""
        lines, line = [], ""
        for word in words.split(" "):
            longer = f"{line} {word}" if line else word
            if self._draw.textlength(longer, font=font) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            line = word
            while self._draw.textlength(line, font=font) > width:
                fits = next(
                    k
                    for k in range(len(line), 0, -1)
                    if k == 1 or self._draw.textlength(line[:k], font=font) <= width
                )
                lines.append(line[:fits])
                line = line[fits:]
        return [*lines, line] if line else lines

    def _room(self, tall: int) -> None:
        if self.y + tall + _EDGE < self._image.height:
            return
        longer = Image.new("RGB", (WIDE, self.y + tall + 4000), "white")
        longer.paste(self._image, (0, 0))
        self._image, self._draw = longer, ImageDraw.Draw(longer)
