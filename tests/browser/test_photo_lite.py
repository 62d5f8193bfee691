"""The default for photographs, as a newcomer meets it: drop one in, type words, read the name."""

from __future__ import annotations

import re
from importlib import util
from pathlib import Path

import pytest
from by_key import typed
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
    typed(element.get_by_label("labels, one a line"), LABELS)
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
    expect(element.locator(".wb-notes")).to_contain_text("photo-lite is no CLIP")
    expect(element.locator(".wb-notes")).to_contain_text("With a network, load a CLIP")


def test_a_photograph_of_nothing_on_the_list_is_none_of_these(board) -> None:
    notebook, element = board
    typed(element.get_by_label("labels, one a line"), "violin\nbanana\numbrella\npizza")
    notebook.wait_until("len(board.ranking.labels) == 4")
    element.locator("input[type=file]").set_input_files(PHOTOGRAPHS / "chelsea.png")
    notebook.wait_until("len(board.pairs) == 3", seconds=90)
    card = element.locator(".zsb-card").nth(2)
    expect(card).to_contain_text("none of these")
    expect(card.locator(".zsb-number")).to_have_text(re.compile(r"^cosine [−\d.]+ < 0\.301$"))


def test_labels_in_a_language_that_it_does_not_read_are_marked(board) -> None:
    notebook, element = board
    typed(element.get_by_label("labels, one a line"), "猫\n狗\n马")
    notebook.wait_until("len(board.ranking.labels) == 3")
    unread = element.locator(".zsb-unread")
    expect(unread).to_contain_text("0 of 3 labels are made of words this model knows.")
    expect(unread.locator(".zsb-tag")).to_have_text(["猫", "狗", "马"])
    typed(element.get_by_label("labels, one a line"), "cat\ndog")
    notebook.wait_until("len(board.ranking.labels) == 2")
    expect(unread).to_be_hidden()


def test_the_measured_threshold_is_marked_and_one_press_goes_back_to_it(board) -> None:
    notebook, element = board
    threshold = element.get_by_label("threshold", exact=True)
    typed(threshold, "0.1")
    threshold.press("Enter")
    notebook.wait_until("board.threshold == 0.1")
    expect(element.locator(".zsb-mark-line")).to_be_visible()
    element.get_by_role("button", name="measured: 0.267 for 2 labels").click()
    notebook.wait_until("round(board.threshold, 3) == 0.267")


def test_labels_that_are_read_alike_become_one_at_a_press(lab) -> None:
    notebook = lab.open(
        [
            "from workbench import data, models\nfrom workbench.zeroshot import classify\nfrom widgets import show\n"
            "board = show(classify(models.load('photo-lite'), data.load('photos'), ['cat', 'Cat', 'coffee']))\nboard"
        ]
    )
    notebook.run_all()
    alike = lab.page.locator(".zsb-alike")
    expect(alike).to_contain_text("The model reads these alike")
    alike.get_by_role("button", name="Make them one").press("Enter")
    notebook.wait_until("board.labels == ['cat', 'coffee']", seconds=30)
    expect(alike).to_be_hidden()
