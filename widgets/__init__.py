"""Widgets for what `workbench` computes: `show(result)` picks the one that fits.

from widgets import show
board = show(classify(model, pairs, labels))
"""

from widgets.atlas_pair import AtlasPair
from widgets.attention_lens import AttentionLens
from widgets.attribution_board import AttributionBoard
from widgets.embedding_atlas import EmbeddingAtlas
from widgets.fusion_board import FusionBoard
from widgets.progress import Progress
from widgets.show import show
from widgets.snapshot import Snapshot
from widgets.zero_shot_board import ZeroShotBoard

__all__ = [
    "AtlasPair",
    "AttentionLens",
    "AttributionBoard",
    "EmbeddingAtlas",
    "FusionBoard",
    "Progress",
    "Snapshot",
    "ZeroShotBoard",
    "show",
]
