"""Attention inside the graph: every probability that a forward pass really uses, ready to be differentiated.

One place serves all libraries. open_clip's `nn.MultiheadAttention`, timm's fused blocks and transformers'
default all end in `torch.nn.functional.scaled_dot_product_attention`; while recording, this thread's calls
of it are answered by the same computation written out, and nothing on any model is touched.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from workbench.capture.recording import TURNS, written_out

__all__ = ["Recorded", "attend", "recorded"]


@dataclass(frozen=True)
class Recorded:
    """One attention layer, in the graph of the pass that made it.

    Shapes:
        attention: item x head x query x key
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
def recorded() -> Iterator[list[Recorded]]:
    """Every scaled-dot-product attention that this thread computes inside, in order.

    Other threads are served by torch's own function meanwhile; recordings of two threads take turns.
    """
    layers: list[Recorded] = []
    mine = threading.get_ident()
    with TURNS:
        plain = functional.scaled_dot_product_attention
        heads = functional.multi_head_attention_forward
        fast = torch.backends.mha.get_fastpath_enabled()

        def written_out(query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            if threading.get_ident() != mine:
                return plain(query, key, value, *args, **kwargs)
            layer = attend(query, key, value, *args, **kwargs)
            layers.append(layer)
            return layer.output

        def without_weights(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != mine:
                return heads(*args, **kwargs)
            wanted = kwargs.get("need_weights", True)
            output, _ = heads(*args, **{**kwargs, "need_weights": False})
            if not wanted:
                return output, None
            weights = layers[-1].attention
            return output, weights.mean(dim=1) if kwargs.get("average_attn_weights", True) else weights

        try:
            # Asked for weights, nn.MultiheadAttention goes another way; its fast path goes a third.
            functional.multi_head_attention_forward = without_weights
            torch.backends.mha.set_fastpath_enabled(False)
            functional.scaled_dot_product_attention = written_out
            yield layers
        finally:
            functional.scaled_dot_product_attention = plain
            functional.multi_head_attention_forward = heads
            torch.backends.mha.set_fastpath_enabled(fast)


def attend(query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Recorded:
    """softmax(Q K^T * scale + mask) V, with torch's arguments and their meaning.

    Shapes:
        query, key, value: ... x token x channel
    """
    attention, output = written_out(query, key, value, *args, **kwargs)
    return Recorded(attention, query, key, value, output)
