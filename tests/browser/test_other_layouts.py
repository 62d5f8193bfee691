"""Boards in other people's layouts: rows, columns, grids, tabs; as wide as there is room, and never over the edge."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, expect

SET_UP = """import ipywidgets as w, numpy as np
from workbench import data, models
from workbench.attribution import attribute
from workbench.capture import capture
from workbench.embedding import embed
from workbench.fusion import measured
from workbench.projection import project
from workbench.results import Embeddings
from workbench.zeroshot import classify
from widgets import show
map = project(Embeddings.from_array(np.random.default_rng(0).normal(size=(200, 8))), seed=0, epochs=5)
clip, scene = models.load("shapes-clip"), data.load("shapes", n=8)[3]
said = lambda: w.Label("beside it")
made = {
    "atlas": lambda: show(map),
    "lens": lambda: show(capture(clip, scene)),
    "attribution": lambda: show(attribute(clip, scene, method=["relevance", "random"], target="a red circle")),
    "zero-shot": lambda: show(classify(models.load("emoji-clip"), data.load("emoji")[::150], ["a face", "an animal"])),
    "fusion": lambda: show(measured("easy-vqa")),
}"""
BOARDS = ("atlas", "lens", "attribution", "zero-shot", "fusion")

#: Python of a layout; `one()` makes a board. With it, the least part of the cell's width that its boards take together.
LAYOUTS = {
    "a row beside a word": ("w.HBox([said(), one()])", 0.85),
    "a row of two": ("w.HBox([one(), one()])", 0.9),
    "a row of three": ("w.HBox([one(), one(), one()])", 0.9),
    "a row of a named width": ("a = one(); a.layout.width = '48%'; w.HBox([a, said()])", 0.4),
    "a row by shares": ("a, b = one(), one(); a.layout.flex, b.layout.flex = '2 1 0', '1 1 0'; w.HBox([a, b])", 0.9),
    "a column": ("w.VBox([said(), one()])", 0.9),
    "a column, centred": ("w.VBox([one()], layout=w.Layout(align_items='center'))", 0.55),
    "a column in a row": ("w.HBox([w.VBox([w.IntSlider(), w.IntSlider()]), w.VBox([one()])])", 0.55),
    "a box": ("w.Box([one()])", 0.9),
    "an output in a row": ("o = w.Output()\nwith o: display(one())\nw.HBox([said(), o])", 0.55),
    "a grid of shares": ("w.GridBox([one(), one()], layout=w.Layout(grid_template_columns='1fr 1fr'))", 0.9),
    "a grid by content": ("w.GridBox([one(), said()], layout=w.Layout(grid_template_columns='auto auto'))", 0.55),
    "a grid of most content": ("w.GridBox([one(), said()], layout=w.Layout(grid_template_columns='max-content 1fr'))", 0.55),
    "an application": ("w.AppLayout(header=said(), left_sidebar=said(), center=one(), right_sidebar=said(), footer=said())", 0.4),
    "an application without sides": ("w.AppLayout(header=said(), center=one())", 0.9),
    "two by two": ("w.TwoByTwoLayout(top_left=one(), top_right=said(), bottom_left=said(), bottom_right=said())", 0.4),
}  # fmt: skip
_BOXES = """(out) => [...out.querySelectorAll(".wb")].map((board) => {
    const own = board.getBoundingClientRect(), around = out.getBoundingClientRect();
    return { width: own.width, left: own.left - around.left, right: around.right - own.right, all: around.width,
        inside: board.scrollWidth - board.clientWidth };
})"""
_CANVASES = """(board) => [...board.querySelectorAll("canvas")].filter((one) => one.offsetParent).map((one) => {
    const box = one.getBoundingClientRect();
    return [box.width, box.height, one.width, one.height];
})"""


@pytest.fixture(scope="module")
def notebook(module_lab):
    """A notebook whose kernel can make every board."""
    module_lab.page.set_viewport_size({"width": 1500, "height": 960})
    opened = module_lab.open([SET_UP, "", ""])
    opened.run_all()
    return opened


def laid_out(notebook, code: str, board: str) -> Locator:
    """The output of a cell with `code`, once each of its boards is drawn."""
    notebook.page.evaluate(
        """(code) => { const cell = jupyterapp.shell.currentWidget.content.model.sharedModel.cells[1];
            cell.setSource(code); }""",
        f"one = made[{board!r}]\n{code}",
    )
    notebook.run_all()
    out = notebook.output(1)
    expect(out.locator(".wb").first).to_be_attached(timeout=60_000)
    return out


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_board_takes_the_room_there_is_and_no_more(notebook, module_lab, layout: str) -> None:
    code, share = LAYOUTS[layout]
    out = laid_out(notebook, code, "atlas")
    expect(out.locator(".wb-title").first).to_be_visible()
    module_lab.screenshot(layout.replace(" ", "-"), of=out)
    boxes = out.evaluate(_BOXES)
    assert sum(box["width"] for box in boxes) >= share * boxes[0]["all"], boxes
    for box in boxes:
        assert box["left"] >= -1 and box["right"] >= -1, f"over the edge of the cell: {box}"
        assert box["inside"] <= 1, f"wider inside than its frame: {box}"
    for board in out.locator(".wb").all():
        for width, height, drawn_width, drawn_height in board.evaluate(_CANVASES):
            assert min(width, height) > 100 and min(drawn_width, drawn_height) > 100
    word = out.get_by_text("beside it").first
    if word.count():
        assert word.evaluate("(word) => word.scrollWidth <= word.clientWidth + 1"), (
            "the word beside it is cut"
        )


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("board", BOARDS)
def test_every_board_stands_in_a_row(notebook, module_lab, board: str, count: int) -> None:
    out = laid_out(notebook, f"w.HBox([said(), {'one(), ' * count}])", board)
    for title in out.locator(".wb-title").all():
        expect(title).to_be_visible(timeout=60_000)
    module_lab.screenshot(f"row-of-{count}-{board}", of=out)
    for box in out.evaluate(_BOXES):
        assert box["width"] > 0.85 / count * box["all"] and box["right"] >= -1 and box["inside"] <= 1


#: Python of a layout that hides its second part, and what opens it.
HIDDEN = {
    "tab": ("w.Tab([said(), one()], titles=['first', 'second'])", ".lm-TabBar-tab:nth-child(2)"),
    "accordion": ("w.Accordion([said(), one()], titles=['first', 'second'])", ".jupyter-widget-Collapse-header >> nth=1"),
    "hidden": (
        "s = w.Stack([said(), one()], selected_index=0); b = w.Button(description='open')\n"
        "b.on_click(lambda _: setattr(s, 'selected_index', 1)); w.VBox([b, s])", "button:has-text('open')"
    ),
    "not displayed": (
        "a = one(); a.layout.display = 'none'; b = w.Button(description='open')\n"
        "b.on_click(lambda _: setattr(a.layout, 'display', None)); w.VBox([b, a])", "button:has-text('open')"
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("way", "board"), [*((way, "atlas") for way in HIDDEN), *(("tab", board) for board in BOARDS[1:])]
)
def test_a_board_in_what_is_shut_draws_when_it_is_opened(notebook, module_lab, way: str, board: str) -> None:
    code, opener = HIDDEN[way]
    plain = laid_out(notebook, "w.VBox([one()])", board)
    expect(plain.locator(".wb-title")).to_be_visible(timeout=60_000)
    _still(notebook, plain.locator(".wb"))
    expected = plain.locator(".wb").evaluate(_CANVASES)
    notebook.page.evaluate(
        "(code) => jupyterapp.shell.currentWidget.content.model.sharedModel.cells[1].setSource(code)",
        f"one = made[{board!r}]\n{code}",
    )
    notebook.run_all()
    out = notebook.output(1)
    expect(out.locator(".wb")).not_to_be_visible()
    notebook.page.wait_for_timeout(800)  # time in which it could draw itself into nothing
    out.locator(opener).first.click()
    expect(out.locator(".wb-title")).to_be_visible(timeout=60_000)
    _still(notebook, out.locator(".wb"))
    module_lab.screenshot(f"{way}-{board}", of=out)
    found = out.locator(".wb").evaluate(_CANVASES)
    assert len(found) == len(expected) and len(found) >= (board in ("atlas", "lens", "attribution"))
    for (width, height, drawn, _), (wide, high, whole, _) in zip(found, expected, strict=True):
        assert width > 0.9 * wide and height > 0.9 * high, "smaller than where it was never hidden"
        assert drawn / width == pytest.approx(whole / wide, rel=0.1), (
            "drawn coarser than where it was never hidden"
        )
    if board == "atlas":
        assert out.locator(".atl-stage").evaluate(
            "(stage) => stage.stage.frames.drawn > 0 && stage.stage.inView > 100"
        )


@pytest.mark.parametrize(
    ("code", "height"),
    [
        ("w.HBox([one()], layout=w.Layout(height='400px'))", 400),
        ("a = one(); a.layout.height = '320px'; w.VBox([a, said()])", 320),
        ("w.AppLayout(center=one(), height='500px')", 500),
        ("w.VBox([one()], layout=w.Layout(max_height='360px'))", 360),
    ],
)
@pytest.mark.parametrize("board", ["atlas", "zero-shot"])
def test_a_height_that_a_layout_names_is_kept(notebook, code: str, height: int, board: str) -> None:
    out = laid_out(notebook, code, board)
    expect(out.locator(".wb-title")).to_be_visible(timeout=60_000)
    _still(notebook, out.locator(".wb"))
    assert out.locator(".wb").bounding_box()["height"] <= height + 1
    if "said" in code:
        word, own = out.get_by_text("beside it").bounding_box(), out.locator(".wb").bounding_box()
        assert word["y"] >= own["y"] + own["height"] - 1, "the board lies over what stands below it"


def test_the_wheel_over_a_map_in_a_row_scrolls_the_page(notebook) -> None:
    out = laid_out(notebook, "a = one(); w.HBox([said(), a])", "atlas")
    stage = out.locator(".atl-over")
    expect(stage).to_be_visible()
    stage.scroll_into_view_if_needed()
    notebook.page.mouse.move(2, 2)
    zoom = "(over) => over.closest('.atl-stage').stage.camera.zoom"
    stage.hover()
    notebook.page.mouse.wheel(0, -200)
    notebook.page.wait_for_timeout(300)
    assert stage.evaluate(zoom) == 1
    notebook.page.keyboard.down("Control")
    notebook.page.mouse.wheel(0, -200)
    notebook.page.keyboard.up("Control")
    notebook.page.wait_for_timeout(300)
    assert stage.evaluate(zoom) > 1
    notebook.python("a.camera = []; a.wheel = 'always'")
    expect(out.get_by_label("wheel zooms")).to_be_checked()
    notebook.page.mouse.wheel(0, -200)
    notebook.page.wait_for_timeout(300)
    assert stage.evaluate(zoom) > 1


def test_a_page_that_nbconvert_writes_shows_a_picture_of_the_atlas(tmp_path: Path, chromium) -> None:
    code = SET_UP.split("clip, scene")[0] + "\natlas = show(map)\natlas.wait(60)"
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell("atlas")]
    )
    nbformat.write(book, tmp_path / "a.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--execute", "--to", "html", "a.ipynb"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    page = chromium.new_page()
    page.goto((tmp_path / "a.html").as_uri())
    picture = page.locator(".wb-still img")
    expect(picture).to_be_visible()
    assert picture.evaluate("(one) => one.complete && one.naturalWidth") >= 600
    expect(picture).to_have_attribute("alt", re.compile("200 pictures"))
    page.screenshot(path=tmp_path / "nbconvert.png")
    colours = picture.evaluate(
        """(one) => { const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
            [canvas.width, canvas.height] = [one.naturalWidth, one.naturalHeight];
            pen.drawImage(one, 0, 0);
            return new Set(new Uint32Array(pen.getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size; }"""
    )
    assert colours > 50, "a picture of one colour shows no map"
    page.close()


def _still(notebook, board: Locator) -> None:
    """Wait until a board has stood still for half a second."""
    last = None
    for _ in range(60):
        now = board.evaluate("(one) => [one.offsetWidth, one.offsetHeight, one.textContent.length].join()")
        if now == last:
            return
        last = now
        notebook.page.wait_for_timeout(500)
