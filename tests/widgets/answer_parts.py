"""Answers, attention and writers that are small enough to be known by heart, for the tests of the answer lens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from tests.workbench.generation.tables import CATS, Changed
from workbench.attribution import Heatmap, output
from workbench.generation import Answer, Bigrams, Reliance, WordAttention, write

PICTURE = Image.fromarray(np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3))
GRID = (2, 3)


def writer() -> Bigrams:
    return Bigrams(CATS)


def cat(model: Any = None) -> Answer:
    """ "a cat", and its end."""
    return write(model or writer(), PICTURE, "What is it?", max_new_tokens=9)


def attention(answer: Answer, layers: int = 2, seed: int = 0) -> WordAttention:
    draws = np.random.default_rng(seed)
    maps = draws.random((layers, len(answer), *GRID)) ** 4
    shares = draws.dirichlet(np.ones(4), (layers, len(answer)))
    even = np.tile([0.5, 0.25, 0.25, 0.0], (len(answer), 1))
    names = tuple(f"joint.{layer}" for layer in range(layers))
    return WordAttention(names, maps, shares, even, notes=("a note on the attention",))


def reliance(answer: Answer) -> Reliance:
    bits = np.array([np.arange(len(answer)) - 0.5, np.ones(len(answer))])
    return Reliance(
        answer, ("others", "history"), bits, bits - 0.25, bits + 0.25, (8, 1), ("a note on bits",)
    )


def heatmap(method: str, step: int) -> Heatmap:
    image = np.arange(6, dtype=np.float32).reshape(GRID) - 2 + step
    return Heatmap(method, method.title(), output(0), 0.5, image=image)


class Gate:
    """A writer that waits before a step until it is let go on, and says that it has come there."""

    def __init__(self, at: int) -> None:
        self.at, self.came, self.go_on = at, threading.Event(), threading.Event()
        self.model = Changed(CATS, self._change)

    def _change(self, logits: Any, step: int) -> Any:
        if step == self.at:
            self.came.set()
            assert self.go_on.wait(20)
        return logits

    def waited(self) -> None:
        assert self.came.wait(20)


def gated(at: int) -> Iterator[Gate]:
    gate = Gate(at)
    yield gate
    gate.go_on.set()
