"""Hooks and stand-ins that only their own thread meets, and switches of the whole process in turns."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from workbench import hooks
from workbench.runtime import one_thread, seeded


class _Doubled(nn.Module):
    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return 2 * given


def elsewhere(call: Callable[[], Any]) -> Any:
    """What `call` gives in another thread."""
    found: list[Any] = []
    worker = threading.Thread(target=lambda: found.append(call()))
    worker.start()
    worker.join()
    return found[0]


def test_hooks_and_passed_over_blocks_are_met_by_their_own_thread_alone() -> None:
    block, one = _Doubled(), torch.ones(2)
    with hooks.output_changed(block, lambda output: output + 5):
        assert block(one)[0] == 7
        assert elsewhere(lambda: block(one))[0] == 2
        with hooks.passed_over(block):
            assert block(one)[0] == 6
            assert elsewhere(lambda: block(one))[0] == 2
            assert _Doubled()(one)[0] == 2  # another block of its class
    with hooks.passed_over(block, output=torch.zeros(2)):
        assert block(one)[0] == 0
    assert block(one)[0] == 2 and not hooks.foreign_hooks(block)
    assert "forward" not in vars(block) and _Doubled.forward.__qualname__ == "_Doubled.forward"


def test_a_function_stands_in_for_one_thread_and_the_latest_answers_first() -> None:
    whole = functional.softmax
    given = torch.zeros(2)
    with hooks.stand_in(functional, "softmax", lambda inner, *args, **kwargs: inner(*args, **kwargs) + 1):
        kept = functional.softmax  # somebody imports it meanwhile, and keeps it
        assert functional.softmax(given, dim=0)[0] == 1.5
        with hooks.stand_in(
            functional, "softmax", lambda inner, *args, **kwargs: inner(*args, **kwargs) * 10
        ):
            assert functional.softmax(given, dim=0)[0] == 15
        assert elsewhere(lambda: functional.softmax(given, dim=0))[0] == 0.5
    assert functional.softmax is whole and kept(given, dim=0)[0] == 0.5


def test_two_threads_that_overlap_put_the_function_back_once_both_are_done() -> None:
    whole, inside, leave = functional.softmax, threading.Event(), threading.Event()

    def other() -> float:
        with hooks.stand_in(functional, "softmax", lambda inner, *args, **kwargs: inner(*args, **kwargs) + 2):
            inside.set()
            leave.wait(30)
            return float(functional.softmax(torch.zeros(2), dim=0)[0])

    found: list[float] = []
    worker = threading.Thread(target=lambda: found.append(other()))
    with hooks.stand_in(functional, "softmax", lambda inner, *args, **kwargs: inner(*args, **kwargs) + 1):
        worker.start()
        inside.wait(30)
        assert functional.softmax(torch.zeros(2), dim=0)[0] == 1.5
    assert functional.softmax is not whole
    assert functional.softmax(torch.zeros(2), dim=0)[0] == 0.5
    leave.set()
    worker.join()
    assert found == [2.5] and functional.softmax is whole


def test_a_model_copied_while_hooks_stand_on_it_is_free_of_them_afterwards() -> None:
    block, one = _Doubled(), torch.ones(2)
    with hooks.output_changed(block, lambda output: output + 5), hooks.passed_over(block):
        copied = copy.deepcopy(block)
        assert copied(one)[0] == 7  # it is a copy of what stands there now, and goes with it
    assert copied(one)[0] == 2


def test_dropout_comes_back_once_the_last_of_two_threads_has_evaluated() -> None:
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2)).train()
    net[1].eval()
    first = hooks.evaluated(net)
    first.__enter__()
    with hooks.evaluated(net):
        first.__exit__(None, None, None)
        assert not any(part.training for part in net.modules())
    assert net.training and net[0].training and not net[1].training


def test_threads_that_draw_take_turns_and_draw_what_they_draw_alone() -> None:
    def drawn() -> float:
        with seeded(3):
            torch.rand(1)
            threading.Event().wait(0.01)
            return float(torch.rand(1))

    alone = drawn()
    before = torch.random.get_rng_state()
    found: list[float] = []
    workers = [threading.Thread(target=lambda: found.append(drawn())) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [alone] * 6
    assert torch.equal(torch.random.get_rng_state(), before)


def test_sections_on_one_thread_that_overlap_leave_the_usual_number() -> None:
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first = one_thread()
        first.__enter__()
        inside, leave = threading.Event(), threading.Event()

        def other() -> None:
            with one_thread():
                inside.set()
                leave.wait(30)

        worker = threading.Thread(target=other)
        worker.start()
        inside.wait(30)
        first.__exit__(None, None, None)
        leave.set()
        worker.join()
        assert torch.get_num_threads() == 2 and elsewhere(torch.get_num_threads) == 2
    finally:
        torch.set_num_threads(usual)
