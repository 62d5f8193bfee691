"""Maps of embedding spaces: `project` draws one, `place` puts a sentence on it, `measures` judges it.

One neighbour graph is found once and serves the map, the neighbour lists and every figure.
"""

from workbench.projection.align import Alignment, align, similarity
from workbench.projection.layers import LayerMaps, project_layers
from workbench.projection.measures import Measure, measures, pair_figures
from workbench.projection.neighbours import map_neighbours, nearest_neighbours
from workbench.projection.pairing import contrastive_loss, pair_ranks, recall
from workbench.projection.placing import encoder_of, place
from workbench.projection.quality import (
    PointQuality,
    Stability,
    continuity,
    known_stability,
    stability,
    trustworthiness,
)
from workbench.projection.redrawing import changed_settings, redraw
from workbench.projection.result import Neighbours, Placement, Projection
from workbench.projection.space import MODALITIES, MODES, gap, shifted
from workbench.projection.verbs import extend, project

__all__ = [
    "MODALITIES",
    "MODES",
    "Alignment",
    "LayerMaps",
    "Measure",
    "Neighbours",
    "Placement",
    "PointQuality",
    "Projection",
    "Stability",
    "align",
    "changed_settings",
    "continuity",
    "contrastive_loss",
    "encoder_of",
    "extend",
    "gap",
    "known_stability",
    "map_neighbours",
    "measures",
    "nearest_neighbours",
    "pair_figures",
    "pair_ranks",
    "place",
    "project",
    "project_layers",
    "recall",
    "redraw",
    "shifted",
    "similarity",
    "stability",
    "trustworthiness",
]
