"""The zero-shot board on more than one page: closed and opened again, shown twice, copied into a fresh kernel."""

from __future__ import annotations

import io

import pytest
from by_key import typed
from PIL import Image
from playwright.sync_api import Locator, expect

SET_UP = """from workbench import data, models
from workbench.zeroshot import classify
from widgets import show
model, emoji = models.load("emoji-clip"), data.load("emoji")
board = show(classify(model, emoji[::60], ["a smiling face", "an animal", "food"], templates=["{}", "a drawing of a {}"]))"""


@pytest.fixture
def board(lab):
    """(notebook, board's element) of a board that has been drawn."""
    notebook = lab.open([SET_UP, "board"])
    notebook.run_all()
    element = notebook.output(1).locator(".zsb")
    expect(cards(element)).to_have_count(24)
    return notebook, element


def cards(element: Locator) -> Locator:
    return element.locator(".zsb-card")


def picture(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (20, 60, 220)).save(out, "PNG")
    return out.getvalue()


def test_closing_the_page_and_opening_it_again_brings_the_board_back(lab, board) -> None:
    notebook, element = board
    typed(element.get_by_label("labels, one a line"), "a flag\na vehicle")
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
    first.get_by_label("average scores").check()
    expect(second.get_by_label("average scores")).to_be_checked()
    expect(first.get_by_label("average scores")).to_be_checked()


def test_a_dropped_picture_is_saved_when_the_code_is_copied_and_the_code_shows_the_board_again(
    lab, board
) -> None:
    notebook, element = board
    element.locator("input[type=file]").set_input_files(
        {"name": "my sea.png", "mimeType": "image/png", "buffer": picture(60, 40)}
    )
    notebook.wait_until("len(board.pairs) == 33")
    element.get_by_label("sort pictures").select_option("doubtful first")  # and at once, copied
    element.get_by_role("button", name="Copy as Python").click()
    code = element.get_by_label("Python code of this board")
    expect(code).to_contain_text("board = show(")
    notebook.wait_until("__import__('pathlib').Path('zero-shot-pictures').is_dir()")
    again = lab.open([code.inner_text()], page=lab.new_page())
    again.run_all()
    copy = again.output(0).locator(".zsb")
    expect(copy.locator(".zsb-card")).to_have_count(24)
    expect(copy.get_by_label("sort pictures")).to_have_value("doubtful first")
    assert again.python("print(board.pairs.texts[-1], board.focus)") == "my sea.png 32"
    expect(cards(element)).to_have_count(24)
    shown = [card.get_attribute("aria-label") for card in cards(element).all()]
    assert [card.get_attribute("aria-label") for card in cards(copy).all()] == shown
