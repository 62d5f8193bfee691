"""Widgets for what `workbench` computes: `show(result)` picks the one that fits.

from widgets import show
board = show(classify(model, pairs, labels))
"""

from widgets.answer.answer_lens import AnswerLens
from widgets.atlas.embedding_atlas import EmbeddingAtlas
from widgets.atlas.pair import AtlasPair
from widgets.attribution.attribution_board import AttributionBoard
from widgets.fusion.fusion_board import FusionBoard
from widgets.lens.attention_lens import AttentionLens
from widgets.progress import Progress, usual_progress
from widgets.show import show
from widgets.snapshot import Snapshot
from widgets.zero_shot.zero_shot_board import ZeroShotBoard
from workbench.results import listen_by_default

__all__ = [
    "AnswerLens",
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

# The one thing that happens at import: whoever imports widgets has a screen, and long verbs may speak on it.
listen_by_default(usual_progress)
