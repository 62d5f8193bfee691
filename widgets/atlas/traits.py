"""What a user chooses on an atlas, and how the selection is read and set: ids, a mask, or points."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets as t
from numpy.typing import ArrayLike, NDArray

from widgets import wire
from widgets.atlas.selection import pack, row_numbers, unpack
from widgets.board import Board
from workbench.errors import BadInputError
from workbench.projection import Projection

__all__ = ["AtlasTraits"]


class Items(t.TraitType[Any, Any]):
    """Item numbers: set as ids or as a mask, read as a sorted, read-only array."""

    def validate(self, obj: Any, value: Any) -> NDArray[np.int64]:
        """Ids or a mask as numbers; an error names what is wrong."""
        return row_numbers(value, obj.item_count)


class AtlasTraits(Board):
    """The traits of an atlas; the public ones are the user's choices.

    Attributes:
        selected: numbers of the items of which a point is selected; set it as ids or as a mask, and all
            points of these items are. `selected_rows` has the single points.
        focus: the point looked at, -1 for none.
        colour: "label", "modality", or a figure: "preservation", "hubness", "margin", …
        labels, kinds: labels, and kinds ("picture", "text"), that are not dimmed; none dims nothing.
        only: whether what is dimmed, by these or by a selection, is left out altogether.
        query: words placed on the map; `#12 + snow - night` mixes point 12 with words.
        gallery: what is listed: "pictures", "texts" or "selection". page: of that list, from 0.
        links: "none", "selection" or "worst": lines from pictures to their texts.
        shift: share of the modality gap that is closed. temperature: of the contrastive loss.
        layer: which of several maps of the same points. tool: "pan" or "lasso".
        words, pictures: whether they are drawn on the map.
        camera: the middle of the view in the map's units, and its zoom; empty for the whole map.
        wheel: "click", the wheel zooms once the map has been clicked or while Ctrl is held, or "always".
    """

    selected = Items(())
    focus = t.Int(-1).tag(sync=True)
    colour = t.Unicode("label").tag(sync=True)
    labels = t.List(t.Unicode()).tag(sync=True)
    query = t.Unicode("").tag(sync=True)
    kinds = t.List(t.Enum(("picture", "text"))).tag(sync=True)
    only = t.Bool(False).tag(sync=True)
    gallery = t.Enum(("pictures", "texts", "selection"), "pictures").tag(sync=True)
    page = t.Int(0).tag(sync=True)
    links = t.Enum(("none", "selection", "worst"), "none").tag(sync=True)
    shift = t.Float(0.0).tag(sync=True)
    temperature = t.Float(0.07).tag(sync=True)
    layer = t.Int(0).tag(sync=True)
    tool = t.Enum(("pan", "lasso"), "pan").tag(sync=True)
    words = t.Bool(True).tag(sync=True)
    pictures = t.Bool(True).tag(sync=True)
    camera = t.List(t.Float(), maxlen=3).tag(sync=True, echo_update=False)
    wheel = t.Enum(("click", "always"), "click").tag(sync=True)

    _view = t.Dict().tag(sync=True)
    _code = t.Unicode().tag(sync=True)
    _data = t.Dict().tag(sync=True)
    _mask = wire.ByteTrait()
    _sprite = wire.ByteTrait()
    _forget = t.Int(0).tag(sync=True)
    _canvas2d = t.Bool(False).tag(sync=True)

    _now: Projection
    _unpacked: tuple[bytes, NDArray[np.int64]] | None = None  # of a million points it takes a while

    @t.validate("camera")
    def _checked_camera(self, proposal: Any) -> list[float]:
        x_y_zoom: list[float] = proposal["value"]
        if len(x_y_zoom) not in (0, 3) or not np.isfinite(x_y_zoom).all() or (x_y_zoom and x_y_zoom[2] <= 0):
            raise BadInputError(
                f"camera is {x_y_zoom!r}; expected the middle of the view and its zoom, [x, y, zoom], or []."
            )
        return x_y_zoom

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
        if self._unpacked is None or self._unpacked[0] is not self._mask:
            self._unpacked = (self._mask, unpack(self._mask, len(self.projection)))
        return self._unpacked[1]

    @selected_rows.setter
    def selected_rows(self, rows: ArrayLike) -> None:
        self._mask = pack(row_numbers(rows, len(self.projection), what="point"), len(self.projection))
