"""Integrated gradients, of pixels and embeddings or of one layer's tokens. Computed by captum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.attention.blocks import blocks_of, outputs_of
from workbench.attribution.activation import feature_module
from workbench.attribution.case import Case, Options
from workbench.attribution.maps import Maps, as_array
from workbench.attribution.masking import cells_of, filling, free_words, padding_of
from workbench.attribution.towers import pick_layer
from workbench.errors import BadInputError
from workbench.hooks import output_changed

__all__ = ["integrated_maps", "layer_integrated_maps", "pooled_over_cells"]

_STEPS = 32


def integrated_maps(case: Case, options: Options) -> Maps:
    """Gradients along the way from a filled picture to this one, times the difference, summed by patch.

    The values sum to the number's difference between the two pictures (completeness).
    """
    from captum.attr import IntegratedGradients

    pixels, filled, steps = case.pixels["pixel_values"], filling(case, options.fill), _steps(options)
    found, gap = IntegratedGradients(_score_pixels(case)).attribute(
        pixels,
        baselines=filled,
        n_steps=steps,
        internal_batch_size=options.batch_size,
        return_convergence_delta=True,
    )
    case.backwards += steps
    image = pooled_over_cells(as_array(found[0]), cells_of(case))
    return Maps(image, _words(case, options), notes=(_gap(gap, steps),))


def layer_integrated_maps(case: Case, options: Options) -> Maps:
    """The same for a block's output (the last but one, if none is named), or for the last map of features."""
    from captum.attr import IntegratedGradients

    module, layer = _stream(case, options.layer)
    pixels, filled, steps = case.pixels["pixel_values"], filling(case, options.fill), _steps(options)
    score = _score_pixels(case)

    def score_states(states: Tensor) -> Tensor:
        with output_changed(module, lambda _: states.clone()):
            return score(pixels.expand(len(states), *pixels.shape[1:]))

    tokens, gap = IntegratedGradients(score_states).attribute(
        _given_by(module, score, pixels),
        baselines=_given_by(module, score, filled),
        n_steps=steps,
        internal_batch_size=options.batch_size,
        return_convergence_delta=True,
    )
    case.backwards += steps
    notes = [_gap(gap, steps)]
    if tokens.ndim == 4:
        first = tokens.permute(0, 3, 1, 2) if tokens.shape[3] > tokens.shape[1] else tokens
        image = as_array(first[0].sum(dim=0))
    else:
        values = tokens[0].sum(dim=-1)
        image = as_array(case.layout.spread(values))
        rest = float(values.sum()) - float(image.sum())
        if case.layout.prefix:
            notes.append(f"{rest:+.4f} belongs to tokens in front of the patches, which no map can show")
    return Maps(image, _words(case, options), layer=layer, notes=tuple(notes))


def pooled_over_cells(values: NDArray[np.floating], grid: tuple[int, int]) -> NDArray[np.floating]:
    """channel x row x col (or patch x value) summed within cells; nothing is lost, whatever the sizes."""
    rows, cols = grid
    if values.ndim == 2:
        return values.sum(axis=1)[: rows * cols].reshape(rows, cols)
    height, width = values.shape[1:]
    by_row, by_col = np.arange(height) * rows // height, np.arange(width) * cols // width
    out = np.zeros(grid, values.dtype)
    np.add.at(out, (by_row[:, None], by_col[None]), values.sum(axis=0))
    return out


def _stream(case: Case, layer: int | None) -> tuple[nn.Module, int | None]:
    if not case.has_tokens:
        return feature_module(case, layer)
    blocks = blocks_of(case.model.image_tower)
    if len(blocks) == 1:
        raise BadInputError(
            f"{case.model.card.name} has one block only, so no layer lies in between; take "
            "'integrated-gradients'."
        )
    chosen = pick_layer(layer, len(blocks), default=-2)
    if chosen == len(blocks) - 1 and case.layout.pooling == "class":
        raise BadInputError(
            f"layer={layer} is the last: of its output only the class token is read, so every patch would be "
            f"0. Take layer={chosen - 1} or earlier."
        )
    return blocks[chosen], chosen


def _words(case: Case, options: Options) -> NDArray[np.floating]:
    """The words' embeddings, from padding in their place to what they are."""
    from captum.attr import IntegratedGradients

    ids, places = case.words["input_ids"], free_words(case)
    if not places:
        return np.zeros(len(case.tokens))
    empty = ids.clone()
    empty[0, [case.first + place for place in places]] = padding_of(case)
    steps = _steps(options)

    table = case.word_embedding

    def score(rows: Tensor) -> Tensor:
        words = {name: value.expand(len(rows), *value.shape[1:]) for name, value in case.words.items()}
        # A copy, for some models add positions in place, which a leaf of the graph does not allow.
        with output_changed(table, lambda _: rows.clone()):
            return case.value(case.image, case.text_features(words))

    with torch.no_grad():
        given, blank = table(ids), table(empty)
    found = IntegratedGradients(score).attribute(
        given, baselines=blank, n_steps=steps, internal_batch_size=options.batch_size
    )
    case.backwards += steps
    return as_array(found[0].sum(dim=-1)[case.span])


def _given_by(module: nn.Module, score: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """What the module gives while the picture is scored (the first of several)."""
    with torch.no_grad(), outputs_of(module) as kept:
        score(pixels)
    return kept[-1]


def _score_pixels(case: Case) -> Callable[[Tensor], Tensor]:
    def score(pixels: Tensor) -> Tensor:
        rest: dict[str, Any] = {
            name: value.expand(len(pixels), *value.shape[1:])
            for name, value in case.pixels.items()
            if name != "pixel_values"
        }
        return case.value(case.image_features({"pixel_values": pixels, **rest}))

    return score


def _steps(options: Options) -> int:
    return options.steps or _STEPS


def _gap(gap: Tensor, steps: int) -> str:
    return f"completeness gap {float(gap.abs().max()):.1e} at {steps} steps"
