"""What an atlas is given: one map or several of the same points, their pictures, the model's temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import BadInputError
from workbench.projection import Projection
from workbench.results import Embeddings

__all__ = ["checked_maps", "own_temperature"]


def checked_maps(projection: Projection | Sequence[Projection], pairs: Any | None) -> tuple[Projection, ...]:
    """The maps as a tuple, with `pairs` in place of their own where some are given.

    Raises:
        BadInputError: no map, maps of different numbers of points, pairs of another length.
    """
    maps = (projection,) if isinstance(projection, Projection) else tuple(projection)
    if not maps:
        raise BadInputError("There is no map to show: the list of projections is empty.")
    counts = sorted({len(one) for one in maps})
    if len(counts) > 1:
        raise BadInputError(
            f"The maps hold {counts} points; a slider between maps needs the same points in each."
        )
    if pairs is None:
        return maps
    if len(pairs) != len(maps[0].embeddings):
        raise BadInputError(
            f"pairs has {len(pairs)} items; expected one for each of {len(maps[0].embeddings)}."
        )
    return tuple(replace(one, embeddings=replace(one.embeddings, pairs=pairs)) for one in maps)


def own_temperature(embeddings: Embeddings, model: Any | None) -> float:
    """The model's own: 1 / scale; CLIP's starting value where no model is known."""
    scale = embeddings.provenance.parameters.get("scale") or getattr(model, "scale", None)
    return float(f"{1 / scale:.4g}") if scale else 0.07
