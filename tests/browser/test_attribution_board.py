"""The attribution board in a real JupyterLab: hovered, clicked, typed into by real keys, scored and exported."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, expect

SET_UP = """from workbench import data, models
from workbench.attribution import attribute
from widgets import show
model, pair = models.load("shapes-clip"), data.load("shapes", n=8)[3]
text = "a red circle, a black cross and a blue triangle"
methods = ["relevance", "hires-cam", "interactions", "random"]
board = show(attribute(model, pair, method=methods, target=text))
def again():
    board.text, board.against, board.methods = text, "", methods
    board.patches, board.words, board.focus = [], [], "relevance"
    board.scale, board.opacity, board.ground, board.size = "own", 0.75, "grey", 200
    return board.wait(120)"""

# Scoring that goes on until it is cancelled: otherwise a quick machine is done before the mouse is there.
PATIENT = """import time
import workbench.attribution as attribution
score = attribution.faithfulness
def patient(*given, should_stop, **options):
    while not should_stop():
        time.sleep(0.05)
    return score(*given, should_stop=should_stop, **options)
attribution.faithfulness = patient"""
SIZES = [(1440, 900), (1280, 720)]


@pytest.fixture(scope="module")
def opened(module_lab):
    """(lab, notebook, board's element): one for all tests here; `board` puts it back before each."""
    notebook = module_lab.open([SET_UP, "board"])
    notebook.run_all()
    element = notebook.output(1).locator(".atb")
    expect(element.locator(".atb-maps .atb-card")).to_have_count(4)
    return module_lab, notebook, element


@pytest.fixture
def board(opened):
    """(notebook, board's element), as it was when it was opened."""
    _lab, notebook, element = opened
    assert notebook.python("print(again())") == "True"
    notebook.page.set_viewport_size({"width": 1280, "height": 960})
    expect(element.locator(".atb-maps .atb-card")).to_have_count(4)
    return notebook, element


def card(element: Locator, method: str) -> Locator:
    return element.locator(f'.atb-card[data-method="{method}"]')


def word(element: Locator, text: str) -> Locator:
    return element.locator(".atb-word", has_text=re.compile(f"^{text}$")).first


def on(canvas: Locator, across: float, down: float) -> dict[str, float]:
    box = canvas.bounding_box()
    return {"x": box["width"] * across, "y": box["height"] * down}


def test_the_map_that_follows_words_stands_first(board) -> None:
    _, element = board
    titles = element.locator(".atb-maps h3")
    expect(titles.first).to_have_text("Pairwise (word-patch) interactions")
    expect(titles.nth(1)).to_have_text("Chefer et al. relevance")
    expect(card(element, "relevance").locator(".atb-range")).to_have_text(
        re.compile(r"^non-negative, 0 to 0\.0\d+; colour scale max 0\.0\d+$")
    )


def test_hovering_a_patch_reads_it_on_every_map_without_the_kernel(board) -> None:
    _, element = board
    canvas = card(element, "hires-cam").locator("canvas")
    canvas.scroll_into_view_if_needed()
    canvas.hover(position=on(canvas, 0.31, 0.9))
    for method in ("relevance", "hires-cam", "interactions", "random"):
        expect(card(element, method).locator(".atb-readout")).to_contain_text("row 8, column 3:")


def test_a_clicked_word_shows_its_patches_and_a_clicked_patch_its_words(board) -> None:
    notebook, element = board
    pairs = card(element, "interactions")
    before = pairs.locator("canvas").get_attribute("aria-label")
    word(element, "circle").click()
    notebook.wait_until("board.words == [3]")
    expect(pairs.locator("canvas")).not_to_have_attribute("aria-label", before)
    expect(element).to_contain_text("shows the chosen words alone")
    word(element, "circle").click()
    canvas = pairs.locator("canvas")
    canvas.click(position=on(canvas, 0.55, 0.3))
    notebook.wait_until("board.patches == [20] and board.focus == 'interactions'")
    expect(element).to_contain_text("what they add together with the 1 chosen patch")
    assert notebook.python("print(board.selected)") == "[(2, 4)]"
    element.get_by_role("button", name="Clear choice").click()
    notebook.wait_until("board.patches == []")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_with_all_methods_it_fits_one_screen_and_a_word_brings_its_map_into_view(opened, board, size) -> None:
    notebook, element = board
    notebook.page.set_viewport_size({"width": size[0], "height": size[1]})
    notebook.python(
        "from workbench.attribution import available_methods\n"
        "board.methods = [name for name, why in available_methods(model).items() if why is None]\n"
        "board.wait(120)"
    )
    expect(element.locator(".atb-maps .atb-card")).to_have_count(16)
    expect(notebook.page.locator("#filebrowser")).to_be_visible()
    panel = notebook.page.locator(".jp-WindowedPanel-outer:visible").first.bounding_box()
    assert element.bounding_box()["height"] <= panel["height"]
    element.evaluate("(board) => board.scrollIntoView({block: 'start'})")
    pane, reacting = element.locator(".atb-pane"), card(element, "interactions")
    pane.evaluate("(pane) => pane.scrollTo(0, pane.scrollHeight)")
    expect(reacting.locator("canvas")).not_to_be_in_viewport()
    expect(word(element, "circle")).to_be_in_viewport(ratio=1)  # the words stay
    word(element, "circle").click()
    expect(reacting.locator("canvas")).to_be_in_viewport(ratio=0.9)
    opened[0].screenshot(f"all-methods-{size[0]}")


def test_a_narrow_window_reflows(opened, board) -> None:
    notebook, element = board
    notebook.page.set_viewport_size({"width": 800, "height": 900})
    element.evaluate("(board) => board.scrollIntoView({block: 'start'})")
    body = element.locator(".atb-body")
    assert body.evaluate("(body) => body.scrollWidth <= body.clientWidth + 1")
    body.evaluate("(body) => body.scrollTo(0, body.scrollHeight)")
    expect(word(element, "circle")).to_be_in_viewport(ratio=1)
    opened[0].screenshot("narrow")


def test_typed_texts_are_explained_and_their_errors_lie_beside_them(board) -> None:
    notebook, element = board
    keyboard, cells = notebook.page.keyboard, notebook.page.locator(".jp-NotebookPanel .jp-Cell")
    count = cells.count()
    against = element.get_by_label("contrast with")
    against.click()
    keyboard.type("a green star")
    notebook.wait_until("board.attributions[0].target.kind == 'contrast'")
    expect(element.locator(".wb-title")).to_contain_text("minus cosine with “a green star”")
    text = element.get_by_label("text explained")
    before = element.locator(".atb-card").first.bounding_box()
    text.click()
    keyboard.press("Control+a")
    keyboard.type("a green star")
    error = text.locator("xpath=..").get_by_role("alert")
    expect(error).to_contain_text("always 0")
    assert element.locator(".atb-card").first.bounding_box() == before
    keyboard.press("Control+z")
    keyboard.press("Control+a")
    keyboard.type("dd circle")
    keyboard.press("Enter")
    keyboard.press("Shift+Enter")
    keyboard.press("Escape")
    expect(text).to_have_value("dd circle")
    expect(text).to_be_focused()
    notebook.wait_until("board.attributions[0].target.text == 'dd circle'")
    expect(error).to_be_hidden()
    assert cells.count() == count


def test_a_word_under_composition_is_not_explained(board) -> None:
    notebook, element = board
    element.get_by_label("contrast with").click()
    session = notebook.page.context.new_cdp_session(notebook.page)
    for typed in ("m", "mao"):
        session.send(
            "Input.imeSetComposition",
            {"text": typed, "selectionStart": len(typed), "selectionEnd": len(typed)},
        )
        notebook.page.wait_for_timeout(900)
    assert notebook.python("print(repr(board.against))") == "''"
    session.send("Input.insertText", {"text": "猫"})
    notebook.wait_until("board.against == '猫'")


def test_maps_are_scored_beside_their_baselines_and_scoring_is_cancelled(board) -> None:
    notebook, element = board
    first = card(element, "relevance")
    first.get_by_role("button", name="evaluate faithfulness of Chefer et al. relevance").click()
    notebook.wait_until("set(board.scores) == {'relevance'}", seconds=90)
    expect(first.locator(".atb-scores table")).to_contain_text("deletion ↓")
    expect(first.locator(".atb-scores table")).to_contain_text("±")
    expect(first.locator(".atb-verdict")).to_have_text(re.compile("random maps"))
    expect(card(element, "random").get_by_role("button")).to_have_text(
        "Evaluate faithfulness (15 forward passes)"  # the random maps of this pair are encoded by now
    )
    notebook.python(PATIENT)
    element.get_by_role("button", name="Evaluate all (45 passes)").click()
    cancel = element.get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()
    word(element, "circle").click()
    cancel.click()
    notebook.wait_until("board.wait(30) and board.words == [3]", seconds=60)
    expect(cancel).to_be_hidden()
    notebook.python("attribution.faithfulness = score")
    assert notebook.python("print(list(board.scores))") == "['relevance']"  # what was there stays


def test_methods_are_chosen_drawn_and_exported_as_they_stand(opened, board) -> None:
    lab, (notebook, element) = opened[0], board
    keyboard = notebook.page.keyboard
    element.get_by_role("button", name=re.compile("^Methods")).press("Enter")
    element.get_by_label("LeGrad").press("Space")
    notebook.wait_until(
        "board.attributions.methods == ('relevance', 'legrad', 'hires-cam', 'interactions', 'random')"
    )
    keyboard.press("Escape")
    expect(element.locator(".atb-maps .atb-card")).to_have_count(5)
    element.get_by_label("opacity").press("End")
    element.get_by_label("size of the maps").press("End")
    element.get_by_label("picture under the maps").select_option("colour")
    element.get_by_label("colour scale", exact=True).select_option("shared")
    notebook.wait_until("(board.opacity, board.size) == (1.0, 480)")
    notebook.wait_until("(board.ground, board.scale) == ('colour', 'shared')")
    assert card(element, "legrad").locator("canvas").bounding_box()["width"] >= 440
    element.get_by_label("size of the maps").press("Home")
    word(element, "circle").press("Enter")
    notebook.wait_until("board.words == [3]")
    element.get_by_role("button", name="Export").press("Enter")
    name = element.get_by_label("name of the exported files")
    name.press("Control+a")
    name.press_sequentially("my map")
    element.get_by_role("button", name=re.compile("^Save PNG")).press("Enter")
    expect(element.locator(".wb-export")).to_contain_text("saved my map.html, my map.png, my map.npz")
    keyboard.press("Escape")
    files = {path.suffix: path for path in lab.root.glob("my map.*")}
    assert set(files) == {".html", ".png", ".npz", ".json", ".csv"}
    page = files[".html"].read_text("utf-8")
    assert "<script" not in page and "blob:" not in page
    assert "a red circle, a black cross and a blue triangle”" in page.replace("\n", " ")  # the text whole
    assert "Chefer et al. relevance" in page and "explained to shapes-clip" in page
    assert abs(Image.open(files[".png"]).width - 2 * element.bounding_box()["width"]) <= 4
    element.get_by_role("button", name="Copy as Python").press("Enter")
    code = element.get_by_label("Python code of this board")
    expect(code).to_contain_text("pair = data.load('shapes', n=8, seed=0)[3]")
    expect(code).to_contain_text("words=[3], scale='shared', opacity=1.0, ground='colour', size=140)")
    keyboard.press("Escape")


def test_everything_is_reached_from_the_keyboard(board) -> None:
    notebook, element = board
    canvas = card(element, "relevance").locator("canvas")
    canvas.focus()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        notebook.page.keyboard.press(key)
    notebook.wait_until("board.patches == [9]")
    cells = notebook.page.locator(".jp-NotebookPanel .jp-Cell").count()
    for key in ("a", "x", "d", "d"):
        notebook.page.keyboard.press(key)
    assert notebook.page.locator(".jp-NotebookPanel .jp-Cell").count() == cells
    word(element, "red").press("Enter")
    notebook.wait_until("board.words == [2]")
    notebook.page.keyboard.press("Escape")  # lets go of what was chosen
    notebook.wait_until("board.words == [] and board.patches == []")
    expect(word(element, "red")).to_be_focused()
    notebook.page.keyboard.press("Escape")  # leaves the board
    assert notebook.page.evaluate("() => document.activeElement.matches('.jp-Cell')")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_readable_in_both_themes(opened, board, theme) -> None:
    lab, (notebook, element) = opened[0], board
    lab.theme(theme)
    notebook.python("board.score('random', 'interactions'); board.words = [2, 3]; board.wait(90)")
    expect(card(element, "random").locator(".atb-scores table")).to_be_visible()
    element.evaluate("(board) => board.scrollIntoView({block: 'start'})")
    lab.screenshot(f"attribution-board-{theme}", of=element)
    found = Axe().run(notebook.page, context=".atb")
    lab.theme("light")
    assert found.violations_count == 0, found.generate_report()


def test_a_text_without_a_picture_is_a_card_of_words(lab) -> None:
    cells = [
        "import torch, transformers as tf\nfrom workbench.attribution import attribute, output\n"
        "from widgets import show\n"
        "config = tf.GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2)\n"
        "model = tf.GPT2LMHeadModel(config).eval()\n"
        "inputs = {'input_ids': torch.tensor([[7, 8, 9, 10]])}\n"
        "words = ['the', '<cat>', 'sat', 'on']\n"
        "board = show(attribute(model, inputs, method=['relevance', 'occlusion'], words=words))",
        "board",
    ]
    notebook = lab.open(cells)
    notebook.run_all()
    element = notebook.output(1).locator(".atb")
    expect(element.locator(".atb-maps .atb-card")).to_have_count(2)
    expect(card(element, "occlusion").locator(".atb-token")).to_have_text(["the", "<cat>", "sat", "on"])
    expect(card(element, "occlusion")).to_contain_text("signed,")
    expect(card(element, "relevance")).to_contain_text("non-negative,")
    expect(card(element, "relevance").locator("canvas")).to_be_hidden()
    expect(element.locator(".wb-title")).to_contain_text("log probability of token")
    expect(element.get_by_label("text explained")).to_be_hidden()
    expect(element.get_by_role("button", name=re.compile("^Evaluate"))).to_have_count(0)
    element.get_by_role("button", name="Copy as Python").click()
    expect(element.get_by_label("Python code of this board")).to_contain_text("Two things must be at hand")
    lab.screenshot("words", of=element)


def test_the_lesson_runs_and_draws_its_boards(lab) -> None:
    notebook = lab.open("notebooks/03_attribution.ipynb")
    notebook.run_all()
    shown = lab.page.locator(".jp-NotebookPanel .atb")
    expect(shown).to_have_count(4)
    expect(shown.first.locator(".atb-maps .atb-card")).to_have_count(16)
    shown.first.scroll_into_view_if_needed()
    lab.screenshot("03_attribution", of=shown.first)
