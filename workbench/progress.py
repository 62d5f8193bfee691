"""How far a verb is, as plain data, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Event", "OnEvent", "ShouldStop", "listen_by_default", "listener"]


@dataclass(frozen=True)
class Event:
    """Progress, as plain data.

    Attributes:
        stage: what is being done: "pictures", "texts", "layout".
        done, total: items done, of how many; 0 in all where nobody knows.
        message: what happened on the way, "" for nothing.
    """

    stage: str
    done: int
    total: int
    message: str = ""


OnEvent = Callable[[Event], None]
ShouldStop = Callable[[], bool]

_LISTENER: list[Callable[[], OnEvent | None]] = []


def listen_by_default(make: Callable[[], OnEvent | None]) -> None:
    """Who hears a verb's progress where it is called without `on_event`.

    Compute knows no screen. Whoever has one (`widgets`, in a notebook) says so here; the last one counts.

    Args:
        make: asked at each call of a verb; gives who hears it, or None.

    Example:
        >>> from workbench.results import listen_by_default, listener
        >>> listen_by_default(lambda: None)
        >>> listener(None) is None
        True
    """
    _LISTENER[:] = [make]


def listener(on_event: OnEvent | None) -> OnEvent | None:
    """`on_event`, or the one of `listen_by_default` where none was given.

    Args:
        on_event: what a verb was called with.

    Returns:
        Who hears events now, or None.

    Example:
        >>> from workbench.results import Event, listener
        >>> heard = []
        >>> listener(heard.append)(Event("pictures", 1, 2))
        >>> heard[0].done
        1
    """
    return on_event if on_event is not None or not _LISTENER else _LISTENER[0]()
