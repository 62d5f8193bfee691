"""`Site`: one attention of a model, and how the tokens on both sides of it lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.attention.token_layout import TokenLayout
from workbench.errors import BadInputError
from workbench.formatting import plural

__all__ = ["Site", "SiteKind", "with_rows", "writing"]

SiteKind = Literal["self", "cross", "pooling"]


@dataclass(frozen=True)
class Site:
    """One place in a model where tokens attend to tokens.

    Attributes:
        name: short, for people: "image.3", "text.0", "text.2.cross", "image.pool".
        path: of the module inside the model.
        kind: "self", "cross" (query and key are of two sequences) or "pooling" (a head reads all tokens).
        layer: counted from 0 among its kind and side.
        heads: how many.
        query, key: the tokens that attend, and those attended to.
        windows: how many attentions the layer computes at once, one a window, tile or picture.
        of: what they are of: "window" where the layer cuts its tokens, "picture" where several pictures or
            tiles go through it side by side; "" for one.
        part: which of several attentions that one run of the layer computes one after another, from 0: a
            window or a picture each, where their lengths differ.
    """

    name: str
    path: str
    kind: SiteKind
    layer: int
    heads: int
    query: TokenLayout
    key: TokenLayout
    windows: int = 1
    of: Literal["", "window", "picture"] = ""
    part: int = 0

    @property
    def values(self) -> int:
        """Number of attention weights, those of all windows."""
        return self.windows * self.heads * self.query.count * self.key.count

    def __str__(self) -> str:
        several = f", in {plural(self.windows, self.of or 'window')}" if self.windows > 1 else ""
        return (
            f"{self.name}: {plural(self.heads, 'head')}, {self.query.count} {self.query.side} tokens to "
            f"{self.key.count} {self.key.side} tokens{several}"
        )


def writing(sites: Iterable[Site]) -> tuple[Site, ...]:
    """Those that ask from the sequence that a model writes into, in their order: its decoder's, or, without
    one, the last that holds words.
    """
    all_of_them = tuple(sites)
    asking = [one for one in all_of_them if one.query.role == "decoder"] or [
        one for one in all_of_them if not one.query.role and one.query.side in ("joint", "text")
    ]
    return tuple(one for one in asking if one.query.count == asking[-1].query.count)


def with_rows(known: Sequence[Site], rows: Sequence[int]) -> tuple[Site, ...]:
    """The sites of the sequence that the model writes into, which has these places.

    Raises:
        BadInputError: it has no such place.
    """
    found = writing(known)
    count = found[0].query.count if found else 0
    wrong = [row for row in rows if not 0 <= row < count]
    if wrong:
        raise BadInputError(
            f"rows names place {wrong[0]}; this model writes into a sequence of {plural(count, 'place')}, "
            "from 0. Name places of it, or take rows='all'."
        )
    return found
