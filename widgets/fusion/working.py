"""What the fusion board says of its work: several jobs may run at once, each with its progress."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import traitlets as t

from widgets.jobs import Reported
from widgets.status import said_of
from workbench.errors import Cancelled
from workbench.results import Event, OnEvent

__all__ = ["Working"]

_TALKING = threading.RLock()  # two jobs may say something at once; neither may be lost


class Working(t.HasTraits):
    """For a widget whose front end draws `_status`: the jobs that run by name, an error, a sentence.

    Attributes:
        last_error: the newest error itself, for the next cell.
    """

    _status = t.Dict({"working": {}, "error": "", "said": ""}).tag(sync=True)
    last_error: Exception | None = None

    @property
    def working(self) -> dict[str, dict[str, Any]]:
        """Job to its progress: stage, done, total, message."""
        return dict(cast("dict[str, dict[str, Any]]", self._status["working"]))

    def _progress(
        self, what: str, should_stop: Callable[[], bool], also: Callable[[Event], None] | None
    ) -> OnEvent:
        """Progress of one job, silent once a newer one or a cancel has come."""

        def tell(event: Event) -> None:
            if not should_stop():
                self._say(what, event)
                if also is not None:
                    also(event)

        return tell

    def _say(self, what: str, event: Event) -> None:
        told = {"stage": event.stage, "done": event.done, "total": event.total, "message": event.message}
        with _TALKING:
            self._status = self._status | {"working": self.working | {what: told}, "said": ""}

    def _done(self, what: str, *, said: str = "") -> None:
        with _TALKING:
            left = {name: told for name, told in self.working.items() if name != what}
            self._status = self._status | {"working": left, "said": said}

    def _report_problem(self, problem: Exception) -> None:
        """An error belongs on the board. What was on the screen before stays."""
        if isinstance(problem, Cancelled):
            return
        self.last_error = problem
        with _TALKING:
            self._status = self._status | {"error": said_of(problem), "said": ""}

    def _clear_error(self) -> None:
        with _TALKING:
            if self._status["error"]:
                self._status = self._status | {"error": ""}

    def _reported(self) -> Reported:
        return Reported(self._report_problem)
