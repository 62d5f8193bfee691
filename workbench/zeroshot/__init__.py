"""Zero-shot classification and retrieval: name pictures with words that were never trained as classes.

`classify` gives a `Ranking`, `retrieve` a `Retrieval`; `rescore` moves every other setting without
calling the model again.
"""

from workbench.results import Ranking, Retrieval
from workbench.zeroshot.calibration import RejectCost, Reliability, fit_temperature, reject_cost, reliability
from workbench.zeroshot.classification import classify
from workbench.zeroshot.label_collisions import alike, as_one
from workbench.zeroshot.prompts import DEFAULT_TEMPLATES, PHOTO_TEMPLATES
from workbench.zeroshot.retrieval import retrieve
from workbench.zeroshot.saved_rankings import open_ranking, open_retrieval
from workbench.zeroshot.scoring import leave_one_out, rescore, template_cosines
from workbench.zeroshot.vocabulary_coverage import unread_words

__all__ = [
    "DEFAULT_TEMPLATES",
    "PHOTO_TEMPLATES",
    "Ranking",
    "RejectCost",
    "Reliability",
    "Retrieval",
    "alike",
    "as_one",
    "classify",
    "fit_temperature",
    "leave_one_out",
    "open_ranking",
    "open_retrieval",
    "reject_cost",
    "reliability",
    "rescore",
    "retrieve",
    "template_cosines",
    "unread_words",
]
