"""What the answer lens does in the background: write, branch, search, read attention, explain, measure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

from PIL import Image, ImageFilter

from widgets.answer.traits import AnswerTraits
from widgets.answer.tree import Tree
from widgets.board import Board
from workbench import data
from workbench.errors import BadInputError, WorkbenchError
from workbench.generation import Answer, Beams, How
from workbench.results import Event

__all__ = ["EXPLAINING", "MAPS", "OTHER", "RELIANCE", "WRITING", "Writing"]

WRITING, MAPS, OTHER, EXPLAINING, RELIANCE = "writing", "attention", "minus", "explaining", "reliance"
_UPLOAD_MB = 16  # the browser shrinks pictures before sending; more than this was not shrunk
_STREAM_S = 0.08  # seconds between two messages of a stream: faster than anybody reads

Stop = Callable[[], bool]


class Asked(NamedTuple):
    """What is to be written: about which pictures, in answer to what, how, after which tokens."""

    pictures: tuple[Image.Image, ...]
    prompt: str
    how: How
    most: int
    start: tuple[int, ...] = ()


class Writing(AnswerTraits, Board):
    """An answer, its maps and figures, and the threads that bring others.

    `_publish` draws the lens, `_look_at` brings an answer into view.
    """

    _JOBS: ClassVar[Mapping[str, str]] = {
        WRITING: "ask", MAPS: "map", OTHER: "map", EXPLAINING: "map", RELIANCE: "bits"
    }  # fmt: skip
    _publish: Callable[[], None]
    _look_at: Callable[[Answer], None]

    def __init__(self, answer: Answer, tree: Tree, model: Any, pool: Any, **traits: Any) -> None:
        self._lock = threading.RLock()
        self._answer, self._tree_of, self._model = answer, tree, model
        self._pool = None if pool is None else as_pool(pool)
        self._attention: Any = None
        self._other_attention: Any = None
        self._reliance: Any = None
        self._heatmaps: dict[tuple[str, int], Any] = {}
        self._written: dict[int, Answer] = {}
        self._halted = threading.Event()
        self._streamed = ""
        self._last_streamed = 0.0
        super().__init__(**traits)

    @property
    def answer(self) -> Answer:
        """The answer on the screen now."""
        return self._answer

    @property
    def attention(self) -> Any:
        """The `WordAttention` of this answer; None until it was read."""
        return self._attention

    @property
    def reliance(self) -> Any:
        """The `Reliance` of this answer; None until it was measured."""
        return self._reliance

    def _refusal(self) -> str:
        """Why nothing new can be computed; "" where it can."""
        if self._model is None:
            return (
                "The model that wrote this is no longer loaded, so nothing new can be computed. Load it "
                "again and pass it: show(answer, model=model)."
            )
        return ""

    def _asked_model(self) -> Any:
        if self._refusal():
            raise WorkbenchError(self._refusal())
        return self._model

    # Writing ---------------------------------------------------------------------------------

    def _write(self, *, pictures: Sequence[Image.Image] | None = None, start: Sequence[int] = ()) -> None:
        """Write an answer in place of the one on the screen, which stays until it is there."""
        self._asked_model()
        given = self._pictures() if pictures is None else tuple(pictures)
        asked = Asked(given, self.prompt, self._decoding(), self.max_new_tokens, tuple(start))
        self._halted = threading.Event()
        self._streamed = ""
        self._writing = {"on": True, "text": ""}
        self._start(WRITING, partial(self._work_write, asked, self._halted), "writing")

    def _work_write(self, asked: Asked, halted: threading.Event, should_stop: Stop) -> None:
        from workbench.generation import write

        try:
            answer = write(
                self._asked_model(),
                _given(asked.pictures),
                asked.prompt,
                how=asked.how,
                max_new_tokens=asked.most,
                start=asked.start,
                on_event=self._progress(WRITING, should_stop, also=self._stream),
                should_stop=lambda: should_stop() or halted.is_set(),
            )
            if not should_stop():
                self._finish(answer, grown=bool(asked.start))
        finally:
            if not should_stop():
                self._writing = {"on": False, "text": ""}
                self._publish()

    def _stream(self, event: Event) -> None:
        """A piece has come; the browser hears of it a few times a second."""
        self._streamed = event.message if self.how == "beam" else self._streamed + event.message
        now = time.monotonic()
        if now - self._last_streamed >= _STREAM_S:
            self._last_streamed = now
            self._writing = {"on": True, "text": self._streamed}

    def _halt(self) -> None:
        """What is written so far becomes the answer."""
        self._halted.set()

    def _finish(self, answer: Answer, *, grown: bool) -> None:
        """Put an answer on the screen, and read where its words look."""
        if not len(answer) and answer.ended == "stopped":
            self._say("stopped before the first word: the answer before it stays", at="")
            return
        if not len(answer):
            raise BadInputError(
                "The model wrote nothing: it ended the answer at once. Ask another question, or sample at a "
                "higher temperature."
            )
        with self._lock:
            if not grown:
                self._tree_of, self._written = Tree(), {}
            self._written[self._tree_of.add(answer)] = answer
            self._look_at(answer)
        self._read()

    def _take(self, step: int, token: int) -> None:
        """Go on from another token than the one that was written: the tree grows a branch."""
        if not 0 <= step < len(self._answer):
            raise BadInputError(f"There is no step {step}; the answer has {len(self._answer)}, from 0.")
        before = tuple(int(one) for one in self._answer.tokens[:step])
        if int(token) in self._asked_model().ends:
            self._start(WRITING, partial(self._work_end, before), "ending there")
            return
        self._write(start=(*before, int(token)))

    def _work_end(self, before: tuple[int, ...], should_stop: Stop) -> None:
        """The answer as it is if it ends after these tokens: nothing is left to write."""
        from workbench.generation import likelihood

        answer = likelihood(self._asked_model(), _given(self._pictures()), self._answer.prompt, text=before)
        if not should_stop() and isinstance(answer, Answer):
            self._finish(answer, grown=True)

    def _search(self) -> None:
        """Look at many beginnings at once; the tree is what was looked at."""
        self._asked_model()
        pictures, prompt = self._pictures(), self.prompt
        self._start(WRITING, partial(self._work_search, pictures, prompt), "searching")

    def _work_search(self, pictures: Sequence[Image.Image], prompt: str, should_stop: Stop) -> None:
        from workbench.generation import search

        beams = search(
            self._asked_model(),
            _given(pictures),
            prompt,
            width=self.width,
            length_penalty=self.length_penalty,
            max_new_tokens=self.max_new_tokens,
            on_event=self._progress(WRITING, should_stop),
            should_stop=should_stop,
        )
        if not should_stop():
            self._adopt(beams)

    def _adopt(self, beams: Beams, truths: Mapping[int, bool] | None = None) -> None:
        """A search on the screen, with its best answer."""
        with self._lock:
            self._tree_of, self._written = Tree.of(beams, truths), {}
            self._look_at(self._tree_of.answer(self._tree_of.best(), beams))
        self._read()

    def _pictures(self) -> tuple[Image.Image, ...]:
        return tuple(Image.fromarray(one) for one in self._answer.pictures)

    def _given(self, contents: Sequence[bytes]) -> None:
        """A picture that was dropped, pasted or uploaded: it is written about at once."""
        too_large = [len(content) for content in contents if len(content) > _UPLOAD_MB * 1e6]
        if too_large:
            raise BadInputError(
                f"The picture has {too_large[0] / 1e6:.0f} MB; one sent by the browser may have "
                f"{_UPLOAD_MB}. Give its path on this machine instead, or shrink it."
            )
        self._write(pictures=[opened(content) for content in contents[:1]])

    def _given_path(self, path: str) -> None:
        if not path.strip():
            raise BadInputError("The path is empty. Type the path of a picture on this machine.")
        self._write(pictures=[data.from_path(path.strip())[0].picture.convert("RGB")])

    # Reading ---------------------------------------------------------------------------------

    def _unread(self) -> str:
        """Why this model's attention cannot be read; "" where it can."""
        reason = getattr(self._model, "capabilities", {}).get("attend_answer")
        return f"Its attention cannot be read: {reason}." if reason else ""

    def _read(self) -> None:
        """Attention of the answer on the screen, where the model is at hand and can be read."""
        if self._attention is None and self._model is not None and not self._unread():
            self._start(MAPS, self._work_maps, "reading its attention")

    def _work_maps(self, should_stop: Stop) -> None:
        from workbench.generation import replay, word_attention

        answer = self._answer
        tell = self._progress(MAPS, should_stop)
        trace = replay(self._asked_model(), answer, heads="mean", on_event=tell, should_stop=should_stop)
        found = word_attention(trace, answer)
        with self._lock:
            if not should_stop() and answer is self._answer:
                self._attention = found
                self._publish()

    def _explain(self) -> None:
        """The map that is asked for, of the first selected step, where there is none yet."""
        step = self.selected[0]
        if self.map == "minus" and self._other_attention is None:
            self._asked_model()
            self._start(OTHER, self._work_other, "reading another picture")
        if self.map not in ("relevance", "occlusion") or (self.map, step) in self._heatmaps:
            return
        self._asked_model()
        self._start(EXPLAINING, partial(self._work_explain, self.map, step), "explaining")

    def _work_explain(self, method: str, step: int, should_stop: Stop) -> None:
        from workbench.generation import explain_word

        answer = self._answer
        found = explain_word(
            self._asked_model(),
            answer,
            step,
            method=method,
            on_event=self._progress(EXPLAINING, should_stop),
            should_stop=should_stop,
        )
        with self._lock:
            if not should_stop() and answer is self._answer:
                self._heatmaps[(method, step)] = found
                self._publish()

    def _work_other(self, should_stop: Stop) -> None:
        from workbench.generation import replay, word_attention

        answer = self._answer
        others = [self._another(Image.fromarray(one)) for one in answer.pictures]
        trace = replay(
            self._asked_model(),
            answer,
            pictures=others,
            heads="mean",
            on_event=self._progress(OTHER, should_stop),
            should_stop=should_stop,
        )
        found = word_attention(trace, answer)
        with self._lock:
            if not should_stop() and answer is self._answer:
                self._other_attention = found
                self._publish()

    def _another(self, own: Image.Image) -> Image.Image:
        """Another picture of the pool; without a pool what is left of this one when it is blurred."""
        for picture in self._pool or ():
            if picture.tobytes() != own.convert("RGB").tobytes():
                return picture
        return own.convert("RGB").filter(ImageFilter.GaussianBlur(min(own.size) / 4))

    def _rely(self) -> None:
        self._asked_model()
        self._start(RELIANCE, self._work_rely, "taking parts away")

    def _work_rely(self, should_stop: Stop) -> None:
        from workbench.generation import rely

        answer = self._answer
        found = rely(
            self._asked_model(),
            answer,
            pictures=self._pool,
            on_event=self._progress(RELIANCE, should_stop),
            should_stop=should_stop,
        )
        with self._lock:
            if not should_stop() and answer is self._answer:
                self._reliance = found
                self._publish()


def _given(pictures: Sequence[Image.Image]) -> Any:
    """Pictures as `write` takes them."""
    return pictures[0] if len(pictures) == 1 else list(pictures) or None


def as_pool(given: Any) -> list[Image.Image]:
    """Pictures to exchange others for, from pairs or anything that data.from_pictures takes."""
    pairs = given if isinstance(given, data.Pairs) else data.from_pictures(given)
    return [pair.picture.convert("RGB") for pair in pairs]


def opened(content: bytes) -> Image.Image:
    """A picture from bytes, as data.from_pictures reads it.

    Raises:
        BadPictureError: it cannot be read.
    """
    return data.from_pictures([content], texts=["picture"])[0].picture.convert("RGB")
