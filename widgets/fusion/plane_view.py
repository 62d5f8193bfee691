"""Decision regions and training curves over a plane, as plain data for the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.format import percent
from workbench.fusion import FusionCard, Regions

__all__ = ["Plane", "live_curves", "plane_bytes", "plane_view", "planes_of", "slider_name", "verdict"]

_FOUND = 0.9  # share of fresh points right from which a rule counts as found
_STEPS_DRAWN = 120  # points of a curve that are sent


@dataclass(frozen=True, eq=False)
class Plane:
    """One fusion's part of a `Regions`: kept, so that only what changed is trained again.

    Shapes:
        probability: row x col, of class 1
        history: step x 2, training step and loss
    """

    fusion: str
    probability: NDArray[np.float32]
    history: NDArray[np.float32]
    accuracy: float
    seed: int = 0


def slider_name(layer: int, bottleneck: int, depth: int) -> str:
    """The fusion that the slider stands on, as `regions` and `compare` take it."""
    return f"slider-{layer}" + (f"b{bottleneck}" if bottleneck and layer < depth else "")


def planes_of(regions: Regions) -> dict[str, Plane]:
    """name to the part of each fusion; those that a cancelled run did not reach are left out."""
    found = {}
    for place, name in enumerate(regions.fusions):
        if np.isfinite(regions.probability[place]).all():
            history = regions.history[place]
            right = float(regions.accuracy[place])
            seed = regions.provenance.seed or 0
            found[name] = Plane(name, regions.probability[place], history, right, seed)
    return found


def plane_view(
    regions: Regions, shown: Sequence[tuple[FusionCard, Plane | None]], *, seed: int = 0
) -> dict[str, Any]:
    """Tiles in order: the right answer, the best sum, then each fusion (None: not trained yet)."""
    ceiling = float(regions.additive_ceiling)
    tiles = [
        _tile("truth", "right answer", "", "what the label is at each pair of values", None, 0),
        _tile(
            "additive", "best additive model", "additive",
            "the best that any sum of one score a modality can say; white where it must guess",
            ceiling, 1,
        ),
    ]  # fmt: skip
    place = 2
    for card, plane in shown:
        tile = _tile(
            card.name, card.title, card.kind, verdict(card, plane, ceiling),
            None if plane is None else plane.accuracy, None if plane is None else place,
        )  # fmt: skip
        other = plane is not None and plane.seed != seed
        if plane is not None and other:
            tile["words"] = f"of seed {plane.seed}; seed {seed} is not trained yet. {tile['words']}"
        more = {"where": card.where, "trap": card.trap, "equation": card.equation, "other": other}
        tiles.append(tile | more)
        place += plane is not None
    return {
        "size": len(regions.axis),
        "axis": [float(regions.axis[0]), float(regions.axis[-1])],
        "tiles": tiles,
        "ceiling": ceiling,
        "steps": regions.steps,
        "curves": [_curve(card, plane) for card, plane in shown if plane is not None and plane.seed == seed],
        "classes": ["0", "1"],
    }


def plane_bytes(regions: Regions, shown: Sequence[Plane | None]) -> bytes:
    """tile x row x col as uint8, 255 for a probability of 1; row 0 is the smallest value of the text."""
    layers = [regions.truth, regions.additive, *(plane.probability for plane in shown if plane is not None)]
    return b"".join((np.clip(layer, 0, 1) * 255).round().astype(np.uint8).tobytes() for layer in layers)


def verdict(card: FusionCard, plane: Plane | None, ceiling: float) -> str:
    """One sentence: what it reached, beside what its class allows."""
    if plane is None:
        return "not trained yet"
    reached = f"{percent(plane.accuracy)} of fresh points right"
    if card.kind in ("additive", "scalar-gated") and ceiling < 0.99:
        return f"{reached}; no more than {percent(ceiling)} is possible in its class"
    if card.kind in ("additive", "scalar-gated"):
        return f"{reached}; a sum of one score a modality is enough here"
    if card.kind == "unimodal":
        return f"{reached}, from one modality"
    if plane.accuracy < _FOUND:
        return f"{reached}; its class can say this, this training has not found it"
    return f"{reached}; its class has no ceiling here"


def _tile(
    name: str, title: str, kind: str, words: str, accuracy: float | None, place: int | None
) -> dict[str, Any]:
    return {
        "name": name, "title": title, "kind": kind, "words": words, "accuracy": accuracy, "place": place,
        "where": "", "trap": "", "equation": "",
    }  # fmt: skip


def _curve(card: FusionCard, plane: Plane) -> dict[str, Any]:
    kept = plane.history[np.isfinite(plane.history).all(axis=1)]
    chosen = (
        kept[np.linspace(0, len(kept) - 1, min(len(kept), _STEPS_DRAWN)).astype(int)] if len(kept) else kept
    )
    points = [[int(step), round(float(loss), 4)] for step, loss in chosen]
    return {"name": card.name, "title": card.title, "where": card.where, "points": points}


def live_curves(
    live: Mapping[str, Sequence[tuple[int, float]]], cards: Mapping[str, FusionCard]
) -> list[dict[str, Any]]:
    """Curves of what is being trained now, in the form of `plane_view`'s."""
    return [
        {
            "name": name,
            "title": cards[name].title if name in cards else name,
            "where": cards[name].where if name in cards else "",
            "points": [[int(step), round(float(value), 4)] for step, value in points][-_STEPS_DRAWN * 4 :],
        }
        for name, points in live.items()
    ]
