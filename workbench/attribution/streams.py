"""What each token of every sequence holds of every source, while the layers of a model are gone through.

A *source* is a sequence that the model begins with: the text, the patches. For every sequence a matrix says
how much each of its tokens holds of each token of a source. Attention within a sequence multiplies it;
attention across brings the other's matrix in; a sequence made of two others (FLAVA's) begins with theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from workbench.attribution.whole import Whole
from workbench.capture.layout import TokenLayout
from workbench.capture.sites import block_of
from workbench.capture.trace import Site
from workbench.errors import UnsupportedError

__all__ = ["Flow", "key_stream_of", "layout_of_stream", "stream_of"]

Sources = dict[str, Tensor]  # source -> query token x token of the source


@dataclass
class Flow:
    """The matrices of every sequence while the layers are gone through in order."""

    whole: Whole
    held: dict[str, Sources] = field(default_factory=dict)
    began: dict[str, Tensor] = field(default_factory=dict)  # source -> what each token was of itself
    before: dict[str, tuple[Site, Sources]] = field(default_factory=dict)

    @property
    def sites(self) -> Sequence[Site]:
        """Every attention, in the order of the pass."""
        return self.whole.sites

    def __post_init__(self) -> None:
        self._blocks: dict[str, str] = {}
        lists: dict[str, list[str]] = {}
        for site in self.whole.graph.attention:
            names = lists.setdefault(stream_of(site), [])
            where = block_of(site.path).rsplit(".", 1)[0]
            if site.kind == "self" and where in names and names[-1] != where:
                raise UnsupportedError(
                    "In this model two stacks of layers run side by side over one sequence (bridges lead "
                    "from one to the other), and the equations follow one stack. Take 'attention', "
                    "'occlusion' or 'integrated-gradients'."
                )
            if site.kind == "self" and where not in names:
                names.append(where)

    def enter(self, site: Site) -> None:
        """A sequence that is met for the first time begins; a block that begins is remembered as it was."""
        for name, layout in ((key_stream_of(site), site.key), (stream_of(site), site.query)):
            known = self.held.get(name, {}).get(name)
            if known is not None and len(known) != layout.count:
                raise UnsupportedError(
                    f"This model makes {layout.count} tokens of its picture's {len(known)} on the way, with "
                    "a query former, and the equations follow the same tokens through all layers. Take "
                    "'attention', 'occlusion' or 'integrated-gradients'."
                )
            if name not in self.held:
                self.held[name] = self._beginning(name, layout.count, site)
                if name in self.held[name]:
                    self.began[name] = self.held[name][name]
        stream, block = stream_of(site), block_of(site.path)
        if self._blocks.get(stream) != block:
            self._blocks[stream] = block
            self.before[stream] = (site, dict(self.held[stream]))

    def _beginning(self, name: str, count: int, site: Site) -> Sources:
        like = self.whole.graph.attention[site]
        if name == "pool":
            return {}
        if name != "joint" or not {"image", "text"} <= set(self.held):
            return {name: torch.eye(count).to(like)}
        # FLAVA reads its towers' sequences side by side, behind a class token of its own.
        first = site.query.first_word
        ends = {"image": first, "text": first + self.whole.subject.text_count}
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
        stream = stream_of(site)
        self.held[stream] = {source: through @ own for source, own in self.held[stream].items()}

    def average(self, site: Site, through: Tensor) -> None:
        """Half of what the tokens hold, half of what they read of the other sequence."""
        stream = stream_of(site)
        mine = self.held[stream]
        made = {source: own / 2 for source, own in mine.items()}
        for source, theirs in self._other(site).items():
            brought = through @ theirs / (2 if mine else 1)
            made[source] = made[source] + brought if source in made else brought
        self.held[stream] = made

    def add(self, site: Site, through: Tensor) -> None:
        """Equations 6 and 7: R + A R, for every source."""
        stream = stream_of(site)
        self.held[stream] = {source: own + through @ own for source, own in self.held[stream].items()}

    def cross(self, site: Site, through: Tensor) -> None:
        """Equations 10 and 11, with 8 and 9 for the two normalised matrices."""
        stream, name = stream_of(site), key_stream_of(site)
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
        self.held[stream_of(site)] = {source: through @ own for source, own in self._other(site).items()}

    def _other(self, site: Site) -> Sources:
        """What the keys hold: where a layer computes two directions at once, as it was before that layer."""
        name = key_stream_of(site)
        begun, before = self.before.get(name, (site, {}))
        at_once = any(
            one.kind == "cross" and stream_of(one) == name and one.layer == site.layer
            and block_of(one.path) == block_of(begun.path)
            for one in self.sites[: self.sites.index(site)]
        )  # fmt: skip
        return before if at_once and site.kind == "cross" else self.held[name]


def layout_of_stream(sites: Sequence[Site], stream: str) -> TokenLayout:
    """How the tokens of a sequence lie."""
    return next(
        layout
        for site in sites
        for name, layout in ((stream_of(site), site.query), (key_stream_of(site), site.key))
        if name == stream
    )


def stream_of(site: Site) -> str:
    """The sequence that a site writes to."""
    return "pool" if site.kind == "pooling" else site.query.side


def key_stream_of(site: Site) -> str:
    """The sequence that it reads."""
    return site.key.side


def _normalised(matrix: Tensor) -> Tensor:
    """Equations 8 and 9: rows of R - I that sum to one, plus I."""
    identity = torch.eye(len(matrix)).to(matrix)
    rest = matrix - identity
    return rest / rest.sum(dim=-1, keepdim=True).clamp(min=1e-12) + identity
