"""A writer whose every probability is a number in a table: what a word rests on is known exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from workbench.generation import Answer
from workbench.models.base import ModelCard
from workbench.models.writer import Forced, Question

PIECES = ("<s>", "", "a", " red", " blue", " green", " circle", " square", "A")
START, END, A, RED, BLUE, GREEN, CIRCLE, SQUARE, LOUD = range(9)
COLOURS = {RED: (255, 0, 0), BLUE: (0, 0, 255), GREEN: (0, 255, 0)}
SEEN = {colour: {**dict.fromkeys(COLOURS, 0.1), colour: 0.8} for colour in COLOURS}
"""Which colour is said of a picture of each; any other picture gives a third each."""
SHAPES = {RED: (0.9, 0.1), BLUE: (0.2, 0.8), GREEN: (0.5, 0.5)}
"""A circle or a square, by the colour that was *said*: a prior, whatever is in the picture."""
FIRST = {True: (0.25, 0.75), False: (0.99, 0.01)}
""""a" or "A", by whether there is an instruction."""


def picture(colour: int, size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.new("RGB", size, COLOURS[colour])


class Table(nn.Module):
    """Logits of each position from the tables: of the number of the picture's colour, then of the words."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, input_ids: Tensor, colour: Tensor) -> Any:
        rows = [
            self._row(input_ids[0, : place + 1].tolist(), int(colour)) for place in range(len(input_ids[0]))
        ]
        scores = torch.tensor(np.log(np.maximum(rows, 1e-9)))[None] + 3.0 + self.shift.double()
        return type("Output", (), {"logits": scores})()

    def _row(self, before: Sequence[int], colour: int) -> np.ndarray:
        chances: Mapping[int, float] = {END: 1.0}
        last, asked = before[-1], before.count(START) == 2
        if last == START:
            chances = dict(zip((A, LOUD), FIRST[asked], strict=True))
        elif last in (A, LOUD):
            chances = SEEN.get(colour, dict.fromkeys(COLOURS, 1 / 3))
        elif last in COLOURS:
            chances = dict(zip((CIRCLE, SQUARE), SHAPES[last], strict=True))
        return np.array([chances.get(token, 0.0) for token in range(len(PIECES))])


class TableWriter:
    """A question is the start, twice with an instruction, and the picture's colour."""

    card = ModelCard("table", "tests", "table", "none")
    capabilities: Mapping[str, str | None] = dict.fromkeys(("write", "see"))
    precision, notes, context_length = "float32", (), None
    ends = frozenset({END})
    weights_hash = "table"

    def __init__(self) -> None:
        self.module, self.passes = Table(), 0

    def ask(self, pictures: Sequence[Image.Image] = (), prompt: str = "") -> Question:
        ids = [START, START] if prompt else [START]
        given = tuple(np.asarray(pictures[0]).mean(axis=(0, 1)).round()) if pictures else ()
        colour = next((one for one, value in COLOURS.items() if given == value), 0)
        tensors = {"input_ids": torch.tensor([ids]), "colour": torch.tensor(colour)}
        return Question(tensors, tuple(pictures), prompt, ids, tuple(PIECES[one] for one in ids),
                        np.array([2] * len(ids)))  # fmt: skip

    def begin(self, question: Question, answer: Sequence[int] = ()) -> Any:
        raise AssertionError("nothing that reads an answer writes one")

    def force(self, question: Question, answer: Sequence[int]) -> Forced:
        self.passes += 1
        ids = torch.cat(
            [question.tensors["input_ids"], torch.tensor([list(answer)], dtype=torch.long)], dim=1
        )
        first = len(question.tokens) - 1
        rows = np.arange(first, first + len(answer))
        return Forced(self.module, {**question.tensors, "input_ids": ids}, rows)

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(PIECES.index(word) for word in text.split("|"))

    def decode(self, tokens: Sequence[int]) -> tuple[str, ...]:
        return tuple(PIECES[one] for one in tokens)


def written(writer: TableWriter, colour: int = RED, said: int = RED, prompt: str = "loudly") -> Answer:
    """ "a red circle", of a picture, with what else could stand in each place."""
    tokens = [A, said, CIRCLE, END]
    question = writer.ask([picture(colour)], prompt)
    first = dict(zip((A, LOUD), FIRST[bool(prompt)], strict=True))
    chances = [first[A], SEEN[colour][said], SHAPES[said][0], 1.0]
    others = [[LOUD], [one for one in COLOURS if one != said], [SQUARE], []]
    table = np.full((4, 3), END), np.full((4, 3), -np.inf)
    for step, (token, rest) in enumerate(zip(tokens, others, strict=True)):
        for place, one in enumerate([token, *rest]):
            table[0][step, place] = one
            table[1][step, place] = np.log({**first, **SEEN[colour], CIRCLE: SHAPES[said][0],
                                            SQUARE: SHAPES[said][1], END: 1.0}[one])  # fmt: skip
    pieces = writer.decode(tokens)
    return Answer(
        "".join(pieces), pieces, np.array(tokens), np.log(chances), np.zeros(4), np.zeros(4, int), *table,
        tuple(tuple(PIECES[one] for one in row) for row in table[0]), prompt=prompt, ended="end",
        pictures=tuple(np.asarray(one) for one in question.pictures), question=question,
        words=((0, 1), (1, 2), (2, 4)), roles=question.roles,
    )  # fmt: skip
