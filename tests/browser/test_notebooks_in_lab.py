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


def test_the_lesson_on_the_embedding_space_draws_its_atlases(lab) -> None:
    notebook = lab.open("notebooks/04_embedding_space.ipynb")
    notebook.run_all()
    shown = lab.page.locator(".jp-NotebookPanel .atl")
    expect(shown).to_have_count(5)  # one, one of noise, two side by side, one with layers
    shown.first.scroll_into_view_if_needed()
    expect(shown.first.locator(".atl-measures tbody tr").first).to_be_visible()
    lab.screenshot("04_embedding_space")


def test_the_lesson_on_fusion_draws_its_boards(lab) -> None:
    notebook = lab.open("notebooks/05_fusion.ipynb")
    notebook.run_all()
    shown = lab.page.locator(".jp-NotebookPanel .fb")
    expect(shown).to_have_count(2)  # the plane, and the comparison
    expect(shown.first.locator(".fb-tile[data-waiting]")).to_have_count(0)
    expect(shown.last.get_by_role("tab", name="Quality")).to_have_attribute("aria-selected", "true")
    shown.last.scroll_into_view_if_needed()
    lab.screenshot("05_fusion")
