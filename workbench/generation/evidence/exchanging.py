"""What stands in the place of a part of the question, when a word is asked whether it rests on that part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from workbench.data.pairs_input import as_pairs
from workbench.generation.answer import Answer

__all__ = ["BLUR", "as_pictures", "averaged", "blurred", "fitted", "histories", "others"]

BLUR = 1 / 8
"""Radius of the blur, of the picture's shorter side."""


def as_pictures(pictures: Any) -> list[Image.Image]:
    """Pictures in any form that verbs take pairs in, in RGB."""
    return [one.picture.convert("RGB") for one in as_pairs(pictures)]


def fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture cut at its middle and scaled to `size`, so that it is cut into tokens as the other is."""
    return picture if picture.size == size else ImageOps.fit(picture, size, Image.Resampling.BICUBIC)


def blurred(picture: Image.Image) -> Image.Image:
    """What is left of a picture without its details."""
    return picture.convert("RGB").filter(ImageFilter.GaussianBlur(min(picture.size) * BLUR))


def averaged(picture: Image.Image) -> Image.Image:
    """The picture as one colour, its mean."""
    mean = np.asarray(picture.convert("RGB"), float).mean(axis=(0, 1)).round().astype(int)
    return Image.new("RGB", picture.size, tuple(map(int, mean)))


def others(own: Sequence[Image.Image], pool: Sequence[Image.Image], count: int, seed: int
           ) -> list[list[Image.Image]]:  # fmt: skip
    """Up to `count` exchanges, each one other picture of the pool for each own; none is one of the own."""
    held = {one.convert("RGB").tobytes() for one in own}
    sizes = [one.size for one in own]
    free = [one for one in pool if fitted(one, sizes[0]).convert("RGB").tobytes() not in held]
    order = np.random.default_rng(seed).permutation(len(free))
    each = len(own)
    return [
        [fitted(free[place], size) for place, size in zip(order[start : start + each], sizes, strict=True)]
        for start in range(0, min(count, len(free) // each) * each, each)
    ]


def histories(
    answer: Answer, ends: frozenset[int], count: int, seed: int
) -> tuple[list[NDArray[np.int64]], list[int]]:
    """Answers in which every token is another that the model found likely in its place, and the steps that
    have none.

    Each token is drawn by its probability among the alternatives kept for its step, without the chosen one
    and without marks that end an answer.
    """
    chance = np.random.default_rng(seed)
    steps: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    for step, chosen in enumerate(answer.tokens):
        free = np.isfinite(answer.alternative_logp[step]) & np.array(
            [one != chosen and int(one) not in ends for one in answer.alternatives[step]], dtype=bool
        )
        logp = answer.alternative_logp[step][free]
        weight = np.exp(logp - logp.max()) if len(logp) else logp
        steps.append((answer.alternatives[step][free], weight / weight.sum() if len(weight) else weight))
    alone = [step for step, (tokens, _) in enumerate(steps) if not len(tokens)]
    drawn = [
        np.array(
            [
                chance.choice(tokens, p=p) if len(tokens) else chosen
                for (tokens, p), chosen in zip(steps, answer.tokens, strict=True)
            ],
            np.int64,
        )
        for _ in range(count)
    ]
    return drawn, alone
