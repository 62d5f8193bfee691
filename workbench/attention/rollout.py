"""Attention rollout, what each token holds of the first layer's tokens: for NumPy arrays and for tensors.

Source: Abnar and Zuidema 2020, "Quantifying attention flow in transformers", equation 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

__all__ = ["rolled_out", "with_shortcut"]

Matrix = TypeVar("Matrix", bound=Any)


def with_shortcut(weights: Matrix, identity: Matrix) -> Matrix:
    """Half of what a token reads, half of what it is, in rows that sum to 1; query x key.

    A token that reads nothing (all is masked) stays what it is.
    """
    mixed = (weights + identity) / 2
    return mixed / mixed.sum(axis=-1, keepdims=True)


def rolled_out(layers: Iterable[Matrix], identity: Matrix) -> Matrix:
    """The product over layers, the first one rightmost; each query x key, of one head or a mean of them.

    Args:
        identity: what each token is of itself before the first layer.
    """
    through = identity
    for weights in layers:
        through = with_shortcut(weights, identity) @ through
    return through
