"""What the model reads: captions of scenes in many wordings, wrong ones that differ in one word, phrases."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from workbench.data.scene_language import caption
from workbench.data.scenes import COLOURS, SHAPES, SIDE, Scene, Thing

__all__ = ["Phrase", "learn", "mirrored", "phrases", "positives", "say", "say_wrongly"]

_OPENINGS = ("", "", "", "a picture of ", "there is ")
_WORDS = (
    "a", "an", "the", "and", "is", "are", "there", "of", "in", "with", "no", "not", "to", "or", "on",
    "at", "this", "picture", "photo", "scene", "drawing", "something", "thing", "things", "left",
    "right", "above", "below", "small", "large", "one", "two", "three", "four", "five", ",", ".", "?",
)  # fmt: skip
_PAD, _START, _UNKNOWN, _END = "<pad>", "<start>", "<unknown>", "<end>"


@dataclass(frozen=True)
class Phrase:
    """One thing by its attributes; None stands for any."""

    colour: str | None
    shape: str | None

    @property
    def text(self) -> str:
        """`a red circle`, `a circle`, `a red thing`."""
        return " ".join(word for word in ("a", self.colour, self.shape or "thing") if word)

    def fits(self, thing: Thing) -> bool:
        """Whether `thing` is what the phrase says."""
        return self.colour in (None, thing.colour) and self.shape in (None, thing.shape)


def phrases() -> tuple[Phrase, ...]:
    """Every colour with every shape, then every shape and every colour alone."""
    both = [Phrase(colour, shape) for colour in COLOURS for shape in SHAPES]
    alone = [Phrase(None, shape) for shape in SHAPES] + [Phrase(colour, None) for colour in COLOURS]
    return (*both, *alone)


def positives(scenes: list[Scene], known: tuple[Phrase, ...]) -> NDArray[np.float32]:
    """scene x phrase: 1 where something in the scene is what the phrase says."""
    return np.array(
        [[any(phrase.fits(thing) for thing in scene.things) for phrase in known] for scene in scenes],
        np.float32,
    )


def mirrored(scene: Scene) -> Scene:
    """Left and right exchanged; no shape here tells the difference, relations do."""
    return Scene(tuple(replace(thing, col=SIDE - thing.col) for thing in scene.things))


def say(scene: Scene, chance: random.Random) -> str:
    """A true caption: the data's own, or all things in any order, with or without their sizes."""
    if chance.random() < 0.3:
        return caption(scene)
    sized = chance.random() < 0.5
    names = [_name(thing, sized) for thing in chance.sample(scene.things, len(scene.things))]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return chance.choice(_OPENINGS) + listed


def say_wrongly(scene: Scene, chance: random.Random) -> str:
    """A caption with the same words in other places, where there are two things, else with a wrong word.

    Two things exchange their colours ("a red circle and a blue star" for a blue circle and a red star),
    which no bag of words can tell from the truth.
    """
    things = list(scene.things)
    pairs = [
        (a, b)
        for a in range(len(things))
        for b in range(a)
        if things[a].colour != things[b].colour and things[a].shape != things[b].shape
    ]
    if pairs and chance.random() < 0.7:
        a, b = chance.choice(pairs)
        things[a], things[b] = (
            replace(things[a], colour=things[b].colour),
            replace(things[b], colour=things[a].colour),
        )
    else:
        place = chance.randrange(len(things))
        taken = {(thing.colour, thing.shape) for thing in things}
        free = [(c, s) for c in COLOURS for s in SHAPES if (c, s) not in taken]
        near = [pair for pair in free if things[place].colour == pair[0] or things[place].shape == pair[1]]
        colour, shape = chance.choice(near)
        things[place] = replace(things[place], colour=colour, shape=shape)
    return say(Scene(tuple(things)), chance)


def learn() -> Tokenizer:
    """A word-level tokeniser of everything that can be said of a scene; other words become one unknown.

    The end token has the largest id of all, since open_clip pools the text tower at the largest id of a row.
    """
    words = [_PAD, _START, _UNKNOWN, *_WORDS, *COLOURS, *SHAPES, *(f"{shape}s" for shape in SHAPES), _END]
    vocabulary = {word: place for place, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=_UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([_PAD, _START, _UNKNOWN, _END])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_START} $A {_END}",
        special_tokens=[(_START, vocabulary[_START]), (_END, vocabulary[_END])],
    )
    return tokenizer


def _name(thing: Thing, sized: bool) -> str:
    return f"a {thing.size} {thing.colour} {thing.shape}" if sized else f"a {thing.colour} {thing.shape}"
