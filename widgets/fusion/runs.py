"""What the fusion board asks of compute, kept so that nothing is trained twice. No widget in here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from widgets.fusion.plane_view import Plane, planes_of
from workbench import fusion as lab
from workbench.errors import Cancelled, UnknownNameError
from workbench.fusion import Design, FusionCard, FusionReport, Look, Plan, Proof, Regions, TrainingEvent
from workbench.fusion.inside.shipped_planes import PLANE_DESIGN, SIZE, STEPS, kept_planes
from workbench.results import Event, OnEvent

__all__ = [
    "DEPTH",
    "FIRST_CHOICE",
    "PLANE_DESIGN",
    "STEPS",
    "Curves",
    "PlaneStore",
    "Turns",
    "asked_of",
    "card_of",
    "run_compare",
    "why_not_looked",
]

DEPTH = PLANE_DESIGN.depth
"""Layers of the models on the plane: the slider runs from 0 (early) to this (late)."""
FIRST_CHOICE = ("mean-logits", "concat-mlp", "early-tokens")
"""What is ticked at first where a comparison can be started."""

ShouldStop = Callable[[], bool]


class Turns:
    """One training at a time: models start from the process-wide random state, and two would mix it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def take(self, should_stop: ShouldStop) -> Iterator[None]:
        """Wait for the turn.

        Raises:
            Cancelled: `should_stop` said so while waiting.
        """
        while not self._lock.acquire(timeout=0.1):
            if should_stop():
                raise Cancelled("Cancelled while another training ran.")
        try:
            yield
        finally:
            self._lock.release()


@dataclass
class PlaneStore:
    """Decision regions by task, seed and steps: the task's own layers once, and each fusion's once.

    What ships with the package is taken from there without being asked for.

    Attributes:
        size, design: of every plane here; those of the regions that the board was given.
    """

    size: int = SIZE
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


class Curves:
    """Live curves, collected from events and handed on a few times a second."""

    def __init__(self, publish: Callable[[dict[str, list[tuple[int, float]]]], None], value: str) -> None:
        self._publish, self._value = publish, value
        self._points: dict[str, list[tuple[int, float]]] = {}
        self._told = 0.0

    def __call__(self, event: Event) -> None:
        """Take an event; those without a curve are ignored."""
        if not isinstance(event, TrainingEvent) or not event.fusion:
            return
        numbers = event.values.get(self._value) or event.values.get("train_loss", ())
        if numbers:
            mean = sum(numbers) / len(numbers)
            self._points.setdefault(event.fusion, []).append((event.epoch, mean))
        if time.monotonic() - self._told > 0.2:
            self._told = time.monotonic()
            self._publish(self._points)


def run_compare(
    examples: Any,
    fusions: Sequence[str],
    plan: Plan,
    *,
    seeds: int,
    epochs: int,
    most_train: int,
    training: Literal["joint", "separate", "experts-first"],
    on_event: OnEvent,
    should_stop: ShouldStop,
) -> FusionReport:
    """`compare` with the board's budget; `most_train` 0 takes all rows."""
    plan = replace(plan, epochs=epochs, most_train=most_train or None, training=training)
    return lab.compare(examples, fusions, seeds=seeds, plan=plan, on_event=on_event, should_stop=should_stop)


def run_proof(fusions: Sequence[str] | None, *, on_event: OnEvent, should_stop: ShouldStop) -> Proof:
    """`prove`, as the board's button does it."""
    return lab.prove(fusions, on_event=on_event, should_stop=should_stop)


def run_look(report: FusionReport, fusion: str, item: int) -> Look:
    """`look` at one item."""
    return lab.look(report, fusion, [item])


def asked_of(board: Any) -> dict[str, Any]:
    """What a board's page Choose asks `advise`."""
    asked = {name: getattr(board, name) for name in ("need", "may_miss", "explain", "apart")}
    return asked | {
        "parameters": board.most_parameters or None,
        "seconds": board.most_seconds or None,
        "rows": board.rows or None,
    }


def why_not_looked(report: FusionReport, fusion: str) -> str:
    """Why no item can be opened inside a fusion of this report; "" if one can."""
    if report.examples is None:
        return "This report was opened without its examples; open_report(folder, data) brings them."
    return "" if fusion in report.weights else "The report keeps no weights of this fusion."


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
