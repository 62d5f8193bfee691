"""The fusion board without a browser or torch: what is sent, trained, kept, exported, and how errors are said."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from tests import fusion_fakes as fakes
from tests.fusion_fakes import tell
from widgets import FusionBoard, show
from widgets.fusion import plane_store
from widgets.fusion.presets import PRESETS
from workbench.errors import BadInputError

REPORT_PAGES = ("quality", "training", "robustness", "contributions", "cost", "examples", "space")


def tiles(board: FusionBoard) -> dict[str, dict]:
    return {tile["name"]: tile for tile in board._view["plane"]["regions"]["tiles"]}


# The plane -----------------------------------------------------------------------------------


def test_nothing_is_trained_before_it_is_asked_for_and_the_board_says_what_is_missing(lab: fakes.Lab) -> None:
    board = FusionBoard()
    assert board.wait(10) and lab.asked == [] and board.working == {}
    assert board._view["plane"]["missing"] == ["slider-0", "early-tokens", "mean-logits"]
    report = show(fakes.report())
    report.tab = "plane"
    report.layer = 1  # on the page of the plane a move of the slider asks
    assert report.wait(10)
    assert [asked[1] for asked in lab.asked] == [("slider-1",), ("early-tokens", "mean-logits")]
    other = show(fakes.report())
    other.layer = 2
    assert other.wait(10) and len(lab.asked) == 2


def test_a_board_that_is_asked_trains_the_slider_and_its_neighbours_on_xor(
    plane: FusionBoard, lab: fakes.Lab
) -> None:
    assert [asked[1] for asked in lab.asked] == [("slider-0",), ("early-tokens", "mean-logits")]
    assert plane.planes == {"slider-0": 1.0, "early-tokens": 1.0, "mean-logits": 0.75}
    assert list(tiles(plane)) == ["truth", "additive", "slider-0", "early-tokens", "mean-logits"]
    assert tiles(plane)["mean-logits"]["words"].endswith("no more than 75.0 % is possible in its class")


def test_what_ships_is_there_at_once_and_stands_in_until_another_seed_is_trained(
    lab: fakes.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("slider-0", "slider-1", "early-tokens", "mean-logits")
    monkeypatch.setattr(plane_store, "kept_planes", lambda *_, **__: {(name, 0): None for name in names})
    board = FusionBoard()
    assert set(board.planes) == {"slider-0", "early-tokens", "mean-logits"} and lab.asked == []
    board.layer = 1
    assert "slider-1" in board.planes and lab.asked == []
    lab.hold = threading.Event()
    board.seed = 7
    tile = tiles(board)["slider-1"]
    assert tile["other"] and tile["words"].startswith("of seed 0; seed 7 is not trained yet")
    assert tile["place"] is not None
    lab.hold.set()
    assert board.wait(10)
    assert not tiles(board)["slider-1"]["other"] and [asked[3] for asked in lab.asked] == [7, 7]


def test_the_slider_redraws_the_graph_and_trains_only_what_is_new(plane: FusionBoard, lab: fakes.Lab) -> None:
    graphs, before = [plane._view["plane"]["graph"]], len(lab.asked)
    for layer in (1, 2, 3):
        plane.layer = layer
        assert plane.wait(10)
        graphs.append(plane._view["plane"]["graph"])
    assert [asked[1] for asked in lab.asked[before:]] == [("slider-1",), ("slider-2",), ("slider-3",)]
    crossing = [sum(edge["kind"] == "cross" for edge in graph["edges"]) for graph in graphs]
    assert crossing == sorted(crossing, reverse=True) and crossing[-1] == 0
    plane.layer = 1
    assert plane.wait(10)
    assert len(lab.asked) == before + 3  # it was there already


def test_every_tile_is_sent_once_as_bytes_in_the_order_of_the_tiles(plane: FusionBoard) -> None:
    size = plane._view["plane"]["regions"]["size"]
    sent = np.frombuffer(plane._planes, np.uint8).reshape(-1, size, size)
    assert len(sent) == 5
    assert (sent[tiles(plane)["slider-0"]["place"]] == sent[0]).all()  # it solves xor
    assert (sent[tiles(plane)["mean-logits"]["place"]] != sent[0]).any()


def test_a_cancelled_training_keeps_what_was_finished_and_says_so(plane: FusionBoard, lab: fakes.Lab) -> None:
    lab.hold = threading.Event()
    plane.task = "ring"
    tell(plane, kind="cancel", what="plane")
    assert plane.wait(10)
    assert plane.working == {} and plane._status["said"] == {"": "cancelled"}
    plane.task = "xor"
    assert plane.wait(10)
    assert len(plane.planes) == 3


def test_the_newest_position_of_the_slider_wins_over_one_still_in_training(
    plane: FusionBoard, lab: fakes.Lab
) -> None:
    lab.hold = threading.Event()
    plane.layer = 1
    plane.layer = 2
    lab.hold.set()
    assert plane.wait(10)
    assert plane._view["plane"]["slider"]["name"] == "slider-2"
    assert "slider-2" in plane.planes


@pytest.mark.parametrize("wish", PRESETS, ids=lambda wish: wish.name)
def test_a_preset_sets_what_it_names_and_gives_its_reason(plane: FusionBoard, wish) -> None:
    plane.preset = wish.name
    assert plane.wait(10)
    assert {name: getattr(plane, name) for name in wish.settings} == dict(wish.settings)
    assert plane.errors == {} and len(wish.why) > 60
    plane.seed = 1
    assert plane.preset == wish.name
    plane.beside = []
    assert plane.preset == ""
    assert plane.wait(10)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"task": "nonsense"}, "task is 'nonsense'; the plane has xor, and,"),
        ({"layer": 7}, "layer is 7; expected 0 (early) to 3 (late)"),
        ({"bottleneck": 99}, "bottleneck is 99; expected 0 (all tokens) to 16"),
        ({"beside": ["early-token"]}, "early-tokens"),
        ({"preset": "magic"}, "preset is 'magic'; there are xor-late"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_is_refused_on_the_board_and_the_next_right_one_clears_it(
    plane: FusionBoard, state: dict, said: str
) -> None:
    before = {name: getattr(plane, name) for name in state}
    plane.set_state(state)
    assert said in plane.errors[""]
    plane.set_state(before)
    assert plane.wait(10)
    assert plane.errors == {}


def test_shown_regions_are_drawn_without_training_them_again(lab: fakes.Lab) -> None:
    board = show(fakes.regions(("slider-1b4", "mean-logits"), "xor", seed=3))
    assert board.wait(10)
    assert lab.asked == []
    assert (board.layer, board.bottleneck, board.seed, board.beside) == (1, 4, 3, ["mean-logits"])


# A report ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", (*REPORT_PAGES, "choose", "plane", "proof", "models"))
def test_every_page_is_plain_data_that_json_can_carry(board: FusionBoard, page: str) -> None:
    board.tab = page
    assert board.wait(10)
    assert board._view["tab"] == page and page in board._view
    json.dumps(board._view, allow_nan=False)
    assert board.errors == {}


def test_pages_that_need_a_report_say_so_and_are_not_opened(plane: FusionBoard) -> None:
    closed = {tab["name"] for tab in plane._view["tabs"] if tab["why"]}
    assert closed == set(REPORT_PAGES) - {"training"}
    plane.tab = "quality"
    assert plane._view["tab"] == "plane"
    assert "compare(data, fusions)" in next(t["why"] for t in plane._view["tabs"] if t["name"] == "quality")


def test_unequal_budgets_are_stamped_on_the_figure_and_on_the_snapshot(board: FusionBoard) -> None:
    assert board._view["quality"]["unmatched"] == ["only-image"]
    board.tab = "cost"
    assert board._view["cost"]["unmatched"] == ["only-image"]
    assert "Unmatched budgets: only-image" in board.snapshot().html


def test_an_interrupted_report_shows_what_there_is(lab: fakes.Lab) -> None:
    board = show(fakes.report(complete=False))
    for page in REPORT_PAGES:
        board.tab = page
        assert board.wait(10)
        json.dumps(board._view, allow_nan=False)
    assert board._view["said"].startswith("interrupted: what was finished is shown")


# Comparing from the board --------------------------------------------------------------------


def test_a_comparison_started_on_the_board_uses_its_budget_and_replaces_the_report(
    board: FusionBoard, lab: fakes.Lab
) -> None:
    board.set_state(
        {"chosen": ["gmu", "tensor"], "seeds": 2, "epochs": 3, "most_train": 7, "tab": "training"}
    )
    board.training = "separate"
    tell(board, kind="compare")
    assert board.wait(10)
    assert lab.training == "separate"
    assert lab.asked[-1] == ("compare", ("gmu", "tensor"), 2, 3, 7)
    assert board.report.fusions == ("gmu", "tensor") and board.fusion in board.report.fusions
    assert board.baseline in board.report.fusions and board.working == {}


def test_curves_arrive_while_it_runs_and_cancel_keeps_a_partial_report(
    board: FusionBoard, lab: fakes.Lab
) -> None:
    board.tab = "training"
    lab.hold = threading.Event()
    tell(board, kind="compare")
    while not board._live.get("curves"):
        assert board.working
    assert board._live["what"] == "compare"
    tell(board, kind="cancel", what="compare")
    assert board.wait(10)
    assert board.report.complete is False
    assert board.working == {} and board.errors == {}


def test_a_comparison_without_examples_or_without_fusions_is_refused_in_words(plane: FusionBoard) -> None:
    tell(plane, kind="compare")
    assert "nothing to train on yet" in plane.errors["compare"]
    board = show(fakes.examples())
    assert board.tab == "training" and board._view["training"]["live"]
    board.chosen = []
    tell(board, kind="compare")
    assert "No fusion is ticked" in board.errors["compare"]
    assert isinstance(board.last_error, BadInputError)


def test_a_proof_started_on_the_board_is_shown_and_broken_cells_are_named(board: FusionBoard) -> None:
    board.tab = "proof"
    assert board._view["proof"]["proof"] is None
    tell(board, kind="prove")
    assert board.wait(10)
    assert "all within theory" in board._view["proof"]["proof"]["said"]
    broken = show(fakes.proof())._view["proof"]["proof"]
    assert "1 of 3 claims broken, by low-rank" in broken["said"]
    assert broken["rows"][1]["cells"][0]["state"] == "broken"


# One example ---------------------------------------------------------------------------------


def test_an_item_is_opened_inside_the_fusion_in_view_once(board: FusionBoard, lab: fakes.Lab) -> None:
    item = int(board.report.items[4])
    board.set_state({"tab": "examples", "fusion": "early-tokens", "focus": item})
    assert board.wait(10)
    look = board._view["examples"]["look"]
    assert look["item"] == item and look["crossing"] == pytest.approx(0.375)
    assert look["grid"] == [2, 3] and look["words"][-1] == f"{item}?"
    asked = len(lab.asked)
    board.focus = int(board.report.items[5])
    board.focus = item
    assert board.wait(10)
    assert [name for name, *_ in lab.asked[asked:]] == ["look"]  # the other one; this one was kept


def test_what_was_chosen_can_be_used_in_the_next_cell(board: FusionBoard) -> None:
    items = [int(item) for item in board.report.items[1:3]]
    board.set_state({"selected": items})
    assert [text.split()[-1] for text in board.examples.pairs[board.selected].texts] == [
        f"{i}?" for i in items
    ]
    assert f"report.examples.take({items})" in board.code()
