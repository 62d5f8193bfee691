"""`Progress`: one line under a cell for work that takes minutes, in any notebook or terminal."""

from __future__ import annotations

import math
import sys
import threading
import time
from typing import Any

from workbench.formatting import one_line
from workbench.results import Event

__all__ = ["Progress", "usual_progress"]

_EVERY = 0.25  # seconds between two drawings of the line
_TRUSTED = 2.0  # seconds after which the pace so far is worth saying
_WIDTH = 110
_MOMENT = 1.5  # seconds that are waited for without a word


class Progress:
    """Says what is being done, how far it is, and about how long it will take yet.

    Every verb that takes `on_event` takes it. In a notebook in which `widgets` is imported, long ones of the
    fusion lab speak by themselves; elsewhere, or for a line from the first moment on, give one.

    The line is plain text: it stays readable in a saved notebook. What remains is the pace so far drawn out,
    so it is wrong where the last items are dearer than the first.

    Example:
        >>> from widgets import Progress
        >>> from workbench.embedding import embed_texts
        >>> embed_texts("emoji-clip", ["a cat", "a dog"], on_event=Progress()).shape  # it writes to stderr
        (2, 192)
    """

    def __init__(self, *, after: float = 0.0) -> None:
        """A line of its own.

        Args:
            after: seconds of work before the line appears; what is over sooner draws none.
        """
        self._after = after
        self._lock = threading.Lock()
        self._stage: str | None = None
        self._made = self._began = time.monotonic()
        self._drawn = -math.inf
        self._line: Any = None

    def __call__(self, event: Event) -> None:
        """Draw the line anew, if the last time was long enough ago or the stage ends or changes."""
        with self._lock:
            now = time.monotonic()
            if event.stage != self._stage:
                if self._stage is not None:  # the first stage began when this was made
                    self._began, self._drawn = now, -math.inf
                self._stage = event.stage
            if now - self._made < self._after:
                return
            if now - self._drawn >= _EVERY or event.done >= event.total:
                self._drawn = now
                self._write(said(event, now - self._began), ends=event.done >= event.total > 0)

    def _write(self, text: str, *, ends: bool) -> None:
        if _in_notebook():
            from IPython.display import display

            bundle = {"text/plain": text}
            if self._line is None:
                self._line = display(bundle, raw=True, display_id=True)
            else:
                self._line.update(bundle, raw=True)
        else:
            sys.stderr.write(f"\r{text:<{_WIDTH}}" + "\n" * ends)
            sys.stderr.flush()


def usual_progress() -> Progress | None:
    """What `widgets` lets every verb say in a notebook, if it takes longer than a moment.

    Only for what a cell calls itself: work that a widget has started in a thread of its own is shown by it.
    """
    in_cell = threading.current_thread() is threading.main_thread()
    return Progress(after=_MOMENT) if in_cell and _in_notebook() else None


def said(event: Event, elapsed: float) -> str:
    """ "training: co-attention · 34 of 105 · 6:12, about 12:57 more"."""
    named = one_line(f"{event.stage}: {event.message}" if event.message else event.stage, most=60)
    if not event.total:
        return f"{named} · {_clock(elapsed)}"
    parts = [named, f"{event.done:,} of {event.total:,}", _clock(elapsed)]
    if 0 < event.done < event.total and elapsed >= _TRUSTED:
        parts[-1] += f", about {_clock(elapsed / event.done * (event.total - event.done))} more"
    return " · ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return running is not None and getattr(running, "kernel", None) is not None
