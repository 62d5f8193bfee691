"""What is written is what the table says, drawn as often as it says, and told while it is written."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pytest
import torch
from fakes import FakeEncoder
from PIL import Image
from scipy.stats import binomtest

from tests.workbench.generation.tables import (
    CATS,
    Changed,
    enumerated,
    forbid,
    not_a_number,
    random_table,
    waiting,
)
from workbench import data
from workbench.errors import BadCallError, BadInputError, UnsupportedError
from workbench.generation import (
    Answer,
    Bigrams,
    How,
    likelihood,
    open_answer,
    sample,
    write,
)

GREY = Image.fromarray(np.full((6, 9, 3), 128, np.uint8))


def test_greedy_takes_the_likeliest_at_every_step_and_the_first_of_equals():
    model = random_table(0, words=6)
    answer = write(model, max_new_tokens=12)
    last = 0
    for token in answer.tokens:
        assert token == model.shares[last].argmax()
        last = token
    equal = Bigrams({"": {"a": 1, "b": 1}, "a": {"": 1}, "b": {"": 1}})
    assert write(equal).text == "a" and write(equal).rank.tolist() == [1, 1]


@pytest.mark.parametrize("how", [How(), sample(seed=3)])
@pytest.mark.parametrize("most", [1, 40])
def test_the_numbers_beside_a_token_are_those_of_the_distribution_it_was_chosen_from(how, most):
    model = random_table(9, words=5)
    model.ends = frozenset()  # 40 tokens, whatever they are: more than are read at once
    answer = write(model, how=how, max_new_tokens=most, alternatives=3)
    shares = model.shares[[0, *answer.tokens[:-1]]]
    chosen = shares[np.arange(most), answer.tokens]
    np.testing.assert_allclose(answer.logp, np.log(chosen), atol=1e-6)
    np.testing.assert_allclose(answer.entropy, -(shares * np.log(shares)).sum(axis=1), atol=1e-6)
    assert np.array_equal(answer.rank, 1 + (shares > chosen[:, None]).sum(axis=1))
    order = np.argsort(-shares, axis=1, kind="stable")[:, :3]
    assert np.array_equal(answer.alternatives, order)
    np.testing.assert_allclose(
        np.exp(answer.alternative_logp), np.take_along_axis(shares, order, 1), atol=1e-6
    )
    for step, row in enumerate(answer.alternatives):
        told = tuple(model.decode([*answer.tokens[:step], token])[-1] for token in row)
        assert answer.alternative_pieces[step] == told
    assert answer.logp.dtype == np.float64 and answer.alternatives.shape == (most, 3)


def test_a_sampled_answer_comes_as_often_as_it_is_likely():
    model, times = Bigrams(CATS), 400
    answers = enumerated(model, 4)
    drawn = [tuple(write(model, how=sample(seed=seed), max_new_tokens=4).tokens) for seed in range(times)]
    assert set(drawn) <= set(answers)
    for tokens, total in answers.items():
        assert binomtest(drawn.count(tokens), times, np.exp(total)).pvalue > 1e-3, tokens


def test_what_is_cut_off_is_never_drawn_and_the_rest_as_often_as_its_share():
    row = {"a": 0.5, "b": 0.3, "c": 0.2}  # whatever came before, so that one answer holds many draws
    model, times = Bigrams({"": row, "a": row, "b": row, "c": row}), 1500
    sharp = {"a": 25 / 38, "b": 9 / 38, "c": 4 / 38}  # squares
    for how, shares in (
        (sample(top_k=2), {"a": 5 / 8, "b": 3 / 8, "c": 0}),
        (sample(temperature=0.5, seed=1), sharp),
        (sample(top_p=0.7), {"a": 5 / 8, "b": 3 / 8, "c": 0}),
        (sample(temperature=0.5, top_k=2, seed=2), {"a": 25 / 34, "b": 9 / 34, "c": 0}),
    ):
        drawn = write(model, how=how, max_new_tokens=times, alternatives=0).text.split()
        for word, share in shares.items():
            assert binomtest(drawn.count(word), times, share).pvalue > 1e-3, (how, word)


def test_the_same_seed_gives_the_same_answer_whatever_torch_and_numpy_drew():
    model = random_table(1, words=6)
    first = write(model, how=sample(seed=5), max_new_tokens=30)
    torch.manual_seed(123)
    np.random.seed(7)
    state, numpys = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    again = write(model, how=sample(seed=5), max_new_tokens=30)
    assert np.array_equal(first.tokens, again.tokens)
    assert torch.equal(state, torch.random.get_rng_state())
    assert np.array_equal(numpys, np.random.get_state()[1])
    others = [write(model, how=sample(seed=seed), max_new_tokens=30).tokens.tolist() for seed in range(6, 12)]
    assert any(other != first.tokens.tolist() for other in others)
    assert again.provenance.seed == 5 and write(model).provenance.seed is None


# Going on from a beginning --------------------------------------------------------------------


@pytest.mark.parametrize("how", [How(), sample(seed=4)])
def test_from_its_own_beginning_an_answer_is_written_again(how):
    model = random_table(6, words=6)
    model.ends = frozenset()
    whole = write(model, how=how, max_new_tokens=10)
    again = write(model, how=how, max_new_tokens=10, start=whole.tokens[:4])
    assert np.array_equal(again.tokens, whole.tokens)
    for name in ("logp", "entropy", "alternative_logp"):
        np.testing.assert_allclose(getattr(again, name), getattr(whole, name), atol=1e-9)
    assert np.array_equal(again.rank, whole.rank) and again.pieces == whole.pieces


def test_another_beginning_leads_elsewhere_and_says_what_it_cost():
    model = Bigrams(CATS)
    answer = write(model, start="the")
    assert answer.text == "the cat" and answer.rank.tolist() == [2, 1, 1]
    assert answer.logp[0] == pytest.approx(np.log(0.4), abs=1e-6)
    assert list(answer.provenance.parameters["start"]) == list(model.encode("the"))


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ([0], "there is nothing left to write"),
        ([1, 2, 1], "start has 3 tokens, and the answer may have 3"),
        ([-1], "numbered from 0"),
        ("a bird", "'bird' is no word"),
        (4, "expected a text, or tokens"),
        (["a"], "expected a text, or tokens"),
    ],
)
def test_a_beginning_that_cannot_be_is_refused(start, said):
    with pytest.raises(BadInputError, match=said):
        write(Bigrams(CATS), start=start, max_new_tokens=3)


# While it is written --------------------------------------------------------------------------


@pytest.mark.parametrize("start", [(), "a"])
def test_events_joined_are_the_text(start):
    events = []
    answer = write(Bigrams(CATS), start=start, on_event=events.append)
    assert "".join(event.message for event in events) == answer.text == "a cat"
    assert [event.done for event in events] == [1, 2, 3]
    assert {(event.stage, event.total) for event in events} == {("write", 64)}


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_stop_gives_what_is_written_by_then(after):
    seen = []
    answer = write(Bigrams(CATS), on_event=seen.append, should_stop=lambda: len(seen) == after)
    assert answer.text == "a cat"[: after + 4 * (after == 2)] and len(answer) == after
    assert answer.ended == "stopped" and "stopped" in answer.notes[-1]
    assert answer.alternatives.shape[0] == after and answer._repr_html_() and repr(answer)
    begun = write(Bigrams(CATS), start="the", should_stop=lambda: True)
    assert begun.text == "the" and begun.rank.tolist() == [2]


def test_two_requests_at_once_give_what_each_gives_alone():
    table = {word: dict(row) for word, row in CATS.items()}
    alone = [
        write(Bigrams(CATS), how=sample(seed=seed), start=start) for seed, start in ((1, ()), (2, "the"))
    ]
    steps = min(len(one) - len(one.provenance.parameters.get("start", ())) for one in alone)
    shared = Changed(table, waiting(threading.Barrier(2)))
    found, problems = [None, None], []

    def ask(place: int, seed: int, start: str) -> None:
        try:
            most = steps + (1 if start else 0)
            found[place] = write(shared, how=sample(seed=seed), start=start, max_new_tokens=most)
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=ask, args=args) for args in ((0, 1, ""), (1, 2, "the"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    for one, mine in zip(alone, found, strict=True):
        assert np.array_equal(one.tokens[: len(mine)], mine.tokens)
        assert np.array_equal(one.logp[: len(mine)], mine.logp)


# How it is over -------------------------------------------------------------------------------


def test_an_answer_that_ends_before_its_first_word_says_so():
    answer = write(Bigrams({"": {"": 0.9, "a": 0.1}, "a": {"": 1}}))
    assert (answer.text, answer.ended, len(answer), answer.words) == ("", "end", 1, ((0, 1),))
    assert answer.notes == ("It is empty: the model ended it before the first word.",)
    assert "⏹" in answer._repr_html_()


def test_an_answer_that_reaches_its_length_says_so():
    answer = write(Bigrams(CATS), max_new_tokens=2)
    assert (answer.text, answer.ended) == ("a cat", "length")
    assert answer.notes == ("It was cut after 2 tokens: max_new_tokens=2.",)
    exact = write(Bigrams(CATS), max_new_tokens=3)
    assert exact.ended == "end" and not exact.notes


def test_a_full_context_cuts_the_answer_and_says_so_and_one_that_is_full_already_is_refused():
    answer = write(Bigrams(CATS, context_length=2))
    assert (answer.text, answer.ended) == ("a cat", "length")
    assert "the context of bigrams, 3 positions, is full" in answer.notes[0]
    with pytest.raises(BadInputError, match="no room for a word"):
        write(Bigrams(CATS, context_length=0))


@pytest.mark.parametrize("how", [How(), sample()])
@pytest.mark.parametrize(("precision", "said"), [("float32", "damaged"), ("bfloat16", "dtype='float32'")])
def test_scores_that_are_no_numbers_are_refused_with_the_step_and_what_to_do(how, precision, said):
    model = Changed(CATS, not_a_number(1))
    model.precision = precision
    with pytest.raises(UnsupportedError, match="token 1 of its answer") as refused:
        write(model, how=how)
    assert said in str(refused.value)


@pytest.mark.parametrize("how", [How(), sample(seed=1)])
def test_a_rule_chooses_and_the_numbers_stay_the_models_own(how):
    model = Changed(CATS, rule=forbid(Bigrams(CATS).encode("a")[0]))
    answer = write(model, how=how)
    assert answer.pieces[0] == "the" and answer.rank[0] == 2
    assert answer.logp[0] == pytest.approx(np.log(0.4), abs=1e-6)


# What it is asked -----------------------------------------------------------------------------


def test_pictures_in_any_form_and_the_prompt_are_kept_with_the_answer():
    model = Bigrams(CATS)
    for given in (GREY, np.asarray(GREY), data.from_pictures([GREY])[0], [GREY]):
        answer = write(model, given, "what is it?")
        assert [one.shape for one in answer.pictures] == [(6, 9, 3)] and answer.prompt == "what is it?"
        assert answer.model is model and answer.question.prompt == "what is it?"
        assert not answer.pictures[0].flags.writeable
    several = write(model, [GREY, np.asarray(GREY)])
    assert len(several.pictures) == 2
    keys = {write(model, GREY, "what is it?").provenance.data, answer.provenance.data}
    assert len(keys) == 1 and several.provenance.data not in keys
    emoji = data.load("emoji")[0]
    assert write(model, emoji).credit == emoji.credit != ""


def test_a_data_set_is_not_one_question():
    with pytest.raises(BadInputError, match="one answer is written at a time"):
        write(Bigrams(CATS), data.from_pictures([GREY, GREY]))


@pytest.mark.parametrize("model", ["emoji-clip", FakeEncoder()])
def test_a_model_that_embeds_writes_nothing_and_is_told_so(model):
    with pytest.raises(UnsupportedError, match="compares pictures with texts and writes none"):
        write(model, GREY)


def test_what_is_no_model_is_refused_in_the_words_of_the_other_rooms():
    with pytest.raises(BadInputError, match="A NoneType was given where a model that writes belongs"):
        write(None)


def test_a_model_that_cannot_write_or_see_gives_its_reason():
    blind = Bigrams(CATS)
    blind.capabilities = {**Bigrams.capabilities, "see": "it reads texts alone"}
    assert write(blind).text == "a cat"
    with pytest.raises(UnsupportedError, match="takes no picture: it reads texts alone"):
        write(blind, GREY)
    blind.capabilities = {**Bigrams.capabilities, "write": "its head is missing"}
    with pytest.raises(UnsupportedError, match="cannot write: its head is missing"):
        write(blind)


@pytest.mark.parametrize("most", [0, -1, 1.5, True, None])
def test_a_length_that_cannot_be_is_refused(most):
    with pytest.raises(BadInputError, match="max_new_tokens"):
        write(Bigrams(CATS), max_new_tokens=most)


def test_options_of_transformers_are_answered_with_ours():
    for option, said in (
        ("max_length", "max_new_tokens"),
        ("do_sample", "how=sample"),
        ("num_beams", "beam"),
    ):
        with pytest.raises(BadCallError, match=said):
            write(Bigrams(CATS), **{option: 3})
    with pytest.raises(BadInputError, match="how"):
        write(Bigrams(CATS), how="greedy")
    with pytest.raises(BadInputError, match="given"):
        write(Bigrams(CATS), how=How("given"))
    with pytest.raises(BadInputError, match="alternatives"):
        write(Bigrams(CATS), alternatives=-1)
    assert write(Bigrams(CATS), alternatives=0).alternatives.shape == (3, 0)


# What is kept ---------------------------------------------------------------------------------


def test_an_answer_is_kept_and_opened(tmp_path):
    model = Bigrams(CATS)
    answer = write(model, GREY, "<b>what?</b>", how=sample(0.9, 4, 0.95, 1))
    again = open_answer(answer.save(tmp_path / "answer"), model=model)
    assert isinstance(again, Answer) and again.how == answer.how and again.words == answer.words
    for name in ("tokens", "logp", "entropy", "rank", "alternatives", "alternative_logp", "roles"):
        assert np.array_equal(getattr(again, name), getattr(answer, name)), name
    assert again.alternative_pieces == answer.alternative_pieces and again.model is model
    assert np.array_equal(again.pictures[0], answer.pictures[0]) and again.question is None
    assert pickle.loads(pickle.dumps(answer)).text == answer.text
    with pytest.raises(BadInputError, match="other model"):
        open_answer(tmp_path / "answer", model=random_table(0))


def test_what_is_shown_is_escaped():
    model = Bigrams({"": {"<script>": 1}, "<script>": {"": 1}})
    shown = write(model, prompt="<b>&")._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "&lt;b&gt;&amp;" in shown


# A text that is given -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihoods_of_all_answers_are_those_counted_out(seed):
    model = random_table(seed)
    answers = {tokens: total for tokens, total in enumerated(model, 4).items() if tokens[-1] == 0}
    said = likelihood(model, text=[" ".join(model.words[token] for token in one[:-1]) for one in answers])
    np.testing.assert_allclose([one.total for one in said], list(answers.values()), atol=1e-5)
    assert {one.ended for one in said} == {"end"} and said[0].how == How("given")


def test_a_likelihood_is_that_of_the_written_answer_number_for_number():
    model = random_table(2, words=5)
    written = write(model, how=sample(seed=8))
    said = likelihood(model, text=written.tokens)
    for name in ("tokens", "rank", "alternatives"):
        assert np.array_equal(getattr(said, name), getattr(written, name)), name
    np.testing.assert_allclose(said.logp, written.logp, atol=1e-9)
    assert said.provenance.verb == "likelihood" and said.notes == ()


def test_a_beginning_is_weighed_without_its_end():
    model = Bigrams(CATS)
    assert likelihood(model, text="a cat", ending=False).total == pytest.approx(np.log(0.3), abs=1e-6)
    assert likelihood(model, text="a cat").total == pytest.approx(np.log(0.3 * 0.8), abs=1e-6)
    assert likelihood(model, text="").tokens.tolist() == [0]
    with pytest.raises(BadInputError, match="nothing to weigh"):
        likelihood(model, text="", ending=False)
    with pytest.raises(BadInputError, match="leaves room for 2"):
        likelihood(Bigrams(CATS, context_length=2), text="a cat")


def test_of_several_end_marks_the_likeliest_is_taken():
    model = Bigrams({"": {"a": 1}, "a": {"stop": 0.7, "": 0.3}, "stop": {"": 1}})
    model.ends = frozenset({0, model.encode("stop")[0]})
    assert likelihood(model, text="a").total == pytest.approx(np.log(0.7), abs=1e-6)
    model.ends = frozenset()
    with pytest.raises(UnsupportedError, match="no token that ends an answer"):
        likelihood(model, text="a")


# The table itself -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table", [{"": {"a": 1}}, {"": {}}, {"": {"a": -1, "b": 2}, "a": {"": 1}, "b": {"": 1}}]
)
def test_a_word_that_nothing_follows_is_refused(table):
    with pytest.raises(BadInputError, match="expected shares"):
        Bigrams(table)
