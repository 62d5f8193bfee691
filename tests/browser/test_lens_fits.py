"""The lens on small screens: at most one screen high, never wider, its words beside what they move."""

from __future__ import annotations

import pytest
from lens_page import a_lens, head_at, word
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def lens(module_lab):
    """(notebook, element) of a lens that has been drawn."""
    return a_lens(module_lab)


SIZES = [(1440, 900), (1280, 720)]


def side_by_side(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("layers", "heads"), [(12, 12), (24, 16)])
def test_grids_of_usual_models_fit_one_screen(lab, size, layers, heads) -> None:
    code = f"""import numpy as np
from workbench.capture import AttentionMap, Site, TokenLayout, Trace
from widgets import show
layout = TokenLayout("image", 50, (7, 7), 1, pooling="token", pooled=0)
values = np.random.default_rng(0).dirichlet(np.ones(50), ({heads}, 50)).astype(np.float32)
maps = {{}}
for k in range({layers}):
    site = Site(f"image.{{k}}", f"blocks.{{k}}", "self", k, {heads}, layout, layout)
    maps[site.name] = AttentionMap(site, values)
lens = show(Trace(maps, picture=np.full((112, 112, 3), 200, np.uint8)))
lens"""
    notebook = lab.open([code])
    side_by_side(notebook.page, size)
    notebook.run_all()
    element = notebook.output(0).locator(".al")
    expect(element).to_have_attribute("data-site", f"image.{layers - 1}")
    measured = element.evaluate(
        "(lens) => { const body = lens.querySelector('.wb-body'), grid = lens.querySelector('.al-grid'); return {"
        "sideways: body.scrollWidth - body.clientWidth, down: body.scrollHeight - body.clientHeight,"
        "high: lens.offsetHeight, screen: parseFloat(lens.style.getPropertyValue('--wb-screen')), grid: grid.offsetWidth}; }"
    )
    assert measured["sideways"] <= 0 and measured["down"] <= 1, measured
    assert measured["high"] <= measured["screen"], measured
    assert measured["grid"] >= 8 * heads, measured
    element.locator(".al-grid").hover(position=head_at(element, layers - 2, heads - 2, heads, layers))
    expect(element.locator(".al-heads .al-caption")).to_contain_text(f"Layer {layers - 1}, head {heads - 1}:")


@pytest.mark.parametrize("size", [*SIZES, (800, 900)])
def test_the_lens_of_the_lesson_is_at_most_one_screen(lens, size) -> None:
    notebook, element = lens
    side_by_side(notebook.page, size)
    element.scroll_into_view_if_needed()
    expect(element).to_be_visible()
    notebook.page.wait_for_function(
        "() => { const lens = document.querySelector('.al'), body = lens.querySelector('.wb-body');"
        " return lens.offsetHeight <= parseFloat(lens.style.getPropertyValue('--wb-screen'))"
        " && body.scrollWidth <= body.clientWidth; }"
    )
    if size[0] > 800:
        assert element.locator(".wb-body").evaluate("(body) => body.scrollHeight - body.clientHeight") <= 1
    element.locator(".wb-body").evaluate("(body) => body.scrollTo(0, 9999)")
    star = word(element, "star")
    expect(star).to_be_in_viewport()  # the words stay beside what they move
    star.click()
    notebook.wait_until("lens.selected['token'] == 12")
