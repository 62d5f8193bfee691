"""Shared neighbours and ranks under ties, against every way in which the ties could have been broken."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from workbench.projection import Projection, neighbour_overlap
from workbench.projection.exact_distances import between
from workbench.projection.neighbour_overlap import Near, neighbours_of, shared
from workbench.projection.trustworthiness_continuity import rank_shares


def near(vectors: np.ndarray, width: int, order: np.ndarray) -> Near:
    """Lists of `width`, in which equal distances stand in the order that `order` gives."""
    apart = table(vectors)
    index = np.stack([order[np.argsort(row[order], kind="stable")] for row in apart])[:, :width]
    return Near(index.astype(np.int32), np.take_along_axis(apart, index, axis=1), vectors)


def table(vectors: np.ndarray) -> np.ndarray:
    apart = 0.5 * ((vectors[:, None].astype(float) - vectors) ** 2).sum(axis=-1)
    np.fill_diagonal(apart, np.inf)
    return apart


def lists(apart: np.ndarray, k: int) -> list[set[int]]:
    """Every list of the k nearest that the distances of one row allow."""
    last = np.sort(apart)[k - 1]
    sure, tied = np.flatnonzero(apart < last), np.flatnonzero(apart == last)
    return [{*sure, *some} for some in combinations(tied, k - len(sure))]


@pytest.fixture(params=range(4))
def views(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    random = np.random.default_rng(request.param)
    return random.integers(0, 3, (13, 2)), random.integers(0, 4, (13, 2)).astype(float), random


@pytest.mark.parametrize(("mine", "theirs"), [(3, 3), (3, 6), (2, 4), (6, 6)])
def test_shared_neighbours_are_the_best_that_breaking_the_ties_allows(views, mine: int, theirs: int) -> None:
    space, points, random = views
    best = [
        max(len(one & other) for one in lists(a, mine) for other in lists(b, theirs)) / mine
        for a, b in zip(table(space), table(points), strict=True)
    ]
    # All are listed, so that no tie is out of sight; in whatever order.
    found = shared(
        near(space, 12, random.permutation(13)), near(points, 12, random.permutation(13)), mine, theirs
    )
    np.testing.assert_allclose(found, best)


@pytest.mark.parametrize("checked", [4_000_000_000, 0])
def test_ties_beyond_the_ends_of_the_lists_are_seen(monkeypatch: pytest.MonkeyPatch, checked: int) -> None:
    monkeypatch.setattr(neighbour_overlap, "_CHECKED", checked)  # 0: only ties that a list shows are followed
    random = np.random.default_rng(0)
    space, points = np.zeros((40, 3)), random.normal(size=(40, 2))
    one, other = near(space, 6, random.permutation(40)), near(points, 6, np.arange(40))
    assert shared(one, other, 3, 6).min() == shared(other, one, 3, 6).min() == 1


@pytest.mark.parametrize("k", [1, 2, 4])
def test_a_rank_penalty_is_the_least_that_breaking_the_ties_allows(views, k: int) -> None:
    space, points, random = views
    apart, seen = table(space), table(points)
    worst = k * (2 * 13 - 3 * k - 1) / 2
    expected = []
    for row in range(13):
        rank = 1 + (apart[row][:, None] > apart[row]).sum(axis=1)
        costs = [sum(max(0, rank[one] - k) for one in some) for some in lists(seen[row], k)]
        expected.append(1 - min(costs) / worst)
    found = rank_shares(space, near(points, k + 1, random.permutation(13)), k, np.arange(13))
    np.testing.assert_allclose(found, expected)


def test_without_ties_shared_neighbours_are_plain_sets() -> None:
    random = np.random.default_rng(5)
    space, points = random.normal(size=(60, 5)), random.normal(size=(60, 2))
    one, other = near(space, 10, np.arange(60)), near(points, 10, np.arange(60))
    plain = [len({*a[:5]} & {*b}) / 5 for a, b in zip(one.index, other.index, strict=True)]
    np.testing.assert_allclose(shared(one, other, 5, 10), plain)
    assert np.isnan(shared(one, other, 0, 3)).all()


def test_half_the_squared_distance_of_pairs_is_that_of_differences() -> None:
    vectors = 1e7 + np.random.default_rng(0).normal(size=(9, 4))
    rows = np.array([[0], [3]])
    found = between(vectors, rows, np.array([[1, 2, 8], [0, 3, 4]]))
    assert found.shape == (2, 3) and found[1, 1] == 0
    assert found[0, 2] == pytest.approx(0.5 * np.sum((vectors[0] - vectors[8]) ** 2))


def test_of_equally_near_points_those_that_are_shown_stand_in_the_list_of_a_row() -> None:
    random = np.random.default_rng(0)
    vectors = np.concatenate([np.zeros((60, 4)), 1 + random.normal(size=(60, 4))])
    drawn = Projection.from_points(random.normal(size=(120, 2)), vectors=vectors, k=5, metric="euclidean")
    shown = [40, 70, 59, 90]
    found, strangers = neighbours_of(drawn, 3, shown)
    assert {40, 59} <= {*found.index[0].tolist()} <= {*range(60)} - {3} and strangers == (70, 90)
    assert len({*found.index[0].tolist()}) == 5 and (found.distance == 0).all()
    alone, strangers = neighbours_of(drawn, 100, [drawn.neighbours.index[100, 0], 7])
    np.testing.assert_array_equal(alone.index[0], drawn.neighbours.index[100, :5])
    assert strangers == (() if 7 in alone.index[0] else (7,))
