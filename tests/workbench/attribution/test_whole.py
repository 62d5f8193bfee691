"""Models explained as a whole: every family by one call, held against transformers' own weights and by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import transformers as tf
from torch import Tensor, nn

from tests.families import EYE, FAMILIES, REGIONS, SMALL, WORDS, ids, made, pixels, state
from workbench.attribution import attribute, available_methods, faithfulness, output
from workbench.attribution.explained.network import ExplainedNetwork
from workbench.attribution.targets import Output
from workbench.errors import BadInputError, Cancelled, UnknownNameError, UnsupportedError

LABELS = {"id2label": {0: "cat", 1: "dog", 2: "bird"}}


def strong(model: nn.Module) -> nn.Module:
    """Weights so large that attention is far from uniform, as in a trained model."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.copy_(torch.randn(weight.shape, generator=generator) / weight.shape[-1] ** 0.5 * 1.5)
    return model.eval()


def classifier() -> nn.Module:
    return strong(tf.BertForSequenceClassification(tf.BertConfig(**WORDS, **SMALL, **LABELS)))


def gpt2() -> nn.Module:
    return strong(tf.GPT2LMHeadModel(tf.GPT2Config(**WORDS, n_embd=32, n_layer=3, n_head=4)))


def vit() -> nn.Module:
    return strong(tf.ViTForImageClassification(tf.ViTConfig(**{**EYE, "image_size": (32, 48)}, **LABELS)))


def vilt() -> nn.Module:
    return strong(tf.ViltForQuestionAnswering(tf.ViltConfig(**WORDS, **EYE, **LABELS)))


VILT = ids(5) | pixels() | {"pixel_mask": torch.ones(1, 32, 32, dtype=torch.long)}
HEADED: dict[str, tuple[Callable[[], nn.Module], dict[str, Tensor]]] = {
    "bert": (classifier, ids(7, padding=2)),
    "gpt2": (gpt2, ids()),
    "vit": (vit, pixels(32, 48)),
    "vilt": (vilt, VILT),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_one_call_explains_a_model_of_every_family_and_leaves_it_as_it_was(name: str) -> None:
    model, inputs = made(name)
    strong(model)
    before = state(model)
    maps = attribute(model, inputs, method=["all"], steps=4, samples=40)
    assert state(model) == before
    assert {"attention", "integrated-gradients", "kernel-shap", "occlusion", "random"} <= set(maps.methods)
    crossing = {"rollout", "relevance"}
    beyond = ("bridgetower", "blip2")  # two stacks over one sequence; a query former on the way
    assert crossing <= set(maps.refused) if name in beyond else crossing <= set(maps.methods)
    for heatmap in maps:
        assert (heatmap.image is not None) == (name not in ("bert", "gpt2"))
        if heatmap.method != "centre":
            assert (heatmap.text is not None) == (name not in ("vit", "deit"))
        assert not heatmap.flat or heatmap.method in ("centre", "random")
    assert "product of two towers" in maps.refused["interactions"]
    assert "dual encoder" in maps.refused["grad-eclip"]


@pytest.mark.parametrize("name", HEADED)
def test_relevance_is_equations_5_and_6_on_the_weights_that_transformers_returns(name: str) -> None:
    """Independent: eager attention in float64, its own `output_attentions`, gradients by autograd, NumPy."""
    make, inputs = HEADED[name]
    model = make().double()
    inputs = {key: value.double() if value.is_floating_point() else value for key, value in inputs.items()}
    found = attribute(model, inputs, method="relevance")
    model.set_attn_implementation("eager")
    torch.manual_seed(0)
    given = _in_order(model, inputs)
    scores = given.logits[0]
    number = scores[-1].log_softmax(-1).max() if name == "gpt2" else scores.max()
    grads = torch.autograd.grad(number, given.attentions)
    relevance = np.eye(given.attentions[0].shape[-1])
    for attention, grad in zip(given.attentions, grads, strict=True):
        weighted = (attention * grad)[0].clamp(min=0).mean(dim=0).detach().numpy()
        relevance = relevance + weighted @ relevance
    row = len(relevance) - 1 if name == "gpt2" else 0
    own = relevance[row] - np.eye(len(relevance))[row]
    words = {"bert": 5, "gpt2": 7, "vit": 0, "vilt": 5}[name]
    if words:
        np.testing.assert_allclose(found.text, own[:words], rtol=1e-5, atol=1e-9)
    if found.image is not None:
        np.testing.assert_allclose(found.image.ravel(), own[-found.image.size :], rtol=1e-5, atol=1e-9)
    # ViT's eager attention takes its softmax in float32.
    assert found.score == pytest.approx(float(number.detach()), abs=1e-6)


def test_a_language_model_that_reads_a_picture_is_explained_by_the_equations_of_its_one_sequence() -> None:
    """LLaVA: the next token, by transformers' own weights in float64; picture tokens are no words."""
    model, inputs = made("llava")
    model = strong(model).double()
    inputs = {key: value.double() if value.is_floating_point() else value for key, value in inputs.items()}
    names = ["Look", "at", *["<image>"] * 16, "what", "is", "it"]
    found = attribute(model, inputs, method="relevance", words=names)
    model.set_attn_implementation("eager")
    given = model(**inputs, output_attentions=True)
    number = given.logits[0, -1].log_softmax(-1).max()
    grads = torch.autograd.grad(number, given.attentions)
    relevance = np.eye(21)
    for attention, grad in zip(given.attentions, grads, strict=True):
        weighted = (attention * grad)[0].clamp(min=0).mean(dim=0).detach().numpy()
        relevance = relevance + weighted @ relevance
    own = relevance[-1] - np.eye(21)[-1]
    assert found.tokens == ("Look", "at", "what", "is", "it")
    np.testing.assert_allclose(found.text, own[[0, 1, 18, 19, 20]], rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found.image.ravel(), own[2:18], rtol=1e-5, atol=1e-9)
    assert found.score == pytest.approx(float(number.detach()), abs=1e-6)


def _in_order(model: nn.Module, inputs: dict[str, Tensor]):
    draw = torch.multinomial
    torch.multinomial = lambda weights, count, *_, **__: torch.arange(count)  # ViLT shuffles its patches
    try:
        return model(**inputs, output_attentions=True)
    finally:
        torch.multinomial = draw


@pytest.mark.parametrize("name", HEADED)
def test_rollout_multiplies_the_weights_that_transformers_returns(name: str) -> None:
    make, inputs = HEADED[name]
    model = make()
    found = attribute(model, inputs, method="rollout")
    model.set_attn_implementation("eager")
    with torch.no_grad():
        given = _in_order(model, inputs)
    through = np.eye(given.attentions[0].shape[-1])
    for attention in given.attentions:
        mixed = (attention[0].mean(dim=0).double().numpy() + np.eye(len(through))) / 2
        through = mixed / mixed.sum(axis=1, keepdims=True) @ through
    row = through[-1 if name == "gpt2" else 0]
    if found.text is not None:
        np.testing.assert_allclose(found.text, row[: len(found.text)], atol=1e-6)
    if found.image is not None:
        np.testing.assert_allclose(found.image.ravel(), row[-found.image.size :], atol=1e-6)


def test_blip_brings_the_pictures_relevance_in_by_equations_8_to_11() -> None:
    model, inputs = made("blip")
    strong(model)
    whole = ExplainedNetwork(model, inputs, Output())
    parts = {site.name: _weighted(whole, site) for site in whole.sites}
    image, text, cross = np.eye(17), np.eye(7), np.zeros((7, 17))
    for layer in range(2):
        image = image + parts[f"image.{layer}"] @ image
    for layer in range(2):
        own, other = parts[f"text.{layer}"], parts[f"text.{layer}.cross"]
        text, cross = text + own @ text, cross + own @ cross
        cross = cross + _rows_to_one(text).T @ other @ _rows_to_one(image)
    found = attribute(model, inputs, method="relevance")
    np.testing.assert_allclose(found.image.ravel(), cross[0, 1:], rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(found.text, text[0] - np.eye(7)[0], rtol=1e-4, atol=1e-9)


def test_lxmerts_two_directions_read_each_other_as_they_were_before_the_layer() -> None:
    model, inputs = made("lxmert")
    strong(model)
    whole = ExplainedNetwork(model, inputs, Output())
    parts = [(site, _weighted(whole, site)) for site in whole.sites]
    own = {"text": np.eye(7), "image": np.eye(5)}
    other = {"text": np.zeros((7, 5)), "image": np.zeros((5, 7))}
    while parts:
        site, through = parts.pop(0)
        side = site.query.side
        if site.kind == "self":
            own[side], other[side] = own[side] + through @ own[side], other[side] + through @ other[side]
            continue
        back, returning = parts.pop(0)
        assert (site.kind, back.kind) == ("cross", "cross") and back.query.side != side
        end = back.query.side
        was = {name: (own[name], other[name]) for name in own}
        for a, b, weights in ((side, end, through), (end, side, returning)):
            other[a] = was[a][1] + _rows_to_one(was[a][0]).T @ weights @ _rows_to_one(was[b][0])
            own[a] = was[a][0] + weights @ was[b][1]
    found = attribute(model, inputs, method="relevance")
    np.testing.assert_allclose(found.image[0], other["text"][0], rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(found.text, own["text"][0] - np.eye(7)[0], rtol=1e-4, atol=1e-9)


def test_flavas_joint_layers_begin_with_what_its_towers_hold() -> None:
    model, inputs = made("flava")
    strong(model)
    whole = ExplainedNetwork(model, inputs, Output())
    parts = {site.name: _weighted(whole, site) for site in whole.sites}
    towers = {"image": np.eye(17), "text": np.eye(7)}
    for side in towers:
        for layer in range(2):
            towers[side] = towers[side] + parts[f"{side}.{layer}"] @ towers[side]
    joint = np.zeros((25, 24))  # a class token of its own, 17 of the picture, 7 of the text
    joint[1:18, :17], joint[18:, 17:] = towers["image"], towers["text"]
    for layer in range(2):
        joint = joint + parts[f"joint.{layer}"] @ joint
    found = attribute(model, inputs, method="relevance")
    np.testing.assert_allclose(found.image.ravel(), joint[0, 1:17], rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(found.text, joint[0, 17:], rtol=1e-4, atol=1e-9)


def _weighted(whole: ExplainedNetwork, site) -> np.ndarray:
    graph = whole.attention
    return (graph.attention[site] * graph.gradient[site]).clamp(min=0).mean(dim=0).double().numpy()


def _rows_to_one(matrix: np.ndarray) -> np.ndarray:
    rest = matrix - np.eye(len(matrix))
    return rest / np.maximum(rest.sum(axis=1, keepdims=True), 1e-12) + np.eye(len(matrix))


def test_attention_is_the_row_that_the_number_is_read_from() -> None:
    model, inputs = gpt2(), ids()
    found = attribute(model, inputs, method="attention", target=output(place=4))
    model.set_attn_implementation("eager")
    with torch.no_grad():
        given = model(**inputs, output_attentions=True)
    np.testing.assert_allclose(found.text, given.attentions[-1][0, :, 4].mean(dim=0).numpy(), atol=1e-6)
    assert (found.text[5:] == 0).all()  # what comes later is not read


@pytest.mark.parametrize("name", HEADED)
def test_integrated_gradients_sum_to_the_difference_and_occlusion_is_what_is_lost(name: str) -> None:
    make, inputs = HEADED[name]
    model = make()
    whole = ExplainedNetwork(model, inputs, Output())
    found = attribute(model, inputs, method=["integrated-gradients", "occlusion"], steps=256)
    integrated, occlusion = found
    if "pixel_values" in inputs:
        plain = inputs["pixel_values"]
        filled = plain.mean(dim=(2, 3), keepdim=True).expand_as(plain)
        gap = whole.score - float(whole.values({"pixel_values": filled})[0].detach())
        assert integrated.image.sum() == pytest.approx(gap, abs=2e-2 * max(1, abs(gap)))
        changed = plain.clone()
        changed[:, :, 8:16, :8] = filled[:, :, 8:16, :8]
        lost = whole.score - float(whole.values({"pixel_values": changed})[0].detach())
        assert occlusion.image[1, 0] == pytest.approx(lost, abs=1e-5)
    if "input_ids" in inputs:
        empty = inputs["input_ids"].clone()
        empty[:, list(whole.token_indices)] = 0
        gap = whole.score - float(whole.values({"input_ids": empty})[0].detach())
        assert integrated.text.sum() == pytest.approx(gap, abs=2e-2 * max(1, abs(gap)))
        mask = inputs["attention_mask"].clone()
        mask[:, 2] = 0
        with torch.no_grad():
            lost = whole.score - float(
                whole.number.of(_in_order(model, {**inputs, "attention_mask": mask}))[0]
            )
        assert occlusion.text[2] == pytest.approx(lost, abs=1e-5)


def test_the_number_is_named_and_is_the_models_own() -> None:
    model, inputs = classifier(), ids(7, padding=2)
    with torch.no_grad():
        logits = model(**inputs).logits[0]
    dog = attribute(model, inputs, target="dog", words=list("abcde"))
    assert dog.score == pytest.approx(float(logits[1]), abs=1e-6) and "“dog”" in str(dog.target)
    assert dog.tokens == tuple("abcde") and "relevance" in repr(dog).lower()
    assert attribute(model, inputs).score == pytest.approx(float(logits.max()), abs=1e-6)
    blip, given = made("blip")
    match = attribute(strong(blip), given, method="occlusion")
    with torch.no_grad():
        told = blip(**given).itm_score[0]
    assert match.score == pytest.approx(float(told[1] - told[0]), abs=1e-5)
    masked = strong(tf.BertForMaskedLM(tf.BertConfig(**WORDS, **SMALL)))
    word = attribute(masked, inputs, target=output(9, place=3), method="relevance")
    with torch.no_grad():
        expected = masked(**inputs).logits[0, 3].log_softmax(-1)[9]
    assert word.score == pytest.approx(float(expected), abs=1e-5)
    assert str(word.target) == "log probability of token 9 at place 3"


def test_impossible_requests_say_what_to_do_instead() -> None:
    model, inputs = classifier(), ids()
    with pytest.raises(UnknownNameError, match=r"no class 'dgo'; there are cat, dog, bird.*dog"):
        attribute(model, inputs, target="dgo")
    with pytest.raises(BadInputError, match=r"index=3 was given; expected 0 to 2"):
        attribute(model, inputs, target=3)
    with pytest.raises(BadInputError, match=r"one row of 3 classes; leave place out"):
        attribute(model, inputs, target=output(place=2))
    with pytest.raises(BadInputError, match=r"no scores called 'itm'; it has logits"):
        attribute(model, inputs, target=output(name="itm"))
    with pytest.raises(BadInputError, match=r"for dual encoders; .*target=output"):
        attribute(model, inputs, target=("a cat", "a dog"))
    with pytest.raises(BadInputError, match=r"words has 2 names; the text has 7 tokens"):
        attribute(model, inputs, words=["a", "b"])
    with pytest.raises(
        UnsupportedError, match=r"'legrad' does not explain this model: .*What does: attention"
    ):
        attribute(model, inputs, method="legrad")
    with pytest.raises(BadInputError, match=r"knows no white"):
        attribute(vit(), pixels(32, 48), method="occlusion", fill="white")
    with pytest.raises(BadInputError, match=r"gives scores at each of 7 places; .*place=3"):
        attribute(tf.BertForMaskedLM(tf.BertConfig(**WORDS, **SMALL)).eval(), inputs)
    with pytest.raises(BadInputError, match=r"layer=7 was given"):
        attribute(model, inputs, method="attention", layer=7)
    with torch.inference_mode(), pytest.raises(UnsupportedError, match=r"inference_mode\(\) is on"):
        attribute(model, inputs)
    with pytest.raises(UnsupportedError, match=r"run side by side .*Take 'attention'"):
        attribute(*made("bridgetower"), method="relevance")
    with pytest.raises(UnsupportedError, match=r"maps of dual encoders"):
        faithfulness(attribute(vit(), pixels(32, 48)))
    with pytest.raises(Cancelled):
        attribute(model, inputs, method="occlusion", should_stop=lambda: True)
    assert available_methods(model)["relevance"] is None


def test_a_model_whose_output_moves_is_refused_by_the_gate() -> None:
    class Restless(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = classifier()

        def forward(self, **given: Tensor):
            out = self.inner(**given)
            return {"logits": out.logits + torch.randn(3)}

    with pytest.raises(UnsupportedError, match=r"output moved by .* attn_implementation='sdpa' or 'eager'"):
        attribute(Restless(), ids())


def test_a_network_without_attention_still_has_occlusion() -> None:
    model = strong(
        tf.ResNetForImageClassification(
            tf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
        )
    )
    with pytest.raises(UnsupportedError, match=r"no attention that could be read.*Take 'occlusion'"):
        attribute(model, pixels())
    assert attribute(model, pixels(), method="integrated-gradients", steps=4).image is not None


def test_regions_of_a_detector_lie_in_one_row() -> None:
    model, inputs = made("lxmert")
    found = attribute(strong(model), inputs, method="occlusion")
    whole = ExplainedNetwork(model, inputs, Output())
    changed = REGIONS["visual_feats"].clone()
    changed[:, 3] = changed.mean(dim=1)
    lost = whole.score - float(whole.values({"visual_feats": changed})[0].detach())
    assert found.grid == (1, 5) and found.image[0, 3] == pytest.approx(lost, abs=1e-5)
