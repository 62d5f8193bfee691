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
from workbench.results import Event, OnEvent

__all__ = [
    "DEPTH",
    "PLANE_DESIGN",
    "Curves",
    "PlaneStore",
    "Turns",
    "card_of",
    "run_compare",
    "why_not_looked",
]

DEPTH = 3
"""Layers of the models on the plane: the slider runs from 0 (early) to this (late)."""
PLANE_DESIGN = Design(width=16, depth=DEPTH, heads=2)

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
    """Decision regions by task and seed: the task's own layers once, and each fusion's once."""

    bases: dict[str, Regions] = field(default_factory=dict)
    planes: dict[tuple[str, int, str], Plane] = field(default_factory=dict)

    def put(self, regions: Regions, seed: int) -> None:
        """Keep what a run brought; a cancelled one keeps what it had finished."""
        self.bases[regions.task] = regions
        for name, plane in planes_of(regions).items():
            self.planes[regions.task, seed, name] = plane

    def shown(self, task: str, seed: int, fusions: Sequence[str]) -> list[Plane | None]:
        """The plane of each fusion; None where it has not been trained."""
        return [self.planes.get((task, seed, name)) for name in fusions]

    def missing(self, task: str, seed: int, fusions: Sequence[str]) -> list[str]:
        """Fusions that have still to be trained, each once."""
        return [name for name in dict.fromkeys(fusions) if (task, seed, name) not in self.planes]

    def train(
        self, task: str, seed: int, fusions: Sequence[str], *, on_event: OnEvent, should_stop: ShouldStop
    ) -> None:
        """Train what is missing and keep it."""
        wanted = self.missing(task, seed, fusions)
        if not wanted and task in self.bases:
            return
        self.put(
            lab.regions(
                wanted, task, design=PLANE_DESIGN, seed=seed, on_event=on_event, should_stop=should_stop
            ),
            seed,
        )


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
    training: Literal["joint", "separate"],
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
