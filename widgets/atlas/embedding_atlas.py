"""`EmbeddingAtlas`: a map of pictures and texts that says how far to trust it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from widgets import esm
from widgets.atlas.computing import AtlasComputing
from widgets.atlas.export import atlas_snapshot, page_content, page_of, page_title, stem_of
from widgets.atlas.layers import Maps
from widgets.atlas.messages import answer
from widgets.atlas.search import find_words
from widgets.atlas.selection import items_of, pack, rows_of
from widgets.atlas.validation import checked_maps, own_temperature
from widgets.snapshot import Files, Snapshot, exported
from widgets.still import Still
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.models import DualEncoder, as_encoder
from workbench.projection import Projection, encoder_of

if TYPE_CHECKING:
    from workbench.data import Pairs

__all__ = ["STILL", "STILL_SIZE", "EmbeddingAtlas"]

STILL, STILL_SIZE = 50_000, (700, 480)  # points and pixels of the picture that a notebook keeps
ShouldStop = Callable[[], bool]


class EmbeddingAtlas(AtlasComputing):
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

        self._start("finds", work, "placing the words")

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
