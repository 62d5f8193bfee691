from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from workbench.errors import BadInputError
from workbench.results import Ranking
from workbench.zeroshot import fit_temperature, reject_cost, reliability, rescore


def _ranking(true_scale: float, items: int = 4000, seed: int = 0) -> Ranking:
    """Two labels on two axes; truth is drawn with the probabilities of `true_scale`, the model says 20."""
    random = np.random.default_rng(seed)
    angle = random.uniform(0, np.pi / 2, items)
    image = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    odds = true_scale * (image[:, 1] - image[:, 0])
    truth = (random.random(items) < 1 / (1 + np.exp(-odds))).astype(int)
    empty = np.zeros((items, 2))
    unscored = Ranking(
        ("x", "y"),
        ("{}",),
        image,
        np.eye(2)[:, None],
        empty,
        empty,
        empty,
        np.array([True]),
        "softmax",
        20.0,
        0.0,
        truth=truth,
    )
    return rescore(unscored)


def test_the_fitted_temperature_is_the_one_the_labels_were_drawn_with() -> None:
    assert fit_temperature(_ranking(true_scale=5.0)) == pytest.approx(4.0, rel=0.1)


def test_the_fitted_temperature_calibrates_other_pictures() -> None:
    temperature = fit_temperature(_ranking(5.0, seed=1))
    judged = _ranking(5.0, seed=2)
    assert reliability(rescore(judged, temperature=temperature)).error < 0.4 * reliability(judged).error


def test_reliability_equals_scikit_learns_curve() -> None:
    ranking = _ranking(5.0)
    ours = reliability(ranking, bins=10)
    right = ranking.best == ranking.truth
    accuracy, confidence = calibration_curve(right, ranking.probability.max(axis=1), n_bins=10)
    filled = ours.count > 0
    np.testing.assert_allclose(ours.accuracy[filled], accuracy, atol=1e-9)
    np.testing.assert_allclose(ours.confidence[filled], confidence, atol=1e-6)
    weighted = np.abs(accuracy - confidence) @ ours.count[filled] / len(ranking)
    assert ours.error == pytest.approx(weighted, abs=1e-6)


def test_bins_of_equal_mass_hold_equally_many() -> None:
    unsaturated = rescore(_ranking(5.0), temperature=8)  # ties at exactly 1 would all fall into one bin
    count = reliability(unsaturated, bins=8, spacing="mass").count
    assert count.sum() == 4000
    assert count.max() - count.min() <= 4


def test_reject_cost_counts_what_a_threshold_loses_and_catches() -> None:
    ranking = _ranking(5.0)
    cost = reject_cost(ranking, 0.9)
    kept = ranking.probability.max(axis=1) >= 0.9
    right = ranking.best == ranking.truth
    assert cost.answered == pytest.approx(kept.mean())
    assert cost.correct_lost == pytest.approx((~kept[right]).mean())
    assert cost.wrong_caught == pytest.approx((~kept[~right]).mean())
    assert cost.accuracy > right.mean()


def test_without_right_answers_nothing_is_measured() -> None:

    with pytest.raises(BadInputError, match="right labels of these pictures are not known"):
        reliability(replace(_ranking(5.0), truth=None))
    with pytest.raises(BadInputError, match="No picture has its right label on the list"):
        fit_temperature(replace(_ranking(5.0), truth=np.full(4000, -1)))


@pytest.mark.parametrize("known", ["everything", "nothing"])
def test_a_temperature_beyond_those_tried_is_said(known: str) -> None:
    ranking = _ranking(5.0)
    if known == "everything":
        ranking = replace(ranking, truth=ranking.best)
    else:
        ranking = replace(
            ranking, truth=np.random.default_rng(0).integers(0, len(ranking.labels), len(ranking.best))
        )
    with pytest.warns(UserWarning, match=r"is the end of those tried, and (smaller|larger) ones fit better"):
        fit_temperature(ranking)


def test_a_temperature_with_a_meaning_is_given_without_a_word(recwarn) -> None:
    fit_temperature(_ranking(5.0))
    assert not recwarn.list


@pytest.mark.parametrize(
    ("options", "said"), [({"bins": 0}, "at least 1"), ({"spacing": "foo"}, "'width', 'mass'")]
)
def test_bins_that_cannot_be_are_refused_in_words(options, said) -> None:
    with pytest.raises(BadInputError, match=said):
        reliability(_ranking(5.0, items=50), **options)
