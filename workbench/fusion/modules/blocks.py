"""What every fusion is built from: masked attention, a transformer block, one modality's stream.

Attention is written out (no fused kernel): its weights can be read, FLOPs are counted right, and many
replicas of a model run as one under `torch.vmap`. A block that is only read at its first token
computes only that one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.fusion.design import Design

__all__ = ["Attend", "Block", "Stream", "Trace", "masked_softmax", "mlp"]

Trace = dict[str, Tensor] | None
"""Where attention weights are left when somebody looks; None otherwise."""
_SMALL = 0.02  # standard deviation of learned tokens and positions at the start


class Attend(nn.Module):
    """Multi-head attention of `query` to `keys` under a mask. At least one key must be present.

    Shapes:
        query: batch x query x width; keys: batch x key x width; mask: batch x key, True = present
        returns batch x query x width, and the weights: batch x head x query x key
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, query: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """What was read, and the weights it was read with."""
        q = self._split(self.query(query))
        k, v = (self._split(part) for part in self.key_value(keys).chunk(2, dim=-1))
        score = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        weights = score.masked_fill(~mask[:, None, None, :], -1e9).softmax(dim=-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2)), weights

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # batch x head x token x width/heads


class Block(nn.Module):
    """One transformer block (norm first): attention, then a two-layer MLP, both added to the input."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        width = design.width
        self.norm = nn.LayerNorm(width)
        self.attend = Attend(width, design.heads)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = mlp(width, design.expand * width, width)

    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        *,
        more: tuple[Tensor, Tensor] | None = None,
        first: int | None = None,
        trace: Trace = None,
        name: str = "",
    ) -> Tensor:
        """`x` after the block, batch x token x width.

        Args:
            more: further keys (tokens, mask) that are read and not changed.
            first: compute only so many leading tokens (all, while somebody looks).
        """
        keys, key_mask = x, mask
        if more is not None:
            keys, key_mask = torch.cat([x, more[0]], dim=1), torch.cat([mask, more[1]], dim=1)
        normed = self.norm(keys)
        count = x.shape[1] if first is None or trace is not None else first
        change, weights = self.attend(normed[:, :count], normed, key_mask)
        if trace is not None:
            trace[name] = weights
        x = x[:, :count] + change
        return x + self.mlp(self.norm_mlp(x))


class Stream(nn.Module):
    """One modality: tokens to the model's width, a token of its own in front, then blocks.

    The token in front (cls) is always present, so that a missing modality has one key, and its
    vector then says "nothing was seen".
    """

    def __init__(self, features: int, tokens: int, depth: int, design: Design) -> None:
        super().__init__()
        self.stem = nn.Linear(features, design.width)
        self.cls = nn.Parameter(_SMALL * torch.randn(design.width))
        self.positions = nn.Parameter(_SMALL * torch.randn(tokens, design.width))
        self.blocks = nn.ModuleList(Block(design) for _ in range(depth))
        self.norm = nn.LayerNorm(design.width)

    def start(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """batch x (1 + token) x width and its mask: cls first, positions added."""
        inner = self.stem(x) + self.positions[: x.shape[1]]
        cls = self.cls.expand(len(x), 1, -1)
        return torch.cat([cls, inner], dim=1), torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)

    def forward(
        self, x: Tensor, mask: Tensor, *, first: int | None = None, trace: Trace = None, name: str = ""
    ) -> tuple[Tensor, Tensor]:
        """Tokens after every block, and their mask; `first` as in `Block`, for the last block."""
        x, mask = self.start(x, mask)
        for place, block in enumerate(self.blocks):
            last = place == len(self.blocks) - 1
            where = f"{place}/cls+{name}->cls+{name}"
            x = block(x, mask, first=first if last else None, trace=trace, name=where)
        return x, mask

    def vector(self, x: Tensor, mask: Tensor, *, trace: Trace = None, name: str = "") -> Tensor:
        """batch x width: the normalised cls after the last block."""
        return self.norm(self(x, mask, first=1, trace=trace, name=name)[0][:, 0])


def mlp(inside: int, hidden: int, outside: int) -> nn.Sequential:
    """Linear, GELU, linear."""
    return nn.Sequential(nn.Linear(inside, hidden), nn.GELU(), nn.Linear(hidden, outside))


def masked_softmax(score: Tensor, present: Tensor) -> Tensor:
    """Softmax over the last axis among those present; equal shares where none is."""
    return functional.softmax(score.masked_fill(~present, -1e9), dim=-1)
