"""Which token holds which part of a picture, tried out where `patch_grids` cannot read it.

While no token reads another, noise on a part of the picture changes the tokens that hold it and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from workbench.attention.blocks import given_first
from workbench.attention.subject import is_image
from workbench.hooks import hooked, stand_in

__all__ = ["cells_of_tokens"]


def cells_of_tokens(
    model: nn.Module,
    run: Callable[[Tensor], Any],
    changed: Callable[[NDArray[np.bool_]], Tensor],
    count: int,
    reader: nn.Module,
) -> NDArray[np.int64] | None:
    """Which of `count` cells each token that a block reads holds: -1 for none, -2 for several; None unread.

    Noise on the cells whose number has a certain bit, and on those that have it not, tells that bit.

    Args:
        run: the model's pass for another picture.
        changed: from a truth value for each cell to the picture with noise on those cells.
        reader: the block; the pass ends where it begins.
    """

    def read(where: NDArray[np.bool_]) -> Tensor | None:
        pixels = changed(where)
        with torch.no_grad(), _each_for_itself(model), given_first(reader) as seen:
            run(pixels)
        return seen[0][0] if seen and seen[0].ndim == 3 and len(seen[0]) == 1 else None

    plain = read(np.zeros(count, bool))
    if plain is None:
        return None
    scale = float(plain.abs().max()) * 1e-6
    numbers, found = np.arange(count), np.zeros(len(plain), np.int64)
    for bit in range(max(1, (count - 1).bit_length())):
        has = (numbers >> bit & 1).astype(bool)
        moved = []
        for where in (has, ~has):
            now = read(where)
            if now is None or now.shape != plain.shape:
                return None
            moved.append(((now - plain).abs().amax(dim=1) > scale).cpu().numpy())
        found |= moved[0].astype(np.int64) << bit
        found[moved[0] & moved[1]] = -2
        found[~moved[0] & ~moved[1] & (found != -2)] = -1
    return found


@contextmanager
def _each_for_itself(model: nn.Module) -> Iterator[None]:
    """Inside the picture's tower every token attends to itself alone, for this thread."""
    depth = [0]

    def comes(*_: Any) -> None:
        depth[0] += 1

    def goes(*_: Any) -> None:
        depth[0] -= 1

    def attention(whole: Any, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not depth[0] or query.shape[-2] != key.shape[-2]:
            return whole(query, key, value, *args, **kwargs)
        return value.repeat_interleave(query.shape[-3] // value.shape[-3], dim=-3)

    def softmax(whole: Any, scores: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not depth[0] or scores.ndim != 4 or scores.shape[-1] != scores.shape[-2]:
            return whole(scores, *args, **kwargs)
        return torch.eye(scores.shape[-1]).to(scores).expand_as(scores)

    with ExitStack() as stack:
        for path, module in model.named_modules():
            if is_image(path):
                stack.enter_context(hooked(module, before=comes, after=goes, always=True))
        stack.enter_context(stand_in(functional, "scaled_dot_product_attention", attention))
        stack.enter_context(stand_in(functional, "softmax", softmax))
        yield
