"""FLOPs of a forward pass, counted by torch with its fused paths off: those count as nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from workbench.capture.recording import TURNS
from workbench.errors import UnsupportedError
from workbench.fusion.design import Inputs

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
    """Attention as matrix products, and no fast path of `nn.MultiheadAttention`; put back after.

    Torch has one such switch for the whole process: of two threads that turn it at once, the later would put
    back what the earlier had set. `prove` counts in two.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    backend: Any = torch.backends.mha
    with TURNS:
        before = backend.get_fastpath_enabled()
        backend.set_fastpath_enabled(False)
        try:
            with sdpa_kernel(SDPBackend.MATH):
                yield
        finally:
            backend.set_fastpath_enabled(before)
