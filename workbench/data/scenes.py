"""What a `shapes` scene is: objects with places, the relations between them, and how they are drawn."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from workbench.errors import BadInputError

__all__ = [
    "COLOURS",
    "SHAPES",
    "SIDE",
    "SIZES",
    "Scene",
    "Thing",
    "draw_scene",
    "make_scene",
    "outline",
    "place_among",
]

SIDE = 96  # pixels, rows and columns of a scene
SHAPES = ("circle", "square", "triangle", "star", "cross")
COLOURS = {
    "red": (214, 40, 40),
    "green": (46, 139, 60),
    "blue": (38, 84, 201),
    "yellow": (240, 200, 20),
    "purple": (126, 50, 160),
    "black": (30, 30, 30),
}
SIZES = {"small": 9.0, "large": 16.0}  # radius in pixels
_GROUND = (255, 255, 255)
_OVERSAMPLED = 4  # edges are drawn four times finer and averaged
_GAP = 3.0  # pixels between two things
_ON_LINE = 1e-6  # pixels: a centre nearer than this to an edge lies on it
_APART = 12.0  # pixels: nearer than this along an axis, no relation is claimed


@dataclass(frozen=True)
class Thing:
    """One object; row and col are its centre in pixels, from the top left corner."""

    shape: str
    colour: str
    size: str
    row: float
    col: float

    @property
    def radius(self) -> float:
        """Of the circle round it, in pixels."""
        return SIZES[self.size]


@dataclass(frozen=True)
class Scene:
    """Objects that do not touch, no two alike in shape and colour."""

    things: tuple[Thing, ...]

    def mask(self, thing: int) -> NDArray[np.bool_]:
        """row x col: the pixels whose centre lies inside the outline; one on the line is outside.

        Raises:
            BadInputError: there is no such thing.
        """
        if not 0 <= thing < len(self.things):
            raise BadInputError(f"There is no thing {thing}; this scene has {len(self.things)}, from 0.")
        return _inside(outline(self.things[thing]))

    def relation(self, first: int, second: int) -> str | None:
        """Where `first` stands, seen from `second`: "left of", "right of", "above" or "below".

        None where neither axis is clear: the larger distance must be over 12 pixels.
        """
        down = self.things[first].row - self.things[second].row
        across = self.things[first].col - self.things[second].col
        if max(abs(down), abs(across)) <= _APART or abs(abs(down) - abs(across)) < 1:
            return None
        if abs(across) > abs(down):
            return "left of" if across < 0 else "right of"
        return "above" if down < 0 else "below"


def make_scene(seed: int, item: int) -> Scene:
    """Scene `item` of a seed; it does not depend on how many are made."""
    chance = random.Random(f"shapes/{seed}/{item}")
    wanted = chance.choice((1, 2, 2, 3, 3, 4, 5))
    kinds = chance.sample([(shape, colour) for shape in SHAPES for colour in COLOURS], wanted)
    things: list[Thing] = []
    for shape, colour in kinds:
        placed = place_among(chance, shape, colour, things)
        if placed is not None:
            things.append(placed)
    return Scene(tuple(things))


def draw_scene(scene: Scene) -> Image.Image:
    """The scene as RGB, SIDE x SIDE, with smooth edges."""
    fine = Image.new("RGB", (SIDE * _OVERSAMPLED, SIDE * _OVERSAMPLED), _GROUND)
    draw = ImageDraw.Draw(fine)
    for thing in scene.things:
        draw.polygon(_scaled(thing), fill=COLOURS[thing.colour])
    return fine.resize((SIDE, SIDE), Image.Resampling.BOX)


def outline(thing: Thing) -> list[tuple[float, float]]:
    """Corners as (col, row) in pixels; a circle has 64."""
    if thing.shape == "circle":
        return _ring(thing, [1.0] * 64, 0.0)
    if thing.shape == "square":
        return _ring(thing, [1.0] * 4, math.pi / 4)
    if thing.shape == "triangle":
        return _ring(thing, [1.0] * 3, -math.pi / 2)
    if thing.shape == "star":
        return _ring(thing, [1.0, 0.42] * 5, -math.pi / 2)
    arm, reach = 0.3 * thing.radius, thing.radius * 0.95
    steps = [(-arm, -reach), (arm, -reach), (arm, -arm), (reach, -arm), (reach, arm), (arm, arm)]
    steps += [(-col, -row) for col, row in steps]
    return [(thing.col + col, thing.row + row) for col, row in steps]


def _ring(thing: Thing, radii: list[float], start: float) -> list[tuple[float, float]]:
    turn = 2 * math.pi / len(radii)
    return [
        (
            thing.col + thing.radius * radius * math.cos(start + k * turn),
            thing.row + thing.radius * radius * math.sin(start + k * turn),
        )
        for k, radius in enumerate(radii)
    ]


def _inside(corners: list[tuple[float, float]]) -> NDArray[np.bool_]:
    """row x col: whether a pixel's centre lies in the polygon; `corners` are (col, row), in order.

    By the even-odd rule: a line to the right of a point inside crosses the outline an odd number of times.
    """
    rows, cols = (np.arange(SIDE) + 0.5)[:, None], (np.arange(SIDE) + 0.5)[None]
    odd, on_line = np.zeros((SIDE, SIDE), dtype=bool), np.zeros((SIDE, SIDE), dtype=bool)
    for (col, row), (col_2, row_2) in zip(corners, corners[1:] + corners[:1], strict=True):
        across, down = col_2 - col, row_2 - row
        length = math.hypot(across, down)
        aside = ((cols - col) * down - (rows - row) * across) / length
        along = ((cols - col) * across + (rows - row) * down) / length
        # The base of a small triangle runs through centres; rounding must not choose which of them are in.
        on_line |= (abs(aside) < _ON_LINE) & (along > -_ON_LINE) & (along < length + _ON_LINE)
        left_of_it = aside < 0 if down > 0 else aside > 0
        odd ^= ((row > rows) != (row_2 > rows)) & left_of_it
    return odd & ~on_line


def _scaled(thing: Thing) -> list[tuple[float, float]]:
    return [(col * _OVERSAMPLED, row * _OVERSAMPLED) for col, row in outline(thing)]


def place_among(chance: random.Random, shape: str, colour: str, others: list[Thing]) -> Thing | None:
    """A thing that touches no other; None if fifty places were all too near."""
    size = chance.choice(tuple(SIZES))
    margin = SIZES[size] + 2
    for _ in range(50):
        # Whole pixels, so that the bytes of a scene do not depend on the machine's arithmetic.
        row, col = (float(chance.randint(math.ceil(margin), math.floor(SIDE - margin))) for _ in range(2))
        new = Thing(shape, colour, size, row, col)
        if all(math.hypot(row - o.row, col - o.col) > new.radius + o.radius + _GAP for o in others):
            return new
    return None
