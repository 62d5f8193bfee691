"""The board without a browser: what the user sets, what is sent, and how errors are said."""

from __future__ import annotations

import gc
import io
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tests.fakes import FakeEncoder, colour_pairs
from widgets import ZeroShotBoard, show
from widgets.zero_shot.ranking_view import PAGE
from workbench.embedding import forget
from workbench.errors import BadInputError
from workbench.zeroshot import classify

LABELS = ["red", "green", "blue"]
TEMPLATES = ["{}", "a {} card"]


@pytest.fixture
def encoder() -> FakeEncoder:
    forget()
    return FakeEncoder()


@pytest.fixture
def board(encoder: FakeEncoder, tmp_path, monkeypatch) -> Iterator[ZeroShotBoard]:
    monkeypatch.chdir(tmp_path)  # code() writes pictures from memory beside the notebook
    board = show(classify(encoder, colour_pairs(), LABELS, templates=TEMPLATES))
    yield board
    assert board.wait(10)


def png(colour: tuple[int, int, int] = (0, 0, 255)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 6), colour).save(out, "PNG")
    return out.getvalue()


def cut_off() -> bytes:
    """The first half of a real picture."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()[: out.tell() // 2]


def upload(board: ZeroShotBoard, content: bytes, name: str = "new.png") -> None:
    """What the browser sends: bytes arrive as a memoryview."""
    board._handle_custom_msg({"kind": "upload", "names": [name]}, [memoryview(content)])
    assert board.wait(10)


def held_up(encoder: FakeEncoder, word: str = "") -> tuple[threading.Event, threading.Event]:
    """Make texts that hold `word` wait: (set once one has come, to be set so that it goes on)."""
    started, go_on = threading.Event(), threading.Event()
    encode = encoder.encode_texts

    def slow(texts: list[str]) -> np.ndarray:
        if word in texts[0]:
            started.set()
            go_on.wait(10)
        return encode(texts)

    encoder.encode_texts = slow  # type: ignore[method-assign]
    return started, go_on


def labels_shown(board: ZeroShotBoard) -> list[str]:
    return [card["label"] for card in board._view["gallery"]["items"]]


def test_every_picture_is_shown_with_its_best_label(board: ZeroShotBoard) -> None:
    assert labels_shown(board) == ["red", "green", "blue", "red"]
    assert board._view["gallery"]["accuracy"] == 1.0
    assert board._view["detail"]["sum"] == pytest.approx(1)


def test_new_labels_re_rank_and_encode_only_what_is_new(board: ZeroShotBoard, encoder: FakeEncoder) -> None:
    before = len(encoder.texts_seen)
    board.set_state({"labels": ["red", "yellow"]})
    assert board.wait(10)
    assert board.ranking.labels == ("red", "yellow")
    assert encoder.texts_seen[before:] == ["yellow", "a yellow card"]
    assert encoder.pictures_seen == 3  # two of the four are alike


def test_the_newest_labels_win_over_slower_older_ones(board: ZeroShotBoard, encoder: FakeEncoder) -> None:
    started, go_on = held_up(encoder, "old")
    board.labels = ["old one", "old two"]
    assert started.wait(10)
    board.labels = ["green", "blue"]
    go_on.set()
    assert board.wait(10)
    assert board.ranking.labels == ("green", "blue")
    assert not board.working


def test_going_back_to_the_labels_on_screen_drops_the_request_between(
    board: ZeroShotBoard, encoder: FakeEncoder
) -> None:
    started, go_on = held_up(encoder)
    board.labels = ["cyan", "pink"]
    assert started.wait(10)
    board.labels = LABELS
    go_on.set()
    assert board.wait(10)
    assert board.ranking.labels == tuple(LABELS)


def test_sliders_never_call_the_model(board: ZeroShotBoard, encoder: FakeEncoder) -> None:
    before = encoder.pictures_seen, len(encoder.texts_seen)
    for state in ({"temperature": 4.0}, {"rule": "sigmoid"}, {"active": [True, False]}, {"threshold": 0.9}):
        previous = board._view
        board.set_state(state)
        assert board._view != previous
    assert (encoder.pictures_seen, len(encoder.texts_seen)) == before


def test_a_threshold_names_pictures_none_of_these_and_says_what_it_costs(board: ZeroShotBoard) -> None:
    board.threshold = 1.0
    assert [card["kept"] for card in board._view["gallery"]["items"]] == [False] * 4
    assert "100 % of the right answers are lost" in board._view["reject"]["cost"]
    board.threshold = None
    assert "Nothing is rejected" in board._view["reject"]["cost"]


def test_a_new_wording_is_on_and_keeps_the_others_as_they_were(board: ZeroShotBoard) -> None:
    board.active = [False, True]
    board.templates = [*TEMPLATES, "the colour {}"]
    assert board.wait(10)
    assert board.active == [False, True, True]
    assert board.ranking.active.tolist() == [False, True, True]


def test_a_sentence_sorts_the_pictures_and_an_empty_one_puts_them_back(board: ZeroShotBoard) -> None:
    board.query = "something blue"
    assert board.wait(10)
    items = board._view["gallery"]["items"]
    assert items[0]["item"] == 2
    assert items[0]["similarity"] > items[1]["similarity"]
    board.query = ""
    assert [card["item"] for card in board._view["gallery"]["items"]] == [0, 1, 2, 3]


def test_texts_are_found_for_the_picture_in_view(board: ZeroShotBoard) -> None:
    board.focus = 1
    board._handle_custom_msg({"kind": "texts"}, [])
    assert board.wait(10)
    assert board._view["texts"][0][0] == "a green card"


def test_an_uploaded_picture_is_ranked_and_looked_at(board: ZeroShotBoard) -> None:
    upload(board, png(), "<b>blue</b>.png")
    assert len(board.pairs) == 5
    assert board.focus == 4
    card = board._view["gallery"]["items"][4]
    assert (card["label"], card["name"]) == ("blue", "<b>blue</b>.png")


def test_pictures_dropped_together_all_arrive_and_labels_typed_meanwhile_hold(
    board: ZeroShotBoard, encoder: FakeEncoder
) -> None:
    started, go_on = held_up(encoder, "old")
    board.labels = ["old one", "blue"]
    assert started.wait(10)
    for colour in ((0, 0, 255), (0, 255, 0), (255, 0, 0)):
        board._handle_custom_msg({"kind": "upload", "names": [f"{colour}.png"]}, [memoryview(png(colour))])
    board.labels = ["green", "blue", "red"]
    board.query = "red"
    go_on.set()
    assert board.wait(10)
    assert board.pairs.texts[4:] == ("(0, 0, 255).png", "(0, 255, 0).png", "(255, 0, 0).png")
    assert [board.ranking.labels[best] for best in board.ranking.best[4:]] == ["blue", "green", "red"]
    assert board._view["query"] == "red"


def test_the_selection_indexes_the_pairs(board: ZeroShotBoard) -> None:
    board.set_state({"selected": [2, 0]})
    assert board.pairs[board.selected].texts == ("a blue card", "a red card")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"labels": []}, "No label was given"),
        ({"labels": ["red", "red"]}, "'red' is given twice"),
        ({"labels": ["red", " "]}, "1 label (2) is blank"),
        ({"templates": ["a photo"]}, "has no {}"),
        ({"templates": ["{} {x}"]}, "other braces"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"active": [False, False]}, "switch at least one on"),
        ({"selected": [9]}, "selected holds 9"),
        ({"focus": 9}, "Item 9 was asked for"),
    ],
)
def test_bad_settings_are_said_on_the_board_and_lose_nothing(
    board: ZeroShotBoard, state: dict, said: str
) -> None:
    shown = labels_shown(board)
    board.set_state(state)
    assert board.wait(10)
    assert said in " ".join(board.errors.values())
    assert labels_shown(board) == shown


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"just words, no picture", "not a picture"),
        (cut_off(), "new.png"),
        (b"\0" * 17_000_000, "17 MB; a picture sent by the browser may have 16 MB"),
    ],
)
def test_a_bad_upload_is_said_on_the_board_and_loses_nothing(
    board: ZeroShotBoard, content: bytes, said: str
) -> None:
    upload(board, content)
    assert said in " ".join(board.errors.values())
    assert len(board.pairs) == 4
    upload(board, png())
    assert len(board.pairs) == 5 and not board.working


def test_a_problem_found_in_the_browser_is_said_like_any_other(board: ZeroShotBoard) -> None:
    board._handle_custom_msg(
        {"kind": "problem", "message": "notes.txt cannot be used: it is text/plain."}, []
    )
    assert "notes.txt cannot be used" in " ".join(board.errors.values())


def test_a_path_that_is_not_there_is_said_and_one_that_is_is_added(board: ZeroShotBoard, tmp_path) -> None:
    board._handle_custom_msg({"kind": "path", "path": str(tmp_path / "none.png")}, [])
    assert "There is no file" in " ".join(board.errors.values())
    (tmp_path / "sea.png").write_bytes(png())
    board._handle_custom_msg({"kind": "path", "path": str(tmp_path / "sea.png")}, [])
    assert board.wait(10)
    assert board.pairs.texts[-1] == "sea"


def test_cancelling_keeps_the_ranking_on_screen(board: ZeroShotBoard, encoder: FakeEncoder) -> None:
    started, go_on = held_up(encoder)
    board.labels = ["slow", "words"]
    assert started.wait(10)
    board._handle_custom_msg({"kind": "cancel"}, [])
    go_on.set()
    assert board.wait(10)
    assert board.ranking.labels == tuple(LABELS)
    assert board._status["said"] == {"": "cancelled"}


def test_without_its_model_a_board_scores_on_and_says_why_new_words_fail() -> None:
    encoder = FakeEncoder()
    ranking = classify(encoder, colour_pairs(), LABELS)
    del encoder
    gc.collect()
    board = show(ranking)
    board.temperature = 3.0
    assert not board.errors
    board.labels = ["mauve"]
    assert board.wait(10)
    assert "no longer loaded" in " ".join(board.errors.values())
    assert "show(ranking, model=model)" in " ".join(board.errors.values())


def test_labels_with_quotes_and_markup_come_out_of_the_code_as_they_went_in(board: ZeroShotBoard) -> None:
    board.labels = ['it\'s "red"', "</script><b>blue", "line\\n{}"]
    assert board.wait(10)
    names: dict = {}
    exec(next(line for line in board.code().splitlines() if line.startswith("labels = ")), names)
    assert names["labels"] == list(board.ranking.labels)


def test_the_snapshot_escapes_every_text_and_carries_the_numbers(board: ZeroShotBoard, tmp_path) -> None:
    board.labels = ["<script>alert(1)</script>", "red"]
    assert board.wait(10)
    snapshot = board.snapshot()
    assert "<script>" not in snapshot.html
    assert "&lt;script&gt;" in snapshot.html
    assert snapshot.png.startswith(b"\x89PNG")
    paths = snapshot.save(tmp_path / "board")
    assert [path.suffix for path in paths] == [".html", ".png", ".npz", ".json", ".csv"]
    with np.load(tmp_path / "board.npz") as stored:
        np.testing.assert_array_equal(stored["probability"], board.ranking.probability)


def test_only_one_page_of_pictures_crosses_the_wire(encoder: FakeEncoder) -> None:
    pairs = colour_pairs(["red", "green", "blue"] * 40)
    board = show(classify(encoder, pairs, LABELS))
    assert len(board._view["gallery"]["items"]) == PAGE
    first = board._sprite
    board.page = 1
    assert board._view["gallery"]["page"] == 1
    assert board._view["gallery"]["items"][0]["item"] == PAGE
    assert len(board._sprite) == len(first)  # the same colours again
    board.page = 99
    assert board._view["gallery"]["page"] == 4


def test_pictures_are_sent_again_only_when_others_are_shown(board: ZeroShotBoard) -> None:
    sent = board._sprite
    board.temperature = 2.0
    assert board._sprite is sent
    board.sort = "surest first"
    assert board._sprite is not sent


def test_a_ranking_of_arrays_alone_cannot_be_shown() -> None:
    from dataclasses import replace

    with pytest.raises(BadInputError, match="holds no pictures"):
        ZeroShotBoard(replace(classify(FakeEncoder(), colour_pairs(), LABELS), pairs=None))


def test_show_lists_what_it_can_show() -> None:
    with pytest.raises(BadInputError, match=r"no widget for a int. It shows: .*Ranking"):
        show(3)


def test_five_thousand_labels_send_only_the_best_of_them(encoder: FakeEncoder) -> None:
    labels = [f"label {k}" for k in range(4999)] + ["red"]
    board = show(classify(encoder, colour_pairs(["red"]), labels))
    assert len(board._view["detail"]["rows"]) == 12
    assert board._view["detail"]["hidden"] == 4988
    assert board._view["detail"]["rows"][0]["label"] == "red"


def test_one_label_comes_with_the_reason_why_it_is_always_sure(board: ZeroShotBoard) -> None:
    board.labels = ["red"]
    assert board.wait(10)
    assert [card["probability"] for card in board._view["gallery"]["items"]] == [1.0] * 4
    assert "One label always gets probability 1" in board._view["hints"][0]


def test_the_other_rule_comes_with_a_warning(board: ZeroShotBoard) -> None:
    board.rule = "sigmoid"
    assert "trained with softmax" in board._view["hints"][0]
