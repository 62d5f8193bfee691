"""CAMs against pytorch-grad-cam, path and perturbation methods against captum and closed forms."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from workbench import models
from workbench.attribution import attribute
from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.method_interface import Options
from workbench.attribution.methods.class_activation import CAMS, feature_module
from workbench.attribution.methods.interactions import bilinear_fit, coalitions
from workbench.attribution.methods.perturbation import kernel_shap_maps, occlusion_maps, shapley
from workbench.attribution.targets import similarity


@pytest.fixture(scope="module")
def model(clip_folder):
    """3 x 4 patches, so rows and columns cannot be exchanged unseen."""
    return models.load(str(clip_folder(vision={"image_size": [24, 32]})))


@pytest.fixture
def case(model, pair):
    return ExplainedPair(model, pair.picture, similarity(pair.text))


def _tower(model, text: str) -> torch.nn.Module:
    vector = torch.from_numpy(model.encode_texts([text]))

    class Score(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model.model

        def forward(self, pixels):
            return torch.nn.functional.cosine_similarity(self.inner.encode_image(pixels), vector)[:, None]

    return Score()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("grad-cam", "GradCAM"),
        ("hires-cam", "HiResCAM"),
        ("element-cam", "GradCAMElementWise"),
        ("layer-cam", "LayerCAM"),
    ],
)
def test_cams_equal_pytorch_grad_cam(model, pair, ours: str, theirs: str) -> None:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    def grid(tokens):
        return tokens[:, 1:].reshape(len(tokens), 3, 4, -1).permute(0, 3, 1, 2)

    pixels = model.pixels([pair.picture])["pixel_values"]
    layer = model.model.visual.transformer.resblocks[-1].ln_1
    with getattr(pytorch_grad_cam, theirs)(_tower(model, pair.text), [layer], reshape_transform=grid) as cam:
        # Its last step scales to the picture's size; the sums before that are what is compared.
        cam.outputs = cam.activations_and_grads(pixels.clone().requires_grad_(True))
        cam.outputs[0, 0].backward()
        features = [part.cpu().data.numpy() for part in cam.activations_and_grads.activations]
        slopes = [part.cpu().data.numpy() for part in cam.activations_and_grads.gradients]
        wanted = cam.get_cam_image(
            pixels, layer, [ClassifierOutputTarget(0)], features[0], slopes[0], eigen_smooth=False
        )[0]
    heatmap = attribute(model, pair, method=ours)
    found, wanted = np.maximum(heatmap.image, 0), np.maximum(wanted, 0)
    assert wanted.max() > 0
    np.testing.assert_allclose(found / wanted.max(), wanted / wanted.max(), atol=1e-6)


def test_a_cam_of_a_linear_head_over_pooled_features_is_exact() -> None:
    """HiResCAM sums to what the head adds to its bias (Draelos and Carin 2020): a closed form."""
    chance = torch.Generator().manual_seed(0)
    features = torch.randn(5, 3, 4, generator=chance, requires_grad=True)
    weight = torch.randn(5, generator=chance)
    score = weight @ features.mean(dim=(1, 2)) + 0.7
    (slope,) = torch.autograd.grad(score, features)
    parts = CAMS["hires-cam"](features, slope)
    assert parts.sum().item() == pytest.approx(score.item() - 0.7, abs=1e-6)
    torch.testing.assert_close(CAMS["grad-cam"](features, slope), parts)


def test_integrated_gradients_are_complete(model, pair, case) -> None:
    with torch.no_grad():
        empty = float(case.value(model.image_features({"pixel_values": case.filled("mean")})))
    heatmap = attribute(model, pair, method="integrated-gradients", steps=64)
    assert float(heatmap.image.sum()) == pytest.approx(heatmap.score - empty, abs=2e-4)
    full = np.ones((1, len(case.tokens)), bool)
    assert heatmap.text.shape == full.shape[1:]
    layer = attribute(model, pair, method="layer-integrated-gradients", steps=64)
    rest = float(next(note for note in layer.notes if "belongs" in note).split()[0])
    assert float(layer.image.sum()) + rest == pytest.approx(layer.score - empty, abs=2e-4)


def test_the_words_integrated_gradients_are_complete(model, pair, case) -> None:
    ids = case.words["input_ids"].clone()
    ids[0, list(case.free_tokens)] = 0
    embedded = model.model.token_embedding(ids)

    def swap(module, args, output):
        return embedded

    handle = model.model.token_embedding.register_forward_hook(swap)
    try:  # the baseline keeps the row that is read, as the real text has it
        with torch.no_grad():
            empty = float(case.value(case.image, model.text_features(case.words)))
    finally:
        handle.remove()
    heatmap = attribute(model, pair, method="integrated-gradients", steps=64)
    assert float(heatmap.text.sum()) == pytest.approx(heatmap.score - empty, abs=2e-4)


def test_occlusion_equals_captums_on_pixels(model, pair, case) -> None:
    from captum.attr import Occlusion

    pixels, filled = case.pixels["pixel_values"], case.filled("mean")
    score = _tower(model, pair.text)
    with torch.no_grad():
        found = Occlusion(lambda part: score(part)[:, 0]).attribute(
            pixels, sliding_window_shapes=(3, 8, 8), strides=(3, 8, 8), baselines=filled
        )
    wanted = found[0, 0, ::8, ::8].numpy()
    np.testing.assert_allclose(attribute(model, pair, method="occlusion").image, wanted, atol=1e-6)


def test_occlusion_of_a_word_is_the_score_without_it(model, pair) -> None:
    heatmap = attribute(model, pair, method="occlusion", target="a cat")
    place = [token.strip("</w> ") for token in heatmap.tokens].index("cat")
    shorter = attribute(model, pair, method="centre", target="a")
    assert float(heatmap.text[place]) == pytest.approx(heatmap.score - shorter.score, abs=1e-6)


def test_a_linear_score_gets_its_own_weights_from_shap_and_occlusion(case, monkeypatch) -> None:
    weight = np.arange(12) - 5.0

    monkeypatch.setattr(case, "picture_scores", lambda *_: lambda keep: keep @ weight + 2)
    options = Options(samples=300)
    np.testing.assert_allclose(occlusion_maps(case, options).image, weight.reshape(3, 4), atol=1e-5)
    np.testing.assert_allclose(kernel_shap_maps(case, options).image, weight.reshape(3, 4), atol=1e-2)


def test_shapley_values_sum_to_the_difference(case, pair, model) -> None:
    with torch.no_grad():
        empty = float(case.value(model.image_features({"pixel_values": case.filled("mean")})))
    heatmap = attribute(model, pair, method="kernel-shap", samples=400)
    # captum's solver weighs the two ends heavily but does not fix them
    assert float(heatmap.image.sum()) == pytest.approx(heatmap.score - empty, abs=2e-2)


@pytest.mark.parametrize("players", [1, 2, 3, 6])
def test_few_parts_get_their_shapley_values_exactly(players: int) -> None:
    """Beside the definition: the mean over every order of what a player adds to those before it."""
    worth = np.random.default_rng(players).normal(size=2**players)
    asked: list[int] = []

    def scores(keep: np.ndarray) -> np.ndarray:
        asked.append(len(keep))
        return worth[(np.asarray(keep) @ (1 << np.arange(players))).astype(int)]

    expected = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        held = 0
        for player in order:
            expected[player] += (worth[held | (1 << player)] - worth[held]) / len(orders)
            held |= 1 << player
    np.testing.assert_allclose(shapley(scores, players, Options()), expected, atol=1e-12)
    assert asked == [2**players]


def test_fewer_samples_than_coalitions_are_what_was_asked_for() -> None:
    asked: list[int] = []

    def scores(keep: np.ndarray) -> np.ndarray:
        asked.append(len(keep))
        return np.asarray(keep) @ np.arange(8.0)

    shapley(scores, 8, Options(samples=64, batch_size=16))
    assert sum(asked) < 2**8


def test_a_bilinear_score_is_recovered_exactly() -> None:
    chance = np.random.default_rng(0)
    patches, words = coalitions(64, 12, 0.7, chance), coalitions(32, 4, 0.5, chance)
    single, other = chance.normal(size=12), chance.normal(size=4)
    both = chance.normal(size=(12, 4))
    scores = 0.3 + (patches @ single)[:, None] + (words @ other)[None] + patches @ both @ words.T
    fit = bilinear_fit(patches, words, scores)
    np.testing.assert_allclose(fit[1:, 1:], both, atol=1e-3)
    np.testing.assert_allclose(fit[1:, 0], single + both @ words.mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(fit[0, 1:], other + patches.mean(axis=0) @ both, atol=1e-3)
    assert fit[0, 0] == pytest.approx(scores.mean(), abs=1e-3)


def test_interactions_are_the_mixed_difference_of_the_real_score(model, pair, case) -> None:
    """For one patch and one word alone the fit must agree with the four scores with and without them."""
    heatmap = attribute(model, pair, method="interactions", samples=600)
    keep = np.ones((2, len(case.tokens)), bool)
    place = list(case.free_tokens)[1]
    keep[1, place] = False
    assert heatmap.pairs.shape == (len(case.tokens), 3, 4)
    with torch.no_grad():
        both = case.value(case.image, model.text_features(case.masked_words(keep)))
    lost = float(both[0] - both[1])
    # the word's own value plus its interactions with what is shown is what leaving it out costs, about
    told = float(heatmap.text[place] + 0.3 * heatmap.pairs[place].sum())
    assert told == pytest.approx(lost, abs=0.5 * abs(lost) + 0.02)


def test_a_cam_reads_the_layer_asked_for(model, case) -> None:
    blocks = model.model.visual.transformer.resblocks
    assert feature_module(case, 0) == (blocks[0].ln_1, 0)
    assert feature_module(case, None) == (blocks[-1].ln_1, 1)
