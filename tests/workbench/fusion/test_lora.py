"""Models with a LoRA adapter, as peft makes them: at the start they are the model inside, and are read alike.

The identity: W + B A with B = 0 is W (Hu et al. 2021, arXiv 2106.09685, section 4.1).
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model, inject_adapter_in_model
from torch import nn

from tests.families import made
from tests.workbench.fusion.test_meeting import FAMILIES
from workbench.attribution import attribute
from workbench.capture import capture
from workbench.fusion import meeting
from workbench.fusion.modules.builders import build
from workbench.fusion.registry import DEFAULT
from workbench.fusion.theory.structure import DESIGN, SPEC, made_inputs


def adapted(model: nn.Module) -> nn.Module:
    """A wrapped copy-in-place of the model, rank 2 on every linear map of its attention."""
    parts = ("attn", "attention")
    linear = [name for name, part in model.named_modules() if isinstance(part, nn.Linear)]
    wanted = [name for name in linear if any(word in name.lower() for word in parts)]
    return get_peft_model(model, LoraConfig(r=2, target_modules=wanted)).eval()


def moved(model: nn.Module) -> None:
    """B is no longer 0."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora_B" in name:
                value.normal_(std=0.1, generator=torch.Generator().manual_seed(1))


def rows_of(found) -> list[tuple]:
    return [(one.site, one.asks, one.seen, one.kind, one.share, one.low, one.high) for one in found.layers]


@pytest.mark.parametrize("name", FAMILIES)
def test_an_untrained_adapter_changes_nothing_and_a_trained_one_is_seen(name: str) -> None:
    model, inputs = made(name)
    plain = capture(model, inputs)
    wrapped = adapted(model)
    start = capture(wrapped, inputs)
    assert [site.name for site in start.sites] == [site.name for site in plain.sites]
    for one, other in zip(start.sites, plain.sites, strict=True):
        np.testing.assert_array_equal(start.attention(one).values, plain.attention(other).values)
    first, second = meeting(plain, trained=False), meeting(start, trained=False)
    assert rows_of(first) == rows_of(second) and first.alone == second.alone
    assert second.model == f"{type(model).__name__} with LORA"
    moved(wrapped)
    trained = capture(wrapped, inputs)
    changes = [
        np.abs(trained.attention(one).values - plain.attention(other).values).max()
        for one, other in zip(trained.sites, plain.sites, strict=True)
    ]
    assert max(changes) > 1e-3 and trained.difference < 2e-6


def test_an_explanation_of_an_adapted_model_is_its_own() -> None:
    model, inputs = made("vilt")
    asked = {"method": "relevance", "words": [str(at) for at in range(7)]}
    plain = attribute(model, inputs, **asked)
    wrapped = adapted(model)
    start = attribute(wrapped, inputs, **asked)
    np.testing.assert_allclose(start.text, plain.text, atol=1e-6)
    assert start.provenance.model == "ViltModel with LORA"
    moved(wrapped)
    assert np.abs(attribute(wrapped, inputs, **asked).text - plain.text).max() > 1e-5


@pytest.mark.parametrize("name", DEFAULT)
def test_a_fusion_of_the_lab_with_an_untrained_adapter_is_the_fusion(name: str) -> None:
    torch.manual_seed(0)
    module, inputs = build(name, SPEC, DESIGN).eval(), made_inputs()
    with torch.no_grad():
        before = module(inputs).logits
        linear = [key for key, part in module.named_modules() if type(part) is nn.Linear]
        inject_adapter_in_model(LoraConfig(r=2, target_modules=linear), module)
        module.eval()
        np.testing.assert_array_equal(module(inputs).logits, before)
        moved(module)
        assert (module(inputs).logits - before).abs().max() > 1e-3
