"""Two spaces side by side in JupyterLab: of two models, and of two fusions; one selection for both."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

SET_UP = """from widgets import show
from workbench.projection import align, project
"""
MODELS = """from workbench import data, models
from workbench.embedding import embed
pairs = data.load("shapes", n=60)
maps = [project(embed(models.load(name), pairs), seed=0) for name in ("emoji-clip", "shapes-clip")]
names = ["emoji-clip", "shapes-clip"]
"""
FUSIONS = """from workbench import data
from workbench.fusion import Plan, compare, fused
names = ["mean-logits", "tensor"]
plan = Plan(epochs=1, most_train=200, contributions=False)
report = compare(data.load("emoji-match")[::6], names, seeds=1, plan=plan)
maps = [project(fused(report, name), seed=0) for name in names]
"""
PAIR = "pair = show(align(*maps), names=names)"


# Three items of models are six points, their pictures and their texts; a fusion makes one vector of both.
@pytest.mark.parametrize(("code", "points"), [(MODELS, 6), (FUSIONS, 3)], ids=["two models", "two fusions"])
def test_what_is_chosen_in_one_space_is_chosen_in_the_other(lab, code: str, points: int) -> None:
    notebook = lab.open([SET_UP + code + PAIR, "pair"])
    notebook.run_all()
    shown = notebook.output(1).locator(".atl")
    expect(shown).to_have_count(2)
    for place in range(2):
        expect(shown.nth(place).locator(".atl-measures tbody tr").first).to_be_visible(timeout=60_000)
    notebook.python("pair.first.selected = [3, 5, 8]")
    notebook.wait_until("list(pair.second.selected) == [3, 5, 8] == list(pair.selected)")
    for place in range(2):
        expect(shown.nth(place)).to_contain_text(f"{points} points")
    lab.screenshot("pair", of=notebook.output(1))
