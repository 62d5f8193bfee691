"""Where a layout begins: surfaces are known as such and unrolled, everything else begins as it did."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_digits, make_s_curve, make_swiss_roll
from sklearn.manifold import spectral_embedding

from workbench.projection import Projection, continuity, nearest_neighbours, project, trustworthiness
from workbench.projection.neighbour_graph import Neighbours
from workbench.projection.umap.fuzzy_graph import apart, fuzzy_graph
from workbench.projection.umap.spectral_start import dimension, is_rolled_up, spectral_start
from workbench.results import Embeddings


def near(vectors: np.ndarray, k: int = 14) -> Neighbours:
    found = nearest_neighbours(vectors, k=k)
    return Neighbours(found.index, apart(found.distance, "euclidean"))


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_the_dimension_of_a_ball_is_found_whatever_it_lies_in(dimensions: int) -> None:
    random = np.random.default_rng(0)
    turned = np.linalg.qr(random.normal(size=(12, 12)))[0][:dimensions]
    found = dimension(near(random.uniform(size=(3000, dimensions)) @ turned))
    assert found == pytest.approx(dimensions, rel=0.1)


def test_surfaces_are_told_from_what_has_more_dimensions_and_from_flat_maps() -> None:
    roll, curve = make_swiss_roll(900, random_state=0)[0], make_s_curve(900, random_state=0)[0]
    assert is_rolled_up(near(roll), 3, squared=False) and is_rolled_up(near(curve), 3, squared=False)
    assert not is_rolled_up(near(load_digits().data), 64, squared=False)
    assert not is_rolled_up(near(roll[:, :2]), 2, squared=False)
    assert not is_rolled_up(near(roll[:3]), 3, squared=False)
    directions = np.column_stack([roll, np.full(900, 8.0)])
    directions = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)
    assert is_rolled_up(nearest_neighbours(directions, k=14), 4, squared=True)


def test_copies_say_nothing_of_the_dimension() -> None:
    vectors = np.random.default_rng(0).normal(size=(600, 8))
    twice = np.concatenate([vectors, vectors + 1e-9])
    assert dimension(near(twice)) > 3 or np.isnan(dimension(near(twice)))
    assert np.isnan(dimension(near(np.ones((80, 3)))))


def test_the_start_is_scikit_learns_laplacian_eigenmap() -> None:
    graph = fuzzy_graph(near(make_swiss_roll(500, random_state=0)[0]), 15)
    found = spectral_start(graph)
    assert found is not None and found.min() == 0 and found.max() == 1
    theirs = spectral_embedding(graph, n_components=2, drop_first=True, random_state=0)
    root = np.sqrt(np.asarray(graph.sum(axis=1)).ravel())
    for mine, other in zip(found.T, theirs.T, strict=True):
        # Theirs are divided by the root of the degree, ours are the eigenvectors themselves, as UMAP takes them.
        assert abs(np.corrcoef(mine, other * root)[0, 1]) > 0.999


def test_a_graph_in_pieces_has_no_start_that_joins_them() -> None:
    pieces = np.kron(np.eye(2), np.ones((40, 40)))
    assert spectral_start(csr_matrix(pieces)) is None


@pytest.mark.slow
def test_a_rolled_up_surface_is_drawn_as_well_as_by_umap_learn_from_its_own_start() -> None:
    import umap

    roll = make_swiss_roll(1000, random_state=0)[0]
    embeddings = Embeddings.from_array(roll)

    def figures(drawn: Projection) -> list[float]:
        return [trustworthiness(drawn)[0], continuity(drawn)[0], float(drawn.quality.preservation.mean())]

    theirs = np.array(
        [
            figures(
                Projection.from_points(
                    umap.UMAP(random_state=seed).fit_transform(roll), embeddings=embeddings
                )
            )
            for seed in range(4)
        ]
    )
    ours = np.mean([figures(project(embeddings, seed=seed)) for seed in range(4)], axis=0)
    spread = theirs.max(axis=0) - theirs.min(axis=0)
    assert (ours >= theirs.mean(axis=0) - np.minimum(spread, 0.003)).all(), (ours, theirs)
