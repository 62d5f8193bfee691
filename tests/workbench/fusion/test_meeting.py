"""Where the modalities meet in models in use: counted by hand from transformers' own attentions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.families import made
from workbench.capture import capture
from workbench.errors import BadInputError, UnknownNameError
from workbench.fusion import SPECIMENS, meeting, specimen

# Layers each goes alone (picture, text), layers in which they meet, and how, as the papers say it.
FAMILIES = {
    "clip": (2, 2, 0, ""),
    "vilt": (0, 0, 2, "self"),
    "flava": (2, 2, 2, "self"),
    "lxmert": (2, 2, 2, "cross"),
    "bridgetower": (2, 3, 2, "cross"),
    "blip": (2, 1, 2, "cross"),
    "blip2": (4, 0, 2, "self"),  # two layers of the tower, two of the query former
    "idefics": (2, 0, 2, "cross"),
    "llava": (2, 0, 2, "self"),
}


def test_every_specimen_has_its_row() -> None:
    assert set(SPECIMENS) == set(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_meets_where_its_paper_says(name: str) -> None:
    image, text, together, kind = FAMILIES[name]
    found = specimen(name)
    assert (found.alone, found.together) == ({"image": image, "text": text}, together)
    assert {one.kind for one in found.layers} == ({kind} if kind else set())
    assert not found.trained and "random weights" in repr(found)
    asks = {one.asks for one in found.layers}
    one_way = name in ("blip", "idefics")  # the picture never asks
    assert asks == ({"text"} if one_way else {"text", "image"} if kind else set())


def test_the_share_that_crosses_is_the_sum_over_the_other_modalitys_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, inputs = made("vilt")
    found = meeting(capture(model, inputs))
    model.set_attn_implementation("eager")
    monkeypatch.setattr(torch, "multinomial", lambda weights, count, *_, **__: torch.arange(count))
    with torch.no_grad():
        given = model(**inputs, output_attentions=True).attentions
    words, patches = np.arange(7), np.arange(8, 32)  # one class token between them
    for layer, attention in enumerate(given):
        weights = attention[0].double().numpy()
        for asks, own, other in (("text", words, patches), ("image", patches, words)):
            (one,) = [one for one in found.layers if (one.site, one.asks) == (f"joint.{layer}", asks)]
            heads = weights[:, own][:, :, other].sum(axis=2).mean(axis=1)
            assert one.share == pytest.approx(heads.mean(), abs=1e-6)
            assert (one.low, one.high) == pytest.approx((heads.min(), heads.max()), abs=1e-6)
            assert one.even == pytest.approx(len(other) / 32)
    assert "they meet from the first layer on, in 2 layers, by one sequence" in repr(found)
    assert "joint.0" in found._repr_html_()


def test_in_a_language_model_the_picture_never_sees_the_question() -> None:
    """LLaVA: the shares from transformers' own weights, and even attention under the causal mask by hand."""
    model, inputs = made("llava")
    found = meeting(capture(model, inputs))
    model.set_attn_implementation("eager")
    with torch.no_grad():
        given = model(**inputs, output_attentions=True).attentions
    words, patches = np.array([0, 1, 18, 19, 20]), np.arange(2, 18)
    for layer, attention in enumerate(given):
        weights = attention[0].double().numpy()
        ask, back = (one for one in found.layers if one.site == f"joint.{layer}")
        assert ask.share == pytest.approx(weights[:, words][:, :, patches].sum(axis=2).mean(), abs=1e-6)
        assert ask.even == pytest.approx(np.mean([0, 0, 16 / 19, 16 / 20, 16 / 21]))
        assert back.asks == "image" and back.even == pytest.approx(np.mean([2 / (3 + k) for k in range(16)]))
        assert back.share == pytest.approx(weights[:, patches][:, :, words[:2]].sum(axis=2).mean(), abs=1e-6)


def test_a_gate_is_the_size_of_its_hyperbolic_tangent() -> None:
    model, inputs = made("idefics")
    assert [one.gate for one in meeting(capture(model, inputs)).layers] == pytest.approx([np.tanh(1)] * 2)
    with torch.no_grad():
        model.gated_cross_attn_layers[0].alpha_cross_attn.fill_(-0.25)
    found = meeting(capture(model, inputs))
    assert found.layers[0].gate == pytest.approx(np.tanh(0.25)) and "gated cross-attention" in str(found)
    assert {one.gate for one in specimen("idefics").layers} == {0.0}  # it begins as the language model alone
    assert {one.gate for one in specimen("blip").layers} == {None}


def test_with_its_gates_shut_a_gated_model_is_its_language_model_alone() -> None:
    """Flamingo's start, tanh(0) = 0: another picture changes nothing, to the last bit; an open gate lets it in."""
    model, inputs = made("idefics")
    model.eval()
    other = dict(inputs) | {"pixel_values": torch.randn_like(inputs["pixel_values"])}

    def distance() -> float:
        with torch.no_grad():
            first, second = (model(**given).last_hidden_state for given in (inputs, other))
        return float((first - second).abs().max())

    assert distance() > 0
    with torch.no_grad():
        for layer in model.gated_cross_attn_layers:
            layer.alpha_cross_attn.zero_()
            layer.alpha_dense.zero_()
    assert distance() == 0


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(BadInputError, match="holds text alone, so nothing can meet"):
        meeting(capture(*made("bert")))
    with pytest.raises(BadInputError, match="captured with some rows only; capture with rows='all'"):
        meeting(capture(*made("vilt"), rows="pooled"))
    with pytest.raises(UnknownNameError, match=r"no specimen 'vlit'.*vilt"):
        specimen("vlit")
