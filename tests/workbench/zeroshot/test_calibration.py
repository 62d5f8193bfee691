from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve
from torch.nn import functional

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
        found = fit_temperature(ranking)
    assert found == pytest.approx(0.01 if known == "everything" else 100, rel=0.01)


def test_a_temperature_with_a_meaning_is_given_without_a_word(recwarn) -> None:
    fit_temperature(_ranking(5.0))
    assert not recwarn.list


@pytest.mark.parametrize(
    ("options", "said"), [({"bins": 0}, "at least 1"), ({"spacing": "foo"}, "'width' or 'mass'")]
)
def test_bins_that_cannot_be_are_refused_in_words(options, said) -> None:
    with pytest.raises(BadInputError, match=said):
        reliability(_ranking(5.0, items=50), **options)


def _hand(confidence: list[float], right: list[bool | None]) -> Ranking:
    """Two labels; the first is answered with `confidence`. None: the right label is not on the list."""
    sure = np.array(confidence)
    odds = np.log(sure / (1 - sure))  # softmax of (odds, 0)
    image = np.stack([odds, np.zeros(len(odds))], axis=1)
    truth = np.array([-1 if one is None else 0 if one else 1 for one in right])
    empty = np.zeros((len(sure), 2))
    options = {"text": np.eye(2)[:, None], "cosine": empty, "logit": empty, "probability": empty}
    return rescore(
        Ranking(("x", "y"), ("{}",), image, active=np.array([True]), rule="softmax", scale=1.0, bias=0.0,
                truth=truth, **options)
    )  # fmt: skip


def test_a_rejection_is_counted_over_what_each_share_is_of() -> None:
    """Six pictures by hand: two of them are of neither label."""
    ranking = _hand([0.95, 0.9, 0.85, 0.6, 0.7, 0.8], [True, False, None, True, False, None])
    cost = reject_cost(ranking, 0.75)
    assert cost.answered == pytest.approx(4 / 6)
    assert cost.correct_lost == pytest.approx(1 / 2)
    assert cost.wrong_caught == pytest.approx(1 / 4)  # of two wrong ones and two without a right label
    assert cost.accuracy == pytest.approx(1 / 2)  # one of the two answered that have a right label
    assert np.isnan(reject_cost(ranking, 0.99).accuracy)
    nothing_wrong = _hand([0.9, 0.8], [True, True])
    assert np.isnan(reject_cost(nothing_wrong, 0.5).wrong_caught)
    # A confidence that is the threshold itself is not below it.
    assert reject_cost(nothing_wrong, float(nothing_wrong.probability[1, 0])).answered == 1


def test_a_confidence_on_an_edge_belongs_to_the_bin_below_it() -> None:
    """Guo et al. 2017, section 3: the bins are ((m - 1) / M, m / M]."""
    found = reliability(_hand([0.5, 0.5, 0.75, 0.9], [True, True, False, True]), bins=4)
    assert found.count.tolist() == [0, 2, 1, 1]
    assert found.gap == pytest.approx((0.5 + 0.5 + 0.75 + 0.9) / 4 - 3 / 4)
    unsure = reliability(_hand([0.5, 0.55], [True, True]), bins=4)
    assert unsure.count.tolist() == [0, 1, 1, 0] and np.isnan(unsure.accuracy[[0, 3]]).all()


def test_pictures_without_a_right_label_are_in_no_bin() -> None:
    found = reliability(_hand([0.92, 0.6, 0.85], [True, None, False]), bins=10)
    assert found.count.sum() == 2
    assert found.error == pytest.approx((abs(0.92 - 1) + abs(0.85 - 0)) / 2)


@pytest.mark.parametrize("rule", ["softmax", "sigmoid"])
def test_the_fitted_temperature_has_the_least_loss_that_torch_finds(rule: str) -> None:
    """With sigmoids every label is a yes or no of its own: torch's binary cross-entropy, summed over labels."""
    random = np.random.default_rng(3)
    image, text = random.normal(size=(300, 5)), random.normal(size=(4, 1, 5))
    text /= np.linalg.norm(text, axis=2, keepdims=True)
    truth = (image @ text[:, 0].T + 2 * random.normal(size=(300, 4))).argmax(axis=1)
    truth[::7] = -1
    empty = np.zeros((300, 4))
    ranking = rescore(
        Ranking(tuple("wxyz"), ("{}",), image, text, empty, empty, empty, np.array([True]), rule, 3.0, -1.0,
                truth=truth)
    )  # fmt: skip
    known = torch.tensor(truth >= 0)
    logit, label = torch.tensor(3 * image @ text[:, 0].T - 1), torch.tensor(np.maximum(truth, 0))

    def loss(log_temperature: float) -> float:
        heated = (logit / np.exp(log_temperature))[known]
        if rule == "softmax":
            return float(functional.cross_entropy(heated, label[known]))
        wanted = functional.one_hot(label[known], 4).double()
        return float(functional.binary_cross_entropy_with_logits(heated, wanted, reduction="sum"))

    best = minimize_scalar(loss, bounds=(-3, 4), method="bounded", options={"xatol": 1e-7}).x
    assert fit_temperature(ranking) == pytest.approx(np.exp(best), rel=1e-3)
