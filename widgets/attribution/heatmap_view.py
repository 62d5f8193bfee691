"""What the attribution board shows, as plain values: pure functions of results, without a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.attribution import METHODS, Cost, Faithfulness, Heatmap, Measure, Target
from workbench.formatting import one_line, plural

__all__ = [
    "Choices",
    "board_view",
    "described",
    "in_order",
    "map_view",
    "measures_for",
    "method_choices",
    "passes",
    "peak",
    "shown_maps",
    "shown_words",
]


_TITLE = 34  # characters of a text in the title; the field under it holds all of them


@dataclass(frozen=True)
class Choices:
    """How the maps are looked at: the board's traits of the same names."""

    focus: str = ""
    patches: tuple[int, ...] = ()
    words: tuple[int, ...] = ()
    scale: Literal["own", "shared"] = "own"
    opacity: float = 0.75
    ground: Literal["grey", "colour"] = "grey"
    size: int = 200


def board_view(
    maps: Sequence[Heatmap],
    scores: Mapping[str, Faithfulness],
    *,
    refused: Mapping[str, str],
    model: Any | None,
) -> dict[str, Any]:
    """Everything the front end draws, as JSON; the interactions go beside it as bytes."""
    first = maps[0]
    whole = first.target.kind == "output"  # such a model came with tensors, which no text typed here gives
    shown = in_order(maps)
    prices, all_left = _prices(shown, scores, None if whole else model)
    return {
        "model": first.provenance.model,
        "live": model is not None and not whole,
        "whole": whole,
        "title": described(first.target, most=_TITLE),
        "described": described(first.target),
        "score": first.score,
        "tokens": [{"text": token, "word": place in first.words} for place, token in enumerate(first.tokens)],
        "maps": [
            map_view(heatmap, scores.get(heatmap.method), price)
            for heatmap, price in zip(shown, prices, strict=True)
        ],
        "price": all_left,
        "methods": method_choices(model, [heatmap.method for heatmap in maps], refused),
        "credit": first.credit,
    }


def described(target: Target, *, most: int | None = None) -> str:
    """What is explained; texts are whole unless `most` characters are said."""
    text, *others = (f"“{text if most is None else one_line(text, most=most)}”" for text in target.texts)
    if target.kind == "output":
        return target.text
    if target.kind == "contrast":
        return f"cosine with {text} minus cosine with {others[0]}"
    if target.kind == "probability":
        return f"log probability of {text} among {text}, {', '.join(others)}"
    return f"{'logit of' if target.kind == 'logit' else 'cosine with'} {text}"


def in_order(maps: Sequence[Heatmap]) -> list[Heatmap]:
    """As they stand on the screen: the one that follows chosen words first, the others as given."""
    return sorted(maps, key=lambda heatmap: heatmap.pairs is None)


def shown_maps(maps: Sequence[Heatmap], choices: Choices) -> list[Heatmap]:
    """The maps as they are drawn: of a second-order one the part of the chosen words."""
    return [
        heatmap.of_words(choices.words) if heatmap.pairs is not None and choices.words else heatmap
        for heatmap in in_order(maps)
    ]


def shown_words(maps: Sequence[Heatmap], choices: Choices) -> Heatmap:
    """The map whose values colour the words: the one in focus, or its part for the chosen patches."""
    found = next((heatmap for heatmap in maps if heatmap.method == choices.focus), maps[0])
    if found.pairs is None or not choices.patches:
        return found
    _, cols = found.grid or (1, 1)
    return found.of_patches([divmod(patch, cols) for patch in choices.patches])


def map_view(heatmap: Heatmap, scored: Faithfulness | None, price: int) -> dict[str, Any]:
    """One card: raw values, what is said of them, and the scores if they were asked for.

    Args:
        price: forward passes that its evaluation takes.
    """
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
        "cost": passes(heatmap.cost),
        "price": price,
        "scores": [_measure_view(measure) for measure in scored.measures.values()] if scored else [],
        "skipped": dict(scored.skipped) if scored else {},
        "protocol": str(scored.protocol) if scored else "",
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


def passes(cost: Cost) -> str:
    """`5 forward and 3 backward passes, 0.13 s`."""
    if not cost.forwards and not cost.backwards:
        return "no passes"
    if not cost.backwards:
        return f"{plural(cost.forwards, 'forward pass', 'forward passes')}, {cost.seconds:.2g} s"
    backward = plural(cost.backwards, "backward pass", "backward passes")
    return f"{cost.forwards:,} forward and {backward}, {cost.seconds:.2g} s"


def _main(heatmap: Heatmap) -> NDArray[np.float32]:
    values = heatmap.image if heatmap.image is not None else heatmap.text
    assert values is not None  # a Heatmap has one of the two
    return values


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


def _prices(
    maps: Sequence[Heatmap], scores: Mapping[str, Faithfulness], model: Any | None
) -> tuple[list[int], int]:
    """Forward passes that evaluating each map alone takes, and all that are not evaluated together.

    The pictures that maps of one grid share are encoded once. 0 where there is nothing to mask.
    """
    from workbench.attribution import expected_cost

    own, shared, left = [], dict[Any, int](), set()
    for heatmap in maps:
        if heatmap.image is None:
            own.append(0)
            continue
        measures, grid = measures_for(heatmap), heatmap.grid
        own.append(expected_cost(heatmap, measures, shared=False).forwards)
        if grid not in shared:
            shared[grid] = expected_cost(heatmap, measures, model=model).forwards - own[-1]
        if heatmap.method not in scores:
            left.add(grid)
    alone = [price + shared.get(heatmap.grid, 0) for heatmap, price in zip(maps, own, strict=True)]
    missing = sum(price for heatmap, price in zip(maps, own, strict=True) if heatmap.method not in scores)
    return alone, missing + sum(shared[grid] for grid in left)


def _rounded(values: NDArray | None) -> Any:
    """Four digits: what is drawn and read needs no more, and the message stays small."""
    if values is None:
        return None
    flat = [float(f"{value:.4g}") for value in np.asarray(values, float).ravel()]
    return np.array(flat).reshape(np.shape(values)).tolist()
