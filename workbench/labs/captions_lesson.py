"""Exercises and measurements of the lesson on captions.

    true_captions(scene)                  # every caption of the data's grammar that is true of it
    pointing(model, pairs)                # where each word looked, in the right row and one row late
    check("floor", 3.18)                  # right or not, and why

Each truth is worked out by the package when it is asked for, as in the lesson on fusion.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.axes import frozen
from workbench.data.scene_language import Language, caption, name_of, sentence
from workbench.data.scenes import COLOURS, SIDE, Scene, Thing
from workbench.errors import BadInputError
from workbench.formatting import html_table
from workbench.generation import Answer, WordAttention, filtered, score_captions, truth, word_attention
from workbench.labs.exercise import Exercise, Verdict, judged
from workbench.portable import Portable

__all__ = ["Pointing", "Verdict", "check", "exercises", "one_colour_wrong", "pointing", "true_captions"]

ATTRIBUTES = ("size", "colour", "shape")
ROWS = ("the row that produces it", "its own row")


def true_captions(scene: Scene, language: Language = "en") -> tuple[str, ...]:
    """Every caption of the data's grammar that names all of a scene and is true of it.

    Its things in all orders; of two things that stand clearly to one another also without saying how.

    Args:
        scene: as `data.load("shapes").columns["scene"]` holds them.
        language: "en" or "zh".
    """
    orders = list(permutations(scene.things))
    plain = [sentence([name_of(thing, language) for thing in order], None, language) for order in orders]
    return tuple(dict.fromkeys([*(caption(Scene(order), language) for order in orders), *plain]))


def one_colour_wrong(scene: Scene, *, seed: int = 0) -> str:
    """The scene's caption with one colour exchanged for one that its shape has nowhere in the scene: false.

    Args:
        scene: what is captioned.
        seed: of the choice.
    """
    chance = random.Random(f"colour/{seed}/{scene}")
    place = chance.randrange(len(scene.things))
    thing = scene.things[place]
    there = {one.colour for one in scene.things if one.shape == thing.shape}
    colour = chance.choice([one for one in COLOURS if one not in there])
    things = list(scene.things)
    things[place] = Thing(thing.shape, colour, thing.size, thing.row, thing.col)
    return caption(Scene(tuple(things)))


# Where words look -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Pointing(Portable):
    """How often the strongest patch of a word's map lies on the thing that the word is about.

    Shapes:
        hits: row x layer x attribute; shares. Rows are `ROWS`, attributes `ATTRIBUTES`
        chance: attribute; the mean share of patches that lie on the thing

    Attributes:
        layers: names of the cross-attentions.
        words: words looked at of each attribute.
    """

    layers: tuple[str, ...]
    hits: NDArray[np.float64]
    chance: NDArray[np.float64]
    words: int

    def __repr__(self) -> str:
        best = self.hits[0].max(axis=0)
        told = ", ".join(f"{name} {share:.0%}" for name, share in zip(ATTRIBUTES, best, strict=True))
        return f"Pointing({self.words} words each; best layer {told}; chance {self.chance.mean():.0%})"

    def _repr_html_(self) -> str:
        rows = [
            (name, row, *(f"{share:.0%}" for share in self.hits[place, layer]))
            for place, row in enumerate(ROWS)
            for layer, name in enumerate(self.layers)
        ]
        rows.append(("chance", "", *(f"{share:.0%}" for share in self.chance)))
        title = f"the strongest patch lies on the thing; {self.words} words each"
        return html_table(title, ("map of", "read in", *ATTRIBUTES), rows)


def pointing(model: Any, pairs: Any) -> Pointing:
    """Where the words of greedy captions looked, held against the masks of the things they name.

    A mention counts where it is right, so that there is a thing to point at.

    Args:
        model: a captioner whose attention can be read.
        pairs: of `data.load("shapes")`, whose scenes say where each thing is.

    Raises:
        BadInputError: no caption named a thing rightly.
    """
    from workbench.generation import replay, write

    layers: tuple[str, ...] = ()
    found: list[NDArray[np.bool_]] = []
    covered: list[float] = []
    for place, scene in enumerate(pairs.columns["scene"]):
        answer = write(model, pairs[place], alternatives=0)
        looked = word_attention(replay(model, answer, heads="mean"), answer)
        layers = looked.layers
        for patches, steps in _named(answer, looked, scene):
            covered.append(float(patches.mean()))
            found.append(np.array([_on(looked, patches, step + late) for late in (0, 1) for step in steps]))
    if not found:
        raise BadInputError(
            f"No caption of {pairs!r} names a thing rightly, so there is nothing to point at. Give other "
            "scenes, or a captioner of such scenes."
        )
    hits = np.stack(found).reshape(len(found), len(ROWS), len(ATTRIBUTES), len(layers)).mean(axis=0)
    chance = np.full(len(ATTRIBUTES), np.mean(covered))
    return Pointing(layers, frozen(hits.swapaxes(1, 2), float), frozen(chance, float), len(found))


def _named(
    answer: Answer, looked: WordAttention, scene: Scene
) -> Iterator[tuple[NDArray[np.bool_], tuple[int, ...]]]:
    """Of each thing named rightly its patches, and the steps of its size, colour and shape."""
    if looked.grid is None:
        raise BadInputError(f"{looked!r} has no map of the picture; give a captioner that sees patches.")
    starts = np.cumsum([0, *map(len, answer.pieces)])
    for mention in truth(answer.text, scene).mentions:
        if mention.outcome != "right" or mention.thing is None or mention.size is None:
            continue
        inside = (starts[1:] > mention.start) & (starts[:-1] < mention.end)
        steps = np.flatnonzero(inside).tolist()
        if len(steps) == len(ATTRIBUTES):
            yield _patches(scene.mask(mention.thing), looked.grid), tuple(steps)


def _patches(mask: NDArray[np.bool_], grid: tuple[int, int]) -> NDArray[np.bool_]:
    """row x col of the grid: the patches of which the mask covers anything."""
    rows, cols = (np.arange(SIDE) * size // SIDE for size in grid)
    covered = np.zeros(grid, bool)
    np.logical_or.at(covered, (rows[:, None], cols[None]), mask)
    return covered


def _on(looked: WordAttention, patches: NDArray[np.bool_], step: int) -> list[bool]:
    """Layer by layer, whether the strongest patch of a step is one of these."""
    maps = looked.maps[:, step].reshape(len(looked.layers), -1)
    return [bool(patches.ravel()[one]) for one in maps.argmax(axis=1)]


# Exercises ------------------------------------------------------------------------------------


def exercises() -> dict[str, str]:
    """Name to question of every exercise."""
    return {name: one.question for name, one in _EXERCISES.items()}


def check(exercise: str, answer: float) -> Verdict:
    """Is `answer` right? The words say why, or what to try.

    Raises:
        UnknownNameError: there is no such exercise; the message lists them.
        BadInputError: the answer is not a number.
    """
    return judged(_EXERCISES, exercise, answer)


def _row_of(count: int) -> Scene:
    """So many things beside each other."""
    colours = list(COLOURS)
    return Scene(
        tuple(Thing("circle", colours[place], "small", 48.0, 12.0 + 24 * place) for place in range(count))
    )


def _bleu_of_one_wrong() -> float:
    reference = "a large red square and a small blue star"
    scores = score_captions([reference.replace("red", "green")], [reference], measures=["BLEU"], shuffles=0)
    return scores["BLEU-1"].value


_EXERCISES: dict[str, Exercise] = {
    "mask": Exercise(
        "A caption has 10 tokens, so its causal mask has 10 x 10 places. How many of them are open?",
        lambda: float(np.tri(10).sum()), 0,
        "55: a token sees itself and what is before it, 1 + 2 + ... + 10.",
        "the first token sees one place (itself), the second two. Add them up to the tenth.",
    ),
    "orders": Exercise(
        "A scene holds three things, which may be named in any order. How many true captions has it?",
        lambda: float(len(true_captions(_row_of(3)))), 0,
        "3! = 6. An exact match with one reference misses five of them.",
        "three things may come first, then two are left. Or count them: len(true_captions(scene)).",
    ),
    "floor": Exercise(
        "A perfect captioner knows the scene and not the order. How many nats must it pay for a caption of "
        "four things?",
        lambda: float(np.log(len(true_captions(_row_of(4))))), 0.01,
        "ln 4! = 3.18. Each of 24 orders has probability 1/24, and no training takes the loss below that.",
        "24 captions are equally true. What is minus the natural logarithm of 1/24?",
    ),
    "temperature": Exercise(
        "The model gives one word .9 and another .1. What does the second get at temperature 2?",
        lambda: float(filtered(np.log([0.9, 0.1]), temperature=2.0)[1]), 0.005,
        "a quarter. The logarithms are halved, so the odds of 9 to 1 become their root, 3 to 1.",
        "dividing logits by 2 takes the square root of the odds: 9 to 1 becomes ... Try "
        "filtered([ln .9, ln .1], temperature=2).",
    ),
    "one word": Exercise(
        "A caption of nine words has one wrong: the colour. What is its BLEU-1, the share of its words that "
        "the reference has (0 to 1)?",
        _bleu_of_one_wrong, 0.005,
        "8/9 = .89, and the caption is false. BLEU does not know which words matter.",
        "count the words of 'a large green square and a small blue star' that stand in 'a large red square "
        "and a small blue star' too.",
    ),
}  # fmt: skip
