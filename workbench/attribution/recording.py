"""Attention inside the graph: every probability that a forward pass really uses, ready to be differentiated.

One place serves all libraries. open_clip's `nn.MultiheadAttention`, timm's fused blocks and transformers'
default all end in `torch.nn.functional.scaled_dot_product_attention`; while recording, this thread's calls
of it are answered by the same computation written out, and nothing on any model is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from workbench.attention.explicit import answered
from workbench.attention.recorder import slow_attention
from workbench.hooks import stand_in

__all__ = ["Recorded", "recorded"]


@dataclass(frozen=True)
class Recorded:
    """One attention layer, in the graph of the pass that made it.

    Shapes:
        attention: item x head x query x key; of a plain pass its size only, on torch's "meta" device
        query, key, value, output: item x head x token x channel; output = attention @ value
    """

    attention: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    output: Tensor

    @property
    def is_pooling(self) -> bool:
        """Whether it reads the tokens into another number of rows: an attention-pooling head."""
        return self.attention.shape[-1] != self.attention.shape[-2]


@contextmanager
def recorded(*, plain: bool = False) -> Iterator[list[Recorded]]:
    """Every scaled-dot-product attention that this thread computes inside, in order.

    Other threads are served by torch's own function meanwhile. With `plain`, so is this one: such a pass is
    what the others are held against.
    """
    layers: list[Recorded] = []

    def noted(whole: Any, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if plain:
            output = whole(query, key, value, *args, **kwargs)
            attention = torch.empty((*query.shape[:-1], key.shape[-2]), device="meta")
        else:
            attention, output = answered(whole, query, key, value, *args, **kwargs)
        layers.append(Recorded(attention, query, key, value, output))
        return output

    def without_weights(whole: Any, *args: Any, **kwargs: Any) -> Any:
        # Asked for weights, nn.MultiheadAttention goes another way.
        wanted = kwargs.get("need_weights", True)
        output, _ = whole(*args, **{**kwargs, "need_weights": False})
        if not wanted or plain:
            return output, None
        weights = layers[-1].attention
        return output, weights.mean(dim=1) if kwargs.get("average_attn_weights", True) else weights

    with (
        slow_attention(),
        stand_in(functional, "multi_head_attention_forward", without_weights),
        stand_in(functional, "scaled_dot_product_attention", noted),
    ):
        yield layers
