"""The attribution board without a browser: what it computes, sends, refuses and exports."""

from __future__ import annotations

import ast
import json

import numpy as np
import pytest
from PIL import Image

from tests.families import made
from widgets import AttributionBoard, show
from widgets.attribution.drawing import SIDE, overlay, word_picture
from widgets.attribution.heatmap_snapshot import range_words, verdict
from widgets.attribution.heatmap_view import Choices, board_view, measures_for, passes, peak
from workbench import data, models
from workbench.attribution import (
    Attributions,
    Cost,
    Heatmap,
    attribute,
    expected_cost,
    faithfulness,
    output,
    probability,
    similarity,
)
from workbench.attribution.evaluation.reference_curves import _memory
from workbench.errors import BadInputError, WorkbenchError


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
    return Heatmap("grad-cam", "Grad-CAM", similarity("a cat"), 0.5, image=values, picture=picture, **more)


def replace_picture(heatmap: Heatmap, colour: tuple[int, int, int]) -> Heatmap:
    from dataclasses import replace

    return replace(heatmap, picture=np.full((24, 32, 3), colour, np.uint8))


def test_show_gives_the_board_for_one_map_and_for_several(maps) -> None:
    assert isinstance(show(maps), AttributionBoard)
    assert show(maps[0]).methods == ["hires-cam"]


def test_everything_drawn_is_json_and_raw_values_stay_raw(board, maps) -> None:
    view = json.loads(json.dumps(board._view, allow_nan=False))
    assert [card["method"] for card in view["maps"]] == ["interactions", "hires-cam", "random"]
    card = view["maps"][1]  # the map that follows words stands first
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
    assert board._view["described"].endswith("minus cosine with “a blue star”")
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
    scored = board._view["maps"][1]["scores"]
    assert [row["name"] for row in scored] == ["deletion", "insertion", "pointing", "overlap"]
    assert set(board.scores) == {"hires-cam"}
    assert scored[0]["random"] == pytest.approx(board.scores["hires-cam"]["deletion"].random)
    board._on_message(None, {"kind": "score", "methods": ["no such"]}, [])
    assert "no map of 'no such'" in board.errors["score"]


def test_the_price_of_all_counts_what_maps_of_one_pair_share_once(board) -> None:
    _memory.clear()
    board.methods = ["hires-cam", "legrad"]
    assert board.wait(60)
    view = board._view
    alone = [row["price"] for row in view["maps"]]
    own = [expected_cost(heatmap, shared=False).forwards for heatmap in board.attributions]
    assert alone == [own[0] + 226, own[1] + 226]  # 30 random orders and the centre, 7 steps each; two ends
    assert view["price"] == sum(own) + 226
    board.score("legrad")
    assert board.wait(60)
    paid = board.scores["legrad"].cost.forwards
    assert paid == own[1] + 226
    assert board._view["price"] == own[0] == board._view["maps"][0]["price"]


def test_a_score_asked_for_meanwhile_does_not_drop_the_new_text(board) -> None:
    board.text = "a green cross"
    board.score("hires-cam")
    assert board.wait(60)
    assert str(board.attributions[0].target) == "cosine with “a green cross”"
    assert set(board.scores) == {"hires-cam"}


def test_cancelling_an_explanation_keeps_the_maps_and_lets_the_fields_say_what_is_shown(board, maps) -> None:
    board.methods = ["hires-cam", "kernel-shap"]
    board.text = "a green cross"
    board.patches = [3]
    assert set(board.working) == {"explaining"}
    board._on_message(None, {"kind": "cancel", "what": "explaining"}, [])
    assert board.wait(60) and board.working == {}
    assert board._status["said"] == {"": "cancelled"} and board.attributions.maps == maps.maps
    assert (board.text, board.methods) == ("a red circle", list(maps.methods))


def test_scores_are_cancelled_alone(board) -> None:
    board.text = "a green cross"
    board.score("hires-cam")
    assert set(board.working) == {"explaining", "scoring"}
    board._on_message(None, {"kind": "cancel", "what": "scoring"}, [])
    assert board.wait(60)
    assert board.attributions[0].target.text == "a green cross" and board.scores == {}


def test_another_method_costs_nothing_that_was_computed_before(board, maps) -> None:
    board.score("hires-cam")
    assert board.wait(60)
    board.methods = ["hires-cam", "grad-cam", "random"]
    assert board.wait(60)
    assert board.attributions["hires-cam"] is maps[0] and set(board.scores) == {"hires-cam"}
    assert board.attributions.methods == ("hires-cam", "grad-cam", "random")
    board.text = "a green cross"
    assert board.wait(60) and board.scores == {}


def test_options_of_the_first_maps_hold_for_those_that_follow(model, maps) -> None:
    pair = maps[0].pair
    made = attribute(model, pair, method=["occlusion"], target="a red circle", fill="black", seed=3)
    board = AttributionBoard(made)
    board.text = "a green cross"
    assert board.wait(60)
    wanted = attribute(model, pair, method="occlusion", target="a green cross", fill="black", seed=3)
    np.testing.assert_array_equal(board.heatmap.image, wanted.image)
    usual = attribute(model, pair, method="occlusion", target="a green cross")
    assert not np.array_equal(wanted.image, usual.image)
    assert "fill='black', seed=3" in board.code()


def test_without_a_scene_only_curves_are_measured(maps) -> None:
    assert measures_for(maps[0]) == ("deletion", "insertion", "pointing", "overlap")
    assert measures_for(by_hand(np.eye(3))) == ("deletion", "insertion")


def test_mistakes_are_said_beside_what_caused_them_and_what_was_there_stays(board, maps) -> None:
    board.patches = [99]
    assert board.errors == {"": "patches holds 99; this map has 0 to 63."}
    board.patches, board.words = [], [50]
    assert "words holds 50" in board.errors[""]
    board.words = []
    assert board.errors == {}
    board.against = board.text
    assert "always 0" in board.errors["against"]
    board.methods = []
    assert "choose at least one" in board.errors["methods"]
    assert board.attributions.maps == maps.maps
    board.against, board.methods = "", list(maps.methods)
    assert board.errors == {}
    board._on_board_message(None, {"kind": "export", "path": " "}, [])
    assert "Give a name for the files" in board.errors["export"]
    board.methods = ["hires-cam", "no such"]
    assert board.wait(20)
    assert "There is no attribution method 'no such'" in board.errors["methods"]


def test_a_text_of_which_the_model_knows_no_word_is_refused_at_its_field(board, maps) -> None:
    board.text = "zwei Kreise"
    assert board.wait(60)
    assert "the model knows none of this text" in board.errors["text"]
    assert board.attributions.maps == maps.maps and board.working == {}
    board.methods = ["hires-cam", "random"]
    assert board.wait(60) and board.errors == {}
    assert board.attributions[0].target.text == "zwei Kreise"


def test_a_map_without_its_model_can_be_looked_at_and_says_what_to_do(maps) -> None:
    from dataclasses import replace

    board = AttributionBoard(replace(maps[0], live=None))
    assert board._view["live"] is False
    board.text = "a blue star"
    assert "show(maps, model=model)" in board.errors["text"]
    with pytest.raises(WorkbenchError, match="model=model"):
        board.score()


def test_the_old_name_of_the_opacity_still_works(board) -> None:
    with pytest.warns(DeprecationWarning, match="now opacity"):
        board.strength = 0.5
    assert board.opacity == 0.5
    with pytest.warns(DeprecationWarning, match="now opacity"):
        assert board.strength == 0.5


def test_boards_that_make_no_sense_are_refused(maps, model) -> None:
    other = attribute(model, maps[0].pair, method="hires-cam", target="a blue star")
    with pytest.raises(BadInputError, match="different targets"):
        AttributionBoard(Attributions((maps[0], other)))
    with pytest.raises(BadInputError, match="There is no map to show"):
        AttributionBoard(Attributions(()))
    with pytest.raises(BadInputError, match="no choice 'colour'; it has focus"):
        show(maps, colour=1)
    with pytest.raises(BadInputError, match="no map of 'legrad' on this board"):
        show(maps, focus="legrad")
    with pytest.raises(BadInputError, match="words holds 70"):
        show(maps, words=[70])


CHOICES = ("focus", "patches", "words", "scale", "opacity", "ground", "size")


def test_copy_as_python_gives_the_screen_back(maps, monkeypatch) -> None:
    board = AttributionBoard(maps)
    board.against = "a black cross"
    board.methods = ["hires-cam", "interactions", "random", "legrad"]
    assert board.wait(120)
    board.set_trait("focus", "interactions")
    board.patches, board.words = [9, 20], [2, 3]
    board.scale, board.opacity, board.ground, board.size = "shared", 0.6, "colour", 260
    board.score("hires-cam", "random")
    assert board.wait(120)
    code = board.code()
    assert board._code == code and ast.parse(code).body[-1].value.func.id == "show"  # ends in show(...)
    scope: dict = {}
    *lines, last = code.strip().splitlines()
    exec("\n".join([*lines, f"again = {last}"]), scope)
    again = scope["again"]
    names = ("text", "against", "methods", *CHOICES)
    assert {name: getattr(again, name) for name in names} == {name: getattr(board, name) for name in names}
    for mine, other in zip(board.attributions, again.attributions, strict=True):
        assert mine.method == other.method
        np.testing.assert_array_equal(mine.image, other.image)
    assert set(again.scores) == {"hires-cam", "random"}
    for name, found in board.scores.items():
        assert again.scores[name].measures == found.measures
    monkeypatch.setattr(
        "widgets.attribution.heatmap_snapshot.passes", lambda cost: ""
    )  # seconds are never the same
    assert again.snapshot().png == board.snapshot().png


def test_the_code_says_what_no_code_can_make(maps, model, tmp_path, monkeypatch) -> None:
    from dataclasses import replace

    monkeypatch.chdir(tmp_path)
    planted = replace(maps[0], method="edge-lens", title="EdgeLens")
    code = show(Attributions((planted, maps[2]))).code()
    assert "# 'edge-lens' is a map that attribute() did not make" in code
    assert "method=['random']" in code
    picture = maps[0].pair.picture.convert("RGB")
    dropped = data.from_pictures([np.asarray(picture)], texts=["drawn by hand"])[0]
    board = show(attribute(model, dropped, method="centre", target=probability("a circle", ["a star"])))
    assert "pictures/drawn-by-hand" in board._code and not (tmp_path / "pictures").exists()
    scope: dict = {}
    exec(board.code(), scope)
    np.testing.assert_array_equal(scope["maps"][0].image, board.heatmap.image)
    assert scope["maps"][0].score == pytest.approx(board.heatmap.score)


def test_the_snapshot_needs_no_kernel_and_holds_the_numbers(maps, tmp_path) -> None:
    words = "a red circle " * 12  # longer than a line
    long = attribute(maps[0].model, maps[0].pair, method=["relevance", "random"], target=words.strip())
    board = AttributionBoard(long)
    board.score()  # the snapshot waits for it
    snapshot = board.snapshot()
    files = snapshot.save(tmp_path / "map")
    assert [file.suffix for file in files] == [".html", ".png", ".npz", ".json", ".csv"]
    page = files[0].read_text("utf-8")
    assert words.strip() in page and "<script" not in page and "data:image/webp" in page
    assert "Chefer et al. relevance" in page and "random maps" in page and "(weights " in page
    with np.load(files[2]) as arrays:
        np.testing.assert_array_equal(arrays["relevance.image"], long[0].image)
    told = json.loads(files[3].read_text("utf-8"))
    assert told["maps"][0]["weights"] == long[0].provenance.weights and "attribute(" in told["code"]
    assert told["settings"]["opacity"] == 0.75
    header, *rows = snapshot.table
    scored = dict(zip(header, rows[1], strict=True))
    assert scored["method"] == "random"
    assert scored["deletion random"] == pytest.approx(board.scores["random"]["deletion"].random, rel=1e-5)
    assert SIDE >= 300 and Image.open(files[1]).width >= 3 * SIDE


def test_a_map_of_pairs_is_exported_as_it_stands(maps) -> None:
    whole, part = show(maps).snapshot(), show(maps, words=[2, 3]).snapshot()
    assert "the part of &#x27;red circle&#x27;" in part.html and "the part of" not in whole.html
    assert part.png != whole.png and show(maps, opacity=0.3).snapshot().png != whole.png


def test_texts_of_users_are_never_markup(model, maps) -> None:
    found = attribute(model, maps[0].pair, method="centre", target="<img src=x onerror=alert(1)>")
    assert "<img src=x" not in AttributionBoard(found).snapshot().html


def test_a_flat_map_has_one_colour_and_zero_has_none() -> None:
    flat = overlay(by_hand(np.zeros((3, 4))), 0.0, Choices())
    assert len(np.unique(np.asarray(flat).reshape(-1, 3), axis=0)) == 1
    two = np.asarray(overlay(by_hand([[1.0, 0.0], [-1.0, 0.5]]), 1.0, Choices()), int)
    left, right = two[0, 0], two[0, -1]
    assert left[0] > left[2] + 80 and abs(right[0] - right[2]) < 3  # orange; grey as the picture
    assert two[-1, 0, 2] > two[-1, 0, 0] + 80  # blue
    assert peak([by_hand([[1.0, -3.0]]), by_hand([[2.0, 0.0]])]) == 3


def test_the_picture_lies_in_grey_or_in_colour_under_the_maps() -> None:
    red = replace_picture(by_hand(np.zeros((2, 2))), (200, 20, 20))
    grey, coloured = (
        np.asarray(overlay(red, 1.0, Choices(ground=ground)), int)[0, 0] for ground in ("grey", "colour")
    )
    assert len(set(grey)) == 1 and tuple(coloured) == (200, 20, 20)


def test_what_numbers_and_scores_mean_is_said_in_standard_terms(maps) -> None:
    assert range_words(by_hand([[0.0, 0.0131]], signed=False), 0.02) == (
        "non-negative, 0 to 0.0131; colour scale max 0.0200"
    )
    assert range_words(by_hand([[-0.00078, 0.5]]), 0.5) == "signed, −7.8e−4 to 0.500; colour scale max 0.500"
    assert range_words(by_hand(np.zeros((2, 2))), 0.0) == "flat: every patch 0"
    assert passes(Cost(5, 3, 0.13)) == "5 forward and 3 backward passes, 0.13 s"
    assert passes(Cost(1, 0, 0.13)) == "1 forward pass, 0.13 s"
    nothing = faithfulness(maps[2], measures=["deletion"])
    assert verdict(nothing) == "Not distinguishable from random maps."


def test_the_view_of_a_map_made_by_hand_needs_no_model() -> None:
    view = board_view([by_hand(np.eye(3))], {}, refused={}, model=None)
    assert view["maps"][0]["flat"] is False and view["live"] is False


def test_maps_of_a_model_explained_as_a_whole_are_shown_and_say_why_no_new_ones_come() -> None:
    model, inputs = made("vilt")
    maps = attribute(model, inputs, method=["relevance", "occlusion"], words=list("abcdefg"))
    board = AttributionBoard(maps)
    assert board._view["described"] == "length of pooler_output"
    code = board.code()
    assert "# Two things must be at hand: `model`, the ViltModel" in code
    again: dict = {"model": model, "inputs": inputs}
    exec(code, again)
    np.testing.assert_array_equal(again["maps"]["occlusion"].image, maps["occlusion"].image)
    assert again["maps"][0].tokens == maps[0].tokens
    board.text = "another text"
    assert board.wait(30)
    assert "target=output(...)" in board.errors["text"]
    assert board.attributions.maps == maps.maps  # nothing is lost
    named = attribute(*made("gpt2"), method="occlusion", target=output(place=2))
    shown = AttributionBoard(named)
    assert shown.heatmap.image is None and "output(place=2)" in shown.code()
    page = shown.snapshot().html
    assert "Occlusion" in page and page.count("data:image/") == 1  # its words, drawn
    ink = np.asarray(word_picture(named, 1.0, Choices()).convert("L"))
    assert (ink < 100).any(axis=1).sum() > 7 * 6  # seven tokens, a line of letters each
