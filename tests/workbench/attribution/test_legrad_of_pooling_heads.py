"""LeGrad of towers with a pooling head, derived anew in float64 from their weights."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from tests.workbench.attribution.test_families import OPEN_CLIP, TIMM_VIT
from workbench import models
from workbench.attribution import attribute

Make = Callable[..., Path]
Read = Callable[[Tensor], tuple[Tensor, Tensor]]  # a layer's tokens -> the head's attention, the vector


def _heads(values: Tensor, count: int) -> Tensor:
    return values.unflatten(-1, (count, -1)).transpose(-2, -3)


def _siglip(network: nn.Module) -> tuple[list[nn.Module], Read]:
    tower = network.vision_model
    head = tower.head

    def read(tokens: Tensor) -> tuple[Tensor, Tensor]:
        tokens = tower.post_layernorm(tokens)
        weight, bias = head.attention.in_proj_weight.chunk(3), head.attention.in_proj_bias.chunk(3)
        asked, keys, values = (
            _heads(given @ one.T + more, head.attention.num_heads)
            for given, one, more in zip((head.probe, tokens, tokens), weight, bias, strict=True)
        )
        attention = (asked @ keys.mT / keys.shape[-1] ** 0.5).softmax(dim=-1).detach().requires_grad_(True)
        state = head.attention.out_proj((attention @ values).transpose(1, 2).flatten(2))
        return attention, (state + head.mlp(head.layernorm(state)))[:, 0]

    return list(tower.encoder.layers), read


def _timm(network: nn.Module) -> tuple[list[nn.Module], Read]:
    visual = network.visual
    trunk, pool = visual.trunk, visual.trunk.attn_pool

    def read(tokens: Tensor) -> tuple[Tensor, Tensor]:
        tokens = trunk.norm(tokens)
        tokens = tokens if pool.pos_embed is None else tokens + pool.pos_embed
        asked = pool.q_norm(_heads(pool.q(pool.latent), pool.num_heads))
        keys, values = (_heads(one, pool.num_heads) for one in pool.kv(tokens).chunk(2, dim=-1))
        scores = pool.scale * asked @ pool.k_norm(keys).mT
        attention = scores.softmax(dim=-1).detach().requires_grad_(True)
        state = pool.proj((attention @ values).transpose(1, 2).flatten(2))
        state = state + pool.mlp(pool.norm(state))
        return attention, visual.head(trunk.head(trunk.fc_norm(state[:, 0])))

    return list(trunk.blocks), read


@pytest.fixture(params=["hf siglip", "timm siglip"])
def pooled(request, clip_folder: Make, hf_folder: Make):
    if request.param == "hf siglip":
        model, parts = models.load(str(hf_folder("siglip"))), _siglip
    else:
        vision = {**TIMM_VIT}
        model, parts = models.load(str(clip_folder(**{**OPEN_CLIP["timm siglip"], "vision": vision}))), _timm
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in model.model.parameters():
            weight += 0.2 * torch.randn_like(weight)
    blocks, _ = parts(model.model)
    return model, (blocks, parts(deepcopy(model.model).double())[1])


def test_each_layers_tokens_are_read_through_the_head_and_the_gradient_is_on_its_attention(
    pooled, pair
) -> None:
    model, (blocks, read) = pooled
    found = attribute(model, pair, method="legrad")
    states: list[Tensor] = []
    handles = [
        block.register_forward_hook(
            lambda _, __, out: states.append(out[0] if isinstance(out, tuple) else out)
        )
        for block in blocks
    ]
    with torch.no_grad():
        model.image_features(model.pixels([pair.picture]))
    for handle in handles:
        handle.remove()
    with torch.no_grad():
        text = normalize(model.text_features(model.words([pair.text])).double(), dim=-1)
    by_layer = []
    for tokens in states[max(0, len(states) - 6) :]:
        attention, vector = read(tokens.double())
        (slope,) = torch.autograd.grad((normalize(vector, dim=-1) * text).sum(), attention)
        by_layer.append(slope[0, :, 0].clamp(min=0).mean(dim=0).numpy())
    assert found.score == pytest.approx(float((normalize(vector.detach(), dim=-1) * text).sum()), abs=1e-5)
    own = np.mean(by_layer, axis=0)[-found.image.size :]
    np.testing.assert_allclose(found.image.ravel(), own, rtol=2e-4, atol=1e-6 * np.abs(own).max())
    last = attribute(model, pair, method="legrad", start_layer=-1)
    np.testing.assert_allclose(last.image.ravel(), by_layer[-1][-own.size :], rtol=2e-4, atol=1e-7)


def test_a_pooler_of_many_queries_counts_the_one_that_is_read(clip_folder: Make, pair) -> None:
    """CoCa: as the authors' program, the first query's row, whatever the number of the others."""
    model = models.load(str(clip_folder(**OPEN_CLIP["coca"])))
    found = attribute(model, pair, method="legrad")
    visual = model.model.visual
    states: list[Tensor] = []
    handles = [
        b.register_forward_hook(lambda _, __, out: states.append(out)) for b in visual.transformer.resblocks
    ]
    with torch.no_grad():
        model.image_features(model.pixels([pair.picture]))
    for handle in handles:
        handle.remove()
    text = normalize(model.text_features(model.words([pair.text])).detach(), dim=-1)
    pool, total = visual.attn_pool, 0.0
    for tokens in states:
        keys = pool.ln_k(tokens)
        asked = pool.ln_q(pool.query)[None]
        weight, bias = pool.attn.in_proj_weight, pool.attn.in_proj_bias
        if weight is None:
            parts = (pool.attn.q_proj_weight, pool.attn.k_proj_weight, pool.attn.v_proj_weight)
        else:
            parts = weight.chunk(3)
        asked, keys, values = (
            _heads(given @ one.T + more, pool.attn.num_heads)
            for given, one, more in zip((asked, keys, keys), parts, bias.chunk(3), strict=True)
        )
        attention = (asked @ keys.mT / keys.shape[-1] ** 0.5).softmax(dim=-1).detach().requires_grad_(True)
        state = pool.attn.out_proj((attention @ values).transpose(1, 2).flatten(2))
        vector = visual.ln_post(state)[:, 0] @ visual.proj
        (slope,) = torch.autograd.grad((normalize(vector, dim=-1) * text).sum(), attention)
        assert slope[0, :, 1:].abs().max() == 0
        total = total + slope[0, :, 0].clamp(min=0).mean(dim=0).numpy() / len(states)
    np.testing.assert_allclose(found.image.ravel(), total[-found.image.size :], rtol=1e-3, atol=1e-8)
