"""What is explained may be a pair in a dual encoder or a network with tensors: one method, one answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy, deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.families import made
from workbench import models
from workbench.attribution import attribute, logit
from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.explained.explained import Explained
from workbench.attribution.explained.network import ExplainedNetwork
from workbench.attribution.targets import Output, similarity
from workbench.capture import capture

Make = Callable[..., Path]


def _loaded(folder: Path):
    """With weights of its own: as they are drawn for a new model, attention is even and its slopes are rounding."""
    shared = models.load(str(folder))
    model = copy(shared)
    model.model = deepcopy(shared.model)
    chance = torch.Generator().manual_seed(1)
    with torch.no_grad():
        model.model.logit_scale.fill_(math.log(model.scale))  # a test before may have moved the shared one
        for weight in model.model.parameters():
            if weight.ndim > 1:
                weight.copy_(torch.randn(weight.shape, generator=chance) / 10)
    return model


def _close(found: np.ndarray, wanted: np.ndarray) -> None:
    """To a thousandth of the largest: float32 through two paths of one library."""
    np.testing.assert_allclose(found, wanted, atol=1e-3 * np.abs(wanted).max(), rtol=0)
    assert np.abs(wanted).max() > 0


@pytest.mark.parametrize("method", ["attention", "rollout", "relevance"])
@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_one_model_has_one_map_whichever_way_it_is_given(
    kind: str, method: str, hf_folder: Make, pair
) -> None:
    model = _loaded(hf_folder(kind))
    inputs = {**model.pixels([pair.picture]), **model.words([pair.text])}
    pieces = model.tokens(pair.text).pieces
    padding = inputs["input_ids"].shape[1] - len(pieces)
    ours = attribute(model, pair, method=method, target=logit(pair.text))
    whole = attribute(model.model, inputs, method=method, words=[*pieces, *["<pad>"] * padding])
    assert ours.start_layer == whole.start_layer
    _close(whole.image, ours.image)
    _close(whole.text[: len(ours.text)], ours.text)


def test_relevance_takes_the_last_layer_of_two_towers_and_every_layer_of_all_others(
    hf_folder: Make, pair
) -> None:
    model = _loaded(hf_folder("clip"))
    default, last, first = (
        attribute(model, pair, method="relevance", **said)
        for said in ({}, {"start_layer": -1}, {"start_layer": 0})
    )
    np.testing.assert_array_equal(default.image, last.image)
    np.testing.assert_array_equal(default.text, last.text)
    assert np.abs(default.image - first.image).max() > 1e-6
    for name in ("vit", "bert", "blip"):
        network, inputs = made(name)
        default, first = (attribute(network, inputs, method="relevance", start_layer=at) for at in (None, 0))
        assert default.start_layer == 0
        for side in ("image", "text"):
            one, other = getattr(default, side), getattr(first, side)
            assert (one is None) == (other is None)
            if one is not None:
                np.testing.assert_array_equal(one, other)


def test_a_pooling_head_counts_whatever_layer_relevance_begins_at(hf_folder: Make, pair) -> None:
    """It stands behind all layers; left out, it would take the whole map with it."""
    model = _loaded(hf_folder("siglip"))
    inputs = {**model.pixels([pair.picture]), **model.words([pair.text])}
    heatmap = attribute(model.model, inputs, method="relevance", start_layer=1)
    assert not heatmap.flat and float(heatmap.image.max()) > 0


def test_raw_attention_of_a_layer_under_a_pooling_head_is_the_mean_of_all_its_rows(
    hf_folder: Make, pair
) -> None:
    model = _loaded(hf_folder("siglip"))
    for layer in (0, 1):
        seen = capture(model, pair).attention(f"image.{layer}").values
        found = attribute(model, pair, method="attention", layer=layer)
        np.testing.assert_allclose(found.image.ravel(), seen.mean(axis=(0, 1)), atol=1e-6)


@pytest.mark.parametrize("name", ["bert", "vit"])
def test_rollout_begins_where_it_is_told_to(name: str) -> None:
    network, inputs = made(name)
    trace = capture(network, inputs)
    layers = [trace.attention(site.name).values.mean(axis=0) for site in trace.sites]
    assert len(layers) == 2
    found = attribute(network, inputs, method="rollout", start_layer=1)
    row = ((layers[1] + np.eye(len(layers[1]))) / 2)[0]
    row = row / row.sum()
    if name == "bert":
        np.testing.assert_allclose(found.text, row[: len(found.text)], atol=1e-6)
    else:
        np.testing.assert_allclose(found.image.ravel(), row[1:], atol=1e-6)
    whole = attribute(network, inputs, method="rollout")
    side = "text" if name == "bert" else "image"
    assert np.abs(getattr(whole, side) - getattr(found, side)).max() > 1e-6


def test_noise_is_drawn_alike_for_everything(hf_folder: Make, pair) -> None:
    model = _loaded(hf_folder("clip"))
    inputs = {**model.pixels([pair.picture]), **model.words([pair.text])}
    ours = attribute(model, pair, method="random", seed=4)
    whole = attribute(model.model, inputs, method="random", seed=4)
    np.testing.assert_array_equal(ours.image, np.random.default_rng(4).random(ours.grid).astype(np.float32))
    wanted = np.random.default_rng(5).random(len(ours.text)).astype(np.float32)
    np.testing.assert_array_equal(ours.text, wanted)
    np.testing.assert_array_equal(whole.image, ours.image)
    np.testing.assert_array_equal(whole.text[: len(ours.text)], ours.text)


def test_both_kinds_keep_the_protocol(hf_folder: Make, pair) -> None:
    model = _loaded(hf_folder("clip"))
    network, inputs = made("llava")
    for explained in (
        ExplainedPair(model, pair.picture, similarity(pair.text)),
        ExplainedNetwork(network, inputs, Output()),
    ):
        assert isinstance(explained, Explained)
        rows, columns = explained.grid
        picture, text = explained.picture_input("mean"), explained.text_input()
        assert picture.given.shape == picture.baseline.shape
        assert picture.collect(picture.given[0]).shape == (rows, columns)
        assert text.collect(text.given[0]).shape == (len(explained.tokens),)
        for given, scores, count in (
            (picture, explained.picture_scores("mean", 4), rows * columns),
            (text, explained.text_scores(4), len(explained.free_tokens)),
        ):
            with torch.no_grad():
                assert float(given.score(given.given)) == pytest.approx(explained.score, abs=1e-5)
            assert scores(np.ones((1, count)))[0] == pytest.approx(explained.score, abs=1e-5)
            assert scores(np.ones((9, count))).shape == (9,)
        none = explained.picture_scores("mean", 4)(np.zeros((1, rows * columns)))[0]
        with torch.no_grad():
            assert none == pytest.approx(float(picture.score(picture.baseline)), abs=1e-5)
