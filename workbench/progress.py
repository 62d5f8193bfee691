"""How far a verb is, as plain data, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Event", "OnEvent", "ShouldStop", "listen_by_default", "listener"]


@dataclass(frozen=True)
class Event:
    """Progress, as plain data: `done` of `total` items of a `stage`."""

    stage: str
    done: int
    total: int
    message: str = ""


OnEvent = Callable[[Event], None]
ShouldStop = Callable[[], bool]

_LISTENER: list[Callable[[], OnEvent | None]] = []


def listen_by_default(make: Callable[[], OnEvent | None]) -> None:
    """Who hears a verb's progress where it is called without `on_event`: `make()` is asked at each call.

    Compute knows no screen. Whoever has one (`widgets`, in a notebook) says so here; the last one counts.
    """
    _LISTENER[:] = [make]


def listener(on_event: OnEvent | None) -> OnEvent | None:
    """`on_event`, or the one of `listen_by_default` where none was given."""
    return on_event if on_event is not None or not _LISTENER else _LISTENER[0]()
