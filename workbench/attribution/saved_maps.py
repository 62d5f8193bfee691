"""Attribution maps and their scores that were saved, opened again."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

from workbench.attribution.evaluation.faithfulness_result import Curve, Faithfulness, Measure, Protocol
from workbench.attribution.heatmap import MAPS, Attributions, Cost, Heatmap
from workbench.attribution.targets import Target
from workbench.calling import verb
from workbench.data import Pair
from workbench.keeping import opened
from workbench.models.given import as_model
from workbench.results import Provenance

__all__ = ["open_maps", "open_scores"]


@verb
def open_maps(folder: str | Path, pair: Pair | None = None, *, model: Any = None) -> Heatmap | Attributions:
    """The map, or the maps, that `maps.save(folder)` wrote.

    Args:
        pair: what was explained, to take further scores; must be the same picture.
        model: what was explained; must have the same weights.

    Raises:
        BadInputError: nothing whole is there, or `pair` or `model` are others.
    """
    live = None if model is None else weakref.ref(as_model(model))
    parts = (Target, Cost, Provenance)
    found: Heatmap | Attributions = opened(folder, MAPS, (Heatmap, Attributions), parts, pair=pair, live=live)
    return found


@verb
def open_scores(folder: str | Path) -> Faithfulness:
    """The scores that `scores.save(folder)` wrote, with their curves.

    Raises:
        BadInputError: nothing whole is there.
    """
    parts = (Curve, Measure, Protocol, Cost, Provenance)
    found: Faithfulness = opened(folder, Faithfulness._form, Faithfulness, parts)
    return found
