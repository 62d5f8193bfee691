"""What holds for every map, whatever the method: targets, refusals, flatness, cost, cancelling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tests.fakes import FakeEncoder
from workbench import data, models
from workbench.attribution import (
    METHODS,
    Attributions,
    Heatmap,
    attribute,
    available_methods,
    contrast,
    probability,
    similarity,
)
from workbench.errors import BadInputError, Cancelled, UnknownNameError, UnsupportedError

QUICK = ("attention", "relevance", "legrad", "grad-eclip", "hires-cam", "occlusion")


@pytest.fixture(scope="module")
def model(clip_folder):
    return models.load(str(clip_folder(vision={"image_size": [24, 32]})))


def test_a_result_can_be_used_without_torch_knowing_where_it_came_from(model, pair) -> None:
    heatmap = attribute(model, pair)
    assert isinstance(heatmap, Heatmap) and heatmap.method == "relevance"
    assert heatmap.grid == (3, 4) and heatmap.picture.shape == (24, 32, 3)
    assert not heatmap.image.flags.writeable
    assert heatmap.model is model and heatmap.target == similarity(pair.text)
    told = heatmap.provenance.to_dict()
    assert told["weights"] == model.weights_hash and told["data"] == pair.key
    assert told["parameters"]["start_layer"] == 1
    assert "cosine with “two small red birds on a wire”" in repr(heatmap)
    assert "&lt;" in heatmap._repr_html_()


@pytest.mark.parametrize("method", QUICK)
def test_the_prompt_moves_a_conditioned_map_and_leaves_raw_attention_alone(model, pair, method) -> None:
    maps = [attribute(model, pair, method=method, target=text).image for text in ("a cat", "a dog")]
    if METHODS[method].uses_target:
        assert not np.allclose(maps[0], maps[1], rtol=1e-3, atol=1e-9)
    else:
        np.testing.assert_array_equal(*maps)


def test_prompts_in_another_order_give_the_same_maps(model, pair) -> None:
    texts = ["a cat", "a dog", "birds"]
    for method in QUICK:
        once = {text: attribute(model, pair, method=method, target=text).image for text in texts}
        for text in reversed(texts):
            np.testing.assert_array_equal(
                attribute(model, pair, method=method, target=text).image, once[text]
            )


def test_a_contrast_reverses_sign_when_it_is_reversed(model, pair) -> None:
    one = attribute(model, pair, method="hires-cam", target=("a cat", "a dog"))
    other = attribute(model, pair, method="hires-cam", target=contrast("a dog", "a cat"))
    np.testing.assert_allclose(one.image, -other.image, atol=1e-7)
    assert one.score == pytest.approx(-other.score, abs=1e-6)


def test_a_probability_is_the_log_share_among_the_labels(model, pair) -> None:
    labels = ["a cat", "a dog", "birds"]
    scores = [
        attribute(model, pair, method="centre", target=probability(one, labels)).score for one in labels
    ]
    assert np.exp(scores).sum() == pytest.approx(1, abs=1e-5)
    image, text = model.encode_images([pair.picture])[0], model.encode_texts(labels)
    logits = model.scale * text @ image
    assert scores[0] == pytest.approx(float(logits[0] - np.log(np.exp(logits).sum())), abs=1e-4)


def test_gradients_are_refused_where_they_are_switched_off_and_the_rest_still_works(model, pair) -> None:
    with (
        torch.no_grad(),
        pytest.raises(UnsupportedError, match=r"needs gradients, and torch.no_grad\(\) is on"),
    ):
        attribute(model, pair, method="legrad")
    with torch.inference_mode(), pytest.raises(UnsupportedError, match=r"torch\.inference_mode"):
        attribute(model, pair, method="grad-cam")
    alone = attribute(model, pair, method="rollout").image
    with torch.no_grad():
        np.testing.assert_array_equal(attribute(model, pair, method="rollout").image, alone)
        assert attribute(model, pair, method="occlusion").image is not None


@pytest.mark.parametrize("methods", [["all"], ["relevance", "interactions", "centre"]])
def test_what_one_method_refuses_takes_no_map_from_the_others(model, pair, methods) -> None:
    found = attribute(model, pair, method=methods, samples=2, steps=2)
    assert "relevance" in found.methods and "centre" in found.methods
    assert "samples" in found.refused["interactions"] and "interactions" not in found.methods
    with pytest.raises(BadInputError, match="samples"):
        attribute(model, pair, method="interactions", samples=2)
    with pytest.raises(BadInputError, match="samples"):
        attribute(model, pair, method=["interactions"], samples=2)


def test_a_flat_map_stays_flat_and_says_so(clip_folder, pair) -> None:
    model = models.load(str(clip_folder(vision={"image_size": [24, 32]})))
    with torch.no_grad():  # an image tower that sees nothing
        model.model.visual.conv1.weight.zero_()
        model.model.visual.positional_embedding.zero_()
    for method in ("attention", "occlusion", "hires-cam", "integrated-gradients"):
        heatmap = attribute(model, pair, method=method)
        assert heatmap.flat, method
        assert "the map is flat: by this method no patch counts more than another" in heatmap.notes
        assert "flat" in repr(heatmap)


def test_a_planted_patch_is_found_by_every_method(clip_folder) -> None:
    """One block whose class token attends to the red patch and carries its redness towards the text."""
    model = models.load(str(clip_folder(vision={"image_size": [24, 32], "layers": 1}, text={"layers": 1})))
    _plant(model, torch.from_numpy(model.encode_texts(["red"])[0]))
    picture = np.full((24, 32, 3), 128, np.uint8)
    picture[8:16, 16:24] = (255, 0, 0)  # row 1, column 2
    planted = data.from_pictures([Image.fromarray(picture)], texts=["red"])[0]
    left_out = {"random", "centre", "layer-integrated-gradients"}  # one block: no layer lies in between
    for method in METHODS.keys() - left_out:
        assert attribute(model, planted, method=method).best_patch() == (1, 2), method


def _plant(model, text: torch.Tensor) -> None:
    """The class token's query meets the key of redness, and its value moves the output towards the text."""
    visual = model.model.visual
    width, block = visual.conv1.weight.shape[0], visual.transformer.resblocks[0]
    away = torch.roll(text, 1) - (torch.roll(text, 1) @ text) * text
    with torch.no_grad():
        for parameter in visual.parameters():
            parameter.zero_()
        visual.conv1.weight[0, 0] = 1 / 64  # channel 0: redness
        for norm in (visual.ln_pre, visual.ln_post, block.ln_1, block.ln_2):
            norm.weight.fill_(1)
        visual.class_embedding[2] = 1
        visual.positional_embedding[1:, 5] = (
            2.0  # else the norm would make every trace of red one and the same
        )
        block.attn.in_proj_weight[0, 2] = 1.0  # query of every head's first channel: is it the class token?
        block.attn.in_proj_weight[width, 0] = 1.0  # key: is it red?
        block.attn.in_proj_weight[2 * width, 0] = 1.0  # value: redness
        block.attn.out_proj.weight[3, 0] = 1.0
        visual.proj[3] = text
        visual.proj[2] = away / away.norm()


def test_impossible_requests_say_why_and_what_to_do(model, pair) -> None:
    with pytest.raises(
        UnknownNameError, match=r"There is no attribution method 'rollouts'.*Did you mean 'rollout'"
    ):
        attribute(model, pair, method="rollouts")
    with pytest.raises(BadInputError, match="layer=7 was given; this tower has 2 layers, 0 to 1"):
        attribute(model, pair, method="attention", layer=7)
    with pytest.raises(BadInputError, match="The contrast of 'a cat' with itself is always 0"):
        attribute(model, pair, target=("a cat", "a cat"))
    with pytest.raises(BadInputError, match="The pair has no text"):
        attribute(model, data.from_pictures([pair.picture], texts=[""])[0])
    with pytest.raises(BadInputError, match="expected one pair"):
        attribute(model, data.from_pictures([pair.picture] * 2, texts=["a cat", "a dog"]))
    with pytest.raises(BadInputError, match="fill is 'pink'; expected one of mean, blur, white, black"):
        attribute(model, pair, method="occlusion", fill="pink")
    with pytest.raises(BadInputError, match="samples=5 masked pictures cannot tell 12 patches apart"):
        attribute(model, pair, method="interactions", samples=5)
    with pytest.raises(BadInputError, match="Take layer=0 or earlier"):
        attribute(model, pair, method="layer-integrated-gradients", layer=1)
    with pytest.raises(UnsupportedError, match=r"no dual encoder loaded by models.load"):
        attribute(FakeEncoder(), pair)
    assert available_methods(FakeEncoder())["centre"] is None


def test_words_of_a_first_order_map_are_refused_with_the_remedy(model, pair) -> None:
    heatmap = attribute(model, pair)
    with pytest.raises(BadInputError, match=r"is first-order.*take method='interactions'"):
        heatmap.of_words([1])


def test_words_and_patches_of_a_second_order_map_are_its_parts(model, pair) -> None:
    heatmap = attribute(model, pair, method="interactions", samples=64)
    one = heatmap.of_words([2])
    np.testing.assert_allclose(one.image, heatmap.pairs[2])
    whole = heatmap.of_words(range(len(heatmap.tokens)))
    np.testing.assert_allclose(whole.image, heatmap.pairs.sum(axis=0), atol=1e-6)
    place = heatmap.of_patches([(1, 2), (0, 0)])
    np.testing.assert_allclose(place.text, heatmap.pairs[:, 1, 2] + heatmap.pairs[:, 0, 0], atol=1e-6)
    with pytest.raises(BadInputError, match=r"expected \(row, col\) within 3 x 4"):
        heatmap.of_patches([(3, 0)])


def test_several_methods_come_as_one_result_with_the_reasons_of_the_rest(model, pair) -> None:
    found = attribute(model, pair, method=["rollout", "centre"])
    assert isinstance(found, Attributions) and found.methods == ("rollout", "centre")
    assert found["rollout"] is found[0] and len(found[:1]) == 1
    with pytest.raises(UnknownNameError, match=r"There is no map of method 'grad-cam'"):
        found["grad-cam"]


def test_progress_is_told_and_cancelling_is_heard(model, pair) -> None:
    events: list = []
    attribute(model, pair, method="occlusion", on_event=events.append, batch_size=4)
    assert events[-1].done == events[-1].total and {e.stage for e in events} >= {"masked pictures"}
    with pytest.raises(Cancelled):
        attribute(model, pair, method="occlusion", should_stop=lambda: True)


def test_the_same_seed_gives_the_same_estimate(model, pair) -> None:
    maps = [attribute(model, pair, method="kernel-shap", samples=80, seed=seed).image for seed in (1, 1, 2)]
    np.testing.assert_array_equal(maps[0], maps[1])
    assert not np.array_equal(maps[0], maps[2])


def test_costs_are_counted_in_passes(model, pair) -> None:
    assert attribute(model, pair, method="occlusion").cost.forwards > 12
    cheap = attribute(model, pair, method="hires-cam").cost
    assert (cheap.forwards, cheap.backwards) == (3, 1)


def test_half_precision_gives_nearly_the_same_maps(clip_folder, pair) -> None:
    folder = str(clip_folder(vision={"image_size": [24, 32]}))
    exact, half = (models.load(folder, dtype=dtype) for dtype in ("float32", "bfloat16"))
    quick = {"method": ["relevance", "hires-cam", "interactions"], "samples": 64}
    for one, other in zip(attribute(exact, pair, **quick), attribute(half, pair, **quick), strict=True):
        assert np.corrcoef(one.image.ravel(), other.image.ravel())[0, 1] > 0.9, one.method
