"""Pictures of models explained as a whole: on their true grid, or a note that says why there is no map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import timm
import torch
import torchvision
import transformers as tf
from torch import Tensor, nn

from tests.families import EYE, SMALL, WORDS, ids, made, pictured, pixels, state
from tests.workbench.attribution.test_answers import awake
from workbench.attribution import attribute
from workbench.attribution.explained.network import ExplainedNetwork
from workbench.attribution.targets import Output
from workbench.errors import BadInputError, UnsupportedError

SAYS = {**WORDS, **SMALL, "num_key_value_heads": 2, "vocab_size": 110}
BARE = {name: value for name, value in SAYS.items() if name != "pad_token_id"}
METHODS = ["relevance", "attention", "rollout", "occlusion", "integrated-gradients", "random"]


def _internvl() -> nn.Module:
    eye = tf.InternVLVisionConfig(**{**SMALL, "image_size": [64, 64], "patch_size": [8, 8]})
    return tf.InternVLForConditionalGeneration(tf.InternVLConfig(
        vision_config=eye, text_config=tf.Qwen2Config(**BARE), image_token_id=99, downsample_ratio=0.5
    ))  # fmt: skip


def _smolvlm() -> nn.Module:
    return tf.SmolVLMForConditionalGeneration(tf.SmolVLMConfig(
        vision_config=dict(EYE), text_config=tf.LlamaConfig(**SAYS).to_dict(), image_token_id=99,
        scale_factor=2,
    ))  # fmt: skip


def _gemma3() -> nn.Module:
    return tf.Gemma3ForConditionalGeneration(tf.Gemma3Config(
        vision_config=dict(EYE), text_config={**SAYS, "head_dim": 8}, mm_tokens_per_image=4,
        image_token_index=99, image_token_id=99, boi_token_index=98, eoi_token_index=97,
    ))  # fmt: skip


def _llava_next() -> nn.Module:
    return tf.LlavaNextForConditionalGeneration(tf.LlavaNextConfig(
        vision_config=tf.CLIPVisionConfig(**EYE), text_config=tf.LlamaConfig(**SAYS), image_token_index=99,
        image_grid_pinpoints=[[32, 32], [32, 64]], vision_feature_layer=-1,
    ))  # fmt: skip


def _mllama() -> nn.Module:
    eye = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_global_layers": 1,
        "attention_heads": 4, "image_size": 32, "patch_size": 8, "vision_output_dim": 64, "max_num_tiles": 2,
        "intermediate_layers_indices": [0], "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
    }  # fmt: skip
    text = {**SAYS, "num_hidden_layers": 3, "cross_attention_layers": [1]}
    return tf.MllamaForConditionalGeneration(
        tf.MllamaConfig(vision_config=eye, text_config=text, image_token_index=99)
    )


def _tiles(count: int, side: int = 32) -> Tensor:
    return torch.randn(1, count, 3, side, side, generator=torch.Generator().manual_seed(0))


GEMMA = pictured(4, 1) | pixels()
MERGED: dict[str, tuple[Callable[[], nn.Module], dict[str, Tensor], tuple[int, int]]] = {
    "internvl": (_internvl, pictured(16, 1) | pixels(64, 64), (4, 4)),
    "smolvlm": (
        _smolvlm,
        pictured(4, 1) | {"pixel_values": _tiles(1), "pixel_attention_mask": torch.ones(1, 1, 32, 32).long()},
        (2, 2),
    ),
    "gemma3": (_gemma3, GEMMA | {"token_type_ids": (GEMMA["input_ids"] == 99).long()}, (2, 2)),
}
TILED: dict[str, tuple[Callable[[], nn.Module], dict[str, Tensor]]] = {
    "llava-next": (
        _llava_next, pictured(52, 1) | {"pixel_values": _tiles(3), "image_sizes": torch.tensor([[32, 64]])}
    ),
    "smolvlm": (
        _smolvlm,
        pictured(8, 1) | {"pixel_values": _tiles(2), "pixel_attention_mask": torch.ones(1, 2, 32, 32).long()},
    ),
    "mllama": (
        _mllama,
        pictured(1, 1) | {
            "pixel_values": _tiles(2)[None], "aspect_ratio_ids": torch.tensor([[2]]),
            "aspect_ratio_mask": torch.ones(1, 1, 2).long(),
            "cross_attention_mask": torch.ones(1, 5, 1, 2).long(),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MERGED)
def test_merged_tokens_are_laid_on_the_cells_that_they_were_merged_from(name: str) -> None:
    """Independent: the gradient of each picture token's embedding, with the tower's attention cut out."""
    make, inputs, grid = MERGED[name]
    torch.manual_seed(3)
    model = awake(make())
    with torch.no_grad():  # on its first pass transformers hangs up hooks of its own, for good
        model(**inputs)
    before = state(model)
    maps = attribute(model, inputs, method=METHODS, steps=2, samples=64)
    assert state(model) == before
    assert not any("no map" in note for found in maps for note in found.notes)
    assert maps["relevance"].grid == maps["attention"].grid == grid
    assert maps["occlusion"].grid == (8, 8) if name == "internvl" else (4, 4)
    whole = ExplainedNetwork(model, inputs, Output())
    for token, place in enumerate(whole.laid.merged[1]):
        found = _cells_moved(model, inputs, int(place), grid)
        assert found.argmax() == token and found.max() > 100 * np.sort(found.ravel())[-2]


def _cells_moved(
    model: nn.Module, inputs: dict[str, Tensor], place: int, grid: tuple[int, int]
) -> np.ndarray:
    """cell: how much the state of one place moves with its pixels while no patch reads another."""
    given = {name: value.clone() for name, value in inputs.items()}
    given["pixel_values"].requires_grad_(True)
    kept: list[Tensor] = []
    layers = next(
        part for path, part in model.named_modules() if path.endswith("layers") and "vis" not in path
    )
    handles = [layers[0].register_forward_pre_hook(lambda _, args: kept.append(args[0]))]
    for path, part in model.named_modules():
        if "vis" in path and path.endswith(("out_proj", "projection_layer")) and isinstance(part, nn.Linear):
            handles.append(part.register_forward_hook(lambda *a: torch.zeros_like(a[2])))
    try:
        model(**given)
        kept[0][0, place].pow(2).sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    slopes = given["pixel_values"].grad.abs().reshape(-1, *given["pixel_values"].shape[-2:]).sum(dim=0)
    model.zero_grad()
    rows, cols = grid
    return slopes.reshape(rows, slopes.shape[0] // rows, cols, -1).sum(dim=(1, 3)).numpy()


@pytest.mark.parametrize("name", TILED)
def test_a_picture_of_several_tiles_has_no_map_and_every_method_says_so(name: str) -> None:
    make, inputs = TILED[name]
    torch.manual_seed(3)
    maps = attribute(awake(make()), inputs, method=METHODS, steps=2, samples=16)
    assert not maps.refused
    for found in maps:
        assert found.image is None and found.text is not None and not found.flat
        assert any(
            "no map of the picture: it was given as" in note and "tiles" in note for note in found.notes
        )


def test_patches_are_found_where_a_detectors_queries_stand_behind_them() -> None:
    """YOLOS: the class token, the patches, its queries; and GIT, whose text follows the picture."""
    torch.manual_seed(3)
    yolos = awake(
        tf.YolosForObjectDetection(tf.YolosConfig(**{**EYE, "image_size": [32, 32]}, num_detection_tokens=5))
    )
    found = attribute(yolos, pixels(), method="attention")
    yolos.set_attn_implementation("eager")
    with torch.no_grad():
        out = yolos(**pixels(), output_attentions=True)
    query = 1 + 16 + int(str(found.target).rsplit(" ", 1)[1])
    own = out.attentions[-1][0, :, query].mean(dim=0)
    np.testing.assert_allclose(found.image.ravel(), own[1:17].numpy(), atol=1e-6)
    git = awake(tf.GitForCausalLM(tf.GitConfig(vision_config=EYE, **WORDS, **SMALL)))
    found = attribute(git, ids() | pixels(), method="attention")
    git.set_attn_implementation("eager")
    with torch.no_grad():
        out = git(**ids(), **pixels(), output_attentions=True)
    own = out.attentions[-1][0, :, -1].mean(dim=0)
    np.testing.assert_allclose(found.image.ravel(), own[1:17].numpy(), atol=1e-6)
    np.testing.assert_allclose(found.text, own[17:].numpy(), atol=1e-6)


def test_patches_given_as_a_list_with_their_places_are_laid_out_by_them() -> None:
    """Pix2Struct: 9 patches of a 3 x 3 picture in no order, and padding behind."""
    flat = torch.randn(1, 12, 194, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    flat[0, :9, 0], flat[0, :9, 1] = order // 3 + 1.0, order % 3 + 1.0
    flat[0, 9:] = 0
    inputs = {
        "flattened_patches": flat, "attention_mask": (flat[:, :, 0] > 0).float(),
        "decoder_input_ids": torch.tensor([[1, 5, 6]]),
    }  # fmt: skip
    small = {"hidden_size": 32, "d_ff": 64, "d_kv": 8}
    text = {**small, "vocab_size": 100, "num_layers": 2, "num_heads": 4, "pad_token_id": 0}
    eye = {**small, "patch_embed_hidden_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4}
    torch.manual_seed(3)
    model = awake(tf.Pix2StructForConditionalGeneration(
        tf.Pix2StructConfig(text_config=text, vision_config={**eye, "seq_len": 64})
    ))  # fmt: skip
    maps = attribute(model, inputs, method=["occlusion", "relevance", "attention"])
    assert {found.grid for found in maps} == {(3, 3)} and "after place 2" in str(maps[0].target)
    whole = ExplainedNetwork(model, inputs, Output())
    changed = flat.clone()
    changed[0, 4, 2:] = flat[0, :9, 2:].mean(dim=0)
    lost = whole.score - float(whole.values({"flattened_patches": changed})[0].detach())
    row, col = divmod(int(order[4]), 3)
    assert maps["occlusion"].image[row, col] == pytest.approx(lost, abs=1e-5)


def test_a_masked_autoencoder_needs_to_know_which_patches_it_sees() -> None:
    model = awake(tf.ViTMAEModel(tf.ViTMAEConfig(**EYE)))
    with pytest.raises(BadInputError, match=r"masks 75% of the patches.*'noise'.*mask_ratio = 0"):
        attribute(model, pixels())
    noise = torch.rand(1, 16, generator=torch.Generator().manual_seed(2))
    maps = attribute(model, pixels() | {"noise": noise}, method=["relevance", "occlusion"])
    seen = np.zeros(16, bool)
    seen[noise[0].argsort()[:4]] = True
    for found in maps:
        # A patch that is not seen changes nothing but the rounding of a batch.
        assert (np.abs(found.image.ravel()) > 1e-5).tolist() == seen.tolist()
        assert any("12 patches are masked" in note for note in found.notes)
    model.config.mask_ratio = 0.0
    whole = attribute(model, pixels(), method=["relevance", "occlusion"])
    assert all((np.abs(found.image) > 0).all() for found in whole)


def test_a_pooling_head_beside_the_mean_that_is_read_hides_no_picture() -> None:
    """SigLIP for classes, by hand: eager weights, equations 5 and 6, the mean of the rows."""
    eye = {**EYE, **SMALL}
    torch.manual_seed(3)
    model = awake(
        tf.SiglipForImageClassification(tf.SiglipConfig(vision_config=eye, text_config=dict(WORDS)))
    )
    model = model.double()
    given = {"pixel_values": pixels()["pixel_values"].double()}
    found = attribute(model, given, method="relevance")
    model.set_attn_implementation("eager")
    out = model(**given, output_attentions=True)
    grads = torch.autograd.grad(out.logits.max(), out.attentions)
    through = np.eye(16)
    for attention, grad in zip(out.attentions, grads, strict=True):
        through = through + (attention * grad)[0].clamp(min=0).mean(dim=0).detach().numpy() @ through
    own = (through - np.eye(16)).mean(axis=0)
    np.testing.assert_allclose(found.image.ravel(), own, rtol=1e-5, atol=1e-10)


def test_an_encoder_decoder_brings_the_picture_in_through_its_cross_attention() -> None:
    """Equations 5 to 11 by hand on what transformers' eager attention returns; 17 tokens written, as many as
    the picture has.
    """
    from tests.workbench.attribution.test_answers import _captioner

    torch.manual_seed(3)
    model = awake(_captioner()).double()
    written = torch.arange(3, 20)[None]
    given = {"pixel_values": pixels()["pixel_values"].double(), "decoder_input_ids": written}
    found = attribute(model, given, method="relevance")
    model.set_attn_implementation("eager")
    out = model(**given, output_attentions=True)
    number = out.logits[0, -1].log_softmax(-1).max()

    def weighted(parts: tuple[Tensor, ...]) -> list[np.ndarray]:
        grads = torch.autograd.grad(number, parts, retain_graph=True)
        return [
            (one * grad)[0].clamp(min=0).mean(dim=0).detach().numpy()
            for one, grad in zip(parts, grads, strict=True)
        ]

    image, text, cross = np.eye(17), np.eye(17), np.zeros((17, 17))
    for own in weighted(out.encoder_attentions):
        image = image + own @ image
    for own, other in zip(weighted(out.decoder_attentions), weighted(out.cross_attentions), strict=True):
        text, cross = text + own @ text, cross + own @ cross
        cross = cross + _rows_to_one(text).T @ other @ _rows_to_one(image)
    np.testing.assert_allclose(found.image.ravel(), cross[-1, 1:], rtol=1e-5, atol=1e-12)
    assert any("decoder has written itself" in note for note in found.notes) and found.text is None


def _rows_to_one(matrix: np.ndarray) -> np.ndarray:
    rest = matrix - np.eye(len(matrix))
    return rest / np.maximum(rest.sum(axis=1, keepdims=True), 1e-12) + np.eye(len(matrix))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Tensor]] = {
    "timm": (
        lambda: timm.create_model("vit_tiny_patch16_224", depth=2, img_size=64, num_classes=5),
        torch.randn(1, 3, 64, 64),
    ),
    "torchvision": (
        lambda: torchvision.models.VisionTransformer(32, 8, 2, 4, 32, 64, num_classes=5),
        torch.randn(1, 3, 32, 32),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_bare_network_is_explained_by_its_tensor_or_by_a_dictionary(name: str) -> None:
    make, picture = NETWORKS[name]
    torch.manual_seed(3)
    model = awake(make())
    maps = attribute(model, picture, method=["all"], steps=2, samples=32)
    with torch.no_grad():
        logits = model(picture)[0]
    assert set(METHODS) <= set(maps.methods) and maps[0].grid == (4, 4)
    assert maps[0].score == pytest.approx(float(logits.max()), abs=1e-5)
    assert str(maps[0].target) == f"logit of class {int(logits.argmax())}"
    named = attribute(model, {"x": picture}, method="relevance", target=2)
    assert named.score == pytest.approx(float(logits[2]), abs=1e-5)
    single = attribute(model, picture[0], method="relevance")
    np.testing.assert_array_equal(single.image, maps["relevance"].image)
    with pytest.raises(BadInputError, match=r"cannot take x \(1, 3, 24, 24\)"):
        attribute(model, torch.randn(1, 3, 24, 24))


def test_a_network_without_classes_is_explained_by_its_vector() -> None:
    model = awake(timm.create_model("vit_tiny_patch16_224", depth=2, img_size=64, num_classes=0))
    found = attribute(model, torch.randn(1, 3, 64, 64), method="occlusion")
    assert str(found.target) == "length of pooler_output"


def test_settings_are_passed_on_beside_the_tensors() -> None:
    torch.manual_seed(3)
    model = awake(tf.ViTForImageClassification(tf.ViTConfig(**EYE)))
    given = pixels(64, 64) | {"interpolate_pos_encoding": True, "return_dict": False}
    found = attribute(model, given, method=["relevance", "occlusion"])
    with torch.no_grad():
        logits = model(**pixels(64, 64), interpolate_pos_encoding=True).logits
    assert found[0].grid == found[1].grid == (8, 8)
    assert found[0].score == pytest.approx(float(logits.max()), abs=1e-5)
    with pytest.raises(BadInputError, match=r"interpolate_pos_encoding=False.*doesn't match"):
        attribute(model, pixels(64, 64) | {"interpolate_pos_encoding": False})
    with pytest.raises(BadInputError, match=r"'input_ids' is of type list.*return_tensors='pt'"):
        attribute(model, {"input_ids": [1, 2]})


def test_what_was_made_under_inference_mode_is_explained_as_what_was_not() -> None:
    model, inputs = made("vilt")
    with torch.inference_mode():
        frozen = {name: value.clone() for name, value in inputs.items()}
    plain = attribute(model, inputs, method=["relevance", "integrated-gradients"], steps=2)
    for one, other in zip(plain, attribute(model, frozen, method=list(plain.methods), steps=2), strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.text, other.text)


def test_a_tower_that_computes_without_gradients_is_differentiated_all_the_same() -> None:
    """CLIPSeg runs its CLIP under torch.no_grad(): against a difference quotient of a pixel's logit."""
    from tests.workbench.attribution.test_answers import _clipseg
    from workbench.attribution import output

    torch.manual_seed(3)
    model = awake(_clipseg()).double()
    given = ids() | {"pixel_values": pixels()["pixel_values"].double()}
    whole = ExplainedNetwork(model, given, output(place=(8, 8)))
    picture = given["pixel_values"].clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(whole.values({"pixel_values": picture}).sum(), picture)
    step = torch.zeros_like(picture)
    step[0, 1, 5, 6] = 1e-5
    with torch.no_grad():
        up, down = (float(whole.values({"pixel_values": picture + sign * step})[0]) for sign in (1, -1))
    assert float(slope[0, 1, 5, 6]) == pytest.approx((up - down) / 2e-5, rel=1e-5)
    assert attribute(model, given, method="relevance", target=output(place=(8, 8))).image is not None
    with torch.no_grad():
        assert not model(**given).logits.requires_grad


def test_sound_is_neither_a_picture_nor_words_and_the_message_says_so() -> None:
    config = tf.WhisperConfig(
        vocab_size=100, num_mel_bins=8, d_model=32, encoder_layers=1, decoder_layers=1, pad_token_id=0,
        encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64,
        max_source_positions=20, max_target_positions=30, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1,
    )  # fmt: skip
    given = {"input_features": torch.randn(1, 8, 40), "decoder_input_ids": torch.tensor([[1, 5, 6]])}
    with pytest.raises(UnsupportedError, match=r"input_features, decoder_input_ids hold neither a picture"):
        attribute(tf.WhisperForConditionalGeneration(config).eval(), given)


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"steps": 2.5}, {"samples": -3}, {"batch_size": 0}, {"seed": -1}, {"seed": None}]
)
def test_an_impossible_option_is_refused_before_anything_runs(wrong: dict) -> None:
    model, inputs = made("vit")
    name = next(iter(wrong))
    with pytest.raises(BadInputError, match=rf"{name}(=.* was given| is .*); expected a whole number"):
        attribute(model, inputs, method=["all"], **wrong)
    maps = attribute(model, inputs, method=["all"], start_layer=9, steps=2, samples=32)
    assert "start_layer=9 was given" in maps.refused["relevance"] and "occlusion" in maps.methods
