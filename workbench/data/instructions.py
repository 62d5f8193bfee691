"""The `shapes-instructions` data: seven tasks about drawn scenes, in six wordings and two kept back."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Literal, cast, get_args

from workbench.data.dataset_cards import card
from workbench.data.negatives import Negatives, Sightings, make_planted_scene
from workbench.data.pairs import Pairs
from workbench.data.scene_language import Asked, Language, ask, caption
from workbench.data.scenes import Scene, make_scene
from workbench.data.shapes import checked_count, scene_source, split_of
from workbench.data.wordings import HELD_OUT, TASKS, TRAINED, Task, worded
from workbench.errors import BadInputError, did_you_mean

__all__ = ["load_shapes_instructions"]

_LANGUAGES: tuple[Language, ...] = ("en", "zh")
_ALL = (*TRAINED, *HELD_OUT)


def load_shapes_instructions(
    *,
    n: int = 1000,
    seed: int = 0,
    task: Task | Sequence[Task] | None = None,
    wordings: Literal["trained", "held out", "all"] | Sequence[int] = "trained",
    language: Language = "en",
    negatives: Negatives = "random",
    planted: float = 0.0,
) -> Pairs:
    """Instructions (texts) about `n` drawn scenes, with their right answers as labels.

    A row is one task of one scene in one wording, drawn from those asked for. Of a caption the label is the
    data's own; any order of the things is as true. Columns: `task`, `wording` (0 to 7), `seen` (whether the
    wording is one of the six to train on), `scene`, `things` (the objects the answer is read from),
    `language`, `split` ("train" or "test", a fifth of the scenes).

    Args:
        n: scenes; each is asked each task once, where it allows it (a relation needs two things).
        seed: of scenes, questions, wordings and split.
        task: only this one, or these, of caption, count, colour, shape, existence (half yes), relation
            (half yes), place (the nine fields of a picture).
        wordings: "trained" (0 to 5), "held out" (6 and 7: other sentences of the same words), "all", or
            numbers.
        language: "en" or "zh"; the same things are asked in both.
        negatives: what is asked for where the answer to existence is no: "random", any absent thing;
            "popular", one of the three absent things that most of these scenes hold; "adversarial", one of
            the three absent things most often seen with what the scene holds. Counted over the `n` scenes.
        planted: share of scenes in which the first thing brings along a black thing of the next shape
            (circle, square, triangle, star, cross, circle), so that popular and adversarial mean something;
            at 0 all things are equally frequent.

    Returns:
        `Pairs`.

    Raises:
        BadInputError: `n` below 1, a task, wording, language or kind of negatives that does not exist, a
            share outside 0 to 1.

    Source: the three kinds of negatives are those of POPE, Li et al. 2023, section 4.
    """
    tasks = _tasks(task)
    numbers = _numbers(wordings)
    _checked(language, negatives, planted)
    drawn = [
        make_planted_scene(seed, item, planted) if planted else make_scene(seed, item)
        for item in range(checked_count(n))
    ]
    sightings = None if negatives == "random" else Sightings(drawn)
    rows: list[tuple[int, str, int, str, str, tuple[int, ...]]] = []
    for item, scene in enumerate(drawn):
        for name in tasks:
            # Each draws by itself: leaving tasks out, or another language, changes nothing of what is left.
            chance = random.Random(f"instructions/{seed}/{item}/{name}")
            number = numbers[int(chance.random() * len(numbers))]
            if name == "caption":
                said = worded(name, number, language), caption(scene, language)
                rows.append((item, name, number, *said, tuple(range(len(scene.things)))))
                continue
            asked = ask(scene, name, chance)
            if asked is not None and sightings is not None and asked.task == "existence":
                asked = _harder(asked, scene, sightings, negatives, chance)
            if asked is not None:
                rows.append((item, name, number, *asked.said(number, language), asked.things))
    about = card("shapes-instructions")
    sources = [scene_source(scene) for scene in drawn]
    return Pairs(
        name="shapes-instructions",
        sources=tuple(sources[item] for item, *_ in rows),
        texts=tuple(text for _, _, _, text, _, _ in rows),
        labels=tuple(answer for *_, answer, _ in rows),
        columns={
            "task": tuple(name for _, name, *_ in rows),
            "wording": tuple(number for _, _, number, *_ in rows),
            "seen": tuple(number in TRAINED for _, _, number, *_ in rows),
            "scene": tuple(drawn[item] for item, *_ in rows),
            "things": tuple(things for *_, things in rows),
            "language": (language,) * len(rows),
            "split": tuple(split_of(seed, item) for item, *_ in rows),
        },
        licence=about.licence,
        code=_code(n, seed, task, wordings, language, negatives, planted),
    )


def _harder(
    asked: Asked, scene: Scene, sightings: Sightings, negatives: Negatives, chance: random.Random
) -> Asked:
    """The same question where the answer is yes; else of a thing that is likely to be invented."""
    if asked.answer == "yes":
        return asked
    return Asked("existence", {"thing": chance.choice(sightings.likely(scene, negatives))}, "no", ())


def _tasks(task: Task | Sequence[Task] | None) -> tuple[Task, ...]:
    wanted = TASKS if task is None else (task,) if isinstance(task, str) else tuple(task)
    for name in wanted:
        if name not in TASKS:
            raise BadInputError(
                f"task is {name!r}; instructions are of the tasks {', '.join(TASKS)}."
                f"{did_you_mean(str(name), TASKS)}"
            )
    repeated = [name for name, count in Counter(wanted).items() if count > 1]
    if not wanted or repeated:
        raise BadInputError(
            f"task is {task!r}; expected one task, or several different ones of {', '.join(TASKS)}."
        )
    return wanted


def _numbers(wordings: str | Sequence[int]) -> tuple[int, ...]:
    expected = "'trained', 'held out', 'all', or numbers from 0 to 7"
    named = {"trained": TRAINED, "held out": HELD_OUT, "all": _ALL}
    if isinstance(wordings, str):
        if wordings not in named:
            raise BadInputError(f"wordings is {wordings!r}; expected {expected}.")
        return named[wordings]
    try:
        numbers = tuple(wordings)
    except TypeError:
        numbers = ()
    if not numbers or any(isinstance(k, bool) or k not in _ALL for k in numbers):
        raise BadInputError(f"wordings is {wordings!r}; expected {expected}: (0,) is one wording.")
    return tuple(int(k) for k in numbers)


def _checked(language: str, negatives: str, planted: float) -> None:
    if language not in _LANGUAGES:
        raise BadInputError(f"language is {language!r}; instructions come in 'en' and 'zh'.")
    if negatives not in get_args(Negatives):
        raise BadInputError(
            f"negatives is {negatives!r}; expected one of {', '.join(map(repr, get_args(Negatives)))}."
        )
    if isinstance(planted, bool) or not isinstance(planted, (int, float)) or not 0 <= planted <= 1:
        raise BadInputError(f"planted is {planted!r}; expected a share of the scenes from 0 to 1.")


def _code(n: int, seed: int, task: object, wordings: object, *others: object) -> str:
    numbers = wordings if isinstance(wordings, str) else tuple(cast(Sequence[int], wordings))
    given = {
        "task": (task, None),
        "wordings": (numbers, "trained"),
        "language": (others[0], "en"),
        "negatives": (others[1], "random"),
        "planted": (others[2], 0.0),
    }
    told = "".join(f", {name}={value!r}" for name, (value, usual) in given.items() if value != usual)
    return f"data.load('shapes-instructions', n={n}, seed={seed}{told})"
