"""Attribution: how much each patch and each word counts for one number of a pair, and whether that is true.

`attribute` gives a `Heatmap` (or, for several methods, `Attributions`); `faithfulness` gives its scores.
"""

from typing import TYPE_CHECKING, Any

from workbench.attribution.heatmap import Attributions, Cost, Heatmap
from workbench.attribution.methods import METHODS, MethodCard, method_card
from workbench.attribution.opening import open_maps, open_scores
from workbench.attribution.scores import Curve, Faithfulness, Measure, Protocol
from workbench.attribution.targets import Output, Target, contrast, logit, output, probability, similarity

if TYPE_CHECKING:
    from workbench.attribution.available import available_methods
    from workbench.attribution.trust import MEASURES, expected_cost, faithfulness
    from workbench.attribution.verbs import attribute

__all__ = [
    "MEASURES",
    "METHODS",
    "Attributions",
    "Cost",
    "Curve",
    "Faithfulness",
    "Heatmap",
    "Measure",
    "MethodCard",
    "Output",
    "Protocol",
    "Target",
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
    "probability",
    "similarity",
]

_WHERE = {
    "attribute": "verbs",
    "available_methods": "available",
    "faithfulness": "trust",
    "expected_cost": "trust",
    "MEASURES": "trust",
}


def __getattr__(name: str) -> Any:
    # The verbs need torch (seconds); results and cards do not.
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
