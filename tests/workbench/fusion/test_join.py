"""Reports of some fusions each are, joined, the report of one call with all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.fusion.small import same, small_examples
from workbench.errors import BadInputError, UnknownNameError
from workbench.fusion import Design, Fusion, Plan, card, compare, join, look, open_report
from workbench.fusion.modules.builders import fusion

NAMES = ["mean-logits", "low-rank", "only-image", "slider-1"]
PLAN = Plan(design=Design(width=8), epochs=2, batch_size=32)
TIMES = ("examples", "built", "seconds", "p50_ms", "p95_ms")


@pytest.fixture(scope="module")
def rows():
    return small_examples()


@pytest.fixture(scope="module")
def whole(rows):
    return compare(rows, NAMES, seeds=2, plan=PLAN)


@pytest.fixture(scope="module")
def halves(rows):
    return [compare(rows, some, seeds=2, plan=PLAN) for some in (["slider-1", "mean-logits"], NAMES[1:3])]


def test_joined_they_are_the_report_of_one_call_but_for_its_times(whole, halves) -> None:
    joined = join(halves, NAMES)
    assert same(whole, joined, TIMES)
    assert joined.config_hash == whole.config_hash != halves[0].config_hash
    assert joined.budget.seconds.shape == (4,) and joined.budget.unmatched == ("only-image",)
    assert join(halves).fusions == ("slider-1", "mean-logits", "low-rank", "only-image")


def test_saved_parts_join_as_well_and_can_be_looked_into(whole, halves, rows, tmp_path) -> None:
    kept = [open_report(one.save(tmp_path / str(at)), rows) for at, one in enumerate(halves)]
    joined = join(kept, NAMES)
    assert same(whole, joined, TIMES)
    first, again = (look(one, "low-rank", one.items[:2]) for one in (whole, joined))
    np.testing.assert_array_equal(first.probability, again.probability)


def test_one_report_and_some_names_give_a_part(whole, halves) -> None:
    part = join([whole], ["slider-1", "mean-logits"])
    assert same(part, halves[0], TIMES)


def test_a_fusion_of_ones_own_is_joined_from_a_saved_report_too(rows, halves, tmp_path) -> None:
    own = Fusion(replace(card("mean-logits"), name="mine"), fusion("mean-logits").build)
    mine = compare(rows, [own], seeds=2, plan=PLAN)
    live, opened = (join([halves[0], one]) for one in (mine, open_report(mine.save(tmp_path / "mine"))))
    assert live.fusions[-1] == "mine" and live.config_hash == opened.config_hash
    assert same(live, opened)


def test_what_was_interrupted_is_gone_on_with(rows, whole) -> None:
    seen = []
    cut = compare(
        rows, NAMES, seeds=2, plan=PLAN,
        on_event=lambda event: seen.append(event.fusion), should_stop=lambda: NAMES[2] in seen,
    )  # fmt: skip
    assert not cut.complete and list(cut.weights) == NAMES[:2]
    assert join([cut]).fusions == tuple(NAMES[:2])
    joined = join([cut, compare(rows, NAMES[2:], seeds=2, plan=cut.plan)])
    assert joined.complete and not any("interrupted" in note for note in joined.notes)
    assert same(whole, joined, TIMES)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda one, other: [], "nothing to join"),
        (lambda one, other: [one, one], "mean-logits, slider-1 stands in two"),
        (lambda one, other: [one, replace(other, weights={})], "before a fusion was finished; leave it out"),
        (
            lambda one, other: [one, replace(other, seeds=(0, 7))],
            r"their seeds differ, \(0, 1\) and \(0, 7\)",
        ),
        (lambda one, other: [one, replace(other, plan=replace(PLAN, epochs=3))], "their plan differ"),
        (
            lambda one, other: [one, replace(other, provenance=replace(other.provenance, data="else"))],
            "their data differ",
        ),
    ],
)
def test_what_was_not_measured_alike_is_refused_in_words(halves, change, why) -> None:
    with pytest.raises(BadInputError, match=why):
        join(change(*halves))


def test_names_that_nobody_holds_or_none_at_all_are_refused(whole) -> None:
    with pytest.raises(UnknownNameError, match=r"'slider-2' is in none of these reports.*slider-1"):
        join([whole], ["slider-2"])
    for wrong in ([], ["low-rank", "low-rank"]):
        with pytest.raises(BadInputError, match="expected at least one, each once"):
            join([whole], wrong)
