"""What every board shares: numbers and colours that agree with the browser's, a status, a picture that stays."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from widgets import colours
from widgets.format import decimal, number, percent, signed
from widgets.snapshot import Snapshot, exported
from widgets.status import Status
from widgets.still import still_html
from workbench.errors import BadInputError, Cancelled
from workbench.results import Event

STATIC = Path(__file__).resolve().parents[2] / "widgets" / "static" / "shared"


def test_numbers_are_written_as_the_browser_writes_them() -> None:
    """The same table stands in tests/js/shared.test.mjs."""
    values = [0, 1, -0.2504, 1234.4, 0.00012, 123456, float("nan")]
    assert [number(v) for v in values] == ["0", "1.00", "−0.250", "1234", "1.2e−4", "1.2e5", "not known"]
    assert [signed(v) for v in (0.5, -0.5, 0)] == ["+0.500", "−0.500", "0"]
    assert [percent(v) for v in (0, 0.0004, 0.1234, 0.9996, 1)] == [
        "0.0 %", "< 0.1 %", "12.3 %", "> 99.9 %", "100.0 %",
    ]  # fmt: skip
    assert decimal(-0.0001) == "0.000"


def test_both_sides_have_the_same_colours() -> None:
    script = (STATIC / "colours.mjs").read_text("utf-8")
    for name in ("SEQUENTIAL", "DIVERGING", "NAMED"):
        found = re.search(rf"{name} = (\[.*?\]);", script, re.DOTALL)
        assert found
        held = json.loads(re.sub(r",\s*\]", "]", found[1]))  # the formatter ends a list of lines with a comma
        assert [tuple(one) if isinstance(one, list) else one for one in held] == list(getattr(colours, name))


def test_the_sequential_map_grows_lighter_and_the_diverging_one_is_white_at_zero() -> None:
    light = colours.sequential(np.linspace(0, 1, 50)) @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(light) > 0).all()
    assert colours.diverging(0.0).tolist() == [255, 255, 255]
    assert colours.diverging([-1, 1]).tolist() == [[30, 110, 210], [214, 96, 0]]


def test_an_error_stands_in_its_place_until_something_else_is_begun() -> None:
    status = Status()
    with status._reported("labels"):
        raise BadInputError("'cat' is given twice.")
    with status._reported("path"):
        raise OSError("no such file")
    assert status.errors == {"labels": "'cat' is given twice.", "path": "OSError: no such file"}
    assert isinstance(status.last_error, OSError)
    status._clear("path")
    assert list(status.errors) == ["labels"]
    status._begin("scoring")
    assert status.errors == {} and list(status.working) == ["scoring"]


def test_a_cancel_is_no_error() -> None:
    status = Status()
    with status._reported():
        raise Cancelled("stopped")
    assert status.errors == {}


def test_jobs_are_told_apart_and_a_stopped_one_is_silent() -> None:
    status, stopped = Status(), []
    status._begin("first")
    status._begin("second")
    tell = status._progress("first", lambda: bool(stopped))
    tell(Event("reading", 1, 4))
    assert status.working["first"]["done"] == 1 and "second" in status.working
    stopped.append(True)
    tell(Event("reading", 2, 4))
    assert status.working["first"]["done"] == 1
    status._end("first", said="done", at="button")
    assert list(status.working) == ["second"] and status._status["said"] == {"button": "done"}
    status._progress("first", lambda: False)(Event("late", 3, 4))  # its job is over
    assert list(status.working) == ["second"]


def _snapshot(title: str = "a <b>board</b>") -> Snapshot:
    out = io.BytesIO()
    Image.new("RGB", (2000, 400), "white").save(out, "PNG")
    return Snapshot(
        title, "<p>page</p>", out.getvalue(), {"x": np.arange(3)}, {"model": "m"}, [("a", "b"), (1, "é")]
    )


def test_the_picture_a_notebook_keeps_is_small_and_its_words_are_words() -> None:
    html = still_html(_snapshot())
    assert len(html) < 40_000
    assert "a &lt;b&gt;board&lt;/b&gt;" in html and "<b>" not in html


def test_an_export_is_a_page_a_picture_arrays_settings_and_a_table(tmp_path: Path) -> None:
    files = exported(_snapshot(), tmp_path / "mine", page=b"<p>as it stands</p>")
    assert [file.name for file in files] == ["mine.html", "mine.png", "mine.npz", "mine.json", "mine.csv"]
    assert files[0].read_text() == "<p>as it stands</p>"
    assert Image.open(files[1]).size == (2000, 400)
    assert files[4].read_text("utf-8-sig").splitlines() == ["a,b", "1,é"]


@pytest.mark.parametrize("name", ["", "  "])
def test_an_export_needs_a_name(name: str) -> None:
    with pytest.raises(BadInputError, match="Give a name"):
        exported(_snapshot(), name)
