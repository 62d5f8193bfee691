"""The fusion board in a real JupyterLab: the slider, a choice, a comparison, charts that can be read, tables that leave."""

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
KEPT = """from workbench.fusion import measured
from widgets import show
board = show(measured("easy-vqa"))"""
LEAKING = """import numpy as np, pathlib
from PIL import Image
from workbench.fusion import Plan, compare
from widgets import show
place, random = pathlib.Path("pets"), np.random.default_rng(0)
for kind in ("cat", "dog"):
    (place / f"{kind}s").mkdir(parents=True, exist_ok=True)
    for k in range(40):
        drawn = random.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(drawn).save(place / f"{kind}s" / f"{kind}.{k}.png")
quick = Plan(epochs=2, noise_test=(0.0, 1.0), p_missing_test=(0.0, 1.0))
board = show(compare(place, ["only-image", "only-text", "mean-logits"], seeds=2, plan=quick))"""
WORK_S = 120  # training on a machine that others use too; a quiet one needs a few seconds
#: Pairs of texts in one drawing whose boxes lie over each other by more than a hair.
OVERLAPS = """(board) => [...board.querySelectorAll("svg")].flatMap((svg) => {
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim());
    const boxes = texts.map((text) => text.getBoundingClientRect());
    return boxes.flatMap((one, at) => boxes.slice(at + 1).flatMap((other, more) => {
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        return wide > 1 && high > 2.5 ? [`${texts[at].textContent} | ${texts[at + 1 + more].textContent}`] : [];
    }));
})"""
#: Letters of charts that are drawn smaller than they were meant.
SMALLEST = """(board) => Math.min(...[...board.querySelectorAll("svg.fb-chart text")].map(
    (text) => text.getCTM().a * parseFloat(getComputedStyle(text).fontSize)))"""


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


def table(notebook, element: Locator, name: str) -> str:
    """The text of a table that the export panel hands out."""
    if element.get_by_role("button", name=name).is_hidden():
        element.get_by_role("button", name="Export", exact=True).click()
    with notebook.page.expect_download() as hold:
        element.get_by_role("button", name=name).click()
    return hold.value.path().read_text("utf-8")


def test_the_slider_redraws_the_graph_and_trains_what_does_not_ship_from_the_keyboard(lab, plane) -> None:
    notebook, element = plane
    expect(graph(element)).to_have_attribute("aria-label", re.compile("What crosses"))
    assert element.locator(".fb-tile canvas").first.evaluate("(tile) => tile.width") == 24
    slider = element.get_by_label("layer from which the modalities exchange")
    slider.focus()
    notebook.page.keyboard.press("End")
    notebook.wait_until("board.layer == 3")
    expect(graph(element)).to_have_attribute("aria-label", re.compile("Nothing crosses"))
    notebook.wait_until("'slider-3' in board.planes", seconds=WORK_S)
    expect(element.locator(".fb-tile[data-waiting]")).to_have_count(0)
    expect(element.locator(".fb-tile").last).to_contain_text("no more than 75.0 % is possible in its class")
    expect(element.get_by_role("group", name=re.compile("^training loss of"))).to_be_visible()


def test_what_ships_is_there_at_every_stop_and_no_training_begins(lab) -> None:
    notebook, element = opened(lab, "from widgets import FusionBoard\nboard = FusionBoard()")
    notebook.python("begun = []\nboard.observe(lambda c: begun.append(dict(c.new['working'])), '_status')")
    slider = element.get_by_label("layer from which the modalities exchange")
    slider.focus()
    for layer in (1, 2, 3):
        notebook.page.keyboard.press("ArrowRight")
        notebook.wait_until(f"board.layer == {layer} and 'slider-{layer}' in board.planes", seconds=2)
        expect(element.locator(".fb-tile[data-waiting]")).to_have_count(0)
    for wish in ("scalar-gate", "mbt-one", "match-product"):
        element.get_by_label("presets").select_option(wish)
        notebook.wait_until(f"board.preset == {wish!r} and len(board.planes) >= 3")
        expect(element.locator(".fb-tile[data-waiting]")).to_have_count(0)
        assert element.evaluate(OVERLAPS) == []
    assert notebook.python("print([now for now in begun if now])") == "[]"
    expect(element.get_by_role("button", name=re.compile("^Train .*about"))).to_be_hidden()
    turn_to(element, "Real models")
    expect(element.get_by_text("Grey: needs a comparison")).to_be_visible()
    expect(element.get_by_role("tab", name="Quality")).to_have_attribute("aria-disabled", "true")


def test_a_preset_says_why_and_training_that_was_asked_for_can_be_cancelled(plane) -> None:
    notebook, element = plane
    element.get_by_label("presets").select_option("scalar-gate")
    expect(element.locator(".fb-why")).to_contain_text("looks like attention over modalities")
    notebook.wait_until("board.wait(60) and not board.working", seconds=WORK_S)
    notebook.python("board.steps = 4000")
    element.get_by_role("button", name="Cancel").click()
    expect(element.get_by_text("cancelled", exact=True)).to_be_visible()
    notebook.wait_until("board.wait(30) and not board.working", seconds=60)
    expect(element.get_by_role("button", name=re.compile("^Train .*about"))).to_be_visible()
    notebook.python("board.steps = 60")
    element.get_by_label("presets").select_option("and-sum")
    notebook.wait_until("board.task == 'and'")


def test_a_wrong_value_is_said_on_the_board(plane) -> None:
    notebook, element = plane
    notebook.python("board.task = '<img src=x onerror=window.hurt=1>'")
    expect(element.get_by_role("alert").first).to_contain_text("<img src=x onerror=window.hurt=1>")
    assert notebook.page.evaluate("() => window.hurt") is None
    notebook.python("board.task = 'xor'")
    expect(element.get_by_role("alert").filter(has_text="img")).to_be_hidden()


def test_who_wants_to_choose_is_asked_and_answered_with_reasons(lab) -> None:
    notebook, element = opened(lab, KEPT)
    turn_to(element, "Choose")
    answer = element.get_by_role("region", name="advice")
    expect(answer).to_contain_text("parameters", timeout=30_000)
    element.get_by_label("both at once").check()
    notebook.wait_until("board.need == 'product'")
    expect(answer).to_contain_text("no sum can (XOR)")
    expect(element.locator(".fb-options tr", has_text="mean of logits")).to_contain_text(
        "no sum separates XOR"
    )
    element.get_by_label("a modality may be missing").check()
    expect(answer).to_contain_text("p_missing_train=0.3")
    limit = element.get_by_label("parameters at most")
    limit.press_sequentially("30,000")
    notebook.wait_until("board.most_parameters == 30000 and board.wait(30)")
    expect(answer).to_contain_text("token concatenation")
    cells = notebook.page.locator(".jp-NotebookPanel .jp-Cell").count()
    for key in ("Control+a", "d", "d", "Control+z", "Escape", "Enter", "Shift+Enter"):
        limit.press(key)
    assert notebook.page.locator(".jp-NotebookPanel .jp-Cell").count() == cells


def test_a_data_set_is_chosen_and_compared_on_without_any_code(lab) -> None:
    notebook, element = opened(lab, "from widgets import FusionBoard\nboard = FusionBoard()")
    turn_to(element, "Training")
    expect(element.get_by_role("button", name="Compare")).to_be_disabled()
    element.get_by_label("data set").select_option("digits-words-xor")
    notebook.wait_until("board.examples is not None and board.wait(60)", seconds=WORK_S)
    for name, value in (("seeds", "1"), ("epochs", "1"), ("training rows at most, 0 for all", "200")):
        box = element.get_by_label(name, exact=True)
        box.focus()
        notebook.page.keyboard.press("Control+a")
        box.press_sequentially(value)
    notebook.wait_until("(board.seeds, board.epochs, board.most_train) == (1, 1, 200)")
    element.get_by_role("button", name="Compare").click()
    notebook.wait_until("board.report is not None and board.wait(60)", seconds=WORK_S)
    turn_to(element, "Quality")
    expect(element.get_by_role("group", name=re.compile("accuracy of each fusion"))).to_be_visible()


def test_a_comparison_runs_from_the_board_and_is_kept_when_cancelled(board) -> None:
    notebook, element = board
    turn_to(element, "Training")
    element.locator(".fb-checks-wide").get_by_label("gated multimodal unit").check()
    notebook.wait_until("board.chosen == ['mean-logits', 'early-tokens', 'gmu']")
    epochs = element.get_by_label("epochs", exact=True)
    epochs.focus()
    notebook.page.keyboard.press("Control+a")
    epochs.press_sequentially("60")
    notebook.wait_until("board.epochs == 60")
    for way in ("separate", "joint"):
        element.get_by_role("combobox", name="training").select_option(way)
        notebook.wait_until(f"board.training == {way!r}")
    element.get_by_role("button", name="Compare").click()
    expect(element.get_by_role("heading", name="validation accuracy, as it runs")).to_be_visible(
        timeout=WORK_S * 1000
    )
    element.get_by_role("button", name="Cancel").click()
    expect(element.get_by_text("cancelled", exact=True)).to_be_visible()
    notebook.wait_until("board.wait(60) and not board.working", seconds=WORK_S)
    assert notebook.python("print(board.errors)") == "{}"
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


def test_no_chart_lays_text_over_text_and_every_point_can_be_named(lab) -> None:
    notebook, element = opened(lab, KEPT)
    for width in (1440, 800):
        lab.page.set_viewport_size({"width": width, "height": 900})
        for page in ("Quality", "Training", "Robustness", "Contributions", "Cost", "Real models"):
            turn_to(element, page)
            notebook.page.wait_for_timeout(300)
            assert element.evaluate(OVERLAPS) == [], (width, page)
            if page != "Real models":
                assert element.evaluate(SMALLEST) >= 10.9, (width, page)
            lab.screenshot(f"{page}-{width}", of=element)
    lab.page.set_viewport_size({"width": 1440, "height": 900})
    turn_to(element, "Cost")
    points = element.locator(".fb-point")
    expect(points).to_have_count(21)
    names = {points.nth(at).get_attribute("data-tip").split(":")[0] for at in range(21)}
    assert len(names) == 21
    points.nth(5).hover()
    expect(element.locator(".fb-tip:visible")).to_have_text(points.nth(5).get_attribute("data-tip"))
    points.nth(6).focus()
    expect(element.locator(".fb-tip:visible")).to_have_text(points.nth(6).get_attribute("data-tip"))


def test_the_band_of_the_fusion_looked_at_is_drawn_whole(lab) -> None:
    notebook, element = opened(lab, KEPT)
    turn_to(element, "Robustness")
    notebook.python("board.fusion = 'perceiver'")
    expect(element.locator(".fb-band").first).to_be_visible()
    clipped = element.evaluate(
        """(board) => [...board.querySelectorAll(".fb-band")].filter((band) => {
            const [own, axis] = [band.getBBox(), band.ownerSVGElement.querySelector(".fb-axis").getBBox()];
            return own.y < 0 || own.y + own.height > axis.y + 0.5;
        }).length"""
    )
    assert clipped == 0


def test_every_page_fits_the_screen_with_the_file_browser_open(lab) -> None:
    notebook, element = opened(lab, KEPT)
    for width, height in ((1440, 900), (1280, 720)):
        lab.page.set_viewport_size({"width": width, "height": height})
        for tab in element.get_by_role("tab").all():
            tab.click()
            notebook.page.wait_for_timeout(150)
            box = element.bounding_box()
            assert box["height"] <= height - 100, (width, tab.inner_text(), box)
            assert element.evaluate("(board) => board.scrollWidth <= board.clientWidth + 1")


def test_tables_leave_as_csv_and_latex_and_the_code_runs(board) -> None:
    notebook, element = board
    hashed = notebook.python("print(board.report.config_hash)")
    rows = table(notebook, element, "Table as CSV").splitlines()
    assert hashed in rows[1] and len(rows) == 1 + 4  # two fusions, two seeds
    paper = table(notebook, element, "Table as LaTeX")
    assert "tabular" in paper and hashed in paper
    notebook.page.keyboard.press("Escape")
    element.get_by_role("button", name="Copy as Python").click()
    expect(element.get_by_role("button", name=re.compile("Copied|Ctrl"))).to_be_visible()
    notebook.python(element.get_by_label("Python code of this board").inner_text())
    assert notebook.python("print(report.config_hash)") == hashed


def test_a_leak_stands_in_red_above_every_page_with_its_numbers_and_on_the_exported_page(lab) -> None:
    notebook, element = opened(lab, LEAKING)
    leaks = element.get_by_role("note", name="leaks")
    for tab in ("Quality", "Contributions", "Cost", "Examples"):
        turn_to(element, tab)
        expect(leaks).to_contain_text("answers 100% of 12 test rows (chance 50%)")
        expect(leaks).to_contain_text("Leak. text:")
    turn_to(element, "Quality")
    found = {}
    for theme in ("light", "dark"):
        lab.theme(theme)
        lab.screenshot(f"leak-{theme}", of=element)
        red, green, blue = (int(part) for part in re.findall(r"\d+", leaks.locator("strong").evaluate(
            "(word) => getComputedStyle(word).color"))[:3])  # fmt: skip
        assert red > green + 60 and red > blue + 60
        for rule in Axe().run(lab.page, context=".fb").response["violations"]:
            if rule["impact"] in ("serious", "critical"):
                found[theme, rule["id"]] = rule["nodes"][0]["html"]
    assert not found
    element.get_by_role("button", name="Export", exact=True).click()
    with notebook.page.expect_download() as hold:
        element.get_by_role("button", name="Download HTML").click()
    assert "answers 100% of 12 test rows" in hold.value.path().read_text("utf-8")
    notebook.page.keyboard.press("Escape")
    turn_to(element, "Decision regions")
    expect(leaks).to_be_hidden()


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
