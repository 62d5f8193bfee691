"""Which map lies over the picture, and which row of the model it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.generation import Answer

__all__ = ["Shown", "picture_of", "row_words", "rows_read", "shown_map"]


@dataclass(frozen=True, eq=False)
class Shown:
    """An answer and what is looked at of it.

    Attributes:
        attention: its `WordAttention`, or None. reliance: its `Reliance`, or None.
        heatmaps: (method, step) -> explanation.
        selected, map, layer, row, opacity: as on the lens.
    """

    answer: Answer
    attention: Any = None
    other: Any = None
    reliance: Any = None
    heatmaps: Mapping[tuple[str, int], Any] = field(default_factory=dict)
    selected: tuple[int, ...] = (0,)
    map: str = "attention"
    layer: int | None = None
    row: str = "producing"
    opacity: float = 0.75
    part: str = ""

    @property
    def part_at(self) -> int:
        """The row of `reliance` that the bars are of."""
        parts = list(self.reliance.parts)
        return parts.index(self.part) if self.part in parts else 0


def picture_of(shown: Shown) -> NDArray[np.uint8] | None:
    """The first picture: as the model sees it, where its attention was read; else as it was given."""
    seen = None if shown.attention is None else shown.attention.picture
    given = shown.answer.pictures[0] if shown.answer.pictures else None
    return seen if seen is not None else given


def shown_map(shown: Shown) -> NDArray[np.float64] | None:
    """row x col of the selected steps, their mean; None where there is no such map."""
    if shown.map in ("relevance", "occlusion"):
        found = shown.heatmaps.get((shown.map, shown.selected[0]))
        return None if found is None or found.image is None else np.asarray(found.image, float)
    maps = [shown.attention] if shown.map == "attention" else [shown.attention, shown.other]
    if any(one is None or not np.size(one.maps) for one in maps):
        return None
    found = [_of_rows(np.asarray(one.maps, float), shown) for one in maps]
    if any(one is None for one in found):
        return None
    return found[0] if len(found) == 1 else found[0] - found[1]


def _of_rows(maps: NDArray[np.float64], shown: Shown) -> Any:
    rows = rows_read(shown.selected, shown.row, maps.shape[1])
    if not rows:
        return None
    kept = maps[:, rows].mean(axis=1)
    return kept.mean(axis=0) if shown.layer is None else kept[shown.layer]


def rows_read(selected: Sequence[int], row: str, steps: int) -> list[int]:
    """Steps whose producing row is read: those selected, or the ones after; none after the last."""
    later = 1 if row == "reading" else 0
    return [step + later for step in selected if step + later < steps]


def row_words(shown: Shown) -> str:
    """Which row of the model the map is read from, in words."""
    answer, first = shown.answer, shown.selected[0]
    word = "".join(answer.pieces[step] for step in shown.selected).strip() or "(end)"
    before = (answer.pieces[first - 1].strip() or "a mark") if first else "the prompt's last token"
    if shown.map in ("relevance", "occlusion"):
        return f"Of the probability of “{word}” where it is chosen."
    if shown.row == "producing":
        return f"Read at the row that produces “{word}”: that of “{before}”, one before it."
    if not rows_read(shown.selected, shown.row, len(answer)):
        return f"No row reads “{word}”: it is the last."
    return f"Read at the row after, which reads “{word}” and produces what follows."
