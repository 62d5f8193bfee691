"""Maps of embedding spaces: `project` draws one, `place` puts a sentence on it, `measures` judges it.

One neighbour graph is found once and serves the map, the neighbour lists and every figure.
"""

from workbench.projection.layer_maps import LayerMaps, project_layers
from workbench.projection.modality_gap import METRICS, MODALITIES, MODES, are_unit, gap, shifted
from workbench.projection.neighbour_graph import Neighbours
from workbench.projection.neighbour_overlap import neighbours_of
from workbench.projection.neighbour_search import map_neighbours, nearest_neighbours
from workbench.projection.out_of_sample import encoder_of, place
from workbench.projection.point_quality import PointQuality, Stability, known_stability
from workbench.projection.procrustes import Alignment, Similarity, align, similarity
from workbench.projection.project_vectors import extend, project
from workbench.projection.projection_result import Placement, Projection
from workbench.projection.quality_measures import Measure, measures, pair_figures
from workbench.projection.redraw_map import changed_settings, redraw, stability
from workbench.projection.retrieval_metrics import PairRanks, contrastive_loss, pair_ranks, recall
from workbench.projection.saved_maps import open_alignment, open_layers, open_projection
from workbench.projection.trustworthiness_continuity import RankShare, continuity, trustworthiness

__all__ = [
    "METRICS",
    "MODALITIES",
    "MODES",
    "Alignment",
    "LayerMaps",
    "Measure",
    "Neighbours",
    "PairRanks",
    "Placement",
    "PointQuality",
    "Projection",
    "RankShare",
    "Similarity",
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
