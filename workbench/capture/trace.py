"""`Trace`: what a model's layers attended to for one pair, with the meaning of every token."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.attention.sites import Site, SiteKind
from workbench.attention.token_layout import TokenLayout
from workbench.axes import check_axes, frozen
from workbench.errors import BadInputError, UnknownNameError, did_you_mean
from workbench.formatting import html_table, human_bytes, plural
from workbench.keeping import Form, Kept
from workbench.portable import Portable
from workbench.results import Provenance

__all__ = ["AttentionMap", "Estimate", "Trace"]


@dataclass(frozen=True, eq=False)
class AttentionMap(Portable):
    """The attention of one site: nothing is averaged, nothing rescaled.

    A layer that works in windows, or on several tiles or pictures, has a map for each: `values` is the first,
    `more` holds the others, and `window(number)` is any of them as a map by itself.

    Shapes:
        values: head x query x key; every row sums to 1
        more: window x head x query x key, those after the first; None where there is one
        queries: the tokens whose rows are there: `kept`, or all of them

    Attributes:
        site: which attention it is, and how its tokens lie.
    """

    site: Site
    values: NDArray[np.floating[Any]]
    kept: InitVar[NDArray[np.int64] | None] = None
    more: NDArray[np.floating[Any]] | None = None
    queries: NDArray[np.int64] = field(init=False)

    def __post_init__(self, kept: NDArray[np.int64] | None) -> None:
        rows = np.arange(self.site.query.count) if kept is None else kept
        sizes = {"head": self.site.heads, "query": len(rows), "key": self.site.key.count}
        check_axes("values", self.values, "head query key", **sizes)
        dtype = np.float16 if np.asarray(self.values).dtype == np.float16 else np.float32
        object.__setattr__(self, "values", frozen(self.values, dtype))
        if (0 if self.more is None else len(self.more)) != self.site.windows - 1:
            raise BadInputError(
                f"{self.site.name} has {plural(self.site.windows, 'window')}; got the maps of "
                f"{1 if self.more is None else 1 + len(self.more)}."
            )
        if self.more is not None:
            check_axes("more", self.more, "window head query key", **sizes)
            object.__setattr__(self, "more", frozen(self.more, dtype))
        object.__setattr__(self, "queries", frozen(rows, np.int64))

    def _arguments(self) -> dict[str, Any]:
        return {**super()._arguments(), "kept": self.queries}

    @property
    def query(self) -> TokenLayout:
        """The tokens that attend."""
        return self.site.query

    @property
    def key(self) -> TokenLayout:
        """The tokens attended to."""
        return self.site.key

    def window(self, number: int) -> AttentionMap:
        """The map of one window, tile or picture, `number` from 0, as a map of one.

        Raises:
            BadInputError: there is no such window.
        """
        if not 0 <= number < self.site.windows:
            raise BadInputError(
                f"There is no window {number}; {self.site.name} has {self.site.windows}, from 0."
            )
        values = self.values if number == 0 or self.more is None else self.more[number - 1]
        return AttentionMap(replace(self.site, windows=1), values, self.queries)

    @property
    def causal(self) -> bool:
        """Whether no token attends to a later one: read from the weights, not from a flag."""
        if self.site.kind != "self" or len(self.queries) < 2:
            return False
        later = np.arange(self.key.count)[None] > self.queries[:, None]
        return bool((self.values[:, later] == 0).all())

    def row(self, token: int | str | tuple[int, int], *, head: int | None = None) -> NDArray[np.float32]:
        """key: what one token attends to, in one head or in the mean of all.

        Args:
            token: its number, its word, or a patch's (row, column).
            head: its number; None takes the mean.

        Raises:
            BadInputError: no such token or head, or its row was not kept.
        """
        place = self.query.place_of(token)
        kept = np.flatnonzero(self.queries == place)
        if not len(kept):
            raise BadInputError(
                f"The row of token {place} was not kept: this capture took {len(self.queries)} of "
                f"{self.query.count} rows. Capture again with rows='all'."
            )
        if head is not None and not 0 <= head < self.site.heads:
            raise BadInputError(f"There is no head {head}; {self.site.name} has {self.site.heads}, from 0.")
        rows = self.values[:, kept[0]].astype(np.float32)
        return rows.mean(axis=0) if head is None else rows[head]

    def __repr__(self) -> str:
        return f"AttentionMap({self.site})"


@dataclass(frozen=True)
class Estimate:
    """What a capture would keep, before anything is kept.

    Attributes:
        sites: those chosen.
        bytes: of attention and hidden states together.
        seconds: of the run, from the plain pass that the estimate itself took.
        working: bytes that the largest layer takes besides, while it is written out, kept or not.
    """

    sites: tuple[Site, ...]
    bytes: int
    seconds: float
    working: int = 0

    def __str__(self) -> str:
        kept, sites = human_bytes(self.bytes), plural(len(self.sites), "site")
        return f"{kept} of {sites}, about {self.seconds:.2g} s"


@dataclass(frozen=True, eq=False)
class Trace(Kept):
    """Attention and hidden states of one input, by site.

    Attributes:
        maps: site name to `AttentionMap`, in the order of the forward pass; ask `.attention(site)`.
        states: token x feature of each site's block, by the site's name; ask `.hidden(site)`.
        picture: row x col x channel, uint8: the picture as the model sees it, or None.
        text: the text, or "".
        score: the model's own cosine of picture and text, or None where it has none.
        difference: the gate: how far the model's output with capture on lies from the plain one, relative;
            a capture above 1e-4 is refused, so this is always below.
        seconds: of the pass that kept.
        notes: what the reader must know.
        provenance: the model, its weights and the settings.
        pair: what was captured, or None.
        live: gives the model while somebody holds it; ask `.model`.
        credit: to be shown wherever `picture` is shown; that of `pair` unless another is given.
    """

    _form: ClassVar[Form] = Form("trace", "trace", "workbench.capture.open_trace")
    _left: ClassVar[tuple[str, ...]] = ("pair", "live")

    maps: Mapping[str, AttentionMap] = field(repr=False)
    states: Mapping[str, NDArray[np.floating[Any]]] = field(default_factory=dict, repr=False)
    picture: NDArray[np.uint8] | None = field(default=None, repr=False)
    text: str = ""
    score: float | None = None
    difference: float = 0.0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=lambda: Provenance("capture"))
    pair: Any = field(default=None, repr=False)
    live: weakref.ref[Any] | None = field(default=None, repr=False)
    credit: str = ""

    def __post_init__(self) -> None:
        if not self.maps:
            raise BadInputError("A Trace needs the attention of at least one site; got none.")
        for name, states in self.states.items():
            if name not in self.maps:
                raise BadInputError(f"Hidden states were given for {name!r}, which is no site of this trace.")
            check_axes(f"states[{name!r}]", states, "token feature")
        kept = {name: frozen(states, np.asarray(states).dtype) for name, states in self.states.items()}
        object.__setattr__(self, "maps", MappingProxyType(dict(self.maps)))
        object.__setattr__(self, "states", MappingProxyType(kept))
        if self.picture is not None:
            check_axes("picture", self.picture, "row col channel", channel=3)
            object.__setattr__(self, "picture", frozen(self.picture, np.uint8))
        object.__setattr__(self, "credit", self.credit or getattr(self.pair, "credit", ""))

    @property
    def sites(self) -> tuple[Site, ...]:
        """Every site, in the order of the forward pass."""
        return tuple(one.site for one in self.maps.values())

    @property
    def model(self) -> Any | None:
        """The model that was captured, while somebody still holds it; else None."""
        return self.live() if self.live is not None else None

    @property
    def bytes(self) -> int:
        """What the trace holds."""
        maps = sum(
            one.values.nbytes + (0 if one.more is None else one.more.nbytes) for one in self.maps.values()
        )
        return maps + sum(states.nbytes for states in self.states.values())

    def attention(self, site: str | Site) -> AttentionMap:
        """The attention of a `site`, by its name or its path.

        Raises:
            UnknownNameError: there is no such site; the message lists the nearest.
        """
        return self.maps[self._name(site)]

    def hidden(self, site: str | Site) -> NDArray[np.floating[Any]]:
        """token x feature: what the block of a `site` hands on.

        Raises:
            UnknownNameError: there is no such site.
            BadInputError: its states were not kept.
        """
        name = self._name(site)
        if name not in self.states:
            raise BadInputError(f"The hidden states of {name} were not kept. Capture again with hidden=True.")
        return self.states[name]

    def group(self, side: str, kind: SiteKind = "self") -> tuple[Site, ...]:
        """The sites of a `side` ("image", "text", "joint", "audio") and `kind`, by layer."""
        return tuple(site for site in self.sites if site.query.side == side and site.kind == kind)

    def _name(self, site: str | Site) -> str:
        wanted = site.name if isinstance(site, Site) else site
        if wanted in self.maps:
            return wanted
        found = next((one.name for one in self.sites if one.path == wanted), None)
        if found is None:
            raise UnknownNameError(
                f"There is no site {wanted!r} in this trace of {plural(len(self.maps), 'site')}"
                f"{did_you_mean(wanted, self.maps)}"
            )
        return found

    def __repr__(self) -> str:
        return (
            f"Trace({self.provenance.model or 'model'}, {plural(len(self.maps), 'site')}, "
            f"{human_bytes(self.bytes)}, output unchanged to {self.difference:.1g})"
        )

    def _repr_html_(self) -> str:
        rows = [
            (site.name, site.kind, str(site.heads), f"{site.query.count} {site.query.side}",
             f"{site.key.count} {site.key.side}", site.path)
            for site in self.sites
        ]  # fmt: skip
        return html_table(repr(self), ("site", "kind", "heads", "from", "to", "module"), rows)
