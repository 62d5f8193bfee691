"""`FusionBoard`: fusions drawn on a plane, compared on data, opened at one item, and one of them advised."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from widgets import esm, wire
from widgets.fusion.example_view import space_bytes
from widgets.fusion.experiments import Experiments
from widgets.fusion.initial_traits import check_plane, start_values
from widgets.fusion.pages import Pages
from widgets.fusion.plane_store import PlaneStore
from widgets.fusion.plane_view import live_curves, plane_bytes
from widgets.fusion.presets import PRESETS, preset
from widgets.fusion.sheet import FORMS, board_snapshot, file_of
from widgets.fusion.training_runs import Turns
from widgets.snapshot import Snapshot
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.fusion import Advice, Examples, FusionReport, Look, Meeting, Proof, Regions

__all__ = ["FusionBoard"]

_THUMB, _COLUMNS, _LARGE = 88, 6, 320  # pixels, of the sprite sheet, pixels
_PLANE = ["task", "layer", "bottleneck", "beside", "seed", "steps"]
_ASKED = ["need", "may_miss", "explain", "apart", "most_parameters", "most_seconds", "rows"]
_CHOICES = [
    "baseline", "measure", "cost", "curve", "order", "page", "selected",
    "chosen", "seeds", "epochs", "most_train", "training",
]  # fmt: skip


class FusionBoard(Experiments):
    """The fusion lab by hand: a slider from early to late, decision regions, a comparison from every side.

    Attributes:
        tab: the page in view: "choose", "plane", "proof", "quality", "training", "robustness",
            "contributions", "cost", "examples", "space", "models".
        need, may_miss, explain, apart, most_parameters, most_seconds, rows: what `advise` is asked on the
            page Choose; 0 is no limit, or not known.
        advice: its answer.
        task, layer, bottleneck, beside, seed, steps: of the plane; layer 0 is early, 3 late; bottleneck 0
            lets all tokens through; `beside` are the fusions drawn next to the slider's.
        fusion, baseline: the one looked at, and the one differences are taken from.
        measure: "accuracy", "balanced_accuracy", "f1", "auroc", "nll", "brier", "ece"; where an older report
            lacks it, accuracy is shown.
        cost: what quality is drawn against.
        focus: the item looked at.
        selected: chosen items, as numbers in `board.examples`.
        data: name of the data set that was chosen on the page Training.
        chosen, seeds, epochs, most_train, training: of the next comparison; 0 of `most_train` takes all rows,
            `training` is "joint", "separate" or "experts-first".

    Example:
        >>> from widgets import FusionBoard
        >>> from workbench.fusion import measured
        >>> board = FusionBoard(measured("easy-vqa-few"))  # without a report: the plane alone
        >>> board.tab = "cost"
        >>> board.wait(), len(board.report.fusions)
        (True, 6)
    """

    _esm = esm.script("fusion/board")
    _css = esm.style("shared/base", "fusion/board")

    @verb
    def __init__(
        self,
        report: FusionReport | None = None,
        *,
        proof: Proof | None = None,
        regions: Regions | None = None,
        examples: Examples | None = None,
        meetings: Sequence[Meeting] = (),
        advice: Advice | None = None,
    ) -> None:
        """A board on what there is; the plane needs nothing.

        Args:
            report, proof, regions, advice: of `compare`, `prove`, `regions` and `advise`.
            examples: what a comparison started from the board trains on; those of the report by default.
            meetings: of models in use, `meeting(capture(model, inputs))`: shown among the real models.
        """
        self.meetings, self.specimens = tuple(meetings), dict[str, Meeting]()
        self._lock = threading.RLock()
        self._report, self._proof, self._advice = report, proof, advice
        self._examples = examples if examples is not None else getattr(report, "examples", None)
        self.store, self._turns = PlaneStore.of(regions), Turns()
        self.looks: dict[tuple[str, str, int], Look] = {}
        self._drawn: dict[str, Any] = {}
        self._pages = Pages(self)
        self.start = start_values(report, proof, regions, meetings, self._examples, advice)
        super().__init__(**self.start)
        self._publish()
        self.on_msg(self._on_message)
        self.observe(self._on_plane, _PLANE)
        self.observe(self._on_preset, "preset")
        self.observe(self._on_look, ["tab", "fusion", "focus"])
        self.observe(self._on_choice, _CHOICES)
        self.observe(self._on_asked, _ASKED)
        self.observe(self._on_data, "data")
        if self.tab == "choose" and advice is None:
            self._advise()

    @property
    def report(self) -> FusionReport | None:
        """The comparison on the screen, None before there is one."""
        return self._report

    @property
    def proof(self) -> Proof | None:
        """The proof on the screen, None before there is one."""
        return self._proof

    @property
    def advice(self) -> Advice | None:
        """The answer on the page Choose, None before it was opened."""
        return self._advice

    @property
    def examples(self) -> Examples | None:
        """What the items are numbers of."""
        return self._examples

    @property
    def planes(self) -> dict[str, float]:
        """Fusions on the plane that are there, with their share of fresh points right."""
        found = self.store.shown(self.task, self.seed, self.steps, self._on_screen())
        return {plane.fusion: plane.accuracy for plane in found if plane is not None}

    def code(self) -> str:
        """Python that shows the board again, with everything that was set."""
        return self._pages.code()

    def table(self, form: str) -> str:
        """The numbers of the page in view, `form` "csv" or "latex", with configuration hash and seeds.

        Raises:
            BadInputError: another form, or nothing to export yet.
        """
        return file_of(self._pages.tables(), form)

    def export(self, path: str | Path) -> Any:
        """Write `path`.html, .png, .npz, .json and .csv of the page in view; returns the paths.

        Raises:
            BadInputError: no name, or its folder does not exist.
        """
        if path in FORMS:
            warnings.warn(f"export({path!r}) is now table({path!r})", DeprecationWarning, stacklevel=2)
            return self.table(str(path))
        return super().export(path)

    def snapshot(self) -> Snapshot:
        """The page in view as a static page, with the numbers behind it."""
        with self._lock:
            return board_snapshot(self._pages.tables(), self.code())

    # What the user changed -------------------------------------------------------------------

    def _on_plane(self, change: dict[str, Any]) -> None:
        with self._reported():
            self._clear()
            check_plane(self.task, self.layer, self.bottleneck, self.beside, self.steps)
            if change["name"] != "seed" and self.preset and not self._follows_preset():
                self.set_trait("preset", "")
            if self.tab == "plane":
                self._train_plane()
            else:
                self._publish()

    def _on_preset(self, _change: dict[str, Any]) -> None:
        with self._reported():
            self._clear()
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
            self._clear()
            if change["name"] == "tab" and self.tab == "choose" and self._advice is None:
                self._advise()
            self._publish()
            if self.tab == "examples":
                self._look()

    def _on_choice(self, _change: dict[str, Any]) -> None:
        with self._reported():
            self._clear()
            self._publish()

    def _on_asked(self, _change: dict[str, Any]) -> None:
        with self._reported("choose"):
            self._clear("choose")
            self._advise()

    def _on_data(self, _change: dict[str, Any]) -> None:
        with self._reported("data"):
            self._clear()
            self._load(self.data)

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: list[Any]) -> None:
        kind = content.get("kind")
        if kind == "cancel":
            self._cancel(str(content.get("what", "")))
        elif kind in ("train", "compare", "prove", "specimens", "table"):
            with self._reported(kind):
                self._clear()
                if kind == "table":
                    self._hand_out(str(content.get("form", "")))
                else:
                    acts = {"train": self._train_plane, "compare": self._compare, "prove": self._prove}
                    acts.get(kind, self._measure)()

    def _hand_out(self, form: str) -> None:
        ending = {"latex": "tex"}.get(form, form)
        text = self.table(form)
        self.send({"kind": "file", "name": f"fusion-{self.tab}.{ending}", "text": text})

    def _follows_preset(self) -> bool:
        wish = preset(self.preset)
        return wish is not None and all(getattr(self, name) == value for name, value in wish.settings.items())

    # What the browser draws ------------------------------------------------------------------

    def _on_screen(self) -> list[str]:
        """The slider's fusion, then those beside it, each once."""
        return self._pages.on_screen()

    def _publish(self) -> None:
        """Send the page in view; arrays and pictures only where they have changed."""
        with self._lock, self.hold_sync():
            view = self._pages.view()
            self._send_arrays()
            self._view = view | {"code": self.code(), "thumb": _THUMB, "columns": _COLUMNS}

    def _send_arrays(self) -> None:
        if self.tab == "plane":
            base, shown = self._pages.planes()
            self._planes = plane_bytes(base, [plane for _, plane in shown])
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

    def _tell_live(self, what: str, points: dict[str, list[tuple[int, float]]]) -> None:
        cards = {name: self._pages.card(name) for name in points}
        self._live = {"what": what, "curve": self.curve, "curves": live_curves(points, cards)}
