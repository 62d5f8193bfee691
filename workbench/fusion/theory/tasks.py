"""Tasks with a known answer: two latents, one a modality, shown as tokens; the label is a rule of both.

Fresh items are drawn at every step: with a fixed set a model learns the items by heart, and its loss
on new ones says nothing about what it can represent. Facts are proved or computed in the study the
lab rests on; an additive model is any sum of one score a modality.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.axes import unit

__all__ = ["CLASSES", "FEATURES", "GAUSSIAN", "TASKS", "TOKENS", "Task", "draw"]

TOKENS, FEATURES, CLASSES = 3, 8, 3
GAUSSIAN = (1.0, 0.7)
"""Means of the two modalities of the gaussian task; noise has variance 1."""
_NOISE = 0.3
Latent = NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """A rule, and what each class of fusion reaches on it.

    Attributes:
        values: latents are uniform on 0 .. values - 1 (0 for real-valued ones).
        rule: (a, b) to label; a and b have the same shape.
        classes: number of labels; 1 means that a number is predicted.
        bayes: best accuracy of any model.
        additive_accuracy: best of an additive model (a ceiling that is not worth asserting alone).
        additive_solves: whether an additive model reaches the best.
        additive_nll: least loss of an additive model where it does not solve the task.
        alone: best accuracy from (image, text) alone.
        why: the reason, in one sentence.
    """

    name: str
    values: int
    rule: Callable[[NDArray, NDArray], NDArray]
    classes: int
    bayes: float
    additive_accuracy: float
    additive_solves: bool
    additive_nll: float
    alone: tuple[float, float]
    why: str
    kind: Literal["bits", "match", "real", "gaussian"] = "bits"


TASKS: tuple[Task, ...] = (
    Task("redundant", 2, lambda a, b: a, 2, 1, 1, True, 0, (1, 1), "both say it", "match"),
    Task("unique-image", 2, lambda a, b: a, 2, 1, 1, True, 0, (1, 0.5), "the picture says it"),
    Task("unique-text", 2, lambda a, b: b, 2, 1, 1, True, 0, (0.5, 1), "the text says it"),
    Task(
        "xor", 2, lambda a, b: a ^ b, 2, 1, 0.75, False, math.log(2), (0.5, 0.5),
        "s00 + s11 = s01 + s10, so positives and negatives tie on average: AUROC is exactly 1/2",
    ),
    Task(
        "and", 2, lambda a, b: a & b, 2, 1, 1, True, 0, (0.75, 0.75),
        "half a bit of synergy, and yet a + b > 1.5 decides it",
    ),
    Task(
        "match", 3, lambda a, b: (a == b).astype(np.int64), 2, 1, 0.75, False, math.log(2), (0.5, 0.5),
        "alike in half of the items, each value as often: one modality says nothing", "match",
    ),
    Task(
        "sum-mod", 3, lambda a, b: (a + b) % 3, 3, 1, 7 / 9, False, math.log(3), (1 / 3, 1 / 3),
        "margins of two classes add up to the opposite over their cells",
    ),
    Task(
        "product", 0, lambda a, b: a * b, 1, 1, 0, False, 0, (0, 0),
        "E[ab | a] = E[ab | b] = 0: the best sum explains no variance", "real",
    ),
    Task(
        "gaussian", 0, lambda a, b: a, 2, 0.8889, 0.8889, True, 0, (0.8413, 0.7580),
        "accuracy is Phi of the root of 1.0 squared + 0.7 squared", "gaussian",
    ),
)  # fmt: skip


def draw(
    task: Task, count: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """(image, text, label) of fresh items.

    Shapes:
        image, text: item x token x feature; label: item (a class number, or a number to predict)
    """
    image, text, label = _latents(task, count, random)
    return _shown(task, image, 0, random), _shown(task, text, 1, random), label.astype(np.float32)


def _latents(task: Task, count: int, random: np.random.Generator) -> tuple[NDArray, NDArray, NDArray]:
    if task.kind == "real":
        a, b = random.normal(size=(2, count))
        return a, b, task.rule(a, b)
    if task.kind == "gaussian":
        label = random.integers(0, 2, count)
        a, b = ((2 * label - 1) * mean + random.normal(size=count) for mean in GAUSSIAN)
        return a, b, label
    a, b = random.integers(0, task.values, (2, count))
    if task.name == "redundant":
        b = a
    elif task.kind == "match":  # half of the items alike; otherwise one of the other values
        other = (a + random.integers(1, task.values, count)) % task.values
        b = np.where(random.random(count) < 0.5, a, other)
    return a, b, task.rule(a, b)


def _shown(task: Task, latent: NDArray, modality: int, random: np.random.Generator) -> NDArray[np.float32]:
    """A latent as tokens: each token has a direction for every value (or one for the number), and noise.

    The first feature holds a real-valued latent as it is, so that its closed forms apply.
    """
    noise = random.normal(size=(len(latent), TOKENS, FEATURES)) * _NOISE
    directions = _directions(modality)
    if task.values:
        return (directions[:, latent].transpose(1, 0, 2) + noise).astype(np.float32)
    noise = np.zeros_like(noise) if task.kind == "gaussian" else noise
    return (latent[:, None, None] * directions[:, 0] + noise).astype(np.float32)


def _directions(modality: int) -> NDArray:
    """token x value x feature: fixed directions; a feature varies by about 1, as well-kept inputs do."""
    random = np.random.default_rng(17 + modality)
    return math.sqrt(FEATURES) * unit(random.normal(size=(TOKENS, 4, FEATURES)))
