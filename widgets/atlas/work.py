"""The atlas's background work: three kinds that do not wait for one another, one line of status."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from widgets.jobs import LatestJob, Reported
from widgets.status import said_of
from workbench.errors import Cancelled
from workbench.results import Event, OnEvent

__all__ = ["AtlasWork"]

Work = Callable[[Callable[[], bool]], None]


class AtlasWork:
    """Maps, finds and figures: of each kind the newest request wins, and an error reaches the screen.

    `tell(status)` is called with what the header shows: state, error, and the stage under way.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._lock = threading.RLock()
        self._under_way: dict[str, tuple[int, dict[str, Any]]] = {}
        self._count = 0
        self._error = ""
        self.last_error: Exception | None = None
        self.maps, self.finds, self.figures = (LatestJob(self._report) for _ in range(3))

    def start(self, kind: str, stage: str, work: Work) -> None:
        """Run `work(should_stop)` in place of an older one of its kind."""
        with self._lock:
            self._count += 1
            number = self._count
            self._under_way[kind] = (number, asdict(Event(stage, 0, 0)))
            self._say()

        def run(should_stop: Callable[[], bool]) -> None:
            try:
                work(should_stop)
            finally:
                with self._lock:
                    if self._under_way.get(kind, (0,))[0] == number:
                        del self._under_way[kind]
                    self._say()

        getattr(self, kind).submit(run)

    def progress(self, kind: str, should_stop: Callable[[], bool]) -> OnEvent:
        """Progress of one job, silent once a newer one or a cancel has come."""

        def tell(event: Event) -> None:
            with self._lock:
                if not should_stop() and kind in self._under_way:
                    self._under_way[kind] = (self._under_way[kind][0], asdict(event))
                    self._say()

        return tell

    def cancel(self) -> None:
        """Stop all of it; what is on the screen stays."""
        for job in (self.maps, self.finds, self.figures):
            job.cancel()
        with self._lock:
            self._under_way.clear()
            self._say()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until nothing runs; False if `timeout` seconds pass first."""
        # A finished map starts the figures anew, so they are waited for last.
        return all(job.wait(timeout) for job in (self.maps, self.finds, self.figures))

    def clear_error(self) -> None:
        """The user has done something else: the old error goes."""
        with self._lock:
            self._error = ""
            self._say()

    def reported(self) -> Reported:
        """`with work.reported():` shows an exception on the screen."""
        return Reported(self._report)

    def _report(self, problem: Exception) -> None:
        if isinstance(problem, Cancelled):
            return
        with self._lock:
            self.last_error = problem
            self._error = said_of(problem)
            self._say()

    def _say(self) -> None:
        under_way = [event for _, event in self._under_way.values()]
        state = "working" if under_way else "error" if self._error else "ready"
        self._tell({"state": state, "error": self._error} | (under_way[0] if under_way else {}))
