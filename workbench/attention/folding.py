"""Attention of any number of axes as item x head x query x key, and back.

Most models compute it over four axes. Older ones fold heads into the items (item * head x query x key), and
some cut a picture into units beside them (item x head x unit x query x key).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

__all__ = ["axes_of", "folded", "heads_of", "reads_no_tokens"]

_COUNTS = ("num_heads", "num_attention_heads", "n_heads", "n_head", "nhead", "heads", "num_head")
Fold = Callable[[Tensor], Tensor]


def heads_of(module: nn.Module | None) -> int | None:
    """How many heads a module says it has, by any of the names that libraries use."""
    for holder in (module, getattr(module, "config", None)):
        for name in _COUNTS:
            said = getattr(holder, name, None)
            if isinstance(said, int) and said > 0:
                return said
    return None


def reads_no_tokens(module: nn.Module | None, shape: tuple[int, ...]) -> str:
    """What weights of this shape weigh instead of tokens by tokens; "" where they may be a map of these."""
    name, heads = type(module).__name__, heads_of(module)
    if hasattr(module, "sampling_offsets"):
        return "points between the tokens"
    if "channel" in name.lower() or name == "XCA":
        return "channels"
    if len(shape) == 4 and heads is not None and shape[1] != heads and shape[2] == heads:
        return "a band of neighbours or points"
    if not 3 <= len(shape) <= 5:
        return f"something of {len(shape)} axes"
    return ""


def axes_of(shape: tuple[int, ...], module: nn.Module | None) -> tuple[int, int]:
    """(items, heads) of weights, queries or keys of such a shape, units of a picture being items."""
    if len(shape) == 4:
        return int(shape[0]), int(shape[1])
    heads = heads_of(module)
    if len(shape) == 5:
        axis = 2 if heads is not None and shape[1] != heads and shape[2] == heads else 1
        return int(shape[0] * shape[3 - axis]), int(shape[axis])
    alone = heads is None or shape[0] % heads
    return (int(shape[0]), 1) if alone else (int(shape[0]) // int(heads or 1), int(heads or 1))


def folded(shape: tuple[int, ...], module: nn.Module | None) -> tuple[Fold, Fold]:
    """What makes four axes of three or five, and what makes them as they were: in the graph, and in order."""
    if len(shape) == 3:
        items, heads = axes_of(shape, module)
        return lambda one: one.reshape(items, heads, *one.shape[-2:]), lambda one: one.reshape(
            -1, *one.shape[-2:]
        )
    if len(shape) == 5:
        heads = axes_of(shape, module)[1]
        axis = 1 if shape[1] == heads else 2
        first, units = int(shape[0]), int(shape[3 - axis])

        def there(one: Tensor) -> Tensor:
            ordered = one.transpose(1, 2) if axis == 1 else one
            return ordered.reshape(-1, *ordered.shape[2:])

        def back(one: Tensor) -> Tensor:
            whole = one.reshape(first, units, *one.shape[1:])
            return whole.transpose(1, 2) if axis == 1 else whole

        return there, back
    return _same, _same


def _same(one: Tensor) -> Any:
    return one
