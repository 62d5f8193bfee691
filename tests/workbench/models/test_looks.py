"""Towers of joined models see the pixels that their own library makes of a picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import transformers as hf
from PIL import Image
from timm.data import create_transform, resolve_data_config

from workbench.errors import BadWeightsError, UnsupportedError
from workbench.models.adapters.joined.describe import describe_picture_tower
from workbench.models.adapters.joined.looks import Look, build_look

SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 32}
VIT = {"image_size": 64, "patch_size": 8, **SMALL}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
SQUARE = {"height": 64, "width": 64}
KINDS: dict[str, dict] = {
    "squash, bilinear": {"image_processor_type": "ViTImageProcessor", "size": SQUARE, "resample": 2},
    "squash, nearest": {"image_processor_type": "ViTImageProcessor", "size": SQUARE, "resample": 0},
    "not square": {"image_processor_type": "ViTImageProcessor", "size": {"height": 48, "width": 64}},
    "not normalised": {"image_processor_type": "ViTImageProcessor", "size": SQUARE, "do_normalize": False},
    "other scale": {"image_processor_type": "ViTImageProcessor", "size": SQUARE, "rescale_factor": 1 / 127.5},
    "crop without zoom": {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": 64},
        "crop_size": SQUARE,
        **IMAGENET,
    },
    "crop with zoom": {
        "image_processor_type": "BitImageProcessor",
        "size": {"shortest_edge": 73},
        "crop_size": SQUARE,
        "do_center_crop": True,
        "resample": 3,
        **IMAGENET,
    },
    "zoom by share": {
        "image_processor_type": "ConvNextImageProcessor",
        "size": {"shortest_edge": 64},
        "crop_pct": 0.875,
        **IMAGENET,
    },
}


@pytest.fixture(scope="module")
def smooth() -> list[Image.Image]:
    """Coloured tiles, not square: crops, zooms and filters all show in their edges."""
    tiles = np.random.default_rng(2).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return [Image.fromarray(np.kron(tiles, np.ones((20, 20, 1), np.uint8)))]


@pytest.fixture
def tower(tmp_path: Path) -> Callable[..., Path]:
    """`tower(said)`: a ViT's folder with that image processor."""

    def make(said: dict | None, file: str = "preprocessor_config.json") -> Path:
        hf.ViTModel(hf.ViTConfig(**VIT)).save_pretrained(tmp_path)
        if said is not None:
            (tmp_path / file).write_text(json.dumps(said))
        return tmp_path

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_the_pixels_are_those_of_the_towers_own_processor(tower: Callable, smooth: list, kind: str) -> None:
    folder = tower(KINDS[kind])
    look = build_look(json.loads(json.dumps(describe_picture_tower(str(folder)))), "a tower")
    own = hf.AutoImageProcessor.from_pretrained(folder)(images=smooth, return_tensors="pt")["pixel_values"]
    assert torch.equal(look.pixels(smooth), own)
    assert (look.height, look.width) == tuple(own.shape[-2:])
    assert look.view(smooth[0]).size == (look.width, look.height)


def test_the_view_is_the_picture_before_normalisation(tower: Callable, smooth: list) -> None:
    look = build_look(describe_picture_tower(str(tower(KINDS["crop with zoom"]))), "a tower")
    mean, std = (torch.tensor(IMAGENET[key]).view(3, 1, 1) for key in ("image_mean", "image_std"))
    seen = (look.pixels(smooth)[0] * std + mean) * 255
    np.testing.assert_allclose(
        np.asarray(look.view(smooth[0])), seen.permute(1, 2, 0).numpy().clip(0, 255), atol=0.51
    )


def test_the_processor_of_a_whole_processors_file_is_read(tower: Callable, smooth: list) -> None:
    nested = {"image_processor": KINDS["crop with zoom"], "processor_class": "CLIPProcessor"}
    folder = tower(nested, "processor_config.json")
    own = hf.AutoImageProcessor.from_pretrained(folder)(images=smooth, return_tensors="pt")["pixel_values"]
    assert torch.equal(build_look(describe_picture_tower(str(folder)), "a tower").pixels(smooth), own)


def test_a_tower_without_a_processor_is_guessed_at_its_own_size_and_said(tower: Callable) -> None:
    said = describe_picture_tower(str(tower(None)))
    assert (said["side"], said["fit"]) == (64, "squash")
    assert "came without an image processor" in said["notes"][0]
    assert isinstance(build_look(said, "a tower"), Look)


def test_a_broken_processor_is_said(tower: Callable) -> None:
    with pytest.raises(BadWeightsError, match="has no usable image processor"):
        describe_picture_tower(str(tower({"image_processor_type": "NoSuchProcessor"})))
    with pytest.raises(BadWeightsError, match="names the image processor 'NoSuchProcessor'"):
        build_look({"processor": {"image_processor_type": "NoSuchProcessor"}}, "a tower")


def test_a_processor_that_cuts_pictures_into_patches_is_refused() -> None:
    said = json.loads(hf.Siglip2ImageProcessor(patch_size=8, max_num_patches=24).to_json_string())
    with pytest.raises(UnsupportedError, match="makes an input of shape"):
        build_look({"processor": said}, "a tower")


@pytest.mark.parametrize("name", ["resnet10t.c3_in1k", "vit_base_patch16_siglip_224.webli", "mixer_b16_224"])
def test_the_pixels_of_a_timm_tower_are_timms(smooth: list, tmp_path: Path, name: str) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"")
    said = describe_picture_tower(f"timm:{name}/{tmp_path / 'w.safetensors'}")
    cfg = resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
    own = create_transform(**cfg, is_training=False)(smooth[0])
    look = build_look(json.loads(json.dumps(said)), "a tower")
    assert torch.equal(look.pixels(smooth)[0], own)
    assert look.view(smooth[0]).size == (look.width, look.height)


def test_photo_lites_pixels_are_as_they_were_measured() -> None:
    from workbench.models.adapters.joined.describe import PHOTO_PICTURES

    look = build_look(PHOTO_PICTURES, "photo-lite")
    assert isinstance(look, Look)
    assert look.settings == {
        "side": 320,
        "fit": "squash",
        "mean": (127 / 255,) * 3,
        "std": (128 / 255,) * 3,
        "zoom": 0.875,
    }
