"""Tokens of an answer as the pieces of its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import BadInputError
from workbench.formatting import one_line

__all__ = ["Speller"]

_BROKEN = "\ufffd"  # what a tokeniser decodes a part of a character to


class Speller:
    """Cuts the text that a tokeniser makes of many tokens into a piece for each of them.

    Beginnings that grow token by token are the common case: the last one is kept, so that a token more costs
    one decoding.
    """

    def __init__(self, tokeniser: Any | None) -> None:
        self._tokeniser = tokeniser
        self._last: tuple[tuple[int, ...], tuple[str, ...], str] = ((), (), "")

    def __call__(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """One piece a token; joined they are what the tokeniser itself makes of all, without special tokens.

        Where a later token changes what stands before it (English apostrophes drawn to their word), the
        pieces in front are shortened and the later one holds what came instead.
        """
        ids = tuple(int(token) for token in tokens)
        if self._tokeniser is None:
            return tuple(f" {token}" for token in ids)
        known, pieces, text = self._last
        if ids[: len(known)] != known:
            known, pieces, text = (), (), ""
        grown = list(pieces)
        for stop in range(len(known) + 1, len(ids) + 1):
            new = self._text(ids[:stop])
            whole = new.rstrip(_BROKEN) if stop < len(ids) else new
            same = _common(text, whole)
            grown = _shortened(grown, same)
            grown.append(whole[same:])
            text = whole
        pieces = tuple(grown)
        if not text.endswith(_BROKEN):
            self._last = (ids, pieces, text)
        return pieces

    def tokens(self, text: str) -> tuple[int, ...]:
        """The tokens of a text, without special ones.

        Raises:
            BadInputError: there is no tokeniser, and the text does not name tokens as the pieces do.
        """
        if self._tokeniser is not None:
            return tuple(self._tokeniser(text, add_special_tokens=False)["input_ids"])
        try:
            return tuple(int(token) for token in text.split())
        except ValueError as problem:
            raise BadInputError(
                f"The text {one_line(repr(text))} was given to a model without a tokeniser; expected ids of "
                "tokens."
            ) from problem

    def _text(self, ids: Sequence[int]) -> str:
        return str(self._tokeniser.decode(list(ids), skip_special_tokens=True))  # type: ignore[union-attr]


def _common(one: str, two: str) -> int:
    for place, (left, right) in enumerate(zip(one, two, strict=False)):
        if left != right:
            return place
    return min(len(one), len(two))


def _shortened(pieces: list[str], length: int) -> list[str]:
    """The pieces, of which no more than so many letters are left."""
    cut = []
    for piece in pieces:
        cut.append(piece[:length])
        length -= len(cut[-1])
    return cut
