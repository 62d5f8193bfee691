"""The line of progress: what it says, how often it is drawn, and where."""

from __future__ import annotations

import io
import threading

import pytest

from widgets import Progress, progress
from workbench.results import Event, listener


@pytest.mark.parametrize(
    ("event", "elapsed", "line"),
    [
        (Event("training", 0, 105), 0, "training · 0 of 105 · 0:00"),
        (Event("training", 35, 105, "co-attention"), 60, "training: co-attention · 35 of 105 · 1:00, about 2:00 more"),
        (Event("training", 1, 105), 1, "training · 1 of 105 · 0:01"),  # too early to tell
        (Event("training", 105, 105), 4000, "training · 105 of 105 · 1:06:40"),
        (Event("reading the files", 0, 0), 5, "reading the files · 0:05"),
        (Event("embedding", 1_000, 2_000_000, "a\nb"), 10, "embedding: a b · 1,000 of 2,000,000 · 0:10, about 5:33:10 more"),
    ],
)  # fmt: skip
def test_the_line_says_how_far_and_about_how_long_yet(event: Event, elapsed: float, line: str) -> None:
    assert progress.said(event, elapsed) == line


def test_a_terminal_gets_one_line_drawn_now_and_then_and_always_at_the_end(monkeypatch) -> None:
    out, clock = io.StringIO(), iter([0.0, 0.0, 0.1, 0.2, 0.3, 0.31])
    monkeypatch.setattr(progress.sys, "stderr", out)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    tell = Progress()
    for done in range(4):
        tell(Event("steps", done, 4))
    tell(Event("steps", 4, 4))
    drawn = [line.strip() for line in out.getvalue().split("\r") if line]
    assert drawn == ["steps · 0 of 4 · 0:00", "steps · 3 of 4 · 0:00", "steps · 4 of 4 · 0:00"]


def test_a_notebook_gets_one_output_that_is_replaced(monkeypatch) -> None:
    shown, updated = [], []

    class Handle:
        def update(self, bundle, *, raw):
            updated.append((bundle["text/plain"], raw))

    def display(bundle, *, raw, display_id):
        shown.append((bundle["text/plain"], raw, display_id))
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    tell = Progress()
    tell(Event("maps", 1, 2))
    tell(Event("maps", 2, 2))
    assert shown == [("maps · 1 of 2 · 0:00", True, True)] and updated == [("maps · 2 of 2 · 0:00", True)]


def test_what_is_over_in_a_moment_draws_no_line(monkeypatch) -> None:
    out, clock = io.StringIO(), iter([0.0, 0.5, 2.0])
    monkeypatch.setattr(progress.sys, "stderr", out)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    tell = Progress(after=1.5)
    tell(Event("steps", 1, 2))
    assert out.getvalue() == ""
    tell(Event("steps", 2, 2))
    assert "steps · 2 of 2 · 0:02" in out.getvalue()


def test_long_verbs_speak_by_themselves_in_a_notebook_and_nowhere_else(monkeypatch) -> None:
    assert progress.usual_progress() is None and listener(None) is None
    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    assert isinstance(listener(None), Progress)
    own: list[Event] = []
    assert listener(own.append) == own.append
    heard: list[object] = [1]
    other = threading.Thread(target=lambda: heard.append(listener(None)))
    other.start()
    other.join()
    assert heard[-1] is None  # a widget's own work is shown by the widget
