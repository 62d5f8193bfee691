"""The board in a real JupyterLab: typed, clicked, dropped on and looked at, as a visitor does."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, expect

SET_UP = """from workbench import data, models
from workbench.zeroshot import classify
from widgets import show
model, emoji = models.load("emoji-clip"), data.load("emoji")
board = show(classify(model, emoji[::60], ["a smiling face", "an animal", "food"], templates=["{}", "a drawing of a {}"]))"""
READ = "import json; print(json.dumps({}))"


@pytest.fixture
def board(lab):
    """(notebook, board's element) of a board that has been drawn."""
    notebook = lab.open([SET_UP, "board"])
    notebook.run_all()
    element = notebook.output(1).locator(".zsb")
    expect(cards(element)).to_have_count(24)
    return notebook, element


def cards(element: Locator) -> Locator:
    return element.locator(".zsb-card")  # a select has options too


def picture(width: int, height: int, *, noise: bool = False) -> bytes:
    """A PNG: a blue ground with a white disc, or noise, which does not compress."""
    if noise:
        pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    else:
        row, col = np.mgrid[:height, :width]
        disc = (row - height / 2) ** 2 + (col - width / 2) ** 2 < (min(width, height) / 3) ** 2
        pixels = np.where(disc[..., None], 255, np.array([20, 60, 220])).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def test_typed_labels_re_rank_every_picture(board) -> None:
    notebook, element = board
    element.get_by_label("labels, one a line").fill("a flag\na vehicle\na human face")
    notebook.wait_until("board.ranking.labels == ('a flag', 'a vehicle', 'a human face')")
    expect(element.get_by_role("status").first).to_contain_text("among 3 labels")
    expect(cards(element).first.locator(".zsb-words")).to_have_text(
        re.compile("a flag|a vehicle|a human face")
    )


def test_a_pasted_list_becomes_labels(board) -> None:
    notebook, element = board
    box = element.get_by_label("labels, one a line")
    box.fill("")
    box.focus()
    box.evaluate(
        """(box) => { const data = new DataTransfer(); data.setData("text/plain", "cat, dog, 猫");
        box.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})); }"""
    )
    notebook.wait_until("board.labels == ['cat', 'dog', '猫']")


def test_the_selection_is_a_value_in_the_next_cell(board) -> None:
    notebook, element = board
    cards(element).nth(2).click()
    cards(element).nth(4).click(modifiers=["Control"])
    notebook.wait_until("board.selected == [2, 4]")
    assert (
        notebook.python(
            "print(board.pairs[board.selected].texts == (board.pairs.texts[2], board.pairs.texts[4]))"
        )
        == "True"
    )
    expect(element.locator(".zsb-judged h3")).to_have_text(notebook.python("print(board.pairs.texts[4])"))


def test_everything_is_reached_from_the_keyboard_and_the_notebook_keeps_its_shortcuts_to_itself(
    board,
) -> None:
    notebook, element = board
    cells = notebook.page.locator(".jp-NotebookPanel .jp-Cell").count()
    cards(element).first.focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.keyboard.press("Space")
    notebook.wait_until("board.selected == [1]")
    for key in ("a", "b", "x", "d", "d"):  # insert, insert, cut, delete: of a cell, in JupyterLab
        notebook.page.keyboard.press(key)
    assert notebook.page.locator(".jp-NotebookPanel .jp-Cell").count() == cells
    element.get_by_label("temperature (logarithmic)").focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.wait_until("board.temperature > 1")


def test_sliders_switches_and_wordings_reach_python(board) -> None:
    notebook, element = board
    element.get_by_label("sigmoid: yes or no each").check()
    notebook.wait_until("board.ranking.rule == 'sigmoid'")
    expect(element).to_contain_text("trained with softmax")
    element.get_by_label(re.compile("Reject pictures")).check()
    element.get_by_label("reject below").fill("0.99")
    notebook.wait_until("board.threshold == 0.99")
    expect(element.locator(".zsb-cost")).to_contain_text("none of these")
    element.get_by_label("new wording").fill("the {} symbol")
    element.get_by_role("button", name="Add", exact=True).click()
    notebook.wait_until("board.ranking.templates == ('{}', 'a drawing of a {}', 'the {} symbol')")
    element.get_by_label(re.compile("^a drawing of a")).uncheck()
    notebook.wait_until("board.ranking.active.tolist() == [True, False, True]")


def test_a_sentence_finds_pictures(board) -> None:
    notebook, element = board
    element.get_by_label("find pictures by a sentence").fill("a flag")
    notebook.wait_until("board._view['query'] == 'a flag'")
    expect(cards(element).first).to_contain_text("cosine")
    element.get_by_role("button", name="Find this data's texts for the picture").click()
    expect(element.locator(".zsb-texts li")).to_have_count(6)


@pytest.mark.parametrize(("side", "megabytes"), [(300, 0), (2100, 12), (4600, 60)])
def test_a_picture_of_any_size_is_named(board, tmp_path, side: int, megabytes: int) -> None:
    """Twelve and sixty megabytes are made small in the browser; the connection to the kernel stays."""
    notebook, element = board
    file = tmp_path / "my picture.png"
    file.write_bytes(picture(side, side - 17, noise=megabytes > 0))
    assert file.stat().st_size >= megabytes * 1e6
    element.locator("input[type=file]").set_input_files(file)
    notebook.wait_until("len(board.pairs) == 33", seconds=90)
    assert notebook.python("print(board.pairs.texts[-1], board.focus)") == "my picture.png 32"
    assert notebook.python("print(max(board.pairs.picture(32).size) <= 1024)") == "True"
    expect(element.locator(".zsb-judged h3")).to_have_text("my picture.png")


def test_a_dropped_text_file_is_refused_in_the_board_and_nothing_is_lost(board, tmp_path) -> None:
    notebook, element = board
    file = tmp_path / "notes.txt"
    file.write_text("not a picture")
    element.locator("input[type=file]").set_input_files(file)
    expect(element.get_by_role("alert")).to_contain_text(
        "notes.txt cannot be used: it is text/plain, not a picture"
    )
    assert notebook.python("print(len(board.pairs))") == "32"
    expect(cards(element)).to_have_count(24)


def test_markup_in_labels_captions_and_file_names_is_text(board, tmp_path) -> None:
    notebook, element = board
    hostile = "<img src=x onerror=window.hurt=1><script>window.hurt=1</script>"
    element.get_by_label("labels, one a line").fill(f"{hostile}\nfood")
    notebook.wait_until("len(board.ranking.labels) == 2")
    element.locator("input[type=file]").set_input_files(
        {"name": "<img src=x onerror=window.hurt=1>.png", "mimeType": "image/png", "buffer": picture(40, 30)}
    )
    notebook.wait_until("len(board.pairs) == 33")
    expect(element.locator(".zsb-judged h3")).to_have_text("<img src=x onerror=window.hurt=1>.png")
    assert notebook.page.evaluate("() => window.hurt") is None
    assert element.locator("img[src=x]").count() == 0


def test_errors_are_shown_on_the_board_and_go_away(board) -> None:
    _notebook, element = board
    box = element.get_by_label("labels, one a line")
    box.fill("food\nfood")
    expect(element.get_by_role("alert")).to_contain_text("'food' is given twice")
    expect(cards(element)).to_have_count(24)
    box.fill("food\ndrink")
    expect(element.get_by_role("alert")).to_be_hidden()


def test_an_interrupted_kernel_leaves_the_board_working(board) -> None:
    notebook, element = board
    notebook.python("board.labels = [f'thing number {k}' for k in range(3000)]")
    notebook.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    notebook.wait_for_kernel()
    element.get_by_label("labels, one a line").fill("an animal\na tool")
    notebook.wait_until("board.ranking.labels == ('an animal', 'a tool')", seconds=60)


def test_long_work_shows_its_progress_and_can_be_cancelled(board) -> None:
    notebook, element = board
    notebook.python("board.labels = [f'thing number {k}' for k in range(5000)]")
    element.get_by_role("button", name="Cancel").click()
    notebook.wait_until("board.wait(30)", seconds=60)
    assert notebook.python("print(len(board.ranking.labels))") == "3"


def test_closing_the_page_and_opening_it_again_brings_the_board_back(lab, board) -> None:
    notebook, element = board
    element.get_by_label("labels, one a line").fill("a flag\na vehicle")
    notebook.wait_until("len(board.ranking.labels) == 2")
    notebook.save()
    notebook.page.close()
    again = lab.open(notebook.path, page=lab.new_page())
    reopened = again.output(1).locator(".zsb")
    expect(cards(reopened)).to_have_count(24)
    expect(reopened.get_by_label("labels, one a line")).to_have_value("a flag\na vehicle")
    cards(reopened).nth(3).click()
    again.wait_until("board.selected == [3]")


def test_two_views_of_one_board_agree(lab) -> None:
    notebook = lab.open([SET_UP, "board", "board"])
    notebook.run_all()
    first, second = (notebook.output(k).locator(".zsb") for k in (1, 2))
    cards(first).nth(5).click()
    expect(cards(second).nth(5)).to_have_attribute("aria-selected", "true")
    first.get_by_label("vote").check()
    expect(second.get_by_label("vote")).to_be_checked()
    expect(first.get_by_label("vote")).to_be_checked()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_board_has_no_serious_accessibility_fault_in_either_theme(lab, board, theme) -> None:
    _notebook, element = board
    lab.theme(theme)
    element.locator("summary").click()
    lab.screenshot(theme, of=element)
    found = Axe().run(lab.page, context=".zsb").response["violations"]
    serious = {
        rule["id"]: rule["nodes"][0]["html"] for rule in found if rule["impact"] in ("serious", "critical")
    }
    assert not serious


def test_the_code_of_the_board_is_copied_and_runs(board) -> None:
    notebook, element = board
    element.get_by_role("button", name="Copy as Python").click()
    expect(element.get_by_role("button", name=re.compile("Copied|Ctrl"))).to_be_visible()
    code = element.get_by_label("Python code of this board").inner_text()
    notebook.python(code)
    assert (
        notebook.python(
            "import numpy as np; print(np.abs(ranking.probability - board.ranking.probability).max() < 1e-6)"
        )
        == "True"
    )
