from __future__ import annotations

import csv
import io

import pytest

from workbench.errors import BadInputError, UnknownNameError
from workbench.fusion import available, prove
from workbench.fusion.theory.prove import PROVED
from workbench.results import Event

TOLD: list[Event] = []


@pytest.fixture(scope="module")
def quick():
    """One fusion of each end: a sum, and a product."""
    return prove(["mean-logits", "low-rank"], on_event=TOLD.append)


def test_progress_counts_the_parts_of_each_fusion_and_never_goes_back(quick) -> None:
    done = [event.done for event in TOLD]
    assert done == sorted(done) and done[-1] == TOLD[-1].total == 16
    assert "mean-logits, closed forms" in [event.message for event in TOLD]


def test_a_sum_and_a_product_keep_their_classes(quick) -> None:
    assert quick.failures == () and quick.complete
    assert quick.fusions == ("mean-logits", "low-rank")
    (auroc,) = [row for row in quick.of("mean-logits", "xor") if row.measure == "AUROC"]
    assert auroc.measured == pytest.approx(0.5, abs=0.03)
    (solved,) = [row for row in quick.of("low-rank", "xor") if row.measure == "AUROC"]
    assert solved.measured > 0.99


def test_every_row_has_its_theory_and_leaves_as_csv(quick) -> None:
    assert all(row.theory for row in quick.rows)
    assert len(list(csv.DictReader(io.StringIO(quick.to_csv())))) == len(quick)
    assert "all within theory" in repr(quick)


def test_experts_trained_apart_stay_at_chance_on_xor_though_joint_training_is_free_of_it(quick) -> None:
    rows = [row for row in quick.of("mean-logits", "xor, trained apart")]
    assert rows and all(row.measured < 0.53 for row in rows)


def test_a_cancelled_proof_keeps_what_was_finished() -> None:
    proof = prove(["mean-logits", "gmu"], should_stop=lambda: True)
    assert not proof.complete and proof.rows == () and "cancelled" in repr(proof)


def test_an_unknown_fusion_is_named_before_anything_is_trained() -> None:
    with pytest.raises(UnknownNameError, match="no fusion 'low-rang'"):
        prove(["low-rang"])


def test_a_proof_of_nothing_is_refused() -> None:
    with pytest.raises(BadInputError, match="no fusions to prove"):
        prove([])


@pytest.mark.slow
def test_every_fusion_keeps_its_class() -> None:
    proof = prove()
    assert proof.failures == ()
    assert set(proof.fusions) == set(PROVED) >= {card.name for card in available()}
