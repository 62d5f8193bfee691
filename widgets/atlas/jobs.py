"""The atlas's background work: three kinds of jobs that do not wait for one another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from widgets.jobs import LatestJob
from widgets.status import Status
from workbench.errors import BadInputError
from workbench.results import Event, OnEvent

__all__ = ["JOBS", "AtlasJobs", "share_of"]

JOBS = {"maps": "", "finds": "query", "figures": ""}
"""Kind of job: the place where its error is shown, as `Status` names places."""

Work = Callable[[Callable[[], bool]], None]


class AtlasJobs(Status):
    """Maps, finds and figures: of each kind the newest request wins, each has its line and its Cancel."""

    def _open_jobs(self) -> None:
        self._jobs = {kind: LatestJob(partial(self._fail, at=at)) for kind, at in JOBS.items()}

    def cancel(self, what: str = "") -> None:
        """Stop one kind of work ("maps", "finds", "figures"), or all; what is on the screen stays.

        Raises:
            BadInputError: there is no such kind.
        """
        if what and what not in JOBS:
            raise BadInputError(f"There is no work called {what!r} here; there are {', '.join(JOBS)}.")
        for kind in [what] if what else JOBS:
            self._jobs[kind].cancel()
            self._end(kind)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until all requested work is on the screen; False if `timeout` seconds pass first."""
        # A finished map starts finds and figures anew, so these are waited for last.
        return all(self._jobs[kind].wait(timeout) for kind in JOBS)

    def _start(self, kind: str, stage: str, work: Work) -> None:
        """Run `work(should_stop)` in place of an older one of its kind."""
        self._begin(kind, stage)

        def run(should_stop: Callable[[], bool]) -> None:
            try:
                work(should_stop)
            finally:
                if not should_stop():  # else a newer one goes by this name
                    self._end(kind)

        self._jobs[kind].submit(run)


def share_of(tell: OnEvent, stage: str, first: float, last: float) -> OnEvent:
    """Progress of a part of some work as progress of the whole, in hundredths: from `first` to `last`."""

    def heard(event: Event) -> None:
        done = event.done / event.total if event.total else 0.0
        tell(Event(stage, round(100 * (first + (last - first) * done)), 100, event.stage))

    return heard
