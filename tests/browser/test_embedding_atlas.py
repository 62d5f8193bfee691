"""The atlas in a real JupyterLab: hovered, lassoed, searched, slid and looked at, as a visitor does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import atlas_page
import pytest
from atlas_page import FRAMES, lassoed, picture, place_of, settled, shown, weighed
from axe_playwright_python.sync_playwright import Axe
from jupyter_page import LabPage, Notebook
from playwright.sync_api import Locator, expect

# One kernel serves the whole module: importing torch and a model again for each test would cost minutes.
SET_UP = """if "model" not in globals():
    import numpy as np
    from workbench import data, models
    from workbench.embedding import embed
    from workbench.projection import Neighbours, Projection, align, project
    from workbench.results import Embeddings
    from widgets import EmbeddingAtlas, show
    model, emoji = models.load("emoji-clip"), data.load("emoji")
    projection = project(embed(model, emoji), seed=0)
def cloud(count):
    points = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    nobody = Neighbours(np.zeros((count, 0), np.int32), np.zeros((count, 0), np.float32))
    return Projection(points, nobody, Embeddings(points, None))
"""
SHOWN = "atlas = show(projection); atlas"


@pytest.fixture(scope="module")
def page(lab_server, lab_context, request) -> Iterator[LabPage]:
    """A page on the running lab, kept for the whole module."""
    import conftest

    page = LabPage(
        lab_context, lab_server.url, conftest.TOKEN, lab_server.root, conftest.RESULTS / "embedding_atlas"
    )
    page.page.set_viewport_size({"width": 1500, "height": 1500})
    yield page
    page.close()


@pytest.fixture(scope="module")
def largest(page: LabPage) -> dict[str, int]:
    """The largest message each way over the page's websockets."""
    return weighed(page.page)


@pytest.fixture(scope="module")
def notebook(page: LabPage, largest: dict[str, int]) -> Notebook:
    opened = page.open([SET_UP, SHOWN])
    opened.run_all()
    return opened


@pytest.fixture
def atlas(page: LabPage, notebook: Notebook) -> Iterator[Locator]:
    """A fresh atlas of the emoji in the same kernel, drawn and measured."""
    yield shown(notebook, SHOWN)
    page.check()


def test_both_modalities_are_drawn_with_pictures_and_with_every_measure(page, notebook, atlas) -> None:
    expect(atlas.locator(".wb-said")).to_contain_text("1,914 pictures and 1,914 texts · torch UMAP")
    expect(atlas.locator(".atl-backend")).to_contain_text("WebGL 2")
    assert atlas.evaluate("(root) => root.querySelector('.atl-stage').stage.thumbs.length") > 50
    keys = json.loads(notebook.python("import json; print(json.dumps([row.name for row in atlas.measures]))"))
    expect(atlas.locator(".atl-measures tbody th")).to_have_text(keys)
    trust = atlas.locator(".atl-measures tr", has_text="trustworthiness")
    expect(trust).to_contain_text("chance 0.5, 3,828 points")
    expect(atlas.locator(".atl-sliders output").nth(1)).to_have_text(
        notebook.python("print(f'{atlas.temperature:.3g}')")
    )
    page.screenshot("first", of=atlas)


def test_hovering_shows_the_picture_its_text_and_its_true_neighbours(page, notebook, atlas) -> None:
    row = int(notebook.python("print(emoji.texts.index('cat face'))"))
    notebook.page.mouse.move(*place_of(atlas, row))
    tip = atlas.locator(".atl-tip")
    expect(tip).to_contain_text("cat face")
    expect(tip).to_contain_text("of 15 neighbours kept")
    expect(tip.locator("img")).to_be_visible()
    page.screenshot("hover", of=atlas)
    assert notebook.python("print(atlas.focus)") == "-1"


def test_a_click_keeps_the_point_and_lists_what_is_nearest_with_its_own_pair(page, notebook, atlas) -> None:
    row = int(notebook.python("print(emoji.texts.index('cat face'))"))
    notebook.page.mouse.click(*place_of(atlas, row))
    notebook.wait_until(f"atlas.focus == {row} and atlas.selected.tolist() == [{row}]")
    atlas.get_by_label("what to list").select_option("texts")
    expect(atlas.locator(".atl-found-title")).to_contain_text("its own pair stands at rank")
    expect(atlas.locator(".atl-gallery li")).to_have_count(24)
    expect(atlas.locator(".atl-gallery li", has_text="✓").first).to_contain_text("cat face")
    page.screenshot("clicked", of=atlas)
    atlas.locator(".atl-near button").nth(2).click()
    notebook.wait_until(f"atlas.focus == int(projection.neighbours.index[{row}, 2])")


def test_a_lasso_reaches_python_as_items_and_the_measures_follow(page, notebook, atlas) -> None:
    box, mouse = atlas.locator(".atl-over").bounding_box(), notebook.page.mouse
    notebook.page.keyboard.down("Shift")
    for step, (x, y) in enumerate([(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3)]):
        mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if step == 0:
            mouse.down()
    mouse.up()
    notebook.page.keyboard.up("Shift")
    notebook.wait_until("len(atlas.selected) > 20 and atlas.wait(0)", seconds=60)
    assert notebook.python("print(len(emoji[atlas.selected]) == len(atlas.selected))") == "True"
    # Exactly the points whose place on the screen lies in the rectangle.
    inside = atlas.evaluate(
        """(root) => {
            const { stage } = root.querySelector(".atl-stage"), { width, height } = stage.size;
            const found = [];
            for (let row = 0; row < stage.points.length / 2; row++) {
                const [x, y] = stage.view.toScreen(stage.points[2 * row], stage.points[2 * row + 1]);
                if (x > 0.305 * width && x < 0.695 * width && y > 0.305 * height && y < 0.695 * height) found.push(row);
            }
            return found;
        }"""
    )
    assert notebook.python(f"print(set({inside}) <= set(atlas.selected_rows.tolist()))") == "True"
    expect(atlas.locator(".atl-measures thead")).to_contain_text("points")
    page.screenshot("lasso", of=atlas)


def test_corners_that_a_slow_frame_held_back_are_part_of_the_lasso(notebook, atlas) -> None:
    least, most = atlas_page.lassoed_at_once(notebook, atlas)
    notebook.wait_until(f"1000 < {least} <= len(atlas.selected_rows) <= {most}")


def test_what_python_selects_is_lit_and_links_of_it_are_drawn(page, notebook, atlas) -> None:
    notebook.python("atlas.selected = [3, 14, 15]; atlas.links = 'selection'")
    lit = "(root) => [...root.querySelector('.atl-stage').stage.ends]"
    notebook.page.wait_for_function("() => document.querySelector('.atl .atl-stage').stage.ends.length === 6")
    assert atlas.evaluate(lit) == [3, 1917, 14, 1928, 15, 1929]
    notebook.python("atlas.selected = np.arange(len(emoji)) % 2 == 0")
    notebook.wait_until("len(atlas.selected) == 957 and atlas.selected_rows[-1] == 3826")
    atlas.get_by_label("pair links").select_option("worst")
    notebook.wait_until("atlas.links == 'worst'")
    notebook.page.wait_for_function(
        "() => document.querySelector('.atl .atl-stage').stage.ends.length === 800"
    )
    page.screenshot("worst", of=atlas)


def test_a_sentence_and_a_picture_are_placed_with_their_true_neighbours(page, notebook, atlas) -> None:
    search = atlas.get_by_label("search by text")
    search.press_sequentially("cat face")
    notebook.wait_until("atlas.found is not None and atlas.found.said == 'cat face'", seconds=60)
    expect(atlas.locator(".atl-found-title")).to_contain_text("pictures nearest to “cat face”")
    expect(atlas.locator(".atl-found-title")).to_contain_text("recall@10 is")
    expect(atlas.locator(".atl-gallery li").first).to_contain_text("cat")
    page.screenshot("sentence", of=atlas)
    row = notebook.python("print(emoji.texts.index('cat face'))")
    search.press("ControlOrMeta+A")
    search.press_sequentially(f"#{row} + a heart")
    notebook.wait_until(f"atlas.found.said == '#{row} + a heart'", seconds=60)
    atlas.locator("input[type=file]").set_input_files(
        {"name": "<b>mine</b>.png", "mimeType": "image/png", "buffer": picture()}
    )
    notebook.wait_until("atlas.found.said == '<b>mine</b>.png'", seconds=60)
    expect(atlas.locator(".atl-found-title")).to_contain_text("“<b>mine</b>.png”")


def test_an_impossible_wish_is_answered_on_the_atlas_and_nothing_is_lost(notebook, atlas) -> None:
    search = atlas.get_by_label("search by text")
    search.press_sequentially("#99999")
    expect(atlas.get_by_role("alert")).to_contain_text("Point #99999 was asked for; the map has 3828")
    search.press("ControlOrMeta+A")
    search.press("Delete")
    expect(atlas.get_by_role("alert")).to_be_hidden()
    atlas.locator("input[type=file]").set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"}
    )
    expect(atlas.get_by_role("alert")).to_contain_text("notes.txt cannot be used: it is text/plain")


def test_sliders_move_the_map_and_the_figures(page, notebook, atlas) -> None:
    gap = "[row.value for row in atlas.measures if row.key == 'gap'][0]"
    before = float(notebook.python(f"print({gap})"))
    for _ in range(5):
        atlas.get_by_label("Gap closed by λ").press("PageUp")  # a tenth of its way, 0.2
    notebook.wait_until(
        "atlas.projection.shift == 1 and atlas.wait(0) and len(atlas.measures) > 10", seconds=90
    )
    assert float(notebook.python(f"print({gap})")) < 0.02 < before
    settled(atlas)
    page.screenshot("gap closed", of=atlas)
    slider = atlas.get_by_label("Temperature τ")  # logarithmic, from the temperature that the model learned
    while float(slider.input_value()) < -1:
        slider.press("ArrowRight")
    notebook.wait_until("atlas.temperature == 0.1 and atlas.wait(0)", seconds=60)
    expect(atlas.locator(".atl-measures")).to_contain_text("contrastive loss at 0.1")


def test_other_seeds_are_drawn_at_the_press_of_a_button_and_their_agreement_is_shown(notebook, atlas) -> None:
    again = atlas.get_by_role("button", name="Stability over 2 more seeds")
    again.click()
    expect(atlas.locator(".atl-measures")).to_contain_text("stability over seeds", timeout=120_000)
    expect(again).to_be_hidden()
    shown = notebook.python("print([row.shown for row in atlas.measures if row.key == 'stability'][0])")
    expect(atlas.locator(".atl-measures tr", has_text="stability over seeds")).to_contain_text(
        shown.replace("%", " %")
    )
    atlas.get_by_label("colour by").select_option("stability")
    expect(atlas.locator(".atl-ramp")).to_contain_text("stability")


def test_a_filter_dims_and_a_figure_colours(page, notebook, atlas) -> None:
    atlas.get_by_role("button", name=re.compile("^Flags")).click()
    notebook.wait_until("atlas.labels == ['Flags']")
    atlas.get_by_role("button", name="Select these").first.click()
    notebook.wait_until("set(emoji.labels[i] for i in atlas.selected) == {'Flags'}")
    atlas.get_by_role("button", name="Show all").click()
    notebook.python("atlas.selected = []")
    atlas.get_by_label("colour by").select_option("preservation")
    expect(atlas.locator(".atl-ramp")).to_contain_text("kNN preservation")
    settled(atlas)
    page.screenshot("preservation", of=atlas)


def test_everything_can_be_done_from_the_keyboard(notebook, atlas) -> None:
    atlas.locator(".atl-over").focus()
    press = notebook.page.keyboard.press
    press("n")
    notebook.wait_until("atlas.focus >= 0")
    first = notebook.python("print(atlas.focus)")
    notebook.page.wait_for_function("() => document.querySelectorAll('.atl .atl-near button').length > 3")
    press("n")
    notebook.wait_until(f"atlas.focus == int(projection.neighbours.index[{first}, 0])")
    press("Enter")
    notebook.wait_until("atlas.selected_rows.tolist() == [atlas.focus]")
    press("l")
    notebook.wait_until("atlas.tool == 'lasso'")
    camera = "(root) => ({ ...root.querySelector('.atl-stage').stage.camera })"
    before = atlas.evaluate(camera)
    press("+")
    press("ArrowRight")
    after = atlas.evaluate(camera)
    assert after["zoom"] > before["zoom"] and after["x"] > before["x"]
    press("Escape")
    notebook.wait_until("len(atlas.selected) == 0")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_atlas_has_no_serious_accessibility_fault_in_either_theme(page, atlas, theme) -> None:
    page.theme(theme)
    settled(atlas)
    page.screenshot(theme, of=atlas)
    found = Axe().run(page.page, context=".atl").response["violations"]
    page.theme("light")
    serious = {
        rule["id"]: rule["nodes"][0]["html"] for rule in found if rule["impact"] in ("serious", "critical")
    }
    assert not serious


def test_the_code_of_the_atlas_is_copied_and_runs(notebook, atlas) -> None:
    notebook.python("atlas.selected = [1, 2]; atlas.colour = 'modality'")
    atlas.get_by_role("button", name="Copy as Python").click()
    expect(atlas.get_by_role("button", name=re.compile("Copied|Ctrl"))).to_be_visible()
    code = atlas.get_by_label("Python code of this atlas").inner_text()
    notebook.python(
        f"old = projection\n{code}\nsame = np.abs(old.points - projection.points).max()\nprojection = old"
    )
    assert notebook.python("print(same < 1e-4, atlas.selected.tolist(), atlas.colour)") == (
        "True [1, 2] modality"
    )


def test_without_webgl_the_same_map_is_drawn_and_the_screen_says_so(page, notebook) -> None:
    page.page.evaluate(
        """() => {
            window.kept = HTMLCanvasElement.prototype.getContext;
            HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
                return kind.startsWith("webgl") ? null : window.kept.call(this, kind, ...more);
            };
        }"""
    )
    try:
        element = shown(notebook, SHOWN)
        expect(element.locator(".atl-backend")).to_contain_text(
            "canvas 2D · no WebGL on a graphics processor"
        )
        inked = """(root) => {
            const canvas = root.querySelector(".atl-points");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let inked = 0;
            for (let at = 3; at < data.length; at += 4) inked += data[at] > 0;
            return inked;
        }"""
        assert element.evaluate(inked) > 3000
        page.screenshot("no webgl", of=element)
    finally:
        page.page.evaluate("() => { HTMLCanvasElement.prototype.getContext = window.kept; }")
    page.check()


def test_two_atlases_share_selection_camera_and_colour(page, notebook) -> None:
    code = (
        "pair = show(align(projection, project(projection.embeddings, method='pca', seed=0)))\n"
        "atlas = pair.first; pair"
    )
    element = shown(notebook, code)
    notebook.wait_until("pair.wait(0)", seconds=120)
    both = notebook.output(1).locator(".atl")
    expect(both).to_have_count(2)
    notebook.python("pair.selected = [5, 6]")
    notebook.wait_until("pair.second.selected.tolist() == [5, 6]")
    element.locator(".atl-over").focus()
    notebook.page.keyboard.press("+")
    zoom = "(root) => root.querySelector('.atl-stage').stage.camera.zoom"
    notebook.page.wait_for_function(
        "() => [...document.querySelectorAll('.atl .atl-stage')].every((one) => one.stage.camera.zoom > 1.4)"
    )
    assert both.nth(1).evaluate(zoom) == pytest.approx(element.evaluate(zoom))
    expect(both.nth(1).locator(".atl-ramp")).to_contain_text("change on the map")
    page.screenshot("pair", of=notebook.output(1))
    page.check()


def test_a_slider_walks_over_maps_of_the_same_points(page, notebook) -> None:
    code = (
        "maps = [projection, project(projection.embeddings, method='pca', seed=0)]\n"
        "atlas = show(maps, names=['neighbourhoods', 'directions']); atlas"
    )
    element = shown(notebook, code)
    layer = element.locator(".atl-sliders output").last
    expect(layer).to_have_text("neighbourhoods")
    element.get_by_label("Layer").press("ArrowRight")
    notebook.wait_until(
        "atlas.projection is maps[1] and atlas.wait(0) and len(atlas.measures) > 10", seconds=60
    )
    expect(layer).to_have_text("directions")
    expect(element.locator(".wb-said")).to_contain_text("PCA", timeout=30_000)
    settled(element)
    page.screenshot("layers", of=element)
    page.check()


@pytest.mark.parametrize("count", [100_000, 1_000_000])
def test_many_points_arrive_in_small_messages_and_a_lasso_goes_back_as_a_bitmask(
    page, notebook, largest, count
) -> None:
    largest |= {"received": 0, "sent": 0}
    element = shown(notebook, f"atlas = show(cloud({count})); atlas")
    notebook.page.wait_for_function(
        f"() => document.querySelector('.atl .atl-stage').stage.points.length === {2 * count}", timeout=60_000
    )
    settled(element)
    element.evaluate(
        """(root) => {
            const { stage } = root.querySelector(".atl-stage");
            const every = Uint8Array.from({ length: Math.ceil(stage.points.length / 16) }, () => 0b01010101);
            stage.hand.choose(every, "replace");
        }"""
    )
    notebook.wait_until(f"len(atlas.selected) == {count // 2}", seconds=60)
    assert int(notebook.python("print(len(atlas._mask))")) == count // 8
    most = "max(len(part) for name, entry in atlas._data.items() for _, part in atlas.arrays.parts(name, entry['version']))"
    assert int(notebook.python(f"print({most})")) <= 4_000_000
    page.screenshot(f"{count} points", of=element)
    least, most = lassoed(notebook, element)
    notebook.wait_until(f"{least} <= len(atlas.selected) <= {most}", seconds=60)
    assert 0.005 * count < least < most < 0.5 * count
    median, slow, drawn, renderer = element.evaluate(FRAMES)
    found = {"ms a frame": [median, slow], "drawn while moving": drawn, "by": renderer, "bytes": largest}
    page.screenshot(f"{count} points lassoed", of=element).with_suffix(".json").write_text(json.dumps(found))
    assert 0 < median <= slow  # a figure to read beside the picture; how fast it must be, the bench says
    # What really crossed the websocket: the map in parts, the selection in a bit a point (and its frame).
    assert 1_000 < largest["sent"] < count // 8 + 20_000
    assert largest["received"] < 4_100_000
    page.check()


def test_closing_the_page_and_opening_it_again_brings_the_atlas_back(page, notebook, atlas) -> None:
    notebook.python("atlas.selected = [8]; atlas.colour = 'modality'")
    notebook.save()
    again = page.open(notebook.path, page=page.new_page())
    element = again.output(1).locator(".atl")
    settled(element)
    expect(element.get_by_label("colour by")).to_have_value("modality")
    assert element.evaluate("(root) => root.querySelector('.atl-stage').stage.points.length") == 2 * 3828
    again.page.close()
