"""Attribution: how much each patch and each word counts for one score of a pair, and whether that is true.

`attribute` gives a `Heatmap` (or, for several methods, `Attributions`); `faithfulness` gives its scores.

    explain           the verb; `available` says which methods fit a model
    heatmap           what it gives; `saved_maps` opens it again
    targets           which scalar is explained
    token_similarity  cosines of words and patches
    method_interface  a method's card, its options, the raw arrays that it gives
    methods/          the methods, and the registry that takes yours
    explained/        what is explained: a pair in a dual encoder, or any model with its inputs
    evaluation/       whether a map is true: faithfulness, pointing games, ablation
"""

from typing import TYPE_CHECKING, Any

from workbench.attribution.evaluation.faithfulness_result import Curve, Faithfulness, Measure, Protocol
from workbench.attribution.heatmap import Attributions, Cost, Heatmap
from workbench.attribution.method_interface import Maps, MethodCard, Options
from workbench.attribution.methods.registry import METHODS, method_card, register_method, registered_methods
from workbench.attribution.saved_maps import open_maps, open_scores
from workbench.attribution.targets import Output, Target, contrast, logit, output, probability, similarity

if TYPE_CHECKING:
    from workbench.attribution.available import available_methods
    from workbench.attribution.evaluation.ablation import Without, score_without
    from workbench.attribution.evaluation.faithfulness import MEASURES, expected_cost, faithfulness
    from workbench.attribution.evaluation.pointing_game import PointingTable, play_pointing, pointing_card
    from workbench.attribution.evaluation.word_pointing_game import (
        WordPointing,
        point_words,
        word_pointing_card,
    )
    from workbench.attribution.explain import attribute
    from workbench.attribution.token_similarity import token_cosines

__all__ = [
    "MEASURES",
    "METHODS",
    "Attributions",
    "Cost",
    "Curve",
    "Faithfulness",
    "Heatmap",
    "Maps",
    "Measure",
    "MethodCard",
    "Options",
    "Output",
    "PointingTable",
    "Protocol",
    "Target",
    "Without",
    "WordPointing",
    "attribute",
    "available_methods",
    "contrast",
    "expected_cost",
    "faithfulness",
    "logit",
    "method_card",
    "open_maps",
    "open_scores",
    "output",
    "play_pointing",
    "point_words",
    "pointing_card",
    "probability",
    "register_method",
    "registered_methods",
    "score_without",
    "similarity",
    "token_cosines",
    "word_pointing_card",
]

_WHERE = {
    "attribute": "explain",
    "available_methods": "available",
    "token_cosines": "token_similarity",
    **dict.fromkeys(("MEASURES", "expected_cost", "faithfulness"), "evaluation.faithfulness"),
    **dict.fromkeys(("Without", "score_without"), "evaluation.ablation"),
    **dict.fromkeys(("PointingTable", "play_pointing", "pointing_card"), "evaluation.pointing_game"),
    **dict.fromkeys(("WordPointing", "point_words", "word_pointing_card"), "evaluation.word_pointing_game"),
}


def __getattr__(name: str) -> Any:
    # The verbs need torch (seconds); results and cards do not.
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
