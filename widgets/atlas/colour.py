"""What the colours of the atlas mean: one byte a point, 256 colours, and a legend that says so.

Categories take the first colours by how often they occur; figures take a ramp whose lightness grows
with the value, legible on light and dark ground. Code 255 is "not known" in both.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.atlas.figures import Figure
from workbench._repr import one_line

__all__ = ["UNKNOWN", "Colouring", "by_figure", "by_label", "by_modality"]

UNKNOWN = 255
_MOST = 255  # categories with a colour of their own
_NEUTRAL = "#8a919c"
_HUES = (
    "#4c8bd6", "#d98a1f", "#2f9e78", "#c25fa4", "#8a79d6", "#c4574c",
    "#3aa6b9", "#8d9440", "#e07b91", "#5aa84f", "#b5893b", "#6b7fa3",
)  # fmt: skip
_RAMP = ("#5b3fa8", "#a8459a", "#de5f74", "#f08a4b", "#f0bf4c")
_MODALITIES = {"picture": ("#4c8bd6", "disc"), "text": ("#d98a1f", "diamond")}


@dataclass(frozen=True, eq=False)
class Colouring:
    """Shapes: codes: row uint8. `palette` holds 256 CSS colours, `legend` what to say of them."""

    codes: NDArray[np.uint8]
    palette: tuple[str, ...]
    legend: dict[str, Any] = field(default_factory=dict)


def by_label(labels: Sequence[str], *, title: str = "label") -> Colouring:
    """One colour a label, the most frequent first; labels beyond 255 share the last."""
    names, inverse, counts = np.unique(
        np.asarray(labels, dtype=object), return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    code_of = np.full(len(names), UNKNOWN)
    code_of[order[:_MOST]] = np.arange(min(_MOST, len(names)))
    palette = _padded([_hue(place) for place in range(min(_MOST, len(names)))])
    entries = [
        {"text": str(names[k]), "colour": palette[code_of[k]], "count": int(counts[k]), "filter": True}
        for k in order
    ]
    return Colouring(code_of[inverse].astype(np.uint8), palette, _legend(title, entries))


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
            {"text": "not known", "colour": _NEUTRAL, "count": int((~known).sum()), "filter": False}
        )
    legend = _legend(figure.name, entries)
    legend |= {"ramp": list(_RAMP), "low": _said(low, figure.unit), "high": _said(high, figure.unit)}
    return Colouring(codes, _padded([_between(place / 254) for place in range(255)]), legend)


def _legend(title: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    for entry in entries:
        entry["text"] = one_line(entry["text"])
    return {"title": title, "entries": entries, "ramp": None, "low": "", "high": ""}


def _padded(colours: Sequence[str]) -> tuple[str, ...]:
    return (*colours, *[_NEUTRAL] * (256 - len(colours)))


def _hue(place: int) -> str:
    """Beyond the chosen dozen: steps of the golden angle, so that neighbours in the list differ."""
    if place < len(_HUES):
        return _HUES[place]
    red, green, blue = colorsys.hls_to_rgb((place * 0.38196601) % 1, 0.42 + 0.16 * (place % 3) / 2, 0.5)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def _between(share: float) -> str:
    """A colour of the ramp, mixed from the two beside it."""
    at = share * (len(_RAMP) - 1)
    left = min(int(at), len(_RAMP) - 2)
    parts = []
    for digit in (1, 3, 5):
        one, two = (int(_RAMP[left + k][digit : digit + 2], 16) for k in (0, 1))
        parts.append(round(one + (two - one) * (at - left)))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _span(values: NDArray[np.float64]) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = np.percentile(values, [2, 98])
    return float(low), float(high)


def _said(value: float, unit: str) -> str:
    return f"{value:.0%}" if unit == "%" else f"{value:.3g}"
