"""`ZeroShotBoard`: pictures sorted by words, re-ranked as the words are typed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from widgets import esm
from widgets.snapshot import Snapshot
from widgets.zero_shot.choices import accepted, item_order, matching_threshold
from widgets.zero_shot.ranking_snapshot import board_snapshot
from widgets.zero_shot.scoring import JOB
from widgets.zero_shot.screen import OPTIONS, ZeroShotScreen, advised
from widgets.zero_shot.traits import LOOK, PAGE
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.models import DualEncoder, as_encoder
from workbench.results import Ranking
from workbench.zeroshot import check_labels, check_templates

__all__ = ["ZeroShotBoard"]


class ZeroShotBoard(ZeroShotScreen):
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
        unknown = set(choices) - set(OPTIONS)
        if unknown:
            raise BadInputError(
                f"The board has no choice {min(unknown)!r}; it has {', '.join(OPTIONS)}. "
                "Labels, templates and scores are the ranking's: classify(...), rescore(...)."
            )
        held = as_encoder(model) if model is not None else ranking.model
        super().__init__(
            ranking,
            held,
            **advised(held, len(ranking.labels)),
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
        for name in (name for name in OPTIONS if name in choices):
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
                self._stop(JOB, said="cancelled")
                self._wanted = self._present()
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


_PLACES = {"path": "path", "template": "templates"}  # message to the field it came from
