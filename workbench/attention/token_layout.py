"""How the tokens of a sequence lie: which is a patch and where, which a word, which neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadInputError

__all__ = ["Kind", "PatchGrid", "Pooling", "Role", "Side", "TokenLayout"]

Side = Literal["image", "text", "joint", "audio"]
Role = Literal["", "decoder", "queries"]
Pooling = Literal["token", "mean", "attention", "none"]
Kind = Literal["special", "patch", "picture", "word", "padding"]


@dataclass(frozen=True)
class PatchGrid:
    """Where the patches of a further picture, tile or frame stand in the same sequence.

    Attributes:
        what: "picture 2", "tile 3".
        grid: rows and columns.
        places: of the patches in the sequence, row by row.
    """

    what: str
    grid: tuple[int, int]
    places: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.grid[0] * self.grid[1] != len(self.places):
            raise BadInputError(
                f"A grid of {self.grid[0]} x {self.grid[1]} needs as many places; got {len(self.places)}."
            )


@dataclass(frozen=True)
class TokenLayout:
    """The meaning of each token of one sequence.

    Attributes:
        side: "image", "text", "audio", or "joint" where words stand in one sequence with a picture or sound.
        count: tokens in all.
        grid: rows and columns of patches, or None; never assumed to be square.
        first_patch: where the patches begin; a class token and registers stand before them.
        places: of the patches, row by row, where they do not follow one another from `first_patch` on.
        more: further pictures, tiles or frames in the same sequence; `grid` is that of the first.
        pictured: places that stand for a picture without a place on `grid`: those of `more`, or a query
            former's.
        words: readable tokens in order; () where the text is not known. In a language model the picture's
            places are among them, and are no words.
        first_word: where the words begin.
        padded: places that are only there to fill the sequence.
        pooling: how the sequence becomes one vector: one token is read ("token"), the mean of all, or a
            pooling head that attends to all ("attention"); "none" where nothing is known.
        pooled: the token read, where it is one.
        role: "decoder" for what an encoder-decoder writes, "queries" for learned queries (a detector's
            objects, a query former, a pooling head), which are neither patches nor words; else "".
    """

    side: Side
    count: int
    grid: tuple[int, int] | None = None
    first_patch: int = 0
    words: tuple[str, ...] = ()
    first_word: int = 0
    padded: tuple[int, ...] = ()
    pooling: Pooling = "none"
    pooled: int | None = None
    pictured: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    more: tuple[PatchGrid, ...] = ()
    role: Role = ""

    def __post_init__(self) -> None:
        if self.places and len(set(self.places)) != self.patch_count:
            raise BadInputError(
                f"places names {len(set(self.places))} places; the grid has {self.patch_count} patches."
            )
        further = [place + 1 for one in self.more for place in one.places]
        last = max(self.places) + 1 if self.places else self.first_patch + self.patch_count
        ends = (last, self.first_word + len(self.words), *further)
        if self.count < 1 or max(ends) > self.count:
            raise BadInputError(
                f"A sequence of {self.count} tokens cannot hold {self.patch_count} patches from place "
                f"{self.first_patch} and {len(self.words)} words from place {self.first_word}."
            )

    @property
    def patch_count(self) -> int:
        """Number of patches; 0 without a grid."""
        return 0 if self.grid is None else self.grid[0] * self.grid[1]

    @property
    def patches(self) -> NDArray[np.int64]:
        """Places of the patches, row by row of the grid."""
        if self.places:
            return np.array(self.places, np.int64)
        return np.arange(self.first_patch, self.first_patch + self.patch_count)

    @property
    def stream(self) -> str:
        """Which sequence of the model this is: its side, and its role where it has one ("text.decoder")."""
        return f"{self.side}.{self.role}" if self.role else self.side

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What each token is; class tokens, registers, start and end marks are "special"."""
        kinds: list[Kind] = ["special"] * self.count
        for place, word in enumerate(self.words, self.first_word):
            kinds[place] = "special" if is_mark(word) else "word"
        for place in self.patches:
            kinds[int(place)] = "patch"
        for place in self.pictured:
            kinds[place] = "picture"
        for place in self.padded:
            kinds[place] = "padding"
        return tuple(kinds)

    @property
    def names(self) -> tuple[str, ...]:
        """What a human calls each token: "row 2, column 5", a word, "class token", "padding"."""
        plain = "query" if self.role == "queries" else "token"
        names = [f"{plain} {place}" for place in range(self.count)]
        for place in range(int(self.patches.min()) if self.grid else 0):
            joint = self.side == "joint"
            names[place] = (
                "class token" if place == 0 else "picture's class token" if joint else f"register {place}"
            )
        for place, word in enumerate(self.words, self.first_word):
            names[place] = word
        for number, place in enumerate(self.patches):
            row, column = divmod(number, (self.grid or (1, 1))[1])
            names[int(place)] = f"row {row}, column {column}"
        for number, place in enumerate(self.pictured):
            names[place] = f"picture token {number}"
        for one in self.more:
            for number, place in enumerate(one.places):
                row, column = divmod(number, one.grid[1])
                names[place] = f"{one.what}, row {row}, column {column}"
        for place in self.padded:
            names[place] = "padding"
        return tuple(names)

    def on_grid(self, values: NDArray) -> NDArray:
        """`values`, ... x token, as ... x row x column of the patches.

        Raises:
            BadInputError: this sequence holds no patches, or the values are not one a token.
        """
        if self.grid is None:
            raise BadInputError(f"This {self.side} sequence of {self.count} tokens holds no patches.")
        if values.shape[-1] != self.count:
            raise BadInputError(f"values has {values.shape[-1]} tokens; this sequence has {self.count}.")
        return values[..., self.patches].reshape(*values.shape[:-1], *self.grid)

    def place_of(self, token: int | str | tuple[int, int]) -> int:
        """The place of a `token` given as its number, its word, or its (row, column) on the grid.

        Raises:
            BadInputError: there is no such token; the message says which there are.
        """
        if isinstance(token, tuple):
            rows, columns = self.grid or (0, 0)
            row, column = token
            if not (0 <= row < rows and 0 <= column < columns):
                raise BadInputError(
                    f"There is no patch {token}; the grid is {rows} x {columns}, from (0, 0)."
                )
            return int(self.patches[row * columns + column])
        if isinstance(token, str):
            places = [
                place for place, word in enumerate(self.words, self.first_word) if bare(word) == bare(token)
            ]
            if not places:
                raise BadInputError(f"There is no word {token!r}; there are {_listed(self.words)}.")
            return places[0]
        if not -self.count <= token < self.count:
            raise BadInputError(f"There is no token {token}; this sequence has {self.count}, from 0.")
        return token % self.count


def is_mark(word: str) -> bool:
    """Whether a token is a mark of the tokeniser ("<start>", "[CLS]", "</s>") and no word."""
    inside = word.strip()
    return len(inside) > 2 and inside[0] + inside[-1] in ("<>", "[]")


def bare(word: str) -> str:
    """A token without the marks for the beginning or the end of a word."""
    return word.replace("</w>", "").replace("##", "").strip("▁Ġ ").lower()


def _listed(words: Sequence[str]) -> str:
    return (
        ", ".join(repr(word) for word in words[:12]) + (", …" if len(words) > 12 else "") if words else "none"
    )
