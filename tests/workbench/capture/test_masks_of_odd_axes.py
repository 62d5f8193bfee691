"""A mask that comes with queries of three or five axes is folded with them: weights by hand, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.capture import capture

TOKENS, HEADS, WIDTH = 6, 2, 4


class Masked(nn.Module):
    """Self-attention that looks back only, with its heads among the items (3 axes) or in two units (5)."""

    class Attention(nn.Module):
        def __init__(self, axes: int, by_name: bool, added: bool) -> None:
            super().__init__()
            self.axes, self.by_name, self.added, self.num_heads = axes, by_name, added, HEADS
            self.qkv = nn.Linear(HEADS * WIDTH, 3 * HEADS * WIDTH)

        def mask(self, tokens: int) -> Tensor:
            back = torch.ones(tokens, tokens, dtype=torch.bool).tril()
            back = torch.zeros(tokens, tokens).masked_fill(~back, -torch.inf) if self.added else back
            return back[None] if self.axes == 3 else back[None, None, None]

        def forward(self, hidden: Tensor) -> Tensor:
            parts = self.qkv(hidden).view(1, TOKENS, 3, HEADS, WIDTH).permute(2, 0, 3, 1, 4)
            shape = (HEADS, TOKENS, WIDTH) if self.axes == 3 else (1, HEADS, 2, TOKENS // 2, WIDTH)
            query, key, value = (part.reshape(shape) for part in parts)
            mask = self.mask(query.shape[-2])
            if self.by_name:
                mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            else:
                mixed = functional.scaled_dot_product_attention(query, key, value, mask)
            return mixed.reshape(1, HEADS, TOKENS, WIDTH).transpose(1, 2).reshape(1, TOKENS, HEADS * WIDTH)

    def __init__(self, *how: int) -> None:
        super().__init__()
        self.attention = self.Attention(*how)

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.attention(functional.one_hot(input_ids, HEADS * WIDTH).float())


@pytest.mark.parametrize("added", [False, True], ids=["yes or no", "added"])
@pytest.mark.parametrize("by_name", [False, True], ids=["by place", "by name"])
@pytest.mark.parametrize("axes", [3, 5])
def test_what_a_mask_hides_has_no_weight_and_the_rest_is_the_softmax(
    axes: int, by_name: bool, added: bool
) -> None:
    torch.manual_seed(1)
    model, inputs = Masked(axes, by_name, added).eval(), {"input_ids": torch.arange(TOKENS)[None]}
    trace = capture(model, inputs)
    hidden = functional.one_hot(inputs["input_ids"], HEADS * WIDTH).double()
    weight, bias = model.attention.qkv.weight.double(), model.attention.qkv.bias.double()
    query, key, _ = (hidden @ weight.T + bias).detach().view(TOKENS, 3, HEADS, WIDTH).permute(1, 2, 0, 3)
    units = 1 if axes == 3 else 2
    for unit in range(units):
        rows = slice(unit * TOKENS // units, (unit + 1) * TOKENS // units)
        scores = query[:, rows] @ key[:, rows].transpose(-1, -2) / WIDTH**0.5
        scores = scores.masked_fill(torch.ones_like(scores).triu(1) > 0, -torch.inf)
        found = trace.attention(trace.sites[0]).window(unit)
        np.testing.assert_allclose(found.values, scores.softmax(dim=-1).numpy(), atol=1e-6)
        assert found.causal
