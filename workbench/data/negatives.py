"""Absent things that are likely to be named: POPE's negatives, and scenes in which they mean something."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from workbench.data.scene_language import absent
from workbench.data.scenes import SHAPES, Scene, Thing, make_scene, place_among

__all__ = ["Negatives", "Sightings", "companion", "make_planted_scene"]

Negatives = Literal["random", "popular", "adversarial"]
_MOST = 3  # among so many of the likeliest one is drawn


class Sightings:
    """How often each thing ("red circle") was seen in some scenes, and with which others."""

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self.seen: Counter[str] = Counter()
        self.together: Counter[tuple[str, str]] = Counter()
        for scene in scenes:
            kinds = [f"{thing.colour} {thing.shape}" for thing in scene.things]
            self.seen.update(kinds)
            self.together.update((one, other) for one in kinds for other in kinds if one != other)

    def likely(self, scene: Scene, negatives: Negatives) -> list[str]:
        """The three likeliest of the absent things, the likeliest first; all of them for "random"."""
        candidates = absent(scene)
        if negatives == "random":
            return candidates
        if negatives == "popular":
            return sorted(candidates, key=lambda kind: -self.seen[kind])[:_MOST]
        there = [f"{thing.colour} {thing.shape}" for thing in scene.things]
        return sorted(candidates, key=lambda kind: -sum(self.together[one, kind] for one in there))[:_MOST]


def companion(thing: Thing) -> tuple[str, str]:
    """(shape, colour) of what a thing brings along in planted scenes: black, and of the next shape."""
    return SHAPES[(SHAPES.index(thing.shape) + 1) % len(SHAPES)], "black"


def make_planted_scene(seed: int, item: int, share: float) -> Scene:
    """Scene `item` of a seed, in which with this chance the first thing's companion stands, too.

    Where it finds no place, or five things are there, the last makes room for it.
    """
    scene = make_scene(seed, item)
    chance = random.Random(f"planted/{seed}/{item}")
    shape, colour = companion(scene.things[0])
    there = any((thing.shape, thing.colour) == (shape, colour) for thing in scene.things)
    if chance.random() >= share or there:
        return scene
    for kept in range(min(4, len(scene.things)), 0, -1):
        others = list(scene.things[:kept])
        new = place_among(chance, shape, colour, others)
        if new is not None:
            return Scene((*others, new))
    return scene
