"""What can be taken from an atlas: snapshot, page, table, code; each of a finished map as it stands."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes import FakeEncoder, colour_pairs
from widgets import AtlasPair, EmbeddingAtlas, show
from widgets.atlas.cards import without_paper
from widgets.atlas.computing import share_of
from widgets.atlas.drawing import Dots, draw_map
from widgets.atlas.selection import as_text, from_text
from widgets.still import still_html
from workbench import data, models
from workbench.embedding import embed, forget
from workbench.errors import BadInputError
from workbench.projection import Projection, align, project, project_layers
from workbench.results import Event

COLOURS = ("red", "green", "blue", "red", "green")  # five pairs: ten rows


@pytest.fixture
def encoder() -> FakeEncoder:
    forget()
    return FakeEncoder()


@pytest.fixture
def projection(encoder: FakeEncoder) -> Projection:
    """Five pictures on a line, their five texts on a line above it."""
    space = replace(embed(encoder, colour_pairs(COLOURS)), labels=COLOURS)
    points = [(x, y) for y in (0, 1) for x in range(5)]
    return Projection.from_points(points, embeddings=space, k=3)


@pytest.fixture
def atlas(projection: Projection) -> Iterator[EmbeddingAtlas]:
    atlas = show(projection)
    assert atlas.wait(20)
    yield atlas
    assert atlas.wait(20)


def png(colour: tuple[int, int, int] = (0, 0, 255)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 6), colour).save(out, "PNG")
    return out.getvalue()


def run(code: str) -> EmbeddingAtlas | AtlasPair:
    """What copied code shows."""
    names: dict = {}
    exec(compile(code, "copied", "exec"), names)  # the code under test
    shown = names["pair"] if "pair" in names else names["atlas"]
    assert shown.wait(60)
    return shown


def test_the_snapshot_is_labelled_and_holds_the_numbers(atlas, tmp_path: Path) -> None:
    atlas.selected = [1]
    assert atlas.wait(20)
    found = atlas.snapshot(title="<script>x</script>", width=500, height=400)
    assert Image.open(io.BytesIO(found.png)).size == (1000, 800)
    assert "<script>" not in found.html and "kNN preservation" in found.html
    assert found.arrays["selected"].tolist() == [1]
    assert found.provenance["measures"] and found.provenance["settings"]["coloured by"] == "label"
    assert [file.suffix for file in found.save(tmp_path / "map")] == [
        ".html",
        ".png",
        ".npz",
        ".json",
        ".csv",
    ]


@pytest.mark.parametrize(
    "text", ["a <!-- b", "</script><script>alert(1)</script>", "<!-- <script>", "]]> &lt;"]
)
def test_a_page_keeps_every_caption_as_data(encoder: FakeEncoder, tmp_path: Path, text: str) -> None:
    pairs = colour_pairs(COLOURS).with_texts([text, *COLOURS[1:]])
    atlas = show(
        Projection.from_points(
            [(x, y) for y in (0, 1) for x in range(5)], embeddings=embed(encoder, pairs), k=3
        )
    )
    assert atlas.wait(20)
    page = Path(atlas.export(tmp_path / "page")).read_text("utf-8")
    held = re.findall(r'<script type="application/json" class="atlas" id="atlas">(.*?)</script>', page, re.S)
    assert len(held) == 1 and "<!--" not in held[0]
    assert text in str(json.loads(held[0]))


def test_the_page_holds_everything_and_no_address(atlas, tmp_path: Path) -> None:
    files = atlas.export(str(tmp_path / "page.html"), title="</script><b>")
    assert [file.name for file in files] == [f"page.{end}" for end in ("html", "png", "npz", "json", "csv")]
    page = files[0].read_text("utf-8")
    assert "a blue card" in page
    assert "http" not in page.replace("http://www.w3.org", "") and "<b>" not in page
    with pytest.raises(BadInputError, match="does not exist"):
        atlas.export(str(tmp_path / "nowhere" / "page.html"))


def test_the_code_says_what_is_on_the_screen(atlas) -> None:
    atlas.selected, atlas.colour, atlas.labels = [3], "modality", ["it's"]
    code = atlas.code()
    assert "atlas.selected = [3]" in code and "atlas.colour = 'modality'" in code
    compile(code, "copied", "exec")


def test_two_maps_of_one_space_are_coloured_by_what_the_maps_changed(projection) -> None:
    pair = show(align(projection, _moved(projection, np.random.default_rng(0).normal(size=(10, 2)))))
    assert pair.wait(20)
    assert pair.first.colour == "change on the map"
    assert "two maps of one space" in pair.said


def _moved(projection: Projection, points) -> Projection:
    return replace(projection, points=np.asarray(points, np.float32))


def test_a_snapshot_right_after_show_waits_for_its_figures(encoder) -> None:
    atlas = show(project(embed(encoder, colour_pairs(COLOURS)), method="pca"))
    atlas.colour = "hubness"
    found = atlas.snapshot(width=300, height=300)
    assert "being computed" not in found.html and "coloured by hubness" in found.html
    assert len(found.provenance["measures"]) > 5
    assert np.array_equal(found.arrays["figure_hubness"], atlas.projection.quality.hubness)


def test_a_page_right_after_show_waits_for_its_figures_and_offers_nothing_it_cannot_do(
    encoder, tmp_path: Path
) -> None:
    atlas = show(project(embed(encoder, colour_pairs(COLOURS)), seed=0, epochs=20))
    assert atlas._view["redraw"]
    page = atlas.export(tmp_path / "now")[0].read_text("utf-8")
    written = page.partition('id="atlas">')[2].partition("</script>")[0]
    view = json.loads(written.replace("<\\/", "</"))["view"]
    assert "being computed" not in written and len(view["measures"]["rows"]) > 5
    assert not view["redraw"] and not view["live"] and all(view["sliders"].values())


def test_the_table_holds_the_selected_points_or_all(atlas, tmp_path: Path) -> None:
    def table() -> list[dict[str, str]]:
        *_, file = atlas.export(tmp_path / "map")
        return list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))

    assert len(table()) == 10
    atlas.selected_rows = [1, 7]
    rows = table()
    assert [(row["point"], row["kind"], row["label"]) for row in rows] == [
        ("1", "picture", "green"), ("7", "text", "blue"),
    ]  # fmt: skip
    assert float(rows[1]["x"]) == 2 and float(rows[1]["y"]) == 1


def test_what_the_browser_saves_is_the_page_that_can_be_explored(atlas, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    atlas._handle_custom_msg({"kind": "export", "path": "kept"}, [memoryview(b"a still"), memoryview(png())])
    assert atlas.errors == {} and "saved kept.html" in atlas._status["said"]["export"]
    assert 'class="atlas"' in (tmp_path / "kept.html").read_text("utf-8")
    assert (tmp_path / "kept.png").read_bytes() == png(), "the picture is the view as it stands"


EVERYTHING = {
    "colour": "hubness", "labels": ["Flags"], "kinds": ["picture"], "only": True, "temperature": 0.5,
    "shift": 0.5, "links": "selection", "gallery": "texts", "tool": "lasso", "words": False,
    "pictures": False, "wheel": "always", "query": "a red card", "focus": 3, "page": 1,
    "camera": [0.1, -0.2, 1.5],
}  # fmt: skip


def test_the_copied_code_brings_every_choice_and_the_same_picture_back(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    model, pairs = models.load("emoji-clip"), data.load("emoji")[::40]
    atlas = show(project(embed(model, pairs), method="pca", seed=0))
    atlas.place(png(), "my <b>picture</b>.png")
    atlas.selected_rows = [2, 3, 60]
    for name, value in EVERYTHING.items():
        setattr(atlas, name, value)
        assert atlas.wait(60)
    again = run(atlas.code())
    assert {name: getattr(again, name) for name in EVERYTHING} == EVERYTHING
    assert again.selected_rows.tolist() == [2, 3, 60]
    assert again.found.said == atlas.found.said == "a red card"
    assert np.allclose(again.projection.points, atlas.projection.points, atol=1e-4)
    plain = show(atlas._maps.of(0))
    drawn = [shown.snapshot().png for shown in (atlas, again, plain)]
    one, other, start = (np.asarray(Image.open(io.BytesIO(png)), int) for png in drawn)
    assert np.mean(one != other) < 3e-3, "a point whose place is rounded may move by one pixel"
    assert np.mean(one != start) > 1e-2, "the picture does show the choices"


def test_a_picture_placed_by_hand_is_kept_for_the_code(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    model, pairs = models.load("emoji-clip"), data.load("emoji")[::130]
    atlas = show(project(embed(model, pairs), method="pca", seed=0))
    atlas.place(png(), "it's mine.png")
    assert atlas.wait(20) and not list(tmp_path.iterdir()), "looking writes nothing"
    again = run(atlas.code())
    assert again.found.said == "it's mine.png" and np.allclose(again.found.vector, atlas.found.vector)
    assert [file.read_bytes() for file in (tmp_path / "pictures").iterdir()] == [png()]


def test_layers_and_pairs_of_maps_are_brought_back_too() -> None:
    model, pairs = models.load("emoji-clip"), data.load("emoji")[::130]
    layers = show(project_layers(model, pairs, method="pca", seed=0))
    layers.layer = 2
    again = run(layers.code())
    assert again.layer == 2 and np.allclose(again.projection.points, layers.projection.points, atol=1e-4)
    space = embed(model, pairs)
    pair = show(align(project(space, method="pca"), project(space, seed=0, epochs=20)), names=["a", "b"])
    other = models.load("shapes-clip")
    of_two = show(align(project(space, method="pca"), project(embed(other, pairs), method="pca")))
    assert np.allclose(run(of_two.code()).second._now.points, of_two.second._now.points, atol=1e-3)
    pair.selected, pair.first.colour = [1, 2], "drift"
    copied = run(pair.code())
    assert copied.names == ("a", "b") and copied.selected.tolist() == [1, 2]
    assert copied.second.colour == "drift"
    assert np.allclose(copied.second.projection.points, pair.second.projection.points, atol=1e-3)


def test_a_pair_of_maps_has_a_snapshot_an_export_and_a_still(projection, tmp_path: Path) -> None:
    pair = show(align(projection, _moved(projection, projection.points[::-1])), names=["<i>", "two"])
    found = pair.snapshot(width=300, height=250)
    assert Image.open(io.BytesIO(found.png)).size == (1200, 500)
    assert "<i>" not in found.html and "Procrustes-aligned, residual" in found.html
    assert {"first_points", "second_points"} <= set(found.arrays) and len(found.table) == 21
    assert "being computed" not in found.html
    files = pair.export(tmp_path / "both")
    assert files[0].read_text("utf-8").count('class="atlas"') == 2
    assert "data:image/webp" in still_html(pair._still._draw())


def test_many_selected_points_fit_into_a_line_of_code() -> None:
    rows = np.flatnonzero(np.random.default_rng(0).random(100_000) < 0.3)
    assert np.array_equal(from_text(as_text(rows, 100_000)), rows)
    assert from_text(as_text(rows[:0], 5)).tolist() == []


def test_the_list_of_the_selection_has_pages_and_says_points_and_pairs(encoder) -> None:
    atlas = show(project(embed(encoder, data.load("emoji")[:40]), method="pca"))
    assert atlas.wait(20)
    atlas.selected_rows = [*range(30), 41]
    atlas.gallery = "selection"
    assert atlas._view["gallery"]["title"] == "30 pairs (31 points) selected"  # 41 is the text of picture 1
    assert (atlas._view["gallery"]["pages"], len(atlas.listed)) == (2, 24)
    atlas.page = 1
    assert atlas.listed == [*range(24, 30), 41] and atlas._view["gallery"]["rows"][0]["rank"] == 25
    atlas.page = 99
    assert atlas._view["gallery"]["page"] == 1
    atlas.selected = [1]
    assert atlas.page == 0


def test_kinds_filter_and_a_cancelled_map_sets_its_slider_back(encoder) -> None:
    atlas = show(project(embed(encoder, colour_pairs(COLOURS)), seed=0, epochs=20))
    assert atlas.wait(20)
    atlas.kinds = ["text"]
    assert np.frombuffer(atlas.arrays._held["filter"], np.uint8).tolist() == [2] * 5 + [0] * 5
    started = atlas.projection
    atlas._maps.draw = lambda *_, should_stop, **__: [
        None for _ in iter(should_stop, True)
    ]  # until it is told
    atlas.shift = 0.5
    assert "maps" in atlas.working
    atlas._handle_custom_msg({"kind": "cancel", "what": "maps"}, [])
    assert atlas.wait(20) and atlas.working == {}
    assert atlas.shift == 0 and atlas.projection is started


def test_progress_is_said_for_the_whole_of_the_work() -> None:
    heard: list[Event] = []
    tell = share_of(heard.append, "drawing the map", 0, 0.9)
    for done in (0, 50, 100):
        tell(Event("layout", done, 100))
    assert [(event.done, event.total) for event in heard] == [(0, 100), (45, 100), (90, 100)]
    assert {event.stage for event in heard} == {"drawing the map"}


def test_other_seeds_say_how_far_they_are_in_all(encoder) -> None:
    atlas = show(project(embed(encoder, colour_pairs(COLOURS)), seed=0, epochs=20))
    assert atlas.wait(20)
    heard: list[int] = []
    atlas.observe(lambda change: heard.extend(_done(change["new"])), "_status")
    atlas.measure_stability()
    assert atlas.wait(60)
    assert heard == sorted(heard) and heard[-1] == 90 and set(heard) == {22, 45, 68, 90}


def _done(status: dict) -> list[int]:
    return [job["done"] for kind, job in status["working"].items() if kind == "maps" and job["total"]]


def test_a_camera_that_cannot_be_is_refused(atlas) -> None:
    for wrong in ([1.0, 2.0], [0.0, 0.0, 0.0], [0.0, float("nan"), 1.0]):
        with pytest.raises(BadInputError, match="expected the middle of the view"):
            atlas.camera = wrong
    assert atlas.camera == []


def test_a_snapshot_shows_what_the_camera_shows(atlas) -> None:
    whole = atlas.snapshot(width=300, height=300)
    atlas.camera = [0.0, 0.0, 40.0]
    near = atlas.snapshot(width=300, height=300)
    ink = [
        np.mean(np.asarray(Image.open(io.BytesIO(found.png)).convert("L"))[80:460] < 200)
        for found in (whole, near)
    ]
    assert 0 < ink[1] < 0.5 * ink[0], "one point is in view instead of ten"


def test_names_at_the_border_stay_inside_and_never_lie_on_one_another(projection) -> None:
    from widgets.atlas.projection_view import colouring

    shown = colouring(projection, "label", None)
    marks = [{"text": "a long name at the edge", "x": x, "y": y} for x in (0, 4) for y in (0, 0.02)]
    dots = Dots(projection.points, projection.modality, shown.codes)
    drawn = draw_map(dots, shown, title="", size=(300, 200), landmarks=marks)
    bare = draw_map(dots, shown, title="", size=(300, 200))
    one, other = (np.asarray(Image.open(io.BytesIO(found)), int) for found in (drawn, bare))
    _, columns = np.nonzero(np.abs(one - other).sum(axis=2))
    assert len(columns) and columns.min() >= 4 and columns.max() < 596
    two = draw_map(dots, shown, title="", size=(300, 200), landmarks=marks[::2])
    assert two == drawn, "of two names in one place the first stands"


def test_paper_is_taken_from_drawings_and_not_from_photographs_or_from_inside() -> None:
    drawing = np.full((20, 20, 3), 255, np.uint8)
    drawing[4:16, 4:16] = (200, 30, 30)
    drawing[8:12, 8:12] = 255  # white inside
    clear = np.asarray(without_paper(Image.fromarray(drawing), 20))
    assert clear.shape == (20, 20, 4)
    assert clear[0, 0, 3] == 0 and clear[10, 10].tolist() == [255, 255, 255, 255] and clear[6, 6, 3] == 255
    photograph = drawing.copy()
    photograph[0, 0] = (90, 120, 200)
    assert without_paper(Image.fromarray(photograph), 20).mode == "RGB"
