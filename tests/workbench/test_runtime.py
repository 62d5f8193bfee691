"""Seed and batches: what happens when memory runs out or the user stops."""

from __future__ import annotations

import random
import sys
from itertools import chain

import numpy as np
import pytest
import torch

from workbench.errors import BadInputError, Cancelled, UnavailableError
from workbench.results import Event
from workbench.runtime import batched, free, is_out_of_memory, seeded


def test_seeded_repeats_itself_and_leaves_the_generators_as_they_were() -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    def start() -> None:
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    start()
    undisturbed = draw()
    start()
    with seeded(7):
        first = draw()
    assert draw() == undisturbed
    with seeded(7):
        assert draw() == first


@pytest.mark.parametrize("count", [1, 4, 5, 7, 8, 9])
def test_every_item_comes_back_once_and_in_order(count: int) -> None:
    seen: list[Event] = []
    batches = batched(
        lambda x: [2 * i for i in x], range(count), batch_size=4, stage="numbers", on_event=seen.append
    )
    assert list(chain.from_iterable(batches)) == [2 * i for i in range(count)]
    assert [event.done for event in seen][-1] == count and seen[-1].total == count


def test_items_are_taken_only_as_they_are_needed() -> None:
    taken: list[int] = []
    source = (taken.append(i) or i for i in range(100))
    next(iter(batched(list, source, total=100, batch_size=8, stage="numbers")))
    assert len(taken) == 8


def test_no_items_give_no_batches_and_a_batch_of_nothing_is_refused() -> None:
    assert list(batched(list, [], batch_size=4, stage="numbers")) == []
    with pytest.raises(BadInputError, match="batch_size=0 was given; expected a whole number of at least 1"):
        batched(list, [1], batch_size=0, stage="numbers")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"),
        MemoryError("Unable to allocate 3.0 GiB"),
    ],
)
def test_out_of_memory_halves_the_batch_loses_nothing_and_says_so(error: BaseException) -> None:
    sizes: list[int] = []
    seen: list[Event] = []

    def fits_three(batch: list[int]) -> list[int]:
        sizes.append(len(batch))
        if len(batch) > 3:
            raise error
        return batch

    run = batched(fits_three, range(11), batch_size=8, stage="pictures", on_event=seen.append)
    assert list(chain.from_iterable(run)) == list(range(11))
    assert sizes == [8, 4, 2, 2, 2, 2, 2, 1]
    assert run.batch_size == 2
    assert run.notes == (
        "out of memory: a batch of 8 did not fit, going on with 4",
        "out of memory: a batch of 4 did not fit, going on with 2",
    )
    assert [event.message for event in seen if event.message] == list(run.notes)


def test_one_item_that_does_not_fit_is_a_clear_error() -> None:
    def never(batch: list[int]) -> list[int]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 90.00 GiB.")

    with pytest.raises(UnavailableError, match=r"single item of stage 'pictures': CUDA out .*models\.unload"):
        list(batched(never, [1, 2], batch_size=2, stage="pictures"))


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    assert not is_out_of_memory(RuntimeError("shape mismatch"))
    with pytest.raises(RuntimeError, match="shape mismatch"):
        list(batched(_raise_shape, [1, 2], batch_size=2, stage="pictures"))


def _raise_shape(batch: list[int]) -> None:
    raise RuntimeError("shape mismatch")


def test_the_failed_attempt_is_let_go_before_the_next() -> None:
    import weakref

    held: list[weakref.ref] = []

    def greedy(batch: list[int]) -> list[int]:
        assert all(ref() is None for ref in held)
        tensor = torch.zeros(10)
        held.append(weakref.ref(tensor))
        if len(batch) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return batch

    run = batched(greedy, range(4), batch_size=4, stage="pictures")
    assert list(chain.from_iterable(run)) == [0, 1, 2, 3]


def test_stopping_keeps_the_batches_that_were_finished() -> None:
    done: list[list[int]] = []
    with pytest.raises(Cancelled, match="Cancelled after 6 of 10 pictures; what was finished is kept"):
        for output in batched(
            list, range(10), batch_size=3, stage="pictures", should_stop=lambda: len(done) == 2
        ):
            done.append(output)
    assert done == [[0, 1, 2], [3, 4, 5]]


def test_free_counts_what_a_kept_traceback_was_holding(monkeypatch: pytest.MonkeyPatch) -> None:
    def leak() -> None:
        big = torch.zeros(250_000)
        raise ValueError(big.shape)

    try:
        leak()
    except ValueError as problem:
        monkeypatch.setattr(sys, "last_value", problem, raising=False)
    assert free() >= 1_000_000
