"""What the answer lens asks of a model: writing, stopping, branching, searching, reading, measuring."""

from __future__ import annotations

import gc
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.widgets.answer_parts import Gate, attention, cat, gated, heatmap, reliance, writer
from tests.workbench.generation.tables import CATS, Changed, not_a_number
from widgets import AnswerLens, show
from workbench import data, generation
from workbench.errors import UnsupportedError
from workbench.generation import Answer, beam, write


@pytest.fixture
def lens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnswerLens]:
    monkeypatch.chdir(tmp_path)  # code() writes pictures from memory beside the notebook
    model = writer()
    lens = show(cat(model), model=model)
    yield lens
    assert lens.wait(20)


@pytest.fixture
def gate() -> Iterator[Gate]:
    yield from gated(1)


def tell(lens: AnswerLens, buffers: list[bytes] | None = None, **message: Any) -> None:
    """What the browser sends: bytes arrive as a memoryview."""
    lens._handle_custom_msg(message, [memoryview(one) for one in buffers or []])
    assert lens.wait(20)


def texts(lens: AnswerLens) -> list[str]:
    return [one.strip() for one in lens._tree["piece"]]


def test_write_asks_what_stands_in_the_field_as_the_controls_say(lens: AnswerLens) -> None:
    lens.prompt, lens.how, lens.seed, lens.temperature, lens.max_new_tokens = "Again?", "sample", 3, 1.5, 7
    tell(lens, kind="write")
    assert lens.errors == {}
    assert str(lens.answer.how) == "sample(temperature=1.5, seed=3)"
    assert lens.answer.prompt == lens._view["prompt"] == "Again?"
    assert lens.answer.provenance.parameters["max_new_tokens"] == 7
    assert lens.answer.text == write(writer(), None, how=lens.answer.how, max_new_tokens=7).text


def test_words_are_streamed_and_stop_keeps_what_is_there(gate: Gate) -> None:
    lens = show(cat(), model=gate.model)
    lens.write()
    gate.waited()
    assert lens._writing == {"on": True, "text": "a"}
    assert "writing" in lens.working
    assert lens.answer.text == "a cat"  # the one before, until there is another
    lens._handle_custom_msg({"kind": "stop"}, [])
    gate.go_on.set()
    assert lens.wait(20)
    assert lens.answer.ended == "stopped"
    assert lens.answer.text in ("a", "a cat")  # the token that was being chosen may still come
    assert lens._writing == {"on": False, "text": ""}
    assert lens.working == {}


def test_the_cancel_of_the_head_stops_in_the_same_way(gate: Gate) -> None:
    lens = show(cat(), model=gate.model)
    lens.write()
    gate.waited()
    lens._handle_custom_msg({"kind": "cancel", "what": "writing"}, [])
    gate.go_on.set()
    assert lens.wait(20)
    assert lens.answer.ended == "stopped"


def test_a_stop_before_the_first_word_leaves_the_answer_before() -> None:
    gate = next(gated(0))
    lens = show(cat(), model=gate.model)
    monkey = generation.write

    lens.write()
    gate.waited()
    lens._handle_custom_msg({"kind": "stop"}, [])
    gate.go_on.set()
    assert lens.wait(20)
    assert lens.answer.text.startswith("a")
    assert monkey is generation.write
    assert lens.errors == {}


def test_of_two_requests_the_newer_one_wins(gate: Gate) -> None:
    lens = show(cat(), model=gate.model)
    lens.write("first")
    gate.waited()
    lens.write("second")
    gate.go_on.set()
    assert lens.wait(20)
    assert lens.answer.prompt == "second"
    assert lens._writing["on"] is False


def test_another_token_is_taken_and_the_tree_grows(lens: AnswerLens) -> None:
    assert texts(lens)[:2] == ["a", "the"]  # what was written, and the stub of what was not
    dog = next(one["token"] for one in lens._view["alternatives"][1] if one["text"] == "dog")
    nodes = len(lens._tree["parent"])
    tell(lens, kind="take", step=1, token=dog)
    assert lens.errors == {}
    assert lens.answer.text == "a dog"
    assert lens.answer.provenance.parameters["start"] == [*write(writer(), start="a").tokens[:1], dog]
    assert len(lens._tree["parent"]) > nodes
    assert len(lens._tree["ends"]) == 2
    assert lens._tree["fate"][lens._tree["ends"][1]] == 1
    lens.node = lens._tree["ends"][0]
    assert lens.answer.text == "a cat"
    assert lens.answer.rank.tolist() == [1, 1, 1]  # the very answer that was written, not a copy of the path


def test_the_end_can_be_taken_too(lens: AnswerLens) -> None:
    tell(lens, kind="take", step=1, token=0)
    assert lens.errors == {}
    assert (lens.answer.text, lens.answer.ended, len(lens.answer)) == ("a", "end", 2)
    assert "likelihood(model, picture, 'What is it?', text=" in lens.code()


def test_a_step_that_is_not_there_is_said_beside_the_field(lens: AnswerLens) -> None:
    tell(lens, kind="take", step=9, token=1)
    assert lens.errors == {"ask": "There is no step 9; the answer has 3, from 0."}


def test_a_search_from_the_page_draws_its_tree(lens: AnswerLens) -> None:
    lens.width, lens.max_new_tokens = 3, 6
    tell(lens, kind="search")
    assert lens.errors == {}
    found = generation.search(writer(), None, width=3, max_new_tokens=6)
    assert lens._tree["total"] == pytest.approx(found.total.round(6).tolist())
    assert lens.answer.text == found.text(int(found.best()[0]))
    assert lens.node == int(found.best()[0])


def test_a_beam_streams_the_beginning_that_is_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    lens = show(cat(), model=writer())
    said: list[str] = []
    monkeypatch.setattr("widgets.answer.writing._STREAM_S", 0.0)
    lens.observe(lambda change: said.append(change["new"]["text"]), "_writing")
    lens.how, lens.width = "beam", 2
    lens.write()
    assert lens.wait(20)
    assert lens.answer.text == write(writer(), how=beam(2)).text
    assert "the cat" in said or "a cat" in said
    assert not any("a a" in text or "the the" in text for text in said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"temperature": 0.0}, "temperature=0.0 was given; expected a number above 0"),
        ({"top_p": 2.0}, "top_p=2.0 was given"),
        ({"top_k": 0}, "top_k=0 was given"),
    ],
)
def test_settings_that_cannot_be_are_said_beside_the_field(
    lens: AnswerLens, change: dict[str, Any], said: str
) -> None:
    lens.how = "sample"
    for name, value in change.items():
        setattr(lens, name, value)
    tell(lens, kind="write")
    assert said in lens.errors["ask"]
    assert lens.answer.text == "a cat"


def test_scores_that_are_no_numbers_are_said_and_the_answer_before_stays() -> None:
    lens = show(cat(), model=Changed(CATS, not_a_number(1)))
    tell(lens, kind="write")
    assert "no numbers" in lens.errors["ask"]
    assert isinstance(lens.last_error, UnsupportedError)
    assert lens.answer.text == "a cat"
    assert lens._writing["on"] is False


def test_without_its_model_it_says_what_to_do() -> None:
    model = writer()
    lens = show(cat(model))
    assert lens._view["refusal"] == ""
    del model
    lens._model = None
    gc.collect()
    for kind, at in (("write", "ask"), ("search", "ask"), ("measure", "bits")):
        tell(lens, kind=kind)
        assert "Load it again and pass it: show(answer, model=model)" in lens.errors[at]
    lens.map = "relevance"
    assert "no longer loaded" in lens.errors["map"]


def png(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (12, 8), colour).save(out, "PNG")
    return out.getvalue()


def test_a_dropped_picture_is_written_about_at_once(lens: AnswerLens) -> None:
    before = lens._picture
    tell(lens, [png((255, 0, 0))], kind="upload")
    assert lens.errors == {}
    np.testing.assert_array_equal(lens.answer.pictures[0][0, 0], [255, 0, 0])
    assert lens._picture != before


def test_a_file_that_is_no_picture_is_said_beside_the_field(lens: AnswerLens) -> None:
    tell(lens, [b"not a picture"], kind="upload")
    assert lens.errors["picture"]
    tell(lens, kind="path", path="  ")
    assert "The path is empty" in lens.errors["picture"]
    tell(lens, kind="path", path="/nowhere/at/all.png")
    assert "/nowhere/at/all.png" in lens.errors["picture"]
    assert lens.answer.text == "a cat"


def test_a_path_is_opened(lens: AnswerLens, tmp_path: Any) -> None:
    (tmp_path / "one.png").write_bytes(png((0, 0, 255)))
    tell(lens, kind="path", path=str(tmp_path / "one.png"))
    assert lens.errors == {}
    np.testing.assert_array_equal(lens.answer.pictures[0][0, 0], [0, 0, 255])


class Readable:
    """A writer whose attention can be read: what is read is made up, and every call is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.model = writer()
        self.model.capabilities = {**self.model.capabilities, "attend_answer": None}
        self.replayed: list[Any] = []
        self.explained: list[tuple[str, int]] = []
        self.pools: list[Any] = []
        monkeypatch.setattr(generation, "replay", self._replay, raising=False)
        monkeypatch.setattr(generation, "word_attention", lambda trace, answer: attention(answer, seed=trace))
        monkeypatch.setattr(generation, "explain_word", self._explain, raising=False)
        monkeypatch.setattr(generation, "rely", self._rely, raising=False)

    def _replay(self, _model: Any, _answer: Answer, *, pictures: Any = None, **_: Any) -> int:
        self.replayed.append(pictures)
        return 0 if pictures is None else 1

    def _explain(self, _model: Any, _answer: Answer, step: int, *, method: str, **_: Any) -> Any:
        if method == "occlusion":
            raise UnsupportedError("occlusion cannot be done here, for the sake of this test.")
        self.explained.append((method, step))
        return heatmap(method, step)

    def _rely(self, _model: Any, answer: Answer, *, pictures: Any, **_: Any) -> Any:
        self.pools.append(pictures)
        return reliance(answer)


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch) -> Readable:
    return Readable(monkeypatch)


def test_attention_is_read_by_itself_and_anew_for_another_answer(readable: Readable) -> None:
    lens = show(cat(), model=readable.model)
    assert lens.wait(20)
    assert lens.attention is not None
    assert lens._view["maps"]["grid"] == [2, 3]
    first = lens._maps
    assert len(first) > 0
    tell(lens, kind="take", step=0, token=int(writer().encode("the")[0]))
    assert len(readable.replayed) == 2
    assert lens._view["maps"]["steps"] == len(lens.answer)


def test_a_model_that_cannot_be_read_says_why(lens: AnswerLens) -> None:
    assert lens._view["unread"] == "Its attention cannot be read: it has no attention."
    assert lens.attention is None


def test_relevance_is_computed_for_the_word_that_is_looked_at_and_once(readable: Readable) -> None:
    lens = show(cat(), model=readable.model)
    lens.selected = [1]
    lens.map = "relevance"
    assert lens.wait(20)
    lens.selected = [2]
    assert lens.wait(20)
    lens.selected = [1]
    assert lens.wait(20)
    assert readable.explained == [("relevance", 1), ("relevance", 2)]
    assert lens._found["relevance 1"]["values"] == [-1, 0, 1, 2, 3, 4]


def test_a_map_that_cannot_be_made_is_said_beside_its_choice(readable: Readable) -> None:
    lens = show(cat(), model=readable.model)
    lens.map = "occlusion"
    assert lens.wait(20)
    assert lens.errors == {"map": "occlusion cannot be done here, for the sake of this test."}


def test_minus_reads_another_picture_of_the_pool_and_a_blurred_one_without(readable: Readable) -> None:
    model = readable.model
    pool = data.load("shapes", n=3)
    answer = write(model, pool[0], "What?")
    for given, wanted in ((pool, pool[1].picture), (None, None)):
        readable.replayed.clear()
        lens = show(answer, model=model, pool=given, attention=attention(answer))
        lens.map = "minus"
        assert lens.wait(20)
        (used,) = readable.replayed[-1]
        own = pool[0].picture.convert("RGB")
        if wanted is None:
            assert used.size == own.size
            assert np.asarray(used).std() < np.asarray(own).std()
        else:
            assert used.tobytes() == wanted.convert("RGB").tobytes()
        assert lens._view["other"]["steps"] == len(answer)


def test_what_it_rests_on_is_measured_on_the_pool(readable: Readable) -> None:
    pool = data.load("shapes", n=3)
    lens = show(cat(), model=readable.model, pool=pool)
    tell(lens, kind="measure")
    assert lens.reliance is not None
    assert [one.tobytes() for one in readable.pools[0]] == [
        one.picture.convert("RGB").tobytes() for one in pool
    ]
    assert lens._view["bits"]["parts"] == ["others", "history"]
    tell(lens, kind="write")
    assert lens.reliance is None  # measured for the answer before
    assert lens._view["bits"] is None
