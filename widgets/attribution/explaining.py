"""What the attribution board computes in the background: maps of another text or method, and scores."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import traitlets as t

from widgets import wire
from widgets.attribution.heatmap_view import measures_for
from widgets.board import Board
from workbench.attribution import Attributions, Faithfulness, Heatmap, Target, contrast, similarity
from workbench.errors import BadInputError, WorkbenchError

__all__ = ["EXPLAINING", "SCORING", "Explaining", "Wanted"]

EXPLAINING, SCORING = "explaining", "scoring"  # two kinds of work in one thread


class Wanted(NamedTuple):
    """The maps asked for; the board shows them when their work is done."""

    methods: tuple[str, ...]
    target: Target


class Explaining(Board):
    """The traits of an attribution board, the maps and scores on it, and the one thread that brings others.

    `_publish` draws the board, whenever an answer has come.
    """

    _JOBS: ClassVar = {EXPLAINING: ""}
    _publish: Callable[[], None]
    _lock: threading.RLock
    _model: Any
    _maps: tuple[Heatmap, ...]
    _refused: dict[str, str]
    _scores: dict[str, Faithfulness]
    _wanted: Wanted | None
    _asked_at: str
    _to_score: list[str]

    methods = t.List(t.Unicode()).tag(sync=True)
    text = t.Unicode("").tag(sync=True)
    against = t.Unicode("").tag(sync=True)
    focus = t.Unicode("").tag(sync=True)
    patches = t.List(t.Int()).tag(sync=True)
    words = t.List(t.Int()).tag(sync=True)
    scale = t.Enum(("own", "shared"), "own").tag(sync=True)
    opacity = t.Float(0.75, min=0.0, max=1.0).tag(sync=True)
    ground = t.Enum(("grey", "colour"), "grey").tag(sync=True)
    size = t.Int(200, min=120, max=600).tag(sync=True)

    _view = t.Dict().tag(sync=True)
    _code = t.Unicode("").tag(sync=True)
    _picture = wire.ByteTrait()
    _pairs = wire.ByteTrait()

    @property
    def attributions(self) -> Attributions:
        """The maps on the screen now."""
        return Attributions(self._maps, self._refused)

    def _request(self) -> None:
        """One job does all that was asked for: a score waits for the maps of a new text, and drops none."""
        asked = {EXPLAINING: self._wanted is not None, SCORING: bool(self._to_score)}
        for job, wanted in asked.items():
            if wanted:
                self._begin(job)
            else:
                self._end(job)
        self._submit(EXPLAINING, self._work)

    def _work(self, should_stop: Callable[[], bool]) -> None:
        at = self._asked_at if self._wanted is not None else "score"
        try:
            self._work_maps(should_stop)
            at = "score"
            self._work_scores(should_stop)
        except Exception as problem:
            with self._lock:
                if should_stop():
                    return  # a newer wish would try it again, and fail again
                self._wanted, self._to_score = None, []
                self._end(EXPLAINING)
                self._end(SCORING)
                self._fail(problem, at=at)

    def _work_maps(self, should_stop: Callable[[], bool]) -> None:
        wanted = self._wanted
        if wanted is None:
            return
        kept = [] if wanted.target != self._maps[0].target else list(self._maps)
        known = {heatmap.method: heatmap for heatmap in kept}
        missing = [name for name in wanted.methods if name not in known]
        found = self._explained(missing, wanted.target, should_stop) if missing else Attributions(())
        known |= {heatmap.method: heatmap for heatmap in found}
        names = found.methods if "all" in wanted.methods else wanted.methods
        refused = next((name for name in names if name not in known), None)
        if refused is not None:  # the maps that are shown stay: this text or method is not for all of them
            raise BadInputError(found.refused[refused])
        with self._lock:
            if should_stop():
                return
            old, self._maps, self._wanted = self._maps[0], tuple(known[name] for name in names), None
            if self._maps[0].tokens != old.tokens:
                self.words = []
            if self.focus not in names:
                self.focus = names[0]
            if names != wanted.methods:
                self.methods = list(names)
            self._scores = {name: one for name, one in self._scores.items() if kept and name in names}
            self._to_score = [name for name in self._to_score if name in names]
            self._end(EXPLAINING)
            self._publish()

    def _explained(self, methods: list[str], target: Target, should_stop: Callable[[], bool]) -> Attributions:
        """Maps by these methods, with the options that those on the screen were made with."""
        from workbench.attribution import attribute  # needs torch, which a board to look at does not

        origin = self._maps[0].provenance
        return attribute(
            self._asked(),
            self._maps[0].pair,
            method=methods,
            target=target,
            seed=origin.seed or 0,
            on_event=self._progress(EXPLAINING, should_stop),
            should_stop=should_stop,
            **origin.parameters.get("asked", {}),
        )

    def _work_scores(self, should_stop: Callable[[], bool]) -> None:
        from workbench.attribution import faithfulness

        while self._to_score and not should_stop():
            name = self._to_score[0]
            heatmap = self.attributions[name]
            found = faithfulness(
                heatmap,
                measures=measures_for(heatmap),
                model=self._asked(),
                on_event=self._progress(SCORING, should_stop),
                should_stop=should_stop,
            )
            with self._lock:
                if should_stop():
                    return
                self._scores[name] = found
                self._to_score = [other for other in self._to_score if other != name]
                if not self._to_score:
                    self._end(SCORING)
                self._publish()

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
        if self.text == old.text and not self.against.strip() and old.kind != "contrast":
            return old
        return contrast(self.text, self.against) if self.against.strip() else similarity(self.text)

    def _present(self) -> Wanted:
        return Wanted(self.attributions.methods, self._maps[0].target)

    def _show_wish(self) -> None:
        """Let the three traits say what is on the screen."""
        target = self._maps[0].target
        with self.hold_trait_notifications():
            self.methods = list(self.attributions.methods)
            self.text = target.text
            self.against = target.against[0] if target.kind == "contrast" else ""
