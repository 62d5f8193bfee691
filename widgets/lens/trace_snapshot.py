"""The attention lens as a static page: what is on the screen, as a picture, a table and arrays."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from widgets.format import decimal, percent
from widgets.lens.contact_sheet import WIDE, Chip, Scale, Sheet, over_picture, painted
from widgets.lens.trace_view import Group, shown_weights, top_of
from widgets.snapshot import Snapshot
from workbench.capture import TokenLayout, Trace, head_statistics
from workbench.formatting import html_table, plural

if TYPE_CHECKING:
    from workbench.attribution import Without

__all__ = ["Shown", "lens_snapshot"]

_LEFT = 640  # pixels of the picture on the sheet


@dataclass(frozen=True, eq=False)
class Shown:
    """What a lens shows, without its widget.

    Attributes:
        cosines: text token x row x col, where they are offered. link: how true they are.
    """

    trace: Trace
    group: Group
    selected: Mapping[str, Any]
    scale: str = "shared"
    opacity: float = 0.65
    cosines: NDArray[np.float32] | None = None
    link: str = ""

    @property
    def backwards(self) -> bool:
        """Whether the numbers are of the queries that attend to the token."""
        return bool(self.selected["backwards"])

    @property
    def layer(self) -> int:
        """From 0."""
        return self.group.sites.index(self.selected["site"])

    @property
    def side(self) -> TokenLayout:
        """The sequence that the numbers belong to."""
        return self.group.maps[0].query if self.backwards else self.group.maps[0].key

    @property
    def asked(self) -> str:
        """The token that is looked from, as the screen calls it."""
        one = self.group.maps[0]
        return name_of(one.key if self.backwards else one.query, int(self.selected["token"]))

    @property
    def weights(self) -> NDArray[np.float32]:
        """One number a token of `side`."""
        return shown_weights(self.group, self.selected)

    @property
    def top(self) -> float:
        """The weight that has full colour."""
        return float(self.weights.max()) if self.scale == "own" else self.shared_top

    @property
    def shared_top(self) -> float:
        """The weight that has full colour where all layers share a scale."""
        return top_of(self.group, str(self.selected["reading"]))

    @property
    def reading(self) -> str:
        """How heads are read, counted from 1."""
        layers, heads = len(self.group.sites), self.group.maps[0].site.heads
        layer = f"layer {self.layer + 1} of {layers}"
        return {
            "head": f"{layer}, head {int(self.selected['head']) + 1} of {heads}",
            "mean": f"{layer}, mean of {plural(heads, 'head')}",
            "rollout": f"rollout up to {layer}",
        }[str(self.selected["reading"])]


def number_of(layout: TokenLayout, place: int) -> int | None:
    """Which patch of the grid, row by row, stands at a place; None where none does."""
    found = np.flatnonzero(layout.patches == place)
    return int(found[0]) if len(found) else None


def name_of(layout: TokenLayout, place: int) -> str:
    """A token as the screen calls it: rows and columns from 1."""
    number = number_of(layout, place)
    if layout.grid is None or number is None:
        return layout.names[place]
    row, column = divmod(number, layout.grid[1])
    return f"patch in row {row + 1}, column {column + 1}"


def lens_snapshot(shown: Shown, *, without: Without | None, code: str) -> Snapshot:
    """The chosen token's attention: over the picture, in every head, in figures, and as arrays."""
    trace, group = shown.trace, shown.group
    towards = (
        f"queries that attend to {shown.asked}" if shown.backwards else f"keys that {shown.asked} attends to"
    )
    title = f"{trace.provenance.model or 'maps made by hand'}, {group.title}: {towards}; {shown.reading}"
    table = _table(shown)
    notes = _notes(shown, without)
    png = _drawn(shown, title, notes)
    arrays = {
        f"{name}.shown": shown_weights(group, dict(shown.selected) | {"site": name}) for name in group.sites
    }
    arrays |= {name: trace.attention(name).values for name in group.sites}
    arrays |= {
        f"{name}.more": more for name in group.sites if (more := trace.attention(name).more) is not None
    }
    if shown.cosines is not None:
        arrays["cosines"] = shown.cosines
    settings = {
        "selected": dict(shown.selected),
        "scale": shown.scale,
        "opacity": shown.opacity,
        "code": code,
    }
    return Snapshot(
        title, _page(title, png, table, notes), png, arrays, trace.provenance.to_dict() | settings, table
    )


def _table(shown: Shown) -> list[tuple[str, ...]]:
    """A row a layer; the header says which direction was drawn."""
    most = (
        f"queries that attend to {shown.asked} most"
        if shown.backwards
        else f"keys that {shown.asked} attends to most"
    )
    header = (
        "layer",
        "site in Python",
        "entropy, bits",
        "uniform, bits",
        "distance, patches",
        "uniform, patches",
        most,
    )
    rows: list[tuple[str, ...]] = [header]
    for number, site in enumerate(shown.group.sites):
        figures = head_statistics(shown.group.maps[number])
        one = shown.selected["reading"] == "head"
        heads = slice(shown.selected["head"], shown.selected["head"] + 1) if one else slice(None)
        weights = shown_weights(shown.group, dict(shown.selected) | {"site": site})
        best = [place for place in np.argsort(-weights, kind="stable")[:3] if weights[place] > 0]
        distance = float(figures.distance[heads].mean())
        far = ("", "") if np.isnan(distance) else (decimal(distance, 2), decimal(figures.even_distance, 2))
        entropy = (decimal(float(figures.entropy[heads].mean()), 2), decimal(figures.uniform, 2))
        listed = (f"{name_of(shown.side, int(place))} {percent(float(weights[place]))}" for place in best)
        rows.append((str(number + 1), site, *entropy, *far, ", ".join(listed)))
    return rows


def _notes(shown: Shown, without: Without | None) -> list[str]:
    scale = "the largest weight of this map" if shown.scale == "own" else "one scale for all layers"
    over = f"; overlay {percent(shown.opacity)}" if shown.trace.picture is not None else ""
    return [
        note
        for note in (
            f"Colour scale: square root of the weight, 0 to {percent(shown.top)}, {scale}{over}; small maps "
            f"0 to {percent(top_of(shown.group))}. Every row of attention "
            "adds up to 100 %. Layers, heads, rows and columns are counted from 1.",
            "" if without is None else str(without),
            shown.link if shown.cosines is not None else "",
            *shown.trace.notes,
            f"Weights {shown.trace.provenance.weights[:12]}." if shown.trace.provenance.weights else "",
            shown.trace.credit,
        )
        if note
    ]


def _page(title: str, png: bytes, table: list[tuple[str, ...]], notes: list[str]) -> str:
    picture = base64.b64encode(png).decode()
    return (
        f'<figure style="margin:0"><img alt="{escape(title)}" style="max-width:100%" width="{WIDE // 2}" '
        f'src="data:image/png;base64,{picture}"></figure>'
        + html_table(title, table[0], table[1:])
        + "".join(f"<p><small>{escape(note)}</small></p>" for note in notes)
    )


# The picture -------------------------------------------------------------------------------------


def _drawn(shown: Shown, title: str, notes: list[str]) -> bytes:
    sheet = Sheet()
    sheet.text(title, size=30)
    if shown.trace.text:
        sheet.text(f"“{shown.trace.text}”", soft=True)
    sheet.y += 12
    words = _chips(shown)
    if words:
        sheet.chips(words)
    start, x = sheet.y, 32
    found = _on_patches(shown)
    if found is not None:
        values, scale = found
        sheet.picture(over_picture(shown.trace.picture, values, scale, shown.opacity, _LEFT))
        low, high = (
            (f"{decimal(-scale.limit, 2)}", decimal(scale.limit, 2))
            if scale.signed
            else ("0", percent(scale.limit))
        )
        sheet.scale(scale, low, high, opacity=shown.opacity, width=_LEFT)
        sheet.text(_patch_words(shown, scale), width=_LEFT, soft=True, size=22)
        x = _LEFT + 72
    beside, sheet.y = sheet.y, start
    sheet.heads(_heads(shown), x=x, width=WIDE - x - 32, tall=max(700, beside - start))
    if found is None:
        scale = Scale(top_of(shown.group))
        sheet.scale(scale, "0", percent(scale.limit), opacity=1.0, width=_LEFT)
    sheet.y = max(sheet.y, beside) + 12
    for note in notes:
        sheet.text(note, soft=True, size=22)
    return sheet.png()


def _patch_words(shown: Shown, scale: Scale) -> str:
    if scale.signed:
        return f"Cosine of each patch with “{shown.asked}”."
    return (
        f"Attention of the patches to {shown.asked}."
        if shown.backwards
        else f"Attention of {shown.asked} to the patches."
    )


def _on_patches(shown: Shown) -> tuple[NDArray[np.floating[Any]], Scale] | None:
    """row x col: attention where the sequence has patches, else the cosines of the word looked from."""
    if shown.side.grid is not None:
        return shown.side.on_grid(shown.weights), Scale(shown.top)
    layout, number = shown.group.maps[0].query, int(shown.selected["token"])
    number -= layout.first_word
    if shown.cosines is None or layout.side != "text" or not 0 <= number < len(shown.cosines):
        return None
    values = shown.cosines[number]
    if np.isnan(values).all():
        return None
    whole = values if shown.scale == "own" else shown.cosines
    return values, Scale(float(np.nanmax(np.abs(whole))), signed=True)


def _chips(shown: Shown) -> list[Chip]:
    """Tokens that are no patch, with their share; or the words, with their cosine with the patch."""
    side, weights, scale = shown.side, shown.weights, Scale(shown.top)
    kept = shown.group.queries if shown.backwards else shown.group.keys
    patches = set(side.patches.tolist())
    chips = [
        Chip(
            side.names[place],
            percent(float(weights[place])),
            _rgb(painted(weights[place : place + 1], scale)[0]),
        )
        for place in map(int, kept)
        if place not in patches
    ]
    return chips + _linked_chips(shown)


def _linked_chips(shown: Shown) -> list[Chip]:
    layout = shown.group.maps[0].key if shown.backwards else shown.group.maps[0].query
    number = number_of(layout, int(shown.selected["token"]))
    if shown.cosines is None or layout.grid is None or number is None:
        return []
    values = shown.cosines.reshape(len(shown.cosines), -1)[:, number]
    limit = values if shown.scale == "own" else shown.cosines
    scale = Scale(float(np.nanmax(np.abs(limit))), signed=True)
    words = shown.trace.group("text")[-1].query.words
    return [
        Chip(
            word,
            "–" if np.isnan(value) else decimal(float(value), 2),
            _rgb(painted(np.array([value]), scale)[0]),
        )
        for word, value in zip(words, values, strict=True)
    ]


def _heads(shown: Shown) -> list[NDArray[np.uint8]]:
    """layer -> head x row x col x colour: the token's attention to the patches, or whole maps."""
    scale, token, maps = Scale(top_of(shown.group)), int(shown.selected["token"]), []
    for layer, one in enumerate(shown.group.maps):
        if shown.side.grid is None:
            maps.append(painted(shown.group.values(layer).astype(np.float32), scale))
            continue
        values = one.values.astype(np.float32)
        if shown.backwards:
            line = np.zeros((len(values), one.query.count), np.float32)
            line[:, one.queries] = values[:, :, token]
        else:
            line = values[:, int(np.flatnonzero(one.queries == token)[0])]
        maps.append(painted(shown.side.on_grid(line), scale))
    return maps


def _rgb(colour: NDArray[np.uint8]) -> tuple[int, int, int]:
    red, green, blue = (int(channel) for channel in colour)
    return red, green, blue
