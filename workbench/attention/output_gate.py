"""What a model gives out, compared between two passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadInputError, UnsupportedError

__all__ = ["GATE", "difference_between", "hold_to", "tensors_in"]

GATE = 1e-4
"""Relative difference of the model's output while it is watched, above which nothing is drawn."""


def hold_to(plain: Sequence[Tensor], watched: Sequence[Tensor], whose: str) -> float:
    """The gate: the relative difference of two outputs, small enough for what was read to be true.

    Raises:
        BadInputError: the plain output is no number. UnsupportedError: the output moved.
    """
    if any(bool(one.isnan().any()) for one in plain):
        raise BadInputError(
            f"The {whose} gives NaN before anything is watched. Its inputs or its weights hold NaN, or no "
            "token of an input is left unmasked, or half precision overflows: look at them, or take float32."
        )
    difference = difference_between(plain, watched)
    if not difference <= GATE:
        raise UnsupportedError(
            f"With its attention read, the {whose}'s output moved by {difference:.2g} (relative; at most "
            f"{GATE:g} is allowed). The attention is computed in a way that cannot be read truthfully. Load "
            "the model in float32; a model of transformers with attn_implementation='sdpa' or 'eager'."
        )
    return difference


def difference_between(plain: Sequence[Tensor], captured: Sequence[Tensor]) -> float:
    """The largest relative difference among the tensors of two outputs; equal infinities do not count."""
    if len(plain) != len(captured):
        return float("inf")
    worst = 0.0
    for one, other in zip(plain, captured, strict=True):
        if one.shape != other.shape:
            return float("inf")
        first, second = one.detach().double(), other.detach().double()
        number = torch.isfinite(first)
        if not torch.equal(first[~number], second[~number]):  # NaN is never equal to itself
            return float("inf")
        apart = float((first - second)[number].norm())
        apart = apart / max(float(first[number].norm()), 1e-12) if apart == apart else float("inf")
        worst = max(worst, apart)
    return worst


def tensors_in(output: Any) -> list[Tensor]:
    """Every tensor of numbers in an output, however it is nested."""
    if isinstance(output, Tensor):
        return [output.detach()] if output.is_floating_point() else []
    if isinstance(output, Mapping):
        return [tensor for value in output.values() for tensor in tensors_in(value)]
    if isinstance(output, (list, tuple)):
        return [tensor for value in output for tensor in tensors_in(value)]
    return []
