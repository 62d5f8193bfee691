"""Neighbours in double precision against differences taken one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.errors import Cancelled
from workbench.projection import exact_distances
from workbench.projection.exact_distances import from_rows, near_queries, nearest_rows

CPU = torch.device("cpu")


def table(vectors: np.ndarray) -> np.ndarray:
    return 0.5 * ((vectors[:, None] - vectors) ** 2).sum(axis=-1)


@pytest.mark.parametrize("features", [1, 3, 8, 9, 40])
@pytest.mark.parametrize("offset", [0.0, 1e7])
def test_nearest_rows_are_those_of_single_differences(features: int, offset: float) -> None:
    vectors = offset + np.random.default_rng(0).normal(size=(300, features))
    apart = table(vectors)
    np.fill_diagonal(apart, np.inf)
    index, distance = nearest_rows(vectors, 7, CPU, None, None)
    np.testing.assert_array_equal(index, np.argsort(apart, axis=1)[:, :7])
    np.testing.assert_allclose(distance, np.sort(apart, axis=1)[:, :7], rtol=1e-9)


def test_rows_whose_products_could_have_missed_a_neighbour_are_searched_again() -> None:
    """Three groups that float32 cannot tell apart within, two of which float64 cannot either."""
    random = np.random.default_rng(1)
    group = random.normal(size=(60, 12))
    vectors = np.concatenate([group, 1e6 + group[::-1], 1e12 + 1e4 * group])
    apart = table(vectors)
    np.fill_diagonal(apart, np.inf)
    index, distance = nearest_rows(vectors, 5, CPU, None, None)
    np.testing.assert_allclose(distance, np.sort(apart, axis=1)[:, :5], rtol=1e-9)
    np.testing.assert_allclose(np.take_along_axis(apart, index.astype(int), axis=1), distance, rtol=1e-9)


@pytest.mark.parametrize("features", [2, 20])
def test_copies_are_at_distance_zero_and_never_the_row_itself(features: int) -> None:
    vectors = np.repeat(1e5 + np.random.default_rng(0).normal(size=(4, features)), 30, axis=0)
    index, distance = nearest_rows(vectors, 9, CPU, None, None)
    assert (distance == 0).all() and (index // 30 == np.arange(120)[:, None] // 30).all()
    assert (index != np.arange(120)[:, None]).all()


@pytest.mark.parametrize("features", [2, 20])
def test_queries_find_the_rows_that_single_differences_find(features: int) -> None:
    random = np.random.default_rng(0)
    vectors, asked = (1e6 + random.normal(size=(rows, features)) for rows in (200, 9))
    apart = 0.5 * ((asked[:, None] - vectors) ** 2).sum(axis=-1)
    for k in (1, 6, 200):
        index, distance = near_queries(vectors, asked, k)
        np.testing.assert_array_equal(index, np.argsort(apart, axis=1)[:, :k])
        np.testing.assert_allclose(distance, np.sort(apart, axis=1)[:, :k], rtol=1e-8)


@pytest.mark.parametrize("features", [3, 30])
def test_distances_to_every_row_are_off_by_no_more_than_is_said(
    features: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact_distances, "_AT_ONCE", 500)  # several blocks
    vectors = 1e5 + np.random.default_rng(0).normal(size=(150, features))
    rows = np.array([0, 7, 149])
    found, off = from_rows(vectors, rows)
    assert (np.abs(found - table(vectors)[rows]) <= off + 1e-9).all()
    assert (off == 0).all() == (features <= exact_distances.FEW)


def test_a_search_in_double_precision_stops_when_asked() -> None:
    with pytest.raises(Cancelled, match="of 90 rows"):
        nearest_rows(np.random.default_rng(0).normal(size=(90, 12)), 2, CPU, None, lambda: True)
