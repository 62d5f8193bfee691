"""The torch layout: bit for bit the same on one core or several, and left in order when it is interrupted."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from workbench.axes import unit
from workbench.projection import extend, place, project
from workbench.projection.umap import layout
from workbench.results import Embeddings, Event


def clouds(rows: int = 300, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = 3 * np.random.default_rng(7).normal(size=(6, 10))
    return unit((centres[np.arange(rows) % 6] + random.normal(size=(rows, 10))).astype(np.float32))


@pytest.fixture
def threads():
    """Sets torch's threads; afterwards they are what they were."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("small", [True, False], ids=["a small map", "a large map"])
def test_a_seed_gives_the_same_points_bit_for_bit_on_one_core_and_on_several(
    small: bool, threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A large map cuts its steps between threads; a small one runs pulls and pushes beside each other.
    monkeypatch.setattr(layout, "_WORTH_THREADS", 50_000 if small else 0)
    embeddings = Embeddings.from_array(clouds())
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    threads(4)
    several = project(embeddings, seed=5, epochs=40).points
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    threads(1)
    np.testing.assert_array_equal(project(embeddings, seed=5, epochs=40).points, several)


def test_a_fit_that_is_interrupted_by_the_keyboard_leaves_nothing_behind(threads) -> None:
    embeddings = Embeddings.from_array(clouds(seed=3))
    expected = project(embeddings, seed=2, epochs=40).points
    threads(2)

    def interrupt(event: Event) -> None:
        if event.stage == "layout":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project(embeddings, seed=2, epochs=40, on_event=interrupt)
    assert torch.get_num_threads() == 2
    np.testing.assert_array_equal(project(embeddings, seed=2, epochs=40).points, expected)


def test_placed_points_keep_company_nearly_as_well_as_on_a_map_that_was_fitted_again() -> None:
    mine, kept, again = np.arange(400, 500), [], []
    for draw in range(4):  # one map alone says little: its layout turns on the last bits of its sums
        old, new = clouds(400, seed=20 + draw), clouds(100, seed=40 + draw)
        drawn = project(Embeddings.from_array(old), seed=draw)
        placed = extend(drawn, Embeddings.from_array(new))
        refitted = project(Embeddings.from_array(np.concatenate([old, new])), seed=draw, start=placed)
        kept.append(placed.quality.preservation[mine].mean())
        again.append(refitted.quality.preservation[mine].mean())
    # Six draws gave .76 of it with a standard deviation of .03; equal weights of the neighbours .67 with .02.
    assert np.mean(kept) > 0.71 * np.mean(again)
    # A fit that begins at the placed points moves them no farther than it moves those that were fitted before.
    moved = np.linalg.norm(refitted.points - placed.points, axis=1)
    assert moved[mine].mean() < 1.25 * moved[:400].mean()
    found = place(drawn, new[:5])
    np.testing.assert_allclose(found.points, placed.points[400:405], atol=1e-4)


def test_one_round_moves_points_by_umaps_own_forces() -> None:
    """McInnes et al. 2018, section 4.2, in float64: an edge pulls both its ends, five strangers push its head.

    All but the head stand in one place, so that every stranger pushes alike.
    """
    a, b, rows = 1.4, 0.9, 400
    start = np.zeros((rows, 2), np.float32)
    start[0] = [-1.2, 0.5]
    edge = csr_matrix(([1.0], ([0], [1])), shape=(rows, rows))
    moved = layout.lay_out(edge, start, a=a, b=b, epochs=1, seed=3)
    apart = start[0].astype(float)
    squared = apart @ apart
    pull = -2 * a * b * squared ** (b - 1) / (1 + a * squared**b) * apart
    push = 5 * 2 * b / ((0.001 + squared) * (1 + a * squared**b)) * apart
    np.testing.assert_allclose(moved[0], start[0] + pull + push, atol=1e-5)
    np.testing.assert_allclose(moved[1], -pull, atol=1e-6)
    np.testing.assert_array_equal(moved[2:], start[2:])


def test_an_edge_that_is_due_less_than_once_is_not_there() -> None:
    """UMAP leaves out what is weaker than the strongest over the rounds; what is as strong as that stays."""
    start = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    ring, next_ = np.arange(60), np.roll(np.arange(60), -1)
    plain = csr_matrix((np.ones(60), (ring, next_)), shape=(60, 60))
    moved = layout.lay_out(plain, start, a=1.5, b=0.9, epochs=8, seed=1)
    for weight, is_same in ((0.12, True), (0.125, False)):
        more = (plain + csr_matrix(([weight], ([0], [30])), shape=(60, 60))).tocsr()
        found = layout.lay_out(more, start, a=1.5, b=0.9, epochs=8, seed=1)
        assert np.array_equal(found, moved) == is_same
