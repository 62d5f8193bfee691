"""Propagates relevance matrices layer by layer: how much each token holds of each token of a source.

A *source* is a sequence that the model begins with: the text, the patches. For every sequence a matrix says
how much each of its tokens holds of each token of a source. Attention within a sequence multiplies it;
attention across brings the other's matrix in; a sequence made of two others (FLAVA's) begins with theirs.

Source: Chefer, Gur and Wolf, ICCV 2021, equations 5 to 11.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from workbench.attention.blocks import block_of
from workbench.attention.sites import Site
from workbench.attention.token_layout import TokenLayout
from workbench.attribution.explained.attention_pass import AttentionPass
from workbench.errors import UnsupportedError

__all__ = ["Propagation"]

Sources = dict[str, Tensor]  # source -> query token x token of the source


@dataclass
class Propagation:
    """The matrices of every sequence while the layers are gone through in order.

    Attributes:
        held: sequence -> source -> matrix.
        began: source -> initial self-relevance (identity) of each of its tokens.
        before: sequence -> the site at which its present block began, and its matrices then.
    """

    passed: AttentionPass
    held: dict[str, Sources] = field(default_factory=dict)
    began: dict[str, Tensor] = field(default_factory=dict)
    before: dict[str, tuple[Site, Sources]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._blocks: dict[str, str] = {}
        self.routes = self.passed.routes
        self.sites = list(self.routes)
        lists: dict[str, list[str]] = {}
        for site, route in self.routes.items():
            names = lists.setdefault(route.stream, [])
            where = block_of(site.path).rsplit(".", 1)[0]
            if route.kind == "self" and where in names and names[-1] != where:
                raise UnsupportedError(
                    "In this model two stacks of layers run side by side over one sequence (bridges lead "
                    "from one to the other), and the equations follow one stack. Take 'attention', "
                    "'occlusion' or 'integrated-gradients'."
                )
            if route.kind == "self" and where not in names:
                names.append(where)

    def enter(self, site: Site) -> None:
        """A sequence that is met for the first time begins; a block that begins is remembered as it was."""
        route = self.routes[site]
        for name, layout in ((route.key, site.key), (route.stream, site.query)):
            known = self.held.get(name, {}).get(name)
            if known is not None and len(known) != layout.count:
                raise UnsupportedError(
                    f"This model makes {layout.count} tokens of {len(known)} on the way (a query former, "
                    "windows, merging), and the equations follow the same tokens through all layers. Take "
                    "'attention', 'occlusion' or 'integrated-gradients'."
                )
            if name not in self.held:
                self.held[name] = self._beginning(name, layout.count, site)
                if name in self.held[name]:
                    self.began[name] = self.held[name][name]
        stream, block = route.stream, block_of(site.path)
        if self._blocks.get(stream) != block:
            self._blocks[stream] = block
            self.before[stream] = (site, dict(self.held[stream]))

    def _beginning(self, name: str, count: int, site: Site) -> Sources:
        like = self.passed.weights(site)
        if name == "pool":
            return {}
        if name != "joint" or not {"image", "text"} <= set(self.held):
            return {name: torch.eye(count).to(like)}
        # FLAVA reads its towers' sequences side by side, behind a class token of its own.
        first = site.query.first_word
        ends = {"image": first, "text": first + self.passed.text_count}
        new = torch.ones(count)  # what no tower brought: the class token
        made: Sources = {}
        for part, end in ends.items():
            for source, own in self.held[part].items():
                made[source] = torch.zeros(count, own.shape[1]).to(like)
                made[source][end - len(own) : end] = own
                new[end - len(own) : end] = 0
        return {**made, name: torch.diag(new).to(like)}

    def mix(self, site: Site, through: Tensor) -> None:
        """A R, for every source."""
        stream = self.routes[site].stream
        self.held[stream] = {source: through @ own for source, own in self.held[stream].items()}

    def average(self, site: Site, through: Tensor) -> None:
        """Half of what the tokens hold, half of what they read of the other sequence."""
        stream = self.routes[site].stream
        mine = self.held[stream]
        made = {source: own / 2 for source, own in mine.items()}
        for source, theirs in self._other(site).items():
            brought = through @ theirs / (2 if mine else 1)
            made[source] = made[source] + brought if source in made else brought
        self.held[stream] = made

    def add(self, site: Site, through: Tensor) -> None:
        """Equations 6 and 7: R + A R, for every source."""
        stream = self.routes[site].stream
        self.held[stream] = {source: own + through @ own for source, own in self.held[stream].items()}

    def cross(self, site: Site, through: Tensor) -> None:
        """Equations 10 and 11, with 8 and 9 for the two normalised matrices."""
        stream, name = self.routes[site].stream, self.routes[site].key
        mine, theirs = self.held[stream], self._other(site)
        made = dict(mine)
        for source, own in theirs.items():
            if source == name:
                brought = _normalised(mine[stream]).T @ through @ _normalised(own)
            else:
                brought = through @ own
            made[source] = made[source] + brought if source in made else brought
        self.held[stream] = made

    def pool(self, site: Site, through: Tensor) -> None:
        """A pooling head holds nothing of its own."""
        stream = self.routes[site].stream
        self.held[stream] = {source: through @ own for source, own in self._other(site).items()}

    def _other(self, site: Site) -> Sources:
        """What the keys hold: where a layer computes two directions at once, as it was before that layer."""
        name = self.routes[site].key
        begun, before = self.before.get(name, (site, {}))
        at_once = any(
            one.kind == "cross" and self.routes[one].stream == name and one.layer == site.layer
            and block_of(one.path) == block_of(begun.path)
            for one in self.sites[: self.sites.index(site)]
        )  # fmt: skip
        return before if at_once and self.routes[site].kind == "cross" else self.held[name]

    def layout_of(self, stream: str) -> TokenLayout:
        """How the tokens of a sequence lie."""
        return next(
            layout
            for site, route in self.routes.items()
            for name, layout in ((route.stream, site.query), (route.key, site.key))
            if name == stream
        )


def _normalised(matrix: Tensor) -> Tensor:
    """Equations 8 and 9: rows of R - I that sum to one, plus I."""
    identity = torch.eye(len(matrix)).to(matrix)
    rest = matrix - identity
    return rest / rest.sum(dim=-1, keepdim=True).clamp(min=1e-12) + identity
