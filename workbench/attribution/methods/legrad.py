"""LeGrad: what more attention to a patch would gain, summed over the last layers of the image tower.

The functions on tensors at the end are the equations of the paper and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.explained.image_tower import in_parts, score_tokens
from workbench.attribution.method_interface import Maps, Options, pick_layer

__all__ = ["legrad", "legrad_maps", "legrad_pooled"]

_LAYERS = 6  # at most: the paper's default for ViT-B sums the last layers


def legrad_maps(explained: ExplainedPair, options: Options) -> Maps:
    """How the score, read from each layer's tokens, would gain from more attention to a patch, on average.

    A tower with a pooling head reads each layer's tokens through that head, and the gradient is taken on the
    head's own attention, as in the authors' program; the other towers read the mean of the tokens, and the
    gradient is taken on the layer's self-attention. In both the model's own last norm and projection follow.
    """
    seen, layout = explained.image_pass(), explained.layout
    inner = seen.blocks
    start = pick_layer(
        options.start_layer, len(inner), default=max(-len(inner), -_LAYERS), called="start_layer"
    )
    pooling = layout.pooling == "attention"
    hidden = seen.hidden[start:]
    if not pooling:
        hidden = [one.mean(dim=1, keepdim=True).expand_as(one) for one in hidden]
    with in_parts(explained.model.image_tower) as kept:
        features = score_tokens(explained.model, explained.pixels, torch.cat(hidden))
    values = explained.value(features)
    if pooling:
        count = inner[-1].key
        read = [head for head in kept.calls if head.pools and head.key == count]
        slopes = torch.cat(explained.gradient(values, *(head.weights for head in read)), dim=2)
        return Maps(explained.on_grid(legrad_pooled(list(slopes))), start_layer=start)
    last = len(values) - 1
    grads = [
        explained.gradient(values[index : index + 1], layer.weights, keep=index < last)[0][0]
        for index, layer in enumerate(inner[start:])
    ]
    return Maps(explained.on_grid(legrad(grads)), start_layer=start)


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
