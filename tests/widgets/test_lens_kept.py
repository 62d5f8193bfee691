"""What is taken away from a lens: its code, its static page, its picture."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.widgets.lens_maps import HOSTILE, choose, made
from widgets import AttentionLens, show
from widgets.lens.contact_sheet import Scale, over_picture, painted
from workbench import data
from workbench.capture import TokenLayout, Trace, capture


def test_the_code_gives_the_numbers_on_the_screen(real) -> None:
    trace, model = real
    lens = show(trace, model=model)
    for changes in (
        {"reading": "head", "head": 2, "token": 7, "site": "image.1"},
        {"reading": "mean", "backwards": True},
        {"reading": "rollout"},
        {"backwards": False},
    ):
        choose(lens, **changes)
        space: dict[str, object] = {}
        exec(lens.code(), space)
        assert np.abs(space["weights"] - lens.weights).max() < 1e-5  # type: ignore[operator]
    assert lens.wait(60)


def test_the_code_shows_the_lens_again_with_every_choice(real) -> None:
    trace, model = real
    lens = show(trace, model=model)
    choose(lens, site="text.1", reading="head", head=3, token=5, backwards=True)
    lens.masked = {"patches": [1, 2], "words": [3]}
    lens.scale, lens.opacity, lens.detail, lens.figure, lens.tool = "own", 0.4, "lines", "own", "mask"
    assert lens.wait(60)
    space: dict[str, object] = {}
    code = lens.code()
    assert code.rstrip().endswith(")") and "\nshow(\n    trace,\n" in code
    exec(code.replace("\nshow(", "\nagain = show("), space)
    again = space["again"]
    assert isinstance(again, AttentionLens) and again.wait(60)
    for name in ("selected", "masked", "scale", "opacity", "detail", "figure", "tool"):
        assert getattr(again, name) == getattr(lens, name), name
    assert again.without is not None and again.without.score == pytest.approx(lens.without.score, abs=1e-6)
    assert again.code() == lens.code() and again.snapshot().png == lens.snapshot().png


def test_the_code_names_what_was_captured_and_what_of_it_is_shown(real, tmp_path, monkeypatch) -> None:
    _, model = real
    pair = data.load("shapes", n=4)[1]
    lens = show(capture(model, pair, ["image"], rows="pooled"), sites=["image.1", "image.2"])
    assert lens.wait(60)
    space: dict[str, object] = {}
    exec(lens.code().replace("\nshow(", "\nagain = show("), space)
    again = space["again"]
    assert isinstance(again, AttentionLens) and list(again.trace.maps) == [f"image.{k}" for k in range(4)]
    assert again._view["groups"][0]["sites"] == ["image.1", "image.2"]
    assert again._view["groups"][0]["queries"] == [0]


def test_a_picture_that_was_never_a_file_is_kept_beside_the_notebook(real, tmp_path, monkeypatch) -> None:
    _, model = real
    monkeypatch.chdir(tmp_path)
    picture = data.load("shapes", n=4)[2].picture
    lens = show(capture(model, (picture, "a red circle")))
    assert lens.wait(60) and not list(tmp_path.iterdir())
    lens._handle_custom_msg({"kind": "keep"}, [])
    assert [file.suffix for file in (tmp_path / "pictures").iterdir()] == [".png"]
    space: dict[str, object] = {}
    exec(lens.code().replace("\nshow(", "\nagain = show("), space)
    again = space["again"]
    assert isinstance(again, AttentionLens) and again.trace.score == pytest.approx(lens.trace.score, abs=1e-6)


def test_the_snapshot_escapes_text_and_holds_the_numbers(tmp_path) -> None:
    words = TokenLayout("text", 3, words=(HOSTILE, "a", "b"))
    lens = show(Trace(made(words, words), text=HOSTILE))
    page = lens.snapshot()
    assert HOSTILE not in page.html and "&lt;img" in page.html
    files = page.save(tmp_path / "lens")
    stored = np.load(files[2])
    assert np.array_equal(stored["text.2"], lens.trace.attention("text.2").values)
    assert np.array_equal(stored["text.2.shown"], lens.weights)
    assert json.loads(files[3].read_text())["selected"]["site"] == "text.2"


@pytest.mark.parametrize("backwards", [False, True])
def test_the_table_of_a_snapshot_names_the_direction_that_was_drawn(
    lens: AttentionLens, backwards: bool
) -> None:
    choose(lens, backwards=backwards, token=5, reading="head", head=1)
    page = lens.snapshot()
    header, *rows = page.table
    asked = "patch in row 2, column 2"  # token 5 of 1 + 2 x 3, counted from 1
    wanted = f"queries that attend to {asked} most" if backwards else f"keys that {asked} attends to most"
    assert header[-1] == wanted and wanted.removesuffix(" most") in page.title and wanted in page.html
    assert [row[:2] for row in rows] == [(str(k + 1), f"image.{k}") for k in range(3)]
    values = lens.trace.attention("image.1").values[1]
    best = int((values[:, 5] if backwards else values[5]).argmax())
    name = "class token" if best == 0 else f"patch in row {(best - 1) // 3 + 1}, column {(best - 1) % 3 + 1}"
    share = float((values[:, 5] if backwards else values[5])[best])
    assert rows[1][-1].startswith(f"{name} {100 * share:.1f} %")
    assert "layer 3 of 3, head 2 of 2" in page.title


def test_the_picture_of_a_snapshot_grows_with_its_text_and_cuts_nothing(trace: Trace) -> None:
    from dataclasses import replace

    short = show(trace).snapshot()
    long = show(replace(trace, notes=("a very long note about nothing " * 60,))).snapshot()
    heights = [Image.open(io.BytesIO(page.png)).size for page in (short, long)]
    assert heights[0][0] == heights[1][0] == 1600
    assert heights[1][1] > heights[0][1] + 12 * 30  # 1,900 letters are more than twelve lines


def test_a_word_colours_the_patches_by_its_cosines_in_the_snapshot_too(real) -> None:
    trace, model = real
    lens = show(trace, model=model)
    assert lens.wait(60)
    place = list(trace.group("text")[-1].query.words).index("star")
    choose(lens, site="text.1", token=place)
    page = lens.snapshot()
    assert np.array_equal(page.arrays["cosines"][place], lens.cosines[place])
    assert "Pointing accuracy of the cosines: 62 %" in page.html


def test_a_weight_is_the_opacity_of_its_patch_and_the_picture_keeps_its_colours() -> None:
    picture = np.full((4, 8, 3), (200, 30, 40), np.uint8)
    values = np.array([[0.0, 0.1], [0.025, 0.4]])
    shown = np.asarray(over_picture(picture, values, Scale(0.4), 0.5, 8), float)
    assert np.array_equal(shown[0, 0], picture[0, 0])  # nothing there: the picture itself
    full = painted(np.array([0.4]), Scale(0.4))[0]
    assert np.abs(shown[3, 7] - (0.5 * full + 0.5 * picture[0, 0])).max() <= 1
    half = painted(np.array([0.1]), Scale(0.4))[0]  # its square root is half of the scale
    assert np.abs(shown[0, 7] - (0.25 * half + 0.75 * picture[0, 0])).max() <= 1.5
    bare = np.asarray(over_picture(picture, values, Scale(0.4), 0.0, 8))
    assert np.array_equal(bare, np.repeat(picture, 1, axis=0))


def test_cosines_have_two_colours_and_none_at_zero() -> None:
    picture = np.full((2, 6, 3), 255, np.uint8)
    shown = np.asarray(over_picture(picture, np.array([[-0.2, 0.0, 0.2]]), Scale(0.2, signed=True), 1.0, 6))
    assert tuple(shown[0, 0]) == (30, 110, 210) and tuple(shown[0, 5]) == (214, 96, 0)
    assert tuple(shown[0, 2]) == (255, 255, 255)
