"""The answer lens as a static page and picture, with a table of the words, all numbers, and their source."""

from __future__ import annotations

import base64
import io
import textwrap
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from widgets.answer.answer_view import LOST, PARTS, bits_view, word_texts
from widgets.answer.reading import Shown, picture_of, row_words, shown_map
from widgets.colours import DIVERGING, NAMED
from widgets.format import number, percent
from widgets.snapshot import Snapshot, font_for
from widgets.wire import as_bytes
from workbench.formatting import html_table, one_line, plural

__all__ = ["lens_snapshot"]

_SIDE = 320  # pixels of the picture
_WIDE, _EDGE = 960, 20
_INK, _SOFT, _LINE = "#1f2328", "#57606a", "#d0d7de"
_HEADER = ("word", "probability", "bits lost", "interval", "instead")
_MOST_INSTEAD = 3


def lens_snapshot(shown: Shown, *, code: str) -> Snapshot:
    """The picture with its map, the answer with its bars, and a row of numbers for each word."""
    answer = shown.answer
    title = f"“{one_line(answer.text, most=200)}”"
    rows = [_row(shown, number) for number in range(len(answer.words))]
    notes = [note for note in _notes(shown) if note]
    return Snapshot(
        title,
        _page(shown, title, rows, notes),
        _sheet(shown, title, notes),
        _arrays(shown),
        answer.provenance.to_dict() | {"code": code},
        [_HEADER, *rows],
    )


def _notes(shown: Shown) -> list[str]:
    answer = shown.answer
    asked = f"Asked: “{one_line(answer.prompt, most=200)}”. " if answer.prompt else ""
    layer = "mean of all layers" if shown.layer is None else f"layer {shown.layer + 1}"
    where = "" if shown_map(shown) is None else f"Map: {shown.map}, {layer}. {row_words(shown)}"
    bits = bits_view(shown.reliance, len(answer))
    bars = (
        f"Bars: bits that a word loses {LOST[bits['parts'][shown.part_at]]}, mean of "
        f"{plural(bits['count'][shown.part_at], 'exchange')}."
        if bits
        else "Bars: log-probability of each word, full where it was certain."
    )
    return [
        f"{asked}Model {answer.provenance.model or 'not named'}, {answer.how}, {answer.ended}.",
        bars, where, *answer.notes, answer.credit,
    ]  # fmt: skip


def _row(shown: Shown, word: int) -> tuple[object, ...]:
    answer = shown.answer
    start, stop = answer.words[word]
    bits = bits_view(shown.reliance, len(answer))
    lost = interval = ""
    if bits:
        lost = number(_sum(bits["bits"][shown.part_at][start:stop]))
        low, high = (_sum(bits[name][shown.part_at][start:stop]) for name in ("low", "high"))
        interval = f"{number(low)} to {number(high)}"
    others = [
        f"{piece.strip() or '(mark)'} {percent(float(np.exp(logp)))}"
        for token, piece, logp in zip(
            answer.alternatives[start],
            answer.alternative_pieces[start],
            answer.alternative_logp[start],
            strict=True,
        )
        if token >= 0 and token != answer.tokens[start] and np.isfinite(logp)
    ]
    probability = percent(float(np.exp(answer.logp[start:stop].sum())))
    return (word_texts(answer)[word], probability, lost, interval, ", ".join(others[:_MOST_INSTEAD]))


def _sum(values: list[float | None]) -> float:
    return float("nan") if any(value is None for value in values) else float(sum(v for v in values if v))


def _bar(shown: Shown, word: int) -> float:
    """0 to 1: how long the bar over a word is."""
    start, stop = shown.answer.words[word]
    bits = bits_view(shown.reliance, len(shown.answer))
    if bits is None:
        return float(np.exp(shown.answer.logp[start:stop].sum()))
    all_bits = [_sum(bits["bits"][shown.part_at][one:end]) for one, end in shown.answer.words]
    most = max((abs(value) for value in all_bits if np.isfinite(value)), default=0.0)
    value = all_bits[word]
    return abs(value) / most if most > 0 and np.isfinite(value) else 0.0


def _overlay(shown: Shown) -> Image.Image | None:
    """The picture with the map over it, orange for more, blue for less."""
    seen = picture_of(shown)
    if seen is None:
        return None
    picture = Image.fromarray(seen).convert("RGB")
    tall = max(1, round(_SIDE * picture.height / picture.width))
    way = Image.Resampling.NEAREST if picture.width <= 160 else Image.Resampling.BICUBIC
    ground = picture.resize((_SIDE, tall), way)
    values = shown_map(shown)
    if values is None:
        return ground
    top = float(np.abs(values).max())
    share = values / top if top > 0 else values
    down = np.arange(tall) * values.shape[0] // tall
    across = np.arange(_SIDE) * values.shape[1] // _SIDE
    spread = share[down[:, None], across[None]][..., None]
    tint = np.where(spread >= 0, np.array(DIVERGING[2], float), np.array(DIVERGING[0], float))
    strength = shown.opacity * np.abs(spread)
    grey = np.asarray(ground.convert("L").convert("RGB"), float)
    return Image.fromarray((grey * (1 - strength) + tint * strength).round().astype(np.uint8))


def _sheet(shown: Shown, title: str, notes: list[str]) -> bytes:
    """A PNG: the picture left, words with their bars right, the bands below, notes under all."""
    picture = _overlay(shown)
    image = Image.new("RGB", (_WIDE, 2400), "white")
    draw = ImageDraw.Draw(image)
    y = _EDGE
    for line in textwrap.wrap(title, 90):
        draw.text((_EDGE, y), line, fill=_INK, font=font_for(line, 18))
        y += 26
    left = _EDGE
    below = y
    if picture is not None:
        image.paste(picture, (_EDGE, y + 6))
        below, left = y + picture.height + 12, _EDGE + _SIDE + 24
    y = max(below, _bands(shown, draw, left, _chips(shown, draw, left, y + 6) + 12)) + 12
    for note in notes:
        for line in textwrap.wrap(note, 118):
            draw.text((_EDGE, y), line, fill=_SOFT, font=font_for(line, 13))
            y += 19
    out = io.BytesIO()
    image.crop((0, 0, _WIDE, min(image.height, y + _EDGE))).save(out, "PNG", optimize=True)
    return out.getvalue()


def _chips(shown: Shown, draw: ImageDraw.ImageDraw, left: int, top: int) -> int:
    x, y = left, top
    chosen = set(shown.selected)
    for word, text in enumerate(word_texts(shown.answer)):
        font = font_for(text, 15)
        wide = round(draw.textlength(text, font=font)) + 14
        if x + wide > _WIDE - _EDGE and x > left:
            x, y = left, y + 42
        held = chosen & set(range(*shown.answer.words[word]))
        draw.rectangle((x, y, x + wide, y + 34), outline=_INK if held else _LINE, width=2 if held else 1)
        length = round((wide - 8) * min(1.0, _bar(shown, word)))
        draw.rectangle((x + 4, y + 5, x + 4 + length, y + 9), fill=NAMED[0])
        draw.text((x + 7, y + 12), text, fill=_INK, font=font)
        x += wide + 6
    return y + 42


def _bands(shown: Shown, draw: ImageDraw.ImageDraw, left: int, top: int) -> int:
    """Where the selected word's attention falls, layer by layer."""
    if shown.attention is None:
        return top
    shares = np.asarray(shown.attention.shares, float)[:, list(shown.selected)].mean(axis=1)
    wide, y, tall = _WIDE - _EDGE - left - 70, top + 22, max(4, min(16, 260 // len(shares)))
    x = left
    for part, name in enumerate(PARTS):
        draw.rectangle((x, top + 3, x + 10, top + 13), fill=_COLOURS[part])
        draw.text((x + 14, top), name, fill=_SOFT, font=font_for(name, 13))
        x += 100
    for layer, row in enumerate(shares):
        x = left + 70
        draw.text(
            (left, y - 2), f"layer {layer + 1}", fill=_SOFT, font=font_for("", 12)
        ) if tall > 11 else None
        for part, share in enumerate(row):
            draw.rectangle((x, y, x + round(wide * share), y + tall - 2), fill=_COLOURS[part])
            x += round(wide * share)
        y += tall
    return y


_COLOURS = (NAMED[1], NAMED[0], NAMED[2], "#8a919c")


def _page(shown: Shown, title: str, rows: list[tuple[object, ...]], notes: list[str]) -> str:
    """A fragment without scripts; every text of a user is escaped."""
    picture = _overlay(shown)
    figure = ""
    if picture is not None:
        data = base64.b64encode(as_bytes(picture)).decode()
        figure = (
            f"<img alt='{escape(row_words(shown), quote=True)}' style='max-width:{_SIDE}px' "
            f"src='data:image/webp;base64,{data}'>"
        )
    return (
        f"<p><b>{escape(title)}</b></p>{figure}"
        + html_table("Every word in numbers", _HEADER, rows)
        + "".join(f"<p><small>{escape(note)}</small></p>" for note in notes)
    )


def _arrays(shown: Shown) -> dict[str, NDArray[Any]]:
    answer = shown.answer
    arrays: dict[str, NDArray[Any]] = {
        "tokens": answer.tokens, "logp": answer.logp, "entropy": answer.entropy, "rank": answer.rank,
        "alternatives": answer.alternatives, "alternative_logp": answer.alternative_logp,
        "selected": np.array(shown.selected),
    }  # fmt: skip
    if shown.attention is not None:
        arrays |= {"attention.shares": np.asarray(shown.attention.shares)}
        arrays |= {"attention.maps": np.asarray(shown.attention.maps)}
    if shown.reliance is not None:
        arrays |= {
            f"reliance.{name}": np.asarray(getattr(shown.reliance, name)) for name in ("bits", "low", "high")
        }
    for (method, step), found in shown.heatmaps.items():
        arrays[f"{method}.{step}"] = np.asarray(found.image)
    return arrays
