"""Every transformers family gives, through its adapter, the numbers that the library gives by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize
from transformers import AutoModel, AutoProcessor

from workbench import models
from workbench.errors import BadWeightsError, UnsupportedError
from workbench.models.adapters.transformers import as_embedding

KINDS = [
    "clip",
    "metaclip_2",
    "siglip",
    "siglip2_fixed",
    "siglip2",
    "align",
    "chinese_clip",
    "altclip",
    "two_towers",
]
SIGMOID = {"siglip", "siglip2_fixed", "siglip2"}
Make = Callable[[str], Path]


def _library(folder: Path, kind: str, pictures: list, texts: list[str]) -> object:
    """The documented way: the family's processor, then one forward pass over everything."""
    processor = AutoProcessor.from_pretrained(folder)
    padding = {"padding": "max_length", "max_length": 64} if kind in SIGMOID else {"padding": True}
    given = [text.lower() for text in texts] if kind.startswith("siglip2") else texts
    if kind == "siglip2":
        padding |= {"patch_size": 8, "max_num_patches": 24}  # the processor's own defaults are those of base
    inputs = processor(text=given, images=pictures, return_tensors="pt", truncation=True, **padding)
    if kind in SIGMOID:
        inputs.pop("attention_mask", None)  # published tokenisers of SigLIP give no mask
    with torch.no_grad():
        return AutoModel.from_pretrained(folder).eval()(**inputs)


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_and_logits_equal_the_librarys(
    kind: str, hf_folder: Make, pictures: list, texts: list[str]
) -> None:
    folder = hf_folder(kind)
    model = models.load(str(folder))
    image, text = model.encode_images(pictures), model.encode_texts(texts)
    wanted = _library(folder, kind, pictures, texts)
    np.testing.assert_allclose(image, normalize(wanted.image_embeds, dim=-1), atol=1e-5)
    np.testing.assert_allclose(text, normalize(wanted.text_embeds, dim=-1), atol=1e-5)
    logits = model.scale * image @ text.T + model.bias
    np.testing.assert_allclose(logits, wanted.logits_per_image, atol=5e-5)
    np.testing.assert_allclose(logits.T, wanted.logits_per_text, atol=5e-5)
    assert model.rule == ("sigmoid" if kind in SIGMOID else "softmax")
    assert image.dtype == np.float32 and model.feature == image.shape[1]
    np.testing.assert_allclose(np.linalg.norm(image, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_what_one_by_one_gives(
    kind: str, hf_folder: Make, pictures: list, texts: list[str]
) -> None:
    model = models.load(str(hf_folder(kind)))
    for encode, items in ((model.encode_images, pictures), (model.encode_texts, texts)):
        alone = np.concatenate([encode([item]) for item in items])
        np.testing.assert_allclose(encode(items), alone, atol=1e-5)
        assert np.abs(alone[0] - alone[1]).max() > 1e-3, "the test must be able to see a difference"
        assert encode([]).shape == (0, model.feature)


def test_align_divides_by_its_temperature_and_siglip_has_a_bias(hf_folder: Make) -> None:
    assert models.load(str(hf_folder("align"))).scale == pytest.approx(1 / 0.3, rel=1e-6)
    siglip = models.load(str(hf_folder("siglip")))
    assert (siglip.scale, siglip.bias) == (pytest.approx(np.exp(1.7), rel=1e-6), pytest.approx(-2.5))


@pytest.mark.parametrize("kind", sorted(SIGMOID))
def test_siglip_texts_are_padded_to_64_without_a_mask(kind: str, hf_folder: Make) -> None:
    inputs = models.load(str(hf_folder(kind))).words(["a cat", "a photo of two dogs"])
    assert inputs["input_ids"].shape == (2, 64) and set(inputs) == {"input_ids"}


@pytest.mark.parametrize("kind", ["siglip2_fixed", "siglip2"])
def test_siglip_2_reads_lower_case(kind: str, hf_folder: Make) -> None:
    model = models.load(str(hf_folder(kind)))
    np.testing.assert_array_equal(model.encode_texts(["A CAT"]), model.encode_texts(["a cat"]))
    assert model.card.family.startswith("SigLIP 2")


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_over_the_limit_is_said_to_be_cut(kind: str, hf_folder: Make) -> None:
    model = models.load(str(hf_folder(kind)))
    short, long = model.tokens("a cat"), model.tokens("cat, " * 100)
    assert not short.truncated and long.truncated
    assert len(long.pieces) == long.limit == model.card.text_length == 64
    assert "cat" in "".join(short.pieces)
    # The end that was cut off does not count, which is what the flag warns of.
    same = model.encode_texts(["cat, " * 100, "cat, " * 101])
    np.testing.assert_array_equal(same[0], same[1])


@pytest.mark.parametrize("kind", KINDS)
def test_capabilities_are_found_by_trying(kind: str, hf_folder: Make) -> None:
    model = models.load(str(hf_folder(kind)))
    failed = {name for name, reason in model.capabilities.items() if reason is not None}
    assert failed == ({"attention_image", "patch_tokens"} if kind == "align" else set())
    if failed:
        assert "AlignVisionModel" in model.capabilities["attention_image"]
        assert "not patch tokens" in model.capabilities["patch_tokens"]


@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2"])
def test_fused_attention_is_switched_back_after_probing(kind: str, hf_folder: Make) -> None:
    model = models.load(str(hf_folder(kind)))
    untouched = AutoModel.from_pretrained(hf_folder(kind))
    for part in ("vision_model", "text_model"):
        ours, theirs = getattr(model.model, part).config, getattr(untouched, part).config
        assert ours._attn_implementation == theirs._attn_implementation == "sdpa"
    assert model.model.config._attn_implementation == untouched.config._attn_implementation


def test_the_view_is_what_the_model_sees(hf_folder: Make, pictures: list) -> None:
    for kind in KINDS:
        model = models.load(str(hf_folder(kind)))
        processor = model.image_processor
        view = np.asarray(model.preprocess_view(pictures[0]), dtype=np.float32)
        inputs = model.pixels(pictures[:1])
        seen = inputs["pixel_values"][0]
        if kind == "siglip2":
            rows, cols = (int(n) for n in inputs["spatial_shapes"][0])
            assert view.shape[:2] == (rows * 8, cols * 8), "NaFlex keeps the shape of the picture"
            patch = view[8:16, :8].reshape(-1)  # second row of patches, first column
            np.testing.assert_allclose(seen[cols], patch / 127.5 - 1, atol=0.01)
            continue
        assert view.shape == (32, 32, 3)
        scaled = view * processor.rescale_factor - (1 if kind == "align" else 0)  # EfficientNet's offset
        wanted = (scaled - np.array(processor.image_mean)) / np.array(processor.image_std)
        np.testing.assert_allclose(seen.permute(1, 2, 0), wanted, atol=0.02)


def test_clip_crops_the_sides_and_siglip_squashes_them(hf_folder: Make) -> None:
    wide = Image.new("RGB", (96, 32), "white")
    wide.paste("black", (0, 0, 20, 32))
    cropped = np.asarray(models.load(str(hf_folder("clip"))).preprocess_view(wide))
    squashed = np.asarray(models.load(str(hf_folder("siglip"))).preprocess_view(wide))
    assert cropped.min() == 255 and squashed.min() < 10


def test_grey_and_transparent_pictures_are_taken(hf_folder: Make) -> None:
    model = models.load(str(hf_folder("clip")))
    vectors = model.encode_images([Image.new("L", (40, 30), 90), Image.new("RGBA", (40, 30), (9, 9, 9, 99))])
    assert np.isfinite(vectors).all()


def test_a_model_of_another_kind_is_refused_with_the_families(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(
        UnsupportedError,
        match=r"type 'llama' that neither writes nor is a dual encoder known here\. Known: CLIP",
    ):
        models.load(str(tmp_path))


def test_a_model_with_its_own_code_is_refused(tmp_path: Path) -> None:
    config = {"model_type": "clip", "auto_map": {"AutoModel": "evil.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UnsupportedError, match=r"brings its own code .*never run here"):
        models.load(str(tmp_path))


def test_a_folder_without_its_tokeniser_says_what_to_save(hf_folder: Make, tmp_path: Path) -> None:
    for file in hf_folder("clip").iterdir():
        if "token" not in file.name and "vocab" not in file.name and "merges" not in file.name:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(BadWeightsError, match=r"no usable tokeniser.*processor\.save_pretrained"):
        models.load(str(tmp_path))


def test_weights_that_lack_tensors_are_refused_with_their_names(hf_folder: Make, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in hf_folder("clip").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    state = load_file(tmp_path / "model.safetensors")
    del state["visual_projection.weight"]
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadWeightsError, match=r"1 tensors are missing.*first visual_projection\.weight"):
        models.load(str(tmp_path))


def test_an_output_without_a_pooled_vector_is_refused() -> None:
    class PerToken:
        pooler_output = torch.zeros(1, 5, 8)

    with pytest.raises(UnsupportedError, match="PerToken holds no pooled vector"):
        as_embedding(PerToken())
    assert as_embedding(torch.ones(1, 3)).shape == (1, 3)


@pytest.mark.parametrize("size", [(1300, 10), (1, 20_000), (900_000, 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_very_thin_picture_is_taken_by_every_family(hf_folder, kind, size):
    model = models.load(str(hf_folder(kind)))
    thin = Image.new("RGB", size, "blue")
    assert np.isfinite(model.encode_images([Image.new("RGB", (50, 50), "red"), thin])).all()
    assert max(model.preprocess_view(thin).size) < 1000
