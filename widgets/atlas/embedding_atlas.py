"""`EmbeddingAtlas`: a map of pictures and texts that says how far to trust it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from widgets import esm
from widgets.atlas.answers import answer
from widgets.atlas.export import atlas_snapshot, page_content, page_of, page_title, stem_of
from widgets.atlas.figures import point_figures
from widgets.atlas.finder import Found, find_picture, find_words
from widgets.atlas.input import checked_maps, own_temperature
from widgets.atlas.jobs import AtlasJobs, share_of
from widgets.atlas.maps import Maps
from widgets.atlas.screen import AtlasScreen
from widgets.atlas.selection import items_of, pack, rows_of
from widgets.snapshot import Files, Snapshot, exported
from widgets.still import Still
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.models import DualEncoder
from workbench.models.given import as_encoder
from workbench.projection import Projection, encoder_of, measures, stability
from workbench.results import Event, OnEvent

if TYPE_CHECKING:
    from workbench.data import Pairs

__all__ = ["STILL", "STILL_SIZE", "EmbeddingAtlas"]

STILL, STILL_SIZE = 50_000, (700, 480)  # points and pixels of the picture that a notebook keeps
_DRAWN = 0.9  # share of the work of a new map that is drawing; the rest is measuring it

_NEARLY = Event("", 9, 10)  # the map stands; it is being measured

ShouldStop = Callable[[], bool]


class EmbeddingAtlas(AtlasJobs, AtlasScreen):
    """An explorable map: lasso, hover, search, links, and the figures that say what it distorts.

    Every public trait is something the user chose; each can be read and set in the next cell. What can be set
    is described in `AtlasTraits`.

    Example:
        >>> from widgets import EmbeddingAtlas
        >>> from workbench import data
        >>> from workbench.embedding import embed
        >>> from workbench.projection import project
        >>> pairs = data.load("emoji")[:12]
        >>> atlas = EmbeddingAtlas(project(embed("emoji-clip", pairs), method="pca"))
        >>> atlas.selected, atlas.colour = [3, 5], "preservation"
        >>> atlas.wait(), pairs[atlas.selected].texts == (pairs.texts[3], pairs.texts[5])
        (True, True)
    """

    _esm = esm.script("atlas/board")
    _css = esm.style("shared/base", "atlas/board")

    @verb
    def __init__(
        self,
        projection: Projection | Sequence[Projection],
        *,
        model: DualEncoder | None = None,
        pairs: Pairs | None = None,
        names: Sequence[str] = (),
        figures: Mapping[str, ArrayLike] | None = None,
        heading: str = "",
    ) -> None:
        """An atlas of one projection, or of several of the same points with a slider between them.

        Args:
            projection: of `project`, or a list of them.
            model: places words and pictures; the projection's own by default.
            pairs: the pictures; the projection's own by default.
            names: of several projections, such as layers.
            figures: further numbers, one a point, to colour by.
            heading: its title; the model's name by default.

        Raises:
            BadInputError: no projection, or several with different numbers of points.
        """
        model = None if model is None else as_encoder(model)
        self._open_screen(Maps(checked_maps(projection, pairs), names), model, figures, heading)
        self._open_jobs()
        self._thread = threading.local()
        super().__init__(
            temperature=own_temperature(self._now.embeddings, model or self._now.model), shift=self._now.shift
        )
        self._still = Still(lambda: self._drawn(STILL, size=STILL_SIZE), lambda seconds: self.wait(seconds))
        if self._now.labels is None:
            self.colour = "modality"
        self._publish()
        self.on_msg(self._on_message)
        self.observe(self._on_mask, "_mask")
        self.observe(self._on_selected, "selected")
        self.observe(self._on_look, ["colour", "labels", "kinds", "gallery", "focus", "links", "page"])
        self.observe(self._on_manner, ["tool", "words", "pictures", "camera", "wheel", "only"])
        self.observe(self._on_query, "query")
        self.observe(self._on_shift, ["shift", "layer"])
        self.observe(self._on_temperature, "temperature")
        self._measure()

    @property
    def _quiet(self) -> bool:
        """Whether this thread sets what follows from other traits; messages may come in another thread."""
        return getattr(self._thread, "quiet", False)

    @_quiet.setter
    def _quiet(self, quiet: bool) -> None:
        self._thread.quiet = quiet

    def place(self, picture: bytes, name: str = "picture") -> None:
        """Put a `picture` (a file's bytes) on the map as `name`, with its true neighbours; see `found`."""
        now = self._now

        def work(should_stop: ShouldStop) -> None:
            self._take(should_stop, found=find_picture(now, encoder_of(now, self._model), picture, name))

        self._start("finds", "placing the picture", work)

    def measure_stability(self, seeds: int = 2) -> None:
        """Draw the map `seeds` more times: how much of it other seeds show joins the measures."""
        now = self._now

        def work(should_stop: ShouldStop) -> None:
            tell = self._progress("maps", should_stop)
            stability(now, seeds=seeds, on_event=_rounds(tell, seeds), should_stop=should_stop)
            with self._lock:
                if should_stop() or now is not self._now:
                    return
                self._figures, self._measures = None, (None, None)
            share_of(tell, "measuring the map", 0, 1)(_NEARLY)
            self._measured(should_stop)

        self._start("maps", "drawing it with other seeds", work)

    def snapshot(self, *, title: str = "", width: int = 900, height: int = 620) -> Snapshot:
        """A labelled static figure of the map as it is coloured, selected and zoomed, with its figures.

        It waits for what is being computed: a picture of unfinished work would mislead. `title` "" is the
        map's own, `width` and `height` are pixels.
        """
        self.wait()
        return self._drawn(title=title, size=(width, height))

    def export(self, path: str | Path, *, title: str = "", pictures: int = 2000) -> Files:
        """Write PATH.html, .png, .npz, .json and .csv (`path` without an ending); returns the paths.

        The page is self-contained and needs no kernel: pan, zoom, hover and lasso with texts and up to
        `pictures` pictures, under `title`. It waits for what is being computed.

        Raises:
            BadInputError: no name, or its folder does not exist.
        """
        found = self.snapshot(title=title)
        return exported(found, stem_of(path), page=self._page(title=title, pictures=pictures))

    def _page(self, *, title: str = "", pictures: int = 2000) -> bytes:
        """The page that can be explored without a kernel."""
        content = json.dumps(self._content(pictures), ensure_ascii=False)
        return page_of(title or page_title(self._now, self._choices()), [content]).encode()

    def _content(self, pictures: int) -> dict[str, Any]:
        self.wait()
        with self._lock:
            now, choices, shown, view = self._now, self._choices(), self._colouring(), dict(self._view)
        return page_content(now, choices, shown, view, pictures)

    def _drawn(
        self, most: int | None = None, *, title: str = "", size: tuple[int, int] = (900, 620)
    ) -> Snapshot:
        with self._lock:
            now, choices, shown = self._now, self._choices(), self._colouring()
            marks = self._view["landmarks"] if choices.colour == "label" else ()
        placed = () if self._found is None else ((self._found.said, self._found.point),)
        return atlas_snapshot(
            now, choices, shown, self.measures, self.figures,
            title=title, size=size, placed=placed, marks=marks, code=self._said_code(), most=most,
        )  # fmt: skip

    # What the user changed -------------------------------------------------------------------

    def _on_mask(self, _change: dict[str, Any]) -> None:
        with self._reported():
            self._quiet = True
            try:
                self.selected = items_of(self.selected_rows, self._now.item)
                self.page = 0
            finally:
                self._quiet = False
            self._measure(selection_only=True)
            self._publish()

    def _on_selected(self, change: dict[str, Any]) -> None:
        if not self._quiet:
            self._mask = pack(rows_of(change["new"], self._now.item), len(self._now))

    def _on_look(self, change: dict[str, Any]) -> None:
        if self._quiet:
            return
        with self._reported():
            if not -1 <= self.focus < len(self._now):
                raise BadInputError(f"Point {self.focus} was asked for; there are {len(self._now)}, from 0.")
            if change["name"] in ("gallery", "focus"):
                self._turn_to_first_page()
            self._clear()
            self._publish()

    def _on_manner(self, _change: dict[str, Any]) -> None:
        """What the browser does by itself; only the code of the screen is another now."""
        self._code = self._said_code()

    def _on_query(self, _change: dict[str, Any]) -> None:
        query = self.query.strip()
        self._turn_to_first_page()
        if not query:
            self.cancel("finds")
            self._found = None
            self._clear()
            self._publish()
            return
        now = self._now

        def work(should_stop: ShouldStop) -> None:
            self._take(should_stop, found=find_words(now, encoder_of(now, self._model), query))

        self._start("finds", "placing the words", work)

    def _turn_to_first_page(self) -> None:
        quiet, self._quiet = self._quiet, True
        try:
            self.page = 0
        finally:
            self._quiet = quiet

    def _on_shift(self, change: dict[str, Any]) -> None:
        if self._quiet:
            return
        with self._reported(str(change["name"])):
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
                self.cancel("maps")
                self._use(known)
                self._measure()

    def _draw_again(self, base: Projection) -> None:
        """Another position of the gap: drawn, shown, measured."""
        if len(base.modalities) < 2 or base.method == "given":
            raise BadInputError(
                "The gap can be moved on a map that project() drew of pictures and texts; this is none."
            )
        layer, shift = self.layer, self.shift

        def work(should_stop: ShouldStop) -> None:
            tell = self._progress("maps", should_stop)
            heard = share_of(tell, "drawing the map", 0, _DRAWN)
            drawn = self._maps.draw(layer, shift, on_event=heard, should_stop=should_stop)
            with self._lock:
                if should_stop():
                    return
                self._use(drawn)
            share_of(tell, "measuring the map", 0, 1)(_NEARLY)
            self._measured(should_stop)

        self._start("maps", "drawing the map", work)

    def _on_temperature(self, _change: dict[str, Any]) -> None:
        with self._reported("temperature"):
            if not self.temperature > 0:
                raise BadInputError(f"temperature is {self.temperature!r}; expected a number above 0.")
            self._measure()
            self._code = self._said_code()

    def _cancelled(self, what: str) -> None:
        """The slider goes back to what is on the screen."""
        self.cancel(what)
        self._quiet = True
        try:
            self.shift = self._now.shift
        finally:
            self._quiet = False
        self._say("cancelled")

    def _on_message(self, _widget: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        if content.get("kind") == "cancel":
            self._cancelled(str(content.get("what", "")))
            return
        with self._reported("query" if content.get("kind") in ("place", "problem") else ""):
            answer(self, content, buffers)

    # Work ------------------------------------------------------------------------------------

    def _take(self, should_stop: ShouldStop, *, found: Found) -> None:
        with self._lock:
            if should_stop():
                return
            self._found = found
            self._clear()
            self._publish()

    def _use(self, projection: Projection) -> None:
        """Another map of the same points: they move there; its figures are to be measured."""
        with self._lock, self.hold_sync():
            same_space = projection.embeddings.provenance.weights == self._now.embeddings.provenance.weights
            self._now = projection
            self._figures, self._measures = None, (None, None)
            found, self._found = self._found, None
            if found is not None and same_space:
                self._found = found.on(projection)
            self._forget += 1
            self._publish()
        if found is not None and not same_space:
            self._find_anew(found)

    def _find_anew(self, found: Found) -> None:
        """What was placed by hand in a space that is now another's: encoded again, and placed there."""
        now = self._now

        def work(should_stop: ShouldStop) -> None:
            self._take(should_stop, found=found.anew(now, encoder_of(now, self._model)))

        self._start("finds", "placing it again", work)

    def _measure(self, *, selection_only: bool = False) -> None:
        """The figures, in the background: the map is there at once."""

        def work(should_stop: ShouldStop) -> None:
            self._measured(should_stop, selection_only=selection_only)

        self._start("figures", "measuring the map", work)

    def _measured(self, should_stop: ShouldStop, *, selection_only: bool = False) -> None:
        with self._lock:
            now, mask, rows, temperature = self._now, self._mask, self.selected_rows, self.temperature
            everything = self._measures[0] if selection_only else None
            figures = self._figures if selection_only else None
        everything = everything or measures(now, scale=1 / temperature)
        chosen = measures(now, rows, scale=1 / temperature) if len(rows) else None
        figures = figures or point_figures(now, self._given, temperature=temperature)
        with self._lock:
            if should_stop() or (now, mask, temperature) != (self._now, self._mask, self.temperature):
                return  # what changed meanwhile has asked for its own figures
            others = figures is not self._figures
            self._figures, self._measures = figures, (everything, chosen)
            self._forget += int(others)  # cards that were sent show the old figures
            self._publish()


def _rounds(tell: OnEvent, rounds: int) -> OnEvent:
    """Progress of a map that is drawn several times, as progress of the whole."""
    round_, before = 0, 0.0

    def heard(event: Event) -> None:
        nonlocal round_, before
        share = event.done / event.total if event.total else 0.0
        round_ += int(share < before)
        before = share
        done = _DRAWN * (min(round_, rounds - 1) + share) / rounds
        tell(Event("drawing it with other seeds", round(100 * done), 100, f"seed {round_ + 1} of {rounds}"))

    return heard
