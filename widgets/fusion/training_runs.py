"""Training from the board: whose turn it is, its curves as it runs, its budget. No widget in here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from workbench import fusion as lab
from workbench.errors import Cancelled
from workbench.fusion import FusionReport, Plan, TrainingEvent
from workbench.results import Event, OnEvent

__all__ = ["FIRST_CHOICE", "Curves", "Turns", "run_compare"]

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
