"""Every notebook, run from top to bottom in JupyterLab with no network, and looked at in both themes."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
BUDGET_MB = 2  # of a notebook that is saved with its outputs

# Each notebook's widgets: their class, how many there are, and what the first has drawn when it is ready.
WIDGETS = {
    "00_tour": (".zsb", 2, ".zsb-card"),
    "01_zero_shot": (".zsb", 2, ".zsb-card"),
    "02_attention": (".al[data-site]", 4, ".al-token"),
    "03_attribution": (".atb", 4, ".atb-card"),
    "04_embedding_space": (".atl", 5, ".atl-measures tbody tr"),  # the last three: a pair, and layers
    "05_fusion": (".fb", 3, ".fb-tile:not([data-waiting])"),
}


@pytest.mark.notebook
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.ipynb")))
def test_it_runs_draws_its_widgets_and_stays_small(lab, name: str) -> None:
    notebook = lab.open(f"notebooks/{name}.ipynb")
    notebook.run_all()
    widget, count, part = WIDGETS[name]
    shown = lab.page.locator(f".jp-NotebookPanel {widget}")
    expect(shown).to_have_count(count)
    shown.first.scroll_into_view_if_needed()
    expect(shown.first.locator(part).first).to_be_visible()
    for theme in ("light", "dark"):
        lab.theme(theme)
        shown.first.scroll_into_view_if_needed()
        lab.screenshot(f"{name}-{theme}")
    notebook.save()
    assert notebook.file.stat().st_size < BUDGET_MB * 1e6
