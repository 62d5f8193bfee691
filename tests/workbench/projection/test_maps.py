"""Maps: reproducible, alike to umap-learn's, honest about what was placed; bad input refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.datasets import load_digits, make_swiss_roll
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from workbench.axes import unit
from workbench.errors import BadInputError, Cancelled, UnavailableError
from workbench.projection import Projection, align, extend, place, project, similarity, trustworthiness
from workbench.projection.neighbour_search import nearest_neighbours
from workbench.projection.umap import fuzzy_graph as umap_graph
from workbench.projection.umap.fuzzy_graph import curve, fuzzy_graph
from workbench.results import Embeddings


def clouds(rows: int = 240, feature: int = 10, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = 3 * random.normal(size=(6, feature))
    return unit((centres[np.arange(rows) % 6] + random.normal(size=(rows, feature))).astype(np.float32))


def paired(rows: int = 80) -> Embeddings:
    image = clouds(rows)
    text = unit(image + 0.3 * clouds(rows, seed=1) + 0.8)
    return Embeddings(image, text, texts=tuple(f"text {item}" for item in range(rows)))


def test_pca_is_scikit_learns_up_to_mirroring() -> None:
    vectors = clouds()
    drawn = project(Embeddings.from_array(vectors), method="pca").points
    expected = PCA(2).fit_transform(vectors)
    signs = np.sign((drawn * expected).sum(axis=0))
    np.testing.assert_allclose(drawn, expected * signs, atol=1e-4)


@pytest.mark.parametrize("method", ["umap", "pca"])
def test_the_same_seed_gives_the_same_map_and_another_seed_another(method: str) -> None:
    embeddings = Embeddings.from_array(clouds())
    first, again, other = (project(embeddings, method=method, seed=seed, epochs=30) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.points, again.points)
    assert method == "pca" or not np.array_equal(first.points, other.points)
    assert first.seed == 3 and first.provenance.seed == 3


def test_a_seed_that_was_drawn_is_recorded_and_draws_the_map_again() -> None:
    embeddings = Embeddings.from_array(clouds())
    drawn = project(embeddings, epochs=20)
    np.testing.assert_array_equal(project(embeddings, epochs=20, seed=drawn.seed).points, drawn.points)


def test_the_curve_is_umap_learns() -> None:
    from umap.umap_ import find_ab_params

    assert curve(0.1) == pytest.approx(find_ab_params(1.0, 0.1), rel=1e-3)


def test_the_curve_kept_for_the_default_is_the_one_a_fit_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = curve(0.1)
    monkeypatch.setattr(umap_graph, "_FITTED", {})
    assert curve(0.1) == pytest.approx(kept, rel=1e-6)


@pytest.mark.slow
def test_the_fuzzy_graph_is_umap_learns() -> None:
    from umap.umap_ import fuzzy_simplicial_set

    vectors = clouds(400)
    found = nearest_neighbours(vectors, k=14)
    index = np.column_stack([np.arange(400), found.index])
    apart = np.pad(found.distance, ((0, 0), (1, 0)))
    expected, _, _ = fuzzy_simplicial_set(
        vectors, 15, np.random.RandomState(0), "cosine", knn_indices=index, knn_dists=apart
    )
    assert abs(fuzzy_graph(found, 15) - expected).max() < 1e-4


def _figures(drawn: Projection) -> np.ndarray:
    from workbench.projection import continuity

    kept = float(drawn.quality.preservation.mean())
    return np.array([trustworthiness(drawn)[0], continuity(drawn)[0], kept])


@pytest.mark.slow
def test_our_layout_is_as_good_as_umap_learns_within_its_own_spread_over_seeds() -> None:
    roll = make_swiss_roll(600, random_state=0)[0]
    sets = {
        "digits": load_digits().data[:600],
        "swiss roll": np.column_stack([roll, np.full(600, 8.0)]),
        "clouds": clouds(600, 32),
    }
    for name, raw in sets.items():
        embeddings = Embeddings.from_array(raw)
        theirs = np.array([_figures(project(embeddings, reducer="umap-learn", seed=s)) for s in range(4)])
        ours = np.mean([_figures(project(embeddings, reducer="torch", seed=s)) for s in range(4)], axis=0)
        spread = theirs.max(axis=0) - theirs.min(axis=0)
        # Trustworthiness, continuity, share kept: no farther below their mean than their own seeds lie apart.
        assert (ours >= theirs.mean(axis=0) - spread).all(), (name, ours, theirs)


@pytest.mark.slow
def test_umap_learn_stays_selectable_and_is_named() -> None:
    drawn = project(Embeddings.from_array(clouds(120)), reducer="umap-learn", seed=0, epochs=20)
    assert drawn.reducer.startswith("umap-learn 0.")
    assert any("one core" in note for note in drawn.notes)


def test_tsne_draws_with_what_is_installed_and_names_it() -> None:
    drawn = project(Embeddings.from_array(clouds(150)), method="tsne", seed=0, epochs=250)
    assert drawn.points.shape == (150, 2)
    assert "t-SNE" in drawn.reducer or "TSNE" in drawn.reducer


def test_placed_points_are_named_nearly_as_rightly_as_in_the_space_itself() -> None:
    digits, labels = load_digits(return_X_y=True)
    old, new = Embeddings.from_array(digits[:900]), Embeddings.from_array(digits[900:1200])
    drawn = project(old, seed=0)
    placed = extend(drawn, new)
    on_map, in_space = (
        KNeighborsClassifier(9).fit(held[:900], labels[:900]).score(held[900:], labels[900:1200])
        for held in (placed.points, placed.space.vectors)
    )
    assert on_map >= in_space - 0.05  # of 96 %; what umap-learn's own transform keeps is 95 %
    np.testing.assert_array_equal(placed.points[:900], drawn.points)  # no old point moved
    assert not placed.fitted[900:].any() and placed.fitted[:900].all()


def test_a_vector_that_is_on_the_map_is_placed_beside_itself_with_its_true_neighbours() -> None:
    embeddings = paired()
    drawn = project(embeddings, seed=0, epochs=60)
    found = place(drawn, embeddings.text[7], modality="text")
    assert found.index[0, 0] == 80 + 7
    assert found.cosine[0, 0] == pytest.approx(1, abs=1e-5)
    near = np.linalg.norm(drawn.points[80 + 7] - found.points[0])
    assert near < np.linalg.norm(drawn.points - drawn.points.mean(axis=0), axis=1).mean()


def test_above_a_stated_size_a_sample_is_fitted_and_the_rest_placed() -> None:
    drawn = project(Embeddings.from_array(clouds(300)), seed=0, fit_at_most=200, epochs=40)
    assert drawn.fitted.sum() == 200
    assert any("Fitted on 200 of 300 rows; the rest was placed." in note for note in drawn.notes)


def test_modes_bring_two_modalities_together_as_they_say() -> None:
    embeddings = paired()
    joint, centred = (project(embeddings, method="pca", mode=mode) for mode in ("joint", "centred"))
    closed = project(embeddings, method="pca", mode="shifted", shift=1.0)
    own = project(embeddings, method="pca", mode="image")
    apart = [np.linalg.norm(np.subtract(*(one.points[one.rows(kind)].mean(axis=0) for kind in ("image", "text"))))
             for one in (joint, centred, closed)]  # fmt: skip
    assert apart[0] > 10 * apart[1] and apart[0] > 10 * apart[2]
    assert own.fitted[own.rows("image")].all() and not own.fitted[own.rows("text")].any()


def test_a_new_map_starts_from_the_old_and_stays_near_it() -> None:
    embeddings = paired()
    first = project(embeddings, seed=0, epochs=60)
    cold = project(embeddings, mode="shifted", shift=0.3, seed=1, epochs=60)
    warm = project(embeddings, mode="shifted", shift=0.3, seed=1, epochs=60, start=first)
    assert align(first, warm).drift.mean() < align(first, cold).drift.mean()


def test_laying_one_map_on_another_is_procrustes() -> None:
    random = np.random.default_rng(0)
    onto = random.normal(size=(50, 2))
    points = onto @ np.array([[0.0, -2.0], [2.0, 0.0]]) + [3, -1] + 0.1 * random.normal(size=(50, 2))
    one, two = points - points.mean(axis=0), onto - onto.mean(axis=0)
    turn, stretch = orthogonal_procrustes(one, two)
    expected = one @ turn * (stretch / (one**2).sum()) + onto.mean(axis=0)
    np.testing.assert_allclose(similarity(points, onto).apply(points), expected, atol=1e-5)


def test_alignment_scores_what_changed_beside_chance() -> None:
    vectors = clouds(200)
    drawn = project(Embeddings.from_array(vectors), method="pca")
    same = align(
        drawn,
        project(
            Embeddings.from_array(vectors @ np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0]),
            method="pca",
        ),
    )
    assert same.change.max() == pytest.approx(0, abs=1e-6)
    strange = align(
        drawn, project(Embeddings.from_array(np.random.default_rng(0).permutation(vectors)), method="pca")
    )
    assert strange.change.mean() > 0.6


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_handful_of_points_is_set_side_by_side_and_says_so(rows: int) -> None:
    drawn = project(Embeddings.from_array(clouds(6)[:rows]), seed=0)
    assert drawn.points.shape == (rows, 2)
    assert len(np.unique(drawn.points, axis=0)) == rows
    assert "too few for a layout" in " ".join(drawn.notes)


def test_fewer_points_than_neighbours_are_drawn_with_what_there_is() -> None:
    drawn = project(Embeddings.from_array(clouds(8)), seed=0, neighbours=15)
    assert np.isfinite(drawn.points).all()
    assert any("Only 7 neighbours a point" in note for note in drawn.notes)


def test_duplicates_are_drawn_and_counted() -> None:
    vectors = np.concatenate([clouds(60)] * 2)
    drawn = project(Embeddings.from_array(vectors), seed=0, epochs=40)
    assert np.isfinite(drawn.points).all()
    assert any("120 rows are duplicates" in note for note in drawn.notes)


def test_all_rows_alike_are_drawn() -> None:
    assert np.isfinite(project(Embeddings.from_array(np.ones((30, 4))), seed=0, epochs=20).points).all()


@pytest.mark.parametrize(("spoilt", "said"), [(np.nan, "not numbers"), (0.0, "length zero")])
def test_vectors_without_a_direction_are_refused_with_their_rows(spoilt: float, said: str) -> None:
    vectors = clouds(20).copy()
    vectors[4] = spoilt
    with pytest.raises(BadInputError, match=rf"(?s){said}.*\b4\b|\b4\b.*{said}"):
        project(Embeddings.from_array(vectors))


def test_impossible_requests_are_refused_with_what_would_do() -> None:
    one = Embeddings.from_array(clouds(30))
    for options, said in (
        ({"method": "mds"}, "expected one of 'umap', 'pca', 'tsne'"),
        ({"mode": "centred"}, "hold pictures only"),
        ({"reducer": "magic"}, "is drawn by 'torch'"),
        ({"neighbours": 1}, "at least 2"),
        ({"neighbours": 5.5}, "neighbours is 5.5; expected a whole number"),
        ({"fit_at_most": 0}, "fit_at_most is 0; expected a whole number of at least 2"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": "a"}, "seed is 'a'"),
        ({"min_dist": "a"}, "min_dist is 'a'; expected a number"),
        ({"start": "map"}, "start is 'map'; expected Projection"),
        ({"min_dist": 3.0}, "expected 0 to 1"),
        ({"epochs": 0}, "at least 1"),
        ({"start": project(Embeddings.from_array(clouds(12)), method="pca")}, "use extend"),
    ):
        with pytest.raises(BadInputError, match=said):
            project(one, **options)
    with pytest.raises(UnavailableError, match="pip install cuml"):
        project(one, reducer="cuml")


def test_what_cannot_be_a_map_is_refused_before_anything_is_computed() -> None:
    with pytest.raises(BadInputError, match=r"of type ndarray; expected Embeddings.*from_array\(x\)"):
        project(clouds(10))
    with pytest.raises(BadInputError, match="nothing to project"):
        project(Embeddings.from_array(np.zeros((0, 4))))
    with pytest.raises(BadInputError, match=r"not numbers in rows of one length"):
        Embeddings.from_array([[1.0, 2.0], [3.0]])
    with pytest.raises(BadInputError, match="not numbers"):
        Embeddings.from_array([["a", "b"]])
    image, text = clouds(6), clouds(6, feature=5)
    with pytest.raises(BadInputError, match=r"text has shape \(6, 5\); expected axes \(item=6, feature=10\)"):
        Embeddings(image, text)
    with pytest.raises(BadInputError, match="All 1 image vectors are alike, so centring leaves nothing"):
        project(Embeddings(image[:1], image[1:2]), mode="centred")


def test_what_cannot_be_judged_or_placed_is_refused() -> None:
    lost = Projection.from_points([[0, 0], [1, 1], [np.nan, 0]], vectors=clouds(3))
    with pytest.raises(BadInputError, match=r"1 of 3 points of the map have no place \(first row 2"):
        _ = lost.quality
    with pytest.raises(BadInputError, match="k is 0; expected at least 1 neighbour"):
        place(project(Embeddings.from_array(clouds(8)), method="pca"), clouds(1), k=0)


def test_vectors_of_another_model_or_length_do_not_join_a_map() -> None:
    drawn = project(Embeddings.from_array(clouds(30)), method="pca")
    with pytest.raises(BadInputError, match="10 features, these have 5"):
        extend(drawn, Embeddings.from_array(clouds(4, feature=5)))
    with pytest.raises(BadInputError, match="no longer held"):
        place(drawn, "a sentence")
    with pytest.raises(BadInputError, match="length zero"):
        place(drawn, np.zeros(10), modality="image")


def test_a_map_under_way_stops_when_asked() -> None:
    seen = []

    def stop() -> bool:
        return len(seen) > 2

    with pytest.raises(Cancelled, match="no map was kept"):
        project(Embeddings.from_array(clouds()), seed=0, on_event=seen.append, should_stop=stop, epochs=300)


@pytest.mark.parametrize("vectors", [None, clouds(3)])
def test_a_map_made_elsewhere_is_judged_by_a_metric_that_there_is(vectors) -> None:
    points = np.random.default_rng(0).normal(size=(3, 2))
    with pytest.raises(BadInputError, match="metric is 'x'; expected 'euclidean'"):
        Projection.from_points(points, vectors=vectors, metric="x")
