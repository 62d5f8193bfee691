"""`AttentionLens`: what every head of a model looks at, with picture and words side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets as t
from numpy.typing import NDArray
from PIL import Image

from widgets import esm, wire
from widgets.jobs import LatestJob
from widgets.lens.snapshot import as_python, lens_snapshot
from widgets.lens.view import Group, groups_of, lens_view, pack, shown_weights
from widgets.snapshot import Snapshot, save_as
from widgets.status import Speaking
from workbench.capture import Trace
from workbench.errors import BadInputError, UnknownNameError, WorkbenchError, did_you_mean

if TYPE_CHECKING:
    from workbench.attribution.without import Without

__all__ = ["AttentionLens"]

_SIDE = 512  # pixels of the picture; a small one is enlarged in the browser
_KEYS = ("site", "reading", "head", "token", "backwards")
_READINGS = ("head", "mean", "rollout")


class AttentionLens(Speaking, anywidget.AnyWidget):
    """Hover a patch to see what it attends to, click a word to see its patches, scrub layers and heads.

    All maps cross the wire once, as bytes; looking needs no kernel. Only taking parts away asks the model.
    Both public traits are the user's choice, and can be read and set in the next cell::

        lens = AttentionLens(capture(model, pair))
        lens.selected          # {"site": "image.3", "reading": "head", "head": 2, "token": 0, ...}
        lens.weights           # the numbers on the screen, one a token, as captured
        lens.masked = {"patches": [27, 28], "words": []}

    Attributes:
        selected: the "site"; the "reading" ("head", "mean" of heads, or "rollout" up to the site's layer);
            the "head"; the "token" that asks (its place in the sequence); "backwards": who attends to the
            token, rather than what it attends to.
        masked: "patches" (counted row by row) and "words" (places among the text's tokens) taken away.
        scale: "shared" (one colour scale for all layers and heads) or "own" (each map by its largest weight).
    """

    _esm = esm.script("attention_lens")
    _css = esm.style("base", "attention_lens")

    selected = t.Dict().tag(sync=True)
    masked = t.Dict(default_value={"patches": list[int](), "words": list[int]()}).tag(sync=True)
    scale = t.Enum(("shared", "own"), "shared").tag(sync=True)

    _view = t.Dict().tag(sync=True)
    _now = t.Dict().tag(sync=True)
    _maps = wire.ByteTrait()
    _alike = wire.ByteTrait()
    _picture = wire.ByteTrait()

    def __init__(self, trace: Trace, *, model: Any = None, sites: Sequence[str] | None = None) -> None:
        """A lens on `trace`, or on some of its sites; `model`, its own by default, is asked for new scores.

        Raises:
            UnknownNameError: there is no such site.
            BadInputError: more maps than a browser can be sent.
        """
        self._lock = threading.RLock()
        self._trace = trace
        self._model = model if model is not None else trace.model
        known = groups_of(trace if sites is None else _only(trace, sites))
        self._groups = {group.key: group for group in known}
        self._without: Without | None = None
        self._link = ""
        self._jobs = LatestJob(self._report)
        packed = pack(known)
        first, view = known[0], lens_view(trace, known, packed)
        super().__init__(
            selected={"site": first.sites[-1], "reading": "mean", "head": 0,
                      "token": view["groups"][0]["pooled"], "backwards": False},
        )  # fmt: skip
        self._last = dict(self.selected)
        with self.hold_sync():
            self._view, self._maps = view, packed.content
            if trace.picture is not None:
                self._picture = wire.as_bytes(Image.fromarray(np.asarray(trace.picture)), side=_SIDE)
            self._publish()
        self.observe(self._on_selected, "selected")
        self.observe(self._on_masked, "masked")
        self.on_msg(self._on_message)
        if self._refusal() == "":
            self._start(self._work_alike)

    @property
    def trace(self) -> Trace:
        """The trace on the screen."""
        return self._trace

    @property
    def weights(self) -> NDArray[np.float32]:
        """The attention on the screen, one number a token of the sequence, as captured (not as drawn)."""
        return shown_weights(self._group(self.selected["site"]), self.selected)

    @property
    def without(self) -> Without | None:
        """The score without the masked parts, beside that of random parts; None where nothing is masked."""
        return self._without

    def wait(self, timeout: float | None = None) -> bool:
        """Block until all requested work is on the screen; False if `timeout` seconds pass first."""
        return self._jobs.wait(timeout)

    def code(self) -> str:
        """Python that computes what is on the screen."""
        group = self._group(self.selected["site"])
        return as_python(self._trace, group, self.selected, masked=self.masked)

    def snapshot(self) -> Snapshot:
        """Every layer for the chosen token as a static page, with the numbers behind it."""
        group = self._group(self.selected["site"])
        return lens_snapshot(self._trace, group, self.selected, without=self._without, code=self.code())

    # What the user changed -------------------------------------------------------------------

    def _on_selected(self, _change: dict[str, Any]) -> None:
        try:
            with self._lock:
                self._check(self.selected)
                self._last = dict(self.selected)
                if self._status["state"] == "error":
                    self._clear_error()
                self._publish()
        except WorkbenchError as problem:
            self.selected = self._last  # what was on the screen stays
            self._report(problem)

    def _on_masked(self, _change: dict[str, Any]) -> None:
        with self._reported():
            patches, words = (list(self.masked.get(name, ())) for name in ("patches", "words"))
            self._without = None
            if not patches and not words:
                self._jobs.cancel()
                self._clear_error()
                self._publish()
                return
            if self._refusal():
                raise WorkbenchError(self._refusal())
            self._start(lambda should_stop: self._work_without(patches, words, should_stop))

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        with self._reported():
            if content.get("kind") == "cancel":
                self._jobs.cancel()
                self._say("cancelled")
            elif content.get("kind") == "export":
                said = save_as(self.snapshot(), str(content.get("path", "")))
                self._status = {"state": "ready", "error": "", "message": said}
            elif content.get("kind") == "problem":
                raise BadInputError(str(content.get("message", "")))

    def _check(self, selected: dict[str, Any]) -> None:
        missing = [name for name in _KEYS if name not in selected]
        if missing:
            raise BadInputError(f"selected lacks {missing[0]!r}; it needs {', '.join(_KEYS)}.")
        group = self._group(selected["site"])
        heads, reading = group.maps[0].site.heads, selected["reading"]
        if reading not in _READINGS:
            raise BadInputError(f"reading is {reading!r}; expected one of {', '.join(_READINGS)}.")
        if reading == "rollout" and not group.square:
            raise BadInputError(
                f"Rollout multiplies whole square maps, which {selected['site']} has not: {group.title}."
            )
        if not isinstance(selected["head"], int) or not 0 <= selected["head"] < heads:
            raise BadInputError(
                f"There is no head {selected['head']!r}; {selected['site']} has {heads}, from 0."
            )
        places = group.keys if selected["backwards"] else group.queries
        if selected["token"] not in places:
            raise BadInputError(
                f"There is no token {selected['token']!r} to look from; there are {min(places)} to "
                f"{max(places)}."
            )

    def _group(self, site: Any) -> Group:
        for group in self._groups.values():
            if site in group.sites:
                return group
        known = [name for group in self._groups.values() for name in group.sites]
        raise UnknownNameError(
            f"There is no site {site!r} in this lens; it shows {', '.join(known[:6])}"
            f"{' and more' if len(known) > 6 else ''}{did_you_mean(str(site), known)}"
        )

    # Work ------------------------------------------------------------------------------------

    def _refusal(self) -> str:
        """Why nothing can be taken away; "" where it can."""
        if self._trace.picture is None or not self._trace.text or self._trace.score is None:
            return "Taking parts away needs a model that scores a picture with a text; this trace has none."
        if self._model is None:
            return (
                "The model of this trace is no longer loaded, so nothing new can be computed. Load it again "
                "and pass it: show(trace, model=model)."
            )
        return ""

    def _work_alike(self, should_stop: Callable[[], bool]) -> None:
        from workbench.attribution.alike import token_cosines

        try:
            cosines = token_cosines(self._model, self._trace)
        except WorkbenchError as problem:
            self._link = str(problem)
            cosines = np.zeros((0, 1, 1), np.float32)
        with self._lock, self.hold_sync():
            self._alike = np.ascontiguousarray(cosines, "<f4").tobytes()
            if not should_stop():
                self._clear_error()
            self._publish()

    def _work_without(self, patches: list[int], words: list[int], should_stop: Callable[[], bool]) -> None:
        from workbench.attribution.without import score_without

        found = score_without(
            self._model,
            self._trace.pair,
            patches=patches,
            words=words,
            on_event=self._progress(should_stop),
            should_stop=should_stop,
        )
        with self._lock:
            if should_stop():
                return
            self._without = found
            self._clear_error()
            self._publish()

    def _start(self, work: Callable[[Callable[[], bool]], None]) -> None:
        self._say("working")
        self._jobs.submit(work)

    # What the browser draws ------------------------------------------------------------------

    def _publish(self) -> None:
        found = self._without
        self._now = {
            "refusal": self._refusal(),
            "link": self._link,
            "code": self.code(),
            "without": None
            if found is None
            else {
                "before": found.before,
                "score": found.score,
                "random": float(found.random.mean()),
                "spread": float(found.random.std()),
                "draws": len(found.random),
                "said": str(found),
            },
        }


def _only(trace: Trace, sites: Sequence[str]) -> Trace:
    """The same trace with some sites, in their own order."""
    from dataclasses import replace

    names = {trace.attention(name).site.name for name in sites}
    if not names:
        raise BadInputError("sites is empty; name at least one, or leave it out to show all.")
    states = {name: values for name, values in trace.states.items() if name in names}
    return replace(trace, maps={k: v for k, v in trace.maps.items() if k in names}, states=states)
