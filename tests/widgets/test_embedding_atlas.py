"""The atlas without a browser: what the user sets, what is sent, and how errors are said."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.fakes import FakeEncoder, colour_pairs
from widgets import AtlasPair, EmbeddingAtlas, show
from widgets.atlas.arrays import Arrays
from widgets.atlas.colour import UNKNOWN, by_figure, by_label
from widgets.atlas.figures import Figure
from widgets.atlas.projection_view import filter_marks, worst_links
from widgets.atlas.selection import pack, row_numbers, unpack
from widgets.format import spaced
from workbench import data, models
from workbench.embedding import embed, forget
from workbench.errors import BadInputError
from workbench.projection import Neighbours, Projection, align, measures, place, project, project_layers
from workbench.results import Embeddings

COLOURS = ("red", "green", "blue", "red", "green")  # five pairs: ten rows


@pytest.fixture
def encoder() -> FakeEncoder:
    forget()
    return FakeEncoder()


@pytest.fixture
def projection(encoder: FakeEncoder) -> Projection:
    """Five pictures on a line, their five texts on a line above it."""
    pairs = colour_pairs(COLOURS)
    space = replace(embed(encoder, pairs), labels=COLOURS)
    points = [(x, y) for y in (0, 1) for x in range(5)]
    return Projection.from_points(points, embeddings=space, k=3)


@pytest.fixture
def atlas(projection: Projection) -> Iterator[EmbeddingAtlas]:
    atlas = show(projection)
    assert atlas.wait(20)
    yield atlas
    assert atlas.wait(20)


@pytest.fixture
def sent(atlas: EmbeddingAtlas, monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict, list]]:
    """Every message the atlas sends from here on."""
    found: list[tuple[dict, list]] = []
    monkeypatch.setattr(atlas, "send", lambda head, buffers=(): found.append((head, list(buffers))))
    return found


def said(atlas: EmbeddingAtlas) -> str:
    """Every error on the screen."""
    return " ".join(atlas.errors.values())


def ask(atlas: EmbeddingAtlas, message: dict, *buffers: bytes) -> None:
    """What the browser sends: bytes arrive as a memoryview."""
    atlas._handle_custom_msg(message, [memoryview(one) for one in buffers])
    assert atlas.wait(20)


def png(colour: tuple[int, int, int] = (0, 0, 255)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 6), colour).save(out, "PNG")
    return out.getvalue()


def moved(projection: Projection, points) -> Projection:
    return replace(projection, points=np.asarray(points, np.float32))


def test_show_makes_an_atlas_with_every_measure_of_the_map(atlas, projection) -> None:
    assert isinstance(atlas, EmbeddingAtlas)
    sampled = ("trustworthiness", "continuity")  # these say on how many points they were measured
    expected = [
        (row.name, spaced(row.shown), spaced(row.twin + (f", {row.sample}" if row.key in sampled else "")))
        for row in measures(projection, scale=1 / atlas.temperature)
    ]
    panel = atlas._view["measures"]["rows"]
    assert [(row["name"], row["all"], row["baseline"]) for row in panel] == expected
    assert atlas.temperature == pytest.approx(1 / 3, abs=1e-3)  # the encoder's scale is 3


def test_a_bitmask_of_rows_becomes_items_and_items_become_rows(atlas) -> None:
    atlas._mask = bytes([0b10000010, 0b00000001])  # rows 1, 7, 8
    assert atlas.selected.tolist() == [1, 2, 3]
    assert atlas.selected_rows.tolist() == [1, 7, 8]
    atlas.selected = [4, 0]
    assert atlas.selected_rows.tolist() == [0, 4, 5, 9]
    atlas.selected = np.array([False, True, False, False, True])
    assert atlas.selected.tolist() == [1, 4] and atlas.mask.tolist() == [False, True, False, False, True]
    assert len(atlas.pairs[atlas.selected]) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([5], "Item 5 was selected; there are 5, from 0."),
        ([-1], "Item -1 was selected"),
        ([True, False], "The mask has 2 entries; expected one for each of 5 items."),
        (["cat"], "A selection is a list of item numbers or a mask; got ['cat']."),
        ([[0, 1]], "A selection is a list of item numbers or a mask"),
    ],
)
def test_a_selection_that_cannot_be_is_refused_and_the_old_one_stays(atlas, given, message) -> None:
    atlas.selected = [2]
    with pytest.raises(BadInputError) as error:
        atlas.selected = given
    assert message in str(error.value)
    assert atlas.selected.tolist() == [2]


def test_the_selection_cannot_be_changed_in_place(atlas) -> None:
    atlas.selected = [2]
    with pytest.raises(ValueError, match="read-only"):
        atlas.selected[0] = 3


def test_half_a_million_rows_travel_in_a_bit_each() -> None:
    rows = np.arange(0, 1_000_000, 2)
    packed = pack(rows, 1_000_000)
    assert len(packed) == 125_000
    assert np.array_equal(unpack(packed, 1_000_000), rows)
    assert pack(rows[:0], 1_000_000) == b""


def test_ids_are_sorted_and_each_is_kept_once() -> None:
    assert row_numbers([3, 1, 3], 5).tolist() == [1, 3]
    assert row_numbers(None, 5).tolist() == []
    assert row_numbers(np.zeros(5, bool), 5).tolist() == []


def test_the_selection_has_its_own_column_of_measures(atlas, projection) -> None:
    assert atlas._view["measures"]["selection"] is None
    atlas.selected = [0, 1]
    assert atlas.wait(20)
    panel = atlas._view["measures"]
    expected = {
        row.key: spaced(row.shown) for row in measures(projection, [0, 1, 5, 6], scale=1 / atlas.temperature)
    }
    expected["hubness"] += " lists"  # the skew of all has no meaning for a few
    assert panel["selection"] == "4 points"
    keys = [row.key for row in measures(projection)]
    shown = {key: row["selection"] for key, row in zip(keys, panel["rows"], strict=True)}
    assert {key: shown[key] for key in expected} == expected


def test_the_temperature_moves_the_loss_and_nothing_else(atlas) -> None:
    before = {row.key: row.value for row in atlas.measures}
    atlas.temperature = 2.0
    assert atlas.wait(20)
    after = {row.key: row.value for row in atlas.measures}
    assert {key for key in before if before[key] != after[key]} == {"loss"}
    atlas.temperature = 0.0
    assert "temperature is 0.0; expected a number above 0" in said(atlas)


def test_words_are_placed_beside_their_true_neighbours(atlas) -> None:
    atlas.query = "a red card"
    assert atlas.wait(20)
    assert atlas.found is not None and atlas.found.said == "a red card"
    assert atlas.found.placement.index[0, 0] in (5, 8)  # a text that says the same
    assert atlas._view["placed"][0]["text"] == "a red card"
    assert [row["point"] for row in atlas._view["gallery"]["rows"][:2]] == [0, 3]
    atlas.query = ""
    assert atlas.found is None and atlas._view["placed"] == []


def test_a_point_and_words_can_be_added(atlas) -> None:
    atlas.query = "#1 + red"
    assert atlas.wait(20)
    assert atlas.found.said == "#1 + red" and atlas.found.modality == "image"
    atlas.query = "#10"
    assert atlas.wait(20)
    assert "Point #10 was asked for; the map has 10, from 0." in said(atlas)
    assert atlas.found.said == "#1 + red", "what was on the screen stays"


def test_a_picture_from_the_browser_is_placed(atlas) -> None:
    ask(atlas, {"kind": "place", "name": "<b>.png"}, png())
    assert atlas.found.said == "<b>.png" and atlas.found.placement.index[0, 0] == 2  # the blue one
    ask(atlas, {"kind": "place", "name": "broken.png"}, png()[:40])
    assert "broken.png" in said(atlas)
    assert atlas.found.said == "<b>.png"


def test_other_seeds_are_drawn_when_asked_and_join_the_measures_and_the_colours(encoder) -> None:
    atlas = show(project(embed(encoder, colour_pairs(COLOURS)), method="pca", seed=0))
    assert atlas.wait(20) and not atlas._view["redraw"] and "stability" not in atlas.figures
    ask(atlas, {"kind": "stability"})
    shown = {row.key: row for row in atlas.measures}["stability"]
    assert shown.value == 1 and shown.sample == "2 more seeds"  # principal components are no game of chance
    assert atlas.figures["stability"].values.min() == 1


def test_words_placed_on_a_map_of_a_layer_follow_the_slider_into_its_space() -> None:
    model = models.load("emoji-clip")
    layers = project_layers(model, data.load("emoji")[::130], method="pca", seed=0)
    atlas = show(layers)
    atlas.query = "cat"
    assert atlas.wait(20)
    assert atlas.found.vector == pytest.approx(place(layers[0], "cat").vectors[0], abs=1e-6)
    atlas.layer = len(layers) - 1
    assert atlas.wait(20)
    assert atlas.found.vector == pytest.approx(model.encode_texts(["cat"])[0], abs=1e-5)
    assert atlas._view["placed"][0]["text"] == "cat"
    assert atlas.found.placement.points[0] == pytest.approx(place(layers[-1], "cat").points[0], abs=1e-5)


def test_without_its_model_a_map_says_how_to_bring_it_back(projection) -> None:
    dead = replace(projection, embeddings=replace(projection.embeddings, live=None))
    atlas = show(dead)
    assert atlas.wait(20)
    assert not atlas._view["live"] and atlas._view["dead"] == "needs the model: show(projection, model=model)"
    atlas.query = "red"
    assert atlas.wait(20)
    assert "pass it: show(projection, model=model)" in said(atlas)


def test_a_map_that_was_given_says_why_its_gap_cannot_be_moved(atlas) -> None:
    assert atlas._view["sliders"]["shift"] == "λ needs a map that project() drew; this one was given."
    atlas.shift = 0.5
    assert "this is none" in said(atlas)


def test_arrays_are_announced_and_sent_in_parts_that_fit_a_message(atlas, sent) -> None:
    assert set(atlas._data) == {"points", "kinds", "codes"}
    ask(atlas, {"kind": "want", "name": "points", "version": atlas._data["points"]["version"]})
    raw = b"".join(bytes(buffers[0]) for _, buffers in sent)
    assert np.array_equal(np.frombuffer(raw, np.float32).reshape(-1, 2), atlas.projection.points)
    ask(atlas, {"kind": "want", "name": "points", "version": 99})
    assert len(sent) == 1, "a version that is gone is not sent"


def test_the_page_goes_to_the_browser_in_parts_and_is_taken_back(atlas, sent) -> None:
    ask(atlas, {"kind": "page"})
    ask(atlas, {"kind": "want", "name": "page", "version": atlas._data["page"]["version"]})
    page = b"".join(bytes(buffers[0]) for _, buffers in sent)
    assert page.startswith(b"<!doctype html>") and b'class="atlas"' in page
    ask(atlas, {"kind": "page", "done": True})
    assert "page" not in atlas._data


def test_a_large_array_goes_in_several_parts() -> None:
    arrays = Arrays()
    arrays.put("points", np.zeros((1_250_000, 2), np.float32))
    parts = list(arrays.parts("points", 1))
    assert [len(part) for _, part in parts] == [4_000_000, 4_000_000, 2_000_000]
    assert [head["offset"] for head, _ in parts] == [0, 4_000_000, 8_000_000]
    assert not arrays.put("points", np.zeros((1_250_000, 2), np.float32)), "nothing has changed"


def test_pictures_words_and_cards_are_answered(atlas, sent) -> None:
    ask(atlas, {"kind": "coarse", "points": [0, 7, 3, 99]})
    head, (sheet,) = sent[-1]
    assert head["points"] == [0, 3] and Image.open(io.BytesIO(sheet)).size == (64, 32)
    ask(atlas, {"kind": "words", "points": [5, 6]})
    assert sent[-1][0]["found"] == [[5, "a red card"], [6, "a green card"]]
    ask(atlas, {"kind": "look", "points": [1]})
    card = sent[-1][0]["found"][0][1]
    assert card["text"] == "a green card" and card["label"] == "green" and card["of"] == 3
    truth = atlas.projection.neighbours.index[1, :3].tolist()
    assert [other["point"] for other in card["neighbours"]] == truth
    shown = set(
        np.argsort(((atlas.projection.points - [1, 0]) ** 2).sum(axis=1), kind="stable")[1:4].tolist()
    )
    assert [other["kept"] for other in card["neighbours"]] == [row in shown for row in truth]
    ask(atlas, {"kind": "a kind of a later version"})
    assert said(atlas) == ""


def test_a_filter_dims_the_others_and_can_be_selected(atlas, projection) -> None:
    atlas.labels = ["red"]
    assert filter_marks(projection, ["red"]).tolist() == [0, 2, 2, 0, 2] * 2
    ask(atlas, {"kind": "choose", "what": "labels"})
    assert atlas.selected.tolist() == [0, 3]


def test_a_point_that_is_looked_at_lists_what_is_near_and_where_its_pair_stands(atlas) -> None:
    atlas.gallery = "texts"
    atlas.focus = 2
    gallery = atlas._view["gallery"]
    assert "its own pair stands at rank 1 of 5" in gallery["title"]
    assert gallery["rows"][0]["point"] == 7 and gallery["rows"][0]["right"]
    assert atlas.listed[0] == 7
    atlas.gallery = "selection"
    assert atlas._view["gallery"]["title"].startswith("Nothing is selected")
    atlas.focus = 10
    assert "Point 10 was asked for; there are 10, from 0." in said(atlas)


def test_the_worst_pairs_are_those_whose_two_sides_are_least_alike() -> None:
    image = np.eye(3, dtype=np.float32)
    text = np.eye(3, dtype=np.float32)[[1, 1, 2]]  # only the first pair disagrees
    points = np.zeros((6, 2), np.float32)
    nobody = Neighbours(np.zeros((6, 0), np.int32), np.zeros((6, 0), np.float32))
    assert worst_links(Projection(points, nobody, Embeddings(image, text)), 1).tolist() == [0, 3]


def test_a_ramp_grows_with_the_value_and_unknown_is_a_colour_of_its_own() -> None:
    values = np.array([0.0, 0.5, 1.0, np.nan], np.float32)
    found = by_figure(Figure("kept", "kept", "%", "", values, (0, 1)))
    assert found.codes.tolist() == [0, 127, 254, UNKNOWN]
    assert (found.legend["low"], found.legend["high"]) == ("0.0 %", "100.0 %")
    assert found.legend["entries"][0]["count"] == 1


def test_labels_take_colours_by_frequency() -> None:
    found = by_label(["b", "a", "a", "<i>c</i>"])
    assert found.codes.tolist() == [1, 0, 0, 2] or found.codes.tolist() == [2, 0, 0, 1]
    assert len({found.palette[code] for code in set(found.codes.tolist())}) == 3


def test_a_slider_walks_over_maps_and_further_figures_colour_them(projection) -> None:
    other = moved(projection, projection.points[::-1])
    atlas = show([projection, other], names=["early", "late"], figures={"age": np.arange(10)})
    assert atlas.wait(20) and atlas._view["layers"] == ["early", "late"]
    atlas.layer = 1
    assert atlas.wait(20)
    assert atlas.projection is other
    assert "age" in atlas.figures
    atlas.layer = 2
    assert "Layer 2 was asked for; there are 2, from 0." in said(atlas)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "show() takes a list of projections of the same points; got an empty one."),
        (["text"], "got one with a str"),
    ],
)
def test_what_is_no_list_of_maps_is_refused(wrong, message) -> None:
    with pytest.raises(BadInputError) as error:
        show(wrong)
    assert message in str(error.value)


def test_maps_of_other_points_cannot_share_a_slider(projection) -> None:
    with pytest.raises(BadInputError, match=r"The maps hold \[4, 10\] points"):
        show([projection, Projection.from_points(np.eye(4, 2))])


def test_two_maps_share_one_selection_and_are_coloured_by_what_changed(projection) -> None:
    other = replace(projection.embeddings, image=projection.embeddings.image[::-1].copy())
    second = Projection.from_points(projection.points * 3 + 5, embeddings=other, k=3)
    pair = show(align(projection, second))
    assert isinstance(pair, AtlasPair) and pair.wait(20)
    assert np.abs(pair.second.projection.points - projection.points).max() < 1e-5, "laid on the first"
    pair.selected = [1]
    assert pair.second.selected.tolist() == [1]
    pair.second.selected = [2, 3]
    assert pair.selected.tolist() == [2, 3]
    assert pair.first.colour == pair.second.colour == "change"
    assert "chance" in pair.said


def test_points_that_are_no_numbers_do_not_break_the_figure(projection) -> None:
    atlas = show(moved(projection, np.full((10, 2), np.nan)))
    atlas.wait(20)
    assert atlas.snapshot(width=300, height=300).png
