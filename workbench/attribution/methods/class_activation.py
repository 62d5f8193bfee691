"""Class activation maps: one layer's features, weighted by how the score depends on them."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from workbench.attention.blocks import blocks_of, first_norm, outputs_of
from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.method_interface import Maps, Options, as_array, pick_layer
from workbench.errors import UnsupportedError
from workbench.hooks import hooked

__all__ = [
    "CAMS",
    "cam_maps",
    "channels_first",
    "element_cam",
    "element_cam_maps",
    "feature_module",
    "grad_cam",
    "grad_cam_maps",
    "hires_cam",
    "hires_cam_maps",
    "layer_cam",
    "layer_cam_maps",
]


def grad_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """Features weighted by their gradient's mean over the picture; channel x row x col -> row x col.

    Signed: the paper cuts negative values off afterwards (Selvaraju et al. 2017, equation 2).
    """
    return (gradient.mean(dim=(1, 2), keepdim=True) * features).sum(dim=0)


def hires_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """Features times gradient at the same place (Draelos and Carin 2020, equation 2); signed."""
    return (gradient * features).sum(dim=0)


def element_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """The positive part of each product, summed over channels."""
    return (gradient * features).clamp(min=0).sum(dim=0)


def layer_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """Features weighted by positive gradients (Jiang et al. 2021, equation 3), cut at zero."""
    return (gradient.clamp(min=0) * features).sum(dim=0).clamp(min=0)


CAMS = {"grad-cam": grad_cam, "hires-cam": hires_cam, "element-cam": element_cam, "layer-cam": layer_cam}


def cam_maps(name: str, explained: ExplainedPair, options: Options) -> Maps:
    """One of `CAMS` on the first norm of a block (the last one), or the last map of a convolutional tower.

    The output of a ViT's last block would give zeros: only its class token is read.
    """
    module, layer = feature_module(explained, options.layer)
    inputs = dict(explained.pixels)
    inputs["pixel_values"] = inputs["pixel_values"].clone().requires_grad_(True)
    with outputs_of(module) as kept:
        value = explained.value(explained.image_features(inputs))
    (gradient,) = explained.gradient(value, kept[-1])
    features, slopes = (_as_grid(explained, part) for part in (kept[-1], gradient))
    return Maps(as_array(CAMS[name](features, slopes)), layer=layer)


grad_cam_maps, hires_cam_maps, element_cam_maps, layer_cam_maps = (partial(cam_maps, name) for name in CAMS)


def feature_module(explained: ExplainedPair, layer: int | None) -> tuple[nn.Module, int | None]:
    """Where features are read: the first norm of block `layer`, or the last module that gives a map.

    Raises:
        BadInputError: there is no such block.
        UnsupportedError: the tower gives no map of features; or a layer of a convolutional tower was named.
    """
    tower = explained.model.image_tower
    if explained.has_tokens:
        blocks = blocks_of(tower)
        chosen = pick_layer(layer, len(blocks))
        norm = first_norm(blocks[chosen])
        assert norm is not None  # every block of a tower that has tokens begins with one
        return norm, chosen
    if layer is not None:
        raise UnsupportedError(
            f"{explained.model.card.name} has a tower without transformer blocks over patches, so "
            f"layer={layer} names nothing; leave it out to read the last map of features."
        )
    found = _last_map(explained, tower)
    if found is None:
        raise UnsupportedError(
            f"{explained.model.card.name} keeps no map of features, so there is nothing a CAM could weight. "
            "Take 'occlusion' or 'integrated-gradients'."
        )
    return found, None


def _last_map(explained: ExplainedPair, tower: nn.Module) -> nn.Module | None:
    seen: list[nn.Module] = []

    def note(module: nn.Module, args: tuple, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and min(_sides(output)) > 1:
            seen.append(module)

    with ExitStack() as stack, torch.no_grad():
        for module in tower.modules():
            if module is not tower:
                stack.enter_context(hooked(module, after=note))
        explained.image_features(explained.pixels)
    return seen[-1] if seen else None


def _sides(features: Tensor) -> tuple[int, int]:
    """Rows and columns, whichever axis holds the channels."""
    return channels_first(features).shape[-2:]  # type: ignore[return-value]


def channels_first(features: Tensor) -> Tensor:
    """item x channel x row x col; timm's windowed towers keep channels last, and there are more of them."""
    return features.permute(0, 3, 1, 2) if features.shape[3] > features.shape[1] else features


def _as_grid(explained: ExplainedPair, part: Tensor) -> Tensor:
    """channel x row x col of the first item."""
    if part.ndim == 4:
        return channels_first(part)[0]
    return explained.spread(part[0].T)
