"""Maps made by taking parts away: one at a time, or in random coalitions. Computed by captum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from math import comb
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.attribution.explained.explained import Explained, Scores
from workbench.attribution.method_interface import Maps, Options
from workbench.runtime import seeded

__all__ = ["ablated", "exact_shapley", "kernel_shap_maps", "occlusion_maps", "shapley"]

_SHAP_SAMPLES_A_PLAYER = 6
_EXACT_UP_TO = 10  # players: 1,024 coalitions


def occlusion_maps(explained: Explained, options: Options) -> Maps:
    """How much the score falls when one cell of the picture (one word) is taken away."""
    return _both(explained, options, ablated)


def kernel_shap_maps(explained: Explained, options: Options) -> Maps:
    """Shapley values of cells (of words): exact for few, else by weighted least squares over coalitions."""
    return _both(explained, options, shapley)


def ablated(scores: Scores, players: int, options: Options) -> NDArray:
    """player: how much `scores` falls without it."""
    from captum.attr import FeatureAblation

    many = max(1, min(options.batch_size, players))
    found = FeatureAblation(_captum(scores)).attribute(
        torch.ones(1, players), baselines=0.0, perturbations_per_eval=many
    )
    return found[0].numpy()


def shapley(scores: Scores, players: int, options: Options) -> NDArray:
    """player: its Shapley value; exact for up to ten, unless `samples` asks for fewer than all coalitions."""
    from captum.attr import KernelShap

    if players <= _EXACT_UP_TO and (options.samples is None or options.samples >= 2**players):
        return exact_shapley(scores, players)
    samples = options.samples or max(64, _SHAP_SAMPLES_A_PLAYER * players)

    class Drawn(KernelShap):
        """Draws all coalitions before the model sees any: the generator it draws from is everybody's."""

        def kernel_shap_perturb_generator(self, original_inp: Any, **kwargs: Any) -> Iterator[Tensor]:
            with seeded(options.seed):
                drawn = list(islice(super().kernel_shap_perturb_generator(original_inp, **kwargs), samples))
            yield from drawn

    drawn = Drawn(_captum(scores))
    fit = drawn.interpretable_model.fit

    def fitted(*given: Any, **named: Any) -> Any:
        with seeded(options.seed):  # its loader of batches draws a number from everybody's generator
            return fit(*given, **named)

    drawn.interpretable_model.fit = fitted
    found = drawn.attribute(
        torch.ones(1, players), baselines=0.0, n_samples=samples, perturbations_per_eval=options.batch_size
    )
    return found[0].numpy()


def exact_shapley(scores: Scores, players: int) -> NDArray:
    """player: the mean of what it adds to those before it, over all orders in which they may come.

    Source: Shapley 1953, "A value for n-person games", with every one of the 2^players coalitions scored.
    """
    keep = (np.arange(2**players)[:, None] >> np.arange(players)) & 1
    value = np.asarray(scores(keep.astype(float)), np.float64)
    size = keep.sum(axis=1)
    # The share of orders in which just the members of a coalition of this size have come before a player.
    before = np.array([1 / (players * comb(players - 1, count)) for count in range(players)])
    found = np.empty(players)
    for player in range(players):
        without = np.flatnonzero(keep[:, player] == 0)
        found[player] = (before[size[without]] * (value[without | (1 << player)] - value[without])).sum()
    return found


def _both(explained: Explained, options: Options, explain: Callable[[Scores, int, Options], NDArray]) -> Maps:
    image, text = None, explained.unmarked_text
    if explained.grid is not None:
        rows, cols = explained.grid
        scores = explained.picture_scores(options.fill, options.batch_size)
        image = explain(scores, rows * cols, options).reshape(rows, cols)
    free = list(explained.free_tokens)
    if free:
        text = np.zeros(len(explained.tokens))
        text[free] = explain(explained.text_scores(options.batch_size), len(free), options)
    return Maps(image, text)


def _captum(scores: Scores) -> Callable[[Tensor], Tensor]:
    return lambda keep: torch.from_numpy(np.asarray(scores(keep.detach().cpu().numpy())))
