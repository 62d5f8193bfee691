"""Attribution: how much each patch and each word counts for one number of a pair, and whether that is true.

`attribute` gives a `Heatmap` (or, for several methods, `Attributions`); `faithfulness` gives its scores.
"""

from workbench.attribution.heatmap import Attributions, Cost, Heatmap
from workbench.attribution.methods import METHODS, MethodCard, available_methods, method_card
from workbench.attribution.scores import Curve, Faithfulness, Measure, Protocol
from workbench.attribution.targets import Target, contrast, logit, probability, similarity

__all__ = [
    "METHODS",
    "Attributions",
    "Cost",
    "Curve",
    "Faithfulness",
    "Heatmap",
    "Measure",
    "MethodCard",
    "Protocol",
    "Target",
    "available_methods",
    "contrast",
    "logit",
    "method_card",
    "probability",
    "similarity",
]
