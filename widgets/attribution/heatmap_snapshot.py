"""The attribution board as a static page and picture, with a table, all values, and where they come from."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from widgets.attribution.drawing import SIDE, Card, Chip, overlay, plain, sheet, word_picture
from widgets.attribution.heatmap_view import (
    Choices,
    described,
    in_order,
    passes,
    peak,
    shown_maps,
    shown_words,
)
from widgets.colours import DIVERGING
from widgets.format import decimal, number
from widgets.snapshot import Snapshot
from widgets.wire import as_bytes
from workbench.attribution import Faithfulness, Heatmap, Measure
from workbench.formatting import html_table

__all__ = ["board_snapshot", "range_words", "score_words", "verdict"]

_HEADER = ("map", "kind", "lowest", "highest", "cost")
_SCORE = ("", " random", " random spread", " centre")


def board_snapshot(
    maps: Sequence[Heatmap], scores: Mapping[str, Faithfulness], choices: Choices, *, code: str
) -> Snapshot:
    """Every map at a readable size as it stands on the screen, its range, and its scores beside random."""
    first, shown = maps[0], shown_maps(maps, choices)
    title = f"{described(first.target)} = {decimal(first.score)}, explained to {first.provenance.model}"
    limit = peak(shown) if choices.scale == "shared" else None
    cards = [] if first.picture is None else [Card("What the model sees", plain(first.picture))]
    for heatmap in shown:
        top = peak([heatmap]) if limit is None else limit
        picture = (word_picture if heatmap.image is None else overlay)(heatmap, top, choices)
        cards.append(Card(heatmap.title, picture, tuple(_lines(heatmap, top, scores.get(heatmap.method)))))
    words = shown_words(maps, choices)
    chips, about = _chips(words, choices), _about_words(words)
    notes = [note for note in _notes(maps, scores, choices) if note]
    table = _table(maps, scores)
    return Snapshot(
        title,
        _page(title, chips, about, cards, notes, table),
        sheet(title, chips, about, cards, notes),
        _arrays(maps),
        {
            "maps": [heatmap.provenance.to_dict() for heatmap in maps],
            "scores": {name: _plain(found) for name, found in scores.items()},
            "settings": asdict(choices),
            "code": code,
        },
        table,
    )


def range_words(heatmap: Heatmap, limit: float) -> str:
    """`non-negative, 0 to 0.0131; colour scale max 0.0131`: what a map's numbers mean."""
    low, high = heatmap.limits
    if heatmap.flat:
        return f"flat: every {'word' if heatmap.image is None else 'patch'} {number(high)}"
    kind = "signed" if heatmap.signed else "non-negative"
    return f"{kind}, {number(low)} to {number(high)}; colour scale max {number(limit)}"


def score_words(measure: Measure) -> str:
    """`deletion 0.241 (lower is better) ✓; random 0.341 ± 0.032, centre 0.198`."""
    mark = " ✓" if measure.beats_random else ""
    spread = f" ± {decimal(measure.spread)}" if measure.spread else ""
    return (
        f"{measure.name} {decimal(measure.value)} ({measure.better} is better){mark}; "
        f"random {decimal(measure.random)}{spread}, centre {decimal(measure.centre)}"
    )


def verdict(scored: Faithfulness) -> str:
    """What the scores say of a map beside random ones."""
    better = [measure.name for measure in scored.measures.values() if measure.beats_random]
    if not better:
        return "Not distinguishable from random maps."
    if len(better) == len(scored.measures):
        return "Better than random maps in every score."
    return f"Better than random maps in {' and '.join(better)} only."


def _lines(heatmap: Heatmap, limit: float, scored: Faithfulness | None) -> list[str]:
    lines = [range_words(heatmap, limit), passes(heatmap.cost), *heatmap.notes]
    if scored is not None:
        lines += [score_words(measure) for measure in scored.measures.values()]
        lines += [verdict(scored)] if scored.measures else []
        lines += [f"{name} not taken: {why}" for name, why in scored.skipped.items()]
    return lines


def _chips(heatmap: Heatmap, choices: Choices) -> list[Chip]:
    if heatmap.image is None:
        return []  # its card holds them
    values = [None] * len(heatmap.tokens) if heatmap.text is None else [float(one) for one in heatmap.text]
    return [
        Chip(token, value, place in choices.words)
        for place, (token, value) in enumerate(zip(heatmap.tokens, values, strict=True))
    ]


def _about_words(heatmap: Heatmap) -> str:
    if heatmap.text is None or heatmap.image is None:
        return ""
    part = next((f", {note}" for note in heatmap.notes if note.startswith("the part of")), "")
    return f"Words by {heatmap.title}{part}."


def _notes(maps: Sequence[Heatmap], scores: Mapping[str, Faithfulness], choices: Choices) -> list[str]:
    first = maps[0]
    scale = "one colour scale for all maps" if choices.scale == "shared" else "each map on its own scale"
    protocol = next((str(found.protocol) for found in scores.values()), "")
    weights = f" (weights {first.provenance.weights[:12]})" if first.provenance.weights else ""
    return [
        f"Orange speaks for it, blue against it, no colour is 0; {scale}. "
        f"Opacity {choices.opacity:.0%}, picture in {choices.ground}.",
        f"Model {first.provenance.model}{weights}, seed {first.provenance.seed or 0}.",
        f"Faithfulness: {protocol}. A difference within the spread of the random maps says nothing."
        if protocol
        else "",
        first.credit,
    ]


def _table(maps: Sequence[Heatmap], scores: Mapping[str, Faithfulness]) -> list[tuple[object, ...]]:
    """A map a row, raw numbers: the CSV."""
    names = list(dict.fromkeys(name for found in scores.values() for name in found.measures))
    header = ("method", *_HEADER, *(f"{name}{part}" for name in names for part in _SCORE))
    rows: list[tuple[object, ...]] = [header]
    for heatmap in in_order(maps):
        measures = scores[heatmap.method].measures if heatmap.method in scores else {}
        found: list[object] = []
        for name in names:
            measure = measures.get(name)
            values = (
                () if measure is None else (measure.value, measure.random, measure.spread, measure.centre)
            )
            found += [float(f"{value:.6g}") for value in values] or [""] * len(_SCORE)
        kind = "flat" if heatmap.flat else "signed" if heatmap.signed else "non-negative"
        limits = (float(f"{value:.6g}") for value in heatmap.limits)
        rows.append((heatmap.method, heatmap.title, kind, *limits, passes(heatmap.cost), *found))
    return rows


def _page(
    title: str,
    chips: Sequence[Chip],
    about: str,
    cards: Sequence[Card],
    notes: Sequence[str],
    table: Sequence[Sequence[object]],
) -> str:
    """A fragment without scripts; every text of a user is escaped."""
    words = " ".join(f"<mark style='{_style(chip, chips)}'>{escape(chip.text)}</mark>" for chip in chips)
    figures = "".join(
        f"<figure style='margin:0;max-width:{SIDE}px'><figcaption><b>{escape(card.title)}</b></figcaption>"
        f"<img alt='{escape(card.title)}' style='width:100%' src='{_source(card.picture)}'>"
        + "".join(f"<small style='display:block'>{escape(line)}</small>" for line in card.lines)
        + "</figure>"
        for card in cards
    )
    rows = [[number(cell) if isinstance(cell, float) else cell for cell in row[1:]] for row in table[1:]]
    return (
        f"<p><b>{escape(title)}</b></p><p style='line-height:2'>{words}</p>"
        f"<p><small>{escape(about)}</small></p>"
        f"<div style='display:grid;grid-template-columns:repeat(auto-fill,minmax({SIDE}px,1fr));gap:16px'>"
        f"{figures}</div>"
        + html_table("Every map in numbers", [str(cell) for cell in table[0][1:]], rows)
        + "".join(f"<p><small>{escape(note)}</small></p>" for note in notes)
    )


def _style(chip: Chip, chips: Sequence[Chip]) -> str:
    limit = max((abs(one.value) for one in chips if one.value is not None), default=0.0)
    share = 0.0 if chip.value is None or limit == 0 else 0.6 * abs(chip.value) / limit
    tint = ",".join(map(str, DIVERGING[2 if (chip.value or 0) >= 0 else 0]))
    outline = ";outline:2px solid" if chip.chosen else ""
    return f"color:inherit;padding:2px 6px;background:rgba({tint},{share:.2f}){outline}"


def _source(picture: Image.Image) -> str:
    return f"data:image/webp;base64,{base64.b64encode(as_bytes(picture)).decode()}"


def _arrays(maps: Sequence[Heatmap]) -> dict[str, NDArray]:
    arrays: dict[str, NDArray] = {}
    for heatmap in maps:
        for name in ("image", "text", "pairs"):
            if getattr(heatmap, name) is not None:
                arrays[f"{heatmap.method}.{name}"] = getattr(heatmap, name)
    if maps[0].picture is not None:
        arrays["picture"] = np.asarray(maps[0].picture)
    return arrays


def _plain(found: Faithfulness) -> dict[str, Any]:
    return {
        "protocol": vars(found.protocol),
        "measures": {name: vars(measure) for name, measure in found.measures.items()},
        "skipped": dict(found.skipped),
        "cost": vars(found.cost),
    }
