"""What a widget says of itself: ready, working and how far, or what went wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, ClassVar

import traitlets as t

from widgets.jobs import LatestJob, Reported, Work
from workbench.errors import Cancelled, WorkbenchError
from workbench.formatting import one_line
from workbench.results import Event, OnEvent

__all__ = ["BackgroundJobs", "Status", "said_of"]

_MOST = 600  # characters of an error; the whole of it is `last_error`
_TALKING = threading.RLock()  # two jobs may say something at once; neither may be lost


def said_of(problem: Exception) -> str:
    """An error as one line for the screen: ours as it is written, another's with its type."""
    known = isinstance(problem, WorkbenchError)
    return one_line(str(problem) if known else f"{type(problem).__name__}: {problem}", most=_MOST)


class Status(t.HasTraits):
    """What a board says of its work: jobs that run, what went wrong, what was answered, each in its place.

    A place is the name of a control ("labels", "export"), or "" for the board as a whole. An error stands
    beside the control that caused it and not in a log nobody reads; what was on the screen before stays.

    Attributes:
        last_error: the newest error itself, for the next cell.
    """

    _status: t.Dict[str, Any] = t.Dict({"working": {}, "errors": {}, "said": {}}).tag(sync=True)
    last_error: Exception | None = None

    @property
    def working(self) -> dict[str, dict[str, Any]]:
        """Job to its progress: stage, done, total, message."""
        return dict(self._status["working"])

    @property
    def errors(self) -> dict[str, str]:
        """Place to the error that is shown there."""
        return dict(self._status["errors"])

    def _begin(self, job: str, stage: str = "") -> None:
        """A job runs from now on; errors of what was asked before go."""
        with _TALKING:
            working = self.working | {job: asdict(Event(stage or job, 0, 0))}
            self._status = {"working": working, "errors": {}, "said": {}}

    def _progress(
        self, job: str, should_stop: Callable[[], bool], also: Callable[[Event], None] | None = None
    ) -> OnEvent:
        """Progress of one job, silent once a newer one or a cancel has come."""

        def tell(event: Event) -> None:
            with _TALKING:
                if should_stop() or job not in self._status["working"]:
                    return
                self._status = self._status | {"working": self.working | {job: asdict(event)}}
            if also is not None:
                also(event)

        return tell

    def _end(self, job: str, *, said: str = "", at: str = "") -> None:
        """The job is over, well or not; `said` is its answer."""
        with _TALKING:
            left = {name: now for name, now in self.working.items() if name != job}
            self._status = self._status | {"working": left}
            if said:
                self._say(said, at=at)

    def _say(self, text: str, *, at: str = "") -> None:
        """An answer, shown where it was asked for."""
        with _TALKING:
            errors = {place: error for place, error in self.errors.items() if place != at}
            self._status = self._status | {"said": {at: text}, "errors": errors}

    def _fail(self, problem: Exception, *, at: str = "") -> None:
        """Show an error in its place; a cancel is none."""
        if isinstance(problem, Cancelled):
            return
        self.last_error = problem
        with _TALKING:
            self._status = self._status | {"errors": self.errors | {at: said_of(problem)}, "said": {}}

    def _clear(self, *places: str) -> None:
        """Errors in these places go; all, if none is named."""
        with _TALKING:
            left = {} if not places else {at: text for at, text in self.errors.items() if at not in places}
            if left != self._status["errors"]:
                self._status = self._status | {"errors": left}

    def _reported(self, at: str = "") -> Reported:
        """`with self._reported("labels"):` shows what goes wrong beside the labels."""
        return Reported(lambda problem: self._fail(problem, at=at))


class BackgroundJobs(Status):
    """The work of a board: of each job the newest request wins, and has its line with a Cancel.

    A board names its jobs; each has a thread of its own, which ends when it is not used.
    """

    #: Job to the place where its errors stand. `wait` waits for them in this order.
    _JOBS: ClassVar[Mapping[str, str]] = {}
    #: Job to the job whose thread it shares: a newer request of either replaces the older.
    _SHARED: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **traits: Any) -> None:
        own = {job: at for job, at in self._JOBS.items() if job not in self._SHARED}
        self._threads = {job: LatestJob(partial(self._fail, at=at)) for job, at in own.items()}
        super().__init__(**traits)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until all requested work is on the screen; False if `timeout` seconds pass first."""
        return all(thread.wait(timeout) for thread in self._threads.values())

    def _start(self, job: str, work: Work, stage: str = "") -> None:
        """Run `work(should_stop)` in place of an older request, with a line of progress and its errors."""
        self._begin(job, stage)

        def whole(should_stop: Callable[[], bool]) -> None:
            try:
                work(should_stop)
            except Exception as problem:
                if not should_stop():  # else a newer request goes by this name
                    self._end(job)
                    self._fail(problem, at=self._JOBS[job])
            else:
                if not should_stop():
                    self._end(job)

        self._submit(job, whole)

    def _submit(self, job: str, work: Work) -> None:
        """Run `work(should_stop)` in place of an older request, without a line of progress."""
        self._threads[self._SHARED.get(job, job)].submit(work)

    def _stop(self, job: str, *, said: str = "") -> None:
        """Nothing of this job runs or waits any more; what is on the screen stays."""
        self._threads[self._SHARED.get(job, job)].cancel()
        self._end(job, said=said)
