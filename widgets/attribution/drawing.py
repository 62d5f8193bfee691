"""Maps as pictures, drawn without a browser, and several of them on one sheet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from widgets.attribution.heatmap_view import Choices
from widgets.colours import DIVERGING
from widgets.format import signed
from widgets.snapshot import font_for
from workbench.attribution import Heatmap

__all__ = ["SIDE", "Card", "Chip", "overlay", "plain", "sheet", "word_picture"]

SIDE = 320  # pixels of a map
_AGAINST, _FOR = (np.array(DIVERGING[end], float) for end in (0, 2))
_COLUMNS, _EDGE, _GAP = 3, 20, 18
_WIDE = _COLUMNS * SIDE + (_COLUMNS - 1) * _GAP + 2 * _EDGE
_INK, _SOFT, _LINE = "#1f2328", "#57606a", "#d0d7de"


@dataclass(frozen=True)
class Card:
    """A picture with its title and the lines under it."""

    title: str
    picture: Image.Image
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chip:
    """A token, its value (None if it has none) and whether it was chosen."""

    text: str
    value: float | None
    chosen: bool = False


def plain(picture: NDArray[np.uint8]) -> Image.Image:
    """The picture as the model sees it, at the size of the maps; of a small one every pixel is seen."""
    image = Image.fromarray(np.asarray(picture)).convert("RGB")
    return image.resize((SIDE, max(1, round(SIDE * image.height / image.width))), _way(image))


def overlay(heatmap: Heatmap, limit: float, choices: Choices) -> Image.Image:
    """The picture with its map laid over it: orange speaks for the target, blue against it."""
    assert heatmap.image is not None
    rows, cols = heatmap.image.shape
    if heatmap.picture is not None:
        ground = plain(heatmap.picture)
        ground = ground.convert("L").convert("RGB") if choices.ground == "grey" else ground
    else:
        ground = Image.new("RGB", (SIDE, max(1, round(SIDE * rows / cols))), (235, 235, 235))
    share = _share(heatmap.image, limit)
    down, across = _cells(ground.height, rows), _cells(ground.width, cols)
    strength = choices.opacity * np.abs(share)[down[:, None], across[None]][..., None]
    tint = np.where(share[..., None] >= 0, _FOR, _AGAINST)[down[:, None], across[None]]
    mixed = np.asarray(ground, float) * (1 - strength) + tint * strength
    drawn = Image.fromarray(mixed.round().astype(np.uint8))
    for patch in choices.patches:
        _frame(drawn, patch, rows, cols)
    return drawn


def word_picture(heatmap: Heatmap, limit: float, choices: Choices) -> Image.Image:
    """A map without a picture: its words under one another, each on its colour, with its value."""
    assert heatmap.text is not None
    line = 20
    picture = Image.new("RGB", (SIDE, line * len(heatmap.tokens) + 8), "white")
    draw = ImageDraw.Draw(picture)
    for place, (token, value) in enumerate(zip(heatmap.tokens, heatmap.text, strict=True)):
        top = 4 + line * place
        draw.rectangle((4, top, SIDE - 4, top + line - 3), fill=_colour(float(value), limit, choices.opacity))
        said = signed(float(value))
        font = _font(token, 13)
        draw.text((SIDE - 10, top + 1), said, fill="black", font=font, anchor="ra")
        shown = next(_lines(draw, token, font, SIDE - 30 - draw.textlength(said, font=font)), "")
        draw.text((10, top + 1), shown, fill="black", font=font)
    return picture


def sheet(
    title: str, chips: Sequence[Chip], about_words: str, cards: Sequence[Card], notes: Sequence[str]
) -> bytes:
    """A PNG: the title whole, the words on their colours, the maps, a colour scale, and notes."""
    page = _Page()
    page.text(title, size=20)
    page.chips(chips, about_words)
    for start in range(0, len(cards), _COLUMNS):
        page.row(cards[start : start + _COLUMNS])
    page.scale()
    for note in notes:
        page.text(note, size=14, soft=True)
    return page.png()


class _Page:
    """A page that grows downwards; what is put on it is never cut."""

    def __init__(self) -> None:
        self._image = Image.new("RGB", (_WIDE, 2000), "white")
        self._draw = ImageDraw.Draw(self._image)
        self._y = _EDGE

    def text(
        self, words: str, *, x: int = _EDGE, width: int = _WIDE - 2 * _EDGE, size: int, soft: bool = False
    ) -> None:
        font = _font(words, size)
        for line in _lines(self._draw, words, font, width):
            self._room(size + 6)
            self._draw.text((x, self._y), line, fill=_SOFT if soft else _INK, font=font)
            self._y += size + 6

    def chips(self, chips: Sequence[Chip], about: str) -> None:
        limit = max((abs(chip.value) for chip in chips if chip.value is not None), default=0.0)
        x, tall, size = _EDGE, 28, 15
        for chip in chips:
            font = _font(chip.text, size)
            wide = round(self._draw.textlength(chip.text, font=font)) + 16
            if x + wide > _WIDE - _EDGE and x > _EDGE:
                x, self._y = _EDGE, self._y + tall + 6
            self._room(tall)
            fill = "white" if chip.value is None else _colour(chip.value, limit, 0.7)
            edge = (_INK, 3) if chip.chosen else (_LINE, 1)
            box = (x, self._y, x + wide, self._y + tall)
            self._draw.rectangle(box, fill=fill, outline=edge[0], width=edge[1])
            self._draw.text((x + 8, self._y + 5), chip.text, fill=_INK, font=font)
            x += wide + 6
        self._y += tall + 6 if chips else 0
        if about:
            self.text(about, size=13, soft=True)
        self._y += _GAP // 2

    def row(self, cards: Sequence[Card]) -> None:
        """Cards side by side; the next row begins below the longest."""
        titled = below = self._y
        for place, card in enumerate(cards):
            self._y = below
            self.text(card.title, x=_left(place), width=SIDE, size=16)
            titled = max(titled, self._y)
        ends = []
        for place, card in enumerate(cards):
            self._y = titled
            self._room(card.picture.height)
            self._image.paste(card.picture, (_left(place), self._y))
            self._y += card.picture.height + 6
            for line in card.lines:
                self.text(line, x=_left(place), width=SIDE, size=13, soft=True)
            ends.append(self._y)
        self._y = max(ends) + _GAP

    def scale(self, width: int = 360) -> None:
        """The colour scale, over white as over a picture: nothing at 0."""
        self._room(50)
        for at in range(width):
            fill = _colour(2 * at / (width - 1) - 1, 1.0, 1.0)
            self._draw.line((_EDGE + at, self._y, _EDGE + at, self._y + 16), fill=fill)
        self._draw.rectangle((_EDGE, self._y, _EDGE + width - 1, self._y + 16), outline=_LINE)
        font = _font("", 13)
        for at, said, anchor in ((0, "against", "la"), (width // 2, "0", "ma"), (width, "for", "ra")):
            self._draw.text((_EDGE + at, self._y + 20), said, fill=_SOFT, font=font, anchor=anchor)
        self._y += 48

    def png(self) -> bytes:
        out = io.BytesIO()
        self._image.crop((0, 0, _WIDE, self._y + _EDGE)).save(out, "PNG", optimize=True)
        return out.getvalue()

    def _room(self, tall: int) -> None:
        if self._y + tall + _EDGE < self._image.height:
            return
        longer = Image.new("RGB", (_WIDE, self._y + tall + 2000), "white")
        longer.paste(self._image, (0, 0))
        self._image, self._draw = longer, ImageDraw.Draw(longer)


def _font(words: str, size: int) -> Any:
    """One face for a whole sheet, with a minus sign; another only for scripts that need one."""
    return font_for(f"−{words}", size)


def _left(place: int) -> int:
    return _EDGE + place * (SIDE + _GAP)


def _lines(draw: ImageDraw.ImageDraw, words: str, font: Any, width: float) -> Any:
    """Broken between words; a word longer than a line, or a script without spaces, between letters."""
    line = ""
    for word in words.split():
        longer = f"{line} {word}" if line else word
        if draw.textlength(longer, font=font) <= width:
            line = longer
            continue
        if line:
            yield line
        line = ""
        for letter in word:
            if line and draw.textlength(line + letter, font=font) > width:
                yield line
                line = ""
            line += letter
    if line:
        yield line


def _share(values: NDArray[np.floating[Any]], limit: float) -> NDArray[np.float64]:
    return np.clip(values / limit, -1, 1) if limit > 0 else np.zeros(np.shape(values))


def _colour(value: float, limit: float, opacity: float) -> tuple[int, ...]:
    """Over white."""
    part = opacity * min(1.0, abs(value) / limit) if limit > 0 else 0.0
    mixed = 255 * (1 - part) + (_FOR if value >= 0 else _AGAINST) * part
    return tuple(int(channel) for channel in mixed)


def _cells(pixels: int, cells: int) -> NDArray[np.int_]:
    """pixel: the cell it belongs to."""
    return np.arange(pixels) * cells // pixels


def _frame(drawn: Image.Image, patch: int, rows: int, cols: int) -> None:
    """Black within white: seen on every ground."""
    if patch >= rows * cols:
        return
    row, col = divmod(patch, cols)
    tall, wide = drawn.height / rows, drawn.width / cols
    box = (round(col * wide), round(row * tall), round((col + 1) * wide) - 1, round((row + 1) * tall) - 1)
    draw = ImageDraw.Draw(drawn)
    draw.rectangle(box, outline="white", width=4)
    draw.rectangle(box, outline="black", width=2)


def _way(image: Image.Image) -> Image.Resampling:
    return Image.Resampling.NEAREST if image.width <= 160 else Image.Resampling.BICUBIC
