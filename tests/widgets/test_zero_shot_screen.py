"""What stands on the board's screen: filters, counts, thresholds, colours, removed pictures, and its code."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes import COLOURS, FakeEncoder, colour_pairs
from widgets import ZeroShotBoard, show
from widgets.colours import NAMED
from widgets.zero_shot.choices import Choices, matching_threshold
from widgets.zero_shot.rejection import deciding
from workbench import data
from workbench.embedding import forget
from workbench.errors import BadInputError
from workbench.models.base import Advice, TokenView
from workbench.zeroshot import classify
from workbench.zeroshot.scoring import reject_scores

LABELS = ["red", "green", "blue"]
TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def encoder() -> FakeEncoder:
    forget()
    encoder = FakeEncoder()
    encoder.advice = Advice(("{}",), "cosine", 0.9)
    return encoder


@pytest.fixture
def board(encoder: FakeEncoder, tmp_path, monkeypatch) -> Iterator[ZeroShotBoard]:
    """Five cards; the fourth is labelled red and painted blue, so it is named wrongly."""
    monkeypatch.chdir(tmp_path)
    painted = ["red", "green", "blue", "blue", "red"]
    pairs = data.from_pictures(
        [Image.new("RGB", (7, 5), COLOURS[name]) for name in painted],
        texts=[f"card {k}" for k in range(5)],
        labels=["red", "green", "blue", "red", "red"],
    )
    board = show(classify(encoder, pairs, LABELS), threshold=None)
    yield board
    assert board.wait(10)


def listed(board: ZeroShotBoard) -> list[int]:
    return [card["item"] for card in board._view["gallery"]["items"]]


def png(colour: tuple[int, int, int]) -> memoryview:
    out = io.BytesIO()
    Image.new("RGB", (9, 6), colour).save(out, "PNG")
    return memoryview(out.getvalue())


def test_only_the_wrong_ones_only_one_labels_and_both(board: ZeroShotBoard) -> None:
    board.only = "wrong"
    assert listed(board) == [3]
    board.only, board.won_by = "right", ["red", "blue"]
    assert listed(board) == [0, 2, 4]
    board.only, board.won_by = "all", ["green"]
    assert listed(board) == [1]
    assert board._view["gallery"]["listed"] == 1 and board._view["gallery"]["total"] == 5


def test_a_filter_never_changes_what_is_counted(board: ZeroShotBoard) -> None:
    before = board._view["gallery"]["counts"], board._view["gallery"]["accuracy"]
    board.won_by = ["green"]
    assert (board._view["gallery"]["counts"], board._view["gallery"]["accuracy"]) == before
    assert before[1] == 0.8


def test_none_of_these_can_be_listed_alone_and_come_last_when_sorted_by_label(board: ZeroShotBoard) -> None:
    cosines = reject_scores(board.ranking, "cosine")
    board.measure, board.threshold = "cosine", float(cosines[1]) + 1e-4  # green, and what is as unsure
    rejected = np.flatnonzero(cosines < board.threshold).tolist()
    assert 0 < len(rejected) < 5
    board.sort = "by label"
    assert sorted(listed(board)[-len(rejected) :]) == rejected
    board.only = "none of these"
    assert sorted(listed(board)) == rejected


def test_removed_pictures_are_neither_listed_nor_counted_and_the_others_keep_their_numbers(
    board: ZeroShotBoard,
) -> None:
    board.selected, board.focus = [1, 3], 3
    board.removed = [3]
    assert listed(board) == [0, 1, 2, 4]
    assert board._view["gallery"]["accuracy"] == 1.0
    assert sum(row["count"] for row in board._view["gallery"]["counts"]) == 4
    assert sum(board._view["reject"]["bars"]) == 4
    assert board.selected == [1] and board.focus == 0
    board.removed = []
    assert listed(board) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("removed", "said"), [([0, 1, 2, 3, 4], "one picture at least"), ([7], "no item 7")])
def test_what_cannot_be_removed_is_said_and_nothing_goes(
    board: ZeroShotBoard, removed: list[int], said: str
) -> None:
    board.removed = removed
    assert said in board.errors["gallery"]
    assert board.removed == [] and len(listed(board)) == 5


def test_each_measure_goes_back_to_its_own_threshold(board: ZeroShotBoard) -> None:
    board.measure, board.threshold = "cosine", 0.93
    board.measure = "margin"
    assert board.threshold is not None
    board.threshold = 0.2
    board.measure = "cosine"
    assert board.threshold == 0.93
    board.measure = "margin"
    assert board.threshold == 0.2
    board.threshold = None
    board.measure = "cosine"
    assert board.threshold is None and board.thresholds["cosine"] == 0.93


def test_a_measure_without_a_threshold_begins_where_as_many_are_rejected(board: ZeroShotBoard) -> None:
    for rejected in range(6):
        for measure in ("probability", "margin", "cosine"):
            at = matching_threshold(board.ranking, measure, rejected)
            below = int((reject_scores(board.ranking, measure) < at).sum())
            ties = len(set(reject_scores(board.ranking, measure).round(6).tolist())) < 5
            assert below == rejected or ties


def test_the_measured_threshold_stays_marked_whatever_is_set(board: ZeroShotBoard) -> None:
    board.measure = "cosine"
    assert board._view["reject"]["measured"]["value"] == 0.9
    assert board._view["reject"]["low"] <= 0.9 <= board._view["reject"]["high"]
    board.threshold = 0.1
    assert board._view["reject"]["measured"]["said"] == "measured: 0.900"
    assert board._view["reject"]["measured"]["note"] == ""
    board.templates = ["{}", "a {} card"]
    assert board.wait(10)
    assert "measured with the template {}" in board._view["reject"]["measured"]["note"]
    board.measure = "margin"
    assert board._view["reject"]["measured"] is None


@pytest.mark.parametrize(
    ("score", "threshold", "said"),
    [
        (0.2231, 0.2535, "cosine 0.223 < 0.254"),
        (0.2534, 0.2535, "cosine 0.253 < 0.254"),
        (0.25348, 0.25349, "cosine 0.25348 < 0.25349"),
        (-0.02, 0.1, "cosine −0.020 < 0.100"),
    ],
)
def test_a_rejected_card_shows_the_measure_that_decided(score: float, threshold: float, said: str) -> None:
    assert deciding(score, Choices(measure="cosine", threshold=threshold)) == said


def test_a_temperature_of_zero_is_answered_and_put_back(board: ZeroShotBoard) -> None:
    board.set_state({"temperature": 0.0})
    assert "expected a number above 0. 1 is the model's own" in board.errors["temperature"]
    assert board.temperature == 1.0
    board.temperature = 2.0
    assert board.errors == {} and board.ranking.temperature == 2.0


def test_a_bad_template_is_refused_in_its_place_and_blocks_nothing_else(board: ZeroShotBoard) -> None:
    board._handle_custom_msg({"kind": "template", "text": "no placeholder"}, [])
    assert "has no {}" in board.errors["templates"]
    assert board.templates == ["{}"]
    board.labels = ["red", "yellow"]
    assert board.wait(10)
    assert board.ranking.labels == ("red", "yellow")
    board.templates = ["{}", "nothing"]
    assert board.templates == ["{}"] and "has no {}" in board.errors["templates"]
    board._handle_custom_msg({"kind": "template", "text": "a {} card"}, [])
    assert board.wait(10)
    assert board.ranking.templates == ("{}", "a {} card") and board.errors == {}


def test_colours_go_to_the_labels_that_win_and_to_none_twice(encoder: FakeEncoder) -> None:
    labels = [f"word {k}" for k in range(40)] + LABELS
    board = show(classify(encoder, colour_pairs(["blue", "blue", "red"]), labels), threshold=None)
    won = {row["index"] for row in board._view["gallery"]["counts"] if row["index"] >= 0}
    assert board._view["hues"] == {str(index): place for place, index in enumerate(sorted(won))}
    many = show(classify(encoder, colour_pairs(["red"] * 3), [f"red {k}" for k in range(30)]), threshold=None)
    assert len(set(many._view["hues"].values())) == len(many._view["hues"]) <= len(NAMED)


def test_labels_that_the_model_cannot_read_are_marked(encoder: FakeEncoder) -> None:
    def tokens(text: str) -> TokenView:
        pieces = tuple(text.split())
        return TokenView(pieces, 16, False, tuple(k for k, word in enumerate(pieces) if not word.isascii()))

    encoder.tokens = tokens  # type: ignore[method-assign]
    board = show(classify(encoder, colour_pairs(), ["猫", "一只 狗", "人"]))
    unread = board._view["unread"]
    assert unread["said"] == "0 of 3 labels are made of words this model knows."
    assert unread["labels"][1] == {"label": "一只 狗", "words": ["一只", "狗"]}
    assert all(card["unread"] for card in board._view["gallery"]["items"])
    board.labels = LABELS
    assert board.wait(10)
    assert board._view["unread"] is None


def test_labels_that_are_read_alike_are_said_and_offered_as_one(encoder: FakeEncoder) -> None:
    read = encoder.encode_texts
    encoder.encode_texts = lambda texts: read([text.lower() for text in texts])  # type: ignore[method-assign]
    board = show(classify(encoder, colour_pairs(), ["red", "RED", "blue", "Red"]))
    alike = board._view["alike"]
    assert (
        alike["said"] == "The model reads these alike, so they share one probability: 'red' = 'RED' = 'Red'."
    )
    assert alike["labels"] == ["red", "blue"]
    board.labels = alike["labels"]  # what the button sends
    assert board.wait(10)
    assert board._view["alike"] is None and board.ranking.labels == ("red", "blue")


def test_pictures_dropped_on_a_labelled_board_take_nothing_from_what_is_known(board: ZeroShotBoard) -> None:
    board._handle_custom_msg({"kind": "upload", "names": ["sea.png"]}, [png(COLOURS["blue"])])
    assert board.wait(10)
    assert board._view["gallery"]["known"] == 5 and board._view["gallery"]["total"] == 6
    assert board._view["gallery"]["items"][5]["right"] is None


def test_a_dropped_picture_comes_into_view_whatever_was_listed_and_in_whatever_order(
    encoder: FakeEncoder,
) -> None:
    pairs = colour_pairs(["red", "green"] * 20)
    board = show(classify(encoder, pairs, LABELS), threshold=None, sort="by label", won_by=["red"], page=0)
    board._handle_custom_msg({"kind": "upload", "names": ["sea.png"]}, [png(COLOURS["blue"])])
    assert board.wait(10)
    assert board.focus == 40 and board.won_by == []
    assert 40 in listed(board)


def test_a_snapshot_names_the_model_the_templates_and_the_threshold(board: ZeroShotBoard) -> None:
    board.measure, board.threshold = "cosine", 0.999
    snapshot = board.snapshot()
    for said in ("Model fake", "{}", "none of these below a cosine of 0.999", "red, green, blue"):
        assert said in snapshot.html
    assert snapshot.table[0][1] == "best label" and len(snapshot.table) == 6
    rejected = [row for row in snapshot.table[1:] if row[1].startswith("none of these")]
    assert rejected and all("cosine" in row[1] and "< 0.999" in row[1] for row in rejected)
    with Image.open(io.BytesIO(snapshot.png)) as picture:
        plain = show(replace(board.ranking)).snapshot()
        assert picture.width == Image.open(io.BytesIO(plain.png)).width


def test_larger_cards_get_sharper_pictures(board: ZeroShotBoard) -> None:
    small = board._sprite
    board.size = 100
    assert board._sprite is small
    board.size = 200
    assert board._view["cell"] == 224
    with Image.open(io.BytesIO(board._sprite)) as sheet:
        assert sheet.width == 6 * 224


def test_an_unknown_choice_names_those_there_are(encoder: FakeEncoder) -> None:
    with pytest.raises(BadInputError, match=r"no choice 'tresh'; it has .*threshold"):
        show(classify(encoder, colour_pairs(), LABELS), tresh=1)


def set_everything(board: ZeroShotBoard) -> None:
    """Every trait away from where it begins, and two pictures dropped."""
    for name, colour in (("sea & sky.png", "blue"), ("草.png", "green")):
        board._handle_custom_msg({"kind": "upload", "names": [name]}, [png(COLOURS[colour])])
    board.labels = ["red", "green", "blue", 'it\'s "yellow"']
    board.templates = ["{}", "a {} card", "the {}"]
    assert board.wait(10)
    board.active, board.ensemble = [True, False, True], "probability"
    board.temperature, board.rule = 2.5, "sigmoid"
    board.measure, board.threshold = "margin", 0.05
    board.measure, board.threshold = "cosine", 0.4
    board.query = "something blue"
    assert board.wait(10)
    board.sort, board.size, board.removed = "surest first", 150, [0]
    board.selected, board.focus, board.won_by = [6, 2], 2, ["blue", "green"]


def test_the_measured_threshold_follows_the_number_of_labels_until_it_is_moved(
    encoder: FakeEncoder, board: ZeroShotBoard
) -> None:
    """Closed form: threshold + growth * ln(labels / 20)."""
    encoder.advice = Advice(("{}",), "cosine", 0.5, growth=0.1, measured_to=4)
    pairs = board.ranking.pairs
    other = show(classify(encoder, pairs, LABELS))

    def right(count: int) -> float:
        return 0.5 + 0.1 * math.log(count / 20)

    assert other.threshold == pytest.approx(right(3)) and other.thresholds["cosine"] == other.threshold
    assert other._view["reject"]["measured"]["value"] == other.threshold
    assert other._view["reject"]["measured"]["said"].endswith("for 3 labels")
    other.labels = [*LABELS, "yellow"]
    assert other.wait(10)
    assert other.threshold == pytest.approx(right(4)) == other._view["reject"]["measured"]["value"]
    assert other._view["reject"]["measured"]["note"] == ""
    other.threshold = 0.33
    other.labels = [*LABELS, "yellow", "black"]
    assert other.wait(10)
    assert other.threshold == 0.33  # its user moved it
    assert other._view["reject"]["measured"]["value"] == pytest.approx(right(5))
    assert "up to 4 labels" in other._view["reject"]["measured"]["note"]


def test_a_threshold_that_is_off_stays_off_and_comes_on_where_it_was_measured(
    encoder: FakeEncoder, board: ZeroShotBoard
) -> None:
    encoder.advice = Advice(("{}",), "cosine", 0.5, growth=0.1)
    other = show(classify(encoder, board.ranking.pairs, LABELS), threshold=None)
    other.labels = LABELS[:2]
    assert other.wait(10)
    assert other.threshold is None
    assert other.thresholds["cosine"] == pytest.approx(0.5 + 0.1 * math.log(2 / 20))


#: What a fresh kernel is given before the copied cell: the fakes instead of a model that takes seconds to load.
PRELUDE = f"""import json, sys
sys.path.insert(0, {str(TESTS)!r})
from fakes import FakeEncoder
from workbench import data, models
from workbench.models.base import Advice
encoder = FakeEncoder()
encoder.advice = Advice(("{{}}",), "cosine", 0.9)
models.load = lambda name: encoder
"""
CLOSING = """
assert board.wait(30)
chosen = {name: getattr(board, name) for name in board.trait_names(sync=True)
          if name[0] != "_" and name not in ("layout", "tooltip", "tabbable", "comm", "keys")}
view = {name: value for name, value in board._view.items() if name not in ("code", "kept")}
print(json.dumps({"chosen": chosen, "view": view, "code": board.code()}))
"""


def test_copied_code_gives_the_screen_back_in_a_fresh_kernel(board: ZeroShotBoard, tmp_path) -> None:
    set_everything(board)
    code = board.code()
    assert sorted(os.listdir(tmp_path / "zero-shot-pictures"))[-1].startswith("sea-sky-")
    again = subprocess.run(
        [sys.executable, "-c", PRELUDE + code + CLOSING],
        capture_output=True, text=True, cwd=tmp_path, timeout=120,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
    )  # fmt: skip
    assert again.returncode == 0, again.stderr[-2000:]
    told = json.loads(again.stdout.splitlines()[-1])
    names = [name for name in told["chosen"] if not name.startswith("_")]
    assert {"threshold", "removed", "won_by", "query", "size"} <= set(names)
    for name in names:
        mine = getattr(board, name)
        assert told["chosen"][name] == (sorted(mine) if name == "selected" else mine), name
    here = {name: value for name, value in board._view.items() if name not in ("code", "kept")}
    assert told["view"] == json.loads(json.dumps(here))
    assert told["code"] == code


def test_the_code_is_there_before_anything_is_written(board: ZeroShotBoard, tmp_path) -> None:
    board._handle_custom_msg({"kind": "upload", "names": ["sea.png"]}, [png(COLOURS["blue"])])
    assert board.wait(10)
    assert "zero-shot-pictures/sea-" in board._view["code"]
    assert not (tmp_path / "zero-shot-pictures").exists()
    board.set_state({"sort": "by label", "_copying": "one"})
    assert "by label" in board._view["code"]
    assert board._view["kept"] == "one"
    assert len(list((tmp_path / "zero-shot-pictures").iterdir())) == 6  # the five cards, and the new one
