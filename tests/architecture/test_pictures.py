"""The README's pictures are those that `make pictures` takes; test_looks.py holds them to the screen."""

from __future__ import annotations

import re

import pytest


@pytest.fixture
def five(root, monkeypatch):
    """The table of screens."""
    monkeypatch.syspath_prepend(str(root / "tests" / "browser"))
    import five_widgets

    return five_widgets


def test_every_picture_of_the_readme_is_taken_by_the_script_and_shown(root, five):
    shown = re.findall(r"!\[[^\]]*\]\(docs/([^)]+\.png)\)", (root / "README.md").read_text("utf-8"))
    assert sorted(shown) == sorted(five.PICTURES.values())
    assert {path.name for path in (root / "docs").glob("*.png")} >= set(five.PICTURES.values())


def test_every_picture_is_of_a_screen_that_is_looked_at(five):
    """The answer lens is looked at on an attention drawn by hand, which the README does not show as a model's."""
    assert set(five.PICTURES) == set(five.WIDGETS) - {"answer"}


def test_make_takes_them(root):
    makefile = (root / "Makefile").read_text("utf-8")
    assert "\npictures: " in makefile and "tools/pictures.py\n" in makefile
    assert "\nlooks: " in makefile and "tools/pictures.py --looks\n" in makefile
