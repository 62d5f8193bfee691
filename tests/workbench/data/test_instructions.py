"""Instructions about drawn scenes: answers that follow from geometry, wordings that use known words only."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from workbench import data
from workbench.data.negatives import Sightings, companion, make_planted_scene
from workbench.data.scene_language import ask, caption, questions
from workbench.data.scenes import COLOURS, SHAPES, Scene, Thing, make_scene
from workbench.data.wordings import HELD_OUT, TASKS, TRAINED, worded
from workbench.errors import BadInputError

_BLANK = {"colour": "", "shape": "", "thing": "", "other": "", "relation": ""}
_ZH = {
    "圆形": "circle", "正方形": "square", "三角形": "triangle", "星形": "star", "十字形": "cross",
    "红色": "red", "绿色": "green", "蓝色": "blue", "黄色": "yellow", "紫色": "purple", "黑色": "black",
    "左边": "left", "右边": "right", "上面": "above", "下面": "below",
}  # fmt: skip
_NUMBERS = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_NUMBERS_ZH = {"零个": 0, "一个": 1, "两个": 2, "三个": 3, "四个": 4, "五个": 5}


@pytest.fixture(scope="module", params=["en", "zh"])
def asked(request) -> data.Pairs:
    return data.load("shapes-instructions", n=300, seed=5, wordings="all", language=request.param)


def test_every_answer_is_read_from_the_scene_and_the_sentence_alone(asked) -> None:
    """By another way than the one that made it: terms are found in the text, geometry in the masks."""
    done = Counter()
    for k, (text, label, task) in enumerate(
        zip(asked.texts, asked.labels, asked.columns["task"], strict=True)
    ):
        scene = asked.columns["scene"][k]
        assert label == _true(task, text, scene, asked.columns["language"][k]), (text, label)
        done[task] += 1
    assert set(done) == set(TASKS)
    assert min(done.values()) > 200


def _terms(text: str) -> list[str]:
    """Colours, shapes and relations in the order of the sentence, in English terms."""
    known = "|".join([*_ZH, *COLOURS, *SHAPES, "left of", "right of", "above", "below"])
    return [_ZH.get(term, term.removesuffix(" of")) for term in re.findall(known, text)]


def _true(task: str, text: str, scene: Scene, language: str) -> str:
    terms, english = _terms(text), language == "en"
    colours, shapes = ([t for t in terms if t in known] for known in (COLOURS, SHAPES))
    named = [
        thing for pair in zip(colours, shapes, strict=False) for thing in scene.things
        if (thing.colour, thing.shape) == pair
    ]  # fmt: skip
    if task == "caption":
        return caption(scene, "en" if english else "zh")
    if task == "count":
        found = sum(thing.colour == colours[0] for thing in scene.things)
        return next(w for w, k in (_NUMBERS if english else _NUMBERS_ZH).items() if k == found)
    if task in ("colour", "shape"):
        wanted = [t for t in scene.things if terms[0] in (t.colour, t.shape)]
        assert len(wanted) == 1
        return next(w for w in (*COLOURS, *SHAPES, *_ZH) if _ZH.get(w, w) == getattr(wanted[0], task)
                    and (w in _ZH) != english)  # fmt: skip
    if task == "existence":
        return ("yes" if named else "no") if english else ("有" if named else "没有")
    if task == "relation":
        one, other = reversed(named) if text.startswith(("在", "从")) else named
        return _relation(one, other, terms, english)
    return _place(named[0], english)


def _relation(one: Thing, other: Thing, terms: list[str], english: bool) -> str:
    side = next(t for t in terms if t in ("left", "right", "above", "below"))
    down, across = one.row - other.row, one.col - other.col
    seen = {"left": across < 0, "right": across > 0, "above": down < 0, "below": down > 0}[side]
    seen = seen and (abs(across) > abs(down)) == (side in ("left", "right"))
    return ("yes" if seen else "no") if english else ("是" if seen else "不是")


def _place(thing: Thing, english: bool) -> str:
    up = "top" if thing.row < 32 else "bottom" if thing.row >= 64 else ""
    aside = "left" if thing.col < 32 else "right" if thing.col >= 64 else ""
    name = f"{up} {aside}".strip() or "middle"
    chinese = {
        "top left": "左上角", "top": "上方", "top right": "右上角", "left": "左侧", "middle": "中间",
        "right": "右侧", "bottom left": "左下角", "bottom": "下方", "bottom right": "右下角",
    }  # fmt: skip
    return name if english else chinese[name]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("task", TASKS)
def test_a_held_out_wording_says_something_new_in_words_of_the_same_task(task, language) -> None:
    known = [worded(task, k, language, **_BLANK) for k in TRAINED]
    words = set(
        re.findall(r"\w", "".join(known)) if language == "zh" else re.findall("[a-z]+", " ".join(known))
    )
    for k in HELD_OUT:
        text = worded(task, k, language, **_BLANK)
        assert text not in known
        assert set(re.findall(r"\w" if language == "zh" else "[a-z]+", text)) <= words
    assert len(set(known)) == len(TRAINED) == 6


def test_both_languages_ask_the_same_things_and_a_task_alone_is_the_same_rows() -> None:
    english, chinese = (data.load("shapes-instructions", n=40, language=tongue) for tongue in ("en", "zh"))
    for name in ("task", "wording", "scene", "things", "split"):
        assert english.columns[name] == chinese.columns[name]
    yes = {"yes": ("有", "是"), "no": ("没有", "不是")}
    for task, one, other in zip(english.columns["task"], english.labels, chinese.labels, strict=True):
        assert task not in ("existence", "relation") or other in yes[one]
    alone = data.load("shapes-instructions", n=40, task="place")
    rows = [k for k, task in enumerate(english.columns["task"]) if task == "place"]
    assert alone.texts == tuple(english.texts[k] for k in rows)
    assert alone.keys == tuple(english.keys[k] for k in rows)


def test_wordings_and_splits_are_those_asked_for() -> None:
    pairs = data.load("shapes-instructions", n=120)
    assert set(pairs.columns["wording"]) == set(TRAINED) and all(pairs.columns["seen"])
    held = data.load("shapes-instructions", n=120, wordings="held out")
    assert set(held.columns["wording"]) == set(HELD_OUT) and not any(held.columns["seen"])
    assert held.labels == pairs.labels  # the same questions, said otherwise
    one = data.load("shapes-instructions", n=120, wordings=(0,))
    house = data.load("shapes-questions", n=1)
    assert {re.sub("red|green|blue|yellow|purple|black", "*", t) for t in one.texts if "how many" in t} == {
        "how many * things are there?"
    }
    assert house.columns["split"][0] == one.columns["split"][0]
    parts = defaultdict(set)
    for scene, part in zip(one.columns["scene"], one.columns["split"], strict=True):
        parts[scene].add(part)
    assert all(len(part) == 1 for part in parts.values())


def test_yes_and_no_are_balanced_whatever_the_negatives() -> None:
    for kind in ("random", "popular", "adversarial"):
        pairs = data.load("shapes-instructions", n=600, task="existence", negatives=kind, planted=0.8)
        assert 0.45 < pairs.labels.count("yes") / len(pairs) < 0.55
        for scene, text, label in zip(pairs.columns["scene"], pairs.texts, pairs.labels, strict=True):
            there = any(f"{thing.colour} {thing.shape}" in text for thing in scene.things)
            assert there == (label == "yes")


def test_popular_and_adversarial_negatives_are_the_likely_ones() -> None:
    """In planted scenes black things are popular, and each has a known companion."""
    scenes = [make_planted_scene(0, item, 1.0) for item in range(600)]
    with_it = [any((t.shape, t.colour) == companion(s.things[0]) for t in s.things) for s in scenes]
    assert all(with_it)
    assert all(1 <= len(scene.things) <= 5 for scene in scenes)
    sightings = Sightings(scenes)
    lone = Scene((Thing("star", "yellow", "large", 40.0, 40.0),))
    assert set(sightings.likely(lone, "popular")) <= {f"black {shape}" for shape in SHAPES}
    assert sightings.likely(lone, "adversarial")[0] == "black cross"
    assert len(sightings.likely(lone, "random")) == 29
    asked = data.load(
        "shapes-instructions", n=600, task="existence", negatives="popular", planted=1.0, wordings=(0,)
    )
    denied = [t for t, label in zip(asked.texts, asked.labels, strict=True) if label == "no"]
    assert np.mean(["black" in text for text in denied]) > 0.9
    assert make_planted_scene(0, 3, 0.0) == make_scene(0, 3)


def test_the_house_s_questions_come_in_chinese_about_the_same_things() -> None:
    english, chinese = (data.load("shapes-questions", n=30, language=tongue) for tongue in ("en", "zh"))
    assert english.columns["kind"] == chinese.columns["kind"]
    assert english.columns["things"] == chinese.columns["things"]
    assert not re.search("[a-z]", "".join((*chinese.texts, *chinese.labels)))
    assert eval(chinese.code).fingerprint == chinese.fingerprint
    scene = make_scene(0, 2)
    assert [q.kind for q in questions(scene, language="zh")] == [q.kind for q in questions(scene)]


def test_a_field_begins_at_its_line_and_a_scene_of_one_thing_has_no_relation() -> None:
    for row, col, name in ((31.0, 64.0, "top right"), (32.0, 63.0, "middle"), (64.0, 31.0, "bottom left")):
        scene = Scene((Thing("star", "red", "small", row, col),))
        asked = ask(scene, "place", random.Random(0))
        assert asked is not None and asked.answer == name
        assert ask(scene, "relation", random.Random(0)) is None
    assert ask(scene, "caption", random.Random(0)) is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"task": "size"}, "task is 'size'; instructions are of the tasks caption, count"),
        ({"task": ("count", "count")}, "several different ones"),
        ({"task": ()}, "expected one task"),
        ({"wordings": "new"}, "expected 'trained', 'held out', 'all', or numbers from 0 to 7"),
        ({"wordings": (8,)}, "numbers from 0 to 7"),
        ({"wordings": ()}, "numbers from 0 to 7"),
        ({"wordings": 3}, "numbers from 0 to 7"),
        ({"language": "fr"}, "'en' and 'zh'"),
        ({"negatives": "hard"}, "'random', 'popular', 'adversarial'"),
        ({"planted": 1.5}, "planted is 1.5; expected a share"),
        ({"n": 0}, "n is 0"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, said) -> None:
    with pytest.raises(BadInputError, match=re.escape(said)):
        data.load("shapes-instructions", **options)


def test_the_code_of_instructions_loads_the_same_pairs() -> None:
    for options in (
        {"task": ("count", "place"), "wordings": (0, 6), "language": "zh"},
        {"task": "existence", "negatives": "adversarial", "planted": 0.5, "wordings": "held out"},
    ):
        pairs = data.load("shapes-instructions", n=20, **options)
        assert eval(pairs.code).fingerprint == pairs.fingerprint
