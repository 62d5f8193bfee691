"""The same map once more: by the reducer and the settings that drew it, with one thing changed; and how much
of a map stays the same when only the seed changes."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from workbench.axes import frozen
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.projection.modality_gap import metric_of
from workbench.projection.neighbour_overlap import on_map_of, shared
from workbench.projection.point_quality import Stability
from workbench.projection.project_vectors import FIT_AT_MOST, project
from workbench.projection.projection_result import Projection
from workbench.projection.reducers import REDUCERS, usual_epochs
from workbench.results import OnEvent, ShouldStop

__all__ = ["changed_settings", "redraw", "settings_of", "stability"]

_SETTINGS = ("metric", "neighbours", "min_dist", "epochs", "reducer", "fit_at_most", "exact")


@verb
def redraw(
    projection: Projection,
    *,
    seed: int | None = None,
    shift: float | None = None,
    start: Projection | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Projection:
    """The map drawn again with another seed, or with the gap between the modalities elsewhere.

    Args:
        projection: of `project`.
        seed: None keeps the map's own.
        shift: share of the gap that is closed; None leaves the mode as it is.
        start: a map of the same rows to begin at.
        on_event, should_stop: hears each round that is done; asked before each.

    Returns:
        A `Projection` of the same rows.

    Raises:
        BadInputError: the points were made elsewhere, so they cannot be drawn again.
        Cancelled: `should_stop` returned true.

    Example:
        >>> from workbench import data
        >>> from workbench.embedding import embed
        >>> from workbench.projection import project, redraw
        >>> projection = project(embed("emoji-clip", data.load("emoji")[:12]), method="pca")
        >>> closed = redraw(projection, shift=1.0)
        >>> closed.mode, closed.shift
        ('shifted', 1.0)
    """
    if projection.method == "given":
        raise BadInputError("These points were made elsewhere; only a map drawn by project() can be redrawn.")
    return project(
        projection.embeddings,
        method=projection.method,
        mode=projection.mode if shift is None else "shifted",
        shift=projection.shift if shift is None else shift,
        seed=projection.seed if seed is None else seed,
        start=start,
        on_event=on_event,
        should_stop=should_stop,
        **settings_of(projection),
    )


@verb
def stability(
    projection: Projection,
    *,
    seeds: int = 2,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Stability:
    """How much of the map other seeds would have shown; the map is drawn again for each of them.

    The graph is not searched again. The result is remembered with the projection, and
    `measures(projection)` shows it from then on.

    Args:
        projection: of `project`.
        seeds: how many more times it is drawn.
        on_event, should_stop: hears each round that is done; asked before each.

    Returns:
        A `Stability`; `.agreement` is one number a row, 0 to 1.

    Raises:
        BadInputError: `seeds` is below 1, or the points were made elsewhere, so they cannot be drawn again.
        Cancelled: `should_stop` returned true.

    Example:
        >>> from workbench import data
        >>> from workbench.embedding import embed
        >>> from workbench.projection import project, stability
        >>> projection = project(embed("emoji-clip", data.load("emoji")[:12]), method="pca")
        >>> stability(projection, seeds=1).agreement.shape  # PCA draws the same map with every seed
        (24,)
    """
    if seeds < 1:
        raise BadInputError(f"seeds is {seeds}; expected at least 1 more map to compare with.")
    tried = tuple((projection.seed or 0) + step for step in range(1, seeds + 1))
    k, total = projection.k, np.zeros(len(projection), np.float32)
    here = on_map_of(projection, k)
    for seed in tried:
        other = redraw(projection, seed=seed, on_event=on_event, should_stop=should_stop)
        total += shared(here, on_map_of(other, k), k, k)
    chance = k / max(1, len(projection) - 1)
    found = Stability(frozen(total / seeds), tried, chance)
    projection.__dict__["_stability"] = found
    return found


def settings_of(projection: Projection) -> dict[str, Any]:
    """The arguments of `project` that drew this map, but for method, mode, shift and seed."""
    known = projection.parameters
    return {name: known[name] for name in _SETTINGS if known.get(name) is not None}


@verb
def changed_settings(projection: Projection) -> dict[str, Any]:
    """Those of `settings_of` that `project` would not have chosen by itself: what code must say.

    Args:
        projection: of `project`; points made elsewhere have none.

    Returns:
        Names of options of `project` to their values.

    Example:
        >>> import numpy as np
        >>> from workbench.projection import changed_settings, project
        >>> from workbench.results import Embeddings
        >>> vectors = Embeddings.from_array(np.random.default_rng(0).normal(size=(30, 8)))
        >>> changed_settings(project(vectors, method="pca", neighbours=5))
        {'neighbours': 5}
    """
    if projection.method == "given":
        return {}
    usual = {
        name: parameter.default
        for name, parameter in inspect.signature(project).parameters.items()
        if parameter.default is not None
    }
    usual |= {
        "epochs": usual_epochs(projection.method, int(np.count_nonzero(projection.fitted))),
        "fit_at_most": FIT_AT_MOST[projection.method],
        "metric": metric_of(projection.embeddings),
        "reducer": next(iter(REDUCERS[projection.method])),
    }
    return {name: value for name, value in settings_of(projection).items() if value != usual.get(name)}
