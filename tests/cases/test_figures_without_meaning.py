"""A figure that has no meaning is not printed: small maps, places far from the origin, other metrics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.neighbors import NearestNeighbors

from workbench import data, models
from workbench.embedding import embed
from workbench.errors import BadInputError
from workbench.projection import (
    Projection,
    align,
    continuity,
    extend,
    measures,
    nearest_neighbours,
    place,
    project,
    redraw,
    stability,
    trustworthiness,
)
from workbench.projection.trustworthiness_continuity import expected_share
from workbench.results import Embeddings


def figures(projection: Projection) -> dict:
    return {row.key: row for row in measures(projection)}


def nothing(rows: int, *, seed: int = 0, k: int = 15) -> Projection:
    """A map that knows nothing of its vectors."""
    random = np.random.default_rng(seed)
    return Projection.from_points(random.normal(size=(rows, 2)), vectors=random.normal(size=(rows, 32)), k=k)


# Small maps


@pytest.mark.parametrize("rows", [4, 5, 7, 12, 20, 23, 24, 25, 29, 30, 31, 32, 33, 60])
def test_the_neighbours_a_small_map_is_judged_by_are_legal_and_its_figures_scikit_learns(rows: int) -> None:
    drawn = nothing(rows)
    assert 1 <= drawn.k < rows / 2 and drawn.k == min(15, (rows - 2) // 2)
    found, vectors = figures(drawn), drawn.space.vectors
    expected = sklearn_trustworthiness(vectors, drawn.points, n_neighbors=drawn.k)
    torn = sklearn_trustworthiness(drawn.points, vectors, n_neighbors=drawn.k)
    assert found["trustworthiness"].value == pytest.approx(expected, abs=1e-9)
    assert found["continuity"].value == pytest.approx(torn, abs=1e-9)
    assert f"k={drawn.k}" in found["preservation"].name
    assert any("Judged by" in note for note in drawn.notes) == (drawn.k < 15)
    assert not found["false"].twin.endswith(" 0.0%")  # a point can be far away at all


@pytest.mark.parametrize(("rows", "k"), [(12, 5), (24, 11), (60, 15)])
def test_what_stands_beside_trustworthiness_is_what_a_map_of_nothing_has(rows: int, k: int) -> None:
    values = [trustworthiness(nothing(rows, seed=seed), k=k)[0] for seed in range(150)]
    error = np.std(values) / np.sqrt(len(values))
    assert np.mean(values) == pytest.approx(expected_share(rows, k), abs=4 * error)
    assert figures(nothing(rows))["continuity"].twin == f"chance {expected_share(rows, k):.2g}"


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_two_or_three_points_have_no_figures_of_trust_and_say_so(rows: int) -> None:
    drawn = project(Embeddings.from_array(np.eye(rows, 5)), seed=0)
    found = figures(drawn)
    for key in ("preservation", "false", "missing", "trustworthiness", "continuity"):
        assert key not in found or (np.isnan(found[key].value) and found[key].shown == "needs more points")
    assert np.isnan(drawn.quality.preservation).all() and "too few" in repr(drawn.quality)
    assert "hubness" not in found and "nan" not in drawn._repr_html_()


@pytest.mark.slow
def test_readmes_first_map_shows_no_impossible_figure() -> None:
    drawn = project(embed(models.load("photo-lite"), data.load("photos")), seed=0)
    found = figures(drawn)
    assert drawn.k < len(drawn) / 2
    for key in ("preservation", "false", "missing", "trustworthiness", "continuity", "cross_modal"):
        assert 0 <= found[key].value <= 1
    expected = sklearn_trustworthiness(drawn.space.vectors, drawn.points, n_neighbors=drawn.k)
    assert found["trustworthiness"].value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("k", [1, 15, 16, 30, 31, 50, 74])
def test_more_neighbours_than_were_computed_are_searched_for(k: int) -> None:
    drawn = nothing(150)
    vectors = drawn.space.vectors
    expected = sklearn_trustworthiness(vectors, drawn.points, n_neighbors=k)
    assert trustworthiness(drawn, k=k)[0] == pytest.approx(expected, abs=1e-9)
    torn = sklearn_trustworthiness(drawn.points, vectors, n_neighbors=k)
    assert continuity(drawn, k=k)[0] == pytest.approx(torn, abs=1e-9)


@pytest.mark.parametrize(("rows", "k"), [(24, 12), (24, 15), (31, 16), (150, 75), (150, 149), (150, 1000)])
def test_half_of_the_points_or_more_for_neighbours_are_refused_in_words(rows: int, k: int) -> None:
    for figure in (trustworthiness, continuity):
        with pytest.raises(
            BadInputError, match=rf"k is {k} of {rows} points.*Take k up to {(rows - 1) // 2}"
        ):
            figure(nothing(rows), k=k)
    with pytest.raises(BadInputError, match="k is 0"):
        trustworthiness(nothing(rows), k=0)


def test_a_map_that_grew_is_judged_by_as_many_as_were_asked_for() -> None:
    random = np.random.default_rng(0)
    small, more = (Embeddings.from_array(random.normal(size=(rows, 12))) for rows in (8, 90))
    grown = extend(project(small, method="pca"), more)
    assert grown.k == 15 and grown.neighbours.k == 30


def test_a_change_between_two_small_maps_is_told_by_lists_that_can_differ() -> None:
    found = align(nothing(20), nothing(20, seed=1))
    assert 0 < found.chance < 1 and found.change.mean() > 0


# Far from the origin, other memory, other metrics

FAR = {
    "degrees": lambda random: np.array([48.85, 2.35]) + 1e-4 * random.normal(size=(400, 2)),
    "degrees of the world": lambda random: (
        np.repeat(random.uniform(-180, 180, (40, 2)), 10, axis=0) + 1e-5 * random.normal(size=(400, 2))
    ),
    "metres": lambda random: np.array([448_251.0, 5_411_932.0, 35.0]) + random.normal(size=(400, 3)),
    "whole millimetres": lambda random: 5_411_932_000 + random.integers(0, 5000, (400, 3)),
    "many features": lambda random: 1e6 + random.normal(size=(400, 40)),
    "seconds since 1970": lambda random: 1.7e9 + random.normal(size=(400, 12)),
    "an outlier": lambda random: np.concatenate([random.normal(size=(399, 20)), np.full((1, 20), 1e9)]),
    "one feature": lambda random: 1e7 + random.permutation(400)[:, None] ** 1.5,
    "very small": lambda random: 1e-24 * random.normal(size=(400, 12)),
    "very large": lambda random: 1e25 * random.normal(size=(400, 12)),
}


@pytest.mark.parametrize("kind", FAR)
def test_neighbours_far_from_the_origin_are_scikit_learns_in_double_precision(kind: str) -> None:
    vectors = FAR[kind](np.random.default_rng(0))
    exact = np.asarray(vectors, np.float64)
    apart = np.sqrt(((exact[:, None] - exact) ** 2 / 1.0).sum(axis=-1)) if kind != "very large" else None
    if apart is None:
        apart = np.sqrt((((exact / 1e25)[:, None] - exact / 1e25) ** 2).sum(axis=-1)) * 1e25
    np.fill_diagonal(apart, np.inf)
    expected = np.sort(apart, axis=1)[:, :10]
    found = nearest_neighbours(vectors, k=10)
    mine = np.take_along_axis(apart, found.index.astype(int), axis=1)
    np.testing.assert_allclose(mine, expected, rtol=1e-9)
    np.testing.assert_allclose(np.sqrt(2 * found.distance), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["degrees", "metres", "many features", "seconds since 1970"])
def test_figures_far_from_the_origin_are_those_of_the_same_vectors_about_it(kind: str) -> None:
    vectors = FAR[kind](np.random.default_rng(0))
    centred = vectors - vectors.mean(axis=0)
    points = PCA(2).fit_transform(centred) + np.array([448_251.0, 5_411_932.0])
    drawn = Projection.from_points(points, vectors=vectors)
    expected = sklearn_trustworthiness(centred, points - points.mean(axis=0), n_neighbors=15)
    assert trustworthiness(drawn)[0] == pytest.approx(expected, abs=1e-6)
    about = Projection.from_points(points - points.mean(axis=0), vectors=centred)
    assert drawn.quality.preservation.mean() == pytest.approx(about.quality.preservation.mean(), abs=1e-3)
    if vectors.shape[1] == 2:  # the map is the space
        assert drawn.quality.preservation.mean() > 0.999


@pytest.mark.parametrize("kind", ["metres", "seconds since 1970"])
def test_a_place_far_from_the_origin_is_found_among_its_own_neighbours(kind: str) -> None:
    vectors = FAR[kind](np.random.default_rng(0))
    drawn = project(Embeddings.from_array(vectors[:300]), method="pca", seed=0)
    found = place(drawn, vectors[300:], modality="image", k=5)
    centred = vectors - vectors.mean(axis=0)
    apart, index = NearestNeighbors(n_neighbors=5).fit(centred[:300]).kneighbors(centred[300:])
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(np.sqrt(2 * found.distance), apart, rtol=1e-5)
    grown = extend(drawn, Embeddings.from_array(vectors[300:]))
    np.testing.assert_allclose(
        grown.points[300:], place(drawn, vectors[300:], modality="image").points, atol=1e-4
    )


def test_a_search_of_near_cells_far_from_the_origin_finds_the_share_it_says() -> None:
    random = np.random.default_rng(0)
    vectors = (
        1e6 + random.normal(size=(30, 20))[random.integers(0, 30, 4000)] * 3 + random.normal(size=(4000, 20))
    )
    found = nearest_neighbours(vectors, k=10, exact=False)
    centred = vectors - vectors.mean(axis=0)
    true = NearestNeighbors(n_neighbors=10).fit(centred).kneighbors(return_distance=False)
    share = np.mean([len(np.intersect1d(a, b)) for a, b in zip(found.index, true, strict=True)]) / 10
    assert share > 0.9 and found.recall == pytest.approx(share, abs=0.03)
    apart = np.linalg.norm(vectors[found.index] - vectors[:, None], axis=-1)
    np.testing.assert_allclose(np.sqrt(2 * found.distance), apart, rtol=1e-9)


MEMORY = {
    "Fortran order": np.asfortranarray,
    "every other row": lambda array: np.repeat(array, 2, axis=0)[::2],
    "every other column": lambda array: np.repeat(array, 2, axis=1)[:, ::2],
    "backwards": lambda array: array[::-1].copy()[::-1],
    "big endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "read only": lambda array: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape),
    "a list": lambda array: array.tolist(),
}


@pytest.mark.parametrize("metric", [None, "cosine"])
@pytest.mark.parametrize("kind", MEMORY)
def test_the_same_seed_gives_the_same_map_however_the_vectors_lie_in_memory(
    kind: str, metric: str | None
) -> None:
    random = np.random.default_rng(0)
    vectors = 3 + random.normal(size=(5, 13))[random.integers(0, 5, 120)] + random.normal(size=(120, 13))
    maps = [
        project(Embeddings.from_array(one), metric=metric, seed=3, epochs=40)
        for one in (vectors, MEMORY[kind](vectors))
    ]
    np.testing.assert_array_equal(maps[0].points, maps[1].points)
    np.testing.assert_array_equal(maps[0].neighbours.index, maps[1].neighbours.index)
    given = [Projection.from_points(one.points, vectors=rows) for one, rows in zip(maps, (vectors, MEMORY[kind](vectors)), strict=True)]  # fmt: skip
    assert figures(given[0])["continuity"].value == figures(given[1])["continuity"].value


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_wine])
@pytest.mark.parametrize("metric", [None, "euclidean", "cosine"])
def test_a_map_made_elsewhere_is_judged_by_its_own_metric(load, metric: str | None) -> None:
    vectors = load().data
    vectors = vectors + 1e-7 * np.random.default_rng(0).normal(
        size=vectors.shape
    )  # no ties: their order is chance
    points = PCA(2).fit_transform(vectors)
    drawn = Projection.from_points(points, vectors=vectors, metric=metric)
    expected = sklearn_trustworthiness(vectors, points, n_neighbors=15, metric=metric or "euclidean")
    assert trustworthiness(drawn)[0] == pytest.approx(expected, abs=1e-4)
    np.testing.assert_array_equal(drawn.embeddings.image, vectors)
    assert drawn.parameters["metric"] == (metric or "euclidean")
    assert any("Euclidean distances" in note for note in drawn.notes) == (metric is None)


@pytest.mark.parametrize("metric", [None, "euclidean", "cosine"])
def test_vectors_are_not_rescaled_unless_cosine_is_asked_for(metric: str | None) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(150, 10)) * random.gamma(2, size=(150, 1)) + 1
    index = (
        NearestNeighbors(n_neighbors=12, metric=metric or "euclidean")
        .fit(vectors)
        .kneighbors(return_distance=False)
    )
    np.testing.assert_array_equal(nearest_neighbours(vectors, k=12, metric=metric).index, index)
    embeddings = Embeddings.from_array(vectors)
    np.testing.assert_array_equal(embeddings.image, vectors)
    drawn = project(embeddings, method="pca", metric=metric)
    np.testing.assert_array_equal(drawn.neighbours.index[:, :12], index)
    np.testing.assert_array_equal(redraw(drawn, seed=1).neighbours.index[:, :12], index)
    space = vectors if metric != "cosine" else vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    shadow = PCA(2).fit_transform(space)
    np.testing.assert_allclose(drawn.points, shadow * np.sign((drawn.points * shadow).sum(axis=0)), atol=1e-4)


def test_unit_vectors_have_one_map_whichever_metric_is_named() -> None:
    vectors = np.random.default_rng(0).normal(size=(90, 12)).astype(np.float32)
    unit = Embeddings.from_array(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    one, other = (project(unit, seed=0, epochs=30, metric=metric) for metric in (None, "cosine"))
    np.testing.assert_array_equal(one.points, other.points)
    assert one.parameters["metric"] == "cosine"
    scaled = project(Embeddings.from_array(vectors), seed=0, epochs=30, metric="cosine")
    np.testing.assert_array_equal(scaled.neighbours.index, one.neighbours.index)


def test_a_metric_that_is_not_there_is_refused_with_those_that_are() -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 3))
    for ask in (
        lambda: project(Embeddings.from_array(vectors), metric="manhattan"),  # type: ignore[arg-type]
        lambda: Projection.from_points(vectors[:, :2], vectors=vectors, metric="l1"),  # type: ignore[arg-type]
        lambda: nearest_neighbours(vectors, metric="dot"),
    ):
        with pytest.raises(BadInputError, match=r"metric is .*expected 'euclidean'.*'cosine'"):
            ask()
    vectors[4] = 0  # the origin is a place, and no direction
    assert len(project(Embeddings.from_array(vectors), method="pca")) == 20
    for ask in (
        lambda: project(Embeddings.from_array(vectors), metric="cosine"),
        lambda: nearest_neighbours(vectors, metric="cosine"),
    ):
        with pytest.raises(BadInputError, match=r"length zero.*\b4\b"):
            ask()


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_graph_of_a_layout_is_umap_learns_in_either_metric(metric: str) -> None:
    from umap.umap_ import fuzzy_simplicial_set

    from workbench.projection.umap.fuzzy_graph import apart, fuzzy_graph

    vectors = load_wine().data
    found = nearest_neighbours(vectors, k=14, metric=metric)
    near = type(found)(found.index, apart(found.distance, metric))
    reach, index = (
        NearestNeighbors(n_neighbors=14, metric=metric, algorithm="brute").fit(vectors).kneighbors()
    )
    index, reach = np.column_stack([np.arange(178), index]), np.pad(reach, ((0, 0), (1, 0)))
    expected, _, _ = fuzzy_simplicial_set(
        vectors, 15, np.random.RandomState(0), metric, knn_indices=index, knn_dists=reach.astype(np.float32)
    )
    assert abs(fuzzy_graph(near, 15) - expected).max() < 2e-3


# Hubness beside its expectation


@pytest.mark.parametrize(("rows", "k"), [(24, 11), (60, 15), (400, 15)])
def test_what_stands_beside_hubness_is_the_expected_skewness_of_random_lists(rows: int, k: int) -> None:
    share = k / (rows - 1)
    expected = float(stats.binom(rows - 1, share).stats(moments="s"))
    found = figures(nothing(rows))["hubness"]
    assert found.twin == f"random lists {expected:.2f}"
    assert figures(nothing(rows))["orphans"].twin in (
        f"chance {(1 - share) ** (rows - 1):.1%}",
        "chance < 0.1%",
    )


def test_stability_of_a_small_map_is_told_by_legal_neighbours() -> None:
    random = np.random.default_rng(0)
    drawn = project(Embeddings.from_array(random.normal(size=(20, 8))), seed=0, epochs=30)
    found = stability(drawn, seeds=1)
    assert found.chance == pytest.approx(9 / 19) and figures(drawn)["stability"].value <= 1
