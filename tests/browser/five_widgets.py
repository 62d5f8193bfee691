"""The widgets, each small, drawn alike at every run, and all in one notebook: for looks, keys, heights, pictures.

notebook = opened(lab)                       # imports torch once
for name in WIDGETS: shown(notebook, name)   # its part of the page
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from by_key import BOARD
from PIL import Image
from playwright.sync_api import Locator

if TYPE_CHECKING:
    from jupyter_page import LabPage, Notebook

__all__ = [
    "AREA", "PICTURES", "SET_UP", "SIZES", "THEMES", "WIDGETS", "opened", "resized", "settled", "shown", "visible_part",
]  # fmt: skip

SIZES = ((1440, 900), (1280, 720), (800, 900))
THEMES = ("light", "dark")

#: Where a map puts its points depends on the last bits of a processor's sums, so the map that is looked at is kept.
POINTS = Path(__file__).with_name("atlas_points.npy")

SET_UP = f"""import sys
import numpy as np
from dataclasses import replace
from workbench import data, models
from workbench.attribution import attribute
from workbench.capture import capture
from workbench.embedding import embed
from workbench.fusion import measured, regions
from workbench.generation import Bigrams
from workbench.projection import project
from workbench.zeroshot import classify
from widgets import show
sys.path.insert(0, {str(POINTS.parent)!r})
from answer_page import TABLE, an_answer, its_attention
del sys.path[0]
photos, emoji, scene = data.load("photos"), data.load("emoji"), data.load("shapes", n=8)[3]
points = np.load({str(POINTS)!r})"""
#: Name of the variable and of the kept picture, to the cell that shows it. The order is that of the notebook.
#: They are those of the tour, so that the README shows what one gets. The fusion board is there twice: its planes and its report share no panel.
WIDGETS = {
    "zero_shot": """known = photos[[1, 2, 3, 5, 11, 12, 13, 14]]
words = [*known.labels, "printed page", "brick wall", "dog", "pizza", "bicycle", "violin", "umbrella", "laptop", "banana", "bridge"]
zero_shot = show(classify(models.load("photo-lite"), known, words))
zero_shot""",
    "lens": """lens = show(capture(models.load("shapes-clip"), scene))
lens""",
    "attribution": """maps = attribute(models.load("shapes-clip"), scene, method=["relevance", "occlusion", "random"], target="a red circle")
attribution = show(maps)
attribution""",
    "answer": """writer = Bigrams(TABLE)
said = an_answer(scene, writer)
answer = show(said, attention=its_attention(said), selected=[3])
answer""",
    "atlas": """atlas = show(replace(project(embed(models.load("emoji-clip"), emoji[::4]), seed=0), points=points))
atlas.query = "red heart"
atlas""",
    "plane": """plane = show(regions(["slider-3", "slider-0"], "xor", steps=200))
plane""",
    "report": """report = show(measured("easy-vqa"))
report""",
}
#: The README's pictures: the same screens, in the first size and in light. The answer lens is drawn by hand here.
PICTURES = {
    "zero_shot": "zero_shot_board.png",
    "lens": "attention_lens.png",
    "attribution": "attribution_board.png",
    "atlas": "embedding_atlas.png",
    "plane": "fusion_board.png",
    "report": "fusion_report.png",
}

#: The part of the window in which cells are seen.
AREA = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer"
#: The size and the text of an element, that of its shadow trees too: what must stand still before it is judged.
_STATE = """(element) => {
    const walk = (node) => [node, ...(node.shadowRoot ? walk(node.shadowRoot) : []),
        ...Array.from(node.children ?? []).flatMap(walk)];
    const { width, height } = element.getBoundingClientRect();
    const all = walk(element);
    const busy = all.some((node) => node.matches?.("[aria-busy=true]"));
    const pictures = all.filter((node) => node.tagName === "IMG" && !node.complete).length;
    const text = all.map((node) => node.shadowRoot?.textContent ?? "").join("") + element.textContent;
    return `${Math.round(width)} ${Math.round(height)} ${all.length} ${busy} ${pictures} ${text}`;
}"""


def opened(lab: LabPage) -> Notebook:
    """A notebook with the five widgets, drawn and at rest, at the first of the sizes and in light."""
    lab.page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
    notebook = lab.open([SET_UP, *WIDGETS.values()])
    notebook.run_all()
    for name in WIDGETS:
        notebook.wait_until(f"{name}.wait(60)", seconds=180)
        settled(shown(notebook, name))
    return notebook


def shown(notebook: Notebook, name: str) -> Locator:
    """A widget's board, scrolled into view."""
    board = notebook.output(1 + list(WIDGETS).index(name)).locator(BOARD).first
    board.scroll_into_view_if_needed()
    return board


def visible_part(notebook: Notebook, name: str) -> Image.Image:
    """The widget as far as one screen shows it, its head at the top."""
    page, element = notebook.page, shown(notebook, name)
    element.evaluate("(element) => element.scrollIntoView({ block: 'start' })")
    page.mouse.move(2, 2)  # nothing is hovered
    settled(element)
    box, area = element.bounding_box(), page.locator(AREA).bounding_box()
    top = max(box["y"], area["y"])
    bottom = min(box["y"] + box["height"], area["y"] + area["height"])
    clip = {"x": box["x"], "y": top, "width": box["width"], "height": bottom - top}
    before = b""
    for _ in range(20):  # what is drawn on a canvas stands still when two pictures of it are the same
        now = page.screenshot(clip=clip, animations="disabled", scale="css")
        if now == before:
            break
        before = now
        page.wait_for_timeout(250)
    return Image.open(io.BytesIO(now))


def settled(element: Locator, *, still_ms: int = 700, seconds: float = 60.0) -> None:
    """Wait until an element, its size, its text and its pictures, has stood still for `still_ms`.

    Raises:
        AssertionError: it still moves after `seconds`.
    """
    page, waited, still, last = element.page, 0.0, 0, None
    while still < still_ms:
        state = element.evaluate(_STATE)
        still = still + 100 if state == last else 0
        last = state
        assert waited < seconds, f"still moving after {seconds} s: {state[:200]}"
        page.wait_for_timeout(100)
        waited += 0.1


def resized(lab: LabPage, width: int, height: int) -> None:
    """Another window. The file browser stays open where there is room for it, as a user has it; at 800 it is shut."""
    lab.page.set_viewport_size({"width": width, "height": height})
    lab.page.evaluate(
        """(open) => { if (jupyterapp.shell.leftCollapsed === open)
            return jupyterapp.commands.execute("application:toggle-left-area"); }""",
        width > 1000,
    )
    lab.page.wait_for_timeout(200)
