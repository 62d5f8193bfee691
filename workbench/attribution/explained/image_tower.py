"""The image tower of a dual encoder: how its tokens lie, and which methods can read it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from workbench.attention.blocks import attends, blocks_of, ending_in, first_norm
from workbench.attention.patch_grids import picture_behind
from workbench.attention.recorder import Call, Recorder, in_graph, recording
from workbench.attention.subject import Subject
from workbench.attention.token_layout import TokenLayout
from workbench.attribution.method_interface import MethodCard
from workbench.errors import UnsupportedError
from workbench.models.adapters.tower import TwoTower

__all__ = ["in_parts", "layout_of", "no_attention", "score_tokens", "why_not"]

_reasons: WeakKeyDictionary[TwoTower, str | None] = WeakKeyDictionary()
_NOT_TWO_TOWERS = (
    "it is no dual encoder loaded by models.load, so there is no similarity of a picture and a text"
)


def layout_of(model: TwoTower, inputs: Mapping[str, Tensor], layers: list[Call]) -> TokenLayout:
    """How the tokens of the image tower lie, from one recorded pass.

    Its pooling is "token" (a class token is read), "attention" (a pooling head reads all), else "mean".

    Raises:
        UnsupportedError: there is no attention over all patches, or the patches form no grid.
    """
    reason = no_attention(model, inputs, layers)
    if reason is not None:
        raise UnsupportedError(f"{model.card.name} {reason}.")
    inner = [layer for layer in layers if not layer.pools]
    tower, tokens = model.image_tower, inner[-1].key
    found = picture_behind(tower, inputs, tokens)
    if found is None:
        height, width = inputs["pixel_values"].shape[-2:]
        raise UnsupportedError(
            f"The {tokens} tokens of a picture of {height} x {width} hold no grid of patches."
        )
    picture, prefix = found
    padded = tuple(range(prefix + picture.patches, tokens))
    layout = TokenLayout("image", tokens, picture.grid, prefix, padded=padded)
    if len(layers) > len(inner):
        return replace(layout, pooling="attention")
    said = Subject(tower, lambda: None, "image", inputs).image_pooling(bool(prefix))
    if prefix and said != "mean":
        return replace(layout, pooling="token", pooled=0)
    return replace(layout, pooling="mean")


def in_parts(tower: nn.Module) -> AbstractContextManager[Recorder]:
    """Every attention inside is kept in the graph, with what it is computed from."""
    return recording(tower, in_graph(parts=True))


def score_tokens(model: TwoTower, inputs: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
    """What the tower makes of `tokens` (item x token x width) in place of its last block's output.

    The blocks are passed over, so this costs next to nothing. Returns item x feature.
    """
    blocks = blocks_of(model.image_tower)
    given = {
        name: value.expand(len(tokens), *value.shape[1:]) if len(value) == 1 else value
        for name, value in inputs.items()
    }
    with ending_in(blocks, tokens):
        return model.image_features(given)


def why_not(model: Any, card: MethodCard) -> str | None:
    """Why a method does not explain this model's pictures, or None where it does."""
    if card.family == "baseline":
        return None
    if not isinstance(model, TwoTower):
        return _NOT_TWO_TOWERS
    capabilities = model.capabilities
    for needed in ("embed_images", "embed_texts"):
        if capabilities.get(needed) is not None:
            return capabilities[needed]
    if "gradients" in card.needs and capabilities.get("gradients") is not None:
        return capabilities["gradients"]
    if "attention" in card.needs:
        return capabilities.get("attention_image") or _windowed(model)
    return None


def _windowed(model: TwoTower) -> str | None:
    """Asked once a model: a pass over a grey picture shows whether attention spans all patches."""
    from PIL import Image

    if model not in _reasons:
        inputs = model.pixels([Image.new("RGB", (32, 32), "grey")])
        with torch.no_grad(), recording(model.image_tower, Recorder()) as plain:
            model.image_features(inputs)
        _reasons[model] = no_attention(model, inputs, plain.calls)
    return _reasons[model]


def no_attention(model: TwoTower, inputs: Mapping[str, Tensor], layers: list[Call]) -> str | None:
    """Why a recorded pass holds no attention over all patches, or None where it does."""
    trunk = type(getattr(model.image_tower, "trunk", model.image_tower)).__name__
    inner = [layer for layer in layers if not layer.pools]
    if not inner:
        return f"has an image tower ({trunk}) without attention between patches"
    batch = len(next(iter(inputs.values())))
    if any(layer.items != batch for layer in inner):
        return f"has an image tower ({trunk}) that attends within windows, not over the whole picture"
    if len({layer.key for layer in inner}) > 1:
        return f"has an image tower ({trunk}) whose number of tokens changes from layer to layer"
    blocks = blocks_of(model.image_tower)
    if len(blocks) != len(inner) or not attends(*blocks) or None in map(first_norm, blocks):
        return f"has an image tower ({trunk}) whose blocks could not be told apart"
    return None
