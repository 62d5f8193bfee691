"""A fusion as a graph: tokens in, blocks, where the modalities meet, an answer out. Plain data, no drawing.

Nodes keep their names while the slider moves, so the screen can move them instead of drawing anew.
What is drawn follows the modules of `workbench.fusion`; a test compares it with the attention that
the modules really compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.fusion import FusionCard

__all__ = ["Graph", "fusion_graph"]

_ROWS = {"text": 0.0, "joint": 1.0, "image": 2.0}
_SIDES = ("text", "image")

_LOGITS = {
    "mean-logits": "mean",
    "mean-probabilities": "mean of shares",
    "product-of-experts": "product",
    "learned-weights": "weights",
    "stacking": "MLP",
}
_VECTORS = {
    "gmu": "gate a feature",
    "concat-linear": "[v; t]",
    "concat-mlp": "MLP of [v; t]",
    "tensor": "outer product",
    "low-rank": "rank-r product",
    "scalar-gate": "one weight each",
}


@dataclass
class Graph:
    """Nodes on a grid (col to the right, row 0 text to 2 image) and the edges between them."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    edges: list[dict[str, Any]] = field(default_factory=list)

    def node(self, name: str, kind: str, label: str, col: float, row: float, side: str = "joint") -> str:
        """Add a node; returns its name."""
        self.nodes[name] = {"id": name, "kind": kind, "label": label, "col": col, "row": row, "side": side}
        return name

    def edge(self, start: str, end: str, kind: str = "own", *, layer: int | None = None) -> None:
        """Add an edge; `kind` is "own", "cross" (what one modality tells the other) or "unread"."""
        self.edges.append({"from": start, "to": end, "kind": kind, "layer": layer, "weight": None})

    def view(self, caption: str) -> dict[str, Any]:
        """As JSON."""
        return {"nodes": list(self.nodes.values()), "edges": self.edges, "caption": caption}


def fusion_graph(
    card: FusionCard,
    *,
    depth: int,
    layer: int | None = None,
    bottleneck: int = 0,
    crossing: Mapping[int, float] | None = None,
    join: str = "",
) -> dict[str, Any]:
    """Nodes and edges of a fusion in a model of `depth` layers.

    Args:
        layer, bottleneck: of the slider; None for the named fusions.
        crossing: layer to share of attention that goes to the other modality, drawn as thickness.
        join: name of the node where vectors meet, where a model does it another way than the lab's fusion.
    """
    graph = Graph()
    if layer is not None:
        _slider(graph, depth, layer, bottleneck)
    elif card.name == "bottleneck":
        _slider(graph, depth, max(0, depth - 2), bottleneck or 4)
    elif card.where == "alone":
        _alone(graph, depth, card.name.removeprefix("only-"))
    elif card.name in _LOGITS:
        _late(graph, depth, _LOGITS[card.name], logits=True)
    elif card.name in _VECTORS:
        _late(graph, depth, join or _VECTORS[card.name], logits=False)
    else:
        _NAMED.get(card.name, _unknown)(graph, depth)
    for edge in graph.edges:
        if crossing and edge["kind"] == "cross":
            edge["weight"] = crossing.get(edge["layer"])
    return graph.view(_caption(card, graph))


def _caption(card: FusionCard, graph: Graph) -> str:
    crosses = any(edge["kind"] == "cross" for edge in graph.edges)
    met = {
        "early": "The modalities meet in the first layer.",
        "mid": "Each modality is read alone first; then they exchange.",
        "late": "Nothing crosses before each modality has its own summary or its own answer.",
        "hybrid": "Late answers and a joint one, weighed together.",
        "alone": "One modality; the other is not read.",
    }[card.where]
    return met if crosses else "Nothing that crosses is ever read: this is late fusion."


def _tokens(graph: Graph, sides: tuple[str, ...] = _SIDES) -> None:
    for side in sides:
        graph.node(f"{side}/0", "tokens", "words" if side == "text" else "patches", 0, _ROWS[side], side)


def _stream(graph: Graph, side: str, layers: int) -> str:
    """Blocks of one modality by itself; returns the last node."""
    for place in range(1, layers + 1):
        graph.node(f"{side}/{place}", "block", f"block {place}", place, _ROWS[side], side)
        graph.edge(f"{side}/{place - 1}", f"{side}/{place}")
    return f"{side}/{layers}"


def _answer(graph: Graph, col: float, *sources: str) -> None:
    graph.node("answer", "answer", "answer", col, 1)
    for source in sources:
        graph.edge(source, "answer")


def _slider(graph: Graph, depth: int, layer: int, bottleneck: int) -> None:
    _tokens(graph)
    for side in _SIDES:
        _stream(graph, side, depth)
    for place in range(layer, depth):
        if not bottleneck:
            graph.edge(f"text/{place}", f"image/{place + 1}", "cross", layer=place)
            graph.edge(f"image/{place}", f"text/{place + 1}", "cross", layer=place)
    if bottleneck and layer < depth:
        _bottleneck(graph, depth, layer, bottleneck)
    col = depth + (1.5 if bottleneck and layer < depth else 1)  # beside the last shared tokens, not on them
    _answer(graph, col, *(f"{side}/{depth}" for side in _SIDES))


def _bottleneck(graph: Graph, depth: int, layer: int, bottleneck: int) -> None:
    """Shared tokens between the layers: written after a block, read by the next one only."""
    for place in range(layer + 1, depth + 1):
        read = place < depth
        graph.node(f"shared/{place}", "shared", f"{bottleneck} shared", place + 0.5, 1)
        for side in _SIDES:
            graph.edge(f"{side}/{place}", f"shared/{place}", "cross" if read else "unread", layer=place - 1)
            if read:
                graph.edge(f"shared/{place}", f"{side}/{place + 1}", "cross", layer=place)


def _alone(graph: Graph, depth: int, side: str) -> None:
    side = side if side in _SIDES else "image"
    _tokens(graph, (side,))
    _answer(graph, depth + 1, _stream(graph, side, depth))


def _late(graph: Graph, depth: int, operator: str, *, logits: bool) -> None:
    _tokens(graph)
    graph.node("join", "join", operator, depth + 2, 1)
    for side in _SIDES:
        label = "own answer" if logits else "vector"
        kind = "logits" if logits else "vector"
        last = _stream(graph, side, depth)
        graph.node(f"{side}/head", kind, label, depth + 1, _ROWS[side], side)
        graph.edge(last, f"{side}/head")
        graph.edge(f"{side}/head", "join", "cross")
    _answer(graph, depth + 3, "join")


def _early_tokens(graph: Graph, depth: int) -> None:
    _tokens(graph)
    for place in range(1, depth + 1):
        graph.node(f"joint/{place}", "block", f"joint block {place}", place, 1)
        if place > 1:
            graph.edge(f"joint/{place - 1}", f"joint/{place}", "cross", layer=place - 1)
    for side in _SIDES:
        graph.edge(f"{side}/0", "joint/1", "cross", layer=0)
    _answer(graph, depth + 1, f"joint/{depth}")


def _early_input(graph: Graph, depth: int) -> None:
    _tokens(graph)
    graph.node("join", "join", "one long vector", 1, 1)
    graph.node("mlp", "block", "MLP", 2, 1)
    for side in _SIDES:
        graph.edge(f"{side}/0", "join", "cross")
    graph.edge("join", "mlp")
    _answer(graph, 3, "mlp")


def _perceiver(graph: Graph, depth: int) -> None:
    _tokens(graph)
    for place in range(1, depth + 1):
        graph.node(f"shared/{place}", "shared", "latents", place, 1)
        for side in _SIDES:
            graph.edge(f"{side}/0", f"shared/{place}", "cross", layer=place - 1)
        if place > 1:
            graph.edge(f"shared/{place - 1}", f"shared/{place}")
    _answer(graph, depth + 1, f"shared/{depth}")


def _co_attention(graph: Graph, depth: int) -> None:
    _tokens(graph)
    last = {side: _stream(graph, side, depth - 1) for side in _SIDES}
    for side, other in zip(_SIDES, reversed(_SIDES), strict=True):
        ask = graph.node(f"{side}/ask", "join", f"asks {other}", depth, _ROWS[side], side)
        graph.edge(last[side], ask)
        graph.edge(last[other], ask, "cross", layer=depth - 1)
        block = graph.node(f"{side}/{depth}", "block", f"block {depth}", depth + 1, _ROWS[side], side)
        graph.edge(ask, block)
    graph.node("join", "join", "[v; t]", depth + 2, 1)
    for side in _SIDES:
        graph.edge(f"{side}/{depth}", "join", "cross")
    _answer(graph, depth + 3, "join")


def _cross_attention(graph: Graph, depth: int) -> None:
    _tokens(graph)
    last = {side: _stream(graph, side, depth) for side in _SIDES}
    graph.node("text/ask", "join", "asks image", depth + 1, 0, "text")
    graph.edge(last["text"], "text/ask")
    graph.edge(last["image"], "text/ask", "cross", layer=depth)
    _answer(graph, depth + 2, "text/ask")


def _film(graph: Graph, depth: int) -> None:
    _tokens(graph)
    image, text = _stream(graph, "image", depth - 1), _stream(graph, "text", depth)
    graph.node("join", "join", "scale and shift", depth + 0.5, 1.4)
    graph.node(f"image/{depth}", "block", f"block {depth}", depth + 1.5, 2, "image")
    graph.edge(image, "join")
    graph.edge(text, "join", "cross")
    graph.edge("join", f"image/{depth}")
    _answer(graph, depth + 2.5, f"image/{depth}")


def _hybrid(graph: Graph, depth: int) -> None:
    _tokens(graph)
    last = {side: _stream(graph, side, depth - 1) for side in _SIDES}
    graph.node(f"joint/{depth}", "block", "joint block", depth, 1)
    graph.node("join", "join", "weights", depth + 2, 1)
    for side in _SIDES:
        graph.node(f"{side}/{depth}", "block", f"block {depth}", depth, _ROWS[side], side)
        graph.node(f"{side}/head", "logits", "own answer", depth + 1, _ROWS[side], side)
        graph.edge(last[side], f"{side}/{depth}")
        graph.edge(last[side], f"joint/{depth}", "cross", layer=depth - 1)
        graph.edge(f"{side}/{depth}", f"{side}/head")
        graph.edge(f"{side}/head", "join", "cross")
    graph.node("joint/head", "logits", "joint answer", depth + 1, 1)
    graph.edge(f"joint/{depth}", "joint/head")
    graph.edge("joint/head", "join")
    _answer(graph, depth + 3, "join")


def _unknown(graph: Graph, depth: int) -> None:
    """A fusion of the user's own: what is known of it is that both go in."""
    _tokens(graph)
    graph.node("join", "join", "your fusion", 1.5, 1)
    for side in _SIDES:
        graph.edge(f"{side}/0", "join", "cross")
    _answer(graph, 3, "join")


_NAMED = {
    "early-tokens": _early_tokens,
    "early-input": _early_input,
    "perceiver": _perceiver,
    "co-attention": _co_attention,
    "cross-attention": _cross_attention,
    "film": _film,
    "hybrid": _hybrid,
}
