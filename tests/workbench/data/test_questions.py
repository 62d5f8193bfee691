"""Data that ask something of picture and text together."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from workbench import data
from workbench.data.digits import DIGIT_TASKS, digit_facts
from workbench.errors import BadInputError


@pytest.fixture(scope="module")
def vqa() -> data.Pairs:
    return data.load("easy-vqa")


def test_easy_vqa_is_whole_and_keeps_its_author_s_split(vqa) -> None:
    split = Counter(vqa.columns["split"])
    assert split == {"train": 38_575, "test": 9_673}
    assert len(set(vqa.labels)) == 13
    assert Counter(vqa.columns["kind"])["yes/no"] == 28_407 + 7_136
    assert vqa.picture(0).size == (64, 64)
    assert (vqa.texts[0], vqa.labels[0]) == ("what is the blue shape?", "rectangle")
    assert "Victor Zhou" in vqa.credit


def test_easy_vqa_s_questions_share_one_picture_and_none_is_in_both_parts(vqa) -> None:
    keys = defaultdict(set)
    for key, part in zip(vqa.keys, vqa.columns["split"], strict=True):
        keys[part].add(key)
    assert (len(keys["train"]), len(keys["test"])) == (4000, 1000)
    assert not keys["train"] & keys["test"]


def test_a_question_alone_answers_two_thirds_of_easy_vqa(vqa) -> None:
    """So a fusion must be read beside the question's own share, never beside chance."""
    train = np.array(vqa.columns["split"]) == "train"
    usual: dict[str, Counter] = defaultdict(Counter)
    for row in np.flatnonzero(train):
        usual[vqa.texts[row]][vqa.labels[row]] += 1
    right = [usual[vqa.texts[row]].most_common(1)[0][0] == vqa.labels[row] for row in np.flatnonzero(~train)]
    assert np.mean(right) == pytest.approx(vqa.facts["text_accuracy"], abs=0.001)


@pytest.mark.parametrize("task", DIGIT_TASKS)
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_ceilings_of_digits_and_words_are_what_counting_the_items_gives(task: str, noise: float) -> None:
    pairs = data.load("digits-words", task=task, text_noise=noise, n=60_000)
    table: dict[tuple, Counter] = defaultdict(Counter)
    for digit, text, label in zip(pairs.columns["digit"], pairs.texts, pairs.labels, strict=True):
        table[digit, text][label] += 1
        table[digit, None][label] += 1
        table[None, text][label] += 1
    facts = digit_facts(task, text_noise=noise)

    def best(digit: bool, text: bool) -> float:
        kept = [found for (a, b), found in table.items() if (a is not None, b is not None) == (digit, text)]
        return sum(found.most_common(1)[0][1] for found in kept) / len(pairs)

    measured = {
        "bayes_accuracy": best(True, True),
        "image_accuracy": best(True, False),
        "text_accuracy": best(False, True),
    }
    assert {name: facts[name] for name in measured} == pytest.approx(measured, abs=0.012)


def test_the_sharing_dial_runs_from_independent_to_redundant() -> None:
    agree = []
    for shared in (0.0, 0.5, 1.0):
        columns = data.load("digits-words", task="redundant", shared=shared, n=5000).columns
        agree.append(np.mean(np.array(columns["digit"]) == np.array(columns["word_digit"])))
    assert agree == pytest.approx([0.1, 0.55, 1.0], abs=0.02)


def test_no_digit_is_in_two_parts_and_the_same_seed_gives_the_same_items() -> None:
    pairs = data.load("digits-words", n=3000, language="zh")
    parts = defaultdict(set)
    for key, part in zip(pairs.keys, pairs.columns["split"], strict=True):
        parts[part].add(key)
    assert set(parts) == {"train", "validation", "test"}
    assert not (parts["train"] & parts["test"] or parts["train"] & parts["validation"])
    assert pairs.texts[0] in "零一二三四五六七八九"
    assert pairs.fingerprint == data.load("digits-words", n=3000, language="zh").fingerprint
    assert pairs.fingerprint != data.load("digits-words", n=3000, language="zh", seed=1).fingerprint


def test_noise_on_pixels_differs_by_item_and_is_drawn_again_alike() -> None:
    pairs = data.load("digits-words", n=40, image_noise=0.5)
    clean = data.load("digits-words", n=40)
    assert np.abs(np.asarray(pairs.picture(3), float) - np.asarray(clean.picture(3), float)).mean() > 10
    assert np.array_equal(np.asarray(pairs.picture(3)), np.asarray(pairs.picture(3)))
    assert len(set(pairs.keys)) == 40


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"task": "xro"}, "Did you mean 'xor'"),
        ({"shared": 1.5}, "shared is 1.5; expected a chance from 0 to 1"),
        ({"text_noise": -1}, "text_noise is -1"),
        ({"image_noise": float("nan")}, "image_noise is nan"),
        ({"n": 3}, "at least 20 items"),
        ({"language": "fr"}, "the words come in en, zh"),
        ({"language": ["en"]}, "language is of type list; expected a text"),
        ({"shared": "half"}, "shared is 'half'; expected a number"),
        ({"seed": -1}, "seed is -1; expected a whole number of at least 0"),
    ],
)
def test_a_dial_outside_its_range_is_refused(options: dict, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        data.load("digits-words", **options)


@pytest.mark.parametrize("hard", [False, True])
def test_one_modality_of_emoji_match_is_exactly_at_chance(hard: bool) -> None:
    pairs = data.load("emoji-match", hard=hard)
    for values in (pairs.columns["character"], pairs.texts):
        seen: dict[str, Counter] = defaultdict(Counter)
        for value, label in zip(values, pairs.labels, strict=True):
            seen[value][label] += 1
        assert all(count["match"] == count["mismatch"] for count in seen.values())
    same_group = np.array(pairs.columns["group"]) == np.array(pairs.columns["text_group"])
    assert same_group[np.array(pairs.labels) == "match"].all()
    assert same_group[np.array(pairs.labels) == "mismatch"].mean() == pytest.approx(
        1 if hard else 0.15, abs=0.05
    )


def test_neither_pictures_nor_names_of_emoji_match_cross_the_split() -> None:
    pairs = data.load("emoji-match")
    for values in (pairs.columns["character"], pairs.texts):
        parts = {
            part: {v for v, p in zip(values, pairs.columns["split"], strict=True) if p == part}
            for part in ("train", "test")
        }
        assert not parts["train"] & parts["test"]
    assert data.load("emoji-match", seed=1).texts != pairs.texts


@pytest.mark.parametrize(("seed", "hard"), [(0, False), (0, True), (1, False), (2, True)])
def test_no_drawing_of_emoji_match_is_on_both_sides_nor_a_mismatch_for_its_twins_name(
    seed: int, hard: bool
) -> None:
    """Several code points are drawn alike to the pixel; the files differ, the pictures do not."""
    pairs = data.load("emoji-match", seed=seed, hard=hard)
    half = len(pairs) // 2
    drawn = [np.asarray(pairs.picture(row)).tobytes() for row in range(half)]
    assert len(set(drawn)) < half - 20  # twins there are
    sides = defaultdict(set)
    for row in range(len(pairs)):
        sides[drawn[row % half]].add(pairs.columns["split"][row])
    assert all(len(parts) == 1 for parts in sides.values())
    own = dict(zip(pairs.texts[:half], drawn, strict=True))
    assert all(own[pairs.texts[row]] != drawn[row - half] for row in range(half, len(pairs)))
    assert pairs.columns["split"].count("test") / len(pairs) == pytest.approx(0.25, abs=0.02)


def test_questions_of_a_scene_stay_together_and_answers_are_right() -> None:
    pairs = data.load("shapes-questions", n=60)
    scenes = defaultdict(set)
    for scene, part in zip(pairs.columns["scene"], pairs.columns["split"], strict=True):
        scenes[scene].add(part)
    assert all(len(parts) == 1 for parts in scenes.values())
    for row, kind in enumerate(pairs.columns["kind"]):
        if kind == "colour":
            scene, (thing,) = pairs.columns["scene"][row], pairs.columns["things"][row]
            assert pairs.labels[row] == scene.things[thing].colour
    only = data.load("shapes-questions", n=60, kind="existence")
    assert set(only.labels) == {"yes", "no"}
    with pytest.raises(BadInputError, match="kind is 'size'; questions are of the kinds existence, count"):
        data.load("shapes-questions", kind="size")


def test_facts_survive_slicing() -> None:
    pairs = data.load("digits-words", task="xor", text_noise=0.2)
    assert pairs[:10].facts == pairs.facts == {
        "bayes_accuracy": 0.9, "image_accuracy": 0.5, "text_accuracy": 0.5, "additive_accuracy": 0.7,
    }  # fmt: skip


def test_the_code_of_pairs_loads_the_same_pairs() -> None:
    for name, options in (
        ("digits-words", {"task": "match", "shared": 0.25, "n": 50}),
        ("emoji-match", {"hard": True}),
        ("shapes-questions", {"n": 9, "kind": "count"}),
    ):
        pairs = data.load(name, **options)
        assert eval(pairs.code).fingerprint == pairs.fingerprint
