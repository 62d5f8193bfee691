"""What the fusion board does in threads of its own: train, compare, prove, look, advise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from widgets.fusion import runs
from widgets.fusion.sets import SETS, load_set
from widgets.jobs import LatestJob
from workbench import fusion as lab
from workbench.errors import BadInputError
from workbench.fusion import Advice, FusionReport, Look, Plan, Proof
from workbench.results import Event

__all__ = ["Working"]

ShouldStop = Callable[[], bool]
_PLACES = {"plane": "train", "models": "specimens"}  # job to where its errors stand, if not its own name


class Working:
    """The work of a `FusionBoard`; traits and pages are there. Nothing begins unless it is asked for."""

    _report: FusionReport | None
    _proof: Proof | None
    _advice: Advice | None
    _plane_jobs: LatestJob
    _run_jobs: LatestJob
    _look_jobs: LatestJob
    _small_jobs: LatestJob
    _turns: runs.Turns
    store: runs.PlaneStore
    looks: dict[tuple[str, str, int], Look]

    def _train_plane(self: Any) -> None:
        """Train what is neither there nor kept with the package; what is shows at once."""
        task, seed, steps, fusions = self.task, self.seed, self.steps, self._on_screen()
        self._live = dict[str, Any]()
        self._publish()
        if not self.store.missing(task, seed, steps, fusions):
            self._plane_jobs.cancel()  # an older wish may still be on its way
            self._end("plane")
            return

        def work(should_stop: ShouldStop) -> None:
            with self._turn("plane", should_stop):
                curves = runs.Curves(partial(self._tell_live, "plane"), "train_loss")
                heard = self._progress("plane", should_stop, curves)
                # The slider's first: it is what the user is moving.
                for group in (fusions[:1], fusions[1:]):
                    if group and not should_stop():
                        told: Any = {"on_event": heard, "should_stop": should_stop}
                        self.store.train(task, seed, steps, group, **told)
                        self._publish_if(should_stop)

        self._start("plane", self._plane_jobs, work)

    def _compare(self: Any) -> None:
        """A new comparison on the board's examples; a cancelled one leaves what it had finished."""
        examples, report = self._examples, self._report
        if examples is None:
            raise BadInputError("There is nothing to train on yet. Choose a data set above.")
        if not self.chosen:
            raise BadInputError("No fusion is ticked. Tick at least one to compare.")
        plan = report.plan if report is not None else Plan()
        chosen = list(self.chosen)
        budget = {name: getattr(self, name) for name in ("seeds", "epochs", "most_train", "training")}

        def work(should_stop: ShouldStop) -> None:
            with self._turn("compare", should_stop):
                curves = runs.Curves(partial(self._tell_live, "compare"), self.curve)
                heard = self._progress("compare", should_stop, curves)
                told: Any = {"on_event": heard, "should_stop": should_stop}
                made = runs.run_compare(examples, chosen, plan, **budget, **told)
            self._put_report(made)

        self._live = {}
        self._start("compare", self._run_jobs, work)

    def _put_report(self: Any, report: FusionReport) -> None:
        with self._lock, self.hold_sync():
            self._report, self._examples = report, report.examples or self._examples
            self._advice = None
            self.looks.clear()
            self._drawn.clear()
            self._live = {}
            names = report.fusions
            if names and self.fusion not in names:
                self.set_trait("fusion", names[0])
            if names and self.baseline not in names:
                self.set_trait("baseline", names[0])
            self._publish()

    def _load(self: Any, name: str) -> None:
        """Another data set to train on; the report on the screen was of the old one and goes."""
        if not name:
            return

        def work(should_stop: ShouldStop) -> None:
            found = load_set(name, self._progress("data", should_stop), should_stop)
            if should_stop():
                return
            with self._lock, self.hold_sync():
                self._examples, self._report, self._advice = found, None, None
                self._drawn.clear()
                self.set_trait("most_train", SETS[name].most_train)
                self.set_trait("selected", [])
                if not self.chosen:
                    self.set_trait("chosen", list(runs.FIRST_CHOICE))
                self._publish()

        self._start("data", self._run_jobs, work)

    def _prove(self: Any) -> None:
        def work(should_stop: ShouldStop) -> None:
            with self._turn("prove", should_stop):
                heard = self._progress("prove", should_stop)
                self._proof = runs.run_proof(None, on_event=heard, should_stop=should_stop)
            self._publish()

        self._start("prove", self._run_jobs, work)

    def _measure(self: Any) -> None:
        """A tiny model of every family, captured here."""

        def work(should_stop: ShouldStop) -> None:
            heard = self._progress("models", should_stop)
            for done, name in enumerate(lab.SPECIMENS):
                if should_stop():
                    return
                heard(Event("measuring tiny models", done, len(lab.SPECIMENS), name))
                self.specimens[name] = lab.specimen(name)
                self._publish()

        self._start("models", self._look_jobs, work)

    def _advise(self: Any) -> None:
        """What theory, and the report on the screen or the kept one, say to the page Choose."""
        asked = runs.asked_of(self)
        report = self._report

        def work(should_stop: ShouldStop) -> None:
            found = lab.advise(report=report, **asked)
            if not should_stop():
                self._advice = found
                self._publish()

        self._start("choose", self._small_jobs, work)

    def _look(self: Any) -> None:
        """Open the item in focus inside the fusion in view, if the report kept its weights."""
        report, fusion, item = self._report, self.fusion, self.focus
        if report is None or item not in report.items or runs.why_not_looked(report, fusion):
            return
        if (report.config_hash, fusion, item) in self.looks:
            return

        def work(should_stop: ShouldStop) -> None:
            found = runs.run_look(report, fusion, item)
            self.looks[report.config_hash, fusion, item] = found
            self._publish_if(should_stop)

        self._look_jobs.submit(work)

    def _publish_if(self: Any, should_stop: ShouldStop) -> None:
        if not should_stop():
            self._publish()

    def _turn(self: Any, what: str, should_stop: ShouldStop) -> Any:
        if any(other != what for other in self.working if other != "choose"):
            self._progress(what, should_stop)(Event("waiting for the other training", 0, 0))
        return self._turns.take(should_stop)

    def _start(self: Any, what: str, jobs: LatestJob, work: Callable[[ShouldStop], None]) -> None:
        self._begin(what, "starting")

        def whole(should_stop: ShouldStop) -> None:
            try:
                work(should_stop)
            except Exception as problem:
                if not should_stop():
                    self._fail(problem, at=_PLACES.get(what, what))
            finally:
                if not should_stop():
                    self._end(what)

        jobs.submit(whole)

    def _cancel(self: Any, what: str) -> None:
        if what in self.working:
            own: Mapping[str, LatestJob] = {
                "plane": self._plane_jobs, "models": self._look_jobs, "choose": self._small_jobs,
            }  # fmt: skip
            own.get(what, self._run_jobs).cancel()
            self._end(what, said="cancelled")
