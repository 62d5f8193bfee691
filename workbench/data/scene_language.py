"""What can be said and asked of a scene, in English and Chinese. Every sentence follows from geometry."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.data.scenes import COLOURS, SHAPES, SIDE, Scene, Thing
from workbench.data.wordings import PLACES, Task, answer_in_chinese, worded

__all__ = [
    "RELATIONS",
    "Asked",
    "Language",
    "Question",
    "QuestionKind",
    "absent",
    "ask",
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


@dataclass(frozen=True)
class Asked:
    """What is asked of a scene, before it is put into words: English terms, and the only right answer.

    Attributes:
        terms: `colour` or `shape`; or `thing`, `other` ("red circle") and `relation`.
        things: the objects the answer is read from; empty where something is absent.
    """

    task: Task
    terms: Mapping[str, str]
    answer: str
    things: tuple[int, ...]

    def said(self, wording: int = 0, language: Language = "en") -> tuple[str, str]:
        """Question and answer; wording 0 is the one of `shapes-questions`."""
        terms = {name: _said(term, language) for name, term in self.terms.items()}
        answer = (answer_in_chinese(self.answer, self.task) if language == "zh" else None) or word_of(
            self.answer, language
        )
        return worded(self.task, wording, language, **terms), answer


def questions(scene: Scene, *, seed: int = 0, language: Language = "en") -> tuple[Question, ...]:
    """One of each kind that the scene allows; yes and no are equally likely where both can be asked.

    The same things are asked in either language.
    """
    chance = random.Random(f"questions/{seed}/{scene}")
    kinds: tuple[Task, ...] = ("existence", "count", "colour", "shape", "relation")
    asked = [question for kind in kinds if (question := ask(scene, kind, chance)) is not None]
    return tuple(Question(*each.said(0, language), each.task, each.things) for each in asked)


def ask(scene: Scene, task: Task, chance: random.Random) -> Asked | None:
    """A question of the scene; None where it allows none of this task, or for a caption."""
    if task == "existence":
        return _existence(scene, chance)
    if task == "count":
        return _count(scene, chance)
    if task == "relation":
        return _relation(scene, chance)
    if task == "place":
        return _place(scene, chance)
    return _attribute(scene, task, chance) if task in ("colour", "shape") else None


def absent(scene: Scene) -> list[str]:
    """The things, as "red circle", that the scene does not hold."""
    there = {_kind(thing) for thing in scene.things}
    every = (f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
    return [kind for kind in every if kind not in there]


def _existence(scene: Scene, chance: random.Random) -> Asked:
    if chance.random() < 0.5:
        place = chance.randrange(len(scene.things))
        return Asked("existence", {"thing": _kind(scene.things[place])}, "yes", (place,))
    return Asked("existence", {"thing": chance.choice(absent(scene))}, "no", ())


def _count(scene: Scene, chance: random.Random) -> Asked:
    colour = chance.choice([*COLOURS, *(thing.colour for thing in scene.things)])
    found = tuple(place for place, thing in enumerate(scene.things) if thing.colour == colour)
    return Asked("count", {"colour": colour}, _NUMBERS[len(found)], found)


def _attribute(scene: Scene, task: Task, chance: random.Random) -> Asked | None:
    """The colour of a thing whose shape is unique, or the shape of one whose colour is."""
    known = "shape" if task == "colour" else "colour"
    count = Counter(getattr(thing, known) for thing in scene.things)
    unique = [place for place, thing in enumerate(scene.things) if count[getattr(thing, known)] == 1]
    if not unique:
        return None
    place = chance.choice(unique)
    thing = scene.things[place]
    return Asked(task, {known: getattr(thing, known)}, getattr(thing, task), (place,))


def _relation(scene: Scene, chance: random.Random) -> Asked | None:
    count = len(scene.things)
    clear = [(a, b) for a in range(count) for b in range(count) if a != b and scene.relation(a, b)]
    if not clear:
        return None
    first, second = chance.choice(clear)
    true = scene.relation(first, second)
    opposite = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}[true or ""]
    asked, answer = (true, "yes") if chance.random() < 0.5 else (opposite, "no")
    one, other = (_kind(scene.things[k]) for k in (first, second))
    return Asked("relation", {"thing": one, "relation": asked or "", "other": other}, answer, (first, second))


def _place(scene: Scene, chance: random.Random) -> Asked:
    """In which of 3 x 3 equal fields the centre of a thing lies; one on a line belongs below or right."""
    place = chance.randrange(len(scene.things))
    thing = scene.things[place]
    row, col = (int(at * 3 // SIDE) for at in (thing.row, thing.col))
    return Asked("place", {"thing": _kind(thing)}, PLACES[row][col], (place,))


def _kind(thing: Thing) -> str:
    return f"{thing.colour} {thing.shape}"


def _said(term: str, language: Language) -> str:
    """A relation, or one word or two: Chinese writes colour and shape together."""
    if term in RELATIONS:
        return word_of(term, language)
    return ("" if language == "zh" else " ").join(word_of(word, language) for word in term.split())
