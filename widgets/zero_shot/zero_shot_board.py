"""`ZeroShotBoard`: pictures sorted by words, re-ranked as the words are typed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import anywidget
import traitlets as t

from widgets import esm, wire
from widgets.jobs import LatestJob
from widgets.snapshot import Snapshot
from widgets.status import Speaking
from widgets.zero_shot.code import as_python
from widgets.zero_shot.snapshot import board_snapshot
from widgets.zero_shot.view import PAGE, Choices, board_view, item_order
from workbench import data
from workbench._repr import one_line
from workbench.errors import BadInputError, WorkbenchError
from workbench.models.base import DualEncoder
from workbench.results import Ranking, Retrieval
from workbench.zeroshot import classify, rescore, retrieve
from workbench.zeroshot.prompts import check_labels, check_templates

if TYPE_CHECKING:
    from widgets.zero_shot.view import Sort
    from workbench.results import Rule
    from workbench.zeroshot.scoring import Ensemble, Measure

__all__ = ["ZeroShotBoard"]

_THUMB = 112  # pixels of a card's picture
_COLUMNS = 6  # of the sprite sheet, not of the screen
_LARGE = 320  # pixels of the picture looked at
_UPLOAD_MB = 16  # the browser shrinks pictures before sending; more than this was not shrunk


class _Wanted(NamedTuple):
    """The pictures and words asked for; the board shows them when their work is done."""

    pairs: data.Pairs
    labels: tuple[str, ...]
    templates: tuple[str, ...]


class ZeroShotBoard(Speaking, anywidget.AnyWidget):
    """Zero-shot classification by hand: type labels, switch wordings, move the temperature, reject.

    Every public trait is something the user chose; each can be read and set in the next cell::

        board = ZeroShotBoard(classify(model, pairs, ["a cat", "a pizza"]))
        board.labels = ["a cat", "a rocket"]
        board.pairs[board.selected]

    Attributes:
        labels, templates: the words, in order.
        active: which templates count, one truth value each.
        rule: "softmax" or "sigmoid". temperature: above 0; 1 is the model's own.
        ensemble: "embedding" or "probability", how wordings are combined.
        measure, threshold: below it a picture is "none of these"; None switches that off. They start where
            the model advises (`model.advice`), or off.
        selected: item numbers of the chosen pictures. focus: the one looked at.
        query: a sentence that sorts the pictures; "" for none.
        sort, page: of the gallery.
    """

    _esm = esm.script("zero_shot_board")
    _css = esm.style("base", "zero_shot_board")

    labels = t.List(t.Unicode()).tag(sync=True)
    templates = t.List(t.Unicode()).tag(sync=True)
    active = t.List(t.Bool()).tag(sync=True)
    rule = t.Enum(("softmax", "sigmoid"), "softmax").tag(sync=True)
    ensemble = t.Enum(("embedding", "probability"), "embedding").tag(sync=True)
    temperature = t.Float(1.0).tag(sync=True)
    measure = t.Enum(("probability", "margin", "cosine"), "probability").tag(sync=True)
    threshold = t.Float(None, allow_none=True).tag(sync=True)
    sort = t.Enum(("as given", "surest first", "doubtful first", "by label", "wrong first"), "as given").tag(
        sync=True
    )
    page = t.Int(0).tag(sync=True)
    query = t.Unicode("").tag(sync=True)
    focus = t.Int(0).tag(sync=True)
    selected = t.List(t.Int()).tag(sync=True)

    _view = t.Dict().tag(sync=True)
    _sprite = wire.ByteTrait()
    _large = wire.ByteTrait()
    _seen = wire.ByteTrait()

    def __init__(self, ranking: Ranking, *, model: DualEncoder | None = None) -> None:
        """A board on `ranking`. `model` is needed for new words and pictures; the ranking's own by default.

        Raises:
            BadInputError: the ranking holds no pictures (it was made from arrays alone).
        """
        if ranking.pairs is None:
            raise BadInputError(
                "This ranking holds no pictures to show. Make one with classify(model, pairs, labels)."
            )
        self._lock = threading.RLock()
        self._ranking = ranking
        self._model = model if model is not None else ranking.model
        self._pairs = ranking.pairs
        self._wanted = _Wanted(ranking.pairs, ranking.labels, ranking.templates)
        self._found: Retrieval | None = None
        self._texts: Retrieval | None = None
        self._drawn: dict[str, Any] = {}
        self._jobs = LatestJob(self._report)
        advice = None if self._model is None else self._model.advice
        calibrated = {} if advice is None else {"measure": advice.measure, "threshold": advice.threshold}
        super().__init__(
            **calibrated,
            labels=list(ranking.labels),
            templates=list(ranking.templates),
            active=[bool(on) for on in ranking.active],
            rule=ranking.rule,
            ensemble=ranking.ensemble,
            temperature=ranking.temperature,
        )
        self._publish()
        self.on_msg(self._on_message)
        self.observe(self._on_words, ["labels", "templates"])
        self.observe(self._on_scoring, ["active", "rule", "ensemble", "temperature"])
        self.observe(self._on_look, ["measure", "threshold", "sort", "page", "focus"])
        self.observe(self._on_query, "query")
        self.observe(self._on_selected, "selected")

    @property
    def ranking(self) -> Ranking:
        """The ranking on the screen now."""
        return self._ranking

    @property
    def pairs(self) -> data.Pairs:
        """The pictures on the board, those added by hand at the end: `board.pairs[board.selected]`."""
        return self._pairs

    def wait(self, timeout: float | None = None) -> bool:
        """Block until all requested work is on the screen; False if `timeout` seconds pass first."""
        return self._jobs.wait(timeout)

    def code(self) -> str:
        """Python that computes what is on the screen."""
        return as_python(self._ranking, self._choices(), selected=self.selected)

    def snapshot(self, *, most: int = PAGE) -> Snapshot:
        """The first `most` pictures in the board's order as a static page, with the numbers behind it."""
        with self._lock:
            ranking, choices = self._ranking, self._choices()
            items = item_order(ranking, choices, self._order())[:most].tolist()
        return board_snapshot(ranking, choices, items, code=self.code())

    # What the user changed -------------------------------------------------------------------

    def _on_words(self, change: dict[str, Any]) -> None:
        """New labels or templates: check them now, encode what is new in the background."""
        with self._reported():
            labels, templates = check_labels(self.labels), check_templates(self.templates)
            if change["name"] == "templates":
                known = dict(zip(change["old"], self.active, strict=False))
                with self.hold_trait_notifications():
                    self.active = [known.get(template, True) for template in self.templates]
            self._wanted = self._wanted._replace(labels=labels, templates=templates)
            self._classify()

    def _on_scoring(self, _change: dict[str, Any]) -> None:
        """A slider or a switch: arithmetic only."""
        with self._reported():
            if len(self.active) != len(self._ranking.templates):
                return  # the wordings are being encoded; their scores follow
            with self._lock:
                self._ranking = self._scored(self._ranking)
            self._publish()

    def _on_look(self, change: dict[str, Any]) -> None:
        with self._reported():
            if change["name"] == "focus":
                self._texts = None
                if not 0 <= self.focus < len(self._ranking):
                    raise BadInputError(
                        f"Item {self.focus} was asked for; there are {len(self._ranking)}, from 0."
                    )
            self._publish()

    def _on_selected(self, _change: dict[str, Any]) -> None:
        with self._reported():
            outside = [item for item in self.selected if not 0 <= item < len(self._pairs)]
            if outside:
                raise BadInputError(f"selected holds {outside[0]}; items are 0 to {len(self._pairs) - 1}.")
            self._publish()

    def _on_query(self, _change: dict[str, Any]) -> None:
        query = self.query.strip()
        if not query:
            self._found = None
            self._publish()
            return

        def work(should_stop: Callable[[], bool]) -> None:
            ranking = self._as_wanted(should_stop)
            found = retrieve(
                self._asked(),
                ranking.pairs,
                query,
                on_event=self._progress(should_stop),
                should_stop=should_stop,
            )
            self._finish(should_stop, ranking=ranking, found=found)

        self._start(work)

    def _on_message(self, _widget: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        with self._reported():
            kind = content.get("kind")
            if kind == "cancel":
                self._jobs.cancel()
                self._wanted = self._present()
                self._say("cancelled")
            elif kind == "upload":
                self._add(
                    [bytes(buffer) for buffer in buffers], [str(name) for name in content.get("names", [])]
                )
            elif kind == "path":
                self._add_path(str(content.get("path", "")))
            elif kind == "texts":
                self._find_texts()
            elif kind == "problem":
                raise BadInputError(str(content.get("message", "")))

    # Work ------------------------------------------------------------------------------------

    def _add(self, contents: list[bytes], names: list[str]) -> None:
        """Put pictures dropped, pasted or uploaded behind the others."""
        for content, name in zip(contents, names, strict=True):
            if len(content) > _UPLOAD_MB * 1e6:
                raise BadInputError(
                    f"{one_line(name)!r} has {len(content) / 1e6:.0f} MB; a picture sent by the browser "
                    f"may have {_UPLOAD_MB} MB. Give its path on this machine instead, or shrink it."
                )
        self._extend(data.from_pictures(contents, texts=names))

    def _add_path(self, path: str) -> None:
        if not path.strip():
            raise BadInputError(
                "The path is empty. Type the path of a picture or of a folder on this machine."
            )
        self._extend(data.from_path(path.strip()))

    def _extend(self, added: data.Pairs) -> None:
        first = len(self._wanted.pairs)
        self._wanted = self._wanted._replace(pairs=self._wanted.pairs + added)
        self._classify(look_at=first)

    def _classify(self, *, look_at: int | None = None) -> None:
        def work(should_stop: Callable[[], bool]) -> None:
            self._finish(should_stop, ranking=self._as_wanted(should_stop), look_at=look_at)

        self._start(work)

    def _as_wanted(self, should_stop: Callable[[], bool]) -> Ranking:
        """The pictures and words asked for, scored: those too whose work was stopped by a newer wish."""
        wanted = self._wanted
        if wanted == self._present():
            return self._ranking
        return classify(
            self._asked(),
            wanted.pairs,
            wanted.labels,
            templates=wanted.templates,
            on_event=self._progress(should_stop),
            should_stop=should_stop,
        )

    def _present(self) -> _Wanted:
        return _Wanted(self._pairs, self._ranking.labels, self._ranking.templates)

    def _find_texts(self) -> None:
        focus = self.focus

        def work(should_stop: Callable[[], bool]) -> None:
            ranking = self._as_wanted(should_stop)
            texts = retrieve(
                self._asked(),
                ranking.pairs,
                focus,
                on_event=self._progress(should_stop),
                should_stop=should_stop,
            )
            self._finish(should_stop, ranking=ranking, texts=texts)

        self._start(work)

    def _asked(self) -> DualEncoder:
        if self._model is None:
            raise WorkbenchError(
                "The model of this ranking is no longer loaded, so new words and pictures cannot be encoded. "
                "Load it again and pass it: show(ranking, model=model)."
            )
        return self._model

    def _start(self, work: Callable[[Callable[[], bool]], None]) -> None:
        def careful(should_stop: Callable[[], bool]) -> None:
            try:
                work(should_stop)
            except Exception:
                if not should_stop():  # a newer wish would try it again, and fail again
                    self._wanted = self._present()
                raise

        self._say("working")
        self._jobs.submit(careful)

    def _finish(
        self,
        should_stop: Callable[[], bool],
        *,
        ranking: Ranking,
        found: Retrieval | None = None,
        texts: Retrieval | None = None,
        look_at: int | None = None,
    ) -> None:
        """Put a finished answer on the screen, unless a newer request has come."""
        with self._lock:
            if should_stop():
                return
            if ranking is not self._ranking:
                self._pairs = ranking.pairs
                self._ranking = self._scored(ranking)
                self._found = self._found if self._found and len(self._found) == len(ranking) else None
                self._texts = None
            self._found, self._texts = found or self._found, texts or self._texts
            if look_at is not None:
                self.set_trait("focus", look_at)
                self.set_trait("page", look_at // PAGE)
            self._clear_error()
            self._publish()

    def _scored(self, ranking: Ranking) -> Ranking:
        fits = len(self.active) == len(ranking.templates)
        return rescore(
            ranking,
            active=self.active if fits else [True] * len(ranking.templates),
            temperature=self.temperature,
            rule=cast("Rule", self.rule),
            ensemble=cast("Ensemble", self.ensemble),
        )

    # What the browser draws ------------------------------------------------------------------

    def _choices(self) -> Choices:
        sort, measure = cast("Sort", self.sort), cast("Measure", self.measure)
        return Choices(sort, self.page, measure, self.threshold)

    def _order(self) -> Any:
        return None if self._found is None else self._found.order

    def _publish(self) -> None:
        """Send the numbers, and the pictures only where other ones are shown than before."""
        with self._lock, self.hold_sync():
            ranking, choices = self._ranking, self._choices()
            own_rule = None if self._model is None else self._model.rule
            view = board_view(
                ranking, choices, self.focus, own_rule=own_rule, found=self._found, texts=self._texts
            )
            self._draw_pictures([card["item"] for card in view["gallery"]["items"]], view["detail"]["item"])
            self._view = view | {"code": self.code(), "thumb": _THUMB, "columns": _COLUMNS}

    def _draw_pictures(self, items: list[int], focus: int) -> None:
        shown = (len(self._pairs), tuple(items))
        if self._drawn.get("page") != shown:
            self._sprite = wire.sprite(map(self._pairs.picture, items), cell=_THUMB, columns=_COLUMNS)
            self._drawn["page"] = shown
        if self._drawn.get("focus") != (len(self._pairs), focus):
            picture = self._pairs.picture(focus)
            self._large = wire.as_bytes(picture, side=_LARGE)
            self._seen = (
                b""
                if self._model is None
                else wire.as_bytes(self._model.preprocess_view(picture), side=_LARGE)
            )
            self._drawn["focus"] = (len(self._pairs), focus)
