"""The default for photographs, as a newcomer meets it: drop one in, type words, read the name."""

from __future__ import annotations

from importlib import util
from pathlib import Path

import pytest
from playwright.sync_api import expect

PHOTOGRAPHS = Path(util.find_spec("skimage").origin).parent / "data"
SET_UP = """from workbench import data, models
from workbench.zeroshot import classify
from widgets import show
model = models.load("photo-lite")
board = show(classify(model, data.load("photos")[:2], ["a thing", "another thing"]))"""
LABELS = (
    "cat\ndog\nhorse\ncup of coffee\nrocket\nmotorcycle\npage of text\nastronaut\npizza\nbicycle\nguitar\n"
    "banana\nlaptop\numbrella\nboat\ntree\nsheep\nchair\nviolin\nbridge"
)


@pytest.fixture
def board(lab):
    notebook = lab.open([SET_UP, "board"])
    notebook.run_all()
    element = notebook.output(1).locator(".zsb")
    expect(element.locator(".zsb-card")).to_have_count(2)
    return notebook, element


def test_dropped_photographs_are_named_among_twenty_typed_labels(lab, board) -> None:
    notebook, element = board
    element.get_by_label("labels, one a line").fill(LABELS)
    notebook.wait_until("len(board.ranking.labels) == 20")
    right = {"chelsea.png": "cat", "coffee.png": "cup of coffee", "rocket.jpg": "rocket",
             "motorcycle_left.png": "motorcycle"}  # fmt: skip
    element.locator("input[type=file]").set_input_files([PHOTOGRAPHS / name for name in right])
    notebook.wait_until("len(board.pairs) == 6", seconds=90)
    named = notebook.python("print([board.ranking.labels[k] for k in board.ranking.best[2:]])")
    assert named == str(list(right.values()))
    lab.screenshot("photo-lite")


def test_the_board_says_what_the_model_is(board) -> None:
    _notebook, element = board
    expect(element.locator(".zsb-about")).to_contain_text("photo-lite is no CLIP")
    expect(element.locator(".zsb-about")).to_contain_text("With a network, load a CLIP")


def test_a_photograph_of_nothing_on_the_list_is_none_of_these(board) -> None:
    notebook, element = board
    element.get_by_label("labels, one a line").fill("violin\nbanana\numbrella\npizza")
    notebook.wait_until("len(board.ranking.labels) == 4")
    element.locator("input[type=file]").set_input_files(PHOTOGRAPHS / "chelsea.png")
    notebook.wait_until("len(board.pairs) == 3", seconds=90)
    expect(element.locator(".zsb-card").nth(2)).to_contain_text("none of these")
