"""The answer lens without a browser: what is looked at, what is sent, what is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.widgets.answer_parts import GRID, PICTURE, attention, cat, heatmap, reliance, writer
from widgets import AnswerLens, show
from widgets.answer.answer_view import MOST, bits_view, pack, unpack
from widgets.answer.reading import Shown, row_words, shown_map
from widgets.wire import MESSAGE_LIMIT_MB
from workbench.errors import BadInputError
from workbench.generation import Answer, WordAttention, search


@pytest.fixture
def answer() -> Answer:
    return cat()


@pytest.fixture
def lens(answer: Answer) -> AnswerLens:
    return show(answer, attention=attention(answer), other=attention(answer, seed=1))


def large(layers: int, steps: int, rows: int, cols: int) -> WordAttention:
    maps = np.random.default_rng(0).random((layers, steps, rows, cols), dtype=np.float32).astype(np.float16)
    shares = np.full((layers, steps, 4), 0.25)
    names = tuple(f"joint.{layer}" for layer in range(layers))
    return WordAttention(names, maps, shares, np.full((steps, 4), 0.25))


def test_every_word_has_its_steps_and_an_end_has_a_name(lens: AnswerLens) -> None:
    view = lens._view
    assert view["texts"] == ["a", "cat", "(end)"]
    assert view["words"] == [[0, 1], [1, 2], [2, 3]]
    assert view["prompt"] == lens.prompt == "What is it?"
    assert lens.selected == [0]
    np.testing.assert_allclose(np.exp(view["logp"]), [0.6, 0.5, 0.8])
    assert [one["text"] for one in view["alternatives"][1]][:2] == ["cat", "dog"]
    assert {one["text"] for one in view["alternatives"][2]} >= {"(end)", "and"}
    assert lens._tree["label"].count("(end)") >= 1


def test_maps_come_back_from_bytes_as_finely_as_a_screen_shows_them(answer: Answer) -> None:
    given = attention(answer, layers=3)
    packed = pack(given)
    exact = np.asarray(given.maps, float)
    top = exact.max(axis=(2, 3), keepdims=True)
    step = (np.sqrt(exact / top) + 1 / 510) / 255 * top  # half a code, twice its root
    assert (np.abs(unpack(packed) - exact) <= step + 1e-9).all()
    np.testing.assert_allclose(unpack(packed).max(axis=(2, 3)), top[:, :, 0, 0], rtol=1e-6)
    shares = np.frombuffer(packed.content, "<f4", 36, offset=4 * 9).reshape(3, 3, 4)
    np.testing.assert_allclose(shares, given.shares)


@pytest.mark.parametrize(("side", "layers"), [(24, 28), (34, 28), (50, 28)])
def test_a_hundred_tokens_of_28_layers_fit_into_one_message(side: int, layers: int) -> None:
    packed = pack(large(28, 100, side, side))
    assert len(packed.content) <= MESSAGE_LIMIT_MB * 1e6
    assert packed.count == layers
    assert packed.layers[-1] == 27  # of too many the last one stays
    assert (len(packed.layers) == 28) == (28 * 100 * side**2 <= MOST)


def test_one_layer_that_is_too_large_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"One layer of this attention has 9 MB.*Write fewer tokens"):
        pack(large(1, 9, 1000, 1000))


def test_the_map_is_that_of_the_row_before_and_the_switch_moves_it_one_on(answer: Answer) -> None:
    found = attention(answer)
    maps = np.asarray(found.maps, float)
    shown = Shown(answer, found, attention(answer, seed=1), selected=(1,))
    np.testing.assert_allclose(shown_map(shown), maps[:, 1].mean(axis=0))
    assert row_words(shown) == "Read at the row that produces “cat”: that of “a”, one before it."
    after = replace(shown, row="reading", layer=1)
    np.testing.assert_allclose(shown_map(after), maps[1, 2])
    assert "which reads “cat”" in row_words(after)
    last = replace(shown, row="reading", selected=(2,))
    assert shown_map(last) is None
    assert row_words(last) == "No row reads “(end)”: it is the last."
    np.testing.assert_allclose(shown_map(replace(shown, selected=(0, 1))), maps[:, :2].mean(axis=(0, 1)))
    less = replace(shown, map="minus")
    np.testing.assert_allclose(
        shown_map(less), maps[:, 1].mean(0) - shown.other.maps[:, 1].mean(0, dtype=float), atol=1e-3
    )
    explained = replace(shown, map="relevance", heatmaps={("relevance", 1): heatmap("relevance", 1)})
    np.testing.assert_allclose(shown_map(explained), heatmap("relevance", 1).image)
    assert shown_map(replace(explained, map="occlusion")) is None


def test_what_does_not_fit_is_said_and_what_was_looked_at_stays(lens: AnswerLens) -> None:
    for name, value, said in (
        ("selected", [7], "step 7; the answer has steps 0 to 2"),
        ("selected", [], "no step"),
        ("patch", 6, "There is no patch 6; the map has 0 to 5"),
        ("layer", 2, "There is no layer 2; there are 2"),
        ("node", 99, "There is no node 99"),
    ):
        before = getattr(lens, name)
        setattr(lens, name, value)
        assert said in lens.errors[""], name
        assert getattr(lens, name) == before
        setattr(lens, name, before)
    lens.selected = [1]
    assert lens.errors == {}
    assert lens.word == "cat"


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"selected": [9]}, "step 9"),
        ({"patches": [1]}, "no 'patches'; it has selected, patch"),
        ({"layer": 5}, "no layer 5"),
    ],
)
def test_choices_that_cannot_be_are_refused(answer: Answer, choices: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        show(answer, attention=attention(answer), **choices)


def test_attention_and_reliance_of_another_answer_are_refused(answer: Answer) -> None:
    longer = search(writer(), PICTURE, width=1, max_new_tokens=2)
    other = longer.answer(int(longer.answers[0]))
    with pytest.raises(BadInputError, match=r"attention is of 2 tokens; the answer has 3"):
        show(answer, attention=attention(other))
    with pytest.raises(BadInputError, match=r"shape \(2, 2\); expected \(2, 3\)"):
        show(answer, reliance=reliance(other))


def test_an_empty_answer_has_no_word_to_look_at(answer: Answer) -> None:
    none = np.zeros(0)
    empty = Answer("", (), none, none, none, none, np.zeros((0, 1)), np.zeros((0, 1)), ())
    with pytest.raises(BadInputError, match="The answer is empty"):
        show(empty)


def test_bars_are_the_bits_of_the_part_that_is_asked_for(answer: Answer) -> None:
    view = bits_view(reliance(answer), len(answer))
    assert view is not None
    assert view["parts"] == ["others", "history"]
    assert view["bits"][0] == [-0.5, 0.5, 1.5]
    assert view["low"][1] == [0.75, 0.75, 0.75]
    unknown = reliance(answer)
    unbounded = replace(unknown, bits=np.full((2, 3), np.inf), low=np.full((2, 3), np.nan))
    view = bits_view(unbounded, 3)
    assert view is not None
    assert json.dumps(view, allow_nan=False)
    assert view["bits"][0] == [None] * 3


def test_notes_of_what_was_read_and_measured_are_on_the_screen(answer: Answer) -> None:
    lens = show(answer, attention=attention(answer), reliance=reliance(answer))
    assert lens._view["evidence"] == ["a note on the attention", "a note on bits"]
    assert json.dumps([lens._view, lens._tree, lens._found], allow_nan=False)


def test_a_search_is_shown_with_its_best_answer_and_a_node_is_one_more(answer: Answer) -> None:
    beams = search(writer(), PICTURE, "What is it?", width=3, max_new_tokens=6)
    best, other = (int(node) for node in beams.best()[:2])
    lens = show(beams, truths={best: True, other: False})
    assert lens.page == "beam"
    assert lens.answer.text == beams.text(best)
    assert lens.node == best
    assert lens._tree["ends"] == [int(node) for node in beams.answers]
    assert [lens._tree["truth"][node] for node in (best, other)] == [True, False]
    np.testing.assert_allclose(lens._tree["total"], beams.total, atol=1e-6)
    lens.node = other
    assert lens.answer.text == beams.text(other)
    np.testing.assert_allclose(lens.answer.logp, beams.answer(other).logp)
    lens.node = 0
    assert lens.answer.ended == "stopped"
    assert lens.selected == [0]


def test_a_tree_that_was_made_by_hand_gives_answers_too(answer: Answer) -> None:
    beams = search(writer(), PICTURE, width=2, max_new_tokens=4)
    unknown, none = np.zeros(0), np.zeros((0, 0))
    bare = replace(beams, entropy=unknown, rank=unknown, alternatives=none, alternative_logp=none)
    lens = show(bare)
    full = beams.answer(int(beams.best()[0]))
    assert lens.answer.text == full.text
    np.testing.assert_allclose(lens.answer.logp, full.logp)
    assert lens.answer.rank[0] == full.rank[0]
    assert lens._view["entropy"] == [None] * len(full)


def test_the_picture_is_the_one_that_the_model_sees(answer: Answer) -> None:
    seen = replace(attention(answer), picture=np.zeros((8, 12, 3), np.uint8))
    with_maps, without = show(answer, attention=seen), show(answer)
    assert with_maps._picture != without._picture
    assert len(without._picture) > 0
    assert len(show(replace(answer, pictures=()))._picture) == 0


def test_a_snapshot_holds_every_number_and_no_markup_of_a_user(answer: Answer, tmp_path: Path) -> None:
    hostile = replace(answer, prompt="<b>what?</b>", credit="<script>alert(1)</script>", notes=("<i>",))
    lens = show(
        hostile, attention=attention(answer), reliance=reliance(answer), selected=[1], part="history", layer=1
    )
    snapshot = lens.snapshot()
    for given in ("<b>what", "<script>", "<i>"):
        assert given not in snapshot.html
    assert "own earlier words are exchanged" in snapshot.html
    assert [row[0] for row in snapshot.table] == ["word", "a", "cat", "(end)"]
    assert snapshot.table[2][2] == "1.00"
    files = snapshot.save(tmp_path / "cat")
    with np.load(files[2]) as kept:
        np.testing.assert_allclose(kept["attention.maps"], lens.attention.maps)
        np.testing.assert_allclose(kept["reliance.bits"], lens.reliance.bits)
    assert "show(" in json.loads(files[3].read_text("utf-8"))["code"]


def test_a_picture_of_a_lens_changes_with_what_is_looked_at(lens: AnswerLens) -> None:
    before = lens.snapshot().png
    lens.selected = [1]
    assert lens.snapshot().png != before
    chosen = lens.snapshot().png
    lens.map = "minus"
    assert lens.snapshot().png != chosen


def test_copy_as_python_says_what_was_asked_and_what_is_looked_at(
    lens: AnswerLens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lens.selected, lens.layer, lens.map = [1], 0, "minus"
    code = lens.code()
    assert "write(model, picture, 'What is it?', how=greedy(), max_new_tokens=9)" in code
    assert "    selected=[1],\n    map='minus',\n    layer=0,\n" in code
    assert list((tmp_path / "pictures").glob("*.png"))
    space: dict[str, Any] = {}
    ready = code.replace("models.load('bigrams')", "writer()")
    exec(compile(ready, "copied", "exec"), {"writer": writer}, space)
    assert space["lens"].selected == [1]
    assert space["answer"].text == lens.answer.text


def test_copy_as_python_of_a_search_searches_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lens = show(search(writer(), PICTURE, "What?", width=3, length_penalty=0.5, max_new_tokens=6))
    lens.node = int(lens._tree["ends"][-1])
    code = lens.code()
    assert "search(model, picture, 'What?', width=3, length_penalty=0.5, max_new_tokens=6)" in code
    space: dict[str, Any] = {}
    exec(code.replace("models.load('bigrams')", "writer()"), {"writer": writer}, space)
    assert space["lens"].answer.text == lens.answer.text
    assert space["lens"].page == "beam"


def test_patches_are_counted_on_the_maps_grid(lens: AnswerLens) -> None:
    lens.patch = GRID[0] * GRID[1] - 1
    assert lens.errors == {}
