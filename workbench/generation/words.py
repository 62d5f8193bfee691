"""Which tokens are one word on the screen."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

__all__ = ["words_of"]

_JOINERS = frozenset("'’-_")
_ALONE = ("CJK ", "HIRAGANA ", "KATAKANA ")
"""How Unicode's names of characters begin that are written without spaces: each is a word."""


def words_of(pieces: Sequence[str], ends: int = 0) -> tuple[tuple[int, int], ...]:
    """Half-open ranges of steps, one a word: in order, together all steps.

    A run of letters, digits, apostrophes and hyphens is a word, with the space in front of it; so is each
    character of Chinese and Japanese, and each mark of punctuation: what is said of a word is not mixed with
    what is said of the full stop behind it. Tokens are never cut: one that holds several words belongs to the
    first. Pieces without a letter are the beginning of the character that the next one holds.

    Args:
        pieces: step; readable.
        ends: how many of the last steps are marks that end the answer; each stands alone.
    """
    spoken = len(pieces) - ends
    begins = _beginnings("".join(pieces[:spoken]))
    starts, place, seen = [], 0, -1
    for step, piece in enumerate(pieces[:spoken]):
        if step == 0 or (place in begins and place != seen):
            starts.append(step)
        seen = place
        place += len(piece)
    starts += range(spoken, len(pieces))
    return tuple(zip(starts, [*starts[1:], len(pieces)][: len(starts)], strict=True))


def _beginnings(text: str) -> frozenset[int]:
    """Places in a text where a word begins, the space in front of it included."""
    begins, before, spaces = {0}, "", 0
    for place, character in enumerate(text):
        kind = _kind(character)
        if kind == "space":
            spaces += 1
            continue
        number = kind == "mark" and character in ".,:" and _is_between_digits(text, place)
        kind = "word" if number else kind
        if spaces or kind != "word" or before != "word":
            begins.add(place - spaces)
        before, spaces = kind, 0
    return frozenset(begins)


def _kind(character: str) -> str:
    if character.isspace():
        return "space"
    if unicodedata.name(character, "").startswith(_ALONE):
        return "alone"
    letter = unicodedata.category(character)[0] in "LMN"
    return "word" if letter or character in _JOINERS else "mark"


def _is_between_digits(text: str, place: int) -> bool:
    return 0 < place < len(text) - 1 and text[place - 1].isdigit() and text[place + 1].isdigit()
