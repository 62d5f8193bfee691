"""Two atlases side by side: two models, two layers, two fusions, with one selection between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Any

import ipywidgets as w
import numpy as np
import traitlets as t
from numpy.typing import ArrayLike, NDArray

from widgets.atlas.embedding_atlas import EmbeddingAtlas
from widgets.atlas.view import said
from workbench.projection import Alignment, Projection, align

__all__ = ["AtlasPair"]

_ON_MAP = "change on the map"
_LINKED = ("_mask", "focus", "_camera", "colour", "labels", "tool", "words", "pictures", "links")


class AtlasPair(w.VBox):
    """Two maps of the same points, the second laid on the first, linked in selection, view and colour.

    A point is coloured by how much of its company changed between the two spaces; chance, what two
    unrelated spaces would show, stands beside it. `pair.selected` is the selection of both.

    Attributes:
        first, second: the two atlases. alignment: how the second was laid on the first.
    """

    def __init__(self, alignment: Alignment, *, names: Sequence[str] = (), **options: Any) -> None:
        """`options` go to both atlases; `names` head them."""
        self.alignment = alignment
        laid = replace(alignment.second, points=alignment.moved)
        figures = {
            "change": alignment.change,
            _ON_MAP: alignment.change_on_map,
            "drift": alignment.drift,
        }
        self.first = EmbeddingAtlas(alignment.first, figures=figures, **options)
        self.second = EmbeddingAtlas(laid, figures=figures, **options)
        self._links = [t.link((self.first, name), (self.second, name)) for name in _LINKED]
        titles = list(names) or [_named(one) for one in (alignment.first, laid)]
        columns = [
            w.VBox([_title(title), atlas])
            for title, atlas in zip(titles, (self.first, self.second), strict=True)
        ]
        for column in columns:
            column.layout.flex = "1 1 400px"
            column.layout.min_width = "0"
        row = w.HBox(columns, layout=w.Layout(flex_flow="row wrap", grid_gap="12px"))
        super().__init__([_title(self.said, small=True), row])
        self.first.colour = "change" if alignment.change.any() else _ON_MAP

    @classmethod
    def of(cls, first: Any, second: Any, **options: Any) -> AtlasPair:
        """Two projections of the same points, aligned here."""
        return cls(align(first, second), **options)

    @property
    def said(self) -> str:
        """In one line: how much changed, beside chance, and how well the maps could be laid on each other."""
        found = self.alignment
        what, share = (
            ("true neighbours differ between the two spaces", found.change)
            if found.change.any()
            else ("neighbours on the map differ between these two maps of one space", found.change_on_map)
        )
        return (
            f"{float(share.mean()):.0%} of the {what} (chance {found.chance:.0%}); the maps were turned, "
            f"scaled and moved onto each other, which leaves {found.residual:.0%} of the spread."
        )

    @property
    def selected(self) -> NDArray[np.int64]:
        """Numbers of the selected items, the same in both atlases."""
        return self.first.selected

    @selected.setter
    def selected(self, items: ArrayLike) -> None:
        self.first.selected = items

    def wait(self, timeout: float | None = None) -> bool:
        """Block until both have done their work."""
        return self.first.wait(timeout) and self.second.wait(timeout)


def _named(projection: Projection) -> str:
    return f"{projection.embeddings.provenance.model or 'embedding map'}: {said(projection)}"


def _title(text: str, *, small: bool = False) -> w.HTML:
    weight = "normal" if small else "600"
    return w.HTML(f'<div style="font-weight:{weight};line-height:1.4">{escape(text)}</div>')
