"""The atlas as one uses it: on small screens, with wheel, lasso, legend and real keys, and taken along."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from atlas_page import lassoed, place_of, settled, shown
from jupyter_page import LabPage, Notebook
from PIL import Image
from playwright.sync_api import Locator, expect

SET_UP = """from workbench import data, models
from workbench.embedding import embed
from workbench.projection import project
from widgets import show
model, emoji = models.load("emoji-clip"), data.load("emoji")
projection = project(embed(model, emoji), method="pca", seed=0)
"""
SHOWN = "atlas = show(projection); atlas"
SIZES = [(1440, 900), (1280, 720)]


@pytest.fixture(scope="module")
def heard(module_lab: LabPage) -> list[str]:
    """Every line of the console."""
    lines: list[str] = []
    module_lab.page.on("console", lambda message: lines.append(message.text))
    return lines


@pytest.fixture(scope="module")
def notebook(module_lab: LabPage, heard: list[str]) -> Notebook:
    module_lab.page.set_viewport_size({"width": 1440, "height": 900})
    opened = module_lab.open([SET_UP, SHOWN, "1\n" * 60])
    opened.run_all()
    return opened


@pytest.fixture
def atlas(notebook: Notebook) -> Iterator[Locator]:
    element = shown(notebook, SHOWN)
    yield element
    notebook.page.set_viewport_size({"width": 1440, "height": 900})


def middle(element: Locator) -> tuple[float, float]:
    box = element.locator(".atl-over").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def zoom(element: Locator) -> float:
    return element.evaluate("(root) => root.querySelector('.atl-stage').stage.camera.zoom")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_board_fits_one_screen_with_map_sliders_and_list(
    module_lab, notebook, atlas, width, height
) -> None:
    notebook.page.set_viewport_size({"width": width, "height": height})
    panel = notebook.page.locator(".jp-WindowedPanel-outer").first
    expect(notebook.page.locator(".jp-DirListing").first).to_be_visible()  # the file browser is open
    lassoed(notebook, atlas)
    notebook.wait_until("len(atlas.selected) and atlas.wait(0)", seconds=60)
    atlas.evaluate("(root) => root.scrollIntoView({ block: 'start' })")
    settled(atlas)
    board, room = atlas.bounding_box(), panel.bounding_box()
    assert board["height"] <= room["height"] and board["width"] <= room["width"]
    bottom = board["y"] + board["height"]
    parts = [".atl-stage", ".atl-gallery", ".atl-labels"]
    seen = [atlas.locator(part).bounding_box() for part in parts]
    seen += [atlas.get_by_label(name).bounding_box() for name in ("Gap closed by λ", "Temperature τ")]
    assert all(box["y"] >= board["y"] and box["y"] + box["height"] <= bottom + 1 for box in seen)
    assert seen[0]["height"] > 0.4 * board["height"] and seen[0]["width"] > 0.5 * board["width"]
    module_lab.screenshot(f"{width}")


def test_a_narrow_board_reflows(module_lab, notebook, atlas) -> None:
    notebook.page.set_viewport_size({"width": 800, "height": 900})
    settled(atlas)
    body = atlas.locator(".wb-body")
    assert body.evaluate(
        "(one) => one.scrollWidth <= one.clientWidth + 1 && one.scrollHeight > one.clientHeight"
    )
    assert atlas.locator(".atl-stage").bounding_box()["width"] > 0.85 * atlas.bounding_box()["width"]
    assert atlas.locator(".atl-side").bounding_box()["y"] > atlas.locator(".atl-stage").bounding_box()["y"]
    module_lab.screenshot("800")


def test_a_lasso_shows_what_it_took_page_by_page_and_clears(module_lab, notebook, atlas) -> None:
    notebook.python("atlas.focus = 7")
    expect(atlas.locator(".atl-found-title")).to_contain_text("pictures nearest to")
    lassoed(notebook, atlas, half=0.4)  # wide enough for pictures and their texts on both sides of the gap
    notebook.wait_until(
        "len(atlas.selected) > 24 and atlas.gallery == 'selection' and atlas.wait(0)", seconds=60
    )
    pairs, points = notebook.python("print(len(atlas.selected), len(atlas.selected_rows))").split()
    assert int(points) > int(pairs)
    words = f"{int(pairs):,} pairs ({int(points):,} points) selected"
    expect(atlas.locator(".atl-found-title")).to_have_text(words)
    expect(atlas.locator(".atl-selection")).to_contain_text(words)
    expect(atlas.locator(".atl-gallery li")).to_have_count(24)
    page = atlas.get_by_label("page", exact=True)
    page.press("ControlOrMeta+A")
    page.press_sequentially("2")
    page.press("Enter")
    first = int(notebook.python("print(atlas.selected_rows[24])"))
    expect(atlas.locator(".atl-gallery button").first).to_have_attribute("data-point", str(first))
    expect(atlas.locator(".atl-gallery button").first).to_contain_text("25.")
    atlas.get_by_label("hide the rest").check()
    notebook.wait_until("atlas.only")
    settled(atlas)
    others = """(root) => { const { stage } = root.querySelector(".atl-stage");
        return stage.thumbs.filter((one) => !stage.visible(one.id)).length; }"""
    assert atlas.evaluate(others) == 0
    module_lab.screenshot("only the selection", of=atlas)
    atlas.get_by_role("button", name="Clear").click()
    notebook.wait_until("len(atlas.selected) == 0 and atlas.gallery == 'pictures'")
    expect(atlas.locator(".atl-selection")).to_be_hidden()
    expect(atlas.locator(".atl-found-title")).to_contain_text("pictures nearest to")


def test_the_wheel_is_the_pages_until_the_map_is_clicked(module_lab, notebook, atlas) -> None:
    mouse = notebook.page.mouse
    top = "() => document.querySelector('.jp-WindowedPanel-outer').scrollTop"
    mouse.move(*middle(atlas))
    before = notebook.page.evaluate(top)
    mouse.wheel(0, 60)
    notebook.page.wait_for_function(f"(before) => ({top})() > before", arg=before)
    assert zoom(atlas) == 1
    expect(atlas.locator(".atl-hint")).to_contain_text("with the wheel zooms the map")
    module_lab.screenshot("hint")
    expect(atlas.locator(".atl-hint")).to_be_hidden()
    before = notebook.page.evaluate(top)
    notebook.page.keyboard.down("Control")
    mouse.wheel(0, -120)
    notebook.page.keyboard.up("Control")
    notebook.page.wait_for_function("() => document.querySelector('.atl .atl-stage').stage.camera.zoom > 1.1")
    notebook.wait_until("len(atlas.camera) == 3 and atlas.camera[2] > 1.1")
    zoomed = zoom(atlas)
    mouse.click(*middle(atlas))
    mouse.wheel(0, -120)
    notebook.page.wait_for_function(
        "(before) => document.querySelector('.atl .atl-stage').stage.camera.zoom > before", arg=zoomed
    )
    assert notebook.page.evaluate(top) == before
    notebook.python("atlas.camera = []; atlas.wheel = 'always'")
    expect(atlas.get_by_label("wheel zooms")).to_be_checked()
    assert zoom(atlas) == 1, "the camera of the kernel is followed"


def test_the_card_at_the_pointer_is_small_and_goes_when_the_map_moves(notebook, atlas) -> None:
    notebook.page.mouse.move(*place_of(atlas, 7))
    tip = atlas.locator(".atl-tip")
    expect(tip).to_contain_text(notebook.python("print(emoji.texts[7])"))
    box, stage = tip.bounding_box(), atlas.locator(".atl-stage").bounding_box()
    assert box["width"] * box["height"] < 0.1 * stage["width"] * stage["height"]
    notebook.page.keyboard.down("Control")
    notebook.page.mouse.wheel(0, 120)
    notebook.page.keyboard.up("Control")
    expect(tip).to_be_hidden()


def test_entries_of_the_legend_filter_and_say_so(notebook, atlas) -> None:
    legend = atlas.locator(".atl-labels")
    expect(legend.locator(".atl-swatch[data-shape=diamond]")).to_have_count(1)
    expect(legend).to_contain_text(re.compile(r"pictures 1,914\s*texts 1,914"))
    legend.get_by_role("button", name=re.compile("^Flags")).click()
    notebook.wait_until("atlas.labels == ['Flags']")
    legend.get_by_role("button", name=re.compile("^pictures")).press("Enter")
    notebook.wait_until("atlas.kinds == ['picture']")
    expect(legend).to_contain_text("only Flags, pictures")
    expect(legend.get_by_role("button", name=re.compile("^Flags"))).to_have_attribute("aria-pressed", "true")
    lit = """(root) => { const { stage } = root.querySelector(".atl-stage");
        return [...stage.filter].flatMap((mark, row) => (mark ? [] : [row])); }"""
    flags = "[i for i, label in enumerate(emoji.labels) if label == 'Flags']"
    notebook.page.wait_for_function("() => document.querySelector('.atl .atl-stage').stage.filter?.[0] === 2")
    assert notebook.python(f"print({atlas.evaluate(lit)} == {flags})") == "True"
    legend.get_by_role("button", name="Show all").click()
    notebook.wait_until("atlas.labels == [] == atlas.kinds")
    notebook.page.wait_for_function("() => !document.querySelector('.atl .atl-stage').stage.filter")


def test_keys_stay_in_the_fields_of_the_atlas(notebook, atlas) -> None:
    cells = notebook.page.locator(".jp-Cell").count()
    search = atlas.get_by_label("search by text")
    search.press_sequentially("dog ddxx")
    search.press("ControlOrMeta+Z")
    expect(search).not_to_have_value("dog ddxx")
    search.press("ControlOrMeta+A")
    search.press_sequentially("a red heart")
    search.press("Shift+Enter")
    search.press("Enter")
    notebook.wait_until("atlas.query == 'a red heart' and atlas.wait(0)", seconds=60)
    expect(search).to_have_value("a red heart")
    search.press("Escape")
    assert notebook.page.locator(".jp-Cell").count() == cells
    atlas.locator(".atl-over").focus()
    notebook.page.keyboard.press("Escape")  # nothing is selected: back to the notebook
    expect(notebook.cell(1)).to_be_focused()


def test_export_saves_the_view_twice_as_large_and_a_page_that_can_be_explored(
    module_lab, notebook, atlas
) -> None:
    notebook.python("atlas.labels = ['Flags']; atlas.selected_rows = [3, 4, 1917]")
    settled(atlas)
    atlas.get_by_role("button", name="Export").click()
    name = atlas.get_by_label("name of the exported files")
    name.press("ControlOrMeta+A")
    name.press_sequentially("kept map")
    atlas.get_by_role("button", name=re.compile("^Save PNG")).click()
    expect(atlas.locator(".wb-export")).to_contain_text("saved kept map.html", timeout=60_000)
    root = module_lab.root
    picture = Image.open(io.BytesIO((root / "kept map.png").read_bytes()))
    box = atlas.bounding_box()
    assert abs(picture.width - 2 * box["width"]) <= 4
    assert len({picture.getpixel((x, y)) for x in range(40, 1200, 7) for y in range(200, 900, 7)}) > 50
    with notebook.page.expect_download() as offered:
        atlas.get_by_role("button", name="Download HTML").click()
    assert 'class="atlas"' in offered.value.path().read_text("utf-8")
    (root / "kept map.png").replace(module_lab.screenshot("exported"))
    context = module_lab.context.browser.new_context(viewport={"width": 1200, "height": 800})
    saved = context.new_page()
    faults: list[str] = []
    saved.on("pageerror", lambda error: faults.append(str(error)))
    saved.goto((root / "kept map.html").as_uri())
    element = saved.locator(".atl")
    expect(element.locator(".atl-selection")).to_contain_text("2 pairs (3 points) selected")
    expect(element.locator(".atl-gallery li")).to_have_count(3)
    expect(element.get_by_role("button", name=re.compile("Stability|^Save|Select these"))).to_have_count(0)
    expect(element.get_by_label("search by text")).to_be_disabled()
    element.get_by_role("button", name="Clear").click()
    element.get_by_role("button", name="Show all").click()
    element.get_by_role("button", name=re.compile("^Objects")).click()
    objects = notebook.python("print(2 * emoji.labels.count('Objects'))")
    left = "() => document.querySelector('.atl-stage').stage.filter?.filter((mark) => !mark).length"
    saved.wait_for_function(f"{left[6:]} === {objects}")
    settled(element)
    saved.screenshot(path=module_lab.screenshot("saved page"))
    assert not faults
    context.close()


def test_nothing_in_the_console_is_deprecated(heard, atlas) -> None:
    assert not [line for line in heard if "Direct export of a 'render'" in line]


def test_the_saved_page_can_be_explored_without_a_kernel(module_lab, notebook, atlas, tmp_path) -> None:
    file = tmp_path / "map.html"
    notebook.python(f"atlas.export({str(file)!r}, title='<i>emoji</i>')")
    context = module_lab.context.browser.new_context()
    saved = context.new_page()
    saved.goto(file.as_uri())
    element = saved.locator(".atl")
    expect(element.locator(".wb-said")).to_contain_text("1,914 pictures and 1,914 texts")
    settled(element)
    saved.mouse.click(*place_of(element, 7))
    expect(element.locator(".atl-card")).to_contain_text(notebook.python("print(emoji.texts[7])"))
    assert saved.title() == "<i>emoji</i>"
    # The page is its own kernel: it cuts the card's pictures out of the sheet it carries.
    expect(element.locator(".atl-card img")).to_be_visible()
    strip = element.locator(".atl-side .atl-mini").first.evaluate("(one) => one.style.backgroundImage")
    assert strip.startswith('url("blob:')
    expect(element.locator(".atl-side .atl-near li")).to_have_count(8)
    saved.screenshot(path=module_lab.screenshot("explored"))
    context.close()
