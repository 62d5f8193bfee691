"""Hooks and stand-in functions that only the thread which set them meets; everybody else meets the model.

Widgets work in threads, and all of them share one model. Whatever watches a model or changes its output goes
through here:

    hooked(module, after=see)                 what a module is given and gives
    output_changed(module, change)            another output in its place
    passed_over(block)                        a block that hands its input on
    stand_in(functional, "softmax", answer)   another function in a library's place
    evaluated(model)                          dropout off

Two threads never wait for each other: each finds its own hooks, and torch's functions where it has none. A
copy or a pickle made of a model meanwhile carries hooks that stay silent.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as _everywhere
from torch.utils.hooks import RemovableHandle

__all__ = [
    "evaluated",
    "foreign_hooks",
    "hooked",
    "hooks_of_others_so_far",
    "looked_up",
    "output_changed",
    "passed_over",
    "stand_in",
]

_installing = threading.RLock()
_own = threading.local()
"""`.answers`: (id of the owner, name) -> what answers in this thread, the latest last."""
_standing: dict[tuple[int, str], list[Any]] = {}
"""(id of the owner, name) -> [how many need the stand-in, itself, what was there before or _NOTHING]."""
_NOTHING = object()
_ours = [0]
"""How many hooks were set from here."""
_sleeping: weakref.WeakKeyDictionary[nn.Module, int] = weakref.WeakKeyDictionary()
"""Modules whose training flag is off for a while -> how many need it off."""


class _Hook:
    """Calls `see` in the thread that made it, until it is done."""

    def __init__(self, see: Callable[..., Any]) -> None:
        self.see, self.thread, self.done = see, threading.get_ident(), False

    def __call__(self, *given: Any) -> Any:
        if self.done or threading.get_ident() != self.thread:
            return None
        return self.see(*given)

    def __deepcopy__(self, _: Any) -> _Hook:
        return self  # it falls silent in a copied model when it does in the model

    def __reduce__(self) -> Any:
        return _silent, ()


def _silent() -> _Hook:
    hook = _Hook(lambda *_: None)
    hook.done = True
    return hook


@contextmanager
def hooked(
    module: nn.Module,
    *,
    before: Callable[[nn.Module, Any], Any] | None = None,
    after: Callable[[nn.Module, Any, Any], Any] | None = None,
    always: bool = False,
) -> Iterator[None]:
    """Forward hooks of torch for this thread alone, gone afterwards.

    Args:
        before: sees (module, arguments); what it returns, if anything, are the new arguments.
        after: sees (module, arguments, output); what it returns, if anything, is the new output.
        always: call `after` also when the module raised.
    """
    hooks, handles = [], []
    try:
        with _installing:
            already = RemovableHandle.next_id
            if before is not None:
                hooks.append(_Hook(before))
                handles.append(module.register_forward_pre_hook(hooks[-1]))
            if after is not None:
                hooks.append(_Hook(after))
                handles.append(module.register_forward_hook(hooks[-1], always_call=always))
            _ours[0] += RemovableHandle.next_id - already
        yield
    finally:
        for hook in hooks:
            hook.done = True
        for handle in handles:
            handle.remove()


@contextmanager
def output_changed(module: nn.Module, change: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
    """`change` sees the module's output (the first of several); what it returns takes its place."""

    def after(_: nn.Module, __: Any, output: Any) -> Any:
        several = isinstance(output, tuple)
        new = change(output[0] if several else output)
        if new is None:
            return None
        return (new, *output[1:]) if several else new

    with hooked(module, after=after):
        yield


@contextmanager
def looked_up(root: nn.Module, ids: Tensor) -> Iterator[list[nn.Module]]:
    """The tables of `root` in which this thread looks up exactly `ids` inside."""
    tables: list[nn.Module] = []

    def note(table: nn.Module, given: Any, _: Any) -> None:
        if given and isinstance(given[0], Tensor) and torch.equal(given[0], ids):
            tables.append(table)

    with ExitStack() as stack:
        for module in root.modules():
            if isinstance(module, nn.Embedding):
                stack.enter_context(hooked(module, after=note))
        yield tables


@contextmanager
def passed_over(*blocks: nn.Module, output: Tensor | None = None) -> Iterator[None]:
    """The blocks hand their input on (or give `output`) instead of computing anything."""
    skipped = {id(block) for block in blocks}

    def of_class(whole: Callable[..., Any], block: nn.Module, hidden: Any, *rest: Any, **named: Any) -> Any:
        if id(block) not in skipped:
            return whole(block, hidden, *rest, **named)
        return hidden if output is None else output

    def of_one(_: Callable[..., Any], hidden: Any, *__: Any, **___: Any) -> Any:
        return hidden if output is None else output

    with ExitStack() as stack:
        for kind in {type(block) for block in blocks if "forward" not in vars(block)}:
            stack.enter_context(stand_in(kind, "forward", of_class))
        for block in blocks:
            if "forward" in vars(block):  # a library has put a function of its own there
                stack.enter_context(stand_in(block, "forward", of_one))
        yield


@contextmanager
def stand_in(owner: Any, name: str, answer: Callable[..., Any]) -> Iterator[None]:
    """`answer(whole, ...)` is called in this thread where `owner.name(...)` is; `whole` is what was there.

    Of several, the latest answers, and its `whole` is the one before. Other threads reach what was there.

    Args:
        owner: a module of functions, a class, or an object.
    """
    place = (id(owner), name)
    answers = _answers().setdefault(place, [])
    answers.append(answer)
    _put(owner, name, place)
    try:
        yield
    finally:
        answers.remove(answer)
        _take_back(owner, name, place)
        if not answers and _answers().get(place) is answers:
            del _answers()[place]


def _answers() -> dict[tuple[int, str], list[Callable[..., Any]]]:
    if not hasattr(_own, "answers"):
        _own.answers = {}
    return _own.answers


def _put(owner: Any, name: str, place: tuple[int, str]) -> None:
    with _installing:
        if place in _standing:
            _standing[place][0] += 1
            return
        turned = _turned(getattr(owner, name), place)
        _standing[place] = [1, turned, vars(owner).get(name, _NOTHING)]
        setattr(owner, name, turned)


def _take_back(owner: Any, name: str, place: tuple[int, str]) -> None:
    with _installing:
        _standing[place][0] -= 1
        if _standing[place][0]:
            return
        _, turned, before = _standing.pop(place)
        if vars(owner).get(name) is not turned:
            return  # somebody has put another there since: theirs to take back
        if before is _NOTHING:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


def _turned(whole: Callable[..., Any], place: tuple[int, str]) -> Callable[..., Any]:
    """What stands in the place of `whole`. Kept by somebody beyond its time, it is `whole`."""

    @functools.wraps(whole)
    def call(*args: Any, **kwargs: Any) -> Any:
        answers = getattr(_own, "answers", {}).get(place)
        return _through(tuple(answers), *args, **kwargs) if answers else whole(*args, **kwargs)

    def _through(answers: tuple[Callable[..., Any], ...], *args: Any, **kwargs: Any) -> Any:
        inner = functools.partial(_through, answers[:-1]) if len(answers) > 1 else whole
        return answers[-1](inner, *args, **kwargs)

    return call


@contextmanager
def evaluated(root: nn.Module) -> Iterator[None]:
    """Dropout off inside; every module's own training flag back once nobody needs it off any more."""
    with _installing:
        mine = [part for part in _parts(root) if part.training or (_sleeping and part in _sleeping)]
        for module in mine:
            _sleeping[module] = _sleeping.get(module, 0) + 1
            module.training = False
    try:
        yield
    finally:
        with _installing:
            for module in mine:
                _sleeping[module] -= 1
                if not _sleeping[module]:
                    del _sleeping[module]
                    module.training = True


def _parts(root: nn.Module) -> set[nn.Module]:
    """It and every module in it; `root.modules()` is four times as slow, and this is asked at each token."""
    found, waiting = {root}, [root]
    while waiting:
        for part in waiting.pop()._modules.values():
            if part is not None and part not in found:
                found.add(part)
                waiting.append(part)
    return found


def foreign_hooks(root: nn.Module) -> tuple[Any, ...]:
    """Hooks of others on a model, and functions that somebody put in place of its `forward`.

    What they do to its output nobody can know. Hooks of ours are not among them, nor those by which
    transformers collects what it is asked for: they change nothing.
    """
    found: list[Any] = [
        *_everywhere._global_forward_hooks.values(),
        *_everywhere._global_forward_pre_hooks.values(),
    ]
    for module in root.modules():
        if module._forward_hooks:
            found.extend(list(module._forward_hooks.values()))
        if module._forward_pre_hooks:
            found.extend(list(module._forward_pre_hooks.values()))
        if "forward" in module.__dict__:
            found.append(module.__dict__["forward"])
    return tuple(hook for hook in found if not _is_harmless(hook))


def hooks_of_others_so_far() -> int:
    """How many hooks were ever set that are not ours, on whatever: one that came and went shows too."""
    return RemovableHandle.next_id - _ours[0]


def _is_harmless(hook: Any) -> bool:
    return isinstance(hook, _Hook) or getattr(hook, "__module__", "") == "transformers.utils.output_capturing"
