"""How the work of a comparison runs: until somebody stops it."""

from __future__ import annotations

from collections.abc import Callable

from workbench.errors import Cancelled
from workbench.progress import ShouldStop

__all__ = ["stopper"]


def stopper(should_stop: ShouldStop | None) -> Callable[[], None]:
    """What long work calls between its steps: raises `Cancelled` once `should_stop` says so."""

    def beat() -> None:
        if should_stop is not None and should_stop():
            raise Cancelled("Cancelled; the fusions finished so far are kept.")

    return beat
