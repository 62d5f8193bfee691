"""What a widget says of itself: ready, working and how far, or what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import traitlets as t

from widgets.jobs import Reported
from workbench._repr import one_line
from workbench.errors import Cancelled, WorkbenchError
from workbench.results import Event, OnEvent

__all__ = ["Speaking", "said_of"]

_MOST = 600  # characters of an error; the whole of it is `last_error`


def said_of(problem: Exception) -> str:
    """An error as one line for the screen: ours as it is written, another's with its type."""
    known = isinstance(problem, WorkbenchError)
    return one_line(str(problem) if known else f"{type(problem).__name__}: {problem}", most=_MOST)


class Speaking(t.HasTraits):
    """For a widget whose front end draws `_status`; an error belongs there, not in a log nobody reads.

    Attributes:
        last_error: the newest error itself, for the next cell.
    """

    _status = t.Dict({"state": "ready", "error": ""}).tag(sync=True)
    last_error: Exception | None = None

    def _progress(self, should_stop: Callable[[], bool]) -> OnEvent:
        """Progress of one job, silent once a newer one or a cancel has come."""

        def tell(event: Event) -> None:
            if not should_stop():
                self._status = {"state": "working", "error": "", **asdict(event)}

        return tell

    def _say(self, state: str) -> None:
        self._status = {"state": state, "error": ""}

    def _clear_error(self) -> None:
        self._say("ready")

    def _report(self, problem: Exception) -> None:
        """What was on the screen before stays."""
        if isinstance(problem, Cancelled):
            return
        self.last_error = problem
        self._status = {"state": "error", "error": said_of(problem)}

    def _reported(self) -> Reported:
        return Reported(self._report)
