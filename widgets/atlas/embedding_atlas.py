"""`EmbeddingAtlas`: a map of pictures and texts that says how far to trust it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike

from widgets import esm
from widgets.atlas.answers import answer
from widgets.atlas.arrays import Arrays
from widgets.atlas.cards import SHEET_COLUMNS, pictures_of, sheet
from widgets.atlas.code import as_python
from widgets.atlas.colour import Colouring
from widgets.atlas.export import atlas_page, atlas_snapshot
from widgets.atlas.figures import Figure, point_figures
from widgets.atlas.finder import Found, find_picture, find_words
from widgets.atlas.gallery import Ask, listing
from widgets.atlas.input import checked_maps, own_temperature
from widgets.atlas.maps import Maps
from widgets.atlas.selection import items_of, pack, rows_of
from widgets.atlas.traits import AtlasTraits
from widgets.atlas.view import Choices, atlas_view, colouring, filter_marks, measure_rows, worst_links
from widgets.atlas.work import AtlasWork
from widgets.snapshot import Snapshot
from workbench.errors import BadInputError
from workbench.models.base import DualEncoder
from workbench.projection import Projection, encoder_of, stability
from workbench.projection.measures import measures

if TYPE_CHECKING:
    from widgets.atlas.gallery import Listed
    from workbench.data import Pairs

__all__ = ["EmbeddingAtlas"]

_THUMB = 72  # pixels of a picture in the gallery
_WORST = 400  # pairs that links are drawn of

Work = Callable[[Callable[[], bool]], None]


class EmbeddingAtlas(AtlasTraits):
    """An explorable map: lasso, hover, search, links, and the figures that say what it distorts.

    Every public trait is something the user chose; each can be read and set in the next cell::

        atlas = EmbeddingAtlas(project(embed(model, pairs)))
        pairs[atlas.selected]
        atlas.selected = [3, 14, 15]
        atlas.colour = "preservation"

    What can be set is described in `AtlasTraits`.
    """

    _esm = esm.script("embedding_atlas")
    _css = esm.style("base", "embedding_atlas")

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
        self._maps = Maps(checked_maps(projection, pairs), names)
        self._now = self._maps.of(0)
        self._model = model
        self._given = dict(figures or {})
        self._figures: dict[str, Figure] | None = None
        self._measures: tuple[Sequence[Any] | None, Sequence[Any] | None] = (None, None)
        self._found: Found | None = None
        self._listed: tuple[Any, ...] = ()
        self._coloured: tuple[tuple[Any, ...], Colouring] | None = None
        self._arrays = Arrays()
        self._lock = threading.RLock()
        self._work = AtlasWork(self._tell)
        self._quiet = False
        super().__init__(
            temperature=own_temperature(self._now.embeddings, model or self._now.model), shift=self._now.shift
        )
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
    def measures(self) -> Sequence[Any]:
        """The figures on the screen, for all points; empty while they are computed (see `wait`)."""
        return self._measures[0] or ()

    @property
    def found(self) -> Found | None:
        """What was placed on the map by hand, with its true neighbours; None if nothing is."""
        return self._found

    @property
    def figures(self) -> Mapping[str, Figure]:
        """Figures of single points that can colour the map; empty while they are computed."""
        return self._figures or {}

    @property
    def listed(self) -> list[int]:
        """Points in the list under the map, in its order."""
        return [row["point"] for row in self._view["gallery"]["rows"]]

    @property
    def arrays(self) -> Arrays:
        """The large arrays that the front end asks for by name."""
        return self._arrays

    def place(self, picture: bytes, name: str = "picture") -> None:
        """Put a picture on the map as its file's bytes, with its true neighbours; see `found`."""
        now = self._now

        def work(should_stop: Callable[[], bool]) -> None:
            self._take(should_stop, found=find_picture(now, encoder_of(now, self._model), picture, name))

        self._work.start("finds", "placing the picture", work)

    def measure_stability(self, seeds: int = 2) -> None:
        """Draw the map `seeds` more times: how much of it other seeds show joins the measures."""
        now = self._now

        def work(should_stop: Callable[[], bool]) -> None:
            heard = self._work.progress("maps", should_stop)
            stability(now, seeds=seeds, on_event=heard, should_stop=should_stop)
            with self._lock:
                if now is self._now:
                    self._figures, self._measures = None, (None, None)
            self._measure()

        self._work.start("maps", "drawing it with other seeds", work)

    def cancel(self) -> None:
        """Stop all work; what is on the screen stays."""
        self._work.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until all requested work is on the screen; False if `timeout` seconds pass first."""
        return self._work.wait(timeout)

    def code(self) -> str:
        """Python that computes what is on the screen."""
        return as_python(self._now, self._choices(), query=self.query, names=self._maps.names)

    def snapshot(self, *, title: str = "", width: int = 900, height: int = 620) -> Snapshot:
        """A labelled static figure of the map as it is coloured and selected now, with its figures."""
        with self._lock:
            now, choices, shown = self._now, self._choices(), self._colouring()
        placed = () if self._found is None else ((self._found.said, self._found.point),)
        return atlas_snapshot(
            now,
            choices,
            shown,
            self.measures,
            title=title,
            size=(width, height),
            placed=placed,
            code=self.code(),
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
            self._take(should_stop, found=find_words(now, encoder_of(now, self._model), query))

        self._work.start("finds", "placing the words", work)

    def _on_shift(self, change: dict[str, Any]) -> None:
        if self._quiet:
            return
        with self._work.reported():
            base = self._maps.of(self.layer)
            if change["name"] == "layer":
                self._quiet = True
                try:
                    self.shift = base.shift
                finally:
                    self._quiet = False
            known = self._maps.known(self.layer, self.shift)
            if known is None:
                self._draw_again(base)
            else:
                self._work.maps.cancel()
                self._use(known)

    def _draw_again(self, base: Projection) -> None:
        """Another position of the gap."""
        if len(base.modalities) < 2 or base.method == "given":
            raise BadInputError(
                "The gap can be moved on a map that project() drew of pictures and texts; this is none."
            )
        layer, shift, start = self.layer, self.shift, self._now

        def work(should_stop: Callable[[], bool]) -> None:
            heard = self._work.progress("maps", should_stop)
            drawn = self._maps.draw(layer, shift, start=start, on_event=heard, should_stop=should_stop)
            with self._lock:
                if not should_stop():
                    self._use(drawn)

        self._work.start("maps", "drawing the map", work)

    def _on_temperature(self, _change: dict[str, Any]) -> None:
        with self._work.reported():
            if not self.temperature > 0:
                raise BadInputError(f"temperature is {self.temperature!r}; expected a number above 0.")
            self._measure()

    def _on_message(self, _widget: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        with self._work.reported():
            answer(self, content, buffers)

    # Work ------------------------------------------------------------------------------------

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
            same_space = projection.embeddings.provenance.weights == self._now.embeddings.provenance.weights
            self._now = projection
            self._figures, self._measures = None, (None, None)
            found, self._found = self._found, None
            if found is not None and same_space:
                self._found = found.on(projection)
            self._forget += 1
            self._publish()
        self._measure()
        if found is not None and not same_space:
            self._find_anew(found)

    def _find_anew(self, found: Found) -> None:
        """What was placed by hand in a space that is now another's: encoded again, and placed there."""
        now = self._now

        def work(should_stop: Callable[[], bool]) -> None:
            self._take(should_stop, found=found.anew(now, encoder_of(now, self._model)))

        self._work.start("finds", "placing it again", work)

    def _measure(self, *, selection_only: bool = False) -> None:
        """The figures, in the background: the map is there at once."""
        now, rows, temperature = self._now, self.selected_rows, self.temperature

        def work(should_stop: Callable[[], bool]) -> None:
            everything = self._measures[0] if selection_only else None
            everything = everything or measures(now, temperature=temperature)
            chosen = measures(now, rows, temperature=temperature) if len(rows) else None
            figures = self._figures if selection_only else None
            figures = figures or point_figures(now, self._given, temperature=temperature)
            with self._lock:
                if should_stop():
                    return
                others = figures is not self._figures
                self._figures, self._measures = figures, (everything, chosen)
                self._forget += int(others)  # cards that were sent show the old figures
                self._publish()

        self._work.start("figures", "measuring the map", work)

    # What the browser draws ------------------------------------------------------------------

    def _choices(self) -> Choices:
        return Choices(
            self.colour,
            tuple(self.labels),
            self.temperature,
            self.shift,
            self.layer,
            np.asarray(self.selected),
            self.links,
            self.gallery,
        )

    def _colouring(self) -> Colouring:
        """Kept until something it rests on is another: labels of a million points are sorted for it."""
        rests_on = (self._now, self.colour, self._figures)
        if self._coloured is None or any(
            a is not b for a, b in zip(self._coloured[0], rests_on, strict=True)
        ):
            self._coloured = (rests_on, colouring(*rests_on))
        return self._coloured[1]

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
            names = self._maps.names if len(self._maps.given) > 1 else ()
            view = atlas_view(
                now, self._choices(), shown, figures=self._figures, measures=panel, layers=names
            )
            live = self._model is not None or now.model is not None
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
        ask = Ask(cast("Listed", self.gallery), self._found, self.focus, self.selected_rows)
        gallery, pictured = listing(self._now, ask, self.measures)
        if self._listed != tuple(pictured):
            self._sprite = sheet(pictures_of(self._now, pictured), _THUMB)
            self._listed = tuple(pictured)
        return gallery | {"thumb": _THUMB, "columns": max(1, min(SHEET_COLUMNS, len(pictured)))}

    def _tell(self, status: dict[str, Any]) -> None:
        self._status = status
