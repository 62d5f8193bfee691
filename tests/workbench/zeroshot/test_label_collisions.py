"""Labels that a model reads alike are said to be, and can be made one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from workbench import data, models
from workbench.zeroshot import alike, as_one, classify, rescore
from workbench.zeroshot.classification import _truth


@pytest.fixture(scope="module")
def model() -> models.DualEncoder:
    return models.load("emoji-clip")


@pytest.fixture(scope="module")
def pairs() -> data.Pairs:
    return data.load("emoji")[:6]


@pytest.mark.parametrize(
    "twin",
    ["A CAT", "a ｃａｔ", "&#97; cat", "a\x07 cat"],
    ids=["capitals", "full width", "entity", "control"],
)
def test_labels_read_alike_share_a_probability_and_that_is_said(model, pairs, twin: str) -> None:
    ranking = classify(model, pairs, ["a dog", "a cat", twin])
    (note,) = [note for note in ranking.provenance.notes if "read alike" in note]
    assert repr("a cat") in note and repr(twin) in note and "share one probability" in note
    one, alone = as_one(ranking), classify(model, pairs, ["a dog", "a cat"])
    assert one.labels == alone.labels
    np.testing.assert_allclose(one.probability, alone.probability, atol=1e-6)
    dog, cat, other = ranking.probability.T
    np.testing.assert_allclose(cat, other, rtol=1e-4)
    # e^c / e^d becomes 2 e^c / e^d: under softmax two equal logits count twice.
    np.testing.assert_allclose(
        (cat + other) / dog, 2 * alone.probability[:, 1] / alone.probability[:, 0], rtol=1e-4
    )
    assert any("Labels read alike were made one: 'a cat' = " in note for note in one.provenance.notes)
    assert not any("share one probability" in note for note in one.provenance.notes)


def test_composed_and_decomposed_letters_are_one(model, pairs) -> None:
    ranking = classify(model, pairs, ["café", "cafe\u0301", "a dog"])
    assert alike(ranking.text) == ((0, 1),)


def test_what_differs_is_left_alone(model, pairs) -> None:
    ranking = classify(model, pairs, ["a cat", "a dog", "cats", "a cat."])
    assert alike(ranking.text) == () and as_one(ranking) is ranking
    assert not any("alike" in note for note in ranking.provenance.notes)


def test_the_truth_of_a_twin_is_the_one_that_is_kept(model, pairs) -> None:
    own = pairs.texts[0]
    ranking = classify(model, pairs, ["a cat", own, own.upper()])
    assert ranking.truth[0] in (1, 2)  # names are matched without regard to capitals
    twin = as_one(ranking)
    assert twin.labels == ("a cat", own) and twin.truth[0] == 1
    np.testing.assert_array_equal(twin.truth[1:], ranking.truth[1:])


@pytest.mark.parametrize(
    "labels",
    [
        ["turkey", "Turkey", "bear", "tiger"],
        ["Turkey", "turkey", "bear", "tiger"],
        ["tiger", "TURKEY", "bear"],
    ],
)
def test_the_truth_is_the_label_that_can_be_the_best(model, labels) -> None:
    """The model reads capitals as small letters, so which of two spellings comes first means nothing."""
    emoji = data.load("emoji")
    three = emoji[[emoji.texts.index(name) for name in ("turkey", "tiger", "bear")]]
    ranking = classify(model, three, labels)
    first = [label.lower() for label in labels].index("turkey")
    assert ranking.truth.tolist() == [first, labels.index("tiger"), labels.index("bear")]
    assert (ranking.best == ranking.truth).all() and (as_one(ranking).best == as_one(ranking).truth).all()


def test_labels_that_differ_by_capitals_keep_their_own_pictures_where_the_model_tells_them_apart() -> None:
    pairs = data.from_pictures([Image.new("RGB", (4, 4), ink) for ink in ("red", "blue", "lime", "black")],
                               texts=["Polish", "polish", "POLISH", "Table"])  # fmt: skip
    names = ("polish", "Polish", "table")
    assert _truth(pairs, names, ()).tolist() == [1, 0, -1, 2]  # capitals alone do not choose between two
    assert _truth(pairs, names, ((0, 1),)).tolist() == [0, 0, 0, 2]
    assert _truth(pairs, ("chair",), ()) is None


def test_the_settings_of_a_ranking_stay(model, pairs) -> None:
    ranking = classify(model, pairs, ["a cat", "A Cat", "a dog"], templates=["{}", "a picture of {}"])
    moved = rescore(ranking, temperature=2.0, rule="sigmoid", active=[True, False])
    one = as_one(moved)
    assert (one.temperature, one.rule, one.active.tolist()) == (2.0, "sigmoid", [True, False])
    np.testing.assert_array_equal(one.probability, moved.probability[:, [0, 2]])
    assert one.provenance.parameters["labels"] == ["a cat", "a dog"]


def test_groups_are_those_of_all_pairs_compared() -> None:
    chance = np.random.default_rng(0)
    for _ in range(20):
        some = chance.standard_normal((12, 2, 5)).astype(np.float32)
        text = some[chance.integers(0, 12, 40)] + chance.uniform(-1e-7, 1e-7, (40, 2, 5)).astype(np.float32)
        near = np.abs(text[:, None] - text[None]).max(axis=(2, 3)) <= 1e-5
        wanted = {tuple(np.flatnonzero(row).tolist()) for row in near if row.sum() > 1}
        assert set(alike(text)) == wanted


def test_texts_of_web_pages_are_said_to_be_made_plain(model, pairs) -> None:
    ranking = classify(model, pairs, ["a dog’s bed", "a cat"])
    (note,) = [note for note in ranking.provenance.notes if "web pages" in note]
    assert '"a dog\'s bed"' in note and "1 text" in note
    assert not any("web pages" in note for note in classify(model, pairs, ["a dog", "café"]).provenance.notes)


def test_labels_of_unknown_words_are_not_made_one() -> None:
    text = np.ones((2, 1, 4), np.float32) / 2
    assert alike(text) == ((0, 1),)
    assert alike(text, [("猫",), ("狗",)]) == ()
