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
        folder: where they were saved.
        pair: what was explained, to take further scores; must be the same picture.
        model: what was explained, or its name; must have the same weights.

    Returns:
        A `Heatmap`, or `Attributions` where several were saved.

    Raises:
        BadInputError: nothing whole is there, or `pair` or `model` are others.

    Example:
        >>> from workbench import attribution, data
        >>> heatmap = attribution.attribute("emoji-clip", data.load("emoji")[0], method="grad-cam")
        >>> attribution.open_maps(heatmap.save("my-map")).method
        'grad-cam'
    """
    live = None if model is None else weakref.ref(as_model(model))
    parts = (Target, Cost, Provenance)
    found: Heatmap | Attributions = opened(folder, MAPS, (Heatmap, Attributions), parts, pair=pair, live=live)
    return found


@verb
def open_scores(folder: str | Path) -> Faithfulness:
    """The scores that `scores.save(folder)` wrote, with their curves.

    Args:
        folder: where they were saved.

    Returns:
        A `Faithfulness`.

    Raises:
        BadInputError: nothing whole is there.

    Example:
        >>> from workbench.attribution import Faithfulness, Measure, Protocol, open_scores
        >>> measure = Measure("deletion", 0.1, 0.3, 0.05, 0.2, "lower")
        >>> folder = Faithfulness("legrad", "LeGrad", Protocol(), {"deletion": measure}).save("my-scores")
        >>> open_scores(folder)["deletion"].beats_random
        True
    """
    parts = (Curve, Measure, Protocol, Cost, Provenance)
    found: Faithfulness = opened(folder, Faithfulness._form, Faithfulness, parts)
    return found
