"""The attention of one pass: its weights and their gradients, and which sequences each layer joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray
from torch import Tensor

from workbench.attention.sites import Site, SiteKind
from workbench.attention.token_layout import TokenLayout

__all__ = ["DECODER", "AttentionPass", "Route"]

DECODER = "decoder"
"""The sequence that an encoder-decoder writes: no part of it is a word of the text, nor a patch."""


@dataclass(frozen=True)
class Route:
    """Where an attention leads: the sequence it writes to, the one it reads, and whether they are one.

    Attributes:
        stream: "image", "text", "joint", "pool" for a pooling head, `DECODER`.
        key: the same, of what is read.
        kind: "self", "cross" or "pooling".
    """

    stream: str
    key: str
    kind: SiteKind


class AttentionPass(Protocol):
    """Every attention of one pass, held against a plain pass of the same inputs.

    Attributes:
        routes: each attention in the order in which it ran, and where it leads.
    """

    @property
    def routes(self) -> Mapping[Site, Route]:
        """site -> where it leads, in order."""
        ...

    @property
    def text_count(self) -> int:
        """Tokens of the text, padding included."""
        ...

    def weights(self, site: Site) -> Tensor:
        """head x query x key, outside the graph."""
        ...

    def gradients(self, sites: Sequence[Site]) -> list[Tensor]:
        """head x query x key each: how the explained score depends on the weights; asked for once."""
        ...

    def rows_read(self, site: Site) -> Tensor:
        """Indices of the queries from which the score is read."""
        ...

    def on_patches(self, layout: TokenLayout, values: Tensor) -> NDArray[Any] | None:
        """token values as row x col of the picture's cells; None where the sequence holds no patches."""
        ...

    def on_words(self, layout: TokenLayout, values: Tensor) -> NDArray[Any] | None:
        """token values as those of the explained text's tokens; None where the sequence holds none."""
        ...
