"""Where things are on a lens: for all tests that use one."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, expect

SET_UP = """from workbench import data, models
from workbench.capture import capture
from widgets import show
model, pair = models.load("shapes-clip"), data.load("shapes", n=4)[0]
lens = show(capture(model, pair))"""


def a_lens(lab: Any) -> tuple[Any, Locator]:
    """(notebook, element) of a lens that has been drawn, and whose words and patches are compared."""
    notebook = lab.open([SET_UP, "lens"])
    notebook.run_all()
    element = notebook.output(1).locator(".al")
    expect(element).to_have_attribute("data-site", "image.3")
    notebook.wait_until("lens.wait(30) and len(lens._alike) > 0")
    return notebook, element


def as_new(notebook: Any, element: Locator) -> None:
    """Every choice as a new lens has it, and the mouse somewhere else."""
    notebook.page.keyboard.press("Escape")
    notebook.page.mouse.move(1, 1)
    notebook.python(
        "lens.selected = dict(site='image.3', reading='mean', head=0, token=0, backwards=False); "
        "lens.masked = dict(patches=[], words=[]); lens.wait(30); "
        "lens.scale, lens.opacity, lens.detail, lens.figure, lens.tool = "
        "'shared', 0.65, 'heads', 'entropy', 'look'"
    )
    expect(element.locator(".al-grid")).to_be_visible()
    expect(element).to_have_attribute("data-site", "image.3")


def patch(element: Locator, row: int, column: int) -> dict[str, float]:
    """The middle of a patch, as a position on the picture."""
    box = element.locator(".al-picture").bounding_box()
    assert box
    return {"x": (column + 0.5) * box["width"] / 8, "y": (row + 0.5) * box["height"] / 8}


def caption(element: Locator) -> Locator:
    return element.locator(".al-stage .al-caption")


def word(element: Locator, text: str) -> Locator:
    return element.locator(".al-words .al-token", has_text=re.compile(rf"^{text}"))


def head_at(element: Locator, layer: int, head: int, heads: int = 4, layers: int = 4) -> dict[str, float]:
    """The middle of a small picture, counted from 0, as a position on the grid."""
    box = element.locator(".al-grid").bounding_box()
    assert box
    width, height = (box["width"] - 24) / heads, (box["height"] - 16) / layers
    return {"x": 24 + (head + 0.4) * width, "y": 16 + (layer + 0.4) * height}
