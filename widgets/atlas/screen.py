"""What an atlas holds, and how it goes to the browser: arrays by name, the rest as one view."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike

from widgets.atlas.arrays import Arrays
from widgets.atlas.cards import SHEET_COLUMNS, pictures_of, sheet
from widgets.atlas.colour import Colouring
from widgets.atlas.figures import Figure
from widgets.atlas.gallery import Ask, listing
from widgets.atlas.layers import Maps
from widgets.atlas.projection_code import as_python
from widgets.atlas.projection_view import (
    Choices,
    atlas_view,
    colouring,
    filter_marks,
    measure_rows,
    worst_links,
)
from widgets.atlas.search import Found
from widgets.atlas.traits import AtlasTraits
from workbench.models import DualEncoder

if TYPE_CHECKING:
    from widgets.atlas.gallery import Listed

__all__ = ["AtlasScreen"]

_THUMB = 56  # pixels of a picture in the gallery
_WORST = 400  # pairs that links are drawn of


class AtlasScreen(AtlasTraits):
    """The state of an atlas beside its traits, and the sending of it."""

    def _open_screen(
        self, maps: Maps, model: DualEncoder | None, figures: Mapping[str, ArrayLike] | None, heading: str
    ) -> None:
        self._maps = maps
        self._now = maps.of(0)
        self._model = model
        self._given = dict(figures or {})
        self._heading = heading
        self._figures: dict[str, Figure] | None = None
        self._measures: tuple[Sequence[Any] | None, Sequence[Any] | None] = (None, None)
        self._found: Found | None = None
        self._listed: tuple[Any, ...] = ()
        self._coloured: tuple[tuple[Any, ...], Colouring] | None = None
        self._arrays = Arrays()
        self._lock = threading.RLock()
        self._thread = threading.local()
        self._coded: Callable[[], str] | None = None

    @property
    def _quiet(self) -> bool:
        """Whether this thread sets what follows from other traits; messages may come in another thread."""
        return getattr(self._thread, "quiet", False)

    @_quiet.setter
    def _quiet(self, quiet: bool) -> None:
        self._thread.quiet = quiet

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
        """Points in the list beside the map, in its order."""
        return [row["point"] for row in self._view["gallery"]["rows"]]

    @property
    def arrays(self) -> Arrays:
        """The large arrays that the front end asks for by name."""
        return self._arrays

    def code(self) -> str:
        """Python that shows this atlas again, with all that was chosen on it.

        A picture that was placed by hand is written into the folder `pictures`, for the code to read.
        """
        self._keep()
        return self._said_code()

    def _keep(self) -> None:
        if self._found is not None:
            self._found.keep()

    def _said_code(self) -> str:
        if self._coded is not None:
            return self._coded()
        with self._lock:
            return "\n".join(as_python(self._maps, self._choices(), self._found)) + "\n"

    def _choices(self) -> Choices:
        return Choices(
            colour=self.colour,
            labels=tuple(self.labels),
            kinds=tuple(self.kinds),
            only=self.only,
            temperature=self.temperature,
            shift=self.shift,
            layer=self.layer,
            selected=np.asarray(self.selected),
            rows=self.selected_rows,
            focus=self.focus,
            query=self.query.strip(),
            links=self.links,
            gallery=self.gallery,
            page=self.page,
            tool=self.tool,
            words=self.words,
            pictures=self.pictures,
            camera=tuple(self.camera),
            wheel=self.wheel,
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
            self._arrays.put("points", now.points.astype(np.float32, copy=False))
            self._arrays.put("kinds", now.modality)
            self._arrays.put("codes", shown.codes)
            self._arrays.put("filter", filter_marks(now, self.labels, self.kinds))
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
                "title": self._heading or view["title"],
                "gallery": self._gallery(),
                "placed": [] if found is None else [found.mark],
                "live": live,
                "dead": "" if live else view["dead"],
            }
            self._code = self._said_code()

    def _gallery(self) -> dict[str, Any]:
        """The list beside the map, and its pictures where they are other ones than before."""
        ask = Ask(
            cast("Listed", self.gallery), self._found, self.focus, self.selected_rows, self.page,
            len(self.selected),
        )  # fmt: skip
        gallery, pictured = listing(self._now, ask, self.measures)
        if self._listed != tuple(pictured):
            self._sprite = sheet(pictures_of(self._now, pictured), _THUMB)
            self._listed = tuple(pictured)
        return gallery | {"thumb": _THUMB, "columns": max(1, min(SHEET_COLUMNS, len(pictured)))}
