"""Zero-shot classification and retrieval: name pictures with words that were never trained as classes.

`classify` gives a `Ranking`, `retrieve` a `Retrieval`; `rescore` moves every other setting without
calling the model again.
"""

from workbench.results import Ranking, Retrieval
from workbench.zeroshot.calibration import RejectCost, Reliability, fit_temperature, reject_cost, reliability
from workbench.zeroshot.classification import classify
from workbench.zeroshot.label_collisions import alike, as_one
from workbench.zeroshot.prompts import (
    DEFAULT_TEMPLATES,
    PHOTO_TEMPLATES,
    check_labels,
    check_template,
    check_templates,
)
from workbench.zeroshot.query_arithmetic import Term, composed_vector, parse_query
from workbench.zeroshot.retrieval import retrieve
from workbench.zeroshot.saved_rankings import open_ranking, open_retrieval
from workbench.zeroshot.scoring import (
    ENSEMBLES,
    MEASURES,
    RULES,
    Measure,
    leave_one_out,
    reject_scores,
    rescore,
    take,
    template_cosines,
)
from workbench.zeroshot.vocabulary_coverage import unread_words

__all__ = [
    "DEFAULT_TEMPLATES",
    "ENSEMBLES",
    "MEASURES",
    "PHOTO_TEMPLATES",
    "RULES",
    "Measure",
    "Ranking",
    "RejectCost",
    "Reliability",
    "Retrieval",
    "Term",
    "alike",
    "as_one",
    "check_labels",
    "check_template",
    "check_templates",
    "classify",
    "composed_vector",
    "fit_temperature",
    "leave_one_out",
    "open_ranking",
    "open_retrieval",
    "parse_query",
    "reject_cost",
    "reject_scores",
    "reliability",
    "rescore",
    "retrieve",
    "take",
    "template_cosines",
    "unread_words",
]
