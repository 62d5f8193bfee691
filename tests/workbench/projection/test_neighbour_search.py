"""The neighbour graph against scikit-learn's brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from workbench.axes import unit
from workbench.errors import BadInputError, Cancelled
from workbench.projection import map_neighbours, nearest_neighbours, out_of_sample
from workbench.projection.approximate_neighbours import among_cells
from workbench.projection.neighbour_search import nearest, recall_of, shared_neighbours


def vectors(rows: int, feature: int = 24, seed: int = 0) -> np.ndarray:
    """Unit vectors in a few loose groups, as embeddings are."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(12, feature))
    return unit(
        (centres[random.integers(12, size=rows)] + random.normal(size=(rows, feature))).astype(np.float32)
    )


def test_exact_neighbours_are_those_of_brute_force_and_their_distance_is_one_minus_cosine() -> None:
    held = vectors(700)
    found = nearest_neighbours(held, k=10)
    apart, index = (
        NearestNeighbors(n_neighbors=11, metric="cosine", algorithm="brute").fit(held).kneighbors(held)
    )
    np.testing.assert_array_equal(found.index, index[:, 1:])
    np.testing.assert_allclose(found.distance, apart[:, 1:], atol=2e-6)
    assert found.exact and found.recall == 1.0


def test_vectors_of_any_length_are_ordered_by_their_euclidean_distance() -> None:
    held = 3 * np.random.default_rng(1).normal(size=(300, 7)).astype(np.float32)
    apart, index = NearestNeighbors(n_neighbors=6, algorithm="brute").fit(held).kneighbors(held)
    found = nearest_neighbours(held, k=5)
    np.testing.assert_array_equal(found.index, index[:, 1:])
    np.testing.assert_allclose(found.distance, apart[:, 1:] ** 2 / 2, rtol=1e-4)


def test_queries_find_what_brute_force_finds() -> None:
    held, asked = vectors(400), vectors(33, seed=5)
    index, distance = nearest(held, asked, k=7)
    apart, expected = (
        NearestNeighbors(n_neighbors=7, metric="cosine", algorithm="brute").fit(held).kneighbors(asked)
    )
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_allclose(distance, apart, atol=2e-6)


def test_an_approximate_search_says_a_recall_that_brute_force_confirms() -> None:
    held = vectors(6000)
    found = nearest_neighbours(held, k=15, exact=False)
    index = (
        NearestNeighbors(n_neighbors=16, metric="cosine", algorithm="brute")
        .fit(held)
        .kneighbors(held, return_distance=False)[:, 1:]
    )
    true = np.mean([len(np.intersect1d(a, b)) for a, b in zip(found.index, index, strict=True)]) / 15
    assert not found.exact
    assert found.recall_sample > 0
    assert true >= 0.9
    assert found.recall == pytest.approx(true, abs=0.03)  # a sample against all rows
    assert recall_of(found, held, sample=6000) == pytest.approx(true, abs=1e-9)


def test_queries_that_search_near_cells_find_the_share_they_say() -> None:
    held, asked = vectors(5000), vectors(900, seed=7)
    index, distance, recall = among_cells(torch.from_numpy(held), torch.from_numpy(asked), 10)
    apart, true = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(held).kneighbors(asked)
    share = np.mean([len(np.intersect1d(a, b)) for a, b in zip(index, true, strict=True)]) / 10
    assert share >= 0.9 and recall == pytest.approx(share, abs=0.03)
    same = index[:, 0] == true[:, 0]
    assert same.mean() > 0.9
    np.testing.assert_allclose(distance[same, 0], apart[same, 0] ** 2 / 2, atol=1e-5)


def test_placing_very_many_stays_close_to_placing_them_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    held, asked = vectors(5000), vectors(900, seed=7)
    points = held[:, :2] * 10
    exact = out_of_sample.among(held, points, asked)
    monkeypatch.setattr(out_of_sample, "EXACT_PRODUCTS", 0)
    near = out_of_sample.among(held, points, asked)
    assert np.median(np.linalg.norm(exact - near, axis=1)) < 0.05 * np.linalg.norm(points.std(axis=0))


def test_neighbours_on_the_map_are_exact_and_leave_the_point_itself_out() -> None:
    points = np.random.default_rng(2).normal(size=(250, 2)).astype(np.float32)
    index = NearestNeighbors(n_neighbors=9).fit(points).kneighbors(return_distance=False)
    np.testing.assert_array_equal(map_neighbours(points, 9), index)


def test_points_in_one_place_never_count_themselves() -> None:
    crowd = np.zeros((40, 2), np.float32)
    found = map_neighbours(crowd, 5)
    assert (found != np.arange(40)[:, None]).all()
    twins = nearest_neighbours(np.ones((20, 3), np.float32), k=6)
    assert (twins.index != np.arange(20)[:, None]).all()


def test_the_same_vectors_are_searched_once() -> None:
    held = vectors(120, seed=9)
    first = shared_neighbours(held, k=8)
    assert np.shares_memory(first.index, shared_neighbours(held.copy(), k=8).index)


def test_fewer_points_than_neighbours_give_all_there_are() -> None:
    assert nearest_neighbours(vectors(4), k=15).index.shape == (4, 3)
    assert nearest_neighbours(vectors(1), k=15).index.shape == (1, 0)


def test_bad_vectors_are_refused_with_their_row() -> None:
    broken = vectors(9).copy()
    broken[3, 1] = np.nan
    with pytest.raises(BadInputError, match=r"1 of 9 vectors .* first row 3"):
        nearest_neighbours(broken, k=2)
    with pytest.raises(BadInputError, match="k is 0"):
        nearest_neighbours(vectors(9), k=0)
    with pytest.raises(BadInputError, match="no rows"):
        nearest_neighbours(np.zeros((0, 4), np.float32), k=2)


def test_a_search_stops_when_asked() -> None:
    with pytest.raises(Cancelled, match="of 300 rows"):
        nearest_neighbours(vectors(300), k=2, should_stop=lambda: True)
