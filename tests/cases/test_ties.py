"""Equal distances are nobody's fault: copies are no strangers, and no figure depends on the order of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.projection import Projection, continuity, measures, project, trustworthiness
from workbench.results import Embeddings


def figures(projection: Projection) -> dict:
    return {row.key: row for row in measures(projection)}


def test_equal_vectors_are_nobodys_strangers() -> None:
    random = np.random.default_rng(0)
    others, one = random.normal(size=(300, 16)), random.normal(size=(1, 16))
    vectors = np.concatenate([others, np.repeat(one, 200, axis=0)])
    points = random.normal(size=(500, 2)) * 0.1 + np.repeat([[0, 0], [9, 9]], [300, 200], axis=0)
    drawn = Projection.from_points(points, vectors=vectors)
    twins = np.arange(300, 500)
    assert drawn.quality.false[twins].max() == drawn.quality.missing[twins].max() == 0
    assert drawn.quality.preservation[twins].min() == 1
    assert trustworthiness(drawn, rows=twins)[0] == continuity(drawn, rows=twins)[0] == 1


@pytest.mark.parametrize("method", ["umap", "pca"])
@pytest.mark.parametrize("metric", [None, "cosine"])
def test_a_map_of_equal_vectors_shows_no_stranger(method: str, metric: str | None) -> None:
    drawn = project(Embeddings.from_array(np.ones((50, 8))), method=method, metric=metric, seed=0, epochs=50)
    found = figures(drawn)
    assert [found[key].value for key in ("preservation", "false", "missing", "trustworthiness", "continuity")] == [
        1, 0, 0, 1, 1,
    ]  # fmt: skip
    assert found["hubness"].value == found["orphans"].value == 0  # which of them a list names says nothing


@pytest.mark.parametrize("kind", ["binary", "lattice", "one of few"])
def test_figures_of_ties_do_not_depend_on_the_order_of_the_rows(kind: str) -> None:
    random = np.random.default_rng(1)
    vectors = {
        "binary": random.integers(0, 2, (120, 6)),
        "lattice": np.stack(np.meshgrid(*[np.arange(5)] * 3), -1).reshape(-1, 3)[:120],
        "one of few": random.normal(size=(4, 6))[random.integers(0, 4, 120)],
    }[kind]
    points = random.normal(size=(120, 2))
    order = random.permutation(120)
    one = Projection.from_points(points, vectors=vectors, metric="euclidean")
    other = Projection.from_points(points[order], vectors=vectors[order], metric="euclidean")
    for name in ("preservation", "false", "missing"):
        np.testing.assert_allclose(getattr(one.quality, name)[order], getattr(other.quality, name), atol=1e-7)
    for figure in (trustworthiness, continuity):
        assert figure(one)[0] == pytest.approx(figure(other)[0], abs=1e-12)


def test_copies_of_one_text_share_their_neighbour_lists() -> None:
    random = np.random.default_rng(0)
    vectors = np.concatenate([random.normal(size=(100, 8)), np.zeros((60, 8)), random.normal(size=(100, 8))])
    drawn = Projection.from_points(vectors[:, :2], vectors=vectors, metric="euclidean")
    lists = drawn.quality.hubness
    assert np.ptp(lists[100:160]) == 0 and lists.sum() == pytest.approx(drawn.k * 260)
    assert lists[100] >= drawn.k * 59 / 60 - 1e-4


def test_points_in_one_place_count_for_each_other_whatever_their_order() -> None:
    random = np.random.default_rng(2)
    points = random.integers(0, 3, (90, 2)).astype(float)
    vectors = points + 1e-3 * random.normal(size=points.shape)
    drawn = Projection.from_points(points, vectors=vectors, k=4, metric="euclidean")
    assert drawn.quality.preservation.min() == 1 and drawn.quality.missing.max() == 0
    assert trustworthiness(drawn)[0] == 1


@pytest.mark.parametrize(
    ("copies", "said"), [(2, "lie nearly where they do"), (200, "of the map's width away")]
)
def test_the_note_on_duplicates_says_where_the_map_put_them(copies: int, said: str) -> None:
    random = np.random.default_rng(0)
    centres = 4 * random.normal(size=(20, 32))
    others = centres[random.integers(0, 20, 400)] + random.normal(size=(400, 32))
    vectors = np.concatenate([others, np.repeat(others[:1], copies, axis=0)])
    drawn = project(Embeddings.from_array(vectors), seed=0)
    (note,) = (note for note in drawn.notes if "duplicates" in note)
    assert note.startswith(f"{copies + 1} rows are duplicates of others") and said in note
    twins = drawn.points[[0, *range(400, len(vectors))]]
    width = np.ptp(drawn.points, axis=0).max()
    apart = np.linalg.norm(twins[:, None] - twins, axis=-1).max() / width
    assert (apart >= 0.02) == ("width" in said)
