"""A fusion that breaks its class in a way that is seen in the field is caught, whichever fusion it is."""

from __future__ import annotations

from types import MethodType

import pytest
import torch

from workbench.fusion import Design, Fusion, Plan, available, compare, prove
from workbench.fusion.modules.blocks import Attend
from workbench.fusion.modules.builders import fusion
from workbench.fusion.theory.closed_forms import rank_rows
from workbench.fusion.theory.initial_identities import start_rows
from workbench.fusion.theory.structure import check_structure
from workbench.fusion.theory.verdicts import _known

NAMES = [card.name for card in available()] + ["slider-0", "slider-1b4", "slider-2"]
ATTENTIVE = [name for name in NAMES if name != "early-input"]


def copy_of(name: str, damage) -> Fusion:
    original = fusion(name)
    return Fusion(original.card, lambda spec, design: damage(original.build(spec, design)), original.options)


def unregistered(module):
    """The last weights are a plain tensor: they compute, and no optimiser ever sees them."""
    path = [name for name, value in module.named_parameters() if value.numel() > 1][-1]
    owner = module.get_submodule(path.rpartition(".")[0])
    weight = owner._parameters.pop(path.rpartition(".")[2])
    setattr(owner, path.rpartition(".")[2], weight.detach().clone())
    return module


def one_key(module):
    """Keys are pooled into one vector before they are asked."""

    def forward(self, query, keys, mask):
        share = mask[..., None].to(keys.dtype)
        pooled = (keys * share).sum(1, keepdim=True) / share.sum(1, keepdim=True)
        return Attend.forward(self, query, pooled, torch.ones_like(mask[:, :1]))

    for part in module.modules():
        if isinstance(part, Attend):
            part.forward = MethodType(forward, part)
    return module


def maskless(module):
    """Masks are taken for all True."""
    forward = module.forward
    module.forward = lambda inputs, **options: forward(
        {name: (x, torch.ones_like(mask)) for name, (x, mask) in inputs.items()}, **options
    )
    return module


def broken(one: Fusion) -> set[str]:
    return {row.measure for row in check_structure(one) if row.passed is False}


@pytest.mark.parametrize("name", NAMES)
def test_a_fusion_as_shipped_keeps_every_structural_law(name) -> None:
    assert broken(fusion(name)) == set()


@pytest.mark.parametrize("name", NAMES)
def test_factors_that_are_not_registered_are_caught(name) -> None:
    assert "parameters off" in broken(copy_of(name, unregistered))


@pytest.mark.parametrize("name", ATTENTIVE)
def test_attention_over_one_key_is_caught(name) -> None:
    assert "keys" in broken(copy_of(name, one_key))


@pytest.mark.parametrize("name", NAMES)
def test_a_dropped_mask_is_caught(name) -> None:
    assert {"masked tokens", "padding"} <= broken(copy_of(name, maskless))


def test_a_parameter_that_no_gradient_reaches_is_caught() -> None:
    def frozen_part(module):
        module.forgotten = torch.nn.Parameter(torch.ones(3))
        return module

    assert {"dead parameters", "parameters off"} <= broken(copy_of("concat-mlp", frozen_part))


def test_a_missing_modality_that_is_an_error_is_caught() -> None:
    def strict(module):
        forward = module.forward
        module.forward = lambda inputs, **options: forward(
            {
                name: (x * (float("nan") if not mask.any() else 1), mask | ~mask.any())
                for name, (x, mask) in inputs.items()
            },
            **options,
        )
        return module

    assert broken(copy_of("mean-logits", strict))


def test_low_rank_fusion_with_untrained_factors_fails_the_rank_law() -> None:
    """The fault of the field's reference code: rank r explains r / d only if the factors are trained."""

    def listed(module):
        module.held = list(module.factors.values())
        factors = {name: value.detach() for name, value in module.factors.items()}
        del module.factors
        module.factors = factors
        return module

    rows = rank_rows(copy_of("low-rank", listed), 0, lambda: None)
    assert [row.passed for row in rows] == [False] * 4


def test_compare_refuses_what_failed_its_proof(monkeypatch) -> None:
    import workbench.fusion.theory.prove as proving
    from tests.workbench.fusion.small import small_examples

    monkeypatch.setattr(
        "workbench.fusion.theory.task_training.run_trials", lambda one, seed, beat, told=None: []
    )
    assert proving.prove is prove
    bad = Fusion(fusion("gmu").card, copy_of("gmu", maskless).build)
    try:
        proof = prove([bad])
        assert {row.fusion for row in proof.failures} == {"gmu"}
        report = compare(
            small_examples(), ["mean-logits", bad], seeds=1,
            plan=Plan(design=Design(width=8), epochs=1, contributions=False),
        )  # fmt: skip
        assert report.fusions == ("mean-logits",)
        assert "breaks its own class" in report.broken["gmu"]
        assert "prove(['gmu']).failures" in report.broken["gmu"]
    finally:
        _known.clear()


def test_a_mended_copy_of_the_same_name_is_proved_again_and_so_is_one_broken_later(monkeypatch) -> None:
    """In a notebook a cell is run again: the function that builds has its old name, and is another one."""
    from tests.workbench.fusion.small import small_examples

    monkeypatch.setattr(
        "workbench.fusion.theory.task_training.run_trials", lambda one, seed, beat, told=None: []
    )
    plan = Plan(design=Design(width=8), epochs=1, contributions=False)

    def compared(damage) -> tuple[str, ...]:
        one = copy_of("gmu", damage)
        return compare(small_examples(), ["mean-logits", one], seeds=1, plan=plan).fusions

    try:
        assert compared(maskless) == ("mean-logits",)
        assert compared(lambda module: module) == ("mean-logits", "gmu")
        assert compared(unregistered) == ("mean-logits",)
    finally:
        _known.clear()


def test_film_that_does_not_begin_as_the_picture_alone_is_caught() -> None:
    def shaken(module):
        torch.nn.init.normal_(module.modulate["text"].weight)
        return module

    (row,) = start_rows(copy_of("film", shaken))
    assert row.passed is False and row.theory == "0: scale 1 and shift 0, the picture alone"


@pytest.mark.parametrize(
    "name", ["film", "mean-logits", "mean-probabilities", "product-of-experts", "learned-weights", "hybrid"]
)
def test_a_fusion_begins_as_its_card_says(name) -> None:
    assert [row.passed for row in start_rows(fusion(name))] == [True]
