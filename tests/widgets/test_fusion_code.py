"""Copy as Python gives the fusion board back: everything is set, copied, run by itself, and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workbench.fusion.small import small_examples
from widgets import FusionBoard, show
from widgets.fusion.presets import PRESETS
from workbench.data import load
from workbench.fusion import Design, Plan, advise, compare, examples, measured, open_report, regions

BYTES = {"plane": ["_planes"], "space": ["_space"], "examples": ["_sprite", "_large"]}
"""Page to the pictures that are sent for it."""
QUICK = Plan(design=Design(width=8), epochs=1, noise_test=(0.0, 1.0), p_missing_test=(0.0, 1.0))


def again(board: FusionBoard) -> FusionBoard:
    """The board that its code makes in a namespace of its own."""
    fresh: dict[str, Any] = {}
    code = board.code()
    exec(compile(code, "copied", "exec"), fresh)
    assert code.rstrip().split("\n")[-1].startswith(("board", "#"))
    assert fresh["board"].wait(60)
    return fresh["board"]


def traits(board: FusionBoard) -> dict[str, Any]:
    """Every public trait, but the data set of the menu: the code makes its examples instead."""
    return {
        name: getattr(board, name)
        for name in board.trait_names(sync=True)
        if not name.startswith("_") and name in board.class_own_traits() and name != "data"
    }


def same(board: FusionBoard) -> FusionBoard:
    """The board made again, which has the same traits and the same pictures."""
    assert board.wait(60)
    other = again(board)
    assert traits(other) == traits(board)
    assert other.snapshot().png == board.snapshot().png
    assert {k: v for k, v in other._view.items() if k != "code"} == {
        k: v for k, v in board._view.items() if k != "code"
    }
    for name in BYTES.get(board.tab, ()):
        assert getattr(other, name) == getattr(board, name)
    return other


def test_planes_come_back_with_steps_size_design_seed_and_neighbours() -> None:
    made = regions(
        ["slider-1b4", "mean-logits"], "and", steps=20, size=8, seed=5, design=Design(width=8, depth=3)
    )
    board = show(made)
    other = same(board)
    code = board.code()
    assert "steps=20" in code and "size=8" in code and "design=Design(width=8, depth=3)" in code
    np.testing.assert_allclose(list(other.planes.values()), list(board.planes.values()))


def test_a_preset_comes_back_as_it_stands() -> None:
    board = FusionBoard()
    board.preset = next(row.name for row in PRESETS if row.name == "mbt-one")
    assert same(board).preset == "mbt-one"


def test_the_kept_comparison_is_copied_as_such_and_not_as_an_hour_of_work() -> None:
    board = show(measured("easy-vqa"))
    code = board.code()
    assert "report = measured('easy-vqa')" in code and "compare(" not in code
    board.set_state(
        {
            "fusion": "film", "baseline": "concat-linear", "measure": "nll", "cost": "seconds",
            "curve": "train_loss", "order": "fusions disagree", "chosen": ["gmu"], "seeds": 2, "epochs": 3,
            "most_train": 500, "training": "separate", "need": "product", "may_miss": True,
            "most_parameters": 60_000, "rows": 900,
        }
    )  # fmt: skip
    for page in ("quality", "cost", "robustness", "contributions", "training", "space", "choose", "plane"):
        board.tab = page
        same(board)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of pictures that ship, saved."""
    folder = tmp_path_factory.mktemp("kept") / "mine"
    given = examples(load("digits-words", n=300))
    compare(given, ["mean-logits", "gmu"], seeds=2, plan=QUICK).save(folder)
    return folder


def test_a_report_that_was_opened_is_opened_again_with_its_data(kept: Path) -> None:
    board = show(open_report(kept, examples(load("digits-words", n=300))))
    assert f"open_report({str(kept)!r}, examples(" in board.code()
    items = [int(item) for item in board.report.items[:3]]
    board.set_state({"tab": "examples", "fusion": "gmu", "focus": items[1], "selected": items, "page": 1})
    other = same(board)
    assert other.report.config_hash == board.report.config_hash and other._sprite == board._sprite


def test_a_report_opened_without_data_is_opened_so_again(kept: Path) -> None:
    board = show(open_report(kept))
    assert board.code().count(f"report = open_report({str(kept)!r})") == 1
    same(board)


def test_a_comparison_made_just_now_is_made_again_with_the_same_figures() -> None:
    given = examples(load("digits-words", n=300))
    board = show(compare(given, ["mean-logits"], seeds=(3,), plan=QUICK))
    fresh: dict[str, Any] = {}
    exec(board.code(), fresh)
    np.testing.assert_allclose(fresh["report"].metrics["nll"], board.report.metrics["nll"], atol=1e-6)
    assert fresh["report"].config_hash == board.report.config_hash


def test_a_choice_comes_back_with_its_answers() -> None:
    board = show(advise(need="product", may_miss=True, rows=1500))
    assert "advise(need='product', may_miss=True, rows=1500)" in board.code()
    other = same(board)
    assert other.advice.choice == board.advice.choice


def test_examples_that_wait_to_be_compared_on_come_back() -> None:
    board = show(examples(load("digits-words", n=300)))
    board.set_state({"chosen": ["film"], "epochs": 2})
    assert same(board).examples.fingerprint == board.examples.fingerprint


def test_nothing_is_lost_where_data_cannot_be_made_again_but_their_name() -> None:
    board = show(compare(small_examples(), ["mean-logits"], seeds=1, plan=QUICK))
    compile(board.code(), "copied", "exec")
    assert "examples," in board.code()  # what the user called them, to be put there by hand
