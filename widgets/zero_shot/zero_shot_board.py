"""`ZeroShotBoard`: pictures sorted by words, re-ranked as the words are typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from widgets import esm, wire
from widgets.snapshot import Snapshot
from widgets.zero_shot.choices import Choices, accepted, item_order, matching_threshold
from widgets.zero_shot.code import as_python
from widgets.zero_shot.snapshot import board_snapshot, told
from widgets.zero_shot.traits import LOOK, PAGE
from widgets.zero_shot.view import board_view
from widgets.zero_shot.work import JOB, ZeroShotWork
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.models import DualEncoder
from workbench.models.given import as_encoder
from workbench.results import Ranking
from workbench.zeroshot.prompts import check_labels, check_templates

__all__ = ["ZeroShotBoard"]

_SMALL, _LARGE_CELL = 112, 224  # pixels of a picture in the sprite sheet: cards up to 128 wide take the small
_COLUMNS = 6  # of the sprite sheet, not of the screen
_LARGE = 320  # pixels of the picture looked at
_OPTIONS = (*(name for name in LOOK if name != "thresholds"), "thresholds", "query", "selected")


class ZeroShotBoard(ZeroShotWork):
    """Zero-shot classification by hand: type labels, switch templates, move the temperature, abstain.

    Every public trait is something the user chose; each can be read and set in the next cell.

    Attributes:
        labels, templates: the words, in order.
        active: which templates count, one truth value each.
        rule: "softmax" or "sigmoid".
        temperature: above 0; 1 is the model's own.
        ensemble: "embedding" or "probability", how templates are combined.
        measure, threshold: below it a picture is "none of these"; None switches that off. They start where
            the model advises (`model.advice`), or off.
        thresholds: what each measure was last set to; a change of measure goes back to it.
        selected, focus: item numbers of the chosen pictures, and the one looked at.
        query: a sentence that sorts the pictures; "" for none.
        sort, page, size: of the gallery; size in pixels of a card's picture.
        only: "all", "right", "wrong" or "none of these".
        won_by: only pictures that one of these labels won.
        removed: item numbers that are neither listed nor counted; the others keep theirs.

    Example:
        >>> from widgets import ZeroShotBoard
        >>> from workbench import data
        >>> from workbench.zeroshot import classify
        >>> board = ZeroShotBoard(classify("emoji-clip", data.load("emoji")[:4], ["a cat", "a face"]))
        >>> board.selected = [2]
        >>> board.pairs[board.selected].texts == (board.pairs.texts[2],)
        True
    """

    _esm = esm.script("zero_shot/board")
    _css = esm.style("shared/base", "zero_shot/board")

    @verb
    def __init__(self, ranking: Ranking, *, model: DualEncoder | None = None, **choices: Any) -> None:
        """A board on `ranking`. `model` is needed for new words and pictures; the ranking's own by default.

        Args:
            choices: any of the traits below the scoring, by name: `threshold=0.3, sort="by label"`.

        Raises:
            BadInputError: the ranking holds no pictures (it was made from arrays alone), or a choice is none.
        """
        if ranking.pairs is None:
            raise BadInputError(
                "This ranking holds no pictures to show. Make one with classify(model, pairs, labels), or "
                "open a saved one with its pictures: open_ranking(folder, pairs)."
            )
        unknown = set(choices) - set(_OPTIONS)
        if unknown:
            raise BadInputError(
                f"The board has no choice {min(unknown)!r}; it has {', '.join(_OPTIONS)}. "
                "Labels, templates and scores are the ranking's: classify(...), rescore(...)."
            )
        self._drawn: dict[str, Any] = {}
        held = as_encoder(model) if model is not None else ranking.model
        super().__init__(
            ranking,
            held,
            **_advised(held, len(ranking.labels)),
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
        self.observe(self._on_measure, "measure")
        self.observe(self._on_look, list(LOOK))
        self.observe(lambda _change: self._search(), "query")
        self.observe(self._on_selected, "selected")
        self.observe(self._on_copying, "_copying")
        for name in (name for name in _OPTIONS if name in choices):
            setattr(self, name, choices[name])

    def code(self) -> str:
        """Python that shows this board again in a fresh kernel.

        Pictures that were dropped or pasted are written into the folder `zero-shot-pictures`, from which it
        loads them.
        """
        self._keep_pictures()
        return self._code()

    def snapshot(self, *, most: int = PAGE) -> Snapshot:
        """The first `most` pictures in the board's order as a static page, with the numbers behind it."""
        with self._lock:
            ranking, choices = self._ranking, self._choices()
            items = item_order(ranking, choices, self._order())[:most].tolist()
        return board_snapshot(ranking, choices, items or [0], code=self._code())

    # What the user changed -------------------------------------------------------------------

    def _on_words(self, change: dict[str, Any]) -> None:
        """New labels or templates: check them now, encode what is new in the background."""
        with self._reported(change["name"]):
            if change["name"] == "labels":
                self._wanted = self._wanted._replace(labels=check_labels(self.labels))
            else:
                self._change_templates(list(change["old"]))
            self._classify()

    def _change_templates(self, old: list[str]) -> None:
        """Wrong ones are refused, and those before them stay, so that they block nothing else."""
        if self.templates == list(self._wanted.templates):
            return
        try:
            templates = check_templates(self.templates)
        except BadInputError:
            self.templates = list(self._wanted.templates)
            raise
        known = dict(zip(old, self.active, strict=False))
        with self.hold_trait_notifications():
            self.active = [known.get(template, True) for template in self.templates]
        self._wanted = self._wanted._replace(templates=templates)

    def _on_scoring(self, change: dict[str, Any]) -> None:
        """A slider or a switch: arithmetic only. What cannot be done is said, and put back."""
        with self._reported(change["name"] if change["name"] == "temperature" else "templates"):
            if len(self.active) != len(self._ranking.templates):
                return  # the templates are being encoded; their scores follow
            try:
                with self._lock:
                    self._ranking = self._scored(self._ranking)
            except BadInputError:
                self.set_trait(change["name"], change["old"])
                raise
            self._clear()
            self._publish()

    def _on_measure(self, change: dict[str, Any]) -> None:
        """Each measure has a threshold of its own; a new one begins where it rejects as many as the last."""
        if self.threshold is None or self.measure == change["old"]:
            return
        before = replace(self._choices(), measure=change["old"])
        rejected = int((~accepted(self._ranking, before)).sum())
        remembered = self.thresholds.get(self.measure)
        if remembered is None:
            remembered = matching_threshold(self._ranking, self.measure, rejected)
        self.threshold = remembered

    def _on_look(self, change: dict[str, Any]) -> None:
        with self._reported("gallery" if change["name"] == "removed" else ""):
            if change["name"] == "focus":
                self._texts = None
                if not 0 <= self.focus < len(self._ranking):
                    raise BadInputError(
                        f"Item {self.focus} was asked for; there are {len(self._ranking)}, from 0."
                    )
            elif change["name"] == "threshold" and self.threshold is not None:
                self.thresholds = self.thresholds | {self.measure: self.threshold}
            elif change["name"] == "removed":
                self._check_removed(change["old"])
            self._publish()

    def _check_removed(self, old: list[int]) -> None:
        outside = [item for item in self.removed if not 0 <= item < len(self._pairs)]
        if outside or len(set(self.removed)) >= len(self._pairs):
            self.removed = old
            said = f"there is no item {outside[0]}" if outside else "one picture at least must stay"
            raise BadInputError(f"These pictures cannot all be removed: {said}.")
        left = [item for item in self.selected if item not in self.removed]
        if left != self.selected:
            self.selected = left
        if self.focus in self.removed:
            self.focus = next(item for item in range(len(self._pairs)) if item not in self.removed)

    def _on_selected(self, _change: dict[str, Any]) -> None:
        with self._reported():
            outside = [item for item in self.selected if not 0 <= item < len(self._pairs)]
            if outside:
                raise BadInputError(f"selected holds {outside[0]}; items are 0 to {len(self._pairs) - 1}.")
            self._publish()

    def _on_copying(self, _change: dict[str, Any]) -> None:
        """The browser wants the code: what it loads is written down, and its mark comes back with it."""
        with self._reported():
            self._keep_pictures()
            self._publish()

    def _on_message(self, _widget: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        kind = str(content.get("kind"))
        with self._reported(_PLACES.get(kind, "")):
            if kind == "cancel":
                self._jobs.cancel()
                self._wanted = self._present()
                self._end(JOB, said="cancelled")
            elif kind == "upload":
                self._add(
                    [bytes(buffer) for buffer in buffers], [str(name) for name in content.get("names", [])]
                )
            elif kind == "path":
                self._add_path(str(content.get("path", "")))
            elif kind == "template":
                self._add_template(str(content.get("text", "")))
            elif kind == "texts":
                self._find_texts()
            elif kind == "problem":
                raise BadInputError(str(content.get("message", "")))

    # What the browser draws ------------------------------------------------------------------

    def _choices(self) -> Choices:
        return Choices(
            self.sort,
            self.page,
            self.measure,
            self.threshold,
            self.only,
            tuple(self.won_by),
            tuple(self.removed),
        )

    def _look_at(self, item: int) -> None:
        """The picture in view, on its page; filters that would hide it go."""
        with self.hold_trait_notifications():
            self.focus = item
            if item not in item_order(self._ranking, self._choices(), self._order()):
                self.only, self.won_by = "all", []
            order = item_order(self._ranking, self._choices(), self._order()).tolist()
            self.page = order.index(item) // PAGE if item in order else self.page

    def _order(self) -> Any:
        return None if self._found is None else self._found.order

    def _code(self) -> str:
        """The code alone; nothing is written."""
        usual = {name: self.trait_defaults(name) for name in _OPTIONS} | _advised(
            self._model, len(self._ranking.labels)
        )
        named = ("measure", "threshold")  # a model's advice may change; what stands here shall not
        chosen = {
            name: _plain(getattr(self, name))
            for name in _OPTIONS
            if name in named or getattr(self, name) != usual[name]
        }
        if chosen.get("thresholds") == {self.measure: self.threshold}:
            del chosen["thresholds"]
        own_rule = None if self._model is None else self._model.rule
        return as_python(self._ranking, chosen, own_rule=own_rule)

    def _publish(self) -> None:
        """Send the numbers, and the pictures only where other ones are shown than before."""
        with self._lock, self.hold_sync():
            ranking, choices = self._ranking, self._choices()
            view = board_view(
                ranking,
                choices,
                self.focus,
                own_rule=None if self._model is None else self._model.rule,
                advice=None if self._model is None else self._model.advice,
                found=self._found,
                texts=self._texts,
            )
            cell = _SMALL if self.size <= 128 else _LARGE_CELL
            items = [card["item"] for card in view["gallery"]["items"]]
            self._draw_pictures(items, view["detail"]["item"], cell)
            said = {"code": self._code(), "told": told(ranking, choices), "kept": self._copying}
            self._view = view | said | {"cell": cell, "columns": _COLUMNS}

    def _draw_pictures(self, items: Sequence[int], focus: int, cell: int) -> None:
        shown = (len(self._pairs), tuple(items), cell)
        if self._drawn.get("page") != shown:
            self._sprite = wire.sprite(map(self._pairs.picture, items), cell=cell, columns=_COLUMNS)
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


_PLACES = {"path": "path", "template": "templates"}  # message to the field it came from


def _advised(model: DualEncoder | None, labels: int) -> dict[str, Any]:
    """Measure and threshold as they were measured for the model with so many labels; off where nobody did."""
    advice = None if model is None else model.advice
    if advice is None:
        return {}
    threshold = advice.threshold_for(labels)
    known = {} if threshold is None else {str(advice.measure): threshold}
    return {"measure": advice.measure, "threshold": threshold, "thresholds": known}


def _plain(value: Any) -> Any:
    """A trait's value as it is written in code."""
    return sorted(value) if isinstance(value, list) and all(isinstance(one, int) for one in value) else value
