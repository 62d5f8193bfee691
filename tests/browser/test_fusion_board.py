"""The fusion board in a real JupyterLab: the slider trains, a comparison runs, an item is opened, tables leave."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

PLANE = """from workbench.fusion import regions
from widgets import show
board = show(regions(["slider-0"], "xor", steps=60, size=24))"""
REPORT = """from workbench import data
from workbench.fusion import Plan, compare, examples
from widgets import show
asked = examples(data.load("digits-words", task="xor", n=300))
quick = Plan(epochs=2, noise_test=(0.0, 1.0), p_missing_test=(0.0, 1.0))
board = show(compare(asked, ["mean-logits", "early-tokens"], seeds=2, plan=quick))"""
WORK_S = 120  # training on a machine that others use too; a quiet one needs a few seconds


def opened(lab, set_up: str):
    """(notebook, board's element) of a board that has been drawn."""
    notebook = lab.open([set_up, "board"])
    notebook.run_all()
    element = notebook.output(1).locator(".fb")
    expect(element.get_by_role("tab").first).to_be_visible()
    return notebook, element


@pytest.fixture
def plane(lab):
    return opened(lab, PLANE)


@pytest.fixture
def board(lab):
    return opened(lab, REPORT)


def turn_to(element: Locator, page: str) -> None:
    element.get_by_role("tab", name=page).click()
    expect(element.get_by_role("tab", name=page)).to_have_attribute("aria-selected", "true")


def graph(element: Locator) -> Locator:
    return element.locator(".fb-main svg.fb-graph")


def saved(notebook, button: Locator) -> str:
    """The text of the file that a button hands out."""
    with notebook.page.expect_download() as hold:
        button.click()
    return hold.value.path().read_text("utf-8")


def test_the_slider_redraws_the_graph_and_retrains_from_the_keyboard(lab, plane) -> None:
    notebook, element = plane
    expect(graph(element)).to_have_attribute("aria-label", re.compile("What crosses"))
    assert element.locator(".fb-tile canvas").first.evaluate("(tile) => tile.width") == 24
    slider = element.get_by_label("layer from which the modalities exchange")
    slider.focus()
    notebook.page.keyboard.press("End")
    notebook.wait_until("board.layer == 3")
    expect(graph(element)).to_have_attribute("aria-label", re.compile("Nothing crosses"))
    expect(element.locator(".fb-tile[data-waiting]")).to_have_count(1)
    expect(element.locator(".fb-jobs")).to_contain_text("decision regions", timeout=30_000)
    notebook.wait_until("'slider-3' in board.planes", seconds=WORK_S)
    expect(element.locator(".fb-tile[data-waiting]")).to_have_count(0)
    expect(element.locator(".fb-tile").last).to_contain_text("no more than 75.0% is possible in its class")
    expect(element.get_by_role("img", name=re.compile("^training loss of"))).to_be_visible()


def test_a_preset_says_why_and_its_training_can_be_cancelled(plane) -> None:
    notebook, element = plane
    element.get_by_label("settings worth seeing").select_option("scalar-gate")
    expect(element.locator(".fb-why")).to_contain_text("looks like attention over modalities")
    element.get_by_role("button", name="Cancel").click()
    expect(element.get_by_role("status").first).to_have_text("cancelled")
    notebook.wait_until("board.wait(30) and not board.working", seconds=60)
    assert notebook.python("print(len(board.planes) < 3)") == "True"
    element.get_by_label("settings worth seeing").select_option("and-sum")
    notebook.wait_until("board.task == 'and'")


def test_a_wrong_value_is_said_on_the_board(plane) -> None:
    notebook, element = plane
    notebook.python("board.task = '<img src=x onerror=window.hurt=1>'")
    expect(element.get_by_role("alert")).to_contain_text("<img src=x onerror=window.hurt=1>")
    assert notebook.page.evaluate("() => window.hurt") is None
    notebook.python("board.task = 'xor'")
    expect(element.get_by_role("alert")).to_be_hidden()


def test_a_comparison_runs_from_the_board_and_is_kept_when_cancelled(board) -> None:
    notebook, element = board
    turn_to(element, "Training")
    element.locator(".fb-checks-wide").get_by_label("gated multimodal unit").check()
    notebook.wait_until("board.chosen == ['mean-logits', 'early-tokens', 'gmu']")
    element.get_by_label("epochs", exact=True).fill("60")
    notebook.wait_until("board.epochs == 60")
    for way in ("separate", "joint"):
        element.get_by_role("combobox", name="training").select_option(way)
        notebook.wait_until(f"board.training == {way!r}")
    element.get_by_role("button", name="Compare").click()
    expect(element.get_by_role("heading", name="validation accuracy, as it runs")).to_be_visible(
        timeout=WORK_S * 1000
    )
    element.get_by_role("button", name="Cancel").click()
    expect(element.get_by_role("status").first).to_contain_text("cancelled")
    notebook.wait_until("board.wait(60) and not board.working", seconds=WORK_S)
    assert notebook.python("print(board._status['error'])") == ""
    expect(element.get_by_role("button", name="Compare")).to_be_enabled()


def test_an_item_is_opened_inside_a_fusion_and_the_choice_is_a_value_in_the_next_cell(board) -> None:
    notebook, element = board
    turn_to(element, "Examples")
    element.get_by_role("radiogroup", name="fusion looked at").get_by_label("token concatenation").check()
    notebook.wait_until("board.fusion == 'early-tokens'")
    items = element.get_by_role("option", name=re.compile("of the fusions are right"))
    items.nth(2).click()
    items.nth(3).click(modifiers=["Control"])
    notebook.wait_until("len(board.selected) == 2")
    assert notebook.python("print(len(board.examples.pairs[board.selected]))") == "2"
    expect(element.get_by_role("heading", name="Inside early-tokens")).to_be_visible(timeout=60_000)
    expect(element.get_by_label("attention shown")).to_be_visible()
    expect(element.locator(".fb-opened img")).to_have_js_property("complete", True)
    cells = notebook.page.locator(".jp-NotebookPanel .jp-Cell").count()
    items.nth(3).focus()
    for key in ("ArrowRight", "x", "d", "d", "Space"):
        notebook.page.keyboard.press(key)
    notebook.wait_until("len(board.selected) == 3")
    assert notebook.page.locator(".jp-NotebookPanel .jp-Cell").count() == cells


def test_tables_leave_as_csv_and_latex_and_the_code_runs(board) -> None:
    notebook, element = board
    hashed = notebook.python("print(board.report.config_hash)")
    rows = saved(notebook, element.get_by_role("button", name="Save as CSV")).splitlines()
    assert hashed in rows[1] and len(rows) == 1 + 4  # two fusions, two seeds
    paper = saved(notebook, element.get_by_role("button", name="Save as LaTeX"))
    assert "tabular" in paper and hashed in paper
    element.get_by_role("button", name="Copy as Python").click()
    expect(element.get_by_role("button", name=re.compile("Copied|Ctrl"))).to_be_visible()
    notebook.python(element.get_by_label("Python code of this board").inner_text())
    assert notebook.python("print(report.config_hash)") == hashed


def test_the_page_can_be_closed_and_opened_again(lab, board) -> None:
    notebook, element = board
    turn_to(element, "Cost")
    notebook.save()
    notebook.page.close()
    again = lab.open(notebook.path, page=lab.new_page())
    reopened = again.output(1).locator(".fb")
    expect(reopened.get_by_role("tab", name="Cost")).to_have_attribute("aria-selected", "true")
    turn_to(reopened, "Quality")
    again.wait_until("board.tab == 'quality'")


def test_no_page_has_a_serious_accessibility_fault_in_either_theme(lab, board) -> None:
    notebook, element = board
    found = {}
    for theme in ("light", "dark"):
        lab.theme(theme)
        for tab in element.get_by_role("tab").all():
            tab.click()
            notebook.wait_until("board.wait(60)", seconds=WORK_S)
            notebook.page.wait_for_timeout(200)
            lab.screenshot(f"{tab.inner_text()}-{theme}", of=element)
            for rule in Axe().run(lab.page, context=".fb").response["violations"]:
                if rule["impact"] in ("serious", "critical"):
                    found[theme, tab.inner_text(), rule["id"]] = rule["nodes"][0]["html"]
    assert not found
