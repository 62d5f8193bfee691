"""What an atlas computes in the background: maps, places of words and pictures, figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from widgets.atlas.figures import point_figures
from widgets.atlas.screen import AtlasScreen
from widgets.atlas.search import Found, find_picture
from workbench.errors import BadInputError
from workbench.projection import Projection, encoder_of, measures, stability
from workbench.results import Event, OnEvent

__all__ = ["AtlasComputing", "share_of"]

_DRAWN = 0.9  # share of the work of a new map that is drawing; the rest is measuring it
_NEARLY = Event("", 9, 10)  # the map stands; it is being measured

ShouldStop = Callable[[], bool]


class AtlasComputing(AtlasScreen):
    """Maps, finds and figures: three kinds of work that do not wait for one another."""

    # A finished map starts finds and figures anew, so these are waited for last.
    _JOBS: ClassVar = {"maps": "", "finds": "query", "figures": ""}

    def cancel(self, what: str = "") -> None:
        """Stop one kind of work ("maps", "finds", "figures"), or all; what is on the screen stays.

        Raises:
            BadInputError: there is no such kind.
        """
        if what and what not in self._JOBS:
            raise BadInputError(f"There is no work called {what!r} here; there are {', '.join(self._JOBS)}.")
        for kind in [what] if what else self._JOBS:
            self._stop(kind)

    def place(self, picture: bytes, name: str = "picture") -> None:
        """Put a `picture` (a file's bytes) on the map as `name`, with its true neighbours; see `found`."""
        now = self._now

        def work(should_stop: ShouldStop) -> None:
            self._take(should_stop, found=find_picture(now, encoder_of(now, self._model), picture, name))

        self._start("finds", work, "placing the picture")

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

        self._start("maps", work, "drawing it with other seeds")

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

        self._start("maps", work, "drawing the map")

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

        self._start("finds", work, "placing it again")

    def _measure(self, *, selection_only: bool = False) -> None:
        """The figures, in the background: the map is there at once."""

        def work(should_stop: ShouldStop) -> None:
            self._measured(should_stop, selection_only=selection_only)

        self._start("figures", work, "measuring the map")

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


def share_of(tell: OnEvent, stage: str, first: float, last: float) -> OnEvent:
    """Progress of a part of some work as progress of the whole, in hundredths: from `first` to `last`."""

    def heard(event: Event) -> None:
        done = event.done / event.total if event.total else 0.0
        tell(Event(stage, round(100 * (first + (last - first) * done)), 100, event.stage))

    return heard


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
