from __future__ import annotations

import threading
import time

from widgets.jobs import LatestJob


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
