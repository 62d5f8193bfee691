"""What libraries say that no reader needs, kept from one thread: warnings and log records.

Python's filters of warnings and the levels of loggers belong to the whole process: `catch_warnings` in a
thread of a board silences the notebook too, and of two that overlap the last leaves its filters behind. So,
while a section of ours runs, a filter stands among Python's that asks which thread it is in.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["no_records", "no_warnings"]

_own = threading.local()
_installing = threading.Lock()


class _Asking:
    """Stands where a filter has the pattern of a message: it fits in a thread that wants no such warning."""

    def __init__(self, category: type[Warning]) -> None:
        self.category = category

    def match(self, _: str) -> bool:
        return bool(_sections().get(self.category))

    def __reduce__(self) -> tuple[type[_Asking], tuple[type[Warning]]]:
        return _Asking, (self.category,)  # scikit-learn sends the filters to its worker processes


_filters: dict[type[Warning], tuple[str, _Asking, type[Warning], None, int]] = {}
_standing: dict[type[Warning], int] = {}


@contextmanager
def no_warnings(category: type[Warning] = Warning) -> Iterator[None]:
    """Warnings of a category are not heard in this thread, whoever else listens.

    Args:
        category: with all that are of its kind.
    """
    sections = _sections()
    _stand_first(category)
    sections[category] = sections.get(category, 0) + 1
    try:
        yield
    finally:
        sections[category] -= 1
        _step_back(category)


def _stand_first(category: type[Warning]) -> None:
    """Put the filter before all others: a caller may have set some since, or taken all away."""
    standing: list = warnings.filters  # type: ignore[assignment]
    with _installing:
        _standing[category] = _standing.get(category, 0) + 1
        mine = _filters.setdefault(category, ("ignore", _Asking(category), category, None, 0))
        if not standing or standing[0] is not mine:
            with suppress(ValueError):
                standing.remove(mine)
            standing.insert(0, mine)


def _step_back(category: type[Warning]) -> None:
    """Take it away after the last section of all threads. In place: nothing that others set is lost."""
    with _installing:
        _standing[category] -= 1
        if not _standing[category]:
            with suppress(ValueError):
                warnings.filters.remove(_filters[category])  # type: ignore[attr-defined]


def _sections() -> dict[type[Warning], int]:
    if not hasattr(_own, "sections"):
        _own.sections = {}
    return _own.sections


@contextmanager
def no_records(logger: str, *, below: int = logging.ERROR) -> Iterator[None]:
    """Records of a library's loggers are not written in this thread; those of other threads are.

    Args:
        logger: the library's own, "transformers"; those below it count.
        below: records of this level and above are written all the same.
    """
    top, thread = logging.getLogger(logger), threading.get_ident()
    handlers = [*top.handlers, *(logging.getLogger().handlers if top.propagate else ())]
    if not handlers and logging.lastResort is not None:
        handlers = [logging.lastResort]

    def written(record: logging.LogRecord) -> bool:
        of_library = record.name == logger or record.name.startswith(f"{logger}.")
        return record.levelno >= below or not of_library or threading.get_ident() != thread

    for handler in handlers:
        handler.addFilter(written)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(written)
