"""Scores against open_clip's, transformers' and hand-made numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import special

from tests.fakes import FakeEncoder, colour_pairs
from workbench.errors import BadInputError
from workbench.results import Ranking
from workbench.zeroshot import classify, leave_one_out, rescore, retrieve, take, template_cosines
from workbench.zeroshot.scoring import logits, probabilities, reject_scores

LABELS = ["red", "green", "blue"]
TEMPLATES = ["{}", "a {} card", "the colour {}"]


@pytest.fixture
def ranking() -> Ranking:
    return classify(FakeEncoder(), colour_pairs(), LABELS, templates=TEMPLATES)


def test_softmax_and_sigmoid_equal_torch() -> None:
    values = np.random.default_rng(0).normal(0, 40, (5, 7))
    exact = torch.tensor(values)
    np.testing.assert_allclose(probabilities(values, "softmax"), torch.softmax(exact, 1).numpy(), atol=1e-12)
    np.testing.assert_allclose(probabilities(values, "sigmoid"), torch.sigmoid(exact).numpy(), atol=1e-12)
    assert np.isfinite(probabilities(np.array([[-1e4, 1e4]]), "sigmoid")).all()


def test_logit_is_scale_times_cosine_plus_bias_over_temperature() -> None:
    assert logits(np.array(0.25), scale=100, bias=-10, temperature=2) == pytest.approx(7.5)
    assert logits(np.array(0.25), scale=100) == pytest.approx(25)  # the model's own


def test_embedding_ensemble_equals_open_clips_own_classifier() -> None:
    """The oracle averages the unit vectors of the wordings and normalises again."""
    import open_clip

    class Towers(torch.nn.Module):
        def encode_text(self, tokens: torch.Tensor, normalize: bool = False) -> torch.Tensor:
            vectors = torch.tensor(encoder.encode_texts([sentences[int(token)] for token in tokens]))
            return torch.nn.functional.normalize(vectors, dim=-1) if normalize else vectors

    def tokenise(texts: list[str]) -> torch.Tensor:
        sentences.extend(texts)
        return torch.arange(len(sentences) - len(texts), len(sentences))

    encoder, sentences = FakeEncoder(), []
    weights = open_clip.build_zero_shot_classifier(
        Towers(), tokenise, LABELS, [lambda c, t=t: t.replace("{}", c) for t in TEMPLATES]
    )
    ranking = classify(encoder, colour_pairs(), LABELS, templates=TEMPLATES)
    np.testing.assert_allclose(ranking.cosine, ranking.image @ weights.numpy(), atol=1e-6)


def test_probability_ensemble_is_the_mean_of_each_wordings_probabilities(ranking: Ranking) -> None:
    voted = rescore(ranking, ensemble="probability", temperature=0.5)
    alone = [rescore(ranking, active=np.eye(3, dtype=bool)[k], temperature=0.5).probability for k in range(3)]
    np.testing.assert_allclose(voted.probability, np.mean(alone, axis=0), atol=1e-6)
    np.testing.assert_array_equal(voted.best, np.mean(alone, axis=0).argmax(axis=1))


@pytest.mark.parametrize("rule", ["softmax", "sigmoid"])
def test_logits_and_cosines_of_a_vote_are_those_of_what_is_shown(ranking: Ranking, rule: str) -> None:
    """The logit whose probability is the vote, by SciPy; the cosine, the mean over the wordings that are on."""
    mask = [True, False, True]
    voted = rescore(ranking, rule=rule, ensemble="probability", active=mask)
    on = ranking.text[:, mask].astype(float)
    each = np.einsum("if,ctf->itc", ranking.image.astype(float), on)
    np.testing.assert_allclose(voted.cosine, each.mean(axis=1), atol=1e-6)
    spoken = special.softmax(3 * each, axis=2) if rule == "softmax" else special.expit(3 * each)
    np.testing.assert_allclose(voted.probability, spoken.mean(axis=1), atol=1e-6)
    inverse = np.log if rule == "softmax" else special.logit
    np.testing.assert_allclose(voted.logit, inverse(spoken.mean(axis=1)), atol=1e-5)
    np.testing.assert_allclose(reject_scores(voted, "cosine"), each.mean(axis=1).max(axis=1), atol=1e-6)


def test_rescoring_never_calls_the_model() -> None:
    encoder = FakeEncoder()
    ranking = classify(encoder, colour_pairs(), LABELS, templates=TEMPLATES)
    before = encoder.pictures_seen, len(encoder.texts_seen)
    for rule in ("softmax", "sigmoid"):
        for ensemble in ("embedding", "probability"):
            rescore(ranking, rule=rule, ensemble=ensemble, temperature=3, active=[True, False, True])
    assert (encoder.pictures_seen, len(encoder.texts_seen)) == before


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 5.0},
        {"rule": "sigmoid"},
        {"ensemble": "probability"},
        {"active": [True, False, False]},
    ],
)
def test_every_setting_changes_the_probabilities(ranking: Ranking, change: dict) -> None:
    assert not np.allclose(rescore(ranking, **change).probability, ranking.probability, atol=1e-4)


def test_temperature_changes_no_answer(ranking: Ranking) -> None:
    for temperature in (0.05, 0.7, 30):
        np.testing.assert_array_equal(rescore(ranking, temperature=temperature).best, ranking.best)


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_a_temperature_that_is_no_positive_number_is_refused(ranking: Ranking, temperature: float) -> None:
    with pytest.raises(BadInputError, match="temperature is"):
        rescore(ranking, temperature=temperature)


def test_switching_every_wording_off_is_refused(ranking: Ranking) -> None:
    with pytest.raises(BadInputError, match="selects 0 of 3 templates"):
        rescore(ranking, active=[False, False, False])


def test_leave_one_out_equals_dropping_the_wording(ranking: Ranking) -> None:
    effect = leave_one_out(ranking)
    without = classify(FakeEncoder(), colour_pairs(), LABELS, templates=TEMPLATES[1:])
    assert effect[0] == pytest.approx(float(without.margin.mean() - ranking.margin.mean()), abs=1e-6)
    one = leave_one_out(ranking, item=2)
    assert one[0] == pytest.approx(float(without.margin[2] - ranking.margin[2]), abs=1e-6)


def test_leave_one_out_says_nothing_of_a_single_wording(ranking: Ranking) -> None:
    assert np.isnan(leave_one_out(rescore(ranking, active=[True, False, False]))).all()


def test_template_cosines_are_dot_products_of_unit_vectors(ranking: Ranking) -> None:
    expected = FakeEncoder().encode_texts(["the colour blue"])[0] @ ranking.image[1]
    assert template_cosines(ranking, 1)[2, 2] == pytest.approx(float(expected), abs=1e-6)


def test_reject_scores_are_the_best_labels_own(ranking: Ranking) -> None:
    np.testing.assert_allclose(reject_scores(ranking, "probability"), ranking.probability.max(axis=1))
    np.testing.assert_allclose(reject_scores(ranking, "cosine"), ranking.cosine.max(axis=1))
    two = np.sort(ranking.probability, axis=1)[:, -2:]
    np.testing.assert_allclose(reject_scores(ranking, "margin"), two[:, 1] - two[:, 0], atol=1e-7)


def test_results_are_read_only(ranking: Ranking) -> None:
    with pytest.raises(ValueError, match="read-only"):
        ranking.probability[0, 0] = 1


def test_some_items_of_a_ranking_are_named_by_number_or_by_a_mask(ranking: Ranking) -> None:
    some = take(ranking, [2, 0])
    np.testing.assert_array_equal(some.logit, ranking.logit[[2, 0]])
    np.testing.assert_array_equal(take(ranking, np.arange(len(ranking)) == 1).logit, ranking.logit[[1]])
    assert len(take(ranking, [])) == 0
    with pytest.raises(BadInputError, match="item is 99; this ranking has"):
        take(ranking, [0, 99])
    with pytest.raises(BadInputError, match=r"items holds float64 .*expected numbers of pictures"):
        take(ranking, [0.5])


def test_the_best_labels_are_asked_of_an_item_that_is_there_and_counted_from_none(ranking: Ranking) -> None:
    assert ranking.top(-1) == ranking.top(len(ranking) - 1)
    assert [label for label, _ in ranking.top(0, 99)] == [LABELS[k] for k in ranking.order[0]]
    assert ranking.top(0, 0) == []
    for item in (len(ranking), 99, "x"):
        with pytest.raises(
            BadInputError, match=f"item is {item!r}.*this ranking has {len(ranking)} pictures"
        ):
            ranking.top(item)
    with pytest.raises(BadInputError, match="most is -1; expected a whole number of at least 0"):
        ranking.top(0, -1)
    found = retrieve(FakeEncoder(), colour_pairs(), "red")
    with pytest.raises(BadInputError, match="most is -1; expected a whole number of at least 0"):
        found.top(-1)
