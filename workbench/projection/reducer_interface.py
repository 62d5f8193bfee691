"""What every reducer takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.projection.modality_gap import Metric
from workbench.projection.neighbour_graph import Neighbours
from workbench.results import OnEvent, ShouldStop

__all__ = ["Drawn", "Reducer", "Task"]


@dataclass(frozen=True, eq=False)
class Task:
    """A map to be drawn.

    Attributes:
        vectors: row x feature, of the space chosen.
        neighbours: the graph of exactly these rows, with the distances the layout goes by.
        start: row x 2 to begin from, or None.
        near: neighbours a point holds on to, itself counted, as umap-learn counts them.
    """

    vectors: NDArray[np.float32]
    neighbours: Neighbours
    seed: int
    near: int = 15
    min_dist: float = 0.1
    epochs: int | None = None
    start: NDArray[np.float32] | None = None
    metric: Metric = "cosine"
    on_event: OnEvent | None = None
    should_stop: ShouldStop | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """Points (row x 2), who drew them, and what the reader should know."""

    points: NDArray[np.float32]
    reducer: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


Reducer = Callable[[Task], Drawn]
