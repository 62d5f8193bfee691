"""Blocks are found by how a tower is built; what is done to them is done for one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from workbench.attention.blocks import (
    block_of,
    block_within,
    blocks_in,
    blocks_of,
    embedding_table,
    ending_in,
    first_norm,
    given_first,
    list_of,
    outputs_of,
    stopped_after,
)


class Attention(nn.Module):
    """Adds one."""

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + 1


class Block(nn.Module):
    """Its attention, doubled."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(3)
        self.attn = Attention()

    def forward(self, hidden: Tensor) -> Tensor:
        return 2 * self.attn(hidden)


class Tower(nn.Module):
    """A stem of many parts that are no blocks, a stack of blocks, a table, a head."""

    def __init__(self, count: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(*[nn.Identity() for _ in range(5)])
        self.body = nn.ModuleDict({"layers": nn.ModuleList(Block() for _ in range(count))})
        self.other, self.table = nn.Embedding(9, 3), nn.Embedding(9, 3)

    def forward(self, ids: Tensor) -> Tensor:
        hidden = self.table(ids) + self.other(torch.zeros_like(ids))
        for block in self.body["layers"]:
            hidden = block(hidden)
        return hidden + 100


IDS = torch.tensor([[4, 2]])


def _start(tower: Tower) -> Tensor:
    return tower.table(IDS) + tower.other(torch.zeros_like(IDS))


def test_a_longer_list_of_what_does_not_attend_is_no_stack_of_blocks() -> None:
    tower = Tower()
    assert blocks_of(tower) == list(tower.body["layers"])
    assert first_norm(blocks_of(tower)[0]) is tower.body["layers"][0].norm
    assert blocks_of(tower.body["layers"][0]) == [] and first_norm(nn.Linear(2, 2)) is None


@pytest.mark.parametrize(
    "parts",
    [
        [nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)],
        [nn.Sequential(Block(), Block()), nn.Sequential(Block())],
    ],
    ids=["unlike parts", "stages of blocks"],
)
def test_a_list_of_unlike_parts_or_of_lists_is_none(parts: list[nn.Module]) -> None:
    assert blocks_of(nn.ModuleDict({"inside": nn.Sequential(*parts)})) == []


def test_a_list_without_attention_is_one_where_nothing_attends() -> None:
    tower = nn.ModuleDict({"inside": nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))})
    assert len(blocks_of(tower)) == 2


def test_blocks_have_the_names_of_their_lists() -> None:
    tower = Tower(2)
    modules = dict(tower.named_modules())
    assert blocks_in(tower) == ("body.layers.0", "body.layers.1")
    assert block_of("body.layers.1.attn") == "body.layers.1" and block_of("head.attn") == ""
    assert list_of(modules, "body.layers.1.attn") == "body.layers"
    assert block_within("body.layers", "body.layers.1.attn.inner") == "body.layers.1"
    assert block_within("", "head.attn") == ""


def test_what_blocks_give_is_seen_in_the_order_in_which_they_run() -> None:
    tower = Tower(2)
    with torch.no_grad(), outputs_of(*reversed(blocks_of(tower))) as given:
        whole = tower(IDS)
        start = _start(tower)
    assert torch.equal(given[0], 2 * (start + 1)) and torch.equal(given[1] + 100, whole)
    assert len(given) == 2


def test_a_pass_ends_where_the_block_begins() -> None:
    tower, ran = Tower(3), []
    tower.body["layers"][1].register_forward_hook(lambda *_: ran.append(1))
    tower.body["layers"][2].register_forward_hook(lambda *_: ran.append(2))
    with torch.no_grad(), given_first(tower.body["layers"][2]) as seen:
        tower(IDS)
        raise AssertionError("the pass went on")
    with torch.no_grad():
        assert torch.equal(seen[0], 2 * (2 * (_start(tower) + 1) + 1))
    assert ran == [1]


def test_what_follows_a_stack_reads_the_tokens_it_is_given_and_no_block_runs() -> None:
    tower = Tower(3)
    with torch.no_grad(), outputs_of(*[block.attn for block in blocks_of(tower)]) as ran:
        with ending_in(blocks_of(tower), torch.full((1, 2, 3), 7.0)):
            read = tower(IDS)
        assert torch.equal(read, torch.full((1, 2, 3), 107.0)) and ran == []
        with stopped_after(blocks_of(tower), 1):
            read = tower(IDS)
        assert torch.equal(read, 2 * (_start(tower) + 1) + 100) and len(ran) == 1


def test_the_table_is_the_one_that_looks_up_these_ids() -> None:
    tower = Tower(1)
    assert embedding_table(tower, IDS, lambda: tower(IDS)) is tower.table
    assert embedding_table(tower, IDS, lambda: tower(IDS + 1)) is None


@contextmanager
def _ended(tower: Tower) -> Iterator[Any]:
    with given_first(blocks_of(tower)[1]) as seen:
        yield seen


CHANGES: dict[str, Callable[[Tower], AbstractContextManager[Any]]] = {
    "outputs_of": lambda tower: outputs_of(*blocks_of(tower)),
    "given_first": _ended,
    "stopped_after": lambda tower: stopped_after(blocks_of(tower), 1),
    "ending_in": lambda tower: ending_in(blocks_of(tower), torch.zeros(1, 2, 3)),
    "embedding_table": lambda tower: _asking_for_a_table(tower),
}


@contextmanager
def _asking_for_a_table(tower: Tower) -> Iterator[list[nn.Module]]:
    """The body runs inside the search."""
    begun, done, found = threading.Event(), threading.Event(), []

    def run() -> None:
        begun.set()
        done.wait(10)

    other = threading.Thread(target=lambda: found.append(embedding_table(tower, IDS, run)))
    other.start()
    begun.wait(10)
    try:
        yield found
    finally:
        done.set()
        other.join()
        assert found == [None], "the pass of another thread was taken for its own"


@pytest.mark.parametrize("name", CHANGES)
def test_another_thread_meets_the_whole_model_and_is_not_seen(name: str) -> None:
    tower, elsewhere = Tower(3), []
    with torch.no_grad():
        whole = tower(IDS)

    def work() -> None:
        with torch.no_grad():
            elsewhere.append(tower(IDS))

    with torch.no_grad(), CHANGES[name](tower) as seen:
        other = threading.Thread(target=work)
        other.start()
        other.join()
        assert not seen
    assert len(elsewhere) == 1 and torch.equal(elsewhere[0], whole)
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in tower.modules())
