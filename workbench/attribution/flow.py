"""Maps made from attention: as it is, rolled out over layers, and weighted by gradients.

The functions on tensors at the end are the equations of the papers and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.attention.recorder import Call, Parts
from workbench.attention.rollout import rolled_out
from workbench.attribution.case import Case, Options, in_parts
from workbench.attribution.maps import Maps, as_array
from workbench.attribution.towers import Layout, pick_layer, tail
from workbench.errors import UnsupportedError

__all__ = [
    "attention_maps",
    "grad_eclip",
    "grad_eclip_maps",
    "legrad",
    "legrad_maps",
    "legrad_pooled",
    "relevance",
    "relevance_maps",
    "rollout_maps",
]

_LEGRAD_LAYERS = 6  # at most: the paper's default for ViT-B sums the last layers
_ECLIP_TEXT_LAYERS = 8  # as in the authors' code


def attention_maps(case: Case, options: Options) -> Maps:
    """The pooled token's row of one layer (the last, if none is named), averaged over heads."""
    with torch.inference_mode(False), torch.enable_grad():
        seen, layout = case.image_pass(), case.layout
        inner = _inner(seen.layers)
        layer = pick_layer(options.layer, len(inner))
        pool = seen.layers[-1] if layout.pooling == "attention" and options.layer is None else None
        image = _heads(pool)[0] if pool is not None else _read(_heads(inner[layer]), layout)
        text = case.text_pass()
        row = case.read_row(text)
        chosen = pick_layer(options.layer if options.layer != layer else None, len(text.layers))
        chosen = min(layer, chosen) if options.layer is not None else chosen
        told = _row(_heads(text.layers[chosen]), row)
        return Maps(as_array(layout.spread(image)), as_array(told[case.span]), layer=layer)


def rollout_maps(case: Case, options: Options) -> Maps:
    """Attention of all layers from `start_layer` (0) multiplied, residual connections counted as half."""
    with torch.inference_mode(False), torch.enable_grad():
        seen, layout = case.image_pass(), case.layout
        inner = _inner(seen.layers)
        start = pick_layer(options.start_layer, len(inner), default=0, called="start_layer")
        through = _rollout(inner[start:])
        if layout.pooling == "attention":
            image = _heads(seen.layers[-1])[0] @ through
        else:
            image = _read(through, layout)
        text = case.text_pass()
        told = _row(_rollout(text.layers), case.read_row(text))
        words = as_array(told[case.span])
        return Maps(as_array(layout.spread(image)), words, start_layer=start)


def relevance_maps(case: Case, options: Options) -> Maps:
    """Gradient-weighted attention, accumulated from `start_layer` on: the last layer, if none is named.

    With all layers of a large CLIP the maps spread over the whole picture (their issue #8), so the authors'
    own notebook reads the last layer alone.
    """
    seen, layout = case.image_pass(), case.layout
    inner = _inner(seen.layers)
    start = pick_layer(options.start_layer, len(inner), called="start_layer")
    used = [*inner[start:], *(layer for layer in seen.layers if layer.pools)]
    grads = case.gradient(case.value(seen.features), *(layer.weights for layer in used))
    through = relevance(
        [layer.weights[0] for layer in inner[start:]], [grad[0] for grad in grads[: len(inner) - start]]
    )
    if layout.pooling == "attention":
        image = (grads[-1][0] * used[-1].weights[0]).clamp(min=0).mean(dim=0)[0] @ through
    else:
        image = _read(through - torch.eye(len(through)).to(through), layout)
    text, first = _text_relevance(case, options)
    notes = (f"the words from layer {first} on",) if first != start else ()
    return Maps(as_array(layout.spread(image)), text, start_layer=start, notes=notes)


def _text_relevance(case: Case, options: Options) -> tuple[NDArray[np.floating], int]:
    told = case.text_pass()
    row, count = case.read_row(told), len(told.layers)
    asked = options.start_layer
    start = count - 1 if asked is None else asked % count if -count <= asked < count else count - 1
    layers = told.layers[start:]
    grads = case.gradient(case.value(case.image, told.features), *(layer.weights for layer in layers))
    through = relevance([layer.weights[0] for layer in layers], [grad[0] for grad in grads])
    own = _row(through - torch.eye(len(through)).to(through), row)
    return as_array(own[case.span]), start


def legrad_maps(case: Case, options: Options) -> Maps:
    """How the number, read from each layer's tokens, would gain from more attention to a patch, on average.

    A tower with a pooling head reads each layer's tokens through that head, and the gradient is taken on the
    head's own attention, as in the authors' program; the other towers read the mean of the tokens, and the
    gradient is taken on the layer's self-attention. In both the model's own last norm and projection follow.
    """
    seen, layout = case.image_pass(), case.layout
    inner = _inner(seen.layers)
    start = pick_layer(
        options.start_layer, len(inner), default=max(-len(inner), -_LEGRAD_LAYERS), called="start_layer"
    )
    pooling = layout.pooling == "attention"
    hidden = seen.hidden[start:]
    if not pooling:
        hidden = [one.mean(dim=1, keepdim=True).expand_as(one) for one in hidden]
    with in_parts(case.model.image_tower) as kept:
        features = tail(case.model, case.pixels, torch.cat(hidden), case.model.image_features)
    values = case.value(features)
    if pooling:
        count = inner[-1].key
        read = [head for head in kept.calls if head.pools and head.key == count]
        slopes = torch.cat(case.gradient(values, *(head.weights for head in read)), dim=2)
        found = legrad_pooled(list(slopes))
        return Maps(as_array(layout.spread(found)), start_layer=start)
    last = len(values) - 1
    grads = [
        case.gradient(values[place : place + 1], layer.weights, keep=place < last)[0][0]
        for place, layer in enumerate(inner[start:])
    ]
    return Maps(as_array(layout.spread(legrad(grads))), start_layer=start)


def grad_eclip_maps(case: Case, options: Options) -> Maps:
    """Channels of the values weighted by the gradient at the pooled row, kept where its query meets a key.

    The forward pass is the model's own, with all its heads; the authors' code computes the last block anew
    with a single head, and so explains another number than the model's score.
    """
    seen, layout = case.image_pass(), case.layout
    if layout.pooling == "mean":
        raise UnsupportedError(
            f"{case.model.card.name} averages its patches, and Grad-ECLIP reads the row of a class token or "
            "of a pooling head. Take 'relevance', 'legrad' or 'hires-cam'."
        )
    inner = _inner(seen.layers)
    pool = layout.pooling == "attention" and options.layer is None
    layer = pick_layer(options.layer, len(inner))
    (block,) = _parts(case, [seen.layers[-1] if pool else inner[layer]])
    (grad,) = case.gradient(case.value(seen.features), block.output)
    image = grad_eclip([block], [grad], 0, slice(-layout.patches, None))
    text = case.text_pass()
    row = max(case.read_row(text), 0)
    layers = _parts(case, text.layers[-_ECLIP_TEXT_LAYERS:])
    grads = case.gradient(case.value(case.image, text.features), *(part.output for part in layers))
    words = grad_eclip(layers, grads, row, case.span)
    return Maps(as_array(layout.spread(image)), as_array(words), layer=layer)


def relevance(attention: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """R = I, then R + mean over heads of (gradient * attention)+ times R, layer by layer: query x key.

    Source: Chefer, Gur and Wolf 2021, equations 5 and 6.
    """
    through = torch.eye(attention[0].shape[-1]).to(attention[0])
    for layer, gradient in zip(attention, gradients, strict=True):
        through = through + (gradient * layer).clamp(min=0).mean(dim=0) @ through
    return through


def legrad(gradients: Sequence[Tensor]) -> Tensor:
    """Positive gradients (head x query x key each), averaged over heads and queries, then layers: key.

    Source: Bousselham et al. 2025, equations 6 to 8.
    """
    return torch.stack([gradient.clamp(min=0).mean(dim=(0, 1)) for gradient in gradients]).mean(dim=0)


def legrad_pooled(gradients: Sequence[Tensor]) -> Tensor:
    """The same for the attention of a pooling head (head x query x key for each layer's tokens): key.

    Averaged over heads, summed over the queries that are read (the gradient of the others is 0), layers
    averaged.

    Source: Bousselham et al. 2025, section 3.3, "attentional pooler".
    """
    return torch.stack([gradient.clamp(min=0).mean(dim=0).sum(dim=0) for gradient in gradients]).mean(dim=0)


def grad_eclip(layers: Sequence[Parts], gradients: Sequence[Tensor], row: int, keys: slice) -> Tensor:
    """(sum over channels of gradient at `row` * value, times the softened query-key match)+: key.

    Of several layers the sum is taken before the positive part. The match is scaled over `keys` alone, the
    patches or the words: padding sets no scale. The authors' program moves queries and keys through the
    output projection before it matches them; this does not.

    Source: Zhao et al. 2024, equations 8 to 11.
    """

    def joined(part: Tensor) -> Tensor:
        return part[0].transpose(0, 1).flatten(1)  # token x (head, channel)

    parts = []
    for layer, gradient in zip(layers, gradients, strict=True):
        query, key, value = joined(layer.query)[row], joined(layer.key)[keys], joined(layer.value)[keys]
        match = torch.cosine_similarity(query[None], key, dim=1)
        low, high = match.min(), match.max()
        softened = (match - low) / (high - low) if high > low else torch.ones_like(match)
        parts.append((joined(gradient)[row] * value).sum(dim=1) * softened)
    return torch.stack(parts).sum(dim=0).clamp(min=0)


def _rollout(layers: Sequence[Call]) -> Tensor:
    identity = torch.eye(layers[0].key).to(layers[0].weights)
    return rolled_out([_heads(layer) for layer in layers], identity)


def _parts(case: Case, layers: Sequence[Call]) -> list[Parts]:
    found = [layer.parts for layer in layers if layer.parts is not None]
    if len(found) < len(layers):
        raise UnsupportedError(
            f"{case.model.card.name} takes the softmax of scores of its own making, so its queries, keys and "
            "values cannot be told, which Grad-ECLIP weighs. Take 'relevance', 'legrad' or 'hires-cam'."
        )
    return found


def _inner(layers: Sequence[Call]) -> list[Call]:
    return [layer for layer in layers if not layer.pools]


def _heads(layer: Call) -> Tensor:
    return layer.weights[0].mean(dim=0)


def _read(matrix: Tensor, layout: Layout) -> Tensor:
    """The row of the class token, or the mean of the patches' rows."""
    return matrix[0] if layout.pooling != "mean" else matrix[layout.prefix :].mean(dim=0)


def _row(matrix: Tensor, row: int) -> Tensor:
    return matrix[row] if row >= 0 else matrix.mean(dim=0)
