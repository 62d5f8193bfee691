"""The attention lens in a real JupyterLab: hovered, clicked, scrubbed, masked, and looked at."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from lens_page import SET_UP, a_lens, as_new, caption, head_at, patch, word
from PIL import Image
from playwright.sync_api import expect

ROW, COLUMN = 5, 2
PIXELS = "(canvas) => canvas.toDataURL()"


@pytest.fixture(scope="module")
def opened(module_lab):
    """(notebook, element) of a lens that has been drawn, and whose words and patches are compared."""
    return a_lens(module_lab)


@pytest.fixture
def lens(opened):
    """The same lens for every test, as a new one would stand there."""
    notebook, element = opened
    as_new(notebook, element)
    return opened


def test_hovering_a_patch_shows_what_it_attends_to_and_asks_no_kernel(lens) -> None:
    notebook, element = lens
    notebook.python("asked = []; lens.observe(lambda change: asked.append(change['name']))")
    element.locator(".al-picture").hover(position=patch(element, ROW, COLUMN))
    expect(caption(element)).to_contain_text(f"patch in row {ROW + 1}, column {COLUMN + 1}")
    shown = float(element.locator(".al-chips small").inner_text().rstrip(" %<")) / 100
    exact = notebook.python(f"print(lens.trace.attention('image.3').row(({ROW}, {COLUMN}))[0])")
    assert shown == pytest.approx(float(exact), abs=0.006)
    element.locator(".wb-foot").hover()
    expect(caption(element)).to_contain_text("class token")
    assert notebook.python("print(asked)") == "[]"


def test_clicking_a_patch_shows_its_words_and_is_a_value_in_the_next_cell(lens) -> None:
    notebook, element = lens
    element.locator(".al-picture").click(position=patch(element, ROW, COLUMN))
    notebook.wait_until(f"lens.selected['token'] == 1 + 8 * {ROW} + {COLUMN}")
    said = element.locator(".al-text .al-caption")
    expect(said).to_contain_text(f"its cosine with the patch in row {ROW + 1}, column {COLUMN + 1}")
    wanted = notebook.python("print('%.2f' % lens.cosines[4, " + f"{ROW}, {COLUMN}])")
    expect(word(element, "square").locator("small")).to_have_text(wanted.replace("-", "−"))
    expect(word(element, "<start>").locator("small")).to_have_text("–")
    expect(element.locator(".al-trust")).to_contain_text(
        "62 % ± 5 % of 350 words of drawn scenes (chance 7 %, a random patch of any object 45 %)"
    )


def test_clicking_a_word_shows_its_words_and_its_patches(lens) -> None:
    notebook, element = lens
    element.locator(".al-token", has_text="yellow").click()
    notebook.wait_until("lens.selected['site'] == 'text.1' and lens.selected['token'] == 3")
    expect(caption(element)).to_contain_text("Cosine of each patch with “yellow”")
    expect(element.locator(".al-text .al-caption")).to_contain_text("no word sees a later one")
    expect(word(element, "star").locator("small")).to_have_text("0.0 %")


def test_nothing_moves_under_the_mouse_whatever_word_is_clicked(lens) -> None:
    _notebook, element = lens
    places = (
        "(list) => { const board = list.closest('.al').getBoundingClientRect(); return [...list.children].map((chip) =>"
        " { const r = chip.getBoundingClientRect(); return [r.x - board.x, r.y - board.y, r.width, r.height]; }); }"
    )
    words = element.locator(".al-words")
    names = words.locator(".al-token").all_inner_texts()
    words.scroll_into_view_if_needed()
    before = words.evaluate(places)
    for number, name in enumerate(names):
        chip = words.locator(".al-token").nth(number)
        chip.click()
        expect(chip).to_have_attribute("aria-pressed", "true")
        expect(element.get_by_label("token", exact=True).locator("option:checked")).to_have_text(
            name.split()[0]
        )
        assert words.evaluate(places) == before, name
    element.get_by_label("attention of").select_option(label="picture to picture")
    element.locator(".al-picture").hover(position=patch(element, ROW, COLUMN))
    expect(caption(element)).to_contain_text("patch in row")
    assert words.evaluate(places) == before


def test_layers_and_heads_are_scrubbed_by_slider_drag_and_key(lens) -> None:
    notebook, element = lens
    page, grid = notebook.page, element.locator(".al-grid")
    element.get_by_label("layer", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(element).to_have_attribute("data-site", "image.1")
    expect(element.locator(".al-control", has_text="Layer").locator("output")).to_have_text("2 of 4")
    notebook.wait_until("lens.selected['site'] == 'image.1'")
    grid.hover(position=head_at(element, 1, 3))
    expect(element.locator(".al-heads .al-caption")).to_contain_text("Layer 2, head 4: entropy")
    box = grid.bounding_box()
    assert box
    first, last = head_at(element, 0, 0), head_at(element, 0, 2)
    page.mouse.move(box["x"] + first["x"], box["y"] + first["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + last["x"], box["y"] + last["y"], steps=6)
    page.mouse.up()
    notebook.wait_until("lens.selected['site'] == 'image.0' and lens.selected['head'] == 2")
    expect(caption(element)).to_contain_text("layer 1 of 4, head 3 of 4")
    grid.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    notebook.wait_until("lens.selected['site'] == 'image.1' and lens.selected['head'] == 1")
    assert notebook.python("print(lens.detail)") == "heads"  # scrubbing is no click


def test_a_click_makes_a_head_large_and_escape_goes_back(lens) -> None:
    notebook, element = lens
    page, grid, large = notebook.page, element.locator(".al-grid"), element.locator(".al-large")
    grid.click(position=head_at(element, 2, 1))
    expect(large).to_contain_text("Layer 3 of 4, head 2 of 4")
    expect(grid).to_be_hidden()
    picture = large.locator(".al-large-picture")
    box, small = picture.bounding_box(), element.locator(".al-picture").bounding_box()
    assert box and small and box["width"] >= 200
    picture.hover(position={"x": box["width"] * 0.2, "y": box["height"] * 0.2})
    expect(large.locator(".al-caption")).to_contain_text("patch in row 2, column 2 attends to")
    notebook.wait_until("lens.detail == 'picture' and lens.selected['head'] == 1")
    page.keyboard.press("]")
    notebook.wait_until("lens.selected['head'] == 2")
    page.keyboard.press("Escape")
    expect(grid).to_be_visible()
    expect(grid).to_be_focused()
    notebook.wait_until("lens.detail == 'heads'")
    page.keyboard.press("Enter")
    expect(large).to_contain_text("Layer 3 of 4, head 3 of 4")
    large.get_by_role("button", name="All heads").click()
    expect(grid).to_be_visible()


def test_words_are_joined_by_lines_and_seen_as_a_whole_matrix(lens) -> None:
    notebook, element = lens
    page, large = notebook.page, element.locator(".al-large")
    word(element, "star").click()
    element.locator(".al-grid").click(position=head_at(element, 1, 1, layers=2))
    lines = large.locator(".al-lines")
    expect(lines).to_be_visible()
    expect(lines).to_be_focused()
    page.mouse.move(1, 1)
    page.keyboard.press("ArrowUp")
    expect(large.locator(".al-caption")).to_contain_text("Keys that green attends to most")
    page.keyboard.press("Enter")
    notebook.wait_until("lens.selected['token'] == 11 and lens.selected['site'] == 'text.1'")
    best = notebook.python("print(lens.trace.attention('text.1').key.names[int(lens.weights.argmax())])")
    expect(large.locator(".al-caption")).to_contain_text(
        re.compile(rf"attends to most: .*\b{re.escape(best)} ")  # two may be alike to eight bits
    )
    large.get_by_role("button", name="matrix").click()
    matrix = large.locator(".al-matrix")
    expect(matrix).to_be_visible()
    matrix.focus()
    page.keyboard.press("ArrowRight")
    expect(large.locator(".al-caption")).to_contain_text(re.compile(r"green attends to a: [\d.]+ %"))
    shown = float(re.findall(r"([\d.]+) %", large.locator(".al-caption").inner_text())[0]) / 100
    exact = float(notebook.python("print(lens.trace.attention('text.1').row(11, head=1)[1])"))
    assert shown == pytest.approx(exact, abs=np.sqrt(exact) / 255 + 0.0005)  # eight bits, then one decimal
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    notebook.wait_until("lens.selected['token'] == 10 and lens.detail == 'matrix'")


def test_rollout_direction_and_scale_are_chosen(lens) -> None:
    notebook, element = lens
    element.get_by_label("head aggregation").select_option("rollout")
    notebook.wait_until("lens.selected['reading'] == 'rollout'")
    shown = float(element.locator(".al-chips small").inner_text().rstrip(" %<")) / 100
    assert shown == pytest.approx(float(notebook.python("print(lens.weights[0])")), abs=0.006)
    element.get_by_label("direction").select_option("to")
    notebook.wait_until("lens.selected['backwards']")
    expect(caption(element)).to_contain_text("Patches that attend to class token")
    element.get_by_label("colour scale").select_option("own")
    notebook.wait_until("lens.scale == 'own'")
    expect(element.locator(".al-ticks")).to_contain_text("this map's largest")


def test_masking_patches_and_words_changes_the_score(lens) -> None:
    notebook, element = lens
    element.get_by_label("mask (occlude)").check()
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
    expect(element.locator(".al-score")).to_contain_text("random masks of the same size")
    element.locator(".al-token", has_text="yellow").click()
    notebook.wait_until("lens.masked['words'] == [3] and lens.wait(30)")
    notebook.wait_until("lens.without.words == (3,)")
    expect(element.locator(".al-score")).to_contain_text(
        notebook.python("print(f'{lens.without.score:.3f}')")
    )
    element.get_by_role("button", name="Clear the mask").click()
    notebook.wait_until("lens.masked == {'patches': [], 'words': []} and lens.without is None")
    expect(element.locator(".al-score")).to_have_text(
        "Drag over patches, click words: the cosine without them."
    )


def test_the_picture_is_used_by_keyboard_and_the_notebook_keeps_its_cells(lens) -> None:
    notebook, element = lens
    cells = notebook.page.locator(".jp-NotebookPanel .jp-Cell").count()
    element.locator(".al-picture").focus()
    for key in ("Home", "ArrowRight", "ArrowDown", "Enter"):
        notebook.page.keyboard.press(key)
    notebook.wait_until("lens.selected['token'] == 10")
    for key in ("x", "d", "d", "m"):  # cut, delete: of a cell, in JupyterLab; m takes a patch away
        notebook.page.keyboard.press(key)
    notebook.wait_until("lens.masked['patches'] == [9]")
    assert notebook.page.locator(".jp-NotebookPanel .jp-Cell").count() == cells


def test_what_python_sets_is_drawn_and_what_it_sets_wrongly_is_said(lens) -> None:
    notebook, element = lens
    notebook.python("lens.selected = dict(lens.selected, site='image.2', reading='head', head=3, token=5)")
    expect(caption(element)).to_contain_text("patch in row 1, column 5 attends to: layer 3 of 4, head 4 of 4")
    notebook.python("lens.selected = dict(lens.selected, head=9)")
    expect(element.get_by_role("alert")).to_contain_text("There is no head 9; image.2 has 4, from 0.")
    expect(caption(element)).to_contain_text("layer 3 of 4, head 4 of 4")


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
    expect(caption(element)).to_contain_text(re.compile(r"What cat attends to: .* % of it on patches"))
    element.get_by_label("figure under each head").select_option("cross")
    share = notebook.python(
        "from workbench.capture import head_statistics; "
        "print(f\"{head_statistics(lens.trace.attention('joint.1')).cross[0]:.2f}\")"
    )
    expect(element.locator(".al-heads .al-caption")).to_contain_text(f"cross-modal share {share}")
    element.get_by_label("token", exact=True).select_option(label="picture's class token")
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


def test_the_copied_code_gives_the_same_screen_back(lab) -> None:
    notebook = lab.open([SET_UP, "lens", "", ""])
    notebook.run_all()
    element = notebook.output(1).locator(".al")
    expect(element).to_have_attribute("data-site", "image.3")
    notebook.wait_until("lens.wait(30) and len(lens._alike) > 0")
    page = notebook.page
    element.locator(".al-picture").click(position=patch(element, ROW, COLUMN))
    element.get_by_label("colour scale").select_option("own")
    element.get_by_label("opacity of the overlay").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    element.get_by_label("figure under each head").select_option("distance")
    element.locator(".al-grid").click(position=head_at(element, 1, 2))
    element.locator(".al-large").get_by_role("button", name="matrix").click()
    element.get_by_label("mask (occlude)").check()
    word(element, "yellow").click()
    notebook.wait_until("lens.masked['words'] == [3] and lens.wait(30) and lens.without is not None")
    notebook.wait_until("lens.detail == 'matrix' and lens.tool == 'mask' and lens.opacity == 0.75")
    element.get_by_role("button", name="Copy as Python").click()
    code = element.get_by_label("Python code of this lens")
    expect(code).to_contain_text("show(\n    trace,\n    selected=")
    text = code.inner_text()
    page.keyboard.press("Escape")
    page.mouse.move(1, 1)
    shots = {name: element.locator(name).evaluate(PIXELS) for name in (".al-picture", ".al-matrix")}
    notebook.python(text.replace("\nshow(", "\nagain = show("))
    traits = ("selected", "masked", "scale", "opacity", "detail", "figure", "tool")
    for name in traits:
        assert notebook.python(f"print(again.{name} == lens.{name})") == "True", name
    assert notebook.python("print(abs(weights - lens.weights).max() < 1e-6)") == "True"
    other = lab.open([text])
    other.run_all()
    twin = other.output(0).locator(".al")
    expect(twin).to_have_attribute("data-site", "image.1")
    expect(twin.locator(".al-score")).to_contain_text("random masks")
    page.mouse.move(1, 1)
    for name, pixels in shots.items():
        assert twin.locator(name).evaluate(PIXELS) == pixels, name


def test_the_export_is_the_view_at_twice_its_size_with_its_numbers(module_lab, lens) -> None:
    notebook, element = lens
    element.get_by_label("direction").select_option("to")
    notebook.wait_until("lens.selected['backwards']")
    element.get_by_role("button", name="Export").click()
    name, keyboard = element.get_by_label("name of the exported files"), notebook.page.keyboard
    name.click()
    keyboard.press("Control+a")
    name.press_sequentially("no-such-folder/heads")
    element.get_by_role("button", name="Save PNG + HTML + NPZ + CSV").click()
    said = element.locator(".wb-export [role=status]")
    expect(said).to_contain_text("The folder 'no-such-folder' does not exist")
    name.click()
    keyboard.press("Control+a")
    name.press_sequentially("heads")
    element.get_by_role("button", name="Save PNG + HTML + NPZ + CSV").click()
    expect(said).to_contain_text("saved heads.html, heads.png, heads.npz, heads.json, heads.csv")
    with np.load(module_lab.root / "heads.npz") as arrays:
        assert arrays["image.3"].shape == (4, 65, 65)
        assert arrays["image.3.shown"] == pytest.approx(arrays["image.3"].mean(axis=0)[:, 0], abs=1e-6)
    told = json.loads((module_lab.root / "heads.json").read_text("utf-8"))
    assert told["model"] == "shapes-clip" and len(told["weights"]) > 8 and "capture(" in told["code"]
    table = (module_lab.root / "heads.csv").read_text("utf-8-sig").splitlines()
    assert table[0].endswith("queries that attend to class token most") and len(table) == 5
    page = (module_lab.root / "heads.html").read_text("utf-8")
    for words in (
        "key to queries",
        "Colour scale",
        "counted from 1",
        "Queries that attend to class token most",
    ):
        assert words in page, words
    box = element.bounding_box()
    assert box
    with Image.open(module_lab.root / "heads.png") as picture:
        assert abs(picture.width - 2 * box["width"]) <= 4


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_lens_has_no_serious_accessibility_fault_in_either_theme(module_lab, lens, theme) -> None:
    _notebook, element = lens
    element.locator(".al-picture").click(position=patch(element, ROW, COLUMN))
    module_lab.theme(theme)
    expect(caption(element)).to_contain_text(f"patch in row {ROW + 1}")
    module_lab.page.set_viewport_size({"width": 1280, "height": 1400})
    element.get_by_role("button", name="Help").click()
    module_lab.screenshot(theme, of=element)
    found = Axe().run(module_lab.page, context=".al").response["violations"]
    serious = {
        rule["id"]: rule["nodes"][0]["html"] for rule in found if rule["impact"] in ("serious", "critical")
    }
    assert not serious
