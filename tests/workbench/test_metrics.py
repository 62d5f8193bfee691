"""One place for a metric: each against scikit-learn, SciPy or a number worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_1samp
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    r2_score,
    roc_auc_score,
)

from workbench.errors import BadInputError
from workbench.fusion.comparison.assemble import MEASURES
from workbench.metrics import (
    accuracy,
    auroc,
    balanced_accuracy,
    brier,
    calibration_bins,
    expected_calibration_error,
    f1,
    interval,
    nll,
    r2,
    top_label_bins,
    wilson,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def answers() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of 3 classes for 400 items, and truths drawn with other ones."""
    random = np.random.default_rng(0)
    probability = random.dirichlet((1, 2, 3), 400)
    truth = np.array([random.choice(3, p=row) for row in 0.7 * probability + 0.1])
    return probability, truth


def test_bins_are_scikit_learns(answers) -> None:
    probability, truth = answers
    ours = top_label_bins(probability, truth, bins=7)
    right = probability.argmax(axis=1) == truth
    rate, mean = calibration_curve(right, probability.max(axis=1), n_bins=7)
    filled = ours.count > 0
    np.testing.assert_allclose(ours.accuracy[filled], rate, atol=1e-12)
    np.testing.assert_allclose(ours.confidence[filled], mean, atol=1e-12)
    assert ours.count.sum() == 400 and np.isnan(ours.accuracy[~filled]).all()
    assert ours.error == pytest.approx(np.abs(rate - mean) @ ours.count[filled] / 400, abs=1e-12)
    assert expected_calibration_error(probability, truth, bins=7) == ours.error


def test_a_confidence_on_an_edge_belongs_to_the_bin_below_it_and_zero_to_the_first() -> None:
    found = calibration_bins([0.0, 0.25, 0.5, 0.75, 1.0], [1, 0, 0, 1, 1], bins=4)
    assert found.count.tolist() == [2, 1, 1, 1]
    assert found.accuracy.tolist() == [0.5, 0, 1, 1]
    # by hand: (2 x |.125 - .5| + |.5 - 0| + |.75 - 1| + |1 - 1|) / 5
    assert found.error == pytest.approx((0.75 + 0.5 + 0.25) / 5)


def test_answers_as_sure_as_they_are_right_have_no_error_and_how_many_bins_counts() -> None:
    sure, right = np.repeat([0.6, 0.9], [5, 10]), [1, 1, 1, 0, 0, *[1] * 9, 0]
    assert calibration_bins(sure, right, bins=10).error == pytest.approx(0)
    assert calibration_bins(sure, [1] * 10 + [0] * 5, bins=10).error == pytest.approx(0.4)
    # in one bin only the means are compared: .8 and 12 of 15 again
    assert calibration_bins(sure, [1] * 12 + [0] * 3, bins=1).error == pytest.approx(0)
    assert calibration_bins(sure, [1] * 12 + [0] * 3, bins=10).error > 0.2


def test_bins_of_equal_mass_hold_equally_many_and_none_of_nothing(answers) -> None:
    probability, truth = answers
    found = calibration_bins(
        probability.max(axis=1), probability.argmax(axis=1) == truth, bins=8, spacing="mass"
    )
    assert found.count.tolist() == [50] * 8
    assert np.isnan(calibration_bins([], [], bins=3, spacing="mass").error)


@pytest.mark.parametrize(
    ("options", "said"), [({"bins": 0}, "at least 1"), ({"spacing": "log"}, "'width' or 'mass'")]
)
def test_bins_that_cannot_be_are_refused_in_words(options, said) -> None:
    with pytest.raises(BadInputError, match=said):
        calibration_bins([0.5], [1], **{"bins": 2} | options)


def test_brier_and_likelihood_are_scikit_learns_and_what_a_hand_finds(answers) -> None:
    probability, truth = answers
    assert nll(probability, truth) == pytest.approx(log_loss(truth, probability))
    two = probability[:, :2] / probability[:, :2].sum(axis=1, keepdims=True)
    label = (truth == 1).astype(int)
    assert brier(two, label) == pytest.approx(2 * brier_score_loss(label, two[:, 1]))  # theirs halves it
    # (.3 - 0)^2 + (.5 - 1)^2 + (.2 - 0)^2, and one that is quite wrong: 2
    assert brier(np.array([[0.3, 0.5, 0.2], [1, 0, 0]]), np.array([1, 2])) == pytest.approx((0.38 + 2) / 2)
    assert nll(np.array([[0.0, 1.0]]), np.array([0])) == pytest.approx(12 * np.log(10))


def test_auroc_is_the_share_of_pairs_in_order_with_ties_by_half(answers) -> None:
    probability, truth = answers
    score, positive = probability[:, 0].round(2), truth == 0
    above = score[positive][:, None] - score[~positive][None]
    assert (above == 0).any()
    assert auroc(score, positive) == pytest.approx(((above > 0) + 0.5 * (above == 0)).mean())
    assert auroc(probability, truth) == pytest.approx(
        roc_auc_score(truth, probability, multi_class="ovr", average="macro")
    )
    absent = np.column_stack([probability, np.zeros(len(truth))])  # a class that never occurs is no half
    assert auroc(absent, truth) == pytest.approx(auroc(probability, truth))
    assert np.isnan(auroc(score, np.ones(400, bool))) and np.isnan(auroc(score, np.zeros(400, bool)))
    assert np.isnan(auroc(np.array([0.1, np.nan]), np.array([True, False])))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true", "ignore:A single label was found")
def test_measures_that_count_classes_in_full_are_scikit_learns(rows) -> None:
    truth, answer = np.array(rows).T
    probability = np.eye(4)[answer]
    assert balanced_accuracy(probability, truth) == pytest.approx(balanced_accuracy_score(truth, answer))
    assert f1(probability, truth) == pytest.approx(f1_score(truth, answer, average="macro"))
    assert accuracy(probability, truth) == pytest.approx((truth == answer).mean())


def test_a_class_that_is_answered_and_never_occurs_is_counted_without_a_warning(recwarn) -> None:
    answer, truth = np.eye(3)[[0, 1, 2, 2]], np.array([0, 0, 1, 1])
    assert balanced_accuracy(answer, truth) == pytest.approx(0.25)  # (1/2 + 0) / 2: class 2 never occurs
    assert f1(answer, truth) == pytest.approx((2 / 3 + 0 + 0) / 3)
    assert not recwarn.list


def test_r2_is_scikit_learns() -> None:
    random = np.random.default_rng(1)
    truth = random.normal(size=50)
    guess = truth + random.normal(size=50)
    assert r2(guess, truth) == pytest.approx(r2_score(truth, guess))
    assert r2(np.full(50, truth.mean()), truth) == pytest.approx(0)


def test_an_interval_over_seeds_is_students_and_leaves_out_seeds_not_reached() -> None:
    values = np.array([0.81, 0.84, 0.79, np.nan, 0.86, 0.83])
    held = ttest_1samp(values[np.isfinite(values)], 0).confidence_interval(0.95)
    assert interval(values) == pytest.approx((0.826, held.low, held.high))
    # two values, by hand: t of one degree of freedom at 75 % is tan(pi / 4) = 1, half the spread is .1
    assert interval([0.2, 0.4], level=0.5) == pytest.approx((0.3, 0.2, 0.4))
    mean, low, high = interval([0.5, np.nan])
    assert mean == 0.5 and np.isnan([low, high]).all()
    assert np.isnan(interval([np.nan])).all()


@pytest.mark.parametrize(("right", "n"), [(0, 7), (7, 7), (1, 2), (30, 1000), (999, 1000)])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_the_interval_of_a_share_is_wilsons(right, n, level) -> None:
    held = binomtest(right, n).proportion_ci(level, method="wilson")
    assert wilson(right, n, level) == pytest.approx((right / n, held.low, held.high), abs=1e-12)


def test_the_interval_of_a_share_at_its_edges() -> None:
    # by hand, z = 1: 0 of 1 is (0 + 1/2 ± 1/2) / 2
    assert wilson(0, 1, 0.6826894921370859) == pytest.approx((0, 0, 0.5))
    assert np.isnan(wilson(0, 0)).all()
    for n in range(1, 60):  # rounding never puts the bound on the other side of the share
        assert wilson(0, n)[1] == 0 and wilson(n, n)[2] == 1
    for right, n in [(-1, 3), (4, 3)]:
        with pytest.raises(BadInputError, match="expected a count from 0 to n"):
            wilson(right, n)


def test_a_report_and_a_ranking_bin_with_the_same_function_and_fifteen_is_the_reports(answers) -> None:
    probability, truth = answers
    assert MEASURES["ece"](probability, truth) == expected_calibration_error(probability, truth, bins=15)
    assert MEASURES["ece"](probability, truth) != expected_calibration_error(probability, truth, bins=10)


def test_no_other_file_has_a_calibration_error_an_auroc_or_an_interval_of_its_own() -> None:
    held = ("def ece", "def auroc", "def brier", "def expected_calibration", "t.ppf", "roc_auc")
    own = [path for path in (ROOT / "workbench").rglob("*.py") if path.name != "metrics.py"]
    assert len(own) > 100
    twice = [(path.name, what) for path in own for what in held if what in path.read_text("utf-8")]
    assert twice == []
