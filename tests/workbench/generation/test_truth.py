"""A caption held against its scene: what is right, wrong, invented, left out, and what is not understood."""

from __future__ import annotations

import pickle
import random
from dataclasses import replace

import numpy as np
import pytest

from workbench import data
from workbench.data.scene_language import RELATIONS, caption, name_of, sentence, word_of
from workbench.data.scenes import COLOURS, SHAPES, SIZES, Scene, Thing, make_scene
from workbench.errors import BadInputError
from workbench.generation import OUTCOMES, Share, truth, truth_shares
from workbench.generation.captions.truth import dealt
from workbench.metrics import wilson

STAR = Thing("star", "red", "small", 20.0, 20.0)
SQUARE = Thing("square", "blue", "large", 24.0, 70.0)
SCENE = Scene((STAR, SQUARE))  # the star is to the left of the square
SCENES = [make_scene(77, item) for item in range(120)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_the_data_says_is_exact_in_any_order_of_things(language):
    chance = random.Random(0)
    for scene in SCENES:
        for things in (scene.things, chance.sample(scene.things, len(scene.things))):
            text = caption(Scene(tuple(things)), language)
            verdict = truth(text, scene)
            assert verdict.exact and verdict.true and verdict.things_right and verdict.well_formed, verdict
            assert sorted(m.thing for m in verdict.mentions) == list(range(len(scene.things)))
            assert verdict.rest == () and verdict.left_out == ()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("attribute", "values", "outcome"),
    [("size", SIZES, "wrong size"), ("colour", COLOURS, "wrong colour"), ("shape", SHAPES, "wrong shape")],
)
def test_one_wrong_attribute_is_told_by_its_name(language, attribute, values, outcome):
    for scene in SCENES:
        thing = scene.things[-1]
        there = [(t.colour, t.shape) for t in scene.things]
        for value in values:
            other = replace(thing, **{attribute: value})
            taken = attribute != "size" and (other.colour, other.shape) in there
            if taken or value == getattr(thing, attribute):
                continue
            names = [name_of(t, language) for t in (*scene.things[:-1], other)]
            verdict = truth(sentence(names, None, language), scene)
            assert [m.outcome for m in verdict.mentions] == ["right"] * (len(names) - 1) + [outcome]
            assert verdict.mentions[-1].thing == len(scene.things) - 1 and verdict.left_out == ()
            assert not verdict.exact and not verdict.true
            assert verdict.absent == (attribute != "size")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("relation", RELATIONS)
def test_a_relation_is_true_where_the_scene_says_so(language, relation):
    names = [name_of(thing, language) for thing in SCENE.things]
    verdict = truth(sentence(names, relation, language), SCENE)
    (stated,) = verdict.relations
    assert (stated.relation, stated.first, stated.second) == (relation, 0, 1)
    assert stated.true == (relation == "left of") == verdict.exact == verdict.true
    assert verdict.things_right
    turned = truth(sentence(names[::-1], relation, language), SCENE)
    assert turned.relations[0].true == (relation == "right of")


def test_no_relation_is_true_where_the_scene_shows_none_or_one_is_not_there():
    near = Scene((STAR, replace(SQUARE, row=50.0, col=50.5)))
    assert near.relation(0, 1) is None
    for relation in RELATIONS:
        assert not truth(sentence([name_of(t) for t in near.things], relation), near).relations[0].true
    assert not truth("a small red star to the left of a large green circle", SCENE).relations[0].true
    # the wrong size does not make it another thing, another colour does
    assert truth("a large red star to the left of a large blue square", SCENE).relations[0].true
    assert not truth("a small black star to the left of a large blue square", SCENE).relations[0].true


@pytest.mark.parametrize(
    ("text", "outcomes", "left", "rest"),
    [
        ("a small red star", ["right"], (1,), ()),
        ("a red star and a square", ["right", "right"], (), ()),
        ("a small red star and a small red star", ["right", "repeated"], (1,), ()),
        ("a small red star, a large red star", ["right", "invented"], (1,), ()),
        ("a large red star, a small red star", ["invented", "right"], (1,), ()),
        ("a small green circle", ["invented"], (0, 1), ()),
        ("a dog and a small red star", ["right"], (1,), ("dog",)),
        ("a small red", [], (0, 1), ("small", "red")),
        ("a small small red star", ["right"], (1,), ("small",)),
        ("a small red star above", ["right"], (1,), ("above",)),
        ("above a small red star", ["right"], (1,), ("above",)),
        ("redstar", [], (0, 1), ("redstar",)),
        ("一个红色星形和一只狗", ["right"], (1,), ("一只狗",)),
        ("A SMALL  Red star", ["right"], (1,), ()),
        ("", [], (0, 1), ()),
    ],
)
def test_loose_wordings_and_what_is_left_of_them(text, outcomes, left, rest):
    verdict = truth(text, SCENE)
    assert [mention.outcome for mention in verdict.mentions] == outcomes
    assert verdict.left_out == left and verdict.rest == rest
    assert not verdict.exact


def test_naming_less_is_true_but_not_exact():
    verdict = truth("a red star to the left of a blue square", SCENE)
    assert verdict.true and not verdict.exact and not verdict.well_formed


def test_a_mention_knows_its_characters():
    text = "well, a small red star above a blue square!"
    verdict = truth(text, SCENE)
    assert [text[m.start : m.end] for m in verdict.mentions] == ["small red star", "blue square"]
    assert verdict.rest == ("well", "!")


def test_as_much_as_possible_agrees():
    """Held one by one, the first mention would take the only thing that the second can have."""
    scene = Scene((STAR, replace(STAR, colour="green", col=70.0)))
    verdict = truth("a star and a small red star", scene)
    assert [(m.outcome, m.thing) for m in verdict.mentions] == [("right", 1), ("right", 0)]


def test_fates_and_absent_agree_on_what_chair_counts():
    chance = random.Random(1)
    for scene in SCENES:
        verdict = truth(caption(SCENES[chance.randrange(len(SCENES))]), scene)
        wrong = sum(verdict.count(outcome) for outcome in ("wrong colour", "wrong shape", "invented"))
        sized = sum(
            m.outcome == "invented" and (m.colour, m.shape) in [(t.colour, t.shape) for t in scene.things]
            for m in verdict.mentions
        )
        assert verdict.absent == wrong - sized
        assert sum(verdict.count(outcome) for outcome in OUTCOMES) == len(verdict.mentions)


@pytest.mark.parametrize("given", [None, "scene", (STAR, SQUARE)])
def test_only_of_scenes_is_the_truth_known(given):
    with pytest.raises(BadInputError, match=r"expected a Scene.*data\.load"):
        truth("a star", given)


# Many ------------------------------------------------------------------------------------------------


def test_shares_count_what_verdicts_say():
    texts = [caption(scene) for scene in SCENES]
    texts[0], texts[1] = "a dog", texts[1].replace("small", "LARGE").replace("large", "small").lower()
    shares = truth_shares(texts, SCENES)
    verdicts = [truth(text, scene) for text, scene in zip(texts, SCENES, strict=True)]
    assert repr(shares.verdicts) == repr(tuple(verdicts))
    assert shares.exact.right == sum(v.exact for v in verdicts) and shares.exact.n == len(SCENES)
    assert shares.found.n == sum(len(scene.things) for scene in SCENES)
    assert shares.found.right == sum(v.count("right") for v in verdicts)
    assert shares.relation.n == sum(len(v.relations) for v in verdicts)
    said = sum(len(v.mentions) for v in verdicts)
    assert all(share.n == said for share in shares.outcomes) and sum(s.right for s in shares.outcomes) == said
    assert shares.of("wrong size").right == sum(v.count("wrong size") for v in verdicts) > 0
    assert shares.exact.interval == wilson(shares.exact.right, shares.exact.n)[1:]


def test_chance_is_of_captions_with_other_pictures_only():
    """Two pictures: dealt to each other there is one way, whose shares can be counted by hand."""
    other = Scene((STAR, replace(SQUARE, colour="green")))
    shares = truth_shares([caption(SCENE), caption(other)], [SCENE, other], shuffles=3)
    assert shares.exact.value == 1.0 and shares.exact.chance == 0.0
    assert shares.found.chance == 0.5 and shares.of("wrong colour").chance == 0.5
    assert np.isnan(truth_shares(["a star"], [SCENE]).exact.chance)
    assert np.isnan(truth_shares([caption(SCENE), caption(other)], [SCENE, other], shuffles=0).exact.chance)


@pytest.mark.parametrize("count", [2, 3, 7, 50])
def test_nobody_keeps_their_own_caption(count):
    deals = dealt(count, 20, seed=3)
    assert len(deals) == 20
    for deal in deals:
        assert sorted(deal) == list(range(count)) and all(k != place for place, k in enumerate(deal))
    assert deals == dealt(count, 20, seed=3)
    assert count < 7 or deals != dealt(count, 20, seed=4)


@pytest.mark.parametrize(("texts", "scenes"), [(["a star"], []), ([], []), (["a", "b"], [SCENE])])
def test_shares_need_one_text_a_scene(texts, scenes):
    with pytest.raises(BadInputError, match="expected one text a scene"):
        truth_shares(texts, scenes)


def test_results_say_what_they_are_and_pickle():
    verdict = truth("a small red star above a small blue square and a dog", SCENE)
    assert repr(verdict) == (
        "Verdict('a small red star above a small blue square and a dog': 1 right, 1 wrong size, above: false, "
        "not understood: 'dog')"
    )
    assert repr(truth("", SCENE)) == "Verdict('': 2 left out)"
    assert repr(Share(9, 10, 0.5)) == "Share(90.0% of 10, 59.6% to 98.2%, chance 50.0%)"
    assert repr(Share(0, 0)) == "Share(of none)"
    shares = truth_shares([caption(scene) for scene in SCENES], SCENES)
    assert pickle.loads(pickle.dumps(verdict)) == verdict
    assert pickle.loads(pickle.dumps(shares)) == shares
    assert repr(shares).startswith("TruthShares(120 captions: 100.0% exact (96.9% to 100.0%, chance ")


# The words -------------------------------------------------------------------------------------------


def test_words_are_those_that_captions_are_written_with():
    shapes = data.load("shapes", n=40)
    for scene, english, chinese in zip(
        shapes.columns["scene"], shapes.columns["caption_en"], shapes.columns["caption_zh"], strict=True
    ):
        for thing in scene.things:
            for term in (thing.size, thing.colour, thing.shape):
                assert word_of(term) in english and word_of(term, "zh") in chinese
        if len(scene.things) == 2 and (relation := scene.relation(0, 1)):
            assert word_of(relation) in english and word_of(relation, "zh") in chinese
