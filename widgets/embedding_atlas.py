"""`EmbeddingAtlas`: a map of pictures and texts that says how far to trust it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import anywidget
import numpy as np
import traitlets as t
from numpy.typing import ArrayLike, NDArray

from widgets import esm, wire
from widgets.atlas_arrays import Arrays
from widgets.atlas_cards import SHEET_COLUMNS, picture_of, pictures_of, point_card, row_text, sheet
from widgets.atlas_code import as_python
from widgets.atlas_export import atlas_page, atlas_snapshot
from widgets.atlas_figures import Figure, point_figures
from widgets.atlas_finder import Found, find_picture, find_words
from widgets.atlas_gallery import empty_gallery, nearest_gallery, row_vector, selection_gallery
from widgets.atlas_selection import items_of, pack, row_numbers, rows_of, unpack
from widgets.atlas_view import Choices, atlas_view, colouring, filter_marks, measure_rows, worst_links
from widgets.atlas_work import AtlasWork
from widgets.snapshot import Snapshot
from workbench._repr import one_line
from workbench.errors import BadInputError
from workbench.models.base import DualEncoder
from workbench.projection import Projection, project
from workbench.projection.measures import measures
from workbench.results import Embeddings

if TYPE_CHECKING:
    from widgets.atlas_gallery import Listed
    from workbench.data import Pairs

__all__ = ["EmbeddingAtlas"]

_COARSE, _FINE = 32, 96  # pixels of a picture on the map
_LARGE, _STRIP = 96, 40  # of the point's own picture and of its neighbours'
_THUMB = 72  # of the gallery
_WORST = 400  # pairs that links are drawn of
_SHIFTS_KEPT = 8  # maps of gap positions seen before, so that the slider goes back at once
_UPLOAD_MB = 16

Work = Callable[[Callable[[], bool]], None]


class Items(t.TraitType[Any, Any]):
    """Item numbers: set as ids or as a mask, read as a sorted, read-only array."""

    def validate(self, obj: Any, value: Any) -> NDArray[np.int64]:
        """Ids or a mask as numbers; an error names what is wrong."""
        return row_numbers(value, obj.item_count)


class EmbeddingAtlas(anywidget.AnyWidget):
    """An explorable map: lasso, hover, search, links, and the figures that say what it distorts.

    Every public trait is something the user chose; each can be read and set in the next cell::

        atlas = EmbeddingAtlas(project(embed(model, pairs)))
        pairs[atlas.selected]
        atlas.selected = [3, 14, 15]
        atlas.colour = "preservation"

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

    _esm = esm.script("embedding_atlas")
    _css = esm.style("base", "embedding_atlas")

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

    def __init__(
        self,
        projection: Projection | Sequence[Projection],
        *,
        model: DualEncoder | None = None,
        pairs: Pairs | None = None,
        names: Sequence[str] = (),
        figures: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        """An atlas of one projection, or of several of the same points with a slider between them.

        Args:
            model: places words and pictures; the projection's own by default.
            pairs: the pictures; the projection's own by default.
            names: of several projections, such as layers.
            figures: further numbers, one a point, to colour by.

        Raises:
            BadInputError: no projection, or several with different numbers of points.
        """
        self._layers = _checked(projection, pairs)
        self._names = tuple(names) or tuple(f"map {place}" for place in range(len(self._layers)))
        self._now = self._layers[0]
        self._model = model if model is not None else self._now.model
        self._given = dict(figures or {})
        self._figures: dict[str, Figure] | None = None
        self._measures: tuple[Sequence[Any] | None, Sequence[Any] | None] = (None, None)
        self._shifted: dict[tuple[int, float], Projection] = {}
        self._found: Found | None = None
        self._listed: tuple[Any, ...] = ()
        self._arrays = Arrays()
        self._lock = threading.RLock()
        self._work = AtlasWork(self._tell)
        self._quiet = False
        super().__init__(temperature=_temperature(self._now.embeddings, self._model), shift=self._now.shift)
        if self._now.labels is None:
            self.colour = "modality"
        self._publish()
        self.on_msg(self._on_message)
        self.observe(self._on_mask, "_mask")
        self.observe(self._on_selected, "selected")
        self.observe(self._on_look, ["colour", "labels", "gallery", "focus", "links"])
        self.observe(self._on_query, "query")
        self.observe(self._on_shift, ["shift", "layer"])
        self.observe(self._on_temperature, "temperature")
        self._measure()

    @property
    def item_count(self) -> int:
        """How many pairs the map holds: what `selected` counts."""
        return len(self._now.embeddings)

    @property
    def projection(self) -> Projection:
        """The projection on the screen now."""
        return self._now

    @property
    def pairs(self) -> Any | None:
        """The pictures and texts on the map: `atlas.pairs[atlas.selected]`."""
        return self._now.pairs

    @property
    def mask(self) -> NDArray[np.bool_]:
        """item: whether a point of it is selected."""
        chosen = np.zeros(self.item_count, bool)
        chosen[self.selected] = True
        return chosen

    @property
    def selected_rows(self) -> NDArray[np.int64]:
        """Numbers of the selected points, rows of `projection.points`."""
        return unpack(self._mask, len(self._now))

    @selected_rows.setter
    def selected_rows(self, rows: ArrayLike) -> None:
        self._mask = pack(row_numbers(rows, len(self._now), what="point"), len(self._now))

    @property
    def measures(self) -> Sequence[Any]:
        """The figures on the screen, for all points; empty while they are computed (see `wait`)."""
        return self._measures[0] or ()

    @property
    def found(self) -> Found | None:
        """What was placed on the map by hand, with its true neighbours; None if nothing is."""
        return self._found

    def wait(self, timeout: float | None = None) -> bool:
        """Block until all requested work is on the screen; False if `timeout` seconds pass first."""
        return self._work.wait(timeout)

    def code(self) -> str:
        """Python that computes what is on the screen."""
        return as_python(self._now, self._choices(), query=self.query, names=self._names)

    def snapshot(self, *, title: str = "", width: int = 900, height: int = 620) -> Snapshot:
        """A labelled static figure of the map as it is coloured and selected now, with its figures."""
        with self._lock:
            now, choices, shown = self._now, self._choices(), self._colouring()
        placed = () if self._found is None else ((self._found.said, self._found.point),)
        return atlas_snapshot(
            now, choices, shown, self.measures, title=title, size=(width, height), placed=placed, code=self.code()
        )

    def export(self, path: str, *, title: str = "", pictures: int = 2000) -> str:
        """Write a self-contained page that needs no kernel: pan, zoom and hover with pictures and texts.

        Returns:
            The path of the page.

        Raises:
            BadInputError: the folder does not exist.
        """
        with self._lock:
            now, shown = self._now, self._colouring()
        return atlas_page(now, shown, self.measures, path, title=title, pictures=pictures)

    # What the user changed -------------------------------------------------------------------

    def _on_mask(self, _change: dict[str, Any]) -> None:
        with self._work.reported():
            self._quiet = True
            try:
                self.selected = items_of(self.selected_rows, self._now.item)
            finally:
                self._quiet = False
            self._measure(selection_only=True)
            self._publish()

    def _on_selected(self, change: dict[str, Any]) -> None:
        if not self._quiet:
            self._mask = pack(rows_of(change["new"], self._now.item), len(self._now))

    def _on_look(self, _change: dict[str, Any]) -> None:
        with self._work.reported():
            if not -1 <= self.focus < len(self._now):
                raise BadInputError(f"Point {self.focus} was asked for; there are {len(self._now)}, from 0.")
            self._work.clear_error()
            self._publish()

    def _on_query(self, _change: dict[str, Any]) -> None:
        query = self.query.strip()
        if not query:
            self._work.finds.cancel()
            self._found = None
            self._work.clear_error()
            self._publish()
            return
        now = self._now

        def work(should_stop: Callable[[], bool]) -> None:
            found = find_words(now, self._asked_model(), query)
            self._take(should_stop, found=found)

        self._work.start("finds", "placing the words", work)

    def _on_shift(self, change: dict[str, Any]) -> None:
        if self._quiet:
            return
        with self._work.reported():
            if not 0 <= self.layer < len(self._layers):
                raise BadInputError(f"Layer {self.layer} was asked for; there are {len(self._layers)}, from 0.")
            base, key = self._layers[self.layer], (self.layer, round(self.shift, 6))
            if change["name"] == "layer" or key[1] == round(base.shift, 6):
                self._work.maps.cancel()
                self._quiet = True
                try:
                    self.shift = base.shift
                finally:
                    self._quiet = False
                self._use(base)
            elif key in self._shifted:
                self._work.maps.cancel()
                self._use(self._shifted[key])
            else:
                self._draw_again(base, key)

    def _draw_again(self, base: Projection, key: tuple[int, float]) -> None:
        """Another position of the gap: the new map starts from the one on the screen, so that it moves little."""
        if len(base.modalities) < 2 or base.method == "given":
            raise BadInputError("The gap can be moved on a map that project() drew of pictures and texts; this is none.")
        start, progress = self._now, self._work.progress

        def work(should_stop: Callable[[], bool]) -> None:
            drawn = project(
                base.embeddings,
                method=base.method,
                mode="shifted",
                shift=key[1],
                seed=base.seed,
                start=start,
                on_event=progress("maps", should_stop),
                should_stop=should_stop,
            )
            with self._lock:
                if should_stop():
                    return
                self._shifted[key] = drawn
                while len(self._shifted) > _SHIFTS_KEPT:
                    del self._shifted[next(iter(self._shifted))]
                self._use(drawn)

        self._work.start("maps", "drawing the map", work)

    def _on_temperature(self, _change: dict[str, Any]) -> None:
        with self._work.reported():
            if not self.temperature > 0:
                raise BadInputError(f"temperature is {self.temperature!r}; expected a number above 0.")
            self._measure()

    def _on_message(self, _widget: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        with self._work.reported():
            answer = {
                "want": self._send_array,
                "coarse": self._send_pictures,
                "fine": self._send_pictures,
                "words": self._send_words,
                "look": self._send_card,
                "choose": self._choose,
                "place": self._place,
                "problem": self._problem,
                "cancel": lambda *_: self._work.cancel(),
            }.get(str(content.get("kind")))
            if answer is not None:
                answer(content, buffers)

    # Answers to the browser ------------------------------------------------------------------

    def _send_array(self, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        for head, part in self._arrays.parts(str(content["name"]), int(content["version"])):
            self.send(head, [part])

    def _rows(self, content: dict[str, Any]) -> list[int]:
        return [int(row) for row in content.get("points", []) if 0 <= int(row) < len(self._now)]

    def _send_pictures(self, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        rows = [row for row in self._rows(content) if self._now.modality[row] == 0]
        cell = _COARSE if content["kind"] == "coarse" else _FINE
        found = pictures_of(self._now, rows)
        head = {"kind": content["kind"], "points": rows, "cell": cell, "columns": min(SHEET_COLUMNS, max(1, len(found)))}
        self.send(head, [sheet(found, cell)])

    def _send_words(self, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        found = [[row, row_text(self._now, row, most=32)] for row in self._rows(content)]
        self.send({"kind": "words", "found": found})

    def _send_card(self, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        rows = self._rows(content)[:1]
        found = [[row, point_card(self._now, row, self._figures or {})] for row in rows]
        own = [picture_of(self._now, row) for row in rows]
        near = [other["point"] for _, card in found for other in card["neighbours"]]
        strip = pictures_of(self._now, near)
        buffers = [
            wire.as_bytes(own[0], side=_LARGE) if own and own[0] is not None else b"",
            sheet(strip, _STRIP, columns=max(1, len(strip))),
        ]
        self.send({"kind": "look", "found": found}, buffers)

    def _choose(self, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Select what the label filter leaves lit, or what the gallery lists."""
        if content.get("what") == "labels":
            marks = filter_marks(self._now, self.labels)
            self.selected_rows = [] if marks is None else np.flatnonzero(marks == 0)
        else:
            self.selected_rows = [row["point"] for row in self._view["gallery"]["rows"]]

    def _place(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        name, picture, now = str(content.get("name", "picture")), bytes(buffers[0]), self._now
        if len(picture) > _UPLOAD_MB * 1e6:
            raise BadInputError(f"{one_line(name)!r} has {len(picture) / 1e6:.0f} MB; expected at most {_UPLOAD_MB}.")

        def work(should_stop: Callable[[], bool]) -> None:
            found = find_picture(now, self._asked_model(), picture, name)
            self._take(should_stop, found=found)

        self._work.start("finds", "placing the picture", work)

    def _problem(self, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        raise BadInputError(str(content.get("message", "")))

    # Work ------------------------------------------------------------------------------------

    def _asked_model(self) -> DualEncoder:
        if self._model is None:
            raise BadInputError(
                "The model of this map is no longer loaded, so words and pictures cannot be placed. "
                "Load it again and pass it: show(projection, model=model)."
            )
        return self._model

    def _take(self, should_stop: Callable[[], bool], *, found: Found) -> None:
        with self._lock:
            if should_stop():
                return
            self._found = found
            self._work.clear_error()
            self._publish()

    def _use(self, projection: Projection) -> None:
        """Another map of the same points: they move there, and the figures follow."""
        with self._lock, self.hold_sync():
            self._now = projection
            self._figures, self._measures = None, (None, None)
            if self._found is not None:
                self._found = self._found.on(projection)
            self._forget += 1
            self._publish()
        self._measure()

    def _measure(self, *, selection_only: bool = False) -> None:
        """The figures, in the background: the map is there at once."""
        now, rows, temperature = self._now, self.selected_rows, self.temperature

        def work(should_stop: Callable[[], bool]) -> None:
            everything = self._measures[0] if selection_only else None
            everything = everything or measures(now, temperature=temperature)
            chosen = measures(now, rows, temperature=temperature) if len(rows) else None
            figures = self._figures or point_figures(now, self._given)
            with self._lock:
                if should_stop():
                    return
                first = self._figures is None
                self._figures, self._measures = figures, (everything, chosen)
                self._forget += int(first)
                self._publish()

        self._work.start("figures", "measuring the map", work)

    # What the browser draws ------------------------------------------------------------------

    def _choices(self) -> Choices:
        return Choices(
            self.colour, tuple(self.labels), self.temperature, self.shift, self.layer, np.asarray(self.selected)
        )

    def _colouring(self) -> Any:
        return colouring(self._now, self.colour, self._figures)

    def _publish(self) -> None:
        """Announce arrays that have changed, and send the rest as one view."""
        with self._lock, self.hold_sync():
            now, shown = self._now, self._colouring()
            self._arrays.put("points", now.points)
            self._arrays.put("kinds", now.modality)
            self._arrays.put("codes", shown.codes)
            self._arrays.put("filter", filter_marks(now, self.labels))
            if self.links == "worst":
                self._arrays.put("links", worst_links(now, _WORST))
            self._data = self._arrays.announced()
            everything, chosen = self._measures
            panel = measure_rows(everything, chosen, len(self.selected_rows))
            names = self._names if len(self._layers) > 1 else ()
            view = atlas_view(now, self._choices(), shown, figures=self._figures, measures=panel, layers=names)
            live = self._model is not None
            found = self._found
            self._view = view | {
                "gallery": self._gallery(),
                "placed": [] if found is None else [found.mark],
                "code": self.code(),
                "live": live,
                "dead": "" if live else view["dead"],
            }

    def _gallery(self) -> dict[str, Any]:
        """The list under the map, and its pictures where they are other ones than before."""
        gallery = self._listing()
        pictured = [row["point"] for row in gallery["rows"] if picture_of_row(self._now, row["point"])]
        cell = {row: place for place, row in enumerate(pictured)}
        for row in gallery["rows"]:
            row["cell"] = cell.get(row["point"])
        if self._listed != tuple(pictured):
            self._sprite = sheet(pictures_of(self._now, pictured), _THUMB)
            self._listed = tuple(pictured)
        return gallery | {"thumb": _THUMB, "columns": max(1, min(SHEET_COLUMNS, len(pictured)))}

    def _listing(self) -> dict[str, Any]:
        wanted = cast("Listed", self.gallery)
        if wanted == "selection":
            return selection_gallery(self._now, self.selected_rows)
        if self._found is not None:
            return nearest_gallery(self._now, self._found.vector, wanted, asked=f"“{self._found.said}”", recall=self._recall("text"))
        if self.focus >= 0:
            vector = row_vector(self._now, self.focus)
            asked = f"“{row_text(self._now, self.focus, most=40)}”"
            kind = "text" if self._now.modality[self.focus] else "image"
            return nearest_gallery(self._now, vector, wanted, asked=asked, own=self.focus, recall=self._recall(kind))
        return empty_gallery("Click a point or place a sentence: what is nearest to it is listed here.")

    def _recall(self, asks: str) -> str:
        """How well searches of this direction do over all pairs, from the measures, in words."""
        wanted = f"recall_{'text_to_image' if asks == 'text' else 'image_to_text'}_10"
        across = (asks == "text") == (self.gallery == "pictures")
        row = next((row for row in self.measures if row.key == wanted), None)
        return "" if row is None or not across else f"over all pairs, recall@10 is {row.value:.0%}"

    def _tell(self, status: dict[str, Any]) -> None:
        self._status = status


def picture_of_row(projection: Projection, row: int) -> bool:
    """Whether a row is a picture that can be shown."""
    return projection.pairs is not None and projection.modality[row] == 0


def _checked(projection: Projection | Sequence[Projection], pairs: Any | None) -> tuple[Projection, ...]:
    maps = (projection,) if isinstance(projection, Projection) else tuple(projection)
    if not maps:
        raise BadInputError("There is no map to show: the list of projections is empty.")
    counts = sorted({len(one) for one in maps})
    if len(counts) > 1:
        raise BadInputError(
            f"The maps hold {counts} points; a slider between maps needs the same points in each."
        )
    if pairs is None:
        return maps
    if len(pairs) != len(maps[0].embeddings):
        raise BadInputError(f"pairs has {len(pairs)} items; expected one for each of {len(maps[0].embeddings)}.")
    return tuple(replace(one, embeddings=replace(one.embeddings, pairs=pairs)) for one in maps)


def _temperature(embeddings: Embeddings, model: Any | None) -> float:
    """The model's own: 1 / scale; CLIP's starting value where no model is known."""
    scale = embeddings.provenance.parameters.get("scale") or getattr(model, "scale", None)
    return float(f"{1 / scale:.4g}") if scale else 0.07
