"""UMAP's fuzzy graph against its equations in float64, root by root, with SciPy; quick enough for every run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.neighbors import NearestNeighbors

from workbench.projection.neighbour_graph import Neighbours
from workbench.projection.umap.fuzzy_graph import apart, bandwidths, curve, fuzzy_graph, memberships

ROWS, HELD = 40, 9


@pytest.fixture(scope="module")
def held() -> Neighbours:
    """Neighbours by scikit-learn of 40 points in a plane, of which two are one, and one lies far out."""
    points = np.random.default_rng(5).normal(size=(ROWS, 2))
    points[7], points[30] = points[8], 9.0
    found = NearestNeighbors(n_neighbors=HELD + 1).fit(points).kneighbors(points)
    index = np.array([[one for one in row if one != own][:HELD] for own, row in enumerate(found[1])])
    distance = np.linalg.norm(points[index] - points[:, None], axis=2)
    return Neighbours(index.astype(np.int32), distance.astype(np.float32), True, 1.0, ROWS, "scikit-learn")


def by_hand(distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """row: rho and sigma of McInnes et al. 2018, algorithm 3, as a root of its equation."""
    found = []
    for row in distance.astype(float):
        rho = row[row > 0].min()

        def missing(sigma: float, row=row, rho=rho) -> float:
            return np.exp(-np.maximum(row - rho, 0) / sigma).sum() - np.log2(len(row) + 1)

        found.append((rho, brentq(missing, 1e-6, 1e3, xtol=1e-12)))
    return np.array(found).T


@pytest.mark.parametrize("near", [6, HELD + 1, 99])
def test_the_graph_is_the_papers_with_the_point_itself_among_its_neighbours(
    held: Neighbours, near: int
) -> None:
    k = min(near - 1, HELD)
    index, distance = held.index[:, :k], held.distance[:, :k]
    rho, sigma = by_hand(distance)
    one_way = np.zeros((ROWS, ROWS))
    for row in range(ROWS):
        one_way[row, index[row]] = np.exp(-np.maximum(distance[row] - rho[row], 0) / sigma[row])
    found = fuzzy_graph(held, near)
    np.testing.assert_allclose(found.toarray(), one_way + one_way.T - one_way * one_way.T, atol=1e-4)
    assert found.data.min() > 0 and found.has_sorted_indices


def test_bandwidths_spend_their_budget_whatever_the_unit(held: Neighbours) -> None:
    for unit in (1e-4, 1.0, 1e4):
        rho, sigma = bandwidths(unit * held.distance)
        expected = by_hand(held.distance)
        np.testing.assert_allclose(rho / unit, expected[0], rtol=1e-5)
        np.testing.assert_allclose(sigma / unit, expected[1], rtol=1e-3)


def test_a_bandwidth_is_at_least_a_thousandth_of_the_mean_distance() -> None:
    """Of neighbours that are all equally far no bandwidth is small enough; then umap-learn's floor holds."""
    distance = np.array([[0.2] * 5, [0.0] * 5, [0.1, 0.2, 0.3, 0.4, 0.5]], np.float32)
    rho, sigma = bandwidths(distance)
    assert rho.tolist() == pytest.approx([0.2, 0.0, 0.1])
    assert sigma[0] == pytest.approx(1e-3 * 5 * 0.2 / 6, rel=1e-5)  # the point itself counts, at distance 0
    assert sigma[1] == pytest.approx(
        1e-3 * distance.sum() / 18, rel=1e-5
    )  # no neighbour apart: the mean of all
    spent = np.exp(-(distance[2].astype(float) - 0.1) / sigma[2]).sum()
    assert spent == pytest.approx(np.log2(6), abs=1e-4)


def test_where_there_are_no_neighbours_there_is_no_nearest() -> None:
    rho, sigma = bandwidths(np.zeros((3, 0), np.float32))
    assert rho.tolist() == [0, 0, 0] and sigma.shape == (3,)


def test_within_the_nearest_distance_a_membership_is_whole() -> None:
    distance = np.array([[0.0, 0.5, 1.5], [1.0, 1.0, 3.0]], np.float32)
    found = memberships(distance, np.array([0.5, 1.0], np.float32), np.array([2.0, 0.0], np.float32))
    np.testing.assert_allclose(found, [[1, 1, np.exp(-0.5)], [1, 1, 1]], rtol=1e-6)


def test_a_euclidean_layout_goes_by_the_root_in_units_of_its_mean() -> None:
    """Half the squared distances .5, 2, 8: distances 1, 2, 4, of mean 7/3. A cosine's are left as they are."""
    halves = np.array([[0.5, 2.0, 8.0]], np.float32)
    np.testing.assert_allclose(apart(halves, "euclidean"), [[3 / 7, 6 / 7, 12 / 7]], rtol=1e-6)
    assert apart(halves, "cosine") is halves
    assert not apart(np.zeros((2, 2), np.float32), "euclidean").any()


@pytest.mark.parametrize(("min_dist", "spread"), [(0.1, 1.0), (0.5, 1.0), (0.0, 2.0)])
def test_the_curve_lies_as_near_to_its_step_as_least_squares_can(min_dist: float, spread: float) -> None:
    """No other a and b in a hundredth of it lies nearer."""
    d = np.linspace(0, 3 * spread, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(-(d - min_dist) / spread))

    def miss(a: float, b: float) -> float:
        return ((1 / (1 + a * d ** (2 * b)) - wanted) ** 2).sum()

    a, b = curve(min_dist, spread)
    assert miss(a, b) < min(miss(1.01 * a, b), miss(0.99 * a, b), miss(a, 1.01 * b), miss(a, 0.99 * b))
