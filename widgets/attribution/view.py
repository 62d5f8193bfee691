"""What the attribution board shows, as plain values: pure functions of results, without a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from widgets.snapshot import font_for
from workbench._repr import one_line
from workbench.attribution import METHODS, Cost, Faithfulness, Heatmap, Measure

__all__ = ["board_view", "map_view", "measures_for", "method_choices", "overlay", "peak", "word_picture"]

_SIDE = 192  # pixels of a map in a snapshot
_FOR = np.array([214.0, 96.0, 0.0])  # speaks for the target; the style sheet has the same two colours
_AGAINST = np.array([30.0, 110.0, 210.0])


def board_view(
    maps: Sequence[Heatmap],
    scores: Mapping[str, Faithfulness],
    *,
    refused: Mapping[str, str],
    model: Any | None,
    code: str,
) -> dict[str, Any]:
    """Everything the front end draws, as JSON; the interactions go beside it as bytes."""
    first = maps[0]
    whole = first.target.kind == "output"  # such a model came with tensors, which no text typed here gives
    return {
        "model": first.provenance.model,
        "live": model is not None and not whole,
        "whole": whole,
        "target": str(first.target),
        "score": first.score,
        "tokens": [{"text": token, "word": place in first.words} for place, token in enumerate(first.tokens)],
        "maps": [map_view(heatmap, scores.get(heatmap.method)) for heatmap in maps],
        "methods": method_choices(model, [heatmap.method for heatmap in maps], refused),
        "credit": getattr(first.pair, "credit", ""),
        "code": code,
    }


def map_view(heatmap: Heatmap, scored: Faithfulness | None) -> dict[str, Any]:
    """One card: raw values, what is said of them, and the scores if they were asked for."""
    card = METHODS.get(heatmap.method)
    low, high = heatmap.limits
    return {
        "method": heatmap.method,
        "title": heatmap.title,
        "family": card.family if card else "",
        "blind": card.blind_to if card else "",
        "grid": heatmap.grid,
        "image": _rounded(heatmap.image),
        "text": _rounded(heatmap.text),
        "pairs": heatmap.pairs is not None,
        "whole": heatmap.target.kind == "output",
        "signed": heatmap.signed,
        "low": low,
        "high": high,
        "peak": peak([heatmap]),
        "flat": heatmap.flat,
        "notes": list(heatmap.notes),
        "cost": str(heatmap.cost),
        "price": _price(heatmap),
        "scores": [_measure_view(measure) for measure in scored.measures.values()] if scored else [],
        "skipped": dict(scored.skipped) if scored else {},
        "protocol": str(scored.protocol) if scored else "",
        "curves": [_curve_view(curve) for curve in scored.curves.values()] if scored else [],
    }


def method_choices(
    model: Any | None, shown: Sequence[str], refused: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Every method with whether it is shown, and the reason where it does not apply."""
    reasons: Mapping[str, str | None] = {}
    if model is not None:
        from workbench.attribution import available_methods  # needs torch, which maps to look at do not

        reasons = available_methods(model)
    return [
        {
            "name": name,
            "title": card.title,
            "shown": name in shown,
            "reason": refused.get(name) or reasons.get(name) or "",
        }
        for name, card in METHODS.items()
    ]


def measures_for(heatmap: Heatmap) -> tuple[str, ...]:
    """What can be measured: the curves always, the mask's two where the pair knows where things are."""
    scene = getattr(heatmap.pair, "columns", {}).get("scene") if heatmap.pair is not None else None
    return ("deletion", "insertion", *(("pointing", "overlap") if scene is not None else ()))


def peak(maps: Sequence[Heatmap]) -> float:
    """Largest size of any value of the image maps (of the words, without a picture): full colour."""
    sizes = [float(np.abs(_main(heatmap)).max()) for heatmap in maps]
    return max(sizes, default=0.0)


def _main(heatmap: Heatmap) -> NDArray[np.float32]:
    values = heatmap.image if heatmap.image is not None else heatmap.text
    assert values is not None  # a Heatmap has one of the two
    return values


def overlay(heatmap: Heatmap, limit: float) -> Image.Image:
    """The picture with its map laid over it: orange speaks for the target, blue against it."""
    assert heatmap.image is not None
    picture = Image.fromarray(np.asarray(heatmap.picture)) if heatmap.picture is not None else None
    rows, cols = heatmap.image.shape
    size = (_SIDE, max(1, round(_SIDE * rows / cols)))
    if picture is not None:
        size = (_SIDE, max(1, round(_SIDE * picture.height / picture.width)))
        ground = np.asarray(picture.convert("L").convert("RGB").resize(size, Image.Resampling.NEAREST), float)
    else:
        ground = np.full((size[1], size[0], 3), 235.0)
    share = np.clip(heatmap.image / limit, -1, 1) if limit > 0 else np.zeros((rows, cols))
    tint = np.where(share[..., None] >= 0, _FOR, _AGAINST)
    by_row, by_col = np.arange(size[1]) * rows // size[1], np.arange(size[0]) * cols // size[0]
    strength = 0.85 * np.abs(share)[by_row[:, None], by_col[None]][..., None]
    mixed = ground * (1 - strength) + tint[by_row[:, None], by_col[None]] * strength
    return Image.fromarray(mixed.round().astype(np.uint8))


def word_picture(heatmap: Heatmap, limit: float) -> Image.Image:
    """A map without a picture: its words under one another, each on its colour, with its value."""
    assert heatmap.text is not None
    line = 17
    picture = Image.new("RGB", (_SIDE, max(_SIDE, line * len(heatmap.tokens) + 8)), "white")
    draw = ImageDraw.Draw(picture)
    for place, (token, value) in enumerate(zip(heatmap.tokens, heatmap.text, strict=True)):
        share = min(1.0, abs(float(value)) / limit) if limit > 0 else 0.0
        mixed = 255 * (1 - 0.6 * share) + (_FOR if value >= 0 else _AGAINST) * 0.6 * share
        top = 4 + line * place
        draw.rectangle((4, top, _SIDE - 4, top + line - 2), fill=tuple(int(part) for part in mixed))
        said = f"{one_line(token, most=16)}  {value:+.3g}"
        draw.text((8, top), said, fill="black", font=font_for(said, 12))
    return picture


def _measure_view(measure: Measure) -> dict[str, Any]:
    return {
        "name": measure.name,
        "value": measure.value,
        "random": measure.random,
        "spread": measure.spread,
        "centre": measure.centre,
        "better": measure.better,
        "beats": measure.beats_random,
        "meaning": measure.meaning,
    }


def _curve_view(curve: Any) -> dict[str, Any]:
    return {
        "name": curve.name,
        "share": _rounded(curve.share),
        "value": _rounded(curve.value),
        "random": _rounded(curve.random.mean(axis=0)),
        "centre": _rounded(curve.centre),
    }


def _price(heatmap: Heatmap) -> str:
    if heatmap.image is None:
        return ""
    from workbench.attribution import expected_cost

    cost: Cost = expected_cost(heatmap, measures_for(heatmap))
    return f"{cost.forwards} forwards"


def _rounded(values: NDArray | None) -> Any:
    """Four digits: what is drawn and read needs no more, and the message stays small."""
    if values is None:
        return None
    flat = [float(f"{value:.4g}") for value in np.asarray(values, float).ravel()]
    return np.array(flat).reshape(np.shape(values)).tolist()
