"""What can be said and asked of a scene, in English and Chinese. Every sentence follows from geometry."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.data.scenes import COLOURS, SHAPES, Scene, Thing

__all__ = [
    "RELATIONS",
    "Language",
    "Question",
    "QuestionKind",
    "caption",
    "name_of",
    "questions",
    "sentence",
    "word_of",
]

Language = Literal["en", "zh"]
QuestionKind = Literal["existence", "count", "colour", "shape", "relation"]

_ZH = {
    "circle": "圆形", "square": "正方形", "triangle": "三角形", "star": "星形", "cross": "十字形",
    "red": "红色", "green": "绿色", "blue": "蓝色", "yellow": "黄色", "purple": "紫色", "black": "黑色",
    "small": "小", "large": "大",
    "left of": "左边", "right of": "右边", "above": "上面", "below": "下面",
}  # fmt: skip
_EN_RELATION = {
    "left of": "to the left of",
    "right of": "to the right of",
    "above": "above",
    "below": "below",
}
RELATIONS = tuple(_EN_RELATION)
_NUMBERS = ("zero", "one", "two", "three", "four", "five")


@dataclass(frozen=True)
class Question:
    """A question of one scene with its only right answer.

    Attributes:
        kind: "existence", "count", "colour", "shape" or "relation".
        things: the objects the answer is read from; empty where something is absent.
    """

    text: str
    answer: str
    kind: str
    things: tuple[int, ...]


def word_of(term: str, language: Language = "en") -> str:
    """A size, colour, shape or relation as a caption writes it: "left of" is `to the left of`, `左边`."""
    return _ZH[term] if language == "zh" else _EN_RELATION.get(term, term)


def name_of(thing: Thing, language: Language = "en") -> str:
    """`large red circle`, `大的红色圆形`."""
    if language == "zh":
        return f"{_ZH[thing.size]}的{_ZH[thing.colour]}{_ZH[thing.shape]}"
    return f"{thing.size} {thing.colour} {thing.shape}"


def caption(scene: Scene, language: Language = "en") -> str:
    """All things by name; two of them with the relation between them, if it is clear."""
    names = [name_of(thing, language) for thing in scene.things]
    return sentence(names, scene.relation(0, 1) if len(names) == 2 else None, language)


def sentence(names: Sequence[str], relation: str | None, language: Language = "en") -> str:
    """One or more things by name, two of them with the relation between them, if there is one."""
    if language == "zh":
        if relation:
            return f"一个{names[0]}在一个{names[1]}的{_ZH[relation]}"
        return "、".join(f"一个{name}" for name in names)
    if relation:
        return f"a {names[0]} {_EN_RELATION[relation]} a {names[1]}"
    listed = [f"a {name}" for name in names]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"


def questions(scene: Scene, *, seed: int = 0) -> tuple[Question, ...]:
    """One of each kind that the scene allows; yes and no are equally likely where both can be asked."""
    chance = random.Random(f"questions/{seed}/{scene}")
    asked = [
        _existence(scene, chance),
        _count(scene, chance),
        *_attributes(scene, chance),
        _relation(scene, chance),
    ]
    return tuple(question for question in asked if question is not None)


def _existence(scene: Scene, chance: random.Random) -> Question:
    there = [(thing.colour, thing.shape) for thing in scene.things]
    if chance.random() < 0.5:
        place = chance.randrange(len(there))
        colour, shape = there[place]
        return Question(f"is there a {colour} {shape}?", "yes", "existence", (place,))
    absent = [(colour, shape) for colour in COLOURS for shape in SHAPES if (colour, shape) not in there]
    colour, shape = chance.choice(absent)
    return Question(f"is there a {colour} {shape}?", "no", "existence", ())


def _count(scene: Scene, chance: random.Random) -> Question:
    colour = chance.choice([*COLOURS, *(thing.colour for thing in scene.things)])
    found = tuple(place for place, thing in enumerate(scene.things) if thing.colour == colour)
    return Question(f"how many {colour} things are there?", _NUMBERS[len(found)], "count", found)


def _attributes(scene: Scene, chance: random.Random) -> list[Question]:
    """The colour of a thing whose shape is unique, and the shape of one whose colour is."""
    asked = []
    for kind, known in (("colour", "shape"), ("shape", "colour")):
        count = Counter(getattr(thing, known) for thing in scene.things)
        unique = [place for place, thing in enumerate(scene.things) if count[getattr(thing, known)] == 1]
        if unique:
            place = chance.choice(unique)
            thing = scene.things[place]
            text = (
                f"what colour is the {thing.shape}?"
                if kind == "colour"
                else f"what shape is the {thing.colour} thing?"
            )
            asked.append(Question(text, getattr(thing, kind), kind, (place,)))
    return asked


def _relation(scene: Scene, chance: random.Random) -> Question | None:
    count = len(scene.things)
    clear = [(a, b) for a in range(count) for b in range(count) if a != b and scene.relation(a, b)]
    if not clear:
        return None
    first, second = chance.choice(clear)
    true = scene.relation(first, second)
    opposite = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}[true or ""]
    asked, answer = (true, "yes") if chance.random() < 0.5 else (opposite, "no")
    one, other = (f"{scene.things[k].colour} {scene.things[k].shape}" for k in (first, second))
    return Question(
        f"is the {one} {_EN_RELATION[asked or '']} the {other}?", answer, "relation", (first, second)
    )
