"""What the outputs of transformers hold: for each class of output its scores, and what their axes mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

__all__ = ["ANSWERS", "VECTORS", "Answer", "answer_for", "scores_in"]

Axes = tuple[str, ...]

_CLASSES: Axes = ("class",)
_WORD: Axes = ("place", "token")
_AT_EACH: Axes = ("place", "class")
_QUERY: Axes = ("object query", "class")
_MASKS: Axes = ("object query", "row", "column")
_MAP: Axes = ("row", "column")


@dataclass(frozen=True)
class Answer:
    """The scores that an output of some class holds.

    Attributes:
        outputs: what the name of the output's class holds, a regular expression.
        scores: field -> its axes after the item's. The last of "class", "token", "text" takes the target's
            index, the others take its place.
        default: the field that is explained where none is named; "" where the output answers several
            questions and one must be named; "span" for the start and the end of a span of text.
        masked: tokens are told at their own place, not after it.
    """

    outputs: str
    scores: Mapping[str, Axes]
    default: str
    masked: bool = False


_HEADS: Mapping[str, Axes] = {
    "prediction_logits": _WORD,
    "seq_relationship_logits": _CLASSES,
    "sop_logits": _CLASSES,
    "cross_relationship_score": _CLASSES,
    "question_answering_score": _CLASSES,
}

ANSWERS: tuple[Answer, ...] = (
    Answer(r"^(Electra|Funnel)ForPreTraining", {"logits": ("place",)}, "logits"),
    Answer(r"(MAE|Hiera)\w*(ForPreTraining|Decoder)", {"logits": ("patch", "value")}, "logits"),
    Answer(r"ForPreTraining", _HEADS, "", masked=True),
    Answer(r"TableQuestionAnswering", {"logits": ("place",), "logits_aggregation": _CLASSES}, ""),
    Answer(r"LxmertForQuestionAnswering", {"question_answering_score": _CLASSES}, "question_answering_score"),
    Answer(r"QuestionAnswering\w*Output", {"start_logits": ("place",), "end_logits": ("place",)}, "span"),
    Answer(r"TokenClassif|EntitySpanClassif", {"logits": _AT_EACH}, "logits"),
    Answer(r"MultipleChoice", {"logits": ("choice",)}, "logits"),
    Answer(
        r"Classif|NextSentencePredict|XVector",
        {"logits": _CLASSES, "cls_logits": _CLASSES, "distillation_logits": _CLASSES,
         "prediction_logits": _CLASSES},
        "logits",
    ),
    Answer(
        r"^Owl\w*ObjectDetection",
        {"logits": ("patch", "text"), "objectness_logits": ("patch",)}, "logits",
    ),
    Answer(r"GroundingDino\w*ObjectDetection", {"logits": ("object query", "word of the text")}, "logits"),
    Answer(r"OmDet\w*ObjectDetection", {"decoder_class_logits": _QUERY}, "decoder_class_logits"),
    Answer(r"ObjectDetection|Detr\w*Segmentation", {"logits": _QUERY, "pred_masks": _MASKS}, "logits"),
    Answer(
        r"(Instance|Universal)Segmentation",
        {"class_queries_logits": _QUERY, "masks_queries_logits": _MASKS}, "class_queries_logits",
    ),
    Answer(r"SemanticSegmenter", {"logits": ("class", *_MAP)}, "logits"),
    Answer(r"CLIPSeg\w*Segmentation", {"logits": _MAP}, "logits"),
    Answer(r"Depth", {"predicted_depth": _MAP}, "predicted_depth"),
    Answer(r"^Blip2ImageTextMatching", {"logits_per_image": ("match",)}, "logits_per_image"),
    Answer(r"ImageTextMatching", {"itm_score": ("match",)}, "itm_score"),
    Answer(r"MaskedLM|MaskedImage|MaskedWord", {"logits": _WORD}, "logits", masked=True),
    Answer(r"DoubleHeads", {"logits": _WORD, "mc_logits": ("choice",)}, "logits"),
    Answer(
        r"(LM|CausalLM|Seq2SeqLM|Seq2SeqMoE|LMHead|LMHeadModel|ForConditionalGenerationModel)"
        r"(Output)?(With\w+)?$",
        {"logits": _WORD}, "logits",
    ),
)  # fmt: skip
"""The first whose expression is found in the name of the output's class counts."""

PAIR: Mapping[str, Axes] = {"logits_per_image": ("text",), "logits_per_text": ("text",)}
VECTORS = ("image_embeds", "text_embeds", "pooler_output", "pooled_output", "multimodal_embeddings",
           "last_hidden_state")  # fmt: skip
"""What a model without a head gives, the first that is there; one vector an item, or one a token."""


def answer_for(output: Any, *, vocabulary: int | None, length: int) -> Answer | None:
    """The scores of an output; None where its class is in no row and its shape says nothing either.

    Args:
        vocabulary: number of tokens that the model knows. length: tokens that it reads, or writes.
    """
    kind = type(output).__name__
    for answer in ANSWERS:
        if re.search(answer.outputs, kind) and any(name in output for name in answer.scores):
            return answer
    if isinstance(output.get("logits_per_image"), Tensor):
        return Answer("", PAIR, "logits_per_image")
    logits = output.get("logits")
    if isinstance(logits, Tensor) and logits.ndim == 2:
        return Answer("", {"logits": _CLASSES}, "logits")
    if isinstance(logits, Tensor) and logits.ndim == 3 and logits.shape[-1] == vocabulary:
        return Answer("", {"logits": _WORD}, "logits") if logits.shape[1] == length else None
    return None


def scores_in(output: Mapping[str, Any]) -> list[str]:
    """Fields of an output that hold numbers for each item."""
    return [
        name for name, value in output.items()
        if isinstance(value, Tensor) and value.is_floating_point() and value.ndim > 1
    ]  # fmt: skip
