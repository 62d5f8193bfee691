"""Zero-shot classification and retrieval: name pictures with words that were never trained as classes.

`classify` gives a `Ranking`, `retrieve` a `Retrieval`; `rescore` moves every other setting without
calling the model again.
"""

from workbench.zeroshot.calibration import fit_temperature, reject_cost, reliability
from workbench.zeroshot.prompts import DEFAULT_TEMPLATES, PHOTO_TEMPLATES
from workbench.zeroshot.scoring import leave_one_out, rescore, template_cosines
from workbench.zeroshot.verbs import classify, retrieve

__all__ = [
    "DEFAULT_TEMPLATES",
    "PHOTO_TEMPLATES",
    "classify",
    "fit_temperature",
    "leave_one_out",
    "reject_cost",
    "reliability",
    "rescore",
    "retrieve",
    "template_cosines",
]
