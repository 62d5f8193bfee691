"""The maps that an atlas can show: those it was given, and those drawn of them with the gap elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import BadInputError
from workbench.projection import Projection, redraw
from workbench.results import OnEvent, ShouldStop

__all__ = ["Maps"]

_KEPT = 8  # positions of the gap seen before, so that the slider goes back at once


class Maps:
    """Projections of the same points by layer, and by the position of the gap."""

    def __init__(self, given: Sequence[Projection], names: Sequence[str]) -> None:
        self.given = tuple(given)
        self.names = tuple(names) or tuple(f"map {place + 1}" for place in range(len(self.given)))
        self._held = [one.model for one in given]  # maps hold theirs weakly: they live as long as the atlas
        self._shifted: dict[tuple[int, float], Projection] = {}

    def of(self, layer: int) -> Projection:
        """The map of a layer as it was given.

        Raises:
            BadInputError: there is no such layer.
        """
        if not 0 <= layer < len(self.given):
            raise BadInputError(f"Layer {layer} was asked for; there are {len(self.given)}, from 0.")
        return self.given[layer]

    def known(self, layer: int, shift: float) -> Projection | None:
        """The map of a layer with the gap closed by `shift`, if it was given or drawn before."""
        base = self.of(layer)
        return (
            base if round(shift, 6) == round(base.shift, 6) else self._shifted.get((layer, round(shift, 6)))
        )

    def draw(self, layer: int, shift: float, *, on_event: OnEvent, should_stop: ShouldStop) -> Projection:
        """The same, drawn now; it starts from the layer's own map, so that it moves little.

        Always from that one: the same position of the slider is the same map, however it was reached.

        Raises:
            Cancelled: `should_stop` returned true.
        """
        moved = round(shift, 6)
        own = self.of(layer)
        drawn = redraw(own, shift=moved, start=own, on_event=on_event, should_stop=should_stop)
        self._shifted[layer, moved] = drawn
        while len(self._shifted) > _KEPT:
            del self._shifted[next(iter(self._shifted))]
        return drawn
