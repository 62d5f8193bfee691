"""The same map once more: by the reducer and the settings that drew it, with one thing changed."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from workbench.errors import BadInputError
from workbench.projection.reducers import REDUCERS, usual_epochs
from workbench.projection.result import Projection
from workbench.projection.verbs import FIT_AT_MOST, project
from workbench.results import OnEvent, ShouldStop

__all__ = ["changed_settings", "redraw", "settings_of"]

_SETTINGS = ("neighbours", "min_dist", "epochs", "reducer", "fit_at_most", "exact")


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
        seed: None keeps the map's own.
        shift: share of the gap that is closed; None leaves the mode as it is.
        start: a map of the same rows to begin at.

    Raises:
        BadInputError: the points were made elsewhere, so they cannot be drawn again.
        Cancelled: `should_stop` returned true.
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


def settings_of(projection: Projection) -> dict[str, Any]:
    """The arguments of `project` that drew this map, but for method, mode, shift and seed."""
    known = projection.parameters
    return {name: known[name] for name in _SETTINGS if known.get(name) is not None}


def changed_settings(projection: Projection) -> dict[str, Any]:
    """Those of `settings_of` that `project` would not have chosen by itself: what code must say."""
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
        "reducer": next(iter(REDUCERS[projection.method])),
    }
    return {name: value for name, value in settings_of(projection).items() if value != usual.get(name)}
