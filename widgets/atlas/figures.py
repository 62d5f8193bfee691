"""The figures that belong to single points of a projection, by name, with what they mean in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import check_axes
from workbench.projection import Projection, known_stability, pair_figures

__all__ = ["FIGURES", "Figure", "point_figures"]


@dataclass(frozen=True, eq=False)
class Figure:
    """One number a row. `span` fixes the ends of its colour ramp; without it they come from the data."""

    key: str
    name: str
    unit: str
    help: str
    values: NDArray[np.float32]
    span: tuple[float, float] | None = None


FIGURES: Mapping[str, tuple[str, str, str, tuple[float, float] | None]] = {
    "preservation": (
        "kNN preservation", "%", "share of the true neighbours that are near on the map too", (0, 1),
    ),
    "false": (
        "false-positive neighbours", "%", "share of its map neighbours that are far away in truth", None,
    ),
    "missing": (
        "false-negative neighbours", "%", "share of its true neighbours that the map has torn apart", None,
    ),
    "hubness": ("hubness", "", "in how many other points' true neighbour lists this point stands", None),
    "cross_modal": ("cross-modal neighbours", "%", "share of true neighbours of the other kind", None),
    "stability": (
        "stability over seeds", "%", "share of its map neighbours that other seeds give it too", (0, 1),
    ),
    "margin": ("zero-shot margin", "", "cosine with its own label minus the best other label", None),
    "rank": ("rank of its own pair", "", "how many of the other kind are as near, itself counted", None),
    "loss": ("contrastive loss", "", "what its pair adds to the contrastive loss at the temperature τ", None),
    "change": ("change", "%", "share of its true neighbours that differ between the two maps", (0, 1)),
}  # fmt: skip
"""Key: name, unit, help, span of the ramp."""


def point_figures(
    projection: Projection,
    extra: Mapping[str, ArrayLike] | None = None,
    *,
    temperature: float | None = None,
) -> dict[str, Figure]:
    """Every figure known of single rows, in the order of `FIGURES`; `extra` adds some or replaces them.

    Raises:
        BadInputError: an array of `extra` has another length than the map.
    """
    given = {name: np.asarray(values, np.float32) for name, values in (extra or {}).items()}
    redrawn = known_stability(projection)
    if redrawn is not None:
        given.setdefault("stability", redrawn.agreement)
    scale = None if temperature is None else 1 / temperature
    for name, values in pair_figures(projection, scale=scale).items():
        given.setdefault(name, values)
    for name, values in given.items():
        check_axes(name, values, "item", item=len(projection))
    found: dict[str, Figure] = {}
    for key, (name, unit, help_, span) in FIGURES.items():
        held: Any = given.pop(key) if key in given else getattr(projection.quality, key, None)
        if held is not None and np.isfinite(held).any():
            found[key] = Figure(key, name, unit, help_, np.asarray(held, np.float32), span)
    for key, values in given.items():
        found[key] = Figure(key, key, "", f"given as {key!r}", values)
    return found
