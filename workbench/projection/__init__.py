"""Maps of embedding spaces: `project` draws one, `place` puts a sentence on it, `measures` judges it.

One neighbour graph is found once and serves the map, the neighbour lists and every figure.
"""

from workbench.projection.align import Alignment, align, similarity
from workbench.projection.graph import Neighbours
from workbench.projection.layers import LayerMaps, project_layers
from workbench.projection.measures import Measure, measures, pair_figures
from workbench.projection.neighbours import map_neighbours, nearest_neighbours
from workbench.projection.opening import open_alignment, open_layers, open_projection
from workbench.projection.overlap import neighbours_of
from workbench.projection.pairing import contrastive_loss, pair_ranks, recall
from workbench.projection.placing import encoder_of, place
from workbench.projection.quality import PointQuality, Stability, known_stability
from workbench.projection.ranks import RankShare, continuity, trustworthiness
from workbench.projection.redrawing import changed_settings, redraw, stability
from workbench.projection.result import Placement, Projection
from workbench.projection.space import METRICS, MODALITIES, MODES, are_unit, gap, shifted
from workbench.projection.verbs import extend, project

__all__ = [
    "METRICS",
    "MODALITIES",
    "MODES",
    "Alignment",
    "LayerMaps",
    "Measure",
    "Neighbours",
    "Placement",
    "PointQuality",
    "Projection",
    "RankShare",
    "Stability",
    "align",
    "are_unit",
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
    "neighbours_of",
    "open_alignment",
    "open_layers",
    "open_projection",
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
