"""A kernel that was restarted, died or was never there: every board says so, and a picture of it stays."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

BOARDS = {
    "zero-shot": """from workbench import data, models
from workbench.zeroshot import classify
from widgets import show
board = show(classify(models.load("emoji-clip"), data.load("emoji")[::150], ["a face", "an animal"]))""",
    "attribution": """from workbench import data, models
from workbench.attribution import attribute
from widgets import show
model, pair = models.load("shapes-clip"), data.load("shapes", n=8)[3]
board = show(attribute(model, pair, method=["relevance", "random"], target="a red circle"))""",
    "atlas": """from workbench import data, models
from workbench.embedding import embed
from workbench.projection import project
from widgets import show
board = show(project(embed(models.load("emoji-clip"), data.load("emoji")[::50]), method="pca"))""",
    "two atlases": """from workbench import data, models
from workbench.embedding import embed
from workbench.projection import align, project
from widgets import show
space = embed(models.load("emoji-clip"), data.load("emoji")[::50])
board = show(align(project(space, method="pca"), project(space, seed=0)))""",
}


@pytest.fixture(params=BOARDS, scope="function")
def opened(request, lab):
    """(notebook, board) of a board that has been drawn."""
    notebook = lab.open([BOARDS[request.param], "board"])
    notebook.run_all()
    board = notebook.output(1).locator(".wb").first  # of two side by side
    expect(board.locator(".wb-title")).not_to_be_empty()
    return notebook, board


def test_a_board_says_that_its_kernel_was_restarted_and_greys_its_controls(opened, lab) -> None:
    notebook, board = opened
    notebook.restart()
    expect(board.locator(".wb-strip")).to_contain_text("restarted: run the cell again")
    controls = board.locator("input:visible, select:visible, textarea:visible, .wb-body button:visible")
    assert controls.count() > 0
    assert controls.locator("visible=true").evaluate_all("all => all.every((one) => one.disabled)")
    expect(board.get_by_role("button", name="Copy as Python")).to_be_enabled()
    lab.screenshot("restarted", of=board)


def test_a_board_says_that_its_kernel_has_died(opened, lab) -> None:
    notebook, board = opened
    notebook.page.evaluate(
        """() => { jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
            {code: "import os; os._exit(1)"}); }"""
    )
    expect(board.locator(".wb-strip")).to_contain_text(re.compile("restarted|gone"), timeout=60_000)


def test_a_reopened_notebook_shows_the_picture_of_the_board(opened, lab) -> None:
    notebook, board = opened
    expect(board).to_be_visible()
    still = notebook.output(1).locator(".wb-still")
    expect(still).to_be_attached()
    expect(still).to_be_hidden()  # the live board stands above it
    notebook.save()
    lab.close()
    page = lab.new_page()
    lab.page = page
    again = lab.open(notebook.path, page=page)
    reopened = again.output(1)
    expect(reopened.locator(".wb-still img")).to_be_visible()
    expect(reopened).to_contain_text("Run the cell for the live one.")
    expect(reopened.get_by_text("Error displaying widget")).to_be_hidden()
    lab.screenshot("reopened")
    lab.errors.clear()  # JupyterLab's own words on the model that is not there any more
