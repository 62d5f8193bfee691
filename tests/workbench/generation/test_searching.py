"""A search finds what counting out finds, and what it keeps of the tree is true."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.workbench.generation.tables import CATS, Changed, enumerated, forbid, not_a_number, random_table
from workbench.errors import BadInputError, UnsupportedError
from workbench.generation import FATES, Beams, Bigrams, How, open_beams, search, write
from workbench.generation import beam as beams_of

ALIVE, FINISHED, PRUNED = range(len(FATES))
PENALTIES = (-1.0, 0.0, 0.5, 1.0, 2.0)


def tokens_at(tree: Beams, node: int) -> tuple[int, ...]:
    return tuple(tree.token[tree.path(node)].tolist())


def judged(answers: dict[tuple[int, ...], float], penalty: float) -> dict[tuple[int, ...], float]:
    return {tokens: total / len(tokens) ** penalty for tokens, total in answers.items()}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_beam_as_wide_as_everything_finds_what_counting_out_finds(seed, most):
    model = random_table(seed)
    answers = enumerated(model, most)
    tree = search(model, width=4**most, max_new_tokens=most)
    found = {tokens_at(tree, node): tree.total[node] for node in tree.answers}
    assert set(found) == set(answers)
    np.testing.assert_allclose([found[one] for one in answers], list(answers.values()), atol=1e-5)
    for penalty in PENALTIES:
        wanted = judged(answers, penalty)  # paths of the same pairs of words are equals: their order is free
        ranked = [wanted[tokens_at(tree, node)] for node in tree.best(penalty)]
        np.testing.assert_allclose(ranked, sorted(wanted.values(), reverse=True), atol=1e-5)
        assert tree.settled(penalty)
    np.testing.assert_allclose(tree.mass, 1, atol=1e-6)
    assert (tree.fate != PRUNED).all() and tree.ended == "length"


def by_hand(model: Bigrams, width: int, most: int) -> list[dict[tuple[int, ...], float]]:
    """The beginnings that go on after each step, by the rule alone: the best `width` that do not end."""
    alive, steps = {(): 0.0}, []
    for _ in range(most):
        grown = {
            (*tokens, token): total + np.log(share)
            for tokens, total in alive.items()
            for token, share in enumerate(model.shares[tokens[-1] if tokens else 0])
            if token and share > 0
        }
        alive = dict(sorted(grown.items(), key=lambda one: -one[1])[:width])
        steps.append(alive)
    return steps


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_what_goes_on_are_the_best_that_do_not_end(width):
    model = random_table(7, words=6)
    tree = search(model, width=width, max_new_tokens=6, length_penalty=50.0)  # hopes for length to the end
    for step, alive in enumerate(by_hand(model, width, 6)):
        nodes = np.flatnonzero((tree.step == step) & (tree.fate == ALIVE))
        np.testing.assert_allclose(tree.total[nodes], list(alive.values()), atol=1e-5)
        assert all(tokens_at(tree, node) in alive for node in nodes)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_each_step_keeps_twice_the_width_and_tells_what_became_of_it(width):
    model = random_table(3, words=7)
    tree = search(model, width=width, max_new_tokens=8)
    for step in range(tree.step.max() + 1):
        nodes = np.flatnonzero(tree.step == step)
        assert len(nodes) == min(2 * width, len(nodes)) and (len(nodes) == 2 * width or step == 0)
        assert (np.diff(tree.total[nodes]) <= 0).all()
        ends = tree.token[nodes] == 0
        assert np.array_equal(np.flatnonzero(tree.fate[nodes] == FINISHED), np.flatnonzero(ends[:width]))
        assert np.array_equal(tree.fate[nodes] == ALIVE, ~ends & (np.cumsum(~ends) <= width))
        finished = (tree.fate == FINISHED) & (tree.step <= step)
        kept = (tree.fate == ALIVE) & (tree.step == step)
        assert tree.mass[step] == pytest.approx(np.exp(tree.total[finished | kept]).sum(), abs=1e-12)
    assert (tree.fate[tree.parent[tree.parent >= 0]] == ALIVE).all()
    assert (np.diff(tree.mass) < 1e-12).all() and tree.mass[0] < 1


def test_a_total_is_the_sum_of_its_path_and_each_part_the_models_own():
    model = random_table(5, words=5)
    tree = search(model, width=3, max_new_tokens=5)
    for node in range(len(tree.token)):
        path = tree.path(node)
        before = [0, *tree.token[path[:-1]]]
        own = np.log(model.shares[before, tree.token[path]])
        np.testing.assert_allclose(tree.logp[path], own, atol=1e-5)
        assert tree.total[node] == pytest.approx(tree.logp[path].sum(), abs=1e-12)
        shares = model.shares[before[-1]]
        assert tree.entropy[node] == pytest.approx(-(shares * np.log(shares)).sum(), abs=1e-5)
        assert tree.rank[node] == 1 + (shares > shares[tree.token[node]]).sum()
        assert np.array_equal(tree.alternatives[node], np.argsort(-shares, kind="stable"))


@pytest.mark.parametrize("seed", range(3))
def test_judged_anew_it_is_the_search_with_that_penalty_where_it_says_so(seed):
    model = random_table(seed, words=5)
    for first in PENALTIES:
        tree = search(model, width=3, length_penalty=first, max_new_tokens=7)
        for other in PENALTIES:
            again = search(model, width=3, length_penalty=other, max_new_tokens=7)
            if tree.settled(other):
                assert tokens_at(tree, tree.best(other)[0]) == tokens_at(again, again.best()[0])
            assert tree.settled(other) or other > first  # a smaller one is settled with the larger


def test_a_search_that_was_over_for_short_answers_says_that_long_ones_may_be_better():
    model = Bigrams({"": {"no": 0.5, "yes": 0.4, "a": 0.1}, "no": {"": 1}, "yes": {"": 1},
                     "a": {"a": 0.9, "": 0.1}})  # fmt: skip
    tree = search(model, width=3, max_new_tokens=60)
    assert tree.ended == "end" and tree.step.max() < 30
    assert tree.settled(0) and tree.settled(-1) and not tree.settled(2)
    assert len(tree.path(int(tree.best(2)[0]))) < 30
    assert len(search(model, width=3, max_new_tokens=60, length_penalty=2).best()) > 3


def test_penalty_above_zero_favours_the_long_and_turns_the_order():
    model = Bigrams({"": {"no": 0.5, "a": 0.5}, "no": {"": 1}, "a": {"dog": 0.9, "cat": 0.1}, "dog": {"": 1},
                     "cat": {"": 1}})  # fmt: skip
    tree = search(model, width=4, length_penalty=1.0)
    assert [tree.text(node) for node in tree.best(0.0)] == ["no", "a dog", "a cat"]
    assert [tree.text(node) for node in tree.best()] == ["a dog", "no", "a cat"]
    with pytest.raises(BadInputError):
        tree.best(np.inf)


def test_greedy_loses_where_a_beam_finds_the_better_path():
    model = Bigrams(CATS)
    assert write(model).text == "a cat"
    best = write(model, how=beams_of(2))
    assert best.text == "the cat" and best.ended == "end"
    assert best.total == pytest.approx(np.log(0.4 * 0.9 * 0.8), abs=1e-6)


@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize("most", [2, 6])
def test_the_written_answer_is_the_trees_best(width, most):
    model = random_table(11, words=6)
    tree = search(model, width=width, max_new_tokens=most)
    written = write(model, how=beams_of(width), max_new_tokens=most)
    path = tree.answer(int(tree.best()[0]))
    for name in ("tokens", "logp", "entropy", "rank", "alternatives", "alternative_logp"):
        assert np.array_equal(getattr(written, name), getattr(path, name)), name
    for name in ("text", "pieces", "words", "ended", "alternative_pieces", "how"):
        assert getattr(written, name) == getattr(path, name), name


def test_the_path_to_an_inner_node_is_an_answer_that_was_not_ended():
    tree = search(Bigrams(CATS), width=2)
    inner = tree.answer(0)
    assert (inner.text, inner.ended, len(inner)) == (tree.pieces[0], "stopped", 1)
    cut = search(Bigrams(CATS), width=2, max_new_tokens=2)
    assert {cut.ending(node) for node in cut.answers} == {"length"}
    assert write(Bigrams(CATS), how=beams_of(2), max_new_tokens=2).ended == "length"
    with pytest.raises(BadInputError, match="There is no node 999"):
        tree.answer(999)


def test_a_tree_made_by_hand_needs_no_distributions():
    tree = Beams(np.array([-1]), np.array([4]), np.array([0]), np.array([-1.0]), np.array([-1.0]),
                 np.array([1]), np.array([0.4]), ("yes",))  # fmt: skip
    answer = tree.answer(0)
    assert answer.text == "yes" and np.isnan(answer.entropy).all() and answer.alternatives.shape == (1, 0)


def test_with_several_end_marks_enough_candidates_are_left_to_go_on():
    model = Bigrams({"": {"a": 0.3, "stop": 0.4, "": 0.3}, "a": {"a": 0.2, "stop": 0.4, "": 0.4},
                     "stop": {"": 1}})  # fmt: skip
    model.ends = frozenset({0, model.encode("stop")[0]})
    tree = search(model, width=2, max_new_tokens=3)
    assert tree.text(int(tree.best()[0])) == "stop"
    ends = {tokens_at(tree, node)[-1] for node in tree.finished}
    assert ends == set(model.ends)
    assert (tree.fate[tree.step == 0] == ALIVE).sum() == 1  # "a" alone goes on


def test_what_a_rule_forbids_is_not_searched_and_the_numbers_stay_the_models_own():
    free, ruled = Bigrams(CATS), Changed(CATS, rule=forbid(Bigrams(CATS).encode("the")[0]))
    tree = search(ruled, width=3)
    assert "the" not in "".join(tree.pieces)
    node = next(node for node in tree.finished if tree.text(int(node)) == "a cat")
    assert tree.total[node] == pytest.approx(np.log(0.6 * 0.5 * 0.8), abs=1e-6)
    assert free.encode("the")[0] in tree.alternatives[0]


def test_what_a_rule_only_makes_less_likely_counts_as_it_is_and_is_said():
    model = Changed(CATS, rule=lambda logits, step: logits - 5 * (torch.arange(logits.shape[-1]) == 1))
    model.rules = ("repetition_penalty=1.3",)
    tree, free = search(model, width=3), search(Bigrams(CATS), width=3)
    assert np.array_equal(tree.token, free.token) and np.array_equal(tree.total, free.total)
    assert "repetition_penalty=1.3" in tree.notes[0] and "repetition penalty" in tree.notes[1]
    assert write(model).notes == tree.notes[:1] and write(model).text == "the cat"
    assert write(model, how=beams_of(3)).notes == tree.notes
    assert free.notes == ()


def test_start_is_a_chain_that_every_answer_goes_through():
    model = Bigrams(CATS)
    tree = search(model, start="the", width=2)
    assert all(tree.text(int(node)).startswith("the") for node in tree.answers)
    assert tree.total[0] == pytest.approx(np.log(0.4), abs=1e-6) == tree.logp[0]
    assert tree.mass[0] == pytest.approx(0.4, abs=1e-6)
    assert tree.rank[0] == 2 and tree.alternative_pieces[0][0] == "a"
    whole = search(model, width=50, max_new_tokens=6)
    same = [node for node in whole.answers if whole.text(int(node)).startswith("the")]
    parts = {tokens_at(tree, int(node)): tree.total[node] for node in tree.answers}
    everything = {tokens_at(whole, int(node)): whole.total[node] for node in same}
    assert all(parts[tokens] == pytest.approx(everything[tokens], abs=1e-6) for tokens in parts)


def test_a_start_that_cannot_be_is_refused_by_a_search_and_not_by_greedy():
    model = Bigrams(CATS)  # no sentence begins with "dog"
    for call in (lambda: search(model, start="dog"), lambda: write(model, how=beams_of(2), start="dog")):
        with pytest.raises(BadInputError, match=r"'dog' has probability 0 for .*Take greedy"):
            call()
    assert write(model, start="dog").text == "dog"


def test_events_tell_the_best_beginning_and_a_stop_leaves_what_was_found():
    events = []
    tree = search(random_table(2, words=5), width=2, max_new_tokens=5, on_event=events.append)
    assert [event.done for event in events] == list(range(1, int(tree.step.max()) + 2))
    assert {event.total for event in events} == {5} and events[0].message
    stopped = search(
        random_table(2, words=5), width=2, max_new_tokens=5, on_event=(seen := []).append,
        should_stop=lambda: len(seen) == 2,
    )  # fmt: skip
    assert stopped.ended == "stopped" and stopped.step.max() == 1 and not stopped.settled()
    assert np.array_equal(stopped.token, tree.token[: len(stopped.token)])
    assert len(stopped.best()) and any("stopped" in note for note in stopped.notes)
    nothing = search(Bigrams(CATS), should_stop=lambda: True)
    assert len(nothing.token) == 0 and nothing.ended == "stopped" and not nothing.settled()
    assert "0 nodes" in repr(nothing) and nothing._repr_html_()
    assert write(Bigrams(CATS), how=beams_of(2), should_stop=lambda: True).ended == "stopped"


def test_scores_that_are_no_numbers_are_refused_with_the_step():
    with pytest.raises(UnsupportedError, match="token 1 of its answer"):
        search(Changed(CATS, not_a_number(1)), width=2)


def test_a_tree_is_kept_and_opened_and_judged_again(tmp_path):
    model = random_table(4, words=5)
    tree = search(model, width=3, max_new_tokens=4, prompt="<b>what?</b>")
    again = open_beams(tree.save(tmp_path / "tree"), model=model)
    for name in ("parent", "token", "step", "logp", "total", "fate", "mass", "entropy", "rank",
                 "alternatives", "alternative_logp"):  # fmt: skip
        assert np.array_equal(getattr(again, name), getattr(tree, name)), name
    assert (again.pieces, again.how, again.ended, again.max_new_tokens) == (
        tree.pieces, tree.how, tree.ended, tree.max_new_tokens,
    )  # fmt: skip
    assert np.array_equal(again.best(1.0), tree.best(1.0)) and again.model is model
    assert again.answer(3).alternative_pieces == tree.answer(3).alternative_pieces
    with pytest.raises(BadInputError, match="other model"):
        open_beams(tmp_path / "tree", model=random_table(5))


def test_a_search_is_said_in_one_line_and_shown_as_a_table():
    tree = search(Bigrams(CATS), width=2)
    assert repr(tree).startswith("Beams(beam(2, length_penalty=0), ")
    assert "the cat" in tree._repr_html_() and How("beam", 2) == tree.how
