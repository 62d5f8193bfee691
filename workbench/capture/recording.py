"""Attention as it is computed: this thread's calls are answered by the same sum written out, and noted.

One place serves all libraries. open_clip's `nn.MultiheadAttention`, timm's fused blocks and most of
transformers end in `scaled_dot_product_attention`; what is older there takes `softmax` of its scores inside
a module whose class says "attention". Both are functions of `torch.nn.functional`, looked up when called, so
nothing on the model is patched; light hooks say which module is at work, and leave with the `with` block.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.capture.written import answered, differentiable

__all__ = ["TURNS", "Call", "Recorder", "recording"]

TURNS = threading.RLock()
"""Held while torch's functions are answered by ours: two recordings of two threads must not interleave."""


@dataclass(frozen=True)
class Call:
    """One attention of a pass. `values` (item x head x query x key) is None where only the size was asked."""

    path: str
    heads: int
    query: int
    key: int
    values: Tensor | None = None


@dataclass
class Recorder:
    """The calls of one pass in order, and the outputs of blocks by path.

    Attributes:
        wanted: asked with the number of each call; the values of the others are not kept. None keeps none,
            and lets torch's own functions answer: the plain pass.
        rows: places of the queries to keep, by the number of the call; None keeps all.
        graph: keep values of every item as they are, to be differentiated, instead of copies of item 0.
    """

    wanted: Callable[[int], bool] | None = None
    rows: Callable[[int], list[int] | None] = lambda _: None
    dtype: torch.dtype = torch.float32
    graph: bool = False
    calls: list[Call] = field(default_factory=list)
    outputs: dict[str, Tensor] = field(default_factory=dict)
    at: list[str] = field(default_factory=list)

    def note(self, values: Tensor | None, shape: tuple[int, int, int]) -> None:
        """Keep one attention, of item 0."""
        number = len(self.calls)
        kept = values if self.graph else None
        if values is not None and not self.graph and self.wanted is not None and self.wanted(number):
            rows = self.rows(number)
            first = values.detach()[0]
            kept = (first if rows is None else first[:, rows]).to("cpu", self.dtype)
        self.calls.append(Call(self.at[-1] if self.at else "", *shape, kept))


@contextmanager
def recording(root: nn.Module, recorder: Recorder, *, blocks: tuple[str, ...] = ()) -> Iterator[Recorder]:
    """Note every attention that `root` computes inside, and what the modules named in `blocks` give.

    Other threads are served by torch's own functions meanwhile; two recordings take turns.
    """
    with TURNS, ExitStack() as stack:
        named = dict(root.named_modules())
        for path, module in named.items():
            if "attention" in type(module).__name__.lower() or "attn" in type(module).__name__.lower():
                stack.enter_context(_announced(module, path, recorder))
        for path in blocks:
            stack.enter_context(_kept(named[path], path, recorder))
        stack.enter_context(_answered(recorder))
        yield recorder


@contextmanager
def _announced(module: nn.Module, path: str, recorder: Recorder) -> Iterator[None]:
    """While it computes, the module stands on top of `recorder.at`."""
    mine = threading.get_ident()  # another thread may run the same model meanwhile

    def comes(*_: Any) -> None:
        if threading.get_ident() == mine:
            recorder.at.append(path)

    def goes(*_: Any) -> None:
        if threading.get_ident() == mine and recorder.at:
            recorder.at.pop()

    handles = [
        module.register_forward_pre_hook(comes),
        module.register_forward_hook(goes, always_call=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _kept(module: nn.Module, path: str, recorder: Recorder) -> Iterator[None]:
    mine = threading.get_ident()

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        if threading.get_ident() != mine:
            return
        first = output[0] if isinstance(output, tuple) else output
        if isinstance(first, Tensor) and first.ndim == 3:
            recorder.outputs[path] = first.detach()[0].to("cpu", recorder.dtype)

    handle = module.register_forward_hook(keep)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _answered(recorder: Recorder) -> Iterator[None]:
    mine, writes = threading.get_ident(), recorder.wanted is not None
    fused = functional.scaled_dot_product_attention
    heads, softmax = functional.multi_head_attention_forward, functional.softmax
    fast, draw = torch.backends.mha.get_fastpath_enabled(), torch.multinomial
    inside = threading.local()

    def attention(query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if threading.get_ident() != mine:
            return fused(query, key, value, *args, **kwargs)
        shape = (query.shape[-3] if query.ndim > 3 else 1, query.shape[-2], key.shape[-2])
        if not writes:
            recorder.note(None, shape)
            inside.fused = True
            try:
                return fused(query, key, value, *args, **kwargs)
            finally:
                inside.fused = False
        values, output = answered(fused, query, key, value, *args, leaf=recorder.graph, **kwargs)
        recorder.note(values if values.ndim == 4 else values[:, None], shape)
        return output

    def without_weights(*args: Any, **kwargs: Any) -> Any:
        # Asked for its weights, nn.MultiheadAttention goes a way of its own past the fused function.
        if threading.get_ident() != mine:
            return heads(*args, **kwargs)
        return heads(*args, **{**kwargs, "need_weights": False})

    def eager(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        values = softmax(input, *args, **kwargs)
        older = threading.get_ident() == mine and recorder.at and not getattr(inside, "fused", False)
        if older and values.ndim == 4:
            values = differentiable(values) if recorder.graph else values
            recorder.note(values if writes else None, (values.shape[1], values.shape[2], values.shape[3]))
        return values

    def in_order(weights: Tensor, count: int, *args: Any, **kwargs: Any) -> Tensor:
        # ViLT draws all its patches in a random order; a map needs to know where each of them lies.
        if threading.get_ident() == mine and weights.ndim == 1 and count == len(weights) > 1:
            return torch.arange(count, device=weights.device)
        return draw(weights, count, *args, **kwargs)

    try:
        torch.multinomial = in_order  # type: ignore[assignment]
        functional.multi_head_attention_forward = without_weights
        torch.backends.mha.set_fastpath_enabled(False)
        functional.scaled_dot_product_attention = attention
        functional.softmax = eager
        yield
    finally:
        functional.scaled_dot_product_attention = fused
        functional.multi_head_attention_forward = heads
        functional.softmax = softmax
        torch.multinomial = draw
        torch.backends.mha.set_fastpath_enabled(fast)
