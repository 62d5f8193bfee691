"""The figures beside a map against scikit-learn, SciPy, open_clip and cases worked out by hand."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch
from open_clip.loss import SigLipLoss
from scipy import stats
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.metrics import top_k_accuracy_score
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

from workbench.axes import unit
from workbench.errors import BadInputError
from workbench.projection import (
    Projection,
    continuity,
    contrastive_loss,
    measures,
    pair_figures,
    pair_ranks,
    project,
    recall,
    stability,
    trustworthiness,
)
from workbench.projection.point_quality import expected_skewness, hubness, skewness
from workbench.projection.retrieval_metrics import pair_losses
from workbench.results import Embeddings


@pytest.fixture(scope="module")
def drawn() -> Projection:
    """A map drawn at random of 180 vectors: every figure is far from perfect."""
    random = np.random.default_rng(0)
    vectors = unit(random.normal(size=(180, 12)).astype(np.float32))
    points = vectors[:, :2] + 0.2 * random.normal(size=(180, 2))
    return Projection.from_points(points, vectors=vectors, k=8)


@pytest.fixture(scope="module")
def paired() -> Embeddings:
    random = np.random.default_rng(3)
    image = unit(random.normal(size=(90, 16)).astype(np.float32))
    text = unit(image + 0.8 * random.normal(size=(90, 16)).astype(np.float32) + 0.5)
    labels = tuple("abc"[item % 3] for item in range(90))
    return Embeddings(image, text, labels=labels)


def test_trustworthiness_is_scikit_learns(drawn: Projection) -> None:
    for k in (3, 8):
        expected = sklearn_trustworthiness(drawn.space.vectors, drawn.points, n_neighbors=k)
        value, sample = trustworthiness(drawn, k=k)
        assert value == pytest.approx(expected, abs=1e-6)
        assert sample == 180


def test_continuity_is_scikit_learns_trustworthiness_the_other_way_round(drawn: Projection) -> None:
    expected = sklearn_trustworthiness(drawn.points, drawn.space.vectors, n_neighbors=8)
    assert continuity(drawn)[0] == pytest.approx(expected, abs=1e-6)


def test_shares_of_kept_false_and_missing_neighbours_are_those_of_plain_sets(drawn: Projection) -> None:
    apart = np.linalg.norm(drawn.space.vectors[:, None] - drawn.space.vectors[None], axis=-1)
    near = np.linalg.norm(drawn.points[:, None].astype(float) - drawn.points[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    np.fill_diagonal(near, np.inf)
    true, shown = apart.argsort(axis=1), near.argsort(axis=1)
    for row in range(0, 180, 7):
        close, wide = set(true[row, :8]), set(true[row, :16])
        on_map, wide_map = set(shown[row, :8]), set(shown[row, :16])
        assert drawn.quality.preservation[row] == pytest.approx(len(close & on_map) / 8)
        assert drawn.quality.false[row] == pytest.approx(len(on_map - wide) / 8)
        assert drawn.quality.missing[row] == pytest.approx(len(close - wide_map) / 8)


def test_a_map_that_is_the_space_keeps_everything() -> None:
    points = unit(np.random.default_rng(1).normal(size=(60, 2)).astype(np.float32))
    same = Projection.from_points(points, vectors=points, k=5)
    assert same.quality.preservation.min() == 1
    assert same.quality.false.max() == same.quality.missing.max() == 0
    assert trustworthiness(same)[0] == continuity(same)[0] == 1


def test_hubness_counts_lists_and_its_skew_is_scipys() -> None:
    lists = np.array([[1, 2], [2, 0], [1, 0], [2, 1]])
    np.testing.assert_array_equal(hubness(lists), [2, 3, 3, 0])
    values = np.random.default_rng(2).gamma(2.0, size=500)
    assert skewness(values) == pytest.approx(stats.skew(values))
    assert skewness(np.ones(9)) == 0
    assert expected_skewness(50, 0.1) == pytest.approx(stats.binom(50, 0.1).stats("s"))
    assert expected_skewness(50, 0.0) == expected_skewness(0, 0.5) == 0


def test_recall_is_scikit_learns_top_k_accuracy(paired: Embeddings) -> None:
    cosine = paired.text @ paired.image.T
    for k in (1, 5, 10):
        expected = top_k_accuracy_score(np.arange(90), cosine, k=k)
        assert recall(pair_ranks(paired.text, paired.image), k) == pytest.approx(expected)
        other = top_k_accuracy_score(np.arange(90), cosine.T, k=k)
        assert recall(pair_ranks(paired.image, paired.text), k) == pytest.approx(other)


def test_ties_count_by_chance_and_not_as_hits() -> None:
    same = np.ones((8, 3), np.float32)
    assert recall(pair_ranks(same, same), 1) == pytest.approx(1 / 8)
    assert recall(pair_ranks(same, same), 4) == pytest.approx(4 / 8)


@pytest.mark.parametrize("scale", [1.0, 14.3, 100.0])
def test_the_softmax_loss_is_open_clips(paired: Embeddings, scale: float) -> None:
    image, text = torch.tensor(paired.image), torch.tensor(paired.text)
    expected = float(open_clip.ClipLoss()(image, text, torch.tensor(scale)))
    assert contrastive_loss(paired.image, paired.text, scale=scale) == pytest.approx(expected, rel=1e-5)


def test_the_sigmoid_loss_is_open_clips(paired: Embeddings) -> None:
    image, text = torch.tensor(paired.image), torch.tensor(paired.text)
    expected = float(SigLipLoss()(image, text, torch.tensor(10.0), torch.tensor(-3.0)))
    found = contrastive_loss(paired.image, paired.text, scale=10, rule="sigmoid", bias=-3.0)
    assert found == pytest.approx(expected, rel=1e-5)
    assert pair_losses(paired.image, paired.text, scale=10).shape == (90,)


def test_the_gap_is_the_distance_of_the_two_means(paired: Embeddings) -> None:
    found = {row.key: row for row in measures(project(paired, method="pca"))}
    expected = np.linalg.norm(paired.image.mean(axis=0) - paired.text.mean(axis=0))
    assert found["gap"].value == pytest.approx(expected, rel=1e-5)
    closed = project(paired, method="pca", mode="shifted", shift=1.0)
    assert {row.key: row for row in measures(closed)}["gap"].value == pytest.approx(0, abs=1e-5)


def test_the_gap_of_a_selection_is_the_distance_of_its_own_two_means(paired: Embeddings) -> None:
    drawn = project(paired, method="pca")
    rows = np.array([2, 5, 7, 90 + 1, 90 + 5])
    expected = np.linalg.norm(paired.image[[2, 5, 7]].mean(axis=0) - paired.text[[1, 5]].mean(axis=0))
    found = {row.key: row for row in measures(drawn, rows)}["gap"]
    assert found.value == pytest.approx(expected, rel=1e-5)
    assert found.sample == "5 points"
    assert "gap" not in {row.key for row in measures(drawn, [2, 5, 7])}  # one kind has none
    assert {row.key: row for row in measures(drawn, [2, 92])}["gap"].twin == "one picture has no halves"


def test_every_point_has_its_partners_rank_and_its_part_of_the_loss(paired: Embeddings) -> None:
    drawn = project(paired, method="pca")
    found = pair_figures(drawn, scale=10)
    cosine = paired.image @ paired.text.T
    expected = [
        stats.rankdata(-row, method="average")[item]
        for table in (cosine, cosine.T)
        for item, row in enumerate(table)
    ]
    assert found["rank"] == pytest.approx(expected)
    logits = torch.from_numpy(cosine / 0.1)
    own = torch.arange(90)
    both = [torch.nn.functional.cross_entropy(side, own, reduction="none") for side in (logits, logits.T)]
    assert found["loss"] == pytest.approx(np.tile((both[0] + both[1]).numpy() / 2, 2), rel=1e-4)
    whole = {row.key: row for row in measures(drawn, scale=10)}
    assert whole["loss"].value == pytest.approx(found["loss"].mean(), rel=1e-5)
    assert whole["image_to_text_5"].value == pytest.approx((found["rank"][:90] <= 5).mean())


def test_the_zero_shot_margin_is_the_cosine_to_the_own_class_minus_the_best_other(paired: Embeddings) -> None:
    drawn = project(paired, method="pca")
    names = np.array(paired.labels)
    classes = np.stack([paired.text[names == name].sum(axis=0) for name in "abc"])
    cosine = paired.image @ (classes / np.linalg.norm(classes, axis=1, keepdims=True)).T
    for item in (0, 1, 2, 77):
        own = "abc".index(names[item])
        expected = cosine[item, own] - np.delete(cosine[item], own).max()
        assert drawn.quality.margin[item] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(drawn.quality.margin[90:]).all()


def test_the_share_of_the_other_modality_is_counted_in_scikit_learns_lists(paired: Embeddings) -> None:
    drawn = project(paired, method="pca")
    rows = np.concatenate([paired.image, paired.text])
    lists = NearestNeighbors(n_neighbors=drawn.k + 1, algorithm="brute").fit(rows).kneighbors(rows)[1][:, 1:]
    other = ((lists >= 90) != (np.arange(180)[:, None] >= 90)).mean(axis=1)
    assert drawn.quality.cross_modal == pytest.approx(other, abs=1e-6)
    shown = {row.key: row for row in measures(drawn)}["cross_modal"]
    assert shown.value == pytest.approx(other.mean(), abs=1e-6)


def test_figures_of_a_selection_are_judged_among_everything(paired: Embeddings) -> None:
    drawn = project(paired, method="pca")
    rows = np.array([0, 5, 90 + 5])
    found = {row.key: row for row in measures(drawn, rows)}
    assert found["preservation"].value == pytest.approx(float(drawn.quality.preservation[rows].mean()))
    ranks = pair_ranks(paired.text, paired.image)
    assert found["text_to_image_5"].value == pytest.approx(float(ranks.within(5)[[0, 5]].mean()))
    mask = np.zeros(180, bool)
    mask[rows] = True
    assert [row.value for row in measures(drawn, mask)] == pytest.approx(
        [row.value for row in found.values()]
    )


def test_every_figure_has_a_twin_and_says_what_it_was_measured_on(paired: Embeddings) -> None:
    drawn = project(paired, method="pca")
    stability(drawn, seeds=1)
    found = measures(drawn)
    wanted = {"preservation", "false", "missing", "trustworthiness", "continuity", "stability", "hubness", "gap",
              "cross_modal", "margin", "loss", "text_to_image_1", "image_to_text_10"}  # fmt: skip
    assert wanted <= {row.key for row in found}
    assert all(row.twin and row.sample for row in found)
    assert "trustworthiness" in drawn._repr_html_()


def test_a_map_of_directions_is_stable_and_one_drawn_by_chance_is_not() -> None:
    vectors = unit(np.random.default_rng(4).normal(size=(80, 10)).astype(np.float32))
    embeddings = Embeddings.from_array(vectors)
    assert stability(project(embeddings, method="pca"), seeds=1).agreement.min() == 1
    noisy = stability(project(embeddings, seed=0, neighbours=5, epochs=40), seeds=1)
    assert noisy.chance < noisy.agreement.mean() < 1


def test_stability_is_the_overlap_of_scikit_learns_neighbours_on_both_maps(paired: Embeddings) -> None:
    drawn = project(paired, seed=3, epochs=60)
    found = stability(drawn, seeds=1)

    def near(points: np.ndarray) -> np.ndarray:
        search = NearestNeighbors(n_neighbors=drawn.k, algorithm="brute").fit(points)
        return search.kneighbors(return_distance=False)

    other = project(paired, seed=found.seeds[0], epochs=60)
    overlap = [
        len({*a} & {*b}) / drawn.k for a, b in zip(near(drawn.points), near(other.points), strict=True)
    ]
    assert found.agreement == pytest.approx(overlap, abs=1e-6)
    shown = {row.key: row for row in measures(drawn)}["stability"]
    assert shown.value == pytest.approx(np.mean(overlap), abs=1e-6)


def test_impossible_requests_are_refused(paired: Embeddings, drawn: Projection) -> None:
    with pytest.raises(BadInputError, match=r"Row 999 was asked for; the map has 180"):
        measures(drawn, [999])
    with pytest.raises(BadInputError, match=r"mask has shape \(4,\)"):
        measures(drawn, np.ones(4, bool))
    with pytest.raises(BadInputError, match="scale is 0"):
        contrastive_loss(paired.image, paired.text, scale=0)
    with pytest.raises(BadInputError, match="made elsewhere"):
        stability(drawn)


def test_the_zero_shot_margin_of_moved_vectors_is_a_cosine_too(paired: Embeddings) -> None:
    """Moved by half the gap, pictures and texts are no unit vectors; scikit-learn's cosines are of directions."""
    drawn = project(paired, method="pca", mode="shifted", shift=0.5)
    gap = paired.image.mean(axis=0, dtype=float) - paired.text.mean(axis=0, dtype=float)
    image, text = paired.image - 0.25 * gap, paired.text + 0.25 * gap
    names = np.array(paired.labels)
    cosine = cosine_similarity(image, np.stack([text[names == name].sum(axis=0) for name in "abc"]))
    own = np.array(["abc".index(name) for name in names])
    right = cosine[np.arange(90), own]
    cosine[np.arange(90), own] = -np.inf
    np.testing.assert_allclose(drawn.quality.margin[:90], right - cosine.max(axis=1), atol=1e-6)
