"""Attention written out: its weights, and the output they give, beside torch's own function.

In float32 and wider the output is the written-out one, and a gate around the model compares it with the plain
pass. Half precision rounds each step, so two correct ways differ by more than such a gate lets through: there
torch's own function gives the output, bit for bit that of the plain pass, and the weights, summed in float32
from the same queries and keys, must give that output as nearly as its precision can tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from workbench.errors import UnsupportedError

__all__ = ["answered", "differentiable", "written_out"]

_HALF = (torch.float16, torch.bfloat16)
_ROUNDINGS = 4  # of the weights, of each product, of the output, and one to spare


def answered(
    fused: Callable[..., Tensor],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *args: Any,
    leaf: bool = False,
    **kwargs: Any,
) -> tuple[Tensor, Tensor]:
    """Weights and output of one call of scaled-dot-product attention; both can be differentiated.

    Raises:
        UnsupportedError: in half precision, `fused` gives another output than these weights do.
    """
    if query.dtype not in _HALF:
        return written_out(query, key, value, *args, leaf=leaf, **kwargs)
    with torch.no_grad():
        given = fused(query.detach(), key.detach(), value.detach(), *args, **kwargs)
    values, output = written_out(query.float(), key.float(), value.float(), *args, leaf=leaf, **kwargs)
    _check(values, output, value, given)
    return values, _Given.apply(output, given)


def written_out(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    leaf: bool = False,
) -> tuple[Tensor, Tensor]:
    """softmax(Q K^T * scale + mask) and that times V, with torch's arguments and their meaning.

    `leaf`: the weights can be differentiated by, even where nothing before them can.
    """
    if enable_gqa:
        repeats = query.shape[-3] // key.shape[-3]
        key, value = (part.repeat_interleave(repeats, dim=-3) for part in (key, value))
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~allowed, -math.inf)
    if attn_mask is not None:
        blocked = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -math.inf) if blocked else scores + attn_mask
    values = torch.softmax(scores, dim=-1)
    if attn_mask is not None:  # as torch's own: a row in which all is masked attends to nothing
        values = values.masked_fill(scores.isneginf().all(dim=-1, keepdim=True), 0)
    values = differentiable(values) if leaf else values
    used = functional.dropout(values, dropout_p) if dropout_p else values
    return values, used @ value


def differentiable(values: Tensor) -> Tensor:
    """The same weights, as a leaf of the graph where nothing before them can be differentiated."""
    return values if values.requires_grad or not torch.is_grad_enabled() else values.requires_grad_()


class _Given(torch.autograd.Function):
    """Torch's own output forwards; the gradient goes back through the written-out one."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, given: Tensor) -> Tensor:
        ctx.kind = output.dtype
        return given

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        return slopes[0].to(ctx.kind), None


def _check(values: Tensor, output: Tensor, value: Tensor, given: Tensor) -> None:
    """Rounding is measured against sums without cancelling: weights times sizes of what they weigh."""
    sizes = value.detach().float().abs()
    if sizes.shape[-3] != values.shape[-3]:  # grouped queries share their keys and values
        sizes = sizes.repeat_interleave(values.shape[-3] // sizes.shape[-3], dim=-3)
    whole = values.detach() @ sizes
    # A row in which all is masked is no number on either side; it says nothing of the others.
    apart = torch.nan_to_num(output.detach() - given.float()).norm()
    told = float(apart / torch.nan_to_num(whole).norm().clamp(min=1e-12))
    allowed = _ROUNDINGS * torch.finfo(given.dtype).eps
    if told > allowed:
        raise UnsupportedError(
            f"In {str(given.dtype).removeprefix('torch.')} the attention that the model uses and "
            f"softmax(Q K^T * scale + mask) V differ by {told:.2g} (at most {allowed:.2g} is rounding), "
            "so it cannot be read truthfully. Load the model in float32."
        )
