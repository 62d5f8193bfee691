"""How a picture becomes an image tower's pixels: our own two ways, or the tower's own processor.

A tower sees what it was trained on only through the very steps of its publisher: size, crop, zoom, filter and
normalisation. For a tower of transformers or timm those steps are the library's own, built from the settings
that `joined_config.json` keeps, so that a copy of the tower without its processor's file changes nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from PIL import Image
from PIL.Image import Resampling
from torch import Tensor

from workbench.errors import BadWeightsError, UnsupportedError
from workbench.models.adapters.tower import as_rgb, thick_enough

__all__ = ["Look", "Looking", "ProcessorLook", "TimmLook", "build_look"]


class Looking(ABC):
    """From pictures to the input of an image tower.

    Attributes:
        height, width: rows and columns of the input. side: its rows.
    """

    height: int
    width: int
    side: int

    @abstractmethod
    def view(self, picture: Image.Image) -> Image.Image:
        """The picture as the tower sees it, before normalisation."""

    @abstractmethod
    def pixels(self, pictures: Sequence[Image.Image]) -> Tensor:
        """item x channel x row x col, normalised."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Plain values that decide what the pixels are; part of every cache key."""


@dataclass(frozen=True)
class Look(Looking):
    """Sizes and normalisation written down, for towers that bring no processor.

    Attributes:
        side: rows and columns of the input.
        fit: "squash" keeps everything in view and changes the shape; "crop" keeps the shape and the middle.
        mean, std: of each channel, pixels running from 0 to 1.
        zoom: with "crop", the part of the shorter side that is kept.
    """

    side: int
    fit: Literal["squash", "crop"] = "squash"
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    zoom: float = 0.875

    @property
    def height(self) -> int:  # type: ignore[override]
        """`side`."""
        return self.side

    @property
    def width(self) -> int:  # type: ignore[override]
        """`side`."""
        return self.side

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its fields."""
        return asdict(self)

    def view(self, picture: Image.Image) -> Image.Image:
        """The picture as the tower sees it, before normalisation."""
        picture = as_rgb(picture)
        if self.fit == "squash":
            return picture.resize((self.side, self.side), Resampling.BICUBIC)
        picture = thick_enough(picture, round(self.side / self.zoom), "shortest")
        scale = self.side / self.zoom / min(picture.size)
        size = [max(self.side, round(length * scale)) for length in picture.size]
        left, top = ((length - self.side) // 2 for length in size)
        grown = picture.resize((size[0], size[1]), Resampling.BICUBIC)
        return grown.crop((left, top, left + self.side, top + self.side))

    def pixels(self, pictures: Sequence[Image.Image]) -> Tensor:
        """item x channel x row x col, normalised."""
        raw = torch.stack([_channels(self.view(picture)) for picture in pictures])
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (self.mean, self.std))
        return (raw - mean) / std


class _LibraryLook(Looking):
    """A library's own steps, whose sizes are found by trying them."""

    side = 224  # until it is measured
    fit: Literal["squash", "crop"]

    def _ready(self, picture: Image.Image) -> Image.Image:
        picture = as_rgb(picture)
        return thick_enough(picture, self.side, "shortest") if self.fit == "crop" else picture

    def _measure(self, name: str) -> None:
        probe = self.pixels([Image.new("RGB", (96, 64))])
        if probe.ndim != 4 or probe.shape[1] != 3:
            raise UnsupportedError(
                f"{name} makes an input of shape {tuple(probe.shape[1:])} of a picture; expected channel x "
                "row x col. Take an image tower that reads whole pictures."
            )
        self.height, self.width = int(probe.shape[2]), int(probe.shape[3])
        self.side = self.height


class ProcessorLook(_LibraryLook):
    """The image processor of a transformers model.

    Args:
        said: the processor's settings, as its `to_dict()` gives them, `image_processor_type` among them.
    """

    def __init__(self, said: Mapping[str, Any]) -> None:
        import transformers

        kind: Any = getattr(transformers, str(said.get("image_processor_type")), None)
        if not hasattr(kind, "from_dict"):
            raise BadWeightsError(
                f"joined_config.json names the image processor {said.get('image_processor_type')!r}, which "
                "this version of transformers does not have. Install the version it was made with, or "
                "describe the tower again."
            )
        self._said = dict(said)
        self._processor = kind.from_dict(dict(said))
        self.fit = "crop" if said.get("do_center_crop") or said.get("crop_pct") else "squash"
        self.zoom = float(said.get("crop_pct") or 1.0)
        self._measure(type(self._processor).__name__)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The processor's own."""
        return self._said

    def pixels(self, pictures: Sequence[Image.Image]) -> Tensor:
        """item x channel x row x col, normalised."""
        return self._made(pictures)

    def view(self, picture: Image.Image) -> Image.Image:
        """The very pixels that are rescaled and normalised next."""
        raw = self._made([picture], do_rescale=False, do_normalize=False)[0]
        return Image.fromarray(raw.float().permute(1, 2, 0).round().clamp(0, 255).byte().numpy())

    def _made(self, pictures: Sequence[Image.Image], **other: Any) -> Tensor:
        made = self._processor(
            images=[self._ready(picture) for picture in pictures], return_tensors="pt", **other
        )
        return made["pixel_values"]


class TimmLook(_LibraryLook):
    """timm's own steps for evaluation.

    Args:
        said: `input_size`, `interpolation`, `crop_pct`, `crop_mode`, `mean` and `std` of its configuration.
    """

    def __init__(self, said: Mapping[str, Any]) -> None:
        from timm.data import create_transform

        self._said = dict(said)
        options = {**said, "input_size": tuple(said["input_size"])}
        self._transform: Any = create_transform(**options, is_training=False)
        self._raw: Any = create_transform(**options, is_training=False, normalize=False)
        self.fit = "squash" if said.get("crop_mode") == "squash" else "crop"
        self.zoom = float(said.get("crop_pct") or 1.0)
        self._measure("timm's transform")

    @property
    def settings(self) -> Mapping[str, Any]:
        """Those of timm's configuration."""
        return self._said

    def pixels(self, pictures: Sequence[Image.Image]) -> Tensor:
        """item x channel x row x col, normalised."""
        return torch.stack([self._transform(self._ready(picture)) for picture in pictures])

    def view(self, picture: Image.Image) -> Image.Image:
        """The very pixels that are normalised next."""
        raw = self._raw(self._ready(picture))  # channel x row x col, whole numbers
        return Image.fromarray(raw.permute(1, 2, 0).round().clamp(0, 255).byte().numpy())


def build_look(settings: Mapping[str, Any], name: str) -> Looking:
    """The look that an image tower's part of `joined_config.json` describes.

    Raises:
        BadWeightsError: it says no size, or a processor that is not known.
    """
    if "processor" in settings:
        return ProcessorLook(settings["processor"])
    if "transform" in settings:
        return TimmLook(settings["transform"])
    names = ("side", "fit", "mean", "std", "zoom")
    known: dict[str, Any] = {key: settings[key] for key in names if key in settings}
    if "side" not in known:
        raise BadWeightsError(
            f"{name}: joined_config.json does not say the 'side' of the image tower's input."
        )
    fixed: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in known.items()
    }
    return Look(**fixed)


def _channels(picture: Image.Image) -> Tensor:
    raw = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return raw.view(picture.height, picture.width, 3).permute(2, 0, 1).float() / 255
