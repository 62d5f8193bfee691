"""Queries put together: a picture plus words minus words, as one vector.

`#12 + snow - night` is picture 12, made snowier and less dark. The unit vectors of the parts are
added and subtracted, and the sum is scaled to unit length again. What comes out is a direction in
the model's space; that it means what the words say is a hope which the results must bear out.

Source: vector arithmetic on joint embeddings, Kiros, Salakhutdinov & Zemel 2014, "Unifying
Visual-Semantic Embeddings with Multimodal Neural Language Models", section 4.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench._repr import one_line
from workbench.errors import BadInputError

__all__ = ["Term", "composed_vector", "parse_query"]

_SIGN = re.compile(r"\s+([+\-−–])\s+")
_ITEM = re.compile(r"#\s*(\d+)")
_NOTHING = 1e-4  # a sum shorter than this has no direction of its own


@dataclass(frozen=True)
class Term:
    """One part of a query: words, or the number after `#`; `sign` is +1 or -1."""

    sign: int
    words: str = ""
    number: int | None = None


def parse_query(query: str) -> tuple[Term, ...]:
    """The parts of `words`, `#12`, `#12 + words - words`; a sign counts only between spaces.

    Raises:
        BadInputError: nothing was typed, a part is empty, or the first part is subtracted.
    """
    text = " ".join(query.split())
    if not text:
        raise BadInputError("The query is empty. Type words, or #12 for picture 12, joined by + and -.")
    pieces = _SIGN.split(f" {text} ")
    signs = [1, *(1 if sign == "+" else -1 for sign in pieces[1::2])]
    terms = [_term(sign, words.strip(), text) for sign, words in zip(signs, pieces[::2], strict=True)]
    return tuple(terms)


def composed_vector(
    terms: Sequence[Term],
    words: Callable[[list[str]], NDArray[np.float32]],
    picture: Callable[[int], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """feature: the sum of the terms' unit vectors, scaled to unit length.

    Args:
        words: gives text x feature for texts, unit vectors.
        picture: gives the unit vector of one number.

    Raises:
        BadInputError: the terms cancel each other out.
    """
    texts = [term.words for term in terms if term.number is None]
    vectors = iter(words(texts)) if texts else iter(())
    total = np.sum(
        [term.sign * (next(vectors) if term.number is None else picture(term.number)) for term in terms],
        axis=0,
    )
    length = float(np.linalg.norm(total))
    if length < _NOTHING:
        raise BadInputError("The parts of this query cancel each other out. Leave one of them away.")
    return (total / length).astype(np.float32)


def _term(sign: int, words: str, text: str) -> Term:
    if not words:
        raise BadInputError(
            f"A part of {one_line(text)!r} is empty. Write it like: #12 + snow - night, "
            "with spaces around + and -."
        )
    item = _ITEM.fullmatch(words)
    return Term(sign, number=int(item[1])) if item else Term(sign, words)
