"""`FusionBoard`: fusions drawn, trained on a plane as you watch, compared on data, opened at one item."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

import anywidget
import traitlets as t

from widgets import esm, wire
from widgets.fusion import runs
from widgets.fusion.example_view import space_bytes
from widgets.fusion.pages import Pages
from widgets.fusion.plane_view import live_curves, plane_bytes, slider_name
from widgets.fusion.presets import PRESETS, preset
from widgets.fusion.report_view import COSTS, MEASURES
from widgets.fusion.snapshot import board_snapshot, file_of
from widgets.fusion.start import check_plane, start_values
from widgets.fusion.working import Working
from widgets.jobs import LatestJob
from widgets.snapshot import Snapshot
from workbench import fusion as lab
from workbench.data.examples import Examples
from workbench.errors import BadInputError
from workbench.fusion import FusionReport, Look, Meeting, Plan, Proof, Regions
from workbench.results import Event

__all__ = ["FusionBoard"]

_THUMB, _COLUMNS, _LARGE = 88, 6, 320  # pixels, of the sprite sheet, pixels
_ORDERS = ("as given", "fusions disagree", "this one wrong", "only this one right")
_CHOICES = [
    "baseline", "measure", "cost", "curve", "order", "page", "selected",
    "chosen", "seeds", "epochs", "most_train", "training",
]  # fmt: skip
_CURVES = ("validation_accuracy", "validation_loss", "train_loss")


class FusionBoard(Working, anywidget.AnyWidget):
    """The fusion lab by hand: a slider from early to late, decision regions, a comparison from every side.

        board = FusionBoard()                              # the plane alone
        board = show(compare("easy-vqa", ["mean-logits", "early-tokens"]))
        board.examples.pairs[board.selected]

    Attributes:
        tab: the page in view: "plane", "proof", "quality", "training", "robustness", "contributions",
            "cost", "examples", "space", "models".
        task, layer, bottleneck, beside, seed: of the plane; layer 0 is early, 3 late; bottleneck 0 lets
            all tokens through; `beside` are the fusions drawn next to the slider's.
        fusion: the one looked at. baseline: the one differences are taken from.
        measure: "accuracy", "auroc", "nll", "brier", "ece". cost: what quality is drawn against.
        focus: the item looked at. selected: chosen items, as numbers in `board.examples`.
        chosen, seeds, epochs, most_train (0: all), training ("joint", "separate"): of the next comparison.
    """

    _esm = esm.script("fusion_board")
    _css = esm.style("base", "fusion_board")

    tab = t.Unicode("plane").tag(sync=True)
    task = t.Unicode("xor").tag(sync=True)
    layer = t.Int(0).tag(sync=True)
    bottleneck = t.Int(0).tag(sync=True)
    beside = t.List(t.Unicode(), ["early-tokens", "mean-logits"]).tag(sync=True)
    seed = t.Int(0).tag(sync=True)
    preset = t.Unicode("").tag(sync=True)

    fusion = t.Unicode("").tag(sync=True)
    baseline = t.Unicode("").tag(sync=True)
    measure = t.Enum(tuple(MEASURES), "accuracy").tag(sync=True)
    cost = t.Enum(tuple(COSTS), "parameters").tag(sync=True)
    curve = t.Enum(_CURVES, "validation_accuracy").tag(sync=True)
    order = t.Enum(_ORDERS, "as given").tag(sync=True)
    page = t.Int(0).tag(sync=True)
    focus = t.Int(-1).tag(sync=True)
    selected = t.List(t.Int()).tag(sync=True)

    chosen = t.List(t.Unicode()).tag(sync=True)
    seeds = t.Int(3).tag(sync=True)
    epochs = t.Int(8).tag(sync=True)
    most_train = t.Int(0).tag(sync=True)
    training = t.Enum(("joint", "separate"), "joint").tag(sync=True)

    _view = t.Dict().tag(sync=True)
    _live = t.Dict().tag(sync=True)
    _planes = wire.ByteTrait()
    _space = wire.ByteTrait()
    _sprite = wire.ByteTrait()
    _large = wire.ByteTrait()

    def __init__(
        self,
        report: FusionReport | None = None,
        *,
        proof: Proof | None = None,
        regions: Regions | None = None,
        examples: Examples | None = None,
        meetings: Sequence[Meeting] = (),
    ) -> None:
        """A board on what there is; the plane needs nothing.

        Args:
            report: a comparison. proof: of `prove`. regions: of `regions`.
            examples: what a comparison started from the board trains on; those of the report by default.
            meetings: of models in use, `meeting(capture(model, inputs))`: shown among the real models.
        """
        self.meetings, self.specimens = tuple(meetings), dict[str, Meeting]()
        self._lock = threading.RLock()
        self._report, self._proof = report, proof
        self._examples = examples if examples is not None else getattr(report, "examples", None)
        self.store, self._turns = runs.PlaneStore(), runs.Turns()
        self.looks: dict[tuple[str, str, int], Look] = {}
        self._drawn: dict[str, Any] = {}
        self._pages = Pages(self)
        self._plane_jobs, self._run_jobs, self._look_jobs = (
            LatestJob(self._report_problem) for _ in range(3)
        )
        super().__init__(**start_values(report, proof, regions, meetings, self._examples))
        if regions is not None:
            self.store.put(regions, self.seed)
        self._publish()
        self.on_msg(self._on_message)
        self.observe(self._on_plane, ["task", "layer", "bottleneck", "beside", "seed"])
        self.observe(self._on_preset, "preset")
        self.observe(self._on_look, ["tab", "fusion", "focus"])
        self.observe(self._on_choice, _CHOICES)
        if self.tab == "plane":
            self._train_plane()

    @property
    def report(self) -> FusionReport | None:
        """The comparison on the screen, None before there is one."""
        return self._report

    @property
    def proof(self) -> Proof | None:
        """The proof on the screen, None before there is one."""
        return self._proof

    @property
    def examples(self) -> Examples | None:
        """What the items are numbers of."""
        return self._examples

    @property
    def planes(self) -> dict[str, float]:
        """Fusions on the plane that have been trained, with their share of fresh points right."""
        shown = self.store.shown(self.task, self.seed, self._on_screen())
        return {plane.fusion: plane.accuracy for plane in shown if plane is not None}

    def wait(self, timeout: float | None = None) -> bool:
        """Block until all requested work is on the screen; False if `timeout` seconds pass first."""
        return all(jobs.wait(timeout) for jobs in (self._plane_jobs, self._run_jobs, self._look_jobs))

    def code(self) -> str:
        """Python that computes what is on the screen."""
        return self._pages.code()

    def export(self, form: str) -> str:
        """The tables of the page in view as "csv" or "latex", with configuration hash and seeds.

        Raises:
            BadInputError: another form, or nothing to export yet.
        """
        return file_of(self._pages.tables(), form)

    def snapshot(self) -> Snapshot:
        """The page in view as a static page, with the numbers behind it."""
        with self._lock:
            return board_snapshot(self._pages.tables(), self.code())

    # What the user changed -------------------------------------------------------------------

    def _on_plane(self, change: dict[str, Any]) -> None:
        with self._reported():
            self._clear_error()
            check_plane(self.task, self.layer, self.bottleneck, self.beside)
            if change["name"] != "seed" and self.preset and not self._follows_preset():
                self.set_trait("preset", "")
            self._train_plane()

    def _on_preset(self, _change: dict[str, Any]) -> None:
        with self._reported():
            self._clear_error()
            wish = preset(self.preset)
            if self.preset and wish is None:
                names = ", ".join(row.name for row in PRESETS)
                raise BadInputError(f"preset is {self.preset!r}; there are {names}.")
            if wish is not None:
                with self.hold_trait_notifications():
                    for name, value in wish.settings.items():
                        self.set_trait(name, value)
            self._publish()

    def _on_look(self, change: dict[str, Any]) -> None:
        with self._reported():
            self._clear_error()
            if change["name"] == "tab" and self.tab == "plane":
                self._train_plane()
            self._publish()
            if self.tab == "examples":
                self._look()

    def _on_choice(self, _change: dict[str, Any]) -> None:
        with self._reported():
            self._clear_error()
            self._publish()

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        with self._reported():
            self._clear_error()
            kind = content.get("kind")
            if kind == "cancel":
                self._cancel(str(content.get("what", "")))
            elif kind == "compare":
                self._compare()
            elif kind == "prove":
                self._prove()
            elif kind == "specimens":
                self._measure()
            elif kind == "export":
                form = str(content.get("form", ""))
                ending = {"latex": "tex"}.get(form, form)
                text = self.export(form)
                self.send({"kind": "file", "name": f"fusion-{self.tab}.{ending}", "text": text})

    def _follows_preset(self) -> bool:
        wish = preset(self.preset)
        return wish is not None and all(getattr(self, name) == value for name, value in wish.settings.items())

    # Work ------------------------------------------------------------------------------------

    def _train_plane(self) -> None:
        """Train what is not yet there; what is shows at once."""
        task, seed, fusions = self.task, self.seed, self._on_screen()
        self._live = {}
        self._publish()
        if not self.store.missing(task, seed, fusions):
            self._plane_jobs.cancel()  # an older wish may still be on its way
            self._done("plane")
            return

        def work(should_stop: Callable[[], bool]) -> None:
            with self._turn("plane", should_stop):
                curves = runs.Curves(self._tell_plane, "train_loss")
                heard = self._progress("plane", should_stop, curves)
                # The slider's first: it is what the user is moving.
                for group in (fusions[:1], fusions[1:]):
                    if group and not should_stop():
                        self.store.train(task, seed, group, on_event=heard, should_stop=should_stop)
                        self._publish_if(should_stop)

        self._start("plane", self._plane_jobs, work)

    def _compare(self) -> None:
        """A new comparison on the board's examples; a cancelled one leaves what it had finished."""
        examples, report = self._examples, self._report
        if examples is None:
            raise BadInputError(
                "This board has no examples to train on. Give them: FusionBoard(examples=examples(pairs))."
            )
        if not self.chosen:
            raise BadInputError("No fusion is ticked. Tick at least one to compare.")
        plan = report.plan if report is not None else Plan()
        chosen = list(self.chosen)
        budget = {name: getattr(self, name) for name in ("seeds", "epochs", "most_train", "training")}

        def work(should_stop: Callable[[], bool]) -> None:
            with self._turn("compare", should_stop):
                curves = runs.Curves(self._tell_compare, self.curve)
                heard = self._progress("compare", should_stop, curves)
                told: Any = {"on_event": heard, "should_stop": should_stop}
                made = runs.run_compare(examples, chosen, plan, **budget, **told)
            self._put_report(made)

        self._live = {}
        self._start("compare", self._run_jobs, work)

    def _put_report(self, report: FusionReport) -> None:
        with self._lock, self.hold_sync():
            self._report, self._examples = report, report.examples or self._examples
            self.looks.clear()
            self._drawn.clear()
            self._live = {}
            names = report.fusions
            if names and self.fusion not in names:
                self.set_trait("fusion", names[0])
            if names and self.baseline not in names:
                self.set_trait("baseline", names[0])
            self._publish()

    def _prove(self) -> None:
        def work(should_stop: Callable[[], bool]) -> None:
            with self._turn("prove", should_stop):
                heard = self._progress("prove", should_stop, None)
                self._proof = runs.run_proof(None, on_event=heard, should_stop=should_stop)
            self._publish()

        self._start("prove", self._run_jobs, work)

    def _measure(self) -> None:
        """A tiny model of every family, captured here."""

        def work(should_stop: Callable[[], bool]) -> None:
            for done, name in enumerate(lab.SPECIMENS):
                if should_stop():
                    return
                self._say("models", Event("measuring tiny models", done, len(lab.SPECIMENS)))
                self.specimens[name] = lab.specimen(name)
                self._publish()

        self._start("models", self._look_jobs, work)

    def _look(self) -> None:
        """Open the item in focus inside the fusion in view, if the report kept its weights."""
        report, fusion, item = self._report, self.fusion, self.focus
        if report is None or item not in report.items or runs.why_not_looked(report, fusion):
            return
        if (report.config_hash, fusion, item) in self.looks:
            return

        def work(should_stop: Callable[[], bool]) -> None:
            found = runs.run_look(report, fusion, item)
            self.looks[report.config_hash, fusion, item] = found
            self._publish_if(should_stop)

        self._look_jobs.submit(work)

    def _turn(self, what: str, should_stop: Callable[[], bool]) -> Any:
        if any(other != what for other in self.working):
            self._say(what, Event("waiting for the other training", 0, 0))
        return self._turns.take(should_stop)

    def _start(self, what: str, jobs: LatestJob, work: Callable[[Callable[[], bool]], None]) -> None:
        self._say(what, Event("starting", 0, 0))

        def whole(should_stop: Callable[[], bool]) -> None:
            try:
                work(should_stop)
            finally:
                if not should_stop():
                    self._done(what)

        jobs.submit(whole)

    def _cancel(self, what: str) -> None:
        if what in self.working:
            {"plane": self._plane_jobs, "models": self._look_jobs}.get(what, self._run_jobs).cancel()
            self._done(what, said="cancelled")

    # What the browser draws ------------------------------------------------------------------

    def _on_screen(self) -> list[str]:
        """The slider's fusion, then those beside it, each once."""
        slider = slider_name(self.layer, self.bottleneck, runs.DEPTH)
        return list(dict.fromkeys([slider, *self.beside]))

    def _publish(self) -> None:
        """Send the page in view; arrays and pictures only where they have changed."""
        with self._lock, self.hold_sync():
            view = self._pages.view()
            self._send_arrays()
            self._view = view | {"code": self.code(), "thumb": _THUMB, "columns": _COLUMNS}

    def _publish_if(self, should_stop: Callable[[], bool]) -> None:
        if not should_stop():
            self._publish()

    def _send_arrays(self) -> None:
        base = self.store.bases.get(self.task)
        if self.tab == "plane" and base is not None:
            shown = self.store.shown(self.task, self.seed, self._on_screen())
            self._planes = plane_bytes(base, shown)
        if self.tab == "space" and self._report is not None and self._drawn.get("space") is not self._report:
            self._space = space_bytes(self._report)
            self._drawn["space"] = self._report
        if self.tab == "examples" and getattr(self._examples, "pairs", None) is not None:
            self._draw_pictures()

    def _draw_pictures(self) -> None:
        pairs = cast("Examples", self._examples).pairs
        items = tuple(self._pages.items())
        if self._drawn.get("page") != items:
            self._sprite = wire.sprite(map(pairs.picture, items), cell=_THUMB, columns=_COLUMNS)
            self._drawn["page"] = items
        if 0 <= self.focus < len(pairs) and self._drawn.get("focus") != self.focus:
            self._large = wire.as_bytes(pairs.picture(self.focus), side=_LARGE)
            self._drawn["focus"] = self.focus

    def _tell_plane(self, points: dict[str, list[tuple[int, float]]]) -> None:
        self._tell_live("plane", points)

    def _tell_compare(self, points: dict[str, list[tuple[int, float]]]) -> None:
        self._tell_live("compare", points)

    def _tell_live(self, what: str, points: dict[str, list[tuple[int, float]]]) -> None:
        cards = {name: self._pages.card(name) for name in points}
        self._live = {"what": what, "curve": self.curve, "curves": live_curves(points, cards)}
