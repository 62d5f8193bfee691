"""The attention of a pair's two passes, one through each tower."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.attention.recorder import Call
from workbench.attention.sites import Site
from workbench.attention.token_layout import TokenLayout
from workbench.attribution.explained.attention_pass import Route
from workbench.attribution.method_interface import as_array

__all__ = ["PairAttention", "Pass", "rows_read"]


@dataclass(frozen=True)
class Pass:
    """One differentiable pass of a tower.

    Attributes:
        features: item x feature.
        layers: its attention layers in order.
        layout: how its tokens lie.
        rows: indices of the tokens that become the vector, without those that a pooling head makes.
        hidden: of each block its output, item x token x width (image tower only).
    """

    features: Tensor
    layers: list[Call]
    layout: TokenLayout
    rows: Tensor
    hidden: list[Tensor] = field(default_factory=list)

    @property
    def blocks(self) -> list[Call]:
        """The layers without pooling heads."""
        return [layer for layer in self.layers if not layer.pools]


def rows_read(layout: TokenLayout) -> Tensor:
    """Of an image tower: its class token, its patches where they are averaged, or all that a head pools."""
    if layout.pooling == "mean":
        return torch.from_numpy(layout.patches)
    return torch.arange(layout.count if layout.pooling == "attention" else 1)


class PairAttention:
    """See `AttentionPass`.

    Args:
        gradient: from "image" or "text" and weights of that pass to the gradients of the score.
    """

    def __init__(
        self, image: Pass, text: Pass, gradient: Callable[[str, Sequence[Tensor]], Sequence[Tensor]]
    ) -> None:
        self._passes = {"image": image, "text": text}
        self._gradient = gradient
        self._calls: dict[Site, Call] = {}
        self._routes: dict[Site, Route] = {}
        for side, made in self._passes.items():
            layout = made.layout
            for layer, call in enumerate(made.blocks):
                site = Site(f"{side}.{layer}", call.path, "self", layer, call.heads, layout, layout)
                self._calls[site], self._routes[site] = call, Route(side, side, "self")
            for call in [one for one in made.layers if one.pools][-1:]:
                queries = TokenLayout("image", call.query, role="queries")
                last = len(made.blocks) - 1
                site = Site(f"{side}.pool", call.path, "pooling", last, call.heads, queries, layout)
                self._calls[site], self._routes[site] = call, Route("pool", side, "pooling")

    @property
    def routes(self) -> Mapping[Site, Route]:
        """site -> where it leads, in order: the image tower, then the text tower."""
        return self._routes

    @property
    def text_count(self) -> int:
        """Tokens that the text tower reads."""
        return self._passes["text"].layout.count

    def weights(self, site: Site) -> Tensor:
        """head x query x key, outside the graph."""
        return self._calls[site].weights[0].detach()

    def gradients(self, sites: Sequence[Site]) -> list[Tensor]:
        """head x query x key each, one pass back through each tower; the graph is gone afterwards."""
        found: dict[Site, Tensor] = {}
        for side in self._passes:
            mine = [site for site in sites if site.key.side == side]
            if mine:
                slopes = self._gradient(side, [self._calls[site].weights for site in mine])
                found |= {site: slope[0] for site, slope in zip(mine, slopes, strict=True)}
        return [found[site] for site in sites]

    def rows_read(self, site: Site) -> Tensor:
        """Indices of the queries that become the tower's vector; of a pooling head its first."""
        if site.kind == "pooling":
            return torch.arange(1)
        return self._passes[site.key.side].rows

    def on_patches(self, layout: TokenLayout, values: Tensor) -> NDArray[Any] | None:
        """token values as row x col of the patches."""
        return None if layout.grid is None else as_array(values)[layout.patches].reshape(layout.grid)

    def on_words(self, layout: TokenLayout, values: Tensor) -> NDArray[Any] | None:
        """token values as those of the text's tokens, without padding."""
        if layout.side != "text":
            return None
        return as_array(values)[layout.first_word : layout.first_word + len(layout.words)]
