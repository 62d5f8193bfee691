"""Every lesson by keyboard alone, in JupyterLab with no network: run through, each of its widgets used, its claims held.

One run serves all of it, for each takes minutes: Shift+Enter from the first cell to the last; the sentences that
claim a number, asked of the kernel; into each widget by Tab, a change made by key, out by Escape; both themes; the
size of what is saved.
"""

from __future__ import annotations

import json
from pathlib import Path

import by_key
import pytest
from playwright.sync_api import expect

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
LESSONS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
BUDGET_MB = 2  # of a notebook that is saved with its outputs

#: Kinds of widget that each lesson shows at least once. The tour shows all of them.
SHOWN = {
    "00_tour": {"zsb", "al", "atb", "atl", "fb"},
    "01_zero_shot": {"zsb"},
    "02_attention": {"al"},
    "03_attribution": {"atb"},
    "04_embedding_space": {"atl"},
    "05_fusion": {"fb"},
    "06_captions": {"an"},
}


@pytest.mark.notebook
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_run_and_every_widget_in_it_is_used_by_keyboard_alone(lab, name: str) -> None:
    notebook = lab.open(f"my-notebooks/{name}.ipynb")
    by_key.run_through(notebook)
    boards = lab.page.locator(f".jp-NotebookPanel {by_key.BOARD}")
    expect(boards).to_have_count(by_key.boards_put_out(notebook))
    kinds = [set(kind.split()) for kind in boards.evaluate_all("(all) => all.map((one) => one.className)")]
    missing = {kind for kind in SHOWN[name] if not any(kind in one for one in kinds)}
    assert not missing, f"{name} shows no widget of the kind {missing}"

    wrong = by_key.untrue(notebook, json.loads((FOLDER / f"{name}.ipynb").read_text("utf-8")))
    assert wrong == {}, f"{name} says what is not so: {wrong}"

    before = [cell["id"] for cell in by_key.cells_of(notebook)]
    for place in range(boards.count()):
        by_key.use(notebook, place)
        by_key.leave(notebook)
    assert [cell["id"] for cell in by_key.cells_of(notebook)] == before, (
        "a key of a widget reached the notebook"
    )

    for theme in ("light", "dark"):
        lab.theme(theme)
        boards.first.scroll_into_view_if_needed()
        lab.screenshot(f"{name}-{theme}")
    lab.page.keyboard.press("Control+S")
    lab.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    assert notebook.file.stat().st_size < BUDGET_MB * 1e6
