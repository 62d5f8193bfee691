"""Decision regions that the board has, and the fusions that stand on the plane. Nothing is trained twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from widgets.fusion.plane_view import Plane, planes_of
from workbench import fusion as lab
from workbench.errors import UnknownNameError
from workbench.fusion import PLANE_DESIGN, PLANE_SIZE, PLANE_STEPS, Design, FusionCard, Regions, kept_planes
from workbench.results import OnEvent

__all__ = ["DEPTH", "PLANE_STEPS", "PlaneStore", "card_of"]

DEPTH = PLANE_DESIGN.depth
"""Layers of the models on the plane: the slider runs from 0 (early) to this (late)."""

ShouldStop = Callable[[], bool]


@dataclass
class PlaneStore:
    """Decision regions by task, seed and steps: the task's own layers once, and each fusion's once.

    What ships with the package is taken from there without being asked for.

    Attributes:
        size, design: of every plane here; those of the regions that the board was given.
    """

    size: int = PLANE_SIZE
    design: Design = PLANE_DESIGN
    bases: dict[str, Regions] = field(default_factory=dict)
    found: dict[tuple[str, int, int, str], Plane] = field(default_factory=dict)

    @classmethod
    def of(cls, regions: Regions | None) -> PlaneStore:
        """A store that begins with what there is."""
        if regions is None:
            return cls()
        store = cls(len(regions.axis), regions.design)
        store.put(regions, regions.provenance.seed or 0, regions.steps)
        return store

    def put(self, regions: Regions, seed: int, steps: int) -> None:
        """Keep what a run brought; a cancelled one keeps what it had finished."""
        self.bases.setdefault(regions.task, regions)
        for name, plane in planes_of(regions).items():
            self.found[regions.task, seed, steps, name] = plane

    def base(self, task: str) -> Regions:
        """The right answer over a task's plane, and the best sum."""
        if task not in self.bases:
            self.bases[task] = lab.regions([], task, design=self.design, size=self.size)
        return self.bases[task]

    def shown(self, task: str, seed: int, steps: int, fusions: Sequence[str]) -> list[Plane | None]:
        """The plane of each fusion; None where it neither ships nor has been trained."""
        self._take_kept(task, seed, steps, fusions)
        return [self.found.get((task, seed, steps, name)) for name in fusions]

    def missing(self, task: str, seed: int, steps: int, fusions: Sequence[str]) -> list[str]:
        """Fusions that have still to be trained, each once."""
        self._take_kept(task, seed, steps, fusions)
        return [name for name in dict.fromkeys(fusions) if (task, seed, steps, name) not in self.found]

    def train(
        self,
        task: str,
        seed: int,
        steps: int,
        fusions: Sequence[str],
        *,
        on_event: OnEvent,
        should_stop: ShouldStop,
    ) -> None:
        """Train what is missing and keep it."""
        wanted = self.missing(task, seed, steps, fusions)
        if wanted:
            self.put(self._regions(wanted, task, seed, steps, on_event, should_stop), seed, steps)

    def _take_kept(self, task: str, seed: int, steps: int, fusions: Sequence[str]) -> None:
        there = kept_planes(task, steps=steps, size=self.size, design=self.design)
        names = [
            name
            for name in dict.fromkeys(fusions)
            if (name, seed) in there and (task, seed, steps, name) not in self.found
        ]
        if names:
            self.put(self._regions(names, task, seed, steps, None, None), seed, steps)

    def _regions(
        self,
        names: Sequence[str],
        task: str,
        seed: int,
        steps: int,
        on_event: OnEvent | None,
        should_stop: ShouldStop | None,
    ) -> Regions:
        return lab.regions(
            names, task, steps=steps, design=self.design, size=self.size, seed=seed,
            on_event=on_event, should_stop=should_stop,
        )  # fmt: skip


def card_of(name: str, cards: Mapping[str, FusionCard], *, depth: int = DEPTH) -> FusionCard:
    """The card of a fusion: from the report if it is there (it may be the user's own), else the registry's.

    Raises:
        UnknownNameError: there is no fusion of that name.
    """
    try:
        return (
            cards[name] if name in cards and not name.startswith("slider-") else lab.card(name, depth=depth)
        )
    except UnknownNameError:
        if name in cards:
            return cards[name]
        raise
