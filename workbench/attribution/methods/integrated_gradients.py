"""Integrated gradients, of pixels and embeddings or of one layer's tokens. Computed by captum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.attention.blocks import blocks_of, outputs_of
from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.explained.explained import Differentiable, Explained
from workbench.attribution.method_interface import Maps, Options, as_array, pick_layer
from workbench.attribution.methods.class_activation import channels_first, feature_module
from workbench.errors import BadInputError
from workbench.hooks import output_changed

__all__ = ["integrated_maps", "layer_integrated_maps"]

_STEPS = 32


def integrated_maps(explained: Explained, options: Options) -> Maps:
    """Gradients along the way from a filled picture to this one, times the difference, summed by cell.

    Of the text the same for its embeddings, on the way from padding in their place. The values sum to the
    score's difference between the two inputs (completeness).

    Source: Sundararajan, Taly and Yan 2017, equation 1.
    """
    picture, notes, image = explained.picture_input(options.fill), [], None
    if picture is not None:
        found, gap = _along_the_way(picture.score, picture.given, picture.baseline, options)
        explained.backwards += _steps(options)
        image = picture.collect(found[0])
        notes.append(_gap(gap, options))
    return Maps(image, _words(explained, options), notes=tuple(notes))


def layer_integrated_maps(explained: ExplainedPair, options: Options) -> Maps:
    """The same for a block's output (the last but one, if none is named), or for the last map of features."""
    module, layer = _layer(explained, options.layer)
    picture = explained.picture_input(options.fill)

    def score_states(states: Tensor) -> Tensor:
        with output_changed(module, lambda _: states.clone()):
            return picture.score(picture.given.expand(len(states), *picture.given.shape[1:]))

    tokens, gap = _along_the_way(
        score_states,
        _given_by(module, picture, picture.given),
        _given_by(module, picture, picture.baseline),
        options,
    )
    explained.backwards += _steps(options)
    notes = [_gap(gap, options)]
    if tokens.ndim == 4:
        image = as_array(channels_first(tokens)[0].sum(dim=0))
    else:
        values = tokens[0].sum(dim=-1)
        image = explained.on_grid(values)
        rest = float(values.sum()) - float(image.sum())
        if explained.layout.first_patch:
            notes.append(f"{rest:+.4f} belongs to tokens in front of the patches, which no map can show")
    return Maps(image, _words(explained, options), layer=layer, notes=tuple(notes))


def _words(explained: Explained, options: Options) -> NDArray[Any] | None:
    """The words' embeddings, from padding in their place to what they are."""
    text = explained.text_input()
    if text is None:
        return explained.unmarked_text
    found, _ = _along_the_way(text.score, text.given, text.baseline, options, gap=False)
    explained.backwards += _steps(options)
    return text.collect(found[0])


def _along_the_way(
    score: Callable[[Tensor], Tensor], given: Tensor, baseline: Tensor, options: Options, *, gap: bool = True
) -> tuple[Tensor, Tensor]:
    """What each number of the input adds, and by how much the sum misses the difference of the scores.

    The gap costs a pass of either end; where it is not asked for it is 0.
    """
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(score).attribute(
        given,
        baselines=baseline,
        n_steps=_steps(options),
        internal_batch_size=options.batch_size,
        return_convergence_delta=gap,
    )
    return found if gap else (found, torch.zeros(1))


def _layer(explained: ExplainedPair, layer: int | None) -> tuple[nn.Module, int | None]:
    if not explained.has_tokens:
        return feature_module(explained, layer)
    blocks = blocks_of(explained.model.image_tower)
    if len(blocks) == 1:
        raise BadInputError(
            f"{explained.model.card.name} has one block only, so no layer lies in between; take "
            "'integrated-gradients'."
        )
    chosen = pick_layer(layer, len(blocks), default=-2)
    if chosen == len(blocks) - 1 and explained.layout.pooling == "token":
        raise BadInputError(
            f"layer={layer} is the last: of its output only the class token is read, so every patch would be "
            f"0. Take layer={chosen - 1} or earlier."
        )
    return blocks[chosen], chosen


def _given_by(module: nn.Module, picture: Differentiable, pixels: Tensor) -> Tensor:
    """What the module gives while the picture is scored (the first of several)."""
    with torch.no_grad(), outputs_of(module) as kept:
        picture.score(pixels)
    return kept[-1]


def _steps(options: Options) -> int:
    return options.steps or _STEPS


def _gap(gap: Tensor, options: Options) -> str:
    return f"completeness gap {float(gap.abs().max()):.1e} at {_steps(options)} steps"
