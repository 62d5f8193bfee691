"""The table of families: each tiny model writes, is replayed, drawn and explained as its row and the page say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.family_table import MADE, ROWS, page, read_of, writer_and_answer
from workbench.errors import WorkbenchError

PAGE = Path(__file__).parents[3] / "docs/families.md"
NO_ROW = {"bart_equal": "BART once more"}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small wait longer for a second thread than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ROWS)
def test_a_family_is_read_as_its_row_says(name: str) -> None:
    writer, answer = writer_and_answer(name)
    assert read_of(ROWS[name].title, writer, answer) == ROWS[name]


@pytest.mark.parametrize("name", sorted(set(MADE) - set(ROWS) - set(NO_ROW)))
def test_what_has_no_row_writes_nothing(name: str) -> None:
    with pytest.raises(WorkbenchError, match=r"writes? |does not write|belongs|vocabulary"):
        writer_and_answer(name)


def test_the_page_is_printed_from_the_table() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: PAGE.write_text(page())"
