"""open_clip's models give, through the adapter, the numbers that open_clip gives by itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
import transformers as hf
from PIL import Image
from safetensors.torch import save_file

from workbench import models
from workbench.models.adapters.open_clip import tag_preprocessing
from workbench.runtime import seeded

Make = Callable[..., Path]
# timm's own miniatures: a ViT that pools by attention, as SigLIP does, and a ConvNeXt.
TIMM_VIT = {"timm_model_name": "test_vit3", "timm_pool": "map", "timm_proj": "linear", "image_size": 160}
CONVNEXT = {"timm_model_name": "test_convnext", "timm_pool": "avg", "timm_proj": "linear"}
COCA = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
KINDS: dict[str, dict] = {
    "clip": {},
    "squash": {"preprocess": {"resize_mode": "squash", "mean": [0.5] * 3, "std": [0.5] * 3}},
    "resnet": {"vision": {"layers": [1, 1, 1, 1], "width": 8, "head_width": 8, "patch_size": None}},
    "siglip": {"vision": TIMM_VIT, "custom_text": True, "init_logit_bias": -10},
    "convnext": {"vision": CONVNEXT, "custom_text": True},
    "qk_norm": {"vision": {"qk_norm": True}},
    "coca": {
        "vision": {"attentional_pool": True, "attn_pooler_heads": 4, "output_tokens": True},
        "text": {"embed_cls": True, "output_tokens": True, "context_length": 76},
        "multimodal_cfg": COCA,
        "custom_text": True,
    },
}


@pytest.fixture(scope="module")
def folder(clip_folder: Make) -> Callable[[str], Path]:
    made: dict[str, Path] = {}
    return lambda kind: (
        made.setdefault(kind, None) or made.update({kind: clip_folder(**KINDS[kind])}) or made[kind]
    )


def _library(path: Path, pictures: list, texts: list[str]) -> tuple:
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{path}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{path}")
    with torch.no_grad():
        image = model.eval().encode_image(torch.stack([preprocess(p) for p in pictures]), normalize=True)
        text = model.encode_text(tokenizer(texts), normalize=True)
        logits = model.logit_scale.exp() * image @ text.T
        return image, text, logits + (model.logit_bias if model.logit_bias is not None else 0)


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_and_logits_equal_the_librarys(
    kind: str, folder: Callable[[str], Path], pictures: list, texts: list[str]
) -> None:
    model = models.load(str(folder(kind)))
    image, text = model.encode_images(pictures), model.encode_texts(texts)
    wanted_image, wanted_text, wanted_logits = _library(folder(kind), pictures, texts)
    np.testing.assert_allclose(image, wanted_image, atol=1e-5)
    np.testing.assert_allclose(text, wanted_text, atol=1e-5)
    np.testing.assert_allclose(model.scale * image @ text.T + model.bias, wanted_logits, atol=5e-5)
    assert model.rule == ("sigmoid" if kind == "siglip" else "softmax")
    alone = np.concatenate([model.encode_texts([one]) for one in texts])
    np.testing.assert_allclose(text, alone, atol=1e-5)


WORKS = {
    "clip": set(),
    "qk_norm": set(),
    "siglip": set(),
    "coca": set(),
    "resnet": {"attention_image", "patch_tokens"},
    "convnext": {"attention_image", "patch_tokens"},
}


@pytest.mark.parametrize("kind", WORKS)
def test_capabilities_are_found_by_trying(kind: str, folder: Callable[[str], Path]) -> None:
    model = models.load(str(folder(kind)))
    failed = {name: reason for name, reason in model.capabilities.items() if reason is not None}
    assert set(failed) == WORKS[kind], failed
    tower = {"resnet": "ModifiedResNet", "convnext": "ConvNeXt"}.get(kind, "")
    for reason in failed.values():
        assert tower in reason


def test_the_model_is_left_as_it_was_found(folder: Callable[[str], Path]) -> None:
    for kind in ("siglip", "clip", "qk_norm"):
        path = folder(kind)
        model = models.load(str(path)).model
        untouched = open_clip.create_model(f"local-dir:{path}").eval()
        for (name, ours), (_, theirs) in zip(
            model.state_dict().items(), untouched.state_dict().items(), strict=True
        ):
            assert torch.equal(ours, theirs), name
        assert not any(part.training for part in model.modules())
        assert not any(parameter.requires_grad for parameter in model.parameters())
        for ours, theirs in zip(model.modules(), untouched.modules(), strict=True):
            assert not ours._forward_hooks and not ours._forward_pre_hooks
            assert getattr(ours, "fused_attn", None) == getattr(theirs, "fused_attn", None)


def test_a_transformers_text_tower_loads_without_the_hub(
    clip_folder: Make, tmp_path: Path, pictures: list, texts: list[str]
) -> None:
    tower = tmp_path / "tower"
    with seeded(1):
        _bert(tower)
    text = {"hf_model_name": str(tower), "hf_tokenizer_name": str(tower), "hf_proj_type": "linear"}
    path = clip_folder(text={**text, "hf_pooler_type": "cls_last_hidden_state_pooler", "context_length": 40})
    for file in tower.iterdir():
        if file.name != "config.json":
            shutil.copy(file, path)
    model = models.load(str(path))
    wanted_image, wanted_text, _ = _library(path, pictures, texts)
    np.testing.assert_allclose(model.encode_images(pictures), wanted_image, atol=1e-5)
    np.testing.assert_allclose(model.encode_texts(texts), wanted_text, atol=1e-5)
    assert model.capabilities["attention_text"] is None
    assert model.tokens("a cat").pieces == ("[CLS]", "a", "cat", "[SEP]")
    assert model.tokens("cat " * 60).truncated and model.card.text_length == 40


def _bert(folder: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "dog", "and", "of", "photo"]
    hf.BertTokenizer(vocab={word: i for i, word in enumerate(words)}).save_pretrained(folder)
    hf.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
    ).save_pretrained(folder)


def test_tokens_are_readable_in_english_and_chinese_and_say_when_they_are_cut(
    folder: Callable[[str], Path],
) -> None:
    model = models.load(str(folder("clip")))
    assert model.tokens("A Cat!").pieces == ("<start_of_text>", "a", "cat", "!", "<end_of_text>")
    # CLIP's vocabulary was learned on English: a Chinese character falls into its UTF-8 bytes, E7 8C AB.
    shown = "".join(model.tokens("猫").pieces[1:-1])
    assert shown == "猫" or shown.replace("›‹", " ") == "‹E7 8C AB›"
    long = model.tokens("cat " * 100)
    assert long.truncated and len(long.pieces) == long.limit == 77


def test_the_view_shows_the_crop_or_the_squash(folder: Callable[[str], Path], pictures: list) -> None:
    for kind, mean in (("clip", None), ("squash", 0.5)):
        model = models.load(str(folder(kind)))
        view = model.preprocess_view(pictures[1])
        assert view.size == (32, 32)
        if mean:
            seen = model.pixels(pictures[1:2])["pixel_values"][0].permute(1, 2, 0)
            np.testing.assert_allclose(np.asarray(view) / 127.5 - 1, seen, atol=1e-5)
    wide = Image.new("RGB", (96, 32), "white")
    wide.paste("black", (0, 0, 20, 32))
    assert np.asarray(models.load(str(folder("clip"))).preprocess_view(wide)).min() > 250
    assert np.asarray(models.load(str(folder("squash"))).preprocess_view(wide)).min() < 10


def test_preprocessing_belongs_to_the_tag_where_all_tags_agree() -> None:
    siglip, note = tag_preprocessing("ViT-B-16-SigLIP")
    assert siglip["resize_mode"] == "squash" and siglip["mean"] == (0.5, 0.5, 0.5)
    assert "1 own tag of ViT-B-16-SigLIP was taken" in note
    unknown, note = tag_preprocessing("ViT-M-32")
    assert unknown == {} and "open_clip has no tag of it; CLIP's default was guessed" in note


def test_a_weights_file_by_path_brings_its_preprocessing_and_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 8},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1},
    }
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", config)
    weights = tmp_path / "some weights.safetensors"
    save_file(open_clip.create_model("tiny").state_dict(), weights)
    model = models.load(f"open_clip:tiny/{weights}")
    assert any("CLIP's default was guessed" in note for note in model.notes)
    pickled = tmp_path / "epoch_3.pt"
    state = {f"module.{name}": value for name, value in model.model.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, pickled)
    again = models.load(f"open_clip:tiny/{pickled}")
    assert any("epoch_3.pt is a pickle" in note for note in again.notes)
    np.testing.assert_array_equal(again.encode_texts(["a cat"]), model.encode_texts(["a cat"]))


def test_hashes_tell_weights_architecture_and_preprocessing_apart(clip_folder: Make, tmp_path: Path) -> None:
    path = clip_folder()
    first = models.load(str(path))
    copy = tmp_path / "copy"
    shutil.copytree(path, copy)
    assert models.load(str(copy)).weights_hash == first.weights_hash
    assert models.load(str(copy)).preprocessing_hash == first.preprocessing_hash
    config = json.loads((path / "open_clip_config.json").read_text())
    config["preprocess_cfg"] = {"resize_mode": "squash"}
    (copy / "open_clip_config.json").write_text(json.dumps(config))
    squashed = models.load(str(copy))
    assert squashed.weights_hash == first.weights_hash
    assert squashed.preprocessing_hash != first.preprocessing_hash
    config["model_cfg"]["quick_gelu"] = True
    (copy / "open_clip_config.json").write_text(json.dumps(config))
    assert models.load(str(copy)).weights_hash != first.weights_hash


def test_half_precision_weights_run_in_float32_on_the_cpu_and_in_what_is_asked(clip_folder: Make) -> None:
    path = clip_folder()
    full = models.load(str(path))
    low = models.load(str(path), dtype="bfloat16")
    assert (full.precision, low.precision) == ("float32", "bfloat16")
    assert low.scale == full.scale, "the scale is read before the weights are rounded"
    one, other = full.encode_texts(["a cat"]), low.encode_texts(["a cat"])
    assert other.dtype == np.float32 and (one @ other.T).item() > 0.99
