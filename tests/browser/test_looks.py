"""What the widgets look like at three sizes and in two themes, beside pictures that somebody looked at.

`make looks` takes the kept pictures anew, `make pictures` the README's; look at them before they are committed.
"""

from __future__ import annotations

from pathlib import Path

import conftest
import five_widgets as five
import looks
import pytest
from jupyter_page import LabPage, Notebook
from PIL import Image, ImageDraw, ImageFilter

KEPT = Path(__file__).parent / "looks"
KEPT_MB = 2.5
DOCS = conftest.TESTS.parent / "docs"


@pytest.fixture(scope="module")
def notebook(module_lab: LabPage) -> Notebook:
    """Each widget is opened once, then resized and recoloured."""
    return five.opened(module_lab)


@pytest.mark.parametrize("theme", five.THEMES)
@pytest.mark.parametrize("size", five.SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_each_widget_looks_as_it_did_and_as_the_readme_shows_it(module_lab, notebook, size, theme):
    five.resized(module_lab, *size)
    module_lab.theme(theme)
    wrong = {}
    conftest.RESULTS.joinpath("looks").mkdir(parents=True, exist_ok=True)
    for name in five.WIDGETS:
        picture = five.visible_part(notebook, name)
        kept = KEPT / looks.name_of(name, size, theme)
        picture.save(conftest.RESULTS / "looks" / f"{kept.stem}.png")
        wrong[kept.name] = difference(picture, kept, "make looks")
        if (size, theme) == (five.SIZES[0], five.THEMES[0]) and name in five.PICTURES:
            name = five.PICTURES[name]
            wrong[name] = difference(picture, DOCS / name, "make pictures")
    wrong = {name: said for name, said in wrong.items() if said}
    assert not wrong, f"the screens as they are now lie in test-results/looks: {wrong}"


def difference(picture: Image.Image, kept: Path, how: str) -> str:
    """What is wrong between a screen and a kept one, at whichever scale it is kept; "" if nothing is."""
    if not kept.is_file():
        return f"there is no kept picture: run `{how}`, and look at it"
    with Image.open(kept) as opened:
        before = opened.convert("RGB") if kept.parent == KEPT else looks.small(opened)
    said = looks.compare(looks.small(picture), before).wrong
    return said and f"{said}; if this is meant: `{how}`, and look at it"


@pytest.mark.parametrize("size", five.SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_each_widget_is_at_most_one_screen_high(module_lab, notebook, size):
    five.resized(module_lab, *size)
    room = module_lab.page.locator(five.AREA).bounding_box()["height"]
    heights = {}
    for name in five.WIDGETS:
        element = five.shown(notebook, name)
        five.settled(element)
        heights[name] = round(element.bounding_box()["height"])
    assert {name: height for name, height in heights.items() if height > room} == {}, (
        f"a screen is {room} high"
    )


@pytest.mark.parametrize("size", five.SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_nothing_has_to_be_scrolled_sideways(module_lab, notebook, size):
    five.resized(module_lab, *size)
    for name in five.WIDGETS:
        element = five.shown(notebook, name)
        five.settled(element)
        wider = element.evaluate(
            """(element) => { const wide = (e) => e.scrollWidth - e.clientWidth;
                const outer = element.closest(".jp-WindowedPanel-outer");
                return [outer, element, element.closest(".jp-OutputArea")].map(wide).filter((more) => more > 1); }"""
        )
        assert not wider, f"{name} sticks out by {wider} pixels"


def test_the_kept_pictures_are_small_and_of_widgets_that_are_there():
    named = {
        looks.name_of(name, size, theme)
        for name in five.WIDGETS
        for size in five.SIZES
        for theme in five.THEMES
    }
    there = {path.name for path in KEPT.iterdir()} if KEPT.is_dir() else set()
    assert there == named
    assert sum(path.stat().st_size for path in KEPT.iterdir()) < KEPT_MB * 1e6


# ---- the comparison itself: what it lets pass and what it does not

BLUE, ORANGE, INK, PALE = (47, 111, 190), (214, 122, 42), (33, 33, 33), (224, 224, 224)


def screen(
    *, ink=INK, lower=0, bars=BLUE, panel=True, sliver=True, ground=(255, 255, 255), wide=900
) -> Image.Image:
    """A board: words on the left, a chart with bars, a panel with a table."""
    picture = Image.new("RGB", (wide, 600), ground)
    draw = ImageDraw.Draw(picture)
    for line in range(12):
        draw.text((20, 20 + 22 * line + lower), f"a label number {line}   0.2{line:02}", fill=ink)
    for bar in range(7):
        draw.rectangle((300, 40 + 30 * bar, 420 + 40 * bar, 52 + 30 * bar), fill=bars)
    if panel:
        draw.rectangle((300, 300, 860, 560), outline=PALE, width=2)
        for line in range(9):
            draw.text(
                (320, 320 + 24 * line + lower),
                f"template {line}: a photo of a {{}}    margin 0.0{line}",
                fill=ink,
            )
    if sliver:
        draw.rectangle((20, 400, 200, 406), fill=ORANGE)
    return picture


@pytest.mark.parametrize(
    "harmless",
    [
        screen(),
        screen(lower=1),
        screen(lower=-1),
        screen(ink=(60, 60, 60)),
        screen().filter(ImageFilter.GaussianBlur(0.6)),
        Image.eval(screen(), lambda value: min(255, value + 3)),
    ],
    ids=["the same", "text a pixel lower", "higher", "paler letters", "softer letters", "another gamma"],
)
def test_what_fonts_do_passes(harmless):
    assert looks.compare(looks.small(harmless), looks.small(screen())).wrong == ""


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (screen(panel=False), "detail"),
        (screen(bars=ORANGE), "colour"),
        (screen(sliver=False), "colour"),
        (screen(ground=(17, 17, 17)), "the whole"),
        (screen(wide=880), "pixels"),
    ],
    ids=["a hidden panel", "a swapped colour", "a bar is gone", "the wrong theme", "another width"],
)  # fmt: skip
def test_what_a_fault_does_is_seen_and_placed(fault, says):
    assert says in looks.compare(looks.small(fault), looks.small(screen())).wrong


def test_a_picture_survives_being_kept(tmp_path):
    looks.keep(screen(), tmp_path / "screen.webp")
    assert looks.compare(looks.small(screen()), Image.open(tmp_path / "screen.webp")).wrong == ""
