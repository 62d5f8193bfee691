"""Attention as it is computed: this thread's calls are answered by the same sum written out, and noted.

One place serves all libraries. open_clip's `nn.MultiheadAttention`, timm's fused blocks and most of
transformers end in `scaled_dot_product_attention`; what is older there takes `softmax` of its scores inside
a module whose class says "attention". All are functions of torch, looked up when called, so nothing on the
model is patched; light hooks say which module is at work, and leave with the `with` block. What such a module
computes that is no map of tokens, or in a way that nobody hears, is counted, so that it can be said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.attention.blocks import is_attention
from workbench.attention.explicit import answered, differentiable
from workbench.attention.families import family_of
from workbench.attention.folding import axes_of, folded, reads_no_tokens
from workbench.hooks import hooked, stand_in

__all__ = ["Call", "Parts", "Recorder", "in_graph", "recording", "slow_attention"]


@dataclass(frozen=True)
class Parts:
    """What an attention is computed from and what it gives, in the graph of its pass.

    Shapes:
        query, key, value, output: item x head x token x channel; output = weights @ value
    """

    query: Tensor
    key: Tensor
    value: Tensor
    output: Tensor


@dataclass(frozen=True)
class Call:
    """One attention of a pass.

    Attributes:
        values: head x query x key of the first item, or every item (item x head x query x key) where they
            are to be differentiated; None where only the size was asked.
        items: how many such maps one call computes at once: windows or tiles of a picture, several pictures.
        more: item x head x query x key of the items after the first, where there are any.
        run: the number of the module's run; a module that cuts its tokens itself makes several calls in one.
        parts: what it was computed from, where that was asked and can be told: a module that takes softmax of
            scores of its own does not say.
    """

    path: str
    heads: int
    query: int
    key: int
    values: Tensor | None = None
    items: int = 1
    more: Tensor | None = None
    run: int = 0
    parts: Parts | None = None

    @property
    def size(self) -> int:
        """Number of attention weights."""
        return self.items * self.heads * self.query * self.key

    @property
    def pools(self) -> bool:
        """Whether it reads the tokens into another number of rows: an attention-pooling head."""
        return self.query != self.key

    @property
    def weights(self) -> Tensor:
        """The values, of a call of which they were kept."""
        assert self.values is not None  # asked for calls that were wanted
        return self.values


@dataclass
class Recorder:
    """The calls of one pass in order, and the outputs of blocks by path.

    Attributes:
        wanted: asked with the number of each call; the values of the others are not kept. None keeps none,
            and lets torch's own functions answer: the plain pass.
        rows: places of the queries to keep, by the number of the call; None keeps all.
        graph: keep values of every item as they are, to be differentiated, instead of copies.
        parts: keep with them what they were computed from.
        alone: path of a module whose tokens attend to themselves alone, so that each hands on its own value;
            "" for none: the pass as the model makes it.
        sizes: of what blocks give, keep the shapes alone.
        unread: (path, what is weighed) of what a module of attention computes and is no map of tokens.
    """

    wanted: Callable[[int], bool] | None = None
    rows: Callable[[int], list[int] | None] = lambda _: None
    dtype: torch.dtype = torch.float32
    graph: bool = False
    parts: bool = False
    alone: str = ""
    sizes: bool = False
    calls: list[Call] = field(default_factory=list)
    outputs: dict[str, Tensor] = field(default_factory=dict)
    at: list[str] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    _modules: list[nn.Module] = field(default_factory=list)
    _runs: list[tuple[int, int]] = field(default_factory=list)  # of those at work: number, what was heard
    _begun: int = 0
    _silent: Counter[str] = field(default_factory=Counter)
    _heard: set[str] = field(default_factory=set)

    @property
    def keeps_apart(self) -> bool:
        """Whether the module at work is the one whose tokens attend to themselves alone."""
        return bool(self.alone and self.at and self.at[-1] == self.alone)

    @property
    def module(self) -> nn.Module | None:
        """The module of attention at work."""
        return self._modules[-1] if self._modules else None

    @property
    def unheard(self) -> tuple[str, ...]:
        """Paths of modules of attention that ran, and in which nothing was heard at all."""
        return tuple(
            path
            for path in self._silent
            if path not in self._heard and not any(path.startswith(f"{whole}.") for whole in self._heard)
        )

    def comes(self, path: str, module: nn.Module) -> None:
        """A module of attention begins to compute."""
        self._begun += 1
        self.at.append(path)
        self._modules.append(module)
        self._runs.append((self._begun, len(self.calls) + len(self.unread)))

    def goes(self) -> None:
        """It is done."""
        if not self.at:
            return
        path, (_, before) = self.at.pop(), self._runs.pop()
        self._modules.pop()
        if len(self.calls) + len(self.unread) > before:
            self._heard.add(path)
        else:
            self._silent[path] += 1

    def pass_by(self, reason: str) -> None:
        """Count what is no map of tokens to tokens."""
        self.unread.append((self.at[-1] if self.at else "", reason))

    def note(
        self,
        values: Tensor | None,
        shape: tuple[int, int, int],
        items: int = 1,
        parts: Parts | None = None,
    ) -> None:
        """Keep one attention, item x head x query x key."""
        number = len(self.calls)
        kept, more = values if self.graph else None, None
        if values is not None and not self.graph and self.wanted is not None and self.wanted(number):
            rows = self.rows(number)
            whole = values.detach()
            whole = (whole if rows is None else whole[:, :, rows]).to("cpu", self.dtype)
            kept, more = whole[0], whole[1:] if items > 1 else None
        path, run = (self.at[-1], self._runs[-1][0]) if self.at else ("", 0)
        self.calls.append(Call(path, *shape, kept, items, more, run, parts))


@contextmanager
def recording(root: nn.Module, recorder: Recorder, *, blocks: tuple[str, ...] = ()) -> Iterator[Recorder]:
    """Note every attention that `root` computes inside, and what the modules named in `blocks` give.

    For this thread alone: others are served by the model and by torch as they are, and may record too.
    """
    with ExitStack() as stack:
        named = dict(root.named_modules())
        for path, module in named.items():
            if is_attention(module):
                stack.enter_context(_announced(module, path, recorder))
        for path in blocks:
            stack.enter_context(_kept(named[path], path, recorder))
        if family_of(root).shuffles:
            stack.enter_context(stand_in(torch, "multinomial", _in_order))
        stack.enter_context(_answered(recorder))
        yield recorder


def in_graph(*, parts: bool = False) -> Recorder:
    """A recorder that keeps every attention to be differentiated by."""
    return Recorder(lambda _: True, graph=True, parts=parts)


def _announced(module: nn.Module, path: str, recorder: Recorder) -> AbstractContextManager[None]:
    """While it computes, the module stands on top of `recorder.at`."""
    return hooked(
        module, before=lambda *_: recorder.comes(path, module), after=lambda *_: recorder.goes(), always=True
    )


def _kept(module: nn.Module, path: str, recorder: Recorder) -> AbstractContextManager[None]:
    def keep(_: nn.Module, __: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        if isinstance(first, Tensor) and first.ndim in (2, 3):  # two: packed pictures, one after the other
            whole = first.detach()[0] if first.ndim == 3 else first.detach()
            recorder.outputs[path] = whole.to("meta" if recorder.sizes else "cpu", recorder.dtype)

    return hooked(module, after=keep)


class _Answers:
    """This thread's attention and softmax, while it records."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.writes = recorder, recorder.wanted is not None
        self.inside = False
        """Something that was noted already is being computed."""

    def attention(
        self, whole: Any, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any
    ) -> Tensor:
        recorder, module = self.recorder, self.recorder.module
        reason = reads_no_tokens(module, (*query.shape[:-1], key.shape[-2]))
        items, heads = axes_of(tuple(query.shape), module) if query.ndim > 2 else (1, 1)
        shape = (heads, query.shape[-2], key.shape[-2])
        if recorder.keeps_apart:
            recorder.note(None, shape, items)
            return value.repeat_interleave(query.shape[-3] // value.shape[-3], dim=-3)
        if reason or not self.writes:
            recorder.pass_by(reason) if reason else recorder.note(None, shape, items)
            return self._alone(whole, query, key, value, *args, **kwargs)
        there, back = folded(tuple(query.shape), module)
        if query.ndim != 4:
            args, kwargs = _masks_folded(query, there, args, kwargs)
        self.inside = True
        try:
            given = there(query), there(key), there(value)
            values, output = answered(whole, *given, *args, leaf=recorder.graph, **kwargs)
        finally:
            self.inside = False
        recorder.note(values, shape, items, Parts(*given, output) if recorder.parts else None)
        return back(output)

    def softmax(self, whole: Any, given: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        recorder = self.recorder
        if not recorder.at or self.inside:
            return whole(given, *args, **kwargs)
        values = self._alone(whole, given, *args, **kwargs)
        dim = kwargs.get("dim", args[0] if args else -1)
        shape = tuple(values.shape)
        over_keys = dim is None or dim in (-1, values.ndim - 1)
        reason = reads_no_tokens(recorder.module, shape) if over_keys else "another axis than the keys"
        if reason:
            recorder.pass_by(reason)
            return values
        items, heads = axes_of(shape, recorder.module)
        there, back = folded(shape, recorder.module)
        if recorder.keeps_apart:
            values = torch.eye(*values.shape[-2:]).to(values).expand_as(values)
        values = differentiable(values) if recorder.graph else values
        seen = there(values)
        recorder.note(seen if self.writes else None, (heads, shape[-2], shape[-1]), items)
        return back(seen)

    def _alone(self, whole: Any, *args: Any, **kwargs: Any) -> Tensor:
        """torch's own, in which nothing more is noted."""
        before, self.inside = self.inside, True
        try:
            return whole(*args, **kwargs)
        finally:
            self.inside = before


@contextmanager
def _answered(recorder: Recorder) -> Iterator[None]:
    answers = _Answers(recorder)
    with ExitStack() as stack:
        stack.enter_context(stand_in(functional, "multi_head_attention_forward", _without_weights))
        stack.enter_context(slow_attention())
        stack.enter_context(stand_in(functional, "scaled_dot_product_attention", answers.attention))
        for owner in (functional, torch, Tensor):
            stack.enter_context(stand_in(owner, "softmax", answers.softmax))
        yield


def _masks_folded(query: Tensor, there: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """A mask as many axes long as the queries is folded with them."""

    def fold(mask: Any) -> Any:
        if not isinstance(mask, Tensor) or mask.ndim != query.ndim:
            return mask
        return there(mask.expand(*query.shape[:-2], *mask.shape[-2:]))

    return (fold(args[0]), *args[1:]) if args else args, {
        name: fold(one) if name == "attn_mask" else one for name, one in kwargs.items()
    }


def slow_attention() -> AbstractContextManager[None]:
    """`nn.MultiheadAttention` and its encoder layers take no fast path, which calls nothing that is heard."""
    return stand_in(torch.backends.mha, "get_fastpath_enabled", lambda _: False)


def _without_weights(whole: Any, *args: Any, **kwargs: Any) -> Any:
    """Asked for its weights, nn.MultiheadAttention goes a way of its own past the fused function."""
    return whole(*args, **{**kwargs, "need_weights": False})


def _in_order(draw: Any, weights: Tensor, count: int, *args: Any, **kwargs: Any) -> Tensor:
    """All patches are drawn in a random order; a map needs to know where each of them lies."""
    if weights.ndim == 1 and count == len(weights) > 1:
        return torch.arange(count, device=weights.device)
    return draw(weights, count, *args, **kwargs)
