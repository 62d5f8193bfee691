"""What the trained model knows, on scenes that it has never seen."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from workbench import data
from workbench.embedding import embed_pictures, embed_texts
from workbench.models.base import DualEncoder
from workbench.recipes.shapes_clip.language import phrases, positives, say_wrongly

__all__ = ["measure"]

_SCENES = 400  # of seed 0; training drew from other seeds
_AMONG = 100


def measure(model: DualEncoder) -> dict[str, Any]:
    """Figures with their chance levels, for the card and the tests.

    Keys: `phrase_to_picture` (the best picture for "a red circle" holds one), `phrase_ranking` (a picture
    with the thing stands above one without), `caption_to_picture`, `picture_to_caption` (among 100), and
    `binding` (the true caption above one with the same words in other places, or one wrong word).
    """
    pairs = data.load("shapes", n=_SCENES, seed=0)
    scenes = list(pairs.columns["scene"])
    pictures, captions = embed_pictures(model, pairs), embed_texts(model, pairs.texts)
    known = phrases()[:30]
    cosine = embed_texts(model, [phrase.text for phrase in known]) @ pictures.T
    holds = positives(scenes, known).T > 0
    asked = [row for row in range(len(known)) if holds[row].any() and not holds[row].all()]
    best = [bool(holds[row][cosine[row].argmax()]) for row in asked]
    above = [_above(cosine[row], holds[row]) for row in asked]
    chance = random.Random("shapes-clip/wrong captions")
    wrong = embed_texts(model, [say_wrongly(scene, chance) for scene in scenes])
    true, false = (pictures * captions).sum(axis=1), (pictures * wrong).sum(axis=1)
    table = captions[:_AMONG] @ pictures[:_AMONG].T
    return {
        "weights": model.weights_hash,
        "scenes": _SCENES,
        "phrase_to_picture": {"value": float(np.mean(best)), "chance": float(holds[asked].mean())},
        "phrase_ranking": {"value": float(np.mean(above)), "chance": 0.5},
        "caption_to_picture": {"value": _first(table), "chance": 1 / _AMONG},
        "picture_to_caption": {"value": _first(table.T), "chance": 1 / _AMONG},
        "binding": {"value": float((true > false).mean()), "chance": 0.5},
    }


def _above(cosine: np.ndarray, holds: np.ndarray) -> float:
    """Share of (with, without) pairs in the right order: the area under the ROC curve."""
    return float((cosine[holds][:, None] > cosine[~holds][None]).mean())


def _first(table: np.ndarray) -> float:
    return float((table.argmax(axis=1) == np.arange(len(table))).mean())
