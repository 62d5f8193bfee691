"""What the sections of `make gpu` run on: a ViT-B/16 of random weights, JPEG files, a model's tensors."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from families import made
from PIL import Image

_LARGE = {
    "embed_dim": 512,
    "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12},
}
_SMALL = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}


@lru_cache(maxsize=4)
def big_encoder(device: torch.device, dtype: torch.dtype, *, dry: bool) -> Any:
    """A dual encoder of open_clip with random weights: ViT-B/16, in a dry run a tiny one."""
    from workbench import models

    return models.load(str(_folder(dry)), device=device, dtype=dtype)


@lru_cache(maxsize=2)
def _folder(dry: bool) -> Path:
    import open_clip
    from safetensors.torch import save_file

    folder = Path(tempfile.mkdtemp(prefix="workbench-gpu-model-"))
    config = {"model_cfg": _SMALL if dry else _LARGE, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config), "utf-8")
    torch.manual_seed(0)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False, pretrained_text=False)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


def jpegs(count: int, width: int) -> Path:
    """A folder of pictures as cameras write them: smooth, with some grain, 4 to 3."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-gpu-pictures-"))
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize((width, 3 * width // 4), Image.Resampling.BICUBIC)
        grain = random.integers(0, 16, (3 * width // 4, width, 3), dtype=np.uint8)
        mixed = np.clip(np.asarray(smooth).astype(np.int16) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(mixed).save(folder / f"{number:05}.jpg", quality=90)
    return folder


def awake(name: str) -> tuple[Any, dict[str, torch.Tensor]]:
    """A tiny model of a family whose weights are as large as trained ones: float16 has nothing below 6e-8."""
    model, inputs = made(name)
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.02 * torch.randn(weight.shape, generator=noise))
    return model, inputs


def tensors_of(model: Any, inputs: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    """Every floating tensor that a forward gives, the inputs brought to the model's device and type."""
    from workbench.attention.output_gate import tensors_in

    weight = next(model.parameters())
    ready = {
        name: value.to(weight.device, weight.dtype if value.is_floating_point() else value.dtype)
        for name, value in inputs.items()
    }
    with torch.inference_mode():
        found = tensors_in(model(**ready))
    return [one for one in found if one.is_floating_point()]
