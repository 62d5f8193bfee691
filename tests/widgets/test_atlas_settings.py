"""What stands on the atlas follows the map's own settings: its slider, its code, its words and figures."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fakes import FakeEncoder, colour_pairs
from widgets import show
from widgets.atlas.cards import point_card
from widgets.atlas.colour import by_modality
from widgets.atlas.gallery import nearest_gallery
from widgets.atlas.projection_view import landmarks
from workbench import data
from workbench.embedding import embed, forget
from workbench.projection import Projection, project
from workbench.results import Embeddings

COLOURS = ("red", "green", "blue", "red", "green")


@pytest.fixture
def encoder() -> FakeEncoder:
    forget()
    return FakeEncoder()


def test_the_code_says_the_settings_of_the_map_and_of_the_screen(encoder) -> None:
    pairs = data.load("emoji")[:12]
    atlas = show(project(embed(encoder, pairs), seed=3, neighbours=5, min_dist=0.3, epochs=20))
    assert atlas.wait(20)
    assert "seed=3, neighbours=5, min_dist=0.3, epochs=20)" in atlas.code()
    assert "temperature" not in atlas.code()
    atlas.temperature, atlas.links, atlas.gallery = 0.5, "worst", "texts"
    assert atlas.wait(20)
    for line in ("atlas.temperature = 0.5", "atlas.links = 'worst'", "atlas.gallery = 'texts'"):
        assert line in atlas.code()


def test_the_gap_slider_draws_with_the_settings_of_the_map_it_was_given(encoder) -> None:
    atlas = show(project(embed(encoder, colour_pairs(COLOURS)), seed=3, neighbours=4, epochs=20))
    assert atlas.wait(20)
    atlas.shift = 0.5
    assert atlas.wait(60) and not atlas.errors
    now = atlas.projection
    assert (now.shift, now.seed, now.k) == (0.5, 3, 4)
    assert now.parameters["epochs"] == 20


def test_every_point_can_be_coloured_by_its_rank_and_its_loss(encoder) -> None:
    atlas = show(project(embed(encoder, colour_pairs(COLOURS)), method="pca"))
    assert atlas.wait(20)
    before = atlas.figures["loss"].values
    assert atlas.figures["rank"].values.min() >= 1
    atlas.temperature = 3.0
    assert atlas.wait(20)
    assert not np.allclose(atlas.figures["loss"].values, before)
    atlas.colour = "rank"
    assert atlas._view["legend"]["title"] == "rank of its own pair"


def test_a_label_on_the_map_says_which_of_the_two_kinds_it_stands_for(encoder) -> None:
    embeddings = embed(encoder, data.load("emoji")[:40])
    both = project(embeddings, method="pca")
    texts = {mark["text"] for mark in landmarks(both, by_modality(both.modality))}
    assert {"Smileys & Emotion", "Smileys & Emotion (texts)"} <= texts
    own = Embeddings(embeddings.image, None, labels=embeddings.labels)
    alone = project(own, method="pca")
    assert {mark["text"] for mark in landmarks(alone, by_modality(alone.modality))} == {"Smileys & Emotion"}


def test_the_size_of_a_sample_stands_beside_the_figure_that_was_measured_on_it(encoder) -> None:
    atlas = show(project(embed(encoder, colour_pairs(COLOURS)), method="pca"))
    assert atlas.wait(20)
    beside = {row["name"]: row["baseline"] for row in atlas._view["measures"]["rows"]}
    assert beside["trustworthiness"] == "chance 0.52, 10 points"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_smallest_maps_are_shown(count: int) -> None:
    atlas = show(Projection.from_points(np.eye(count, 2)))
    assert atlas.wait(20) and not atlas.errors
    atlas.selected = [0]
    atlas.focus = count - 1
    assert atlas.wait(20) and not atlas.errors
    assert atlas.snapshot(width=300, height=300).png


def test_a_card_says_distances_where_no_vector_was_scaled_and_calls_no_copy_a_stranger() -> None:
    random = np.random.default_rng(0)
    vectors = np.concatenate([np.zeros((40, 3)), 100 + random.normal(size=(20, 3))])
    points = np.concatenate([random.normal(size=(40, 2)), 9 + random.normal(size=(20, 2))])
    card = point_card(Projection.from_points(points, vectors=vectors, metric="euclidean"), 0, {})
    assert {(one["by"], one["close"]) for one in card["neighbours"]} == {("distance", 0.0)}
    assert card["strangers"] == [] and all(one["kept"] for one in card["neighbours"])
    directions = Projection.from_points(points[40:], vectors=vectors[40:], metric="cosine")
    assert all(
        one["by"] == "cosine" and one["close"] <= 1 for one in point_card(directions, 0, {})["neighbours"]
    )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_what_is_nearest_is_listed_by_the_metric_of_the_map(metric: str) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(30, 4)) * random.gamma(1, size=(30, 1)) + 1
    drawn = Projection.from_points(vectors[:, :2], vectors=vectors, metric=metric)
    listed = nearest_gallery(drawn, vectors[4], "pictures", asked="it", own=4)["rows"]
    found = [row["point"] for row in listed[:8]]
    assert found == drawn.neighbours.index[4, :8].tolist()
    away = np.sqrt(2 * drawn.neighbours.distance[4, :8])
    expected = away if metric == "euclidean" else 1 - drawn.neighbours.distance[4, :8]
    np.testing.assert_allclose([row["score"] for row in listed[:8]], expected, atol=1e-6)
