"""Maps of embedding spaces: `project` draws one, `place` puts a sentence on it, `measures` says how far to trust it.

One neighbour graph is found once and serves the map, the neighbour lists and every figure.
"""

from workbench.projection.align import Alignment, align, similarity
from workbench.projection.neighbours import map_neighbours, nearest_neighbours
from workbench.projection.placing import place
from workbench.projection.result import Neighbours, Placement, Projection
from workbench.projection.space import MODALITIES, MODES, gap, shifted
from workbench.projection.verbs import extend, project

__all__ = [
    "MODALITIES",
    "MODES",
    "Alignment",
    "Neighbours",
    "Placement",
    "Projection",
    "align",
    "extend",
    "gap",
    "map_neighbours",
    "nearest_neighbours",
    "place",
    "project",
    "shifted",
    "similarity",
]
