"""What the zero-shot board does in the background: encode new words and pictures, search, show the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

from widgets.board import Board
from widgets.jobs import Work
from widgets.zero_shot.traits import ZeroShotTraits
from workbench import data
from workbench.errors import BadInputError, WorkbenchError
from workbench.formatting import one_line
from workbench.models import DualEncoder
from workbench.results import Ranking, Retrieval
from workbench.zeroshot import check_template, classify, rescore, retrieve

__all__ = ["JOB", "Wanted", "ZeroShotScoring"]

JOB = "scoring"  # the one kind of work here
_UPLOAD_MB = 16  # the browser shrinks pictures before sending; more than this was not shrunk
_FOLDER = "zero-shot-pictures"  # beside the notebook, for pictures that were never files
_KEPT = 200  # more pictures from memory than this are not written down for the sake of a copied cell


class Wanted(NamedTuple):
    """The pictures and words asked for; the board shows them when their work is done."""

    pairs: data.Pairs
    labels: tuple[str, ...]
    templates: tuple[str, ...]


class ZeroShotScoring(ZeroShotTraits, Board):
    """A ranking, what is wanted instead of it, and one thread that brings the one to the other.

    `_publish` draws the board, whenever an answer has come. `_look_at` brings one item into view.
    """

    _JOBS: ClassVar = {JOB: ""}
    _publish: Callable[[], None]
    _look_at: Callable[[int], None]

    def __init__(self, ranking: Ranking, model: DualEncoder | None, **traits: Any) -> None:
        self._lock = threading.RLock()
        self._unsaved: list[data.Pairs] = []
        self._ranking = replace(ranking, pairs=self._to_be_kept(ranking.pairs))
        self._model = model
        self._pairs = self._ranking.pairs
        self._wanted = self._present()
        self._found: Retrieval | None = None
        self._texts: Retrieval | None = None
        super().__init__(**traits)

    @property
    def ranking(self) -> Ranking:
        """The ranking on the screen now."""
        return self._ranking

    @property
    def pairs(self) -> data.Pairs:
        """The pictures on the board, those added by hand at the end: `board.pairs[board.selected]`."""
        return self._pairs

    def _search(self) -> None:
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
                on_event=self._progress(JOB, should_stop),
                should_stop=should_stop,
            )
            self._finish(should_stop, ranking=ranking, found=found)

        self._score(work)

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

    def _add_template(self, text: str) -> None:
        """One more template, or why it is none; nothing else waits for it."""
        template = check_template(text)
        if template in self.templates:
            raise BadInputError(f"The template {one_line(template)!r} is there already.")
        self._clear("templates")
        self.templates = [*self.templates, template]

    def _extend(self, added: data.Pairs) -> None:
        first = len(self._wanted.pairs)
        added = self._to_be_kept(added)
        if self._wanted.pairs.labels is not None and added.labels is None:
            added = added.with_labels("")  # not known, which takes nothing from the others
        self._wanted = self._wanted._replace(pairs=self._wanted.pairs + added)
        self._classify(look_at=first)

    def _to_be_kept(self, pairs: data.Pairs) -> data.Pairs:
        """The same pairs; those from memory with code that loads the files they will be written to."""
        if not pairs.in_memory or len(pairs) > _KEPT:
            return pairs
        self._unsaved.append(pairs)
        return data.keep(pairs, _FOLDER, write=False)

    def _keep_pictures(self) -> None:
        while self._unsaved:
            data.keep(self._unsaved[0], _FOLDER)
            self._unsaved.pop(0)

    def _classify(self, *, look_at: int | None = None) -> None:
        def work(should_stop: Callable[[], bool]) -> None:
            self._finish(should_stop, ranking=self._as_wanted(should_stop), look_at=look_at)

        self._score(work)

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
            on_event=self._progress(JOB, should_stop),
            should_stop=should_stop,
        )

    def _present(self) -> Wanted:
        return Wanted(self._pairs, self._ranking.labels, self._ranking.templates)

    def _find_texts(self) -> None:
        focus = self.focus

        def work(should_stop: Callable[[], bool]) -> None:
            ranking = self._as_wanted(should_stop)
            texts = retrieve(
                self._asked(),
                ranking.pairs,
                focus,
                on_event=self._progress(JOB, should_stop),
                should_stop=should_stop,
            )
            self._finish(should_stop, ranking=ranking, texts=texts)

        self._score(work)

    def _asked(self) -> DualEncoder:
        if self._model is None:
            raise WorkbenchError(
                "The model of this ranking is no longer loaded, so new words and pictures cannot be encoded. "
                "Load it again and pass it: show(ranking, model=model)."
            )
        return self._model

    def _score(self, work: Work) -> None:
        def careful(should_stop: Callable[[], bool]) -> None:
            try:
                work(should_stop)
            except Exception:
                if not should_stop():  # a newer wish would try it again, and fail again
                    self._wanted = self._present()
                raise

        self._start(JOB, careful)

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
                self._pairs, labels = ranking.pairs, len(self._ranking.labels)
                self._ranking = self._scored(ranking)
                self._follow_advice(labels)
                self._found = self._found if self._found and len(self._found) == len(ranking) else None
                self._texts = None
            self._found, self._texts = found or self._found, texts or self._texts
            if look_at is not None:
                self._look_at(look_at)
            self._end(JOB)
            self._publish()

    def _follow_advice(self, before: int) -> None:
        """A measured threshold moves with the number of labels, unless its user moved it."""
        advice = None if self._model is None else self._model.advice
        if advice is None:
            return
        old, new = advice.threshold_for(before), advice.threshold_for(len(self._ranking.labels))
        if old is None or new is None or old == new:
            return
        measure = str(advice.measure)
        if self.thresholds.get(measure) == old:
            self.thresholds = self.thresholds | {measure: new}
        if self.measure == measure and self.threshold == old:
            self.threshold = new

    def _scored(self, ranking: Ranking) -> Ranking:
        fits = len(self.active) == len(ranking.templates)
        return rescore(
            ranking,
            active=self.active if fits else [True] * len(ranking.templates),
            temperature=self.temperature,
            rule=self.rule,
            ensemble=self.ensemble,
        )
