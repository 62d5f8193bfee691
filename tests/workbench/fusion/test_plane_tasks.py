"""Decision regions: what ships is what training gives, training ends when it may, and nothing goes backwards."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.fusion import Design, card, plane_tasks, regions
from workbench.fusion.inside.plane_tasks import plane_task
from workbench.fusion.inside.plane_training import loss_floor
from workbench.fusion.inside.shipped_planes import PLANE_STEPS, kept_planes
from workbench.recipes import planes as recipe


def test_every_stop_of_the_slider_and_every_fusion_ships_on_every_task() -> None:
    for task in plane_tasks():
        shipped = regions([name for name, seed in recipe.wanted() if seed == 0], task.name)
        assert shipped.kept == shipped.fusions and np.isfinite(shipped.probability).all()
        again = regions(recipe.SLIDER, task.name, seed=2)
        assert again.kept == recipe.SLIDER


def test_what_ships_is_what_its_recipe_trains() -> None:
    """On another processor numbers round otherwise; the plane and its verdict stay."""
    names = ["early-tokens", "mean-logits"]
    shipped, trained = regions(names, "xor"), regions(names, "xor", kept=False)
    assert shipped.kept == tuple(names) and trained.kept == ()
    assert np.abs(shipped.probability - trained.probability).mean() < 0.02
    np.testing.assert_allclose(shipped.accuracy, trained.accuracy, atol=0.03)


def test_only_the_very_settings_are_taken_from_the_package() -> None:
    assert kept_planes("xor", steps=PLANE_STEPS, size=48, design=Design(width=16, depth=3))
    for other in ({"steps": 20}, {"size": 5, "steps": 10}, {"design": Design(width=8, depth=3), "steps": 10}):
        assert regions(["mean-logits"], "xor", **other).kept == ()


def test_no_sum_that_ships_puts_both_diagonals_of_xor_on_their_sides() -> None:
    names = [name for name, seed in recipe.wanted() if seed == 0]
    shipped = regions(names, "xor")
    for name, right in zip(names, shipped.accuracy, strict=True):
        if card(name, depth=3).kind in ("additive", "scalar-gated", "unimodal"):
            assert right < 0.75 + 0.02, name


@pytest.mark.parametrize(
    ("name", "task", "floor"),
    [
        ("mean-logits", "xor", math.log(2)), ("mean-logits", "and", 0.0), ("early-tokens", "xor", 0.0),
        ("only-image", "and", math.log(2) / 2), ("only-text", "unique-image", math.log(2)),
        ("only-image", "redundant", 0.0), ("scalar-gate", "match", -(math.log(1 / 3) + 2 * math.log(2 / 3)) / 3),
    ],
)  # fmt: skip
def test_the_least_loss_of_a_class_is_worked_out(name: str, task: str, floor: float) -> None:
    assert loss_floor(card(name, depth=3), plane_task(task)) == pytest.approx(floor, abs=1e-3)


def test_training_ends_early_and_its_progress_never_goes_back() -> None:
    told = []
    found = regions(["early-tokens", "mean-logits"], "and", kept=False, on_event=told.append)
    steps = np.isfinite(found.history[:, :, 0]).sum(axis=1) * 10
    assert (steps < PLANE_STEPS).all() and (found.accuracy > 0.97).all()
    done = [event.done for event in told]
    assert done == sorted(done) and done[-1] <= told[-1].total == 2 * PLANE_STEPS
