"""What the colours of the atlas mean: one byte a point, 256 colours, and a legend that says so.

Categories take the first colours by how often they occur; figures take the sequential map that all boards
share, without its two darkest and brightest tenths, which are lost on dark and on light ground. Code 255 is
"not known" in both.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.atlas.figures import Figure
from widgets.atlas.labels import UNLABELLED, label_names
from widgets.colours import NAMED, NEUTRAL, sequential
from widgets.format import number, percent

__all__ = ["UNKNOWN", "Colouring", "by_figure", "by_label", "by_modality"]

UNKNOWN = 255
_MOST = 255  # categories with a colour of their own
_LOW, _HIGH = 0.1, 0.92  # ends of the sequential map that are used
_STOPS = 9  # of the ramp in the legend
_MODALITIES = {"picture": (NAMED[0], "disc"), "text": (NAMED[1], "diamond")}


@dataclass(frozen=True, eq=False)
class Colouring:
    """Shapes: codes: row uint8. `palette` holds 256 CSS colours, `legend` what to say of them."""

    codes: NDArray[np.uint8]
    palette: tuple[str, ...]
    legend: dict[str, Any] = field(default_factory=dict)


def by_label(labels: Sequence[Any], *, title: str = "label") -> Colouring:
    """One colour a label, the most frequent first; labels beyond 255 share the last, as does no label."""
    names, codes = label_names(labels)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    code_of = np.full(len(names), UNKNOWN)
    code_of[order[:_MOST]] = np.arange(min(_MOST, len(names)))
    palette = _padded([_hue(place) for place in range(min(_MOST, len(names)))])
    entries = [
        {"text": names[k], "colour": palette[code_of[k]], "count": int(counts[k]), "filter": True}
        for k in order
    ]
    if (bare := int((codes < 0).sum())) > 0:
        entries.append({"text": UNLABELLED, "colour": palette[UNKNOWN], "count": bare, "filter": True})
    return Colouring(np.append(code_of, UNKNOWN)[codes].astype(np.uint8), palette, _legend(title, entries))


def by_modality(kinds: NDArray[np.uint8]) -> Colouring:
    """Pictures and texts: a colour and a shape each."""
    entries = [
        {
            "text": name + "s",
            "colour": colour,
            "shape": shape,
            "count": int((kinds == code).sum()),
            "filter": False,
        }
        for code, (name, (colour, shape)) in enumerate(_MODALITIES.items())
        if (kinds == code).any()
    ]
    return Colouring(
        kinds.astype(np.uint8), _padded([c for c, _ in _MODALITIES.values()]), _legend("kind", entries)
    )


def by_figure(figure: Figure) -> Colouring:
    """A ramp from the 2nd to the 98th percentile, or the figure's own span; what is beyond takes the end."""
    values = np.asarray(figure.values, np.float64)
    known = np.isfinite(values)
    low, high = figure.span or _span(values[known])
    share = np.clip((values - low) / (high - low), 0, 1) if high > low else np.full(len(values), 0.5)
    codes = np.where(known, np.round(254 * np.nan_to_num(share)), UNKNOWN).astype(np.uint8)
    entries = []
    if not known.all():
        entries.append(
            {"text": "not known", "colour": NEUTRAL, "count": int((~known).sum()), "filter": False}
        )
    legend = _legend(figure.name, entries)
    ramp = [_between(place / (_STOPS - 1)) for place in range(_STOPS)]
    legend |= {"ramp": ramp, "low": _said(low, figure.unit), "high": _said(high, figure.unit)}
    return Colouring(codes, _padded([_between(place / 254) for place in range(255)]), legend)


def _legend(title: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"title": title, "entries": entries, "ramp": None, "low": "", "high": ""}


def _padded(colours: Sequence[str]) -> tuple[str, ...]:
    return (*colours, *[NEUTRAL] * (256 - len(colours)))


def _hue(place: int) -> str:
    """Beyond the shared eight: steps of the golden angle, so that no two names have one colour."""
    if place < len(NAMED):
        return NAMED[place]
    red, green, blue = colorsys.hls_to_rgb((place * 0.38196601) % 1, 0.42 + 0.16 * (place % 3) / 2, 0.5)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def _between(share: float) -> str:
    """A colour of the ramp."""
    return "#" + "".join(f"{part:02x}" for part in sequential(_LOW + (_HIGH - _LOW) * share).tolist())


def _span(values: NDArray[np.float64]) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = np.percentile(values, [2, 98])
    return float(low), float(high)


def _said(value: float, unit: str) -> str:
    return percent(value) if unit == "%" else number(value)
