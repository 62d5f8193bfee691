"""The maps equal the papers' equations, derived once more by hand in float64 from the weights alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.oracles.clip_by_hand import Picture, Text, cosine, slope, weights
from workbench import models
from workbench.attribution import attribute

LAYERS, HEADS = 2, 4  # of the image tower of the tiny model; the text tower has 2 heads


@pytest.fixture(scope="module", params=[{}, {"qk_norm": True}], ids=["plain", "normed queries and keys"])
def double(request, clip_folder):
    """A tiny CLIP of 3 x 4 patches, computed in float64, with its parts by hand."""
    model = models.load(str(clip_folder(vision={"image_size": [24, 32], **request.param})))
    model.model.double()
    model.dtype = torch.float64
    # Random weights attend almost evenly; sharper ones make a wrong equation show.
    with torch.no_grad():
        for name, value in model.model.named_parameters():
            if "in_proj_weight" in name or "ln_q.weight" in name:
                value.mul_(3)
    w = weights(model.model)
    return model, Picture(w, LAYERS, HEADS), Text(w, 2, 2)


@pytest.fixture(scope="module")
def inputs(double, pair):
    model = double[0]
    pixels = model.pixels([pair.picture])["pixel_values"][0].numpy()
    ids = model.words([pair.text])["input_ids"][0].tolist()
    return pixels, ids[: len(model.tokens(pair.text).pieces)]


@pytest.fixture(scope="module")
def vectors(double, inputs):
    _, picture, text = double
    return picture.run(inputs[0]), text.run(inputs[1])


def _same(found, wanted, tolerance=1e-5):
    scale = np.abs(wanted).max()
    assert scale > 0
    np.testing.assert_allclose(np.asarray(found, float) / scale, np.asarray(wanted) / scale, atol=tolerance)


def test_the_score_by_hand_is_the_models(double, pair, inputs, vectors):
    heatmap = attribute(double[0], pair, method="attention")
    assert heatmap.score == pytest.approx(cosine(*vectors), abs=1e-12)


def test_raw_attention_is_the_class_row_and_the_end_row(double, pair, inputs, vectors):
    model, picture, text = double
    for layer in range(LAYERS):
        heatmap = attribute(model, pair, method="attention", layer=layer)
        _same(heatmap.image, picture.attention[layer].mean(0)[0, 1:].reshape(3, 4), 1e-6)
        _same(heatmap.text, text.attention[layer].mean(0)[len(inputs[1]) - 1], 1e-6)


def test_rollout_is_the_product_over_layers(double, pair, vectors):
    model, picture, text = double

    def rolled(maps):
        out = np.eye(maps[0].shape[-1])
        for attention in maps:
            mixed = 0.5 * attention.mean(0) + 0.5 * np.eye(len(out))
            out = np.array([[sum(mixed[i, k] * out[k, j] for k in range(len(out))) for j in range(len(out))]
                            for i in range(len(out))])  # fmt: skip
        return out

    heatmap = attribute(model, pair, method="rollout")
    _same(heatmap.image, rolled(picture.attention)[0, 1:].reshape(3, 4), 1e-6)
    _same(heatmap.text, rolled(text.attention)[-1], 1e-6)
    assert heatmap.text.sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("start", [0, 1])
def test_relevance_is_equation_5_and_6_of_chefer(double, pair, inputs, vectors, start):
    model, picture, text = double
    pixels, ids = inputs

    def propagated(tower, run, other):
        through = np.eye(tower.attention[0].shape[-1])
        maps = [attention.copy() for attention in tower.attention]
        for layer in range(start, LAYERS):
            gradient = slope(lambda a, at=layer: cosine(run({at: a}), other), maps[layer])
            through = through + np.maximum(gradient * maps[layer], 0).mean(axis=0) @ through
        return through - np.eye(len(through))

    picture.run(pixels)
    text.run(ids)
    heatmap = attribute(model, pair, method="relevance", start_layer=start)
    by_hand = propagated(picture, lambda given: picture.run(pixels, given), vectors[1])
    _same(heatmap.image, by_hand[0, 1:].reshape(3, 4))
    by_hand = propagated(text, lambda given: text.run(ids, given), vectors[0])
    _same(heatmap.text, by_hand[-1])


def test_legrad_is_equation_6_to_8(double, pair, inputs, vectors):
    model, picture, _ = double
    pixels = inputs[0]
    picture.run(pixels)
    maps = [attention.copy() for attention in picture.attention]
    by_layer = []
    for layer in range(LAYERS):

        def score(attention, at=layer):
            picture.run(pixels, {at: attention})
            return cosine(picture.head(picture.hidden[at].mean(axis=0)), vectors[1])

        by_layer.append(np.maximum(slope(score, maps[layer]), 0).mean(axis=(0, 1)))
    heatmap = attribute(model, pair, method="legrad")
    _same(heatmap.image, np.mean(by_layer, axis=0)[1:].reshape(3, 4))


def test_grad_eclip_is_equation_8_to_11_with_the_models_own_heads(double, pair, inputs, vectors):
    model, picture, text = double

    def by_hand(tower, run, other, row, layers, keys):
        total = 0.0
        run(None)
        kept = [(tower.queries[at], tower.keys[at], tower.values[at]) for at in layers]
        for at, (q, k, v) in zip(layers, kept, strict=True):
            q, k, v = (part.transpose(1, 0, 2).reshape(part.shape[1], -1) for part in (q, k, v))

            def score(moved, at=at):
                return cosine(run({at: moved}), other)

            gradient = slope(score, np.zeros_like(v))[row]
            match = np.array([cosine(q[row], one) for one in k[keys]])
            softened = (match - match.min()) / (match.max() - match.min())
            total = total + (gradient * v[keys]).sum(axis=1) * softened
        return np.maximum(total, 0)

    heatmap = attribute(model, pair, method="grad-eclip")
    pixels, ids = inputs
    wanted = by_hand(
        picture, lambda plus: picture.run(pixels, plus=plus), vectors[1], 0, [LAYERS - 1], slice(1, None)
    )
    _same(heatmap.image, wanted.reshape(3, 4))
    # The words: every layer of a short tower, at the row of the end token.
    wanted = by_hand(
        text, lambda plus: text.run(ids, plus=plus), vectors[0], len(ids) - 1, [0, 1], slice(None)
    )
    _same(heatmap.text, wanted)


def test_contrast_and_logit_follow_the_score(double, pair, vectors, inputs):
    """Linear maps of a difference are the difference of the maps; a logit's map is scaled."""
    from workbench.attribution import contrast, logit, similarity

    model = double[0]
    for method in ("hires-cam", "grad-cam", "integrated-gradients", "occlusion"):
        a = attribute(model, pair, method=method, target=similarity("a cat"))
        b = attribute(model, pair, method=method, target=similarity("a dog"))
        both = attribute(model, pair, method=method, target=contrast("a cat", "a dog"))
        _same(both.image, a.image.astype(float) - b.image, 1e-4)
        assert both.score == pytest.approx(a.score - b.score, abs=1e-9)
        scaled = attribute(model, pair, method=method, target=logit("a cat"))
        _same(scaled.image, model.scale * a.image.astype(float), 1e-5)
        assert scaled.score == pytest.approx(model.scale * a.score + model.bias, abs=1e-9)


def test_legrad_of_a_deep_tower_sums_the_last_six_layers(clip_folder, pair):
    """Bousselham et al. 2025, section 3: of eight layers the last six, each by finite differences."""
    layers = 8
    model = models.load(str(clip_folder(vision={"image_size": [16, 24], "layers": layers})))
    model.model.double()
    model.dtype = torch.float64
    w = weights(model.model)
    picture, text = Picture(w, layers, HEADS), Text(w, 2, 2)
    pixels = model.pixels([pair.picture])["pixel_values"][0].numpy()
    ids = model.words([pair.text])["input_ids"][0].tolist()[: len(model.tokens(pair.text).pieces)]
    wanted = text.run(ids)
    picture.run(pixels)
    maps = [attention.copy() for attention in picture.attention]
    by_layer = []
    for layer in range(layers - 6, layers):

        def score(attention, at=layer):
            picture.run(pixels, {at: attention})
            return cosine(picture.head(picture.hidden[at].mean(axis=0)), wanted)

        by_layer.append(np.maximum(slope(score, maps[layer]), 0).mean(axis=(0, 1)))
    heatmap = attribute(model, pair, method="legrad")
    assert heatmap.start_layer == 2
    _same(heatmap.image, np.mean(by_layer, axis=0)[1:].reshape(2, 3))
