"""Which fusion for me: held to what theory excludes and to what the kept reports measured."""

from __future__ import annotations

import fusion_fakes as fakes
import numpy as np
import pytest

from workbench.errors import BadInputError
from workbench.fusion import Advice, advise, measured

SUMS = {
    "mean-logits",
    "mean-probabilities",
    "product-of-experts",
    "learned-weights",
    "concat-linear",
    "scalar-gate",
}


@pytest.fixture(scope="module")
def kept():
    return measured("easy-vqa")


def advised(kept, **asked) -> Advice:
    return advise(report=kept, **asked)


def test_where_the_label_needs_a_product_every_sum_is_out_by_theory(kept) -> None:
    found = advised(kept, need="product")
    assert set(found.excluded) == SUMS
    assert all("no sum separates XOR" in why for why in found.excluded.values())
    assert found.option(found.choice).card.kind in ("universal", "bilinear")


def test_the_choice_is_the_cheapest_of_those_that_are_not_measurably_worse_than_the_best(kept) -> None:
    found = advised(kept)
    means = kept.metrics["accuracy"].mean(axis=1)
    best = kept.fusions[int(np.argmax(means))]
    for one in found.allowed:
        if one.name != best:
            assert one.tied == (not kept.paired(best, one.name).low > 0)
    tied = [one for one in found.allowed if one.tied]
    assert found.choice == min(tied, key=lambda one: one.parameters).name
    assert {one.name for one in tied} >= {"low-rank"} and "mean-logits" not in {one.name for one in tied}


def test_where_a_sum_is_enough_a_sum_is_advised_though_others_did_better_here(kept) -> None:
    found = advised(kept, need="sum")
    assert found.option(found.choice).card.kind == "additive"
    assert not found.excluded


def test_an_explanation_by_parts_leaves_sums_alone_and_with_a_product_nothing(kept) -> None:
    assert {one.card.kind for one in advised(kept, explain=True).allowed} == {"additive"}
    nothing = advised(kept, explain=True, need="product")
    assert nothing.choice == "" and not nothing.allowed and not nothing.try_first
    assert "Nothing meets all of this" in nothing.reasons[0].text


def test_what_must_be_encoded_apart_is_late(kept) -> None:
    found = advised(kept, need="product", apart=True)
    assert {one.card.where for one in found.allowed} == {"late"}
    assert found.choice in ("low-rank", "tensor", "concat-mlp", "stacking")


def test_a_budget_is_kept(kept) -> None:
    found = advised(kept, parameters=30_000)
    assert [one.name for one in found.allowed] == ["early-tokens"]
    assert found.excluded["early-input"].startswith("217,613 parameters")
    assert all(one.seconds <= 50 for one in advised(kept, seconds=50).allowed)


def test_gaps_are_answered_with_figures_and_a_plan(kept) -> None:
    found = advised(kept, may_miss=True)
    assert found.plan.p_missing_train == 0.3
    said = " ".join(one.text for one in found.reasons)
    without = {one.modality: one for one in kept.robustness if one.kind == "missing"}
    for name, damage in without.items():
        fell = damage.accuracy[kept.index(found.choice), :, -1].mean()
        assert f"{fell:.3f} without {name}" in said
    assert advised(kept).plan.p_missing_train == 0.0


def test_training_with_gaps_was_measured_to_help_where_the_advice_says_so(kept) -> None:
    """Without the text no more than a constant can be learnt; complete pairs alone leave most far below it."""
    gaps = measured("easy-vqa-gaps")
    trained = {
        one.modality: one.accuracy[:, :, -1].mean(axis=1) for one in gaps.robustness if one.kind == "missing"
    }
    complete = {
        one.modality: one.accuracy[:, :, -1].mean(axis=1) for one in kept.robustness if one.kind == "missing"
    }
    places = [kept.index(name) for name in gaps.fusions]
    assert (np.abs(trained["text"] - gaps.lines["chance"]) < 0.03).all()
    assert trained["text"].mean() > complete["text"][places].mean() + 0.05


def test_with_few_rows_and_no_report_of_ones_own_cost_decides_and_the_study_is_quoted() -> None:
    found = advise(rows=1500)
    assert found.choice == min(found.allowed, key=lambda one: one.parameters).name
    few = measured("easy-vqa-few").paired("concat-mlp", "mean-logits")
    assert any(f"{few.mean:+.3f}" in one.text for one in found.reasons)
    assert few.low < 0.02  # no sure and large lead at this size


def test_a_report_of_ones_own_is_believed_before_the_kept_one() -> None:
    found = advise(report=fakes.report())
    assert found.evidence.startswith("flat pictures") and found.choice in (
        "concat-mlp",
        "early-tokens",
        "bottleneck",
    )
    assert found.try_first[:2] == ("only-image", "only-text") and "mean-logits" in found.try_first
    assert not any("easy-VQA" in one.text for one in found.reasons)


@pytest.mark.parametrize(
    "asked", [{"need": "both"}, {"parameters": 0}, {"rows": True}, {"seconds": float("nan")}]
)
def test_an_answer_that_is_none_is_refused(asked: dict) -> None:
    with pytest.raises(BadInputError, match=next(iter(asked))):
        advise(report=fakes.report(), **asked)


def test_it_prints_as_a_table_with_reasons() -> None:
    html = advise(report=fakes.report(), need="product")._repr_html_()
    assert "no sum separates XOR" in html and "(theory)" in html
