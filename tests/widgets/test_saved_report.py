"""A report that was saved is shown like one just measured; what its data are needed for says so."""

from __future__ import annotations

import fusion_fakes as fakes
import pytest

from widgets import FusionBoard, show
from workbench.fusion import open_report


@pytest.mark.parametrize("tab", ["quality", "training", "robustness", "contributions", "cost", "space"])
def test_every_page_of_numbers_is_that_of_the_live_report(tmp_path, tab):
    live = fakes.report()
    board, before = show(open_report(live.save(tmp_path / "kept"))), FusionBoard(live)
    board.tab = before.tab = tab
    assert board.table("csv") == before.table("csv")


def test_without_its_data_the_page_of_examples_says_what_to_do(tmp_path):
    board = show(open_report(fakes.report().save(tmp_path / "kept")))
    board.tab = "examples"
    board.focus = int(board.report.items[0])
    assert board.wait(20) and board._view["examples"]["look"] is None
    assert "open_report(folder, data)" in board._view["examples"]["why"]
