"""The attention lens in a real JupyterLab: hovered, clicked, scrubbed, masked, and looked at."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

SET_UP = """from workbench import data, models
from workbench.capture import capture
from widgets import show
model, pair = models.load("shapes-clip"), data.load("shapes", n=4)[0]
lens = show(capture(model, pair))"""
ROW, COLUMN = 5, 2


@pytest.fixture
def lens(lab):
    """(notebook, element) of a lens that has been drawn, and whose words and patches are compared."""
    notebook = lab.open([SET_UP, "lens"])
    notebook.run_all()
    element = notebook.output(1).locator(".al")
    expect(element).to_have_attribute("data-site", "image.3")
    notebook.wait_until("lens.wait(30) and len(lens._alike) > 0")
    return notebook, element


def patch(element: Locator, row: int, column: int) -> dict[str, float]:
    """The middle of a patch, as a position on the picture."""
    box = element.locator(".al-picture").bounding_box()
    assert box
    return {"x": (column + 0.5) * box["width"] / 8, "y": (row + 0.5) * box["height"] / 8}


def caption(element: Locator) -> Locator:
    return element.locator(".al-stage .al-caption")


def test_hovering_a_patch_shows_what_it_attends_to_and_asks_no_kernel(lens) -> None:
    notebook, element = lens
    notebook.python("asked = []; lens.observe(lambda change: asked.append(change['name']))")
    element.locator(".al-picture").hover(position=patch(element, ROW, COLUMN))
    expect(caption(element)).to_contain_text(f"patch row {ROW}, column {COLUMN}")
    shown = float(element.locator(".al-chips small").inner_text().rstrip(" %<")) / 100
    exact = notebook.python(f"print(lens.trace.attention('image.3').row(({ROW}, {COLUMN}))[0])")
    assert shown == pytest.approx(float(exact), abs=0.006)
    element.locator(".al-foot").hover()
    expect(caption(element)).to_contain_text("class token")
    assert notebook.python("print(asked)") == "[]"


def test_clicking_a_patch_shows_its_words_and_is_a_value_in_the_next_cell(lens) -> None:
    notebook, element = lens
    element.locator(".al-picture").click(position=patch(element, ROW, COLUMN))
    notebook.wait_until(f"lens.selected['token'] == 1 + 8 * {ROW} + {COLUMN}")
    expect(element.locator(".al-text .al-caption")).to_contain_text("cosine with this patch")
    word = element.locator(".al-token", has_text="square").locator("small")
    wanted = notebook.python(
        "from workbench.attribution.alike import token_cosines; "
        f"print(round(float(token_cosines(model, lens.trace)[4, {ROW}, {COLUMN}]), 2))"
    )
    expect(word).to_have_text(f"{float(wanted):.2f}")


def test_clicking_a_word_shows_its_words_and_its_patches(lens) -> None:
    notebook, element = lens
    element.locator(".al-token", has_text="yellow").click()
    notebook.wait_until("lens.selected['site'] == 'text.1' and lens.selected['token'] == 3")
    expect(caption(element)).to_contain_text("cosine of each patch with “yellow”")
    expect(element.locator(".al-text .al-caption")).to_contain_text("no word sees a later one")
    expect(element.locator(".al-token", has_text=re.compile(r"^star")).locator("small")).to_have_text("0")


def test_layers_and_heads_are_scrubbed_by_slider_drag_and_key(lens) -> None:
    notebook, element = lens
    element.get_by_label("layer", exact=True).fill("1")
    expect(element).to_have_attribute("data-site", "image.1")
    notebook.wait_until("lens.selected['site'] == 'image.1'")
    grid = element.locator(".al-grid")
    box = grid.bounding_box()
    assert box
    cell = (box["width"] - 22) / 4
    page = notebook.page
    page.mouse.move(box["x"] + 22 + cell / 2, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 22 + 2.5 * cell, box["y"] + 30, steps=4)
    page.mouse.up()
    notebook.wait_until("lens.selected['site'] == 'image.0' and lens.selected['head'] == 2")
    expect(caption(element)).to_contain_text("layer 0, head 2")
    grid.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    notebook.wait_until("lens.selected['site'] == 'image.1' and lens.selected['head'] == 1")


def test_rollout_direction_and_scale_are_chosen(lens) -> None:
    notebook, element = lens
    element.get_by_label("reading").select_option("rollout")
    notebook.wait_until("lens.selected['reading'] == 'rollout'")
    shown = float(element.locator(".al-chips small").inner_text().rstrip(" %<")) / 100
    assert shown == pytest.approx(float(notebook.python("print(lens.weights[0])")), abs=0.006)
    element.get_by_label("direction").select_option("to")
    notebook.wait_until("lens.selected['backwards']")
    expect(caption(element)).to_contain_text("Who attends to class token")
    element.get_by_label("colour scale").select_option("own")
    notebook.wait_until("lens.scale == 'own'")
    expect(element.locator(".al-ticks")).to_contain_text("this map's largest")


def test_taking_patches_and_words_away_changes_the_score(lens) -> None:
    notebook, element = lens
    element.get_by_label(re.compile("take away")).check()
    picture, page = element.locator(".al-picture"), notebook.page
    picture.hover()  # scrolls it into view
    box = picture.bounding_box()
    assert box
    first, last = patch(element, 5, 2), patch(element, 6, 3)
    page.mouse.move(box["x"] + first["x"], box["y"] + first["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + last["x"], box["y"] + last["y"], steps=3)
    page.mouse.up()
    notebook.wait_until("lens.masked['patches'] == [42, 43, 50, 51] and lens.without is not None")
    expect(element.locator(".al-score")).to_contain_text("random parts of the same size")
    element.locator(".al-token", has_text="yellow").click()
    notebook.wait_until("lens.masked['words'] == [3] and lens.wait(30)")
    notebook.wait_until("lens.without.words == (3,)")
    expect(element.locator(".al-score")).to_contain_text(
        notebook.python("print(f'{lens.without.score:.3f}')")
    )
    element.get_by_role("button", name="Put all back").click()
    notebook.wait_until("lens.masked == {'patches': [], 'words': []} and lens.without is None")
    expect(element.locator(".al-score")).to_have_text("")


def test_the_picture_is_used_by_keyboard_and_the_notebook_keeps_its_cells(lens) -> None:
    notebook, element = lens
    cells = notebook.page.locator(".jp-NotebookPanel .jp-Cell").count()
    element.locator(".al-picture").focus()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        notebook.page.keyboard.press(key)
    notebook.wait_until("lens.selected['token'] == 10")
    for key in ("x", "d", "d", "m"):  # cut, delete: of a cell, in JupyterLab; m takes a patch away
        notebook.page.keyboard.press(key)
    notebook.wait_until("lens.masked['patches'] == [9]")
    assert notebook.page.locator(".jp-NotebookPanel .jp-Cell").count() == cells


def test_what_python_sets_is_drawn_and_what_it_sets_wrongly_is_said(lens) -> None:
    notebook, element = lens
    notebook.python("lens.selected = dict(lens.selected, site='image.2', reading='head', head=3, token=5)")
    expect(caption(element)).to_contain_text("patch row 0, column 4 attends to: layer 2, head 3")
    notebook.python("lens.selected = dict(lens.selected, head=9)")
    expect(element.get_by_role("alert")).to_contain_text("There is no head 9; image.2 has 4, from 0.")
    expect(caption(element)).to_contain_text("layer 2, head 3")


def test_a_model_in_which_picture_and_text_meet_links_them_by_attention(lab) -> None:
    code = [
        "import torch, transformers as tf\nfrom widgets import show\nfrom workbench.capture import capture\n"
        "torch.manual_seed(0)\n"
        "small = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)\n"
        "config = tf.ViltConfig(vocab_size=100, image_size=32, patch_size=8, **small)\n"
        "model = tf.ViltModel(config).eval()\n"
        "inputs = dict(input_ids=torch.tensor([[5, 6, 7, 8]]), attention_mask=torch.ones(1, 4).long(),\n"
        "              pixel_values=torch.randn(1, 3, 32, 48), pixel_mask=torch.ones(1, 32, 48).long())\n"
        "lens = show(capture(model, inputs, words=['[CLS]', 'red', 'cat', '[SEP]']))",
        "lens",
    ]
    notebook = lab.open(code)
    notebook.run_all()
    element = notebook.output(1).locator(".al")
    expect(element).to_have_attribute("data-site", "joint.1")
    element.locator(".al-token", has_text="cat").click()
    notebook.wait_until("lens.selected['token'] == 2")
    expect(caption(element)).to_contain_text(re.compile(r"What cat attends to: .* % of it goes to patches"))
    element.get_by_label("figure under each head").select_option("cross")
    share = notebook.python(
        "from workbench.capture import head_statistics; "
        "print(f\"{head_statistics(lens.trace.attention('joint.1')).cross[0]:.2f}\")"
    )
    expect(element.locator(".al-heads .al-caption")).to_contain_text(f"share across picture and text {share}")
    element.get_by_label("query").select_option(label="picture's class token")
    notebook.wait_until("lens.selected['token'] == 4")
    box = element.locator(".al-picture").bounding_box()
    assert box
    element.locator(".al-picture").click(position={"x": box["width"] * 0.9, "y": box["height"] * 0.1})
    notebook.wait_until("lens.selected['token'] == 10")  # four words, a class token, row 0, column 5
    shown = float(element.locator(".al-token", has_text="red").locator("small").inner_text().rstrip(" %<"))
    assert shown / 100 == pytest.approx(float(notebook.python("print(lens.weights[1])")), abs=0.006)
    lab.screenshot("joint", of=element)


def test_words_that_are_markup_stay_words(lab) -> None:
    code = (
        "import numpy as np\nfrom widgets import show\n"
        "from workbench.capture import AttentionMap, Site, TokenLayout, Trace\n"
        "bad = '<img src=x onerror=window.hurt=1>'\n"
        "words = TokenLayout('text', 2, words=(bad, 'b'))\n"
        "site = Site('text.0', 'x', 'self', 0, 1, words, words)\n"
        "show(Trace({'text.0': AttentionMap(site, np.full((1, 2, 2), .5))}, text=bad, notes=(bad,)))"
    )
    notebook = lab.open([code])
    notebook.run_all()
    element = notebook.output(0).locator(".al")
    expect(element.locator(".al-token").first).to_contain_text("<img src=x onerror=window.hurt=1>")
    assert notebook.page.evaluate("() => window.hurt") is None
    assert element.locator("img[src=x]").count() == 0


def test_the_code_and_the_snapshot_hold_what_is_on_the_screen(lens) -> None:
    notebook, element = lens
    element.get_by_label("head", exact=True).fill("2")
    notebook.wait_until("lens.selected['head'] == 2 and lens.selected['reading'] == 'head'")
    element.get_by_role("button", name="Copy as Python").click()
    code = element.get_by_label("Python code of this lens")
    expect(code).to_contain_text("row(0, head=2)")
    notebook.python(code.inner_text())
    assert notebook.python("print(abs(weights - lens.weights).max() < 1e-6)") == "True"
    assert notebook.python("print(lens.snapshot().html.count('<img'))") == "4"


def test_the_export_holds_the_maps_and_where_they_come_from(lab, lens) -> None:
    _notebook, element = lens
    element.get_by_label("name of the exported files").fill("no-such-folder/heads")
    element.get_by_role("button", name="Export PNG + NPZ + JSON").click()
    expect(element.get_by_role("alert")).to_contain_text("The folder 'no-such-folder' does not exist")
    element.get_by_label("name of the exported files").fill("heads")
    element.get_by_role("button", name="Export PNG + NPZ + JSON").click()
    expect(element.get_by_role("status").first).to_contain_text(
        "saved heads.html, heads.png, heads.npz, heads.json"
    )
    with np.load(lab.root / "heads.npz") as arrays:
        assert arrays["image.3"].shape == (4, 65, 65)
        assert arrays["image.3.shown"] == pytest.approx(arrays["image.3"].mean(axis=0)[0], abs=1e-6)
    told = json.loads((lab.root / "heads.json").read_text("utf-8"))
    assert told["model"] == "shapes-clip" and len(told["weights"]) > 8 and "capture(" in told["code"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_lens_has_no_serious_accessibility_fault_in_either_theme(lab, lens, theme) -> None:
    _notebook, element = lens
    element.locator(".al-picture").click(position=patch(element, ROW, COLUMN))
    lab.theme(theme)
    expect(caption(element)).to_contain_text(f"patch row {ROW}")
    lab.page.set_viewport_size({"width": 1280, "height": 1400})
    element.locator("summary").click()
    lab.screenshot(theme, of=element)
    found = Axe().run(lab.page, context=".al").response["violations"]
    serious = {
        rule["id"]: rule["nodes"][0]["html"] for rule in found if rule["impact"] in ("serious", "critical")
    }
    assert not serious
