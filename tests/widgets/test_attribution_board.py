"""The attribution board without a browser: what it computes, sends, refuses and exports."""

from __future__ import annotations

import ast
import json

import numpy as np
import pytest
from PIL import Image

from tests.families import made
from widgets import AttributionBoard, show
from widgets.attribution.view import board_view, measures_for, overlay, peak, word_picture
from workbench import data, models
from workbench.attribution import Attributions, Heatmap, attribute, output, similarity
from workbench.errors import BadInputError


@pytest.fixture(scope="module")
def model():
    return models.load("shapes-clip")


@pytest.fixture(scope="module")
def maps(model) -> Attributions:
    pair = data.load("shapes", n=4)[3]
    return attribute(model, pair, method=["hires-cam", "interactions", "random"], target="a red circle")


@pytest.fixture
def board(maps) -> AttributionBoard:
    return AttributionBoard(maps)


def by_hand(values, **more) -> Heatmap:
    """A map nobody computed: figures need no torch."""
    values = np.asarray(values, float)
    picture = np.full((24, 32, 3), 200, np.uint8)
    return Heatmap("grad-cam", "GradCAM", similarity("a cat"), 0.5, image=values, picture=picture, **more)


def test_show_gives_the_board_for_one_map_and_for_several(maps) -> None:
    assert isinstance(show(maps), AttributionBoard)
    assert show(maps[0]).methods == ["hires-cam"]


def test_everything_drawn_is_json_and_raw_values_stay_raw(board, maps) -> None:
    view = json.loads(json.dumps(board._view, allow_nan=False))
    card = view["maps"][0]
    np.testing.assert_allclose(card["image"], maps[0].image, rtol=1e-3)
    assert (card["low"], card["high"]) == pytest.approx(maps[0].limits)
    assert [row["text"] for row in view["tokens"]] == list(maps[0].tokens)
    assert view["tokens"][0] == {"text": "<start>", "word": False}
    pairs = np.frombuffer(board._pairs, "<f4").reshape(maps[1].pairs.shape)
    np.testing.assert_array_equal(pairs, maps[1].pairs)
    assert {row["name"] for row in view["methods"]} >= {"rollout", "kernel-shap", "centre"}


def test_a_word_or_a_patch_chooses_the_part_of_the_map_of_pairs(board, maps) -> None:
    board.focus = "interactions"
    board.words = [2, 3]
    np.testing.assert_allclose(board.heatmap.image, maps[1].pairs[[2, 3]].sum(axis=0), atol=1e-6)
    board.words, board.patches = [], [9]
    assert board.selected == [(1, 1)]
    np.testing.assert_allclose(board.heatmap.text, maps[1].pairs[:, 1, 1], atol=1e-6)
    board.focus = "hires-cam"
    assert board.heatmap is maps[0]


def test_another_text_and_a_contrast_are_explained_in_the_background(board, model) -> None:
    board.against = "a blue star"
    assert board.wait(60)
    assert board.attributions[0].target.kind == "contrast"
    assert board._view["target"].endswith("minus cosine with “a blue star”")
    board.against, board.text = "", "a green cross"
    assert board.wait(60)
    assert str(board.attributions[0].target) == "cosine with “a green cross”"
    wanted = attribute(model, board.attributions[0].pair, method="hires-cam", target="a green cross")
    np.testing.assert_array_equal(board.attributions[0].image, wanted.image)


def test_methods_are_added_and_taken_away(board) -> None:
    board.methods = ["hires-cam", "legrad"]
    assert board.wait(60)
    assert board.attributions.methods == ("hires-cam", "legrad") and board._pairs == b""


def test_scores_stand_beside_their_baselines(board) -> None:
    board.score("hires-cam")
    assert board.wait(60)
    scored = board._view["maps"][0]["scores"]
    assert [row["name"] for row in scored] == ["deletion", "insertion", "pointing", "overlap"] or not scored
    assert set(board.scores) == {"hires-cam"}
    assert scored[0]["random"] == pytest.approx(board.scores["hires-cam"]["deletion"].random)
    board._on_message(None, {"kind": "score", "methods": ["no such"]}, [])
    assert "no map of 'no such'" in board._status["error"]


def test_a_score_asked_for_meanwhile_does_not_drop_the_new_text(board) -> None:
    board.text = "a green cross"
    board.score("hires-cam")
    assert board.wait(60)
    assert str(board.attributions[0].target) == "cosine with “a green cross”"
    assert set(board.scores) == {"hires-cam"}


def test_choosing_a_patch_while_it_works_keeps_the_cancel_button_and_cancel_keeps_the_maps(
    board, maps
) -> None:
    board.methods = ["hires-cam", "kernel-shap"]
    board.patches = [3]
    assert board._status["state"] == "working"
    board._on_message(None, {"kind": "cancel"}, [])
    assert board.wait(60)
    assert board._status["state"] == "cancelled" and board.attributions.maps == maps.maps


def test_without_a_scene_only_curves_are_measured(maps) -> None:
    assert measures_for(maps[0]) == ("deletion", "insertion", "pointing", "overlap")
    assert measures_for(by_hand(np.eye(3))) == ("deletion", "insertion")


def test_mistakes_are_said_in_the_widget_and_what_was_there_stays(board, maps) -> None:
    board.patches = [99]
    assert board._status["error"] == "patches holds 99; this map has 0 to 63."
    board.patches, board.words = [], [50]
    assert "words holds 50" in board._status["error"]
    board.against = board.text
    assert "always 0" in board._status["error"]
    assert board.attributions.maps == maps.maps
    board._on_message(None, {"kind": "export", "path": " "}, [])
    assert "Give a name for the files" in board._status["error"]


def test_a_map_without_its_model_can_be_looked_at_and_says_what_to_do(maps) -> None:
    from dataclasses import replace

    board = AttributionBoard(replace(maps[0], live=None))
    assert board._view["live"] is False
    board.text = "a blue star"
    assert board.wait(20)
    assert "show(maps, model=model)" in board._status["error"]


def test_boards_that_make_no_sense_are_refused(maps, model) -> None:
    other = attribute(model, maps[0].pair, method="hires-cam", target="a blue star")
    with pytest.raises(BadInputError, match="different targets"):
        AttributionBoard(Attributions((maps[0], other)))
    with pytest.raises(BadInputError, match="There is no map to show"):
        AttributionBoard(Attributions(()))


def test_copy_as_python_makes_the_same_maps(board, maps) -> None:
    code = board.code()
    ast.parse(code)
    scope: dict = {}
    exec(code, scope)
    for name in maps.methods:
        np.testing.assert_array_equal(scope["maps"][name].image, maps[name].image)


def test_the_snapshot_needs_no_kernel_and_holds_the_numbers(board, maps, tmp_path) -> None:
    snapshot = board.snapshot()
    files = snapshot.save(tmp_path / "map")
    assert [file.suffix for file in files] == [".html", ".png", ".npz", ".json"]
    page = files[0].read_text("utf-8")
    assert "HiResCAM" in page and "<script" not in page and "data:image/webp" in page
    with np.load(files[2]) as arrays:
        np.testing.assert_array_equal(arrays["interactions.pairs"], maps[1].pairs)
    told = json.loads(files[3].read_text("utf-8"))
    assert told["maps"][0]["weights"] == maps[0].provenance.weights and "attribute(" in told["code"]
    assert Image.open(files[1]).width > 100


def test_texts_of_users_are_never_markup(model, maps) -> None:
    found = attribute(model, maps[0].pair, method="centre", target="<img src=x onerror=alert(1)>")
    assert "<img src=x" not in AttributionBoard(found).snapshot().html


def test_a_flat_map_has_one_colour_and_zero_has_none() -> None:
    flat = overlay(by_hand(np.zeros((3, 4))), 0.0)
    assert len(np.unique(np.asarray(flat).reshape(-1, 3), axis=0)) == 1
    two = np.asarray(overlay(by_hand([[1.0, 0.0], [-1.0, 0.5]]), 1.0), int)
    left, right = two[0, 0], two[0, -1]
    assert left[0] > left[2] + 80 and abs(right[0] - right[2]) < 3  # orange; grey as the picture
    assert two[-1, 0, 2] > two[-1, 0, 0] + 80  # blue
    assert peak([by_hand([[1.0, -3.0]]), by_hand([[2.0, 0.0]])]) == 3


def test_the_view_of_a_map_made_by_hand_needs_no_model() -> None:
    view = board_view([by_hand(np.eye(3))], {}, refused={}, model=None, code="")
    assert view["maps"][0]["flat"] is False and view["live"] is False


def test_maps_of_a_model_explained_as_a_whole_are_shown_and_say_why_no_new_ones_come() -> None:
    model, inputs = made("vilt")
    maps = attribute(model, inputs, method=["relevance", "occlusion"], words=list("abcdefg"))
    board = AttributionBoard(maps)
    assert board._view["target"] == "length of pooler_output"
    assert "attribute(model, inputs, method=methods, target=output(), seed=0)" in board.code()
    board.text = "another text"
    assert board.wait(30)
    assert board._status["state"] == "error" and "target=output(...)" in board._status["error"]
    assert board.attributions.maps == maps.maps  # nothing is lost
    named = attribute(*made("gpt2"), method="occlusion", target=output(place=2))
    shown = AttributionBoard(named)
    assert shown.heatmap.image is None and "output(place=2)" in shown.code()
    page = shown.snapshot().html
    assert "Occlusion" in page and page.count("data:image/") == 1  # its words, drawn
    ink = np.asarray(word_picture(named, 1.0).convert("L"))
    assert (ink < 100).any(axis=1).sum() > 7 * 6  # seven tokens, a line of letters each
