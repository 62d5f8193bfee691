"""The shipped notebooks, run from top to bottom in JupyterLab with no network."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

BOARD, LENS = (".zsb", ".zsb-card"), (".al[data-site]", ".al-token")


@pytest.mark.parametrize(
    ("name", "kind", "boards"), [("00_tour", BOARD, 2), ("01_zero_shot", BOARD, 2), ("02_attention", LENS, 4)]
)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_runs_and_draws_its_boards(lab, name: str, kind: tuple[str, str], boards: int, theme: str) -> None:
    notebook = lab.open(f"notebooks/{name}.ipynb")
    lab.theme(theme)
    notebook.run_all()
    widget, card = kind
    shown = lab.page.locator(f".jp-NotebookPanel {widget}")
    expect(shown).to_have_count(boards)
    shown.first.scroll_into_view_if_needed()
    expect(shown.first.locator(card).first).to_be_visible()
    lab.screenshot(f"{name}-{theme}")
