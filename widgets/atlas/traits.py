"""What a user chooses on an atlas, and how the selection is read and set: ids, a mask, or points."""

from __future__ import annotations

from typing import Any

import anywidget
import numpy as np
import traitlets as t
from numpy.typing import ArrayLike, NDArray

from widgets import wire
from widgets.atlas.selection import pack, row_numbers, unpack
from workbench.projection import Projection

__all__ = ["AtlasTraits"]


class Items(t.TraitType[Any, Any]):
    """Item numbers: set as ids or as a mask, read as a sorted, read-only array."""

    def validate(self, obj: Any, value: Any) -> NDArray[np.int64]:
        """Ids or a mask as numbers; an error names what is wrong."""
        return row_numbers(value, obj.item_count)


class AtlasTraits(anywidget.AnyWidget):
    """The traits of an atlas; the public ones are the user's choices.

    Attributes:
        selected: numbers of the items of which a point is selected; set it as ids or as a mask, and all
            points of these items are. `selected_rows` has the single points.
        focus: the point looked at, -1 for none.
        colour: "label", "modality", or a figure: "preservation", "hubness", "margin", …
        labels: labels that are not dimmed; none dims nothing.
        query: words placed on the map; `#12 + snow - night` mixes point 12 with words.
        gallery: what is listed: "pictures", "texts" or "selection".
        links: "none", "selection" or "worst": lines from pictures to their texts.
        shift: share of the modality gap that is closed. temperature: of the contrastive loss.
        layer: which of several maps of the same points. tool: "pan" or "lasso".
        words, pictures: whether they are drawn on the map.
    """

    selected = Items(())
    focus = t.Int(-1).tag(sync=True)
    colour = t.Unicode("label").tag(sync=True)
    labels = t.List(t.Unicode()).tag(sync=True)
    query = t.Unicode("").tag(sync=True)
    gallery = t.Enum(("pictures", "texts", "selection"), "pictures").tag(sync=True)
    links = t.Enum(("none", "selection", "worst"), "none").tag(sync=True)
    shift = t.Float(0.0).tag(sync=True)
    temperature = t.Float(0.07).tag(sync=True)
    layer = t.Int(0).tag(sync=True)
    tool = t.Enum(("pan", "lasso"), "pan").tag(sync=True)
    words = t.Bool(True).tag(sync=True)
    pictures = t.Bool(True).tag(sync=True)

    _view = t.Dict().tag(sync=True)
    _status = t.Dict({"state": "ready", "error": ""}).tag(sync=True)
    _data = t.Dict().tag(sync=True)
    _mask = wire.ByteTrait()
    _sprite = wire.ByteTrait()
    _camera = t.List([0.0, 0.0, None]).tag(sync=True, echo_update=False)
    _forget = t.Int(0).tag(sync=True)
    _canvas2d = t.Bool(False).tag(sync=True)

    _now: Projection

    @property
    def projection(self) -> Projection:
        """The projection on the screen now."""
        return self._now

    @property
    def item_count(self) -> int:
        """How many pairs the map holds: what `selected` counts."""
        return len(self.projection.embeddings)

    @property
    def pairs(self) -> Any | None:
        """The pictures and texts on the map: `atlas.pairs[atlas.selected]`."""
        return self.projection.pairs

    @property
    def mask(self) -> NDArray[np.bool_]:
        """item: whether a point of it is selected."""
        chosen = np.zeros(self.item_count, bool)
        chosen[self.selected] = True
        return chosen

    @property
    def selected_rows(self) -> NDArray[np.int64]:
        """Numbers of the selected points, rows of `projection.points`."""
        return unpack(self._mask, len(self.projection))

    @selected_rows.setter
    def selected_rows(self, rows: ArrayLike) -> None:
        self._mask = pack(row_numbers(rows, len(self.projection), what="point"), len(self.projection))
