"""Several captions a picture: recall by the protocol of the field, and no picture a rival of itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.cases.making import pictures, table
from workbench import data
from workbench.axes import unit
from workbench.projection import measures, project
from workbench.projection.quality_measures import pair_figures
from workbench.projection.retrieval_metrics import group_ranks, pair_losses
from workbench.results import Embeddings


def captioned(counts: list[int], *, noise: float = 0.6, seed: int = 0) -> tuple[Embeddings, np.ndarray]:
    """A picture for each count, with so many captions; and the picture of each."""
    random = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(counts)), counts)
    image = unit(random.normal(size=(len(counts), 24)).astype("f4"))[of]
    text = unit(image + noise * random.normal(size=image.shape).astype("f4"))
    return Embeddings(image, text, tuple(map(str, range(len(of)))), tuple("ab"[k % 2] for k in of)), of


def clip_benchmark(images: np.ndarray, texts: np.ndarray, of: np.ndarray, most: int) -> tuple[float, float]:
    """LAION-AI/CLIP_benchmark, zeroshot_retrieval.py, its lines put together: text to picture, picture to text."""

    def recall_at_k(scores, positive_pairs, k):
        nb_texts, nb_images = scores.shape
        topk_indices = torch.topk(scores, k, dim=1)[1]
        nb_positive = positive_pairs.sum(dim=1)
        topk_indices_onehot = torch.nn.functional.one_hot(topk_indices, num_classes=nb_images)
        positive_pairs_reshaped = positive_pairs.view(nb_texts, 1, nb_images)
        nb_true_positive = (topk_indices_onehot * positive_pairs_reshaped).sum(dim=(1, 2))
        return nb_true_positive / nb_positive

    scores = torch.tensor(texts) @ torch.tensor(images).T
    positive = torch.zeros_like(scores, dtype=torch.bool)
    positive[torch.arange(len(scores)), torch.tensor(of)] = True
    return tuple(
        float((recall_at_k(table, right, most) > 0).float().mean())
        for table, right in ((scores, positive), (scores.T, positive.T))
    )


@pytest.mark.parametrize("counts", [[5] * 40, [1] * 60, [1, 2, 5, 3] * 12, [7] + [1] * 50])
@pytest.mark.parametrize("most", [1, 5, 10])
def test_recall_is_that_of_clip_benchmark(counts: list[int], most: int) -> None:
    embeddings, of = captioned(counts)
    first = np.unique(of, return_index=True)[1]
    to_picture, to_text = clip_benchmark(embeddings.image[first], embeddings.text, of, most)
    found = {m.key: m for m in measures(project(embeddings, method="pca", seed=0))}
    assert found[f"text_to_image_{most}"].value == pytest.approx(to_picture)
    assert found[f"image_to_text_{most}"].value == pytest.approx(to_text)
    assert found["image_to_text_1"].sample.startswith(f"{len(counts)} quer")


def test_chance_counts_every_caption_that_would_be_right() -> None:
    random = np.random.default_rng(0)
    of = np.repeat(np.arange(20), 5)
    picture, text = random.normal(size=(20, 6)), random.normal(size=(100, 6))
    ranks = group_ranks(picture, text, np.arange(20), of)
    drawn = np.mean([(random.permutation(100)[:5] < 5).any() for _ in range(20_000)])
    assert ranks.chance(5) == pytest.approx(drawn, abs=0.01)
    assert group_ranks(text, picture, of, np.arange(20)).chance(5) == pytest.approx(5 / 20)


def test_the_copies_of_a_picture_are_no_rivals_in_the_loss() -> None:
    embeddings, _ = captioned([1] * 8)
    alone = pair_losses(embeddings.image, embeddings.text, scale=10)
    doubled = np.repeat(np.arange(8), 2)
    twice = pair_losses(embeddings.image[doubled], embeddings.text[doubled], scale=10, groups=doubled)
    ungrouped = pair_losses(embeddings.image[doubled], embeddings.text[doubled], scale=10)
    logits = (embeddings.image @ embeddings.text.T).astype(float) / 0.1
    own = np.diagonal(logits)
    rivals = np.exp(logits).sum(1) * 2 - np.exp(own), np.exp(logits).sum(0) * 2 - np.exp(own)
    by_hand = 0.5 * sum(map(np.log, rivals)) - own
    assert twice[::2] == pytest.approx(by_hand)
    assert (ungrouped[::2] > twice[::2]).all() and (twice[::2] > alone).all()


def test_copies_fill_no_neighbour_lists_and_make_no_hubs() -> None:
    embeddings, of = captioned([5] * 30)
    projection = project(embeddings, method="pca", seed=0)
    first = np.unique(of, return_index=True)[1]
    quality = projection.quality
    hubs = quality.hubness[: len(of)]
    assert (hubs == hubs[first][of]).all()  # a picture is as much a hub under each of its captions
    assert hubs[first].max() <= 30 + 150  # each other row names it once at most
    company = quality.cross_modal[: len(of)]
    assert (company == pytest.approx(company[first][of])) and company.mean() > 0.5  # its captions come first


def test_ranks_of_points_are_alike_for_the_captions_of_a_picture() -> None:
    embeddings, of = captioned([3, 1, 2] * 10)
    projection = project(embeddings, method="pca", seed=0)
    rank = pair_figures(projection)["rank"][: len(of)]
    assert np.isfinite(rank).all()
    assert all(len(set(rank[of == number])) == 1 for number in range(30))


def test_a_table_with_a_picture_in_several_rows_says_so(tmp_path) -> None:
    pictures(tmp_path, ["0.png", "1.png"])
    pairs = data.load(table(tmp_path, "image,text\n0.png,a\n1.png,b\n0.png,c\n"))
    assert pairs.groups.tolist() == [0, 1, 0]
    assert repr(pairs) == "Pairs('t', 2 pictures, 3 texts)"
    assert pairs[[2, 0]].groups.tolist() == [0, 0]


def test_equal_vectors_are_one_picture_and_others_are_not() -> None:
    image = unit(np.random.default_rng(0).normal(size=(4, 8)).astype("f4"))[[2, 0, 2, 1]]
    assert Embeddings(image, image, tuple("abcd")).groups.tolist() == [0, 1, 0, 2]
    assert Embeddings(None, image, tuple("abcd")).groups.tolist() == [0, 1, 2, 3]
