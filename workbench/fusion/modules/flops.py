"""FLOPs of a forward pass, counted by torch with its fused paths off: those count as nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from workbench.attention.explicit import written_out
from workbench.attention.recorder import slow_attention
from workbench.errors import UnsupportedError
from workbench.fusion.design import Inputs
from workbench.hooks import stand_in

__all__ = ["count_flops"]


def count_flops(module: nn.Module, inputs: Inputs) -> int:
    """FLOPs of one example (2 a multiply-add), counted over one pass of `inputs`.

    Raises:
        UnsupportedError: torch counted nothing, so a fused path is in the way.
    """
    items = len(next(iter(inputs.values()))[0])
    with _written_out(), _Counter() as counter:
        module(inputs)
    total = counter.total
    if total == 0:
        raise UnsupportedError(
            f"torch counted 0 FLOPs for {type(module).__name__}: it runs through a fused kernel that the "
            "counter does not see. Count a version of it that is written out."
        )
    return round(total / items)


class _Counter(TorchDispatchMode):
    """Adds up what torch's own registry says of each operation, in this thread alone.

    `FlopCounterMode` does the same and hooks every module of the process on the way.
    """

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


@contextmanager
def _written_out() -> Iterator[None]:
    """Attention as matrix products, and no fast path of `nn.MultiheadAttention`, for this thread alone.

    Torch's own switches for both are the whole process's, and `prove` counts in two threads.
    """

    def products(_: Any, *args: Any, **kwargs: Any) -> Tensor:
        return written_out(*args, **kwargs)[1]

    with slow_attention(), stand_in(functional, "scaled_dot_product_attention", products):
        yield
