"""`meeting`: where picture and text meet inside a model in use, and how much attention crosses there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.attention.blocks import block_of
from workbench.attention.families import GATE
from workbench.attention.head_statistics import crossing_shares, modalities
from workbench.attention.sites import Site
from workbench.calling import verb
from workbench.capture.trace import Trace
from workbench.errors import BadInputError
from workbench.formatting import html_table, plural
from workbench.results import Provenance

__all__ = ["Crossing", "Meeting", "meeting"]


@dataclass(frozen=True)
class Crossing:
    """One direction of one layer.

    Attributes:
        site: its name in the trace.
        asks, seen: "text" or "image": who attends, and to whom.
        kind: "self" where both stand in one sequence, "cross" where one sequence asks the other.
        share: of the attention of those who ask that goes to the other modality, the mean of all heads;
            1 by construction in cross-attention.
        low, high: the same, of the heads with least and most.
        even: the share if they attended to everything alike that they may see.
        gate: size of the gate that what crosses is multiplied with, 0 to 1, the mean of its numbers: tanh(a)
            of Flamingo and its kin; None where there is no gate, or the model is no longer held.
    """

    site: str
    asks: str
    seen: str
    kind: str
    share: float
    low: float
    high: float
    even: float
    gate: float | None = None


@dataclass(frozen=True)
class Meeting:
    """Where the modalities of one model meet, in the order of its layers.

    Attributes:
        model: its name.
        layers: the crossings; none where nothing crosses before the end.
        alone: "image" and "text" to the attention layers each goes alone before the first crossing.
        together: layers in which something crosses.
        trained: False for a model with random weights: then only the structure means something.
        provenance: of the trace that was read.
    """

    model: str
    layers: tuple[Crossing, ...]
    alone: Mapping[str, int]
    together: int
    trained: bool = True
    provenance: Provenance = field(default_factory=lambda: Provenance("meeting"))

    def __str__(self) -> str:
        parts = [f"{plural(count, 'layer')} of the {side}" for side, count in self.alone.items() if count]
        if not self.layers:
            return f"nothing crosses in {' and '.join(parts)}: they meet in one number at the end"
        begin = f"after {' and '.join(parts)}" if parts else "from the first layer on"
        how = "one sequence" if self.layers[0].kind == "self" else "cross-attention"
        how = f"gated {how}" if any(one.gate is not None for one in self.layers) else how
        return f"they meet {begin}, in {plural(self.together, 'layer')}, by {how}"

    def __repr__(self) -> str:
        weights = "" if self.trained else ", random weights"
        return f"Meeting({self.model}: {self}{weights})"

    def _repr_html_(self) -> str:
        rows = [
            (one.site, f"{one.asks} to {one.seen}", one.kind, f"{one.share:.1%}",
             f"{one.low:.1%} to {one.high:.1%}", f"{one.even:.1%}",
             "" if one.gate is None else f"{one.gate:.2f}")
            for one in self.layers
        ]  # fmt: skip
        header = ("layer", "who asks whom", "attention", "share that crosses", "its heads", "if even", "gate")
        return html_table(repr(self), header, rows)


@verb
def meeting(trace: Trace, *, trained: bool = True) -> Meeting:
    """What a captured pair tells of the model's fusion, in the terms of the lab.

    Args:
        trace: `capture(model, pair)` of a model that reads a picture and a text, with all its sites.
        trained: say False for random weights.

    Returns:
        A `Meeting`: `.layers` are the crossings, `str(...)` says it in a sentence.

    Raises:
        BadInputError: the trace holds one modality only, or not every row of its attention.

    Example:
        >>> from workbench import data
        >>> from workbench.capture import capture
        >>> from workbench.fusion import meeting
        >>> meeting(capture("emoji-clip", data.load("emoji")[0])).layers  # two towers: nothing crosses
        ()
    """
    sides = {side for site in trace.sites for side in (site.query.side, site.key.side)}
    if "joint" not in sides and sides != {"image", "text"}:
        raise BadInputError(
            f"This trace holds {' and '.join(sorted(sides)) or 'nothing'} alone, so nothing can meet in it. "
            "Capture a model that reads a picture and a text, with both given."
        )
    found: list[Crossing] = []
    alone, together = {"image": 0, "text": 0}, set()
    for site in trace.sites:
        crossings = _of_site(site, trace)
        found += crossings
        if crossings:
            together.add(site.layer)
        elif not found and site.kind == "self" and site.query.side in alone:
            alone[site.query.side] += 1
    own = trace.provenance
    origin = Provenance("meeting", own.model, own.weights, own.data, dict(own.parameters))
    return Meeting(own.model or "model", tuple(found), alone, len(together), trained, origin)


def _gate(model: Any, site: Site) -> float | None:
    """Mean |tanh(a)| of the block's own gate before its cross-attention.

    Source: Alayrac et al. 2022, "Flamingo", section 2.2.
    """
    if not hasattr(model, "get_submodule") or not block_of(site.path):
        return None
    for name, value in model.get_submodule(block_of(site.path)).named_parameters(recurse=False):
        if GATE.search(name):
            return float(value.detach().float().tanh().abs().mean())
    return None


def _of_mixed_keys(site: Site, trace: Trace) -> list[Crossing]:
    """A decoder reads a sequence in which a picture stands among words: what goes to the picture crosses."""
    pictured, seen = modalities(site.key)["image"], np.array(site.key.kinds) != "padding"
    if not pictured.any():
        return []
    values = trace.attention(site).values.astype(np.float64)
    share = crossing_shares(values, np.ones(values.shape[1], bool), pictured).mean(axis=1)
    even = float(pictured.sum() / seen.sum())
    ends = float(share.min()), float(share.max())
    return [Crossing(site.name, "text", "image", "cross", float(share.mean()), *ends, even)]


def _of_site(site: Site, trace: Trace) -> list[Crossing]:
    attention = trace.attention(site)
    if len(attention.queries) < site.query.count:
        raise BadInputError(
            f"{site.name} was captured with some rows only; capture with rows='all' to see what crosses."
        )
    if site.kind == "cross" and site.key.side == "joint" and site.query.side == "text":
        return _of_mixed_keys(site, trace)
    if site.kind == "cross" and site.query.side != site.key.side:
        gate = _gate(trace.model, site)
        return [Crossing(site.name, site.query.side, site.key.side, "cross", 1.0, 1.0, 1.0, 1.0, gate)]
    if site.kind == "cross" or site.key.side != "joint":
        return []  # a query former asks its own picture: nothing crosses
    kinds, members, made = np.array(site.key.kinds), modalities(site.key), []
    seen_by = np.broadcast_to(kinds != "padding", (len(kinds), len(kinds)))
    if attention.causal:
        seen_by = np.tril(seen_by)
    for asks, seen in (("text", "image"), ("image", "text")):
        own, other = members[asks], members[seen]
        if not own.any() or not other.any():
            continue
        share = crossing_shares(attention.values.astype(np.float64), own, other).mean(axis=1)
        even = float(((seen_by & other)[own].sum(axis=1) / seen_by[own].sum(axis=1)).mean())
        ends = float(share.min()), float(share.max())
        made.append(Crossing(site.name, asks, seen, "self", float(share.mean()), *ends, even))
    return made
