"""`AttentionLens`: what every head of a model looks at, with picture and words side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets as t
from numpy.typing import NDArray
from PIL import Image

from widgets import esm, wire
from widgets.board import Board
from widgets.lens.checks import check_selected, group_of, with_sites
from widgets.lens.linking import Link, link_of, pointing_of
from widgets.lens.trace_code import as_python
from widgets.lens.trace_snapshot import Shown, lens_snapshot
from widgets.lens.trace_view import STATISTICS, Group, groups_of, lens_view, pack, shown_weights
from widgets.snapshot import Snapshot
from workbench.calling import verb
from workbench.capture import Trace
from workbench.errors import BadInputError, WorkbenchError
from workbench.models import as_model

if TYPE_CHECKING:
    from workbench.attribution import Without, WordPointing

__all__ = ["AttentionLens"]

_SIDE = 512  # pixels of the picture; a small one is enlarged in the browser
_CHOICES = ("masked", "scale", "opacity", "detail", "figure", "tool")


class AttentionLens(Board):
    """Hover a patch to see what it attends to, click a word to see its patches, scrub layers and heads.

    All maps cross the wire once, as bytes; looking needs no kernel. Only masking parts, and measuring the
    cosines of words and patches, ask the model. The public traits are the user's choices: they can be given,
    read and set in the next cell. Here everything is counted from 0; on the screen from 1.

    Attributes:
        selected: the "site"; the "reading" ("head", "mean" of heads, or "rollout" up to the site's layer);
            the "head"; the "token" that asks (its place in the sequence); "backwards": which queries attend
            to the token, rather than which keys it attends to.
        masked: "patches" (counted row by row) and "words" (places among the text's tokens) masked.
        scale: "shared" (one colour scale for all layers and heads) or "own" (each map by its largest weight).
        opacity: of the overlay where a weight is largest, 0 to 1.
        detail: "heads" (the grid of all), or one reading in large: on the "picture", as "lines" between
            words, or as the whole "matrix" of queries and keys.
        figure: the bar under each head: "entropy", "distance", "cross" (share across modalities) or "own".
        tool: what a click does: "look", or "mask".

    Example:
        >>> from widgets import AttentionLens
        >>> from workbench import data
        >>> from workbench.capture import capture
        >>> lens = AttentionLens(capture("emoji-clip", data.load("emoji")[0]), opacity=0.9)
        >>> lens.selected = {**lens.selected, "site": "image.3", "reading": "head", "head": 2, "token": 0}
        >>> lens.wait(), round(float(lens.weights.sum()), 3)  # the row on the screen, one number a token
        (True, 1.0)
    """

    _esm = esm.script("lens/board")
    _css = esm.style("shared/base", "lens/board")
    _JOBS: ClassVar = {"mask": "mask", "cosines": ""}

    selected = t.Dict().tag(sync=True)
    masked = t.Dict(default_value={"patches": list[int](), "words": list[int]()}).tag(sync=True)
    scale = t.Enum(("shared", "own"), "shared").tag(sync=True)
    opacity = t.Float(0.65, min=0.0, max=1.0).tag(sync=True)
    detail = t.Enum(("heads", "picture", "lines", "matrix"), "heads").tag(sync=True)
    figure = t.Enum(STATISTICS, "entropy").tag(sync=True)
    tool = t.Enum(("look", "mask"), "look").tag(sync=True)

    _view = t.Dict().tag(sync=True)
    _now = t.Dict().tag(sync=True)
    _maps = wire.ByteTrait()
    _alike = wire.ByteTrait()
    _picture = wire.ByteTrait()

    @verb
    def __init__(
        self, trace: Trace, *, model: Any = None, sites: Sequence[str] | None = None, **choices: Any
    ) -> None:
        """A lens on `trace`, or on some of its sites; `model`, its own by default, is asked for new scores.

        Args:
            sites: names of sites; None takes all.
            choices: public traits by name; of `selected` those parts that shall differ.

        Raises:
            UnknownNameError: there is no such site.
            BadInputError: more maps than a browser can be sent, or a choice that does not exist.
        """
        self._lock = threading.RLock()
        self._trace = trace
        self._model = as_model(model) if model is not None else trace.model
        self._sites = None if sites is None else list(sites)
        known = groups_of(trace if sites is None else with_sites(trace, sites))
        self._groups = known
        self._without: Without | None = None
        self._pointing: WordPointing | None = None
        self._cosines: NDArray[np.float32] | None = None
        self._link = Link()
        packed = pack(known)
        first, view = known[0], lens_view(trace, known, packed)
        start = {"site": first.sites[-1], "reading": "mean", "head": 0,
                 "token": view["groups"][0]["pooled"], "backwards": False}  # fmt: skip
        wrong = sorted(set(choices) - {"selected", *_CHOICES})
        if wrong:
            raise BadInputError(f"A lens has no {wrong[0]!r}; it has selected, {', '.join(_CHOICES)}.")
        start |= choices.pop("selected", {})
        check_selected(start, self._groups)
        masked = choices.pop("masked", None)
        super().__init__(selected=start, **choices)
        self._last = dict(self.selected)
        with self.hold_sync():
            self._view, self._maps = view, packed.content
            if trace.picture is not None:
                self._picture = wire.as_bytes(Image.fromarray(np.asarray(trace.picture)), side=_SIDE)
            self._publish()
        self.observe(self._on_selected, "selected")
        self.observe(self._on_masked, "masked")
        self.observe(lambda _change: self._publish(), [name for name in _CHOICES if name != "masked"])
        self.on_msg(self._on_message)
        if self._refusal() == "":
            self._start("cosines", self._work_alike, "comparing words and patches")
        if masked is not None:
            self.masked = masked

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

    @property
    def cosines(self) -> NDArray[np.float32] | None:
        """text token x row x col: cosines of words and patches, where they are offered; else None."""
        return self._cosines

    @property
    def pointing(self) -> WordPointing | None:
        """How often those cosines point to what the word names, where it is known; `measure()` finds out."""
        return self._pointing

    def measure(self, *, scenes: int = 60) -> None:
        """Measure how true the cosines of words and patches are, on `scenes` drawn ones; `wait()` for it.

        Raises:
            WorkbenchError: there is no model to measure.
        """
        if self._refusal():
            raise WorkbenchError(self._refusal())
        self._start("cosines", partial(self._work_measure, scenes), "measuring on drawn scenes")

    def code(self) -> str:
        """Python that shows this lens again; a picture that was never a file is written to one."""
        return self._code(write=True)

    def snapshot(self) -> Snapshot:
        """What is on the screen as a static page and picture, with the numbers behind it."""
        return lens_snapshot(self._shown(), without=self._without, code=self._code(write=False))

    # What the user changed -------------------------------------------------------------------

    def _on_selected(self, _change: dict[str, Any]) -> None:
        try:
            with self._lock:
                check_selected(self.selected, self._groups)
                self._last = dict(self.selected)
                self._clear("")
                self._publish()
        except WorkbenchError as problem:
            self.selected = self._last  # what was on the screen stays
            self._fail(problem)

    def _on_masked(self, _change: dict[str, Any]) -> None:
        with self._reported("mask"):
            patches, words = (list(self.masked.get(name, ())) for name in ("patches", "words"))
            self._without = None
            if not patches and not words:
                self._stop("mask")
                self._clear("mask")
                self._publish()
                return
            if self._refusal():
                raise WorkbenchError(self._refusal())
            self._publish()
            self._start("mask", partial(self._work_without, patches, words), "masking")

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        kind = content.get("kind")
        with self._reported():
            if kind == "cancel":
                self._stop("mask" if content.get("what") == "mask" else "cosines", said="cancelled")
            elif kind == "measure":
                self.measure()
            elif kind == "keep":
                self._code(write=True)
            elif kind == "problem":
                raise BadInputError(str(content.get("message", "")))

    def _group(self, site: Any) -> Group:
        return group_of(site, self._groups)

    # Work ------------------------------------------------------------------------------------

    def _refusal(self) -> str:
        """Why nothing can be masked; "" where it can."""
        if self._trace.picture is None or not self._trace.text or self._trace.score is None:
            return "Masking parts needs a model that scores a picture with a text; this trace has none."
        if self._model is None:
            return (
                "The model of this trace is no longer loaded, so nothing new can be computed. Load it again "
                "and pass it: show(trace, model=model)."
            )
        return ""

    def _work_alike(self, should_stop: Callable[[], bool]) -> None:
        from workbench.attribution import token_cosines

        found = pointing_of(self._model)
        link, cosines = link_of(found), None
        try:
            cosines = token_cosines(self._model, self._trace) if link.offered else None
        except WorkbenchError as problem:
            link = Link(False, str(problem))
        if not should_stop():
            self._link_up(link, cosines, found)

    def _work_measure(self, scenes: int, should_stop: Callable[[], bool]) -> None:
        from workbench.attribution import point_words

        tell = self._progress("cosines", should_stop)
        found = point_words(self._model, scenes=scenes, on_event=tell, should_stop=should_stop)
        link = link_of(found)
        self._link_up(link, self._cosines if link.offered else None, found)

    def _link_up(self, link: Link, cosines: NDArray[np.float32] | None, found: WordPointing | None) -> None:
        with self._lock, self.hold_sync():
            self._link, self._cosines, self._pointing = link, cosines, found
            self._alike = b"" if cosines is None else np.ascontiguousarray(cosines, "<f4").tobytes()
            self._publish()
        self._end("cosines")
        self._still.renew()

    def _work_without(self, patches: list[int], words: list[int], should_stop: Callable[[], bool]) -> None:
        from workbench.attribution import score_without

        found = score_without(
            self._model,
            self._trace.pair,
            patches=patches,
            words=words,
            on_event=self._progress("mask", should_stop),
            should_stop=should_stop,
        )
        with self._lock:
            if should_stop():
                return
            self._without = found
            self._publish()
        self._end("mask")
        self._still.renew()

    # What the browser draws ------------------------------------------------------------------

    def _choices(self) -> dict[str, Any]:
        """Choices that a new lens would not have."""
        usual = {name: self.trait_defaults(name) for name in _CHOICES}
        chosen = {name: getattr(self, name) for name in _CHOICES}
        return {name: value for name, value in chosen.items() if value != usual[name]}

    def _code(self, *, write: bool) -> str:
        group = self._group(self.selected["site"])
        return as_python(
            self._trace, group, self.selected, choices=self._choices(), sites=self._sites, write=write
        )

    def _shown(self) -> Shown:
        group = self._group(self.selected["site"])
        return Shown(self._trace, group, dict(self.selected), self.scale, self.opacity, self._cosines,
                     self._link.said)  # fmt: skip

    def _publish(self) -> None:
        found = self._without
        self._now = {
            "refusal": self._refusal(),
            "link": self._link.to_view(),
            "code": self._code(write=False),
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
