"""The fusion board: what leaves it as files and code, and the page that chooses."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from tests import fusion_fakes as fakes
from tests.fusion_fakes import tell
from widgets import FusionBoard, show
from widgets.fusion.datasets import SETS, ShippedSet
from workbench.errors import BadInputError

REPORT_PAGES = ("quality", "training", "robustness", "contributions", "cost", "examples", "space")


# Leaving the board ---------------------------------------------------------------------------


@pytest.mark.parametrize("page", (*REPORT_PAGES, "plane", "models"))
def test_every_page_is_exported_as_csv_and_latex_with_its_origin(board: FusionBoard, page: str) -> None:
    board.tab = page
    if page == "plane":
        tell(board, kind="train")
    assert board.wait(10)
    rows = list(csv.DictReader(io.StringIO(board.table("csv"))))
    assert rows
    if page not in ("plane", "models"):
        assert "0123abcd" in board.table("csv") and "0123abcd" in board.table("latex")
    assert "\\begin{tabular}" in board.table("latex")


def test_an_export_of_another_form_or_of_nothing_is_refused(board: FusionBoard) -> None:
    with pytest.raises(BadInputError, match="form is 'xlsx'; a page is exported as csv or latex"):
        board.table("xlsx")
    board.tab = "proof"
    tell(board, kind="table", form="csv")
    assert "nothing on this page to export" in board.errors["table"]


def test_the_old_name_of_a_table_still_works_and_says_the_new_one(board: FusionBoard) -> None:
    with pytest.warns(DeprecationWarning, match=r"table\('csv'\)"):
        assert board.export("csv") == board.table("csv")


def test_an_export_leaves_page_picture_numbers_and_table(board: FusionBoard, tmp_path) -> None:
    board.tab = "cost"
    names = [path.suffix for path in board.export(tmp_path / "mine")]
    assert names == [".html", ".png", ".npz", ".json", ".csv"]
    assert "0123abcd" in (tmp_path / "mine.csv").read_text("utf-8-sig")


def test_the_code_of_the_plane_and_of_the_report_is_python(board: FusionBoard, plane: FusionBoard) -> None:
    for code in (board.code(), plane.code()):
        compile(code, "copied", "exec")
    assert "regions(" in plane.code() and "compare(" in board.code()
    assert "seeds=3" in board.code() and "# configuration 0123abcd, seeds 0, 1, 2" in board.code()


def test_seeds_that_were_chosen_are_copied_as_they_are() -> None:
    code = FusionBoard(replace(fakes.report(), seeds=(3, 5, 8))).code()
    assert "seeds=[3, 5, 8]," in code and "seeds 3, 5, 8" in code


@pytest.mark.parametrize("page", (*REPORT_PAGES, "plane"))
def test_a_snapshot_holds_the_numbers_and_escapes_what_people_wrote(board: FusionBoard, page: str) -> None:
    board.tab = page
    assert board.wait(10)
    html = board.snapshot().html
    assert "<table" in html and "<b>rows</b>" not in html and len(html) < 300_000


def test_real_models_are_measured_here_and_ones_own_is_shown_among_them() -> None:
    from tests.families import made
    from workbench.capture import capture
    from workbench.fusion import SPECIMENS, meeting

    board = show(meeting(capture(*made("vilt"))))
    assert board.tab == "models" and "from the first layer on" in board._view["models"]["own"][0]["said"]
    assert all(row["measured"] is None for row in board._view["models"]["rows"])
    board._on_message(board, {"kind": "specimens"}, [])
    assert board.wait(60)
    measured = [row["measured"] for row in board._view["models"]["rows"] if "specimen" in row]
    assert len(measured) == len(SPECIMENS) and all(measured)
    assert {layer["kind"] for layer in measured[3]["layers"]} == {"cross"}
    assert "specimen('blip')" in board.code() and "capture(model, inputs)" in board.code()
    assert "random weights" in board.snapshot().html


def test_the_fused_space_says_how_to_have_it_as_two_atlases(board) -> None:
    board.tab = "space"
    code = board.code()
    compile(code, "cell", "exec")
    assert (
        f"project(fused(report, {board.fusion!r}))" in code and f"fused(report, {board.baseline!r})" in code
    )


# Choosing ------------------------------------------------------------------------------------


def test_the_page_choose_asks_the_report_on_the_board_and_answers_with_reasons(board: FusionBoard) -> None:
    board.tab = "choose"
    assert board.wait(30)
    advice = board._view["choose"]["advice"]
    assert advice["choice"] == board.advice.choice and advice["evidence"].startswith("flat pictures")
    board.set_state({"need": "product", "may_miss": True, "most_parameters": 3000})
    assert board.wait(30)
    out = {row["fusion"]: row["excluded"] for row in board._view["choose"]["advice"]["options"]}
    assert "no sum separates XOR" in out["mean-logits"] and "parameters" in out["early-tokens"]
    assert board.advice.answers["parameters"] == 3000 and board.advice.plan.p_missing_train > 0


def test_an_answer_that_cannot_be_is_said_on_the_page(board: FusionBoard) -> None:
    board.tab = "choose"
    assert board.wait(30)
    board.rows = -5
    assert board.wait(30)
    assert "rows is -5" in board.errors["choose"]


def test_a_data_set_is_chosen_from_the_menu_and_can_be_compared_on(
    plane: FusionBoard, lab: fakes.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("widgets.fusion.experiments.load_set", lambda *_: fakes.examples())
    plane.tab = "training"
    assert [name for name, _ in plane._view["training"]["sets"]] == list(SETS)
    assert not plane._view["training"]["live"]
    plane.data = "easy-vqa"
    assert plane.wait(10)
    assert plane._view["training"]["live"] and plane._view["title"] == "flat pictures"
    assert plane.chosen and plane.most_train == SETS["easy-vqa"].most_train
    tell(plane, kind="compare")
    assert plane.wait(10)
    assert plane.report is not None and all(not tab["why"] for tab in plane._view["tabs"])


def test_every_entry_of_the_data_menu_is_one_that_ships() -> None:
    from workbench import data

    shipped = {row.name for row in data.available()}
    assert {entry.name for entry in SETS.values()} <= shipped
    assert all(isinstance(entry, ShippedSet) and entry.title for entry in SETS.values())
