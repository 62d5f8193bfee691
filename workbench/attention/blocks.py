"""Blocks of a model: found, watched, stopped after, passed over; for the thread that asks alone.

blocks_of(tower)                 the stack of equal blocks
outputs_of(*modules)             what each gives, in the order in which they run
given_first(block)               what a block is given; the pass ends there
stopped_after(blocks, kept)      only the first blocks run
ending_in(blocks, tokens)        none runs, and the last gives these tokens
embedding_table(root, ids, run)  where token ids become vectors
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from workbench.hooks import hooked, looked_up, passed_over

__all__ = [
    "attends",
    "block_of",
    "block_within",
    "blocks_in",
    "blocks_of",
    "embedding_table",
    "ending_in",
    "first_norm",
    "given_first",
    "is_attention",
    "list_of",
    "outputs_of",
    "stopped_after",
]

_ATTENTION = re.compile(r"attention|attn|^XCA$", re.I)
_NUMBER = re.compile(r"\.\d+(?=\.|$)")


# Found ---------------------------------------------------------------------------------------


def blocks_of(tower: nn.Module) -> list[nn.Module]:
    """The blocks of a tower in order; none where it is no stack of equal modules.

    The longest of its outermost lists; one of blocks that attend goes before all others.
    """
    lists = [list(one) for one in _outermost(tower) if len(one)]
    blocks = max(lists, key=lambda one: (_alike(one) and attends(*one), len(one)), default=[])
    return blocks if _alike(blocks) else []


def attends(*blocks: nn.Module) -> bool:
    """Whether each of them holds a module of attention."""
    return all(any(is_attention(part) for part in block.modules()) for block in blocks)


def is_attention(module: nn.Module) -> bool:
    """Whether the name of its class says that a module computes attention."""
    return bool(_ATTENTION.search(type(module).__name__))


def first_norm(block: nn.Module) -> nn.Module | None:
    """The norm that a block begins with; None where it has none of its own."""
    return next((part for part in block.children() if "norm" in type(part).__name__.lower()), None)


def _outermost(module: nn.Module) -> Iterator[nn.ModuleList | nn.Sequential]:
    for child in module.children():
        if _is_list(child):
            yield child  # type: ignore[misc]
        else:
            yield from _outermost(child)


def _is_list(module: nn.Module) -> bool:
    return type(module) in (nn.ModuleList, nn.Sequential)


def _alike(blocks: Sequence[nn.Module]) -> bool:
    return len({type(block) for block in blocks}) == 1 and not _is_list(blocks[0])


# Named ---------------------------------------------------------------------------------------


def block_of(path: str) -> str:
    """The block a module stands in: "encoder.layers.3" of "encoder.layers.3.attn"; "" where there is none."""
    found = list(_NUMBER.finditer(path))
    return path[: found[-1].end()] if found else ""


def blocks_in(root: nn.Module) -> tuple[str, ...]:
    """Paths of the blocks that hold a module of attention."""
    attentive = (path for path, module in root.named_modules() if is_attention(module))
    return tuple(dict.fromkeys(block for path in attentive if (block := block_of(path))))


def list_of(modules: Mapping[str, nn.Module], path: str) -> str:
    """The list of like blocks a module stands in: "encoder.layers" of "encoder.layers.3.attn".

    A list of unlike parts (a T5 block's attention and feed-forward) is inside a block, not a list of blocks.
    """
    ends = [found.start() for found in _NUMBER.finditer(path)]
    for end in reversed(ends):
        holder = modules.get(path[:end])
        kinds = {type(child) for child in holder.children()} if holder is not None else set()
        if len(kinds) < 2:
            return path[:end]
    return path[: ends[-1]] if ends else ""


def block_within(where: str, path: str) -> str:
    """The block of the list `where` that a module stands in: "encoder.layers.3"; "" where there is none."""
    if not where:
        return ""
    return ".".join([where, path.removeprefix(f"{where}.").split(".")[0]])


# Watched, stopped, passed over ---------------------------------------------------------------


@contextmanager
def outputs_of(*modules: nn.Module) -> Iterator[list[Tensor]]:
    """What the modules give (the first of several), one after another as they run."""
    given: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        given.append(output[0] if isinstance(output, tuple) else output)

    with ExitStack() as stack:
        for module in modules:
            stack.enter_context(hooked(module, after=keep))
        yield given


class _Enough(Exception):  # noqa: N818 - no error: what was wanted is there
    """The rest of the pass is not needed."""


@contextmanager
def given_first(block: nn.Module) -> Iterator[list[Tensor]]:
    """What the block is given first; the pass ends where the block begins."""
    seen: list[Tensor] = []

    def note(_: nn.Module, given: Any) -> None:
        if given and isinstance(given[0], Tensor):
            seen.append(given[0].detach())
        raise _Enough

    with hooked(block, before=note), suppress(_Enough):
        yield seen


def stopped_after(blocks: Sequence[nn.Module], kept: int) -> AbstractContextManager[None]:
    """Only the first blocks run; the others hand on what those gave."""
    return passed_over(*blocks[kept:])


@contextmanager
def ending_in(blocks: Sequence[nn.Module], tokens: Tensor) -> Iterator[None]:
    """None of the blocks runs, and the last gives `tokens`: what follows the stack costs next to nothing."""
    with passed_over(*blocks[:-1]), passed_over(blocks[-1], output=tokens):
        yield


def embedding_table(root: nn.Module, ids: Tensor, run: Callable[[], object]) -> nn.Module | None:
    """The table in which a pass looks `ids` up; None where it looks them up in none."""
    with torch.no_grad(), looked_up(root, ids) as tables:
        run()
    return tables[0] if tables else None
