"""What `project` is asked for, checked before anything is computed: what was given, and what would do."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import BadInputError
from workbench.projection.projection_result import Projection
from workbench.results import Embeddings

__all__ = ["check_request"]


def check_request(
    embeddings: Any, neighbours: Any, min_dist: Any, epochs: Any, fit_at_most: Any, seed: Any, start: Any
) -> None:
    """Refuse what no map can be drawn of.

    Raises:
        BadInputError: no embeddings, a number that is none or out of its range, a start of other rows.
    """
    if not isinstance(embeddings, Embeddings):
        raise BadInputError(
            f"embeddings is of type {type(embeddings).__name__}; expected Embeddings. Wrap vectors from "
            "anywhere: project(Embeddings.from_array(x))."
        )
    if not len(embeddings):
        raise BadInputError("There is nothing to project: the embeddings are empty. Embed at least one item.")
    _whole("neighbours", neighbours, 2, "a point and one other")
    if not isinstance(min_dist, (int, float, np.number)) or not 0 <= min_dist <= 1:
        raise BadInputError(f"min_dist is {min_dist!r}; expected 0 to 1.")
    if epochs is not None:
        _whole("epochs", epochs, 1, "one round of the layout")
    if fit_at_most is not None:
        _whole("fit_at_most", fit_at_most, 2, "the points that the others are placed among")
    if seed is not None:
        _whole("seed", seed, 0, "or None to draw one")
    if start is not None:
        _check_start(start, len(embeddings.vectors))


def _whole(name: str, value: Any, least: int, why: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise BadInputError(f"{name} is {value!r}; expected a whole number of at least {least}: {why}.")


def _check_start(start: Any, rows: int) -> None:
    if not isinstance(start, Projection):
        raise BadInputError(f"start is of type {type(start).__name__}; expected an old map, a Projection.")
    if len(start) != rows:
        raise BadInputError(
            f"start has {len(start):,} points; these embeddings have {rows:,} rows. A map begins at an old "
            "map of the same rows; to add items to a map, use extend()."
        )
