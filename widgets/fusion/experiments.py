"""What the fusion board does in threads of its own: train, compare, prove, look, advise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from widgets.fusion.datasets import SETS, load_set
from widgets.fusion.example_view import why_not_looked
from widgets.fusion.fusion_traits import FusionTraits
from widgets.fusion.initial_traits import asked_of
from widgets.fusion.plane_store import PlaneStore
from widgets.fusion.training_runs import FIRST_CHOICE, Curves, Turns, run_compare
from workbench import fusion as lab
from workbench.errors import BadInputError
from workbench.fusion import Advice, Examples, FusionReport, Look, Meeting, Plan, Proof
from workbench.results import Event

__all__ = ["Experiments"]

ShouldStop = Callable[[], bool]


class Experiments(FusionTraits):
    """The work of a fusion board. Nothing begins unless it is asked for.

    `_publish` draws the board, `_tell_live` curves as they run; `_on_screen` names the plane's fusions.
    """

    # Comparing, loading and proving replace one another, as do looking and measuring.
    _JOBS: ClassVar = {
        "plane": "train", "compare": "compare", "data": "data", "prove": "prove",
        "look": "", "models": "specimens", "choose": "choose",
    }  # fmt: skip
    _SHARED: ClassVar = {"data": "compare", "prove": "compare", "models": "look"}

    _publish: Callable[[], None]
    _tell_live: Callable[[str, dict[str, list[tuple[int, float]]]], None]
    _on_screen: Callable[[], list[str]]
    _lock: threading.RLock
    _report: FusionReport | None
    _proof: Proof | None
    _advice: Advice | None
    _examples: Examples | None
    _turns: Turns
    _drawn: dict[str, Any]
    store: PlaneStore
    looks: dict[tuple[str, str, int], Look]
    specimens: dict[str, Meeting]

    def _train_plane(self) -> None:
        """Train what is neither there nor kept with the package; what is shows at once."""
        task, seed, steps, fusions = self.task, self.seed, self.steps, self._on_screen()
        self._live = dict[str, Any]()
        self._publish()
        if not self.store.missing(task, seed, steps, fusions):
            self._stop("plane")  # an older wish may still be on its way
            return

        def work(should_stop: ShouldStop) -> None:
            with self._turn("plane", should_stop):
                curves = Curves(partial(self._tell_live, "plane"), "train_loss")
                heard = self._progress("plane", should_stop, curves)
                # The slider's first: it is what the user is moving.
                for group in (fusions[:1], fusions[1:]):
                    if group and not should_stop():
                        told: Any = {"on_event": heard, "should_stop": should_stop}
                        self.store.train(task, seed, steps, group, **told)
                        self._publish_if(should_stop)

        self._start("plane", work, "starting")

    def _compare(self) -> None:
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
                curves = Curves(partial(self._tell_live, "compare"), self.curve)
                heard = self._progress("compare", should_stop, curves)
                told: Any = {"on_event": heard, "should_stop": should_stop}
                made = run_compare(examples, chosen, plan, **budget, **told)
            self._put_report(made)

        self._live = {}
        self._start("compare", work, "starting")

    def _put_report(self, report: FusionReport) -> None:
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

    def _load(self, name: str) -> None:
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
                    self.set_trait("chosen", list(FIRST_CHOICE))
                self._publish()

        self._start("data", work, "starting")

    def _prove(self) -> None:
        def work(should_stop: ShouldStop) -> None:
            with self._turn("prove", should_stop):
                heard = self._progress("prove", should_stop)
                self._proof = lab.prove(None, on_event=heard, should_stop=should_stop)
            self._publish()

        self._start("prove", work, "starting")

    def _measure(self) -> None:
        """A tiny model of every family, captured here."""

        def work(should_stop: ShouldStop) -> None:
            heard = self._progress("models", should_stop)
            for done, name in enumerate(lab.SPECIMENS):
                if should_stop():
                    return
                heard(Event("measuring tiny models", done, len(lab.SPECIMENS), name))
                self.specimens[name] = lab.specimen(name)
                self._publish()

        self._start("models", work, "starting")

    def _advise(self) -> None:
        """What theory, and the report on the screen or the kept one, say to the page Choose."""
        asked = asked_of(self)
        report = self._report

        def work(should_stop: ShouldStop) -> None:
            found = lab.advise(report=report, **asked)
            if not should_stop():
                self._advice = found
                self._publish()

        self._start("choose", work, "starting")

    def _look(self) -> None:
        """Open the item in focus inside the fusion in view, if the report kept its weights."""
        report, fusion, item = self._report, self.fusion, self.focus
        if report is None or item not in report.items or why_not_looked(report, fusion):
            return
        if (report.config_hash, fusion, item) in self.looks:
            return

        def work(should_stop: ShouldStop) -> None:
            found = lab.look(report, fusion, [item])
            self.looks[report.config_hash, fusion, item] = found
            self._publish_if(should_stop)

        self._submit("look", work)

    def _publish_if(self, should_stop: ShouldStop) -> None:
        if not should_stop():
            self._publish()

    def _turn(self, what: str, should_stop: ShouldStop) -> Any:
        if any(other != what for other in self.working if other != "choose"):
            self._progress(what, should_stop)(Event("waiting for the other training", 0, 0))
        return self._turns.take(should_stop)

    def _cancel(self, what: str) -> None:
        if what in self.working:
            self._stop(what, said="cancelled")
