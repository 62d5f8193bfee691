"""Bits that words hang on, against a model whose probabilities are a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student

from tests.table_writer import BLUE, COLOURS, GREEN, RED, SEEN, SHAPES, TableWriter, picture, written
from workbench.data import from_pictures
from workbench.errors import BadInputError, Cancelled, UnknownNameError, UnsupportedError
from workbench.generation import WITHOUT, Reliance, open_reliance, rely
from workbench.results import Event

OTHERS = [picture(BLUE), picture(GREEN), picture(RED)]


def test_each_part_takes_the_bits_that_the_table_says() -> None:
    writer = TableWriter()
    answer = written(writer)
    found = rely(writer, answer, pictures=OTHERS, count=40)
    assert found.parts == WITHOUT and found.count == (2, 1, 1, 1, 40)
    colour = np.log2(0.8 / 0.1)
    np.testing.assert_allclose(found.of("others"), [0, colour, 0, 0], atol=1e-6)
    # A blurred picture of one colour is the same picture; the mean of one colour too.
    np.testing.assert_allclose(found.of("blur"), 0, atol=1e-6)
    np.testing.assert_allclose(found.of("mean"), 0, atol=1e-6)
    np.testing.assert_allclose(found.of("instruction"), [np.log2(0.25 / 0.99), 0, 0, 0], atol=1e-6)
    # "blue" and "green" are as likely in the place of "red": the mean lies between what each of them takes.
    history = found.of("history")
    np.testing.assert_allclose(history[[0, 1, 3]], 0, atol=1e-6)
    taken = {said: np.log2(0.9 / SHAPES[said][0]) for said in (BLUE, GREEN)}
    assert taken[GREEN] < history[2] < taken[BLUE]


def test_the_other_pictures_may_be_pairs() -> None:
    writer = TableWriter()
    answer, pairs = written(writer), from_pictures(OTHERS)
    expected = rely(writer, answer, without="others", pictures=OTHERS).bits
    for pool in (pairs, [pairs[0], pairs[1]]):
        np.testing.assert_array_equal(rely(writer, answer, without="others", pictures=pool).bits, expected)


def test_pictures_that_differ_give_the_mean_and_its_interval() -> None:
    writer = TableWriter()
    answer = written(writer)
    grey = picture(BLUE).point(lambda _: 90)  # of no known colour: each is said with a third
    found = rely(writer, answer, without="others", pictures=[*OTHERS, grey], count=8)
    each = np.log2(0.8 / np.array([0.1, 0.1, 1 / 3]))
    half = student.ppf(0.975, 2) * each.std(ddof=1) / np.sqrt(3)
    assert found.count == (3,)
    np.testing.assert_allclose(found.bits[0, 1], each.mean(), atol=1e-6)
    np.testing.assert_allclose(found.low[0, 1], each.mean() - half, atol=1e-6)
    np.testing.assert_allclose(found.high[0, 1], each.mean() + half, atol=1e-6)
    one = rely(writer, answer, without="blur")
    assert np.isnan(one.low).all() and np.isnan(one.high).all()


def test_the_bits_of_words_follow_their_surprisal_and_a_shuffled_oracle_does_not() -> None:
    """What a word can lose is what it says about the picture: of many answers, beside the words shuffled."""
    writer, found, oracle = TableWriter(), [], []
    for colour in COLOURS:
        for said in COLOURS:
            answer = written(writer, colour, said)
            pool = [picture(one) for one in COLOURS if one != colour]
            found.append(rely(writer, answer, without="others", pictures=pool).bits[0])
            share = [np.log2(SEEN[colour][said] / SEEN[one][said]) for one in COLOURS if one != colour]
            oracle.append([0, np.mean(share), 0, 0])
    np.testing.assert_allclose(found, oracle, atol=1e-6)
    shuffled = np.random.default_rng(0).permuted(np.array(oracle), axis=1)
    assert np.corrcoef(np.ravel(found), np.ravel(shuffled))[0, 1] < 0.7
    assert np.corrcoef(np.ravel(found), np.ravel(oracle))[0, 1] > 0.999999


def test_a_history_is_exchanged_at_its_place_and_by_its_probability() -> None:
    writer = TableWriter()
    answer = written(writer, BLUE, RED)  # of a blue picture "red" was said, and "blue" is eight times "green"
    many = rely(writer, answer, without="history", count=400, seed=3).of("history")[2]
    taken = {said: np.log2(0.9 / SHAPES[said][0]) for said in (BLUE, GREEN)}
    expected = (0.8 * taken[BLUE] + 0.1 * taken[GREEN]) / 0.9
    assert abs(many - expected) < 4 * np.sqrt(0.8 * 0.1 / 0.81 / 400) * (taken[BLUE] - taken[GREEN])
    again = rely(writer, answer, without="history", count=400, seed=3).of("history")[2]
    assert again == many != rely(writer, answer, without="history", count=400, seed=4).of("history")[2]


def test_what_cannot_be_taken_away_is_said_and_alone_it_is_refused() -> None:
    writer = TableWriter()
    answer = written(writer, prompt="")
    found = rely(writer, answer)
    assert found.parts == ("blur", "mean", "history")
    told = " ".join(found.notes)
    assert "does not say which set its picture is of" in told and "without an instruction" in told
    with pytest.raises(UnknownNameError, match="say what could not be taken away"):
        found.of("others")
    with pytest.raises(BadInputError, match=r"Give some of its kind: rely\(model, answer, pictures"):
        rely(writer, answer, without="others")
    with pytest.raises(BadInputError, match="not 1 other than the answer's own"):
        rely(writer, answer, without="others", pictures=[picture(RED)])
    with pytest.raises(UnknownNameError, match="there are others, blur, mean, instruction, history"):
        rely(writer, answer, without="blurred")
    with pytest.raises(BadInputError, match="count=0"):
        rely(writer, answer, count=0)


def test_other_weights_are_refused() -> None:
    writer = TableWriter()
    answer = written(writer)
    object.__setattr__(answer, "logp", answer.logp + np.array([0, 2e-4, 0, 0]))
    with pytest.raises(UnsupportedError, match=r"step 1 \(' red'\).* instead of .*write the answer again"):
        rely(writer, answer)


def test_a_stop_gives_what_is_done() -> None:
    writer, events = TableWriter(), list[Event]()
    answer = written(writer)
    found = rely(writer, answer, pictures=OTHERS, count=2, on_event=events.append,
                 should_stop=lambda: len(events) > 3)  # fmt: skip
    assert found.parts == ("others", "blur") and found.count == (2, 1)
    assert any("Stopped after 3 of 7 exchanges" in note for note in found.notes)
    with pytest.raises(Cancelled):
        rely(writer, answer, should_stop=lambda: True)


def test_it_saves_and_opens_and_adds_up_words(tmp_path: Path) -> None:
    writer = TableWriter()
    found = rely(writer, written(writer), pictures=OTHERS)
    again = open_reliance(found.save(tmp_path / "kept"))
    assert isinstance(again, Reliance) and again.answer.text == "a red circle"
    np.testing.assert_array_equal(again.bits, found.bits)
    np.testing.assert_allclose(again.of_words()[0], [0, 3, 0], atol=1e-6)
    assert again.notes == found.notes and "without others" in again._repr_html_()


def test_of_an_opened_answer_the_question_is_asked_anew() -> None:
    writer = TableWriter()
    answer = written(writer)
    object.__setattr__(answer, "question", None)
    np.testing.assert_allclose(rely(writer, answer, pictures=OTHERS).of("others")[1], 3, atol=1e-6)
