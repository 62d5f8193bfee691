"""Grad-ECLIP: channels of the values, weighted by the gradient where a pooled row's query meets a key.

The function on tensors at the end is the equations of the paper and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from workbench.attention.recorder import Call, Parts
from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.method_interface import Maps, Options, as_array, pick_layer
from workbench.errors import UnsupportedError

__all__ = ["grad_eclip", "grad_eclip_maps"]

_TEXT_LAYERS = 8  # as in the authors' code


def grad_eclip_maps(explained: ExplainedPair, options: Options) -> Maps:
    """Channels of the values weighted by the gradient at the pooled row, kept where its query meets a key.

    The forward pass is the model's own, with all its heads; the authors' code computes the last block anew
    with a single head, and so explains another score than the model's.
    """
    seen, layout = explained.image_pass(), explained.layout
    if layout.pooling == "mean":
        raise UnsupportedError(
            f"{explained.model.card.name} averages its patches, and Grad-ECLIP reads the row of a class "
            "token or of a pooling head. Take 'relevance', 'legrad' or 'hires-cam'."
        )
    pool = layout.pooling == "attention" and options.layer is None
    layer = pick_layer(options.layer, len(seen.blocks))
    (block,) = _parts(explained, [seen.layers[-1] if pool else seen.blocks[layer]])
    (grad,) = explained.gradient(explained.value(seen.features), block.output)
    image = grad_eclip([block], [grad], 0, torch.from_numpy(layout.patches))
    text = explained.text_pass()
    row = int(text.rows[0]) if len(text.rows) == 1 else 0
    layers = _parts(explained, text.layers[-_TEXT_LAYERS:])
    grads = explained.gradient(
        explained.value(explained.image, text.features), *(part.output for part in layers)
    )
    words = grad_eclip(layers, grads, row, explained.span)
    return Maps(as_array(image).reshape(explained.grid), as_array(words), layer=layer)


def grad_eclip(
    layers: Sequence[Parts], gradients: Sequence[Tensor], row: int, keys: slice | Tensor
) -> Tensor:
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


def _parts(explained: ExplainedPair, layers: Sequence[Call]) -> list[Parts]:
    found = [layer.parts for layer in layers if layer.parts is not None]
    if len(found) < len(layers):
        raise UnsupportedError(
            f"{explained.model.card.name} takes the softmax of scores of its own making, so its queries, "
            "keys and values cannot be told, which Grad-ECLIP weighs. Take 'relevance', 'legrad' or "
            "'hires-cam'."
        )
    return found
