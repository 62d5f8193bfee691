"""Work that would block the notebook: one thread a widget, the newest request wins, cancel works.

The browser's messages are handled on the kernel's main thread, so a cancel button is only heard
while the work itself runs elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

__all__ = ["LatestJob", "Reported", "Work"]

_IDLE_SECONDS = 30.0  # an unused thread ends, so that a forgotten widget costs nothing

Work = Callable[[Callable[[], bool]], None]
"""What a job does; it is given `should_stop`."""


class LatestJob:
    """Runs the newest `work(should_stop)` submitted; a newer one stops and replaces an older one.

    `should_stop()` turns true for good once a newer job or a cancel has come. Work reports its own
    failures: an exception that escapes it would end the thread, and is therefore handed to `on_error`.
    """

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._state = threading.Condition()
        self._newest = 0
        self._waiting: tuple[int, Work] | None = None
        self._running = False
        self._thread: threading.Thread | None = None

    def submit(self, work: Work) -> None:
        """Run `work` as soon as the running job, which is told to stop, has returned."""
        with self._state:
            self._newest += 1
            self._waiting = (self._newest, work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="widget-job", daemon=True)
                self._thread.start()
            self._state.notify_all()

    def cancel(self) -> None:
        """Tell the running job to stop, and drop the waiting one."""
        with self._state:
            self._newest += 1
            self._waiting = None
            self._state.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until nothing runs or waits; False if `timeout` seconds pass first."""
        with self._state:
            return self._state.wait_for(lambda: not self._running and self._waiting is None, timeout)

    def _loop(self) -> None:
        while (job := self._next()) is not None:
            generation, work = job
            try:
                work(partial(self._is_over, generation))
            except Exception as problem:
                self._on_error(problem)
            finally:
                with self._state:
                    self._running = False
                    self._state.notify_all()

    def _is_over(self, generation: int) -> bool:
        return generation != self._newest

    def _next(self) -> tuple[int, Work] | None:
        with self._state:
            self._state.wait_for(lambda: self._waiting is not None, _IDLE_SECONDS)
            job, self._waiting = self._waiting, None
            self._running = job is not None
            if job is None:
                self._thread = None
            return job


class Reported:
    """`with Reported(report):` hands an exception to `report`, because a callback's traceback reaches nobody.

    An interrupt of the kernel is not an error and passes through.
    """

    def __init__(self, report: Callable[[Exception], None]) -> None:
        self._report = report

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, problem: BaseException | None, _trace: object) -> bool:
        if isinstance(problem, Exception):
            self._report(problem)
            return True
        return False
