"""`AttributionBoard`: several explanations of one pair side by side, each with its score."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import anywidget
import numpy as np
import traitlets as t
from PIL import Image

from widgets import esm, wire
from widgets.attribution.snapshot import as_python, board_snapshot
from widgets.attribution.view import board_view, measures_for
from widgets.jobs import LatestJob
from widgets.snapshot import Snapshot, save_as
from widgets.status import Speaking
from workbench.attribution import Attributions, Faithfulness, Heatmap, Target, contrast, similarity
from workbench.errors import BadInputError, WorkbenchError

__all__ = ["AttributionBoard"]

_LEAST = 192  # pixels: a small picture is enlarged in the browser, not here


class AttributionBoard(Speaking, anywidget.AnyWidget):
    """Which patches and words a number comes from, by several methods on one colour scale.

    Click a word to see its patches, click a patch to see its words; type another text, or a second one to
    ask why the first rather than the second; let a map be scored. Every public trait is the user's choice::

        board = AttributionBoard(attribute(model, pair, method=["relevance", "interactions"]))
        board.heatmap                      # the map in focus, for the chosen words or patches
        board.selected                     # chosen patches, as (row, column)

    Attributes:
        methods: names of the maps shown, in order.
        text: the text explained. against: the text it is contrasted with, "" for none.
        focus: the method looked at.
        patches: chosen patches, counted row by row. words: chosen places in the tokens.
        scale: "own" (each map by its own largest value) or "shared".
        strength: how much of the colour covers the picture, 0 to 1.
    """

    _esm = esm.script("attribution_board")
    _css = esm.style("base", "attribution_board")

    methods = t.List(t.Unicode()).tag(sync=True)
    text = t.Unicode("").tag(sync=True)
    against = t.Unicode("").tag(sync=True)
    focus = t.Unicode("").tag(sync=True)
    patches = t.List(t.Int()).tag(sync=True)
    words = t.List(t.Int()).tag(sync=True)
    scale = t.Enum(("own", "shared"), "own").tag(sync=True)
    strength = t.Float(0.75, min=0.0, max=1.0).tag(sync=True)

    _view = t.Dict().tag(sync=True)
    _picture = wire.ByteTrait()
    _pairs = wire.ByteTrait()

    def __init__(self, maps: Attributions | Heatmap, *, model: Any = None) -> None:
        """A board on one map or several. `model` is needed for new texts; the maps' own by default.

        Raises:
            BadInputError: there is no map, or they explain different things.
        """
        given = (maps,) if isinstance(maps, Heatmap) else tuple(maps)
        if not given:
            raise BadInputError(
                "There is no map to show: no method applied. attribute(...).refused says why."
            )
        if len({str(heatmap.target) for heatmap in given}) > 1:
            raise BadInputError("These maps explain different targets; show one target at a time.")
        self._lock = threading.RLock()
        self._maps = given
        self._refused = dict(maps.refused) if isinstance(maps, Attributions) else {}
        self._model = model if model is not None else given[0].model
        self._scores: dict[str, Faithfulness] = {}
        self._to_score: list[str] = []
        self._outdated = False  # another text or other methods were asked for than the maps show
        self._jobs = LatestJob(self._report)
        target = given[0].target
        super().__init__(
            methods=[heatmap.method for heatmap in given],
            text=target.text,
            against=target.against[0] if target.kind == "contrast" else "",
            focus=given[0].method,
        )
        self._publish()
        self.on_msg(self._on_message)
        self.observe(self._on_wish, ["methods", "text", "against"])
        self.observe(self._on_choice, ["patches", "words", "focus"])

    @property
    def attributions(self) -> Attributions:
        """The maps on the screen now."""
        return Attributions(self._maps, self._refused)

    @property
    def scores(self) -> dict[str, Faithfulness]:
        """method -> its scores, for the maps that were scored."""
        return dict(self._scores)

    @property
    def heatmap(self) -> Heatmap:
        """The map in focus; of a second-order one the part of the chosen words or patches."""
        found = self._focused()
        if found.pairs is not None and self.words:
            return found.of_words(self.words)
        if found.pairs is not None and self.patches:
            return found.of_patches(self.selected)
        return found

    @property
    def selected(self) -> list[tuple[int, int]]:
        """The chosen patches as (row, column) of the map in focus."""
        _, cols = self._focused().grid or (1, 1)
        return [(patch // cols, patch % cols) for patch in self.patches]

    def wait(self, timeout: float | None = None) -> bool:
        """Block until all requested work is on the screen; False if `timeout` seconds pass first."""
        return self._jobs.wait(timeout)

    def score(self, *methods: str) -> None:
        """Score these maps (all, if none is named) in the background."""
        names = list(methods) or [heatmap.method for heatmap in self._maps if heatmap.image is not None]
        unknown = [name for name in names if name not in self.attributions.methods]
        if unknown:
            raise BadInputError(f"There is no map of {unknown[0]!r} on the board.")
        self._to_score = [*self._to_score, *(name for name in names if name not in self._to_score)]
        self._start()

    def code(self) -> str:
        """Python that computes what is on the screen."""
        measures = {heatmap.method: measures_for(heatmap) for heatmap in self._maps}
        return as_python(self._maps, self._scores, measures)

    def snapshot(self) -> Snapshot:
        """The maps as a static page, with values, scores and provenance: `snapshot().save("cat")`."""
        return board_snapshot(self._maps, self._scores, shared=self.scale == "shared", code=self.code())

    # What the user changed -------------------------------------------------------------------

    def _on_wish(self, _change: dict[str, Any]) -> None:
        """Another text or other methods: compute in the background, keep what is on the screen till then."""
        with self._reported():
            if not self.methods:
                raise BadInputError("No method is left; choose at least one.")
            self._target()
            self._outdated, self._to_score = True, []
            self._start()

    def _on_choice(self, _change: dict[str, Any]) -> None:
        with self._reported():
            rows, cols = self._focused().grid or (0, 0)
            outside = [patch for patch in self.patches if not 0 <= patch < rows * cols]
            if outside:
                raise BadInputError(f"patches holds {outside[0]}; this map has 0 to {rows * cols - 1}.")
            count = len(self._maps[0].tokens)
            wrong = [word for word in self.words if not 0 <= word < count]
            if wrong:
                raise BadInputError(f"words holds {wrong[0]}; the text has tokens 0 to {count - 1}.")
            if self._status["state"] != "working":  # a choice stops no work, so it hides no cancel button
                self._clear_error()

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        with self._reported():
            kind = content.get("kind")
            if kind == "cancel":
                self._jobs.cancel()
                self._outdated, self._to_score = False, []
                self._say("cancelled")
            elif kind == "score":
                self.score(*[str(name) for name in content.get("methods", [])])
            elif kind == "export":
                self._export(str(content.get("path", "")))

    def _export(self, path: str) -> None:
        self._status = {"state": "ready", "error": "", "message": save_as(self.snapshot(), path)}

    # Work ------------------------------------------------------------------------------------

    def _work_maps(self, should_stop: Callable[[], bool]) -> None:
        from workbench.attribution import attribute  # needs torch, which a board to look at does not

        found = attribute(
            self._asked(),
            self._maps[0].pair,
            method=list(self.methods),
            target=self._target(),
            seed=self._maps[0].provenance.seed or 0,
            on_event=self._progress(should_stop),
            should_stop=should_stop,
        )
        with self._lock:
            if should_stop():
                return
            cleared = found[0].tokens != self._maps[0].tokens
            self._maps, self._scores, self._outdated = found.maps, {}, False
            self._to_score = [name for name in self._to_score if name in found.methods]
            if cleared:
                self.words = []
            if self.focus not in found.methods:
                self.focus = found.methods[0]
            self._publish()

    def _work_scores(self, should_stop: Callable[[], bool]) -> None:
        from workbench.attribution import faithfulness

        while self._to_score and not should_stop():
            name = self._to_score[0]
            heatmap = self.attributions[name]
            found = faithfulness(
                heatmap,
                measures=measures_for(heatmap),
                model=self._asked(),
                on_event=self._progress(should_stop),
                should_stop=should_stop,
            )
            with self._lock:
                if should_stop():
                    return
                self._scores[name] = found
                self._to_score = [other for other in self._to_score if other != name]
                self._publish()

    def _start(self) -> None:
        """One job does all that was asked for: a score waits for the maps of a new text, and drops none."""

        def careful(should_stop: Callable[[], bool]) -> None:
            try:
                if self._outdated:
                    self._work_maps(should_stop)
                self._work_scores(should_stop)
                if not should_stop():
                    self._clear_error()
            except Exception:
                if not should_stop():
                    self._outdated, self._to_score = False, []
                raise

        self._say("working")
        self._jobs.submit(careful)

    def _asked(self) -> Any:
        if self._maps[0].target.kind == "output":
            raise WorkbenchError(
                "These maps explain a model as a whole, given tensors of its own; the board cannot make new "
                "ones. Call attribute(model, inputs, target=output(...)) again and show the result."
            )
        if self._model is None or self._maps[0].pair is None:
            raise WorkbenchError(
                "The model of these maps is no longer loaded, so nothing new can be computed. Load it again "
                "and pass it: show(maps, model=model)."
            )
        return self._model

    def _target(self) -> Target:
        old = self._maps[0].target
        if self.text == old.text and not self.against and old.kind in ("logit", "probability"):
            return old
        return contrast(self.text, self.against) if self.against.strip() else similarity(self.text)

    def _focused(self) -> Heatmap:
        return next((found for found in self._maps if found.method == self.focus), self._maps[0])

    # What the browser draws ------------------------------------------------------------------

    def _publish(self) -> None:
        with self._lock, self.hold_sync():
            picture = self._maps[0].picture
            if picture is not None and not self._picture:
                self._picture = wire.as_bytes(Image.fromarray(np.asarray(picture)), side=4 * _LEAST)
            pairs = next((found.pairs for found in self._maps if found.pairs is not None), None)
            self._pairs = b"" if pairs is None else np.ascontiguousarray(pairs, "<f4").tobytes()
            self._view = board_view(
                self._maps, self._scores, refused=self._refused, model=self._model, code=self.code()
            )
