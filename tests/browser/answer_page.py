"""An answer that looks the same on every machine: a table writes it, and its attention is drawn by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.generation import Answer, Bigrams, WordAttention, sample, write

__all__ = ["an_answer", "its_attention"]

TABLE = {
    "": {"a": 1}, "a": {"small": 5, "large": 4, "yellow": 1}, "small": {"yellow": 6, "red": 3, "green": 1},
    "large": {"red": 11, "yellow": 5, "green": 4}, "yellow": {"star": 12, "square": 5, "circle": 3},
    "red": {"circle": 11, "square": 6, "star": 3}, "green": {"triangle": 1, "circle": 1},
    "star": {"to": 5, "and": 3, "": 2}, "circle": {"to": 2, "and": 3, "": 5}, "square": {"": 7, "and": 3},
    "triangle": {"": 1}, "to": {"the": 1}, "the": {"left": 6, "right": 4}, "left": {"of": 1}, "right": {"of": 1},
    "of": {"a": 1}, "and": {"a": 1},
}  # fmt: skip
LAYERS, SIDE = 8, 8


def an_answer(pair: Any, model: Bigrams) -> Answer:
    return write(model, pair, "What is in the picture?", how=sample(seed=4), max_new_tokens=24)


def its_attention(answer: Answer) -> WordAttention:
    """A spot that wanders over the picture from word to word and is sharper in every layer."""
    rows, cols = np.mgrid[:SIDE, :SIDE]
    steps = np.arange(len(answer))
    layers = np.arange(1, LAYERS + 1)
    row, col = 3.5 + 3 * np.sin(steps), 3.5 + 3 * np.cos(2 * steps)
    away = (rows - row[:, None, None]) ** 2 + (cols - col[:, None, None]) ** 2
    maps = np.exp(-away[None] * layers[:, None, None, None] / 12)
    picture = 0.3 + 0.4 * (layers[:, None] / LAYERS) * (0.6 + 0.4 * np.cos(steps))[None]
    rest = 1 - picture
    shares = np.stack([picture, 0.4 * rest, 0.4 * rest, 0.2 * rest], axis=-1)
    maps = maps / maps.sum(axis=(2, 3), keepdims=True) * picture[..., None, None]
    places = np.stack(
        [np.full(len(steps), 64.0), np.full(len(steps), 6.0), steps, np.full(len(steps), 5.0)], axis=1
    )
    names = tuple(f"joint.{layer}" for layer in range(LAYERS))
    return WordAttention(names, maps, shares, places / places.sum(axis=1, keepdims=True))
