"""The board in a real JupyterLab: typed, clicked, dropped on and looked at, as a visitor does."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from by_key import typed
from PIL import Image
from playwright.sync_api import Locator, expect

SET_UP = """from workbench import data, models
from workbench.zeroshot import classify
from widgets import show
model, emoji = models.load("emoji-clip"), data.load("emoji")
board = show(classify(model, emoji[::60], ["a smiling face", "an animal", "food"], templates=["{}", "a drawing of a {}"]))"""
READ = "import json; print(json.dumps({}))"


@pytest.fixture(scope="module")
def opened(module_lab):
    """(lab, notebook): one kernel and one page for all tests here; each shows a board of its own."""
    return module_lab, module_lab.open([SET_UP, "board"])


@pytest.fixture
def board(opened):
    """(notebook, board's element) of a board that has been drawn."""
    lab, notebook = opened
    lab.page.set_viewport_size({"width": 1280, "height": 960})
    notebook.run_all()
    element = notebook.output(1).locator(".zsb")
    expect(cards(element)).to_have_count(24)
    return notebook, element


def cards(element: Locator) -> Locator:
    return element.locator(".zsb-card")  # a select has options too


def listed(notebook) -> str:
    return notebook.python("print([card['item'] for card in board._view['gallery']['items']])")


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
    typed(element.get_by_label("labels, one a line"), "a flag\na vehicle\na human face")
    notebook.wait_until("board.ranking.labels == ('a flag', 'a vehicle', 'a human face')")
    expect(element.get_by_role("status").first).to_contain_text("among 3 labels")
    expect(cards(element).first.locator(".zsb-words")).to_have_text(
        re.compile("a flag|a vehicle|a human face")
    )


def test_a_pasted_list_becomes_labels(board) -> None:
    notebook, element = board
    box = element.get_by_label("labels, one a line")
    typed(box, "")
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
    element.get_by_label(re.compile("none of these.* below a")).check()
    typed(element.get_by_label("threshold", exact=True), "0.99")
    element.get_by_label("threshold", exact=True).press("Tab")
    notebook.wait_until("board.threshold == 0.99")
    expect(element.locator(".zsb-cost")).to_contain_text("none of these")
    typed(element.get_by_label("new prompt template"), "the {} symbol")
    element.get_by_label("new prompt template").press("Enter")
    notebook.wait_until("board.ranking.templates == ('{}', 'a drawing of a {}', 'the {} symbol')")
    element.get_by_label(re.compile("^a drawing of a")).uncheck()
    notebook.wait_until("board.ranking.active.tolist() == [True, False, True]")


def test_a_sentence_finds_pictures(board) -> None:
    notebook, element = board
    typed(element.get_by_label("find pictures by a sentence"), "a flag")
    notebook.wait_until("board._view['query'] == 'a flag'")
    expect(cards(element).first).to_contain_text("cosine")
    element.get_by_role("button", name="Retrieve captions for this image").click()
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
    typed(element.get_by_label("labels, one a line"), f"{hostile}\nfood")
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
    typed(box, "food\nfood")
    expect(element.get_by_role("alert")).to_contain_text("'food' is given twice")
    expect(cards(element)).to_have_count(24)
    typed(box, "food\ndrink")
    expect(element.get_by_role("alert")).to_be_hidden()


def test_an_interrupted_kernel_leaves_the_board_working(board) -> None:
    notebook, element = board
    notebook.python("board.labels = [f'thing number {k}' for k in range(3000)]")
    notebook.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    notebook.wait_for_kernel()
    typed(element.get_by_label("labels, one a line"), "an animal\na tool")
    notebook.wait_until("board.ranking.labels == ('an animal', 'a tool')", seconds=60)


def test_long_work_shows_its_progress_and_can_be_cancelled(board) -> None:
    notebook, element = board
    notebook.python("board.labels = [f'thing number {k}' for k in range(5000)]")
    element.get_by_role("button", name="Cancel").click()
    notebook.wait_until("board.wait(30)", seconds=60)
    assert notebook.python("print(len(board.ranking.labels))") == "3"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_board_has_no_serious_accessibility_fault_in_either_theme(opened, board, theme) -> None:
    (lab, _), (_notebook, element) = opened, board
    lab.theme(theme)
    element.locator(".zsb-card").nth(1).click()
    lab.screenshot(theme, of=element)
    found = Axe().run(lab.page, context=".zsb").response["violations"]
    serious = {
        rule["id"]: rule["nodes"][0]["html"] for rule in found if rule["impact"] in ("serious", "critical")
    }
    assert not serious


def test_zero_is_no_temperature_and_the_field_says_so_without_moving_anything(board) -> None:
    notebook, element = board
    before = cards(element).first.bounding_box()
    field = element.get_by_label("temperature", exact=True)
    typed(field, "0")
    field.press("Enter")
    expect(element.locator(".wb-field-error:visible")).to_contain_text("expected a number above 0")
    assert cards(element).first.bounding_box() == before
    assert notebook.python("print(board.temperature)") == "1.0"
    typed(field, "2")
    field.press("Enter")
    notebook.wait_until("board.temperature == 2")
    expect(element.locator(".wb-field-error:visible")).to_have_count(0)


def test_a_bad_template_stays_in_its_field_with_the_reason_and_labels_go_on(board) -> None:
    notebook, element = board
    field = element.get_by_label("new prompt template")
    typed(field, "no placeholder")
    field.press("Enter")
    expect(element.locator(".wb-field-error:visible")).to_contain_text("has no {}")
    expect(field).to_have_value("no placeholder")
    assert notebook.python("print(board.templates)") == "['{}', 'a drawing of a {}']"
    typed(element.get_by_label("labels, one a line"), "a flag\na tool")
    notebook.wait_until("board.ranking.labels == ('a flag', 'a tool')")


def test_a_measure_keeps_its_threshold_and_says_what_decided(board) -> None:
    notebook, element = board
    element.get_by_label(re.compile("none of these.* below a")).check()
    measure, threshold = element.get_by_label("measure"), element.get_by_label("threshold", exact=True)
    measure.select_option("cosine")
    notebook.wait_until("board.measure == 'cosine' and board.threshold is not None")
    typed(threshold, "0.6")
    threshold.press("Enter")
    notebook.wait_until("board.threshold == 0.6")
    rejected = element.locator(".zsb-card[data-none]").first
    expect(rejected.locator(".zsb-number")).to_have_text(re.compile(r"^cosine 0\.\d{3,} < 0\.60*$"))
    expect(rejected).not_to_contain_text("%")
    measure.select_option("margin")
    notebook.wait_until("board.measure == 'margin' and board.threshold not in (None, 0.6)")
    measure.select_option("cosine")
    notebook.wait_until("board.threshold == 0.6")


def test_an_entry_of_the_legend_lists_only_its_pictures_and_gives_the_others_back(board) -> None:
    notebook, element = board
    everything = listed(notebook)
    entry = element.locator(".zsb-entry").first
    entry.focus()
    notebook.page.keyboard.press("Enter")
    label = entry.get_attribute("data-label")
    notebook.wait_until(f"board.won_by == [{label!r}]")
    expect(entry).to_have_attribute("aria-pressed", "true")
    expect(element.locator(".zsb-state")).to_contain_text("of 32 pictures listed")
    count = int(entry.locator(".zsb-number").inner_text())
    expect(cards(element)).to_have_count(min(count, 24))
    element.get_by_role("button", name="List all").click()
    notebook.wait_until("board.won_by == []")
    assert listed(notebook) == everything


def test_all_cards_of_a_page_are_selected_removed_and_put_back_by_key(board) -> None:
    notebook, element = board
    cards(element).first.focus()
    notebook.page.keyboard.press("Control+a")
    notebook.wait_until("board.selected == list(range(24))")
    expect(element.locator(".zsb-state")).to_contain_text("24 selected")
    notebook.page.keyboard.press("Delete")
    notebook.wait_until("board.removed == list(range(24)) and board.selected == []")
    expect(cards(element)).to_have_count(8)
    element.get_by_role("button", name="Put back 24 removed pictures").click()
    notebook.wait_until("board.removed == []")
    expect(cards(element)).to_have_count(24)


def test_pages_are_gone_to_by_number_counted_from_one(board) -> None:
    notebook, element = board
    page = element.get_by_label("page", exact=True)
    expect(page).to_have_value("1")
    typed(page, "2")
    page.press("Enter")
    notebook.wait_until("board.page == 1")
    expect(cards(element)).to_have_count(8)
    expect(element.locator(".zsb-pager")).to_contain_text("of 2")


def test_the_pictures_have_a_size(board) -> None:
    notebook, element = board
    size = element.get_by_label("size of the pictures")
    before = cards(element).first.locator(".zsb-thumb").bounding_box()["width"]
    size.focus()
    size.press("End")
    notebook.wait_until("board.size == 224")
    expect(cards(element).first.locator(".zsb-thumb")).to_have_css("width", "224px")
    assert before == 96


def test_the_board_is_one_screen_high_and_its_cards_scroll_inside(board) -> None:
    notebook, element = board
    for width, height in ((1440, 900), (1280, 720), (800, 900)):
        notebook.page.set_viewport_size({"width": width, "height": height})
        panel = notebook.page.locator(".jp-NotebookPanel-notebook").first.bounding_box()["height"]
        expect(element).to_be_visible()
        notebook.page.wait_for_timeout(300)
        assert element.bounding_box()["height"] <= panel, (width, height)
        wide = element.evaluate("(board) => board.scrollWidth - board.clientWidth")
        assert wide <= 1, f"sideways scrolling at {width}"
    notebook.page.set_viewport_size({"width": 1280, "height": 960})
