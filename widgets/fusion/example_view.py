"""Test items as every fusion answered them, one item inside one fusion, and the fused space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from widgets.fusion.attention import attention_maps
from widgets.fusion.report_view import number
from workbench.fusion import FusionReport, Look

__all__ = [
    "PAGE", "Order", "examples_view", "item_order", "look_view", "space_bytes", "space_view",
    "why_not_looked",
]  # fmt: skip

PAGE = 18
"""Items on one page."""
_CLASSES_SHOWN = 5
_GATES_SHOWN = 64  # features of a gate that are drawn

Order = Literal["as given", "fusions disagree", "this one wrong", "only this one right"]


def item_order(report: FusionReport, fusion: str, order: Order) -> NDArray[np.int64]:
    """Places in `report.items`, the most telling first."""
    answers = report.probability.argmax(axis=2)  # fusion x item
    right = answers == report.truth
    own = right[report.index(fusion)]
    if order == "fusions disagree":
        return np.argsort(np.abs(right.mean(axis=0) - 0.5), kind="stable")
    if order == "this one wrong":
        return np.lexsort((-report.probability[report.index(fusion)].max(axis=1), own))
    if order == "only this one right":
        return np.lexsort((right.mean(axis=0), ~own))
    return np.arange(len(report.items))


def examples_view(report: FusionReport, fusion: str, order: Order, page: int, focus: int) -> dict[str, Any]:
    """One page of items, and all fusions' answers to the one in focus."""
    ranked = item_order(report, fusion, order)
    pages = max(1, -(-len(ranked) // PAGE))
    page = min(max(page, 0), pages - 1)
    shown = ranked[page * PAGE : (page + 1) * PAGE]
    places = np.flatnonzero(report.items == focus)
    return {
        "page": page, "pages": pages, "total": len(report.items), "order": order,
        "items": [_card(report, fusion, int(place)) for place in shown],
        "focus": None if len(places) == 0 else _answers(report, int(places[0])),
    }  # fmt: skip


def look_view(
    look: Look, classes: Sequence[str], words: Sequence[str], grid: tuple[int, int] | None
) -> dict[str, Any]:
    """The first item of a `Look`: answers of each modality alone, attention over patches and words, gates."""
    tokens = {name: mask.shape[1] for name, mask in look.masks.items()}
    there = {name: [bool(on) for on in mask[0]] for name, mask in look.masks.items()}
    return {
        "fusion": look.fusion,
        "item": int(look.items[0]),
        "together": _top(look.probability[0], classes),
        "alone": {name: _top(values[0], classes) for name, values in look.per_modality.items()},
        "maps": attention_maps(look.attentions, tokens, 0),
        "crossing": number(float(look.crossing[0])),
        "gates": [_gate(name, np.asarray(values[0], float).ravel()) for name, values in look.gates.items()],
        "interaction": None if look.interaction is None else _interaction(look.interaction[0], classes),
        "there": there,
        "words": list(words),
        "grid": None if grid is None else [int(side) for side in grid],
    }


def space_view(report: FusionReport) -> dict[str, Any]:
    """What `space_bytes` holds: fusion names in order, and the class of each point."""
    shown = [card for card in report.cards if card.name in report.fused]
    return {
        "fusions": [{"fusion": card.name, "title": card.title, "where": card.where} for card in shown],
        "items": [int(item) for item in report.items],
        "truth": [int(label) for label in report.truth],
        "classes": list(report.classes),
        "spread": [number(_plane(report.fused[card.name])[1], 3) for card in shown],
    }


def space_bytes(report: FusionReport) -> bytes:
    """fusion x item x 2, uint16: along the two directions of largest variance, each map to its scale."""
    maps = [_plane(report.fused[card.name])[0] for card in report.cards if card.name in report.fused]
    return b"".join((flat * 65535).round().astype(np.uint16).tobytes() for flat in maps)


def _card(report: FusionReport, fusion: str, place: int) -> dict[str, Any]:
    chance = report.probability[report.index(fusion), place]
    best, truth = int(chance.argmax()), int(report.truth[place])
    right = report.probability[:, place].argmax(axis=1) == truth
    return {
        "item": int(report.items[place]),
        "answer": report.classes[best],
        "truth": report.classes[truth],
        "right": best == truth,
        "probability": number(chance[best]),
        "share": number(right.mean()),
    }


def _answers(report: FusionReport, place: int) -> dict[str, Any]:
    truth = int(report.truth[place])
    rows = []
    for at, card in enumerate(report.cards):
        chance = report.probability[at, place]
        best = int(chance.argmax())
        rows.append(
            {
                "fusion": card.name, "title": card.title, "where": card.where,
                "answer": report.classes[best], "probability": number(chance[best]),
                "truth": number(chance[truth]), "right": best == truth,
            }
        )  # fmt: skip
    return {"item": int(report.items[place]), "truth": report.classes[truth], "rows": rows}


def _top(chance: NDArray, classes: Sequence[str]) -> list[list[Any]]:
    order = np.argsort(-chance, kind="stable")[:_CLASSES_SHOWN]
    return [[classes[k], number(chance[k])] for k in order]


def _gate(name: str, values: NDArray) -> dict[str, Any]:
    return {
        "name": name,
        "values": [number(value) for value in values[:_GATES_SHOWN]],
        "hidden": max(0, len(values) - _GATES_SHOWN),
        "mean": number(values.mean()),
        "low": number(values.min()),
        "high": number(values.max()),
    }


def _interaction(values: NDArray, classes: Sequence[str]) -> list[list[Any]]:
    """Classes by how far the logit is from what any sum of one function a modality would give."""
    order = np.argsort(-np.abs(values), kind="stable")[:_CLASSES_SHOWN]
    return [[classes[k], number(values[k])] for k in order]


def _plane(vectors: NDArray) -> tuple[NDArray[np.float64], float]:
    """(item x 2 in 0..1, share of variance shown); the first two principal directions."""
    centred = np.asarray(vectors, float) - np.mean(vectors, axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    flat = centred @ directions[:2].T
    flat = np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
    low, high = flat.min(axis=0), flat.max(axis=0)
    total = float((sizes**2).sum()) or 1.0
    return (flat - low) / np.maximum(high - low, 1e-9), float((sizes[:2] ** 2).sum()) / total


def why_not_looked(report: FusionReport, fusion: str) -> str:
    """Why no item can be opened inside a fusion of this report; "" if one can."""
    if report.examples is None:
        return "This report was opened without its examples; open_report(folder, data) brings them."
    return "" if fusion in report.weights else "The report keeps no weights of this fusion."
