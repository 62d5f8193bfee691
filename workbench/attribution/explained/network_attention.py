"""The attention of one pass of a model, and which sequences each of its layers joins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.attention.blocks import block_of
from workbench.attention.families import CROSSES, IN_DECODER
from workbench.attention.sites import Site
from workbench.attention.token_layout import TokenLayout
from workbench.attribution.explained.attention_pass import DECODER, Route

__all__ = ["NetworkAttention"]

Shown = Callable[[TokenLayout, Tensor], "NDArray[Any] | None"]


class NetworkAttention:
    """See `AttentionPass`.

    Args:
        attention, gradient: of each site in order, head x query x key.
        decodes: whether a decoder writes tokens of its own, beside those that an encoder reads.
        laid: whether the picture has cells that a map could be laid on.
        text_count: tokens of the text, padding included.
        on_patches, on_words: from token values of a sequence to those of the picture's cells, of its words.
    """

    def __init__(
        self,
        attention: Mapping[Site, Tensor],
        gradient: Mapping[Site, Tensor],
        *,
        decodes: bool,
        laid: bool,
        text_count: int,
        on_patches: Shown,
        on_words: Shown,
    ) -> None:
        self.attention, self.gradient, self.text_count = attention, gradient, text_count
        self.on_patches, self.on_words = on_patches, on_words
        self._decodes, self._laid = decodes, laid
        self._read: dict[Site, Tensor] = {}

    @cached_property
    def routes(self) -> Mapping[Site, Route]:
        """The route of every attention of a pass, in order. In an encoder-decoder the decoder's tokens are a
        sequence of their own, however many they are, and cross-attention reads the encoder's that is as long.
        """
        routes: dict[Site, Route] = {}
        lengths: dict[str, int] = {}
        for site in self.attention:
            if self._decodes and IN_DECODER.search(site.path):
                inside = site.path.removeprefix(block_of(site.path))
                read = [name for name, length in lengths.items() if length == site.key.count]
                if CROSSES.search(inside) and read:
                    routes[site] = Route(DECODER, read[-1], "cross")
                else:
                    routes[site] = Route(DECODER, DECODER, "self")
                continue
            stream = "pool" if site.kind == "pooling" else site.query.side
            key: str = site.key.side
            if site.kind == "cross" and lengths.get(key, site.key.count) != site.key.count and not self._laid:
                key = f"{key} as read"  # of tiles padded or cut on the way, which no map is made of
            routes[site] = Route(stream, key, site.kind)
            lengths.pop(stream, None)
            lengths[stream] = site.query.count
        return routes

    def weights(self, site: Site) -> Tensor:
        """head x query x key, outside the graph."""
        return self.attention[site]

    def gradients(self, sites: Sequence[Site]) -> list[Tensor]:
        """head x query x key each: how the score depends on the weights."""
        return [self.gradient[site] for site in sites]

    def rows_read(self, site: Site) -> Tensor:
        """Indices of the queries on which the score depends."""
        if site not in self._read:
            self._read[site] = torch.nonzero(self.gradient[site].abs().sum(dim=(0, 2))).flatten()
        return self._read[site]
