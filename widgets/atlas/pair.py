"""Two atlases side by side: two models, two layers, two fusions, with one selection between them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w
import numpy as np
import traitlets as t
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from widgets.atlas.embedding_atlas import STILL, STILL_SIZE, EmbeddingAtlas
from widgets.atlas.export import page_of, stem_of
from widgets.atlas.projection_code import settings, source
from widgets.atlas.projection_view import said
from widgets.format import percent
from widgets.snapshot import Files, Snapshot, exported
from widgets.still import Still
from workbench.calling import verb
from workbench.projection import Alignment, Projection, align

__all__ = ["AtlasPair"]

_ON_MAP = "change on the map"
_LINKED = (
    "_mask", "focus", "camera", "colour", "labels", "kinds", "only", "tool", "words", "pictures", "links",
    "gallery", "page", "query", "wheel",
)  # fmt: skip


class AtlasPair(w.VBox):
    """Two maps of the same points, the second laid on the first, linked in selection, view and colour.

    A point is coloured by how much of its company changed between the two spaces; chance, what two
    unrelated spaces would show, stands beside it. `pair.selected` is the selection of both.

    Attributes:
        first, second: the two atlases.
        alignment: how the second was laid on the first.

    Example:
        >>> from widgets import AtlasPair
        >>> from workbench import data
        >>> from workbench.embedding import embed
        >>> from workbench.projection import project
        >>> vectors = embed("emoji-clip", data.load("emoji")[:12])
        >>> joint, centred = (project(vectors, method="pca", mode=mode) for mode in ("joint", "centred"))
        >>> pair = AtlasPair.of(joint, centred)
        >>> pair.selected = [3, 4]
        >>> pair.wait(), pair.second.selected.tolist()
        (True, [3, 4])
    """

    @verb
    def __init__(self, alignment: Alignment, *, names: Sequence[str] = (), **options: Any) -> None:
        """Two linked atlases.

        Args:
            alignment: of `align`.
            names: what heads them.
            options: go to both, see `EmbeddingAtlas`.
        """
        self.alignment = alignment
        laid = replace(alignment.second, points=alignment.moved)
        figures = {
            "change": alignment.change,
            _ON_MAP: alignment.change_on_map,
            "drift": alignment.drift,
        }
        self.names = tuple(names) or tuple(_named(one) for one in (alignment.first, laid))
        self._given_names = tuple(names)
        self.first, self.second = (
            EmbeddingAtlas(one, figures=figures, heading=name, **options)
            for one, name in zip((alignment.first, laid), names or ("", ""), strict=True)
        )
        self._links = [t.link((self.first, name), (self.second, name)) for name in _LINKED]
        for atlas in (self.first, self.second):
            atlas.layout.flex, atlas.layout.min_width = "1 1 400px", "0"
            atlas._coded = self._said_code
        row = w.HBox([self.first, self.second], layout=w.Layout(flex_flow="row wrap", grid_gap="8px"))
        line = w.HTML(f'<div style="line-height:1.4">{escape(self.said)}</div>')
        super().__init__([line, row])
        self.add_class("atl-pair")
        self.first.colour = "change" if alignment.change.any() else _ON_MAP
        self._still = Still(lambda: self._drawn(STILL, size=STILL_SIZE), self.wait)
        for atlas in (self.first, self.second):
            atlas.observe(lambda _change: self._still.renew(), ["_view", "camera"])

    @classmethod
    def of(cls, first: Any, second: Any, **options: Any) -> AtlasPair:
        """Two projections of the same points, `first` and `second`, aligned here; `options` as above."""
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
            f"Procrustes-aligned, residual {percent(found.residual)}: that much of the spread remains after "
            f"the second map was turned, scaled and moved onto the first. {percent(float(share.mean()))} of "
            f"the {what} (chance {percent(found.chance)})."
        )

    @property
    def selected(self) -> NDArray[np.int64]:
        """Numbers of the selected items, the same in both atlases."""
        return self.first.selected

    @selected.setter
    def selected(self, items: ArrayLike) -> None:
        self.first.selected = items

    def wait(self, timeout: float | None = None) -> bool:
        """Block until both have done their work; False if `timeout` seconds pass first."""
        return self.first.wait(timeout) and self.second.wait(timeout)

    def code(self) -> str:
        """Python that shows this pair again, with all that was chosen on it."""
        for atlas in (self.first, self.second):
            atlas._keep()
        return self._said_code()

    def snapshot(self, *, title: str = "", width: int = 900, height: int = 620) -> Snapshot:
        """Both maps as they stand, beside each other, with their figures. It waits for what is computed.

        Args:
            title: of the picture; "" names both maps.
            width, height: of each map, in pixels.
        """
        self.wait()
        return self._drawn(title=title, size=(width, height))

    def export(self, path: str | Path, *, title: str = "", pictures: int = 2000) -> Files:
        """Write PATH.html, .png, .npz, .json and .csv; returns the paths.

        The page holds both maps, linked as they are here, and needs no kernel.

        Args:
            path: without an ending.
            title: of the page; "" names both maps.
            pictures: at most so many small pictures go into the page.

        Raises:
            BadInputError: no name, or its folder does not exist.
        """
        found = self.snapshot(title=title)
        contents = [json.dumps(atlas._content(pictures), ensure_ascii=False) for atlas in self._both]
        return exported(found, stem_of(path), page=page_of(found.title, contents, self.said).encode())

    @property
    def _both(self) -> tuple[EmbeddingAtlas, EmbeddingAtlas]:
        return self.first, self.second

    def _ipython_display_(self, **options: Any) -> None:
        from IPython.display import display

        display(self._repr_mimebundle_(**options), raw=True)
        self._still.show()

    def _drawn(
        self, most: int | None = None, *, title: str = "", size: tuple[int, int] = (900, 620)
    ) -> Snapshot:
        parts = [
            atlas._drawn(most, title=name, size=size)
            for atlas, name in zip(self._both, self.names, strict=True)
        ]
        title = title or f"{self.names[0]} and {self.names[1]}"
        cells = "".join(f'<div style="flex:1 1 400px;min-width:0">{part.html}</div>' for part in parts)
        html = (
            f"<p>{escape(title)}. {escape(self.said)}</p>"
            f'<div style="display:flex;flex-wrap:wrap;gap:12px">{cells}</div>'
        )
        arrays = {
            f"{side}_{key}": array
            for side, part in zip(("first", "second"), parts, strict=True)
            for key, array in part.arrays.items()
        }
        provenance = {
            "said": self.said,
            "code": self._said_code(),
            "first": parts[0].provenance,
            "second": parts[1].provenance,
        }
        return Snapshot(
            title, html, _side_by_side([part.png for part in parts]), arrays, provenance, _joined(parts)
        )

    def _said_code(self) -> str:
        found = self.alignment
        lines, shown = source((found.first, found.second), ("", ""))
        lines = [
            line.replace("import project", "import align, project")
            if line.startswith("from workbench.projection")
            else line
            for line in lines
        ]
        named = f", names={list(self._given_names)!r}" if self._given_names else ""
        maps = shown.partition(",")[0]
        if not lines[-1].startswith(maps):  # maps of two models, or such as project() did not draw
            lines = ["from widgets import show", "from workbench.projection import align", ""]
            lines += [f"# `{maps}` are the two maps that were passed to align()"]
        lines += ["", f"pair = show(align(*{maps}){named})"]
        for side, atlas in zip(("first", "second"), self._both, strict=True):
            lines += self._own_settings(side, atlas)
        return "\n".join([*lines, "pair"]) + "\n"

    def _own_settings(self, side: str, atlas: EmbeddingAtlas) -> list[str]:
        """Of the second only what is not linked: it follows the first in the rest."""
        lines = settings(atlas.projection, atlas._choices(), atlas.found, of=f"pair.{side}")
        if side == "first":
            return lines
        return [line for line in lines if line.split(" ")[0] in ("pair.second.temperature",)]


def _side_by_side(pictures: Sequence[bytes]) -> bytes:
    opened = [Image.open(io.BytesIO(picture)) for picture in pictures]
    sheet = Image.new("RGB", (sum(one.width for one in opened), max(one.height for one in opened)), "white")
    left = 0
    for one in opened:
        sheet.paste(one, (left, 0))
        left += one.width
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def _joined(parts: Sequence[Snapshot]) -> list[Sequence[object]]:
    """The rows of both tables, each with the map it is of."""
    header = ["map", *parts[0].table[0]] if parts[0].table else []
    rows = [[place + 1, *row] for place, part in enumerate(parts) for row in part.table[1:]]
    return [header, *rows] if header else []


def _named(projection: Projection) -> str:
    return f"{projection.embeddings.provenance.model or 'embedding map'}: {said(projection)}"
