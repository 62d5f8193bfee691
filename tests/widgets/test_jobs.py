from __future__ import annotations

import threading
import time
from typing import ClassVar

import pytest

from widgets.jobs import LatestJob
from widgets.status import BackgroundJobs
from workbench.errors import BadInputError, Cancelled


def test_work_runs_off_the_calling_thread() -> None:
    seen: list[str] = []
    jobs = LatestJob(on_error=lambda problem: None)
    jobs.submit(lambda stop: seen.append(threading.current_thread().name))
    assert jobs.wait(5)
    assert seen == ["widget-job"]


def test_of_many_requests_the_newest_always_runs_and_waiting_ones_are_dropped() -> None:
    ran: list[int] = []
    started, go_on = threading.Event(), threading.Event()

    def first(stop) -> None:
        started.set()
        go_on.wait(5)

    jobs = LatestJob(on_error=lambda problem: None)
    jobs.submit(first)
    assert started.wait(5)
    for number in range(20):
        jobs.submit(lambda stop, number=number: ran.append(number))
    go_on.set()
    assert jobs.wait(5)
    assert ran == [19]


def test_a_newer_request_tells_the_running_one_to_stop() -> None:
    stopped = threading.Event()
    started = threading.Event()

    def long(stop) -> None:
        started.set()
        while not stop():
            time.sleep(0.001)
        stopped.set()

    jobs = LatestJob(on_error=lambda problem: None)
    jobs.submit(long)
    assert started.wait(5)
    jobs.submit(lambda stop: None)
    assert stopped.wait(5)
    assert jobs.wait(5)


def test_an_error_is_reported_and_the_next_job_still_runs() -> None:
    problems: list[BaseException] = []
    ran = threading.Event()
    jobs = LatestJob(on_error=problems.append)
    jobs.submit(lambda stop: 1 / 0)
    assert jobs.wait(5)
    jobs.submit(lambda stop: ran.set())
    assert jobs.wait(5)
    assert isinstance(problems[0], ZeroDivisionError)
    assert ran.is_set()


def test_cancel_stops_the_running_job() -> None:
    started, stopped = threading.Event(), threading.Event()

    def long(stop) -> None:
        started.set()
        while not stop():
            time.sleep(0.001)
        stopped.set()

    jobs = LatestJob(on_error=lambda problem: None)
    jobs.submit(long)
    assert started.wait(5)
    jobs.cancel()
    assert stopped.wait(5)
    assert jobs.wait(5)


class Small(BackgroundJobs):
    """Three jobs; the second shares the first's thread."""

    _JOBS: ClassVar = {"draw": "canvas", "redraw": "brush", "find": ""}
    _SHARED: ClassVar = {"redraw": "draw"}


def _held(go_on: threading.Event, started: threading.Event, problem: Exception | None = None):
    """Work that waits for `go_on`, and then fails, if it is told how."""

    def work(_stop) -> None:
        started.set()
        assert go_on.wait(5)
        if problem is not None:
            raise problem

    return work


def test_a_job_has_its_line_while_it_runs_and_its_error_in_its_own_place() -> None:
    board, go_on, started = Small(), threading.Event(), threading.Event()
    problem = BadInputError("no such brush")
    board._start("redraw", _held(go_on, started, problem), "looking for it")
    assert board.working["redraw"]["stage"] == "looking for it"
    assert not board.wait(0.01)
    go_on.set()
    assert board.wait(5)
    assert (board.working, board.errors) == ({}, {"brush": "no such brush"})
    assert board.last_error is problem
    board._start("find", lambda stop: None)
    assert board.wait(5)
    assert (board.working, board.errors) == ({}, {})


@pytest.mark.parametrize("problem", [None, BadInputError("of the older")], ids=["done", "failed"])
def test_what_an_older_request_comes_to_is_not_said_nor_ends_the_line_of_the_newer(
    problem: Exception | None,
) -> None:
    board, first, second = Small(), threading.Event(), threading.Event()
    started = threading.Event()
    board._start("draw", _held(first, started, problem))
    assert started.wait(5)
    started.clear()
    board._start("draw", _held(second, started), "newer")
    first.set()
    assert started.wait(5)
    assert board.working["draw"]["stage"] == "newer"
    second.set()
    assert board.wait(5)
    assert (board.working, board.errors) == ({}, {})


def test_jobs_of_one_thread_wait_for_one_another_and_others_do_not() -> None:
    board, go_on, started = Small(), threading.Event(), threading.Event()
    ran: list[str] = []
    board._start("draw", _held(go_on, started))
    assert started.wait(5)
    board._start("redraw", lambda stop: ran.append("redraw"))
    found = threading.Event()
    board._start("find", lambda stop: found.set())
    assert found.wait(5)
    assert ran == []
    go_on.set()
    assert board.wait(5)
    assert ran == ["redraw"]


def test_a_job_that_is_stopped_has_no_line_and_a_cancel_is_no_error() -> None:
    board, go_on, started = Small(), threading.Event(), threading.Event()
    board._start("draw", _held(go_on, started, Cancelled("stopped")))
    assert started.wait(5)
    board._stop("draw", said="cancelled")
    assert (board.working, board._status["said"]) == ({}, {"": "cancelled"})
    go_on.set()
    assert board.wait(5)
    assert (board.errors, board.last_error) == ({}, None)
