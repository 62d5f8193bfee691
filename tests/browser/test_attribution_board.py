"""The attribution board in a real JupyterLab: hovered, clicked, typed into, scored and exported."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

SET_UP = """from workbench import data, models
from workbench.attribution import attribute
from widgets import show
model, pair = models.load("shapes-clip"), data.load("shapes", n=8)[3]
text = "a red circle, a black cross and a blue triangle"
board = show(attribute(model, pair, method=["relevance", "hires-cam", "interactions", "random"], target=text))"""


@pytest.fixture
def board(lab):
    """(notebook, board's element) of a board that has been drawn."""
    notebook = lab.open([SET_UP, "board"])
    notebook.run_all()
    element = notebook.output(1).locator(".atb")
    expect(element.locator(".atb-maps .atb-card")).to_have_count(4)
    expect(element.locator(".atb-maps .atb-card").first.locator("h3")).to_have_text(
        "Gradient-weighted relevance"
    )
    return notebook, element


# Scoring that goes on until it is cancelled: otherwise a quick machine is done before the mouse is there.
PATIENT = """import time
import workbench.attribution as attribution
score = attribution.faithfulness
def patient(*given, should_stop, **options):
    while not should_stop():
        time.sleep(0.05)
    return score(*given, should_stop=should_stop, **options)
attribution.faithfulness = patient"""


def card(element: Locator, method: str) -> Locator:
    return element.locator(f'.atb-card[data-method="{method}"]')


def word(element: Locator, text: str) -> Locator:
    return element.locator(".atb-word", has_text=re.compile(f"^{text}$")).first


def test_hovering_a_patch_reads_it_on_every_map_without_the_kernel(board) -> None:
    _, element = board
    canvas = card(element, "hires-cam").locator("canvas")
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] * 0.31, "y": box["height"] * 0.9})
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
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 0.55, "y": box["height"] * 0.3})
    notebook.wait_until("board.patches == [20] and board.focus == 'interactions'")
    expect(element).to_contain_text("what they add together with the 1 chosen patch")
    assert notebook.python("print(board.selected)") == "[(2, 4)]"
    element.get_by_role("button", name="Clear choice").click()
    notebook.wait_until("board.patches == []")


def test_another_text_and_a_contrast_are_explained(board) -> None:
    notebook, element = board
    element.get_by_label("rather than").fill("a green star")
    notebook.wait_until("board.attributions[0].target.kind == 'contrast'")
    expect(element.locator(".atb-title")).to_contain_text("minus cosine with “a green star”")
    element.get_by_label("text explained").fill("a green star")
    expect(element.get_by_role("alert")).to_contain_text("always 0")


def test_maps_are_scored_beside_their_baselines(board) -> None:
    notebook, element = board
    expect(card(element, "relevance").get_by_role("button")).to_have_text("Score: 89 forwards")
    element.get_by_role("button", name="Score every map").click()
    notebook.wait_until("len(board.scores) == 4", seconds=90)
    table = card(element, "random").locator(".atb-scores table")
    expect(table).to_contain_text("deletion ↓")
    expect(table).to_contain_text("±")


def test_scoring_is_cancelled_and_the_maps_stay(board) -> None:
    notebook, element = board
    notebook.python(PATIENT)
    element.get_by_role("button", name="Score every map").click()
    cancel = element.get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()
    word(element, "circle").click()
    cancel.click()
    notebook.wait_until("board.wait(30) and board.words == [3]", seconds=60)
    expect(cancel).to_be_hidden()
    expect(element.locator(".atb-maps .atb-card")).to_have_count(4)
    assert notebook.python("print(len(board.scores))") == "0"


def test_methods_are_chosen_and_the_export_is_written(board, lab) -> None:
    notebook, element = board
    element.get_by_text("Methods", exact=True).click()
    element.get_by_label("LeGrad").check()
    notebook.wait_until(
        "board.attributions.methods == ('relevance', 'legrad', 'hires-cam', 'interactions', 'random')"
    )
    expect(element.locator(".atb-maps .atb-card")).to_have_count(5)
    element.get_by_label("name of the exported files").fill("my-map")
    element.get_by_role("button", name="Export PNG + NPZ + JSON").click()
    expect(element.get_by_role("status")).to_contain_text(
        "saved my-map.html, my-map.png, my-map.npz, my-map.json"
    )
    assert {path.suffix for path in lab.root.glob("my-map.*")} == {".html", ".png", ".npz", ".json"}
    element.get_by_role("button", name="Copy as Python").click()
    expect(element.locator(".atb-code")).to_contain_text("pair = data.load('shapes', n=8, seed=0)[3]")


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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_readable_in_both_themes(board, lab, theme) -> None:
    notebook, element = board
    lab.theme(theme)
    notebook.python("board.score(); board.words = [2, 3]")
    notebook.wait_until("len(board.scores) == 4", seconds=90)
    expect(card(element, "random").locator(".atb-scores table")).to_be_visible()
    lab.screenshot(f"attribution-board-{theme}", of=element)
    found = Axe().run(notebook.page, context=".atb")
    assert found.violations_count == 0, found.generate_report()


def test_the_lesson_runs_and_draws_its_boards(lab) -> None:
    notebook = lab.open("notebooks/03_attribution.ipynb")
    notebook.run_all()
    shown = lab.page.locator(".jp-NotebookPanel .atb")
    expect(shown).to_have_count(4)
    expect(shown.first.locator(".atb-maps .atb-card")).to_have_count(16)
    shown.first.scroll_into_view_if_needed()
    lab.screenshot("03_attribution", of=shown.first)


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
    expect(card(element, "occlusion")).to_contain_text("for (+) and against")
    expect(card(element, "relevance")).to_contain_text("never against")
    expect(card(element, "relevance").locator("canvas")).to_be_hidden()
    expect(element).to_contain_text("log probability of token")
    expect(element.get_by_role("button", name="Score every map")).to_be_disabled()
    lab.screenshot("words", of=element)
