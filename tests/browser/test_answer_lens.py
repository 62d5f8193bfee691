"""The answer lens in a real JupyterLab, on a tiny LLaVA from a folder: asked, clicked, branched, searched, exported."""

from __future__ import annotations

import json
import re
from pathlib import Path

import by_key
import numpy as np
import pytest
from by_key import typed
from playwright.sync_api import Locator, expect

SET_UP = f"""import sys
import tempfile
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
from writer_folders import made
del sys.path[0]
from workbench import data, models
from workbench.generation import sample, search, write
from widgets import show
folder = Path(tempfile.mkdtemp())
made("llava", folder)
scenes, writer = data.load("shapes", n=6), models.load(str(folder))
first = write(writer, scenes[3], "What do you see?", how=sample(seed=5), max_new_tokens=12)
lens = show(first, pool=scenes)"""
HOSTILE = """evil = show(replace(first, prompt="<img src=x>", pieces=("<b>hi</b>", *first.pieces[1:]),
    text="<b>hi</b>" + "".join(first.pieces[1:]), credit="<script>1</script>", question=None, live=None))
evil"""


@pytest.fixture(scope="module")
def opened(module_lab):
    """(notebook, element) of a lens whose attention has been read."""
    module_lab.page.set_viewport_size({"width": 1280, "height": 720})
    notebook = module_lab.open([SET_UP, "lens", HOSTILE])
    notebook.run_all()
    element = notebook.output(1).locator(".an")
    notebook.wait_until("lens.wait(60) and lens.attention is not None", seconds=90)
    expect(element.locator(".an-band")).to_have_count(2)
    return notebook, element


@pytest.fixture
def lens(opened):
    """The same lens for every test, with the answer it began with."""
    notebook, element = opened
    notebook.python(
        "lens.wait(30); lens.page, lens.map, lens.layer, lens.row, lens.prompt = 'answer', 'attention', None, "
        "'producing', 'What do you see?'; lens.how, lens.seed, lens.max_new_tokens = 'sample', 5, 12; "
        "lens.temperature, lens.top_k, lens.top_p = 1.0, None, 1.0; "
        "lens._finish(first, grown=False); lens.wait(30); lens.selected = list(range(*first.words[1])); "
        "lens._status = dict(working={}, errors={}, said={})"
    )
    expect(element).to_have_attribute("data-words", re.compile(r"^1"))
    expect(element.locator(".an-band")).to_have_count(2)
    return opened


def word(element: Locator, place: int) -> Locator:
    return element.locator(".an-word").nth(place)


def texts(notebook) -> list[str]:
    return json.loads(notebook.python("import json; print(json.dumps(lens._view['texts']))"))


def test_a_click_on_a_word_shows_its_map_within_50_ms_and_asks_no_kernel(lens) -> None:
    notebook, element = lens
    names = texts(notebook)
    notebook.python("asked = []; lens.observe(lambda change: asked.append(change['name']), '_view')")
    code = """(chip) => new Promise((done) => {
        const board = chip.closest(".an"), before = board.dataset.words, start = performance.now();
        chip.click();
        const look = () => board.dataset.words !== before ? done(performance.now() - start) : requestAnimationFrame(look);
        look(); })"""
    took = []
    for place in (2, 3, 1, 2, 3):
        took.append(word(element, place).evaluate(code))
        expect(element.locator(".an-said")).to_contain_text(f"produces “{names[place]}”")
    assert np.median(took) <= 50, took
    notebook.wait_until("lens.selected == list(range(*lens.answer.words[3]))")
    assert notebook.python("print(asked)") == "[]"


def test_arrow_keys_walk_along_the_answer_and_the_map_follows(lens) -> None:
    notebook, element = lens
    pixels = "(canvas) => canvas.toDataURL()"
    word(element, 1).click()
    before = element.locator(".an-picture").evaluate(pixels)
    notebook.page.keyboard.press("ArrowRight")
    expect(word(element, 2)).to_be_focused()
    expect(word(element, 2)).to_have_attribute("aria-pressed", "true")
    notebook.wait_until("lens.selected == list(range(*lens.answer.words[2]))")
    assert element.locator(".an-picture").evaluate(pixels) != before
    notebook.page.keyboard.press("Home")
    notebook.wait_until("lens.selected[0] == 0")


def test_a_layer_and_the_row_after_are_other_maps_and_what_is_read_is_said(lens) -> None:
    notebook, element = lens
    element.locator(".an-band").nth(1).click()
    expect(element.locator(".an-said")).to_contain_text("layer 2 of 2")
    notebook.wait_until("lens.layer == 1")
    element.get_by_label("row that is read").select_option("reading")
    expect(element.locator(".an-said")).to_contain_text("Read at the row after")
    widths = (
        element.locator(".an-band")
        .nth(1)
        .locator("i")
        .evaluate_all("(all) => all.map((one) => parseFloat(one.style.width))")
    )
    exact = notebook.python("print((100 * lens.attention.shares[1, lens.selected[0] + 1]).tolist())")
    assert widths == pytest.approx(json.loads(exact), abs=0.01)


def test_a_patch_tints_the_words_and_relevance_is_computed_on_demand(lens) -> None:
    notebook, element = lens
    picture = element.locator(".an-picture")
    box = picture.bounding_box()
    assert box
    picture.click(position={"x": box["width"] * 0.6, "y": box["height"] * 0.1})
    notebook.wait_until("lens.patch == 2")
    backgrounds = element.locator(".an-word").evaluate_all("(all) => all.map((one) => one.style.background)")
    assert any("214, 96, 0" in one for one in backgrounds)
    element.get_by_label("map over the picture").select_option("relevance")
    expect(element.locator(".an-said")).to_contain_text("what speaks for")
    element.get_by_label("map over the picture").select_option("minus")
    expect(element.locator(".an-said")).to_contain_text("minus that under another picture")
    expect(element.locator(".an-readout")).to_contain_text("row 1, column 3")


def test_sliders_move_the_alternatives_without_the_model_and_one_is_taken(lens) -> None:
    notebook, element = lens
    others = element.locator(".an-other")
    step = int(notebook.python("print(lens.selected[0])"))
    top_k = element.get_by_label("top-k")
    typed(top_k, "2")
    wanted = notebook.python(
        f"from workbench.generation import filtered_alternatives as f; print(f(lens.answer.alternative_logp[{step}], "
        "top_k=2)[:2].tolist())"
    )
    shown = [float(text.rstrip(" %")) / 100 for text in others.locator(".an-number").all_inner_texts()[:2]]
    assert shown == pytest.approx(json.loads(wanted), abs=6e-4)
    expect(others.nth(2).locator(".an-number")).to_have_text("cut off")
    typed(top_k, "")
    nodes = int(notebook.python("print(len(lens._tree['parent']))"))
    take = others.locator(".an-take:visible").first
    label = take.get_attribute("aria-label")
    token = take.evaluate("(button) => button.closest('li').dataset.token")
    take.click()
    notebook.wait_until("len(lens._tree['ends']) == 2 and lens.wait(30)")
    assert int(notebook.python("print(len(lens._tree['parent']))")) > nodes
    assert notebook.python(f"print(int(lens.answer.tokens[{step}]))") == token
    taken = notebook.python(
        f"print(lens.answer.pieces[{step}].strip() or ('(end)' if {token} in writer.ends else '(mark)'))"
    )
    assert label == f"take “{taken}” instead"
    assert notebook.python(f"print((lens.answer.tokens[:{step}] == first.tokens[:{step}]).all())") == "True"


@pytest.mark.parametrize("key", [None, "Control+Enter"])
def test_the_button_or_the_key_writes_the_answer_to_what_was_typed(lens, key: str | None) -> None:
    notebook, element = lens
    cells = by_key.cells_of(notebook)
    prompt = element.get_by_label("instruction", exact=True)
    typed(prompt, "How many circles?")
    typed(element.get_by_label("seed of the draws"), "8")
    expect(prompt).to_have_value("How many circles?")
    if key is None:
        element.get_by_role("button", name="Write").click()
    else:
        prompt.press(key)
    notebook.wait_until(
        "lens.wait(60) and lens.answer.prompt == 'How many circles?' and lens.answer.how.seed == 8"
    )
    expect(element.locator(".an-word").first).to_have_text(texts(notebook)[0])
    expect(element.get_by_role("button", name="Write")).to_be_enabled()
    expect(element.get_by_role("button", name="Stop")).to_be_hidden()
    assert by_key.cells_of(notebook) == cells, "the notebook took the key"


def test_a_setting_that_cannot_be_is_said_beside_the_field(lens) -> None:
    notebook, element = lens
    notebook.python("lens.top_p = 3.0")
    element.get_by_role("button", name="Write").click()
    expect(element.locator(".an-ask .wb-field-error").first).to_contain_text("top_p=3.0 was given")
    expect(element.locator(".an-word").first).to_be_visible()


def test_a_picture_that_is_chosen_is_written_about(lens, tmp_path) -> None:
    notebook, element = lens
    from PIL import Image

    Image.new("RGB", (40, 30), (200, 30, 30)).save(tmp_path / "red.png")
    element.locator("input[type=file]").set_input_files(tmp_path / "red.png")
    notebook.wait_until("lens.wait(60) and lens.answer.pictures[0][0, 0].tolist() == [200, 30, 30]")


def test_the_beam_page_searches_draws_the_tree_and_a_node_is_an_answer(lens) -> None:
    notebook, element = lens
    element.get_by_role("button", name="Beam", exact=True).click()
    typed(element.get_by_label("width of the search"), "3")
    element.get_by_role("button", name="Search").click()
    notebook.wait_until("lens.wait(60) and lens._tree_of._search is not None and len(lens._tree['ends']) > 1")
    nodes = element.locator(".an-node")
    expect(nodes.first).to_be_visible()
    best = element.locator(".an-ranked .an-link")
    assert best.count() >= 2
    best.nth(1).click()
    notebook.wait_until("lens.node == int(lens._tree_of._search.best()[1])")
    expect(element.locator(".an-node[aria-pressed=true]")).to_have_count(1)
    penalty = element.get_by_label("length penalty of the tree")
    penalty.focus()
    for _ in range(15):
        notebook.page.keyboard.press("ArrowRight")
    notebook.wait_until("abs(lens.length_penalty - 1.5) < 1e-6")
    said = best.first.inner_text()
    assert said == notebook.python(
        "b = lens._tree_of._search; print(b.text(int(b.best(1.5)[0])).strip() or '(end)')"
    )
    element.get_by_label("width shown").focus()
    notebook.page.keyboard.press("Home")
    notebook.wait_until("lens.shown_width == 1")
    assert nodes.locator("nth=0").count() == 1


def test_reliance_is_measured_and_the_bars_become_bits(lens) -> None:
    notebook, element = lens
    notebook.python(
        "lens._finish(write(writer, scenes[3], 'What?', max_new_tokens=2), grown=False); lens.wait(30)"
    )
    element.get_by_role("button", name="Measure reliance").click()
    notebook.wait_until("lens.wait(60) and lens.reliance is not None", seconds=90)
    part = element.get_by_label("what is taken away")
    expect(part).to_be_visible()
    expect(part.locator("option").first).to_contain_text("exchanged for others of its set")
    expect(element.get_by_role("button", name="Measure reliance")).to_be_hidden()
    assert "bits when the picture is exchanged" in (word(element, 0).get_attribute("title") or "")


def test_text_is_text(opened) -> None:
    notebook, _element = opened
    evil = notebook.output(2).locator(".an")
    expect(evil.locator(".an-word").first).to_contain_text("<b>hi</b>")
    assert evil.locator(".an-words b, .an-words img, script").count() == 0
    expect(evil.get_by_label("instruction", exact=True)).to_have_value("<img src=x>")
    expect(evil.get_by_role("button", name="Write")).to_be_disabled()
    expect(evil.locator(".wb-notes")).to_contain_text("no longer loaded")


def test_it_is_copied_and_exported(lens, module_lab) -> None:
    notebook, element = lens
    element.get_by_role("button", name="Copy as Python").click()
    code = element.locator(".wb-code")
    expect(code).to_contain_text(
        "write(model, picture, 'What do you see?', how=sample(temperature=1, seed=5)"
    )
    notebook.page.keyboard.press("Escape")
    element.get_by_role("button", name="Export").click()
    typed(element.get_by_label("name of the exported files"), "my-answer")
    element.get_by_role("button", name="Save PNG + HTML + NPZ + CSV").click()
    expect(element.locator(".wb-export")).to_contain_text("my-answer.csv")
    notebook.page.keyboard.press("Escape")
    found = json.loads(
        notebook.python("print(json.dumps(sorted(p.name for p in Path('.').glob('my-answer.*'))))")
    )
    assert found == [f"my-answer.{end}" for end in ("csv", "html", "json", "npz", "png")]


@pytest.mark.parametrize("page", ["answer", "beam"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_at_most_one_screen_high_and_no_wider_than_its_cell(
    lens, module_lab, theme: str, page: str
) -> None:
    notebook, element = lens
    module_lab.theme(theme)
    notebook.python(f"lens.page = {page!r}")
    expect(element).to_have_attribute("data-page", page)
    element.scroll_into_view_if_needed()
    room = notebook.page.locator(
        ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer"
    ).bounding_box()
    box = element.bounding_box()
    assert room and box
    module_lab.screenshot(f"{page}-{theme}", of=element)
    assert box["height"] <= room["height"]
    assert element.evaluate("(one) => one.scrollWidth - one.clientWidth") <= 1
    module_lab.theme("light")


def test_after_a_restart_it_says_so(opened) -> None:
    notebook, element = opened
    notebook.restart()
    expect(element.locator(".wb-strip")).to_contain_text("The kernel was restarted")
    expect(element.get_by_role("button", name="Write")).to_be_disabled()
    expect(element.locator(".an-word").first).to_be_visible()
