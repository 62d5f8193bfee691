"""Queries put together: a picture plus words minus words, as one vector.

`#12 + snow - night` is picture 12, made snowier and less dark. The unit vectors of the parts are
added and subtracted, and the sum is scaled to unit length again. What comes out is a direction in
the model's space; that it means what the words say is a hope which the results must bear out.

Source: vector arithmetic on joint embeddings, Kiros, Salakhutdinov & Zemel 2014, "Unifying
Visual-Semantic Embeddings with Multimodal Neural Language Models", section 4.3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import as_rows
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.formatting import one_line

__all__ = ["Term", "composed_vector", "parse_query"]

_SIGN = re.compile(r"\s+([+\-−–])\s+")
_ITEM = re.compile(r"#\s*(\d+)")
_NOTHING = 1e-4  # a sum shorter than this has no direction of its own


@dataclass(frozen=True)
class Term:
    """One part of a query: words, or a picture by its number.

    Attributes:
        sign: +1 or -1.
        words: as they were typed; "" where it is a picture.
        number: what stood after `#`; None where it is words.
    """

    sign: int
    words: str = ""
    number: int | None = None


@verb
def parse_query(query: str) -> tuple[Term, ...]:
    """The parts of `words`, `#12`, `#12 + words - words`; a sign counts only between spaces.

    Args:
        query: as it was typed.

    Returns:
        A `Term` for each part, in their order.

    Raises:
        BadInputError: nothing was typed, a part is empty, or the first part is subtracted.

    Example:
        >>> from workbench.zeroshot import parse_query
        >>> parse_query("#12 - night")
        (Term(sign=1, words='', number=12), Term(sign=-1, words='night', number=None))
    """
    text = " ".join(query.split())
    if not text:
        raise BadInputError("The query is empty. Type words, or #12 for picture 12, joined by + and -.")
    pieces = _SIGN.split(f" {text} ")
    signs = [1, *(1 if sign == "+" else -1 for sign in pieces[1::2])]
    terms = [_term(sign, words.strip(), text) for sign, words in zip(signs, pieces[::2], strict=True)]
    return tuple(terms)


@verb
def composed_vector(terms: Sequence[Term], vectors: ArrayLike) -> NDArray[np.float32]:
    """One vector for a query put together: the sum of its terms' unit vectors, scaled to unit length.

    Args:
        terms: of `parse_query`.
        vectors: term x feature, unit vectors: of its words, or of the picture that it names.

    Returns:
        feature, float32.

    Raises:
        BadInputError: not one vector for each term, or the terms cancel each other out.

    Source: Kiros, Salakhutdinov & Zemel 2014, section 4.3.

    Example:
        >>> import numpy as np
        >>> from workbench.zeroshot import composed_vector, parse_query
        >>> composed_vector(parse_query("#0 + snow"), np.eye(2))
        array([0.70710677, 0.70710677], dtype=float32)
    """
    parts = as_rows("vectors", vectors, "term feature", term=len(terms))
    total = np.sum([term.sign * part for term, part in zip(terms, parts, strict=True)], axis=0)
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
