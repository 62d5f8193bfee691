"""The frame that every board has, on one board: keys, export, code, help, and the way back to the notebook."""

from __future__ import annotations

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

CELLS = [
    """from workbench import data, models
from workbench.zeroshot import classify
from widgets import show
board = show(classify(models.load("emoji-clip"), data.load("emoji")[::150], ["a face", "an animal"]))""",
    "board",
]


@pytest.fixture(scope="module")
def opened(module_lab):
    """(lab, notebook, board): one for all tests here, which leave it as they found it."""
    notebook = module_lab.open(CELLS)
    notebook.run_all()
    board = notebook.output(1).locator(".wb")
    expect(board.locator(".wb-title")).to_have_text("emoji-clip")
    return module_lab, notebook, board


def test_enter_begins_a_new_line_and_undo_takes_it_back(opened) -> None:
    _lab, notebook, board = opened
    box, keyboard = board.get_by_label("labels, one a line"), notebook.page.keyboard
    cells = notebook.page.locator(".jp-NotebookPanel .jp-Cell").count()
    box.click()
    keyboard.press("Control+End")
    keyboard.press("Enter")
    keyboard.type("dd")
    expect(box).to_have_value("a face\nan animal\ndd")
    notebook.wait_until("board.ranking.labels == ('a face', 'an animal', 'dd')")
    keyboard.press("Shift+Enter")
    # The browser decides how many letters one undo takes back: those typed without a pause are one, so that
    # on a slow machine "dd" is two. Each takes back some of what was typed, and the last one all of it.
    left = box.input_value()
    while left != "a face\nan animal":
        keyboard.press("Control+z")
        undone = box.input_value()
        assert left.startswith(undone) and len(undone) < len(left), f"{left!r} became {undone!r}"
        left = undone
    keyboard.press("Control+a")
    assert box.evaluate("(box) => box.selectionEnd - box.selectionStart") == len("a face\nan animal")
    keyboard.press("Escape")
    expect(box).to_be_focused()
    assert notebook.page.locator(".jp-NotebookPanel .jp-Cell").count() == cells
    notebook.wait_until("board.ranking.labels == ('a face', 'an animal')")


def test_a_word_under_composition_is_not_sent(opened) -> None:
    _lab, notebook, board = opened
    box = board.get_by_label("labels, one a line")
    box.click()
    notebook.page.keyboard.press("Control+End")
    notebook.page.keyboard.press("Enter")
    session = notebook.page.context.new_cdp_session(notebook.page)
    for text in ("m", "ma", "mao"):
        session.send(
            "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
        )
        notebook.page.wait_for_timeout(400)
    assert notebook.python("print(board.labels)") == "['a face', 'an animal']"
    session.send("Input.insertText", {"text": "猫"})
    notebook.wait_until("board.labels == ['a face', 'an animal', '猫']")
    notebook.page.keyboard.press("Backspace")
    notebook.page.keyboard.press("Backspace")
    notebook.wait_until("board.ranking.labels == ('a face', 'an animal')")


def test_an_error_lies_beside_its_field_and_moves_nothing(opened) -> None:
    _lab, notebook, board = opened
    box, keyboard = board.get_by_label("labels, one a line"), notebook.page.keyboard
    before = board.locator(".zsb-card").first.bounding_box()
    box.click()
    keyboard.press("Control+End")
    keyboard.type("\na face")
    error = box.locator("xpath=..").get_by_role("alert")
    expect(error).to_contain_text("'a face' is given twice")
    expect(box).to_have_attribute("aria-invalid", "true")
    assert board.locator(".zsb-card").first.bounding_box() == before
    for _ in range(len("\na face")):
        keyboard.press("Backspace")
    expect(error).to_be_hidden()


def test_escape_outside_a_field_goes_back_to_the_notebook(opened) -> None:
    _lab, notebook, board = opened
    board.locator(".zsb-card").first.focus()
    notebook.page.keyboard.press("d")
    notebook.page.keyboard.press("d")
    notebook.page.keyboard.press("Escape")
    assert notebook.page.evaluate("() => document.activeElement.matches('.jp-Cell')")
    notebook.page.keyboard.press("ArrowUp")
    expect(notebook.cell(0)).to_have_class(re.compile("jp-mod-active"))


def test_a_menu_opens_and_closes_by_keyboard(opened) -> None:
    _lab, notebook, board = opened
    button = board.get_by_role("button", name="Help")
    button.press("Enter")
    expect(board.get_by_text("Drop or paste pictures")).to_be_visible()
    notebook.page.keyboard.press("Escape")
    expect(board.get_by_text("Drop or paste pictures")).to_be_hidden()
    expect(button).to_be_focused()


def test_the_view_is_exported_as_it_stands_at_twice_its_size(opened) -> None:
    lab, notebook, board = opened
    width = board.bounding_box()["width"]
    board.get_by_role("button", name="Export").click()
    name = board.get_by_label("name of the exported files")
    name.press("Control+a")
    name.press_sequentially("as it stands")
    board.get_by_role("button", name=re.compile("^Save PNG")).click()
    expect(board.locator(".wb-export")).to_contain_text("saved as it stands.html, as it stands.png")
    notebook.page.keyboard.press("Escape")
    page = (lab.root / "as it stands.html").read_text("utf-8")
    assert "<script" not in page and "blob:" not in page
    assert "an animal" in page and "Twemoji" in page
    picture = Image.open(lab.root / "as it stands.png").convert("RGB")
    assert abs(picture.width - 2 * width) <= 4
    # The first card shows its emoji: yellow, where a picture that was left out would be white.
    colours = [colour for _, colour in sorted(picture.getcolors(2**24), reverse=True)[:400]]
    assert any(r > 230 and 180 < g < 225 and b < 120 for r, g, b in colours)


def test_an_export_without_a_name_says_so_at_the_button(opened) -> None:
    _lab, _notebook, board = opened
    board.get_by_role("button", name="Export").click()
    name = board.get_by_label("name of the exported files")
    name.press("Control+a")
    name.press("Delete")
    board.get_by_role("button", name=re.compile("^Save PNG")).click()
    expect(board.locator(".wb-export")).to_contain_text("Give a name for the files")
    name.press_sequentially("zero-shot")
    name.press("Escape")


def test_the_code_is_copied_and_shown(opened) -> None:
    _lab, notebook, board = opened
    board.get_by_role("button", name="Copy as Python").click()
    code = board.get_by_label("Python code of this board")
    expect(code).to_contain_text("classify(model, pairs, labels")
    assert notebook.page.evaluate("navigator.clipboard.readText()") == code.inner_text()
    notebook.page.keyboard.press("Escape")
    expect(code).to_be_hidden()
