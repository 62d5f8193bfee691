"""Writers that are tables, with everything about them worked out beside them by another way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.generation import Bigrams

CATS = {"": {"a": 0.6, "the": 0.4}, "a": {"cat": 0.5, "dog": 0.5}, "the": {"cat": 0.9, "dog": 0.1},
        "cat": {"": 0.8, "and": 0.2}, "dog": {"": 1.0}, "and": {"a": 0.5, "the": 0.5}}  # fmt: skip


def random_table(seed: int, words: int = 3) -> Bigrams:
    """Every word after every word, each with its own share; ends may come first, too."""
    draws = np.random.default_rng(seed)
    names = ["", *"abcdefgh"[:words]]
    return Bigrams(
        {name: dict(zip(names, draws.dirichlet(np.ones(len(names))), strict=True)) for name in names}
    )


def enumerated(model: Bigrams, most: int) -> dict[tuple[int, ...], float]:
    """Every answer of at most so many tokens, the cut ones included, with its log-probability."""
    found: dict[tuple[int, ...], float] = {}

    def go(tokens: tuple[int, ...], total: float) -> None:
        if tokens and (tokens[-1] == 0 or len(tokens) == most):
            found[tokens] = total
            return
        for token, share in enumerate(model.shares[tokens[-1] if tokens else 0]):
            if share > 0:
                go((*tokens, token), total + float(np.log(share)))

    go((), 0.0)
    return found


class Changed(Bigrams):
    """A table whose scores somebody changes on the way: `change(logits, step)`, `rule(logits, step)`."""

    def __init__(
        self,
        table: dict[str, dict[str, float]],
        change: Callable[[Tensor, int], Tensor] | None = None,
        rule: Callable[[Tensor, int], Tensor] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(table, **more)
        self.change, self.rule = change or (lambda logits, step: logits), rule

    def begin(self, question: Any, answer: Sequence[int] = ()) -> Any:
        return _Changed(self, super().begin(question, answer), len(answer))


class _Changed:
    def __init__(self, model: Changed, inside: Any, step: int) -> None:
        self._model, self._inside, self._step = model, inside, step
        self.logits = model.change(inside.logits, step)
        self.ruled = self.logits if model.rule is None else model.rule(self.logits, step)

    def extend(self, tokens: Sequence[int], rows: Sequence[int] | None = None) -> Any:
        return _Changed(self._model, self._inside.extend(tokens, rows), self._step + 1)


def forbid(*tokens: int) -> Callable[[Tensor, int], Tensor]:
    """A rule: these may not be said."""

    def rule(logits: Tensor, step: int) -> Tensor:
        ruled = logits.clone()
        ruled[:, list(tokens)] = -np.inf
        return ruled

    return rule


def waiting(turns: threading.Barrier) -> Callable[[Tensor, int], Tensor]:
    """A change that lets two requests go on step by step together."""

    def change(logits: Tensor, step: int) -> Tensor:
        turns.wait(timeout=20)
        return logits

    return change


def not_a_number(at: int) -> Callable[[Tensor, int], Tensor]:
    """A change that spoils one score of a step."""

    def change(logits: Tensor, step: int) -> Tensor:
        spoilt = logits.clone()
        spoilt[-1, 1] = torch.nan if step == at else spoilt[-1, 1]
        return spoilt

    return change
