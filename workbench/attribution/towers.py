"""Whether a tower can be explained, and how its tokens lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from workbench.attention.blocks import attends, blocks_of, ending_in, first_norm
from workbench.attention.recorder import Call, Recorder, recording
from workbench.attribution.methods import MethodCard
from workbench.errors import BadInputError, UnsupportedError
from workbench.models.adapters.tower import TwoTower

__all__ = [
    "Layout",
    "layout_of",
    "no_attention",
    "pick_layer",
    "tail",
    "why_not",
]

_reasons: WeakKeyDictionary[TwoTower, str | None] = WeakKeyDictionary()
_NOT_TWO_TOWERS = (
    "it is no dual encoder loaded by models.load, so there is no similarity of a picture and a text"
)


@dataclass(frozen=True)
class Layout:
    """How the tokens of the image tower lie.

    Attributes:
        prefix: class token and registers in front of the patches.
        grid: rows and columns of patches.
        pooling: "class" (a token is read), "mean", or "attention" (a pooling head reads all tokens).
    """

    prefix: int
    grid: tuple[int, int]
    pooling: str

    @property
    def patches(self) -> int:
        """Number of patches."""
        return self.grid[0] * self.grid[1]

    def spread(self, values: Tensor) -> Tensor:
        """... x token (or ... x patch) as ... x row x col; the prefix is left out."""
        return values[..., values.shape[-1] - self.patches :].reshape(*values.shape[:-1], *self.grid)


def pick_layer(layer: int | None, count: int, *, default: int = -1, called: str = "layer") -> int:
    """A layer from 0 to count - 1; negative ones count from the end.

    Raises:
        BadInputError: there is no such layer.
    """
    chosen = default if layer is None else layer
    if isinstance(chosen, bool) or not isinstance(chosen, int) or not -count <= chosen < count:
        raise BadInputError(
            f"{called}={layer!r} was given; this tower has {count} layers, 0 to {count - 1} "
            f"(or -{count} to -1 from the end)."
        )
    return chosen % count


def layout_of(model: TwoTower, inputs: Mapping[str, Tensor], layers: list[Call]) -> Layout:
    """The layout of the image tower, from one recorded pass.

    Raises:
        UnsupportedError: there is no attention over all patches, or the patches form no grid.
    """
    inner = [layer for layer in layers if not layer.pools]
    reason = no_attention(model, inputs, layers)
    if reason is not None:
        raise UnsupportedError(f"{model.card.name} {reason}.")
    tokens = inner[-1].key
    prefix = _prefix(model.image_tower)
    rows, cols = _grid(model.image_tower, inputs, tokens, prefix)
    prefix = tokens - rows * cols
    if len(layers) > len(inner):
        pooling = "attention"
    else:
        pooling = "class" if prefix and _reads_one_token(model) else "mean"
    return Layout(prefix, (rows, cols), pooling)


def tail(
    model: TwoTower, inputs: Mapping[str, Tensor], tokens: Tensor, features: Callable[..., Tensor]
) -> Tensor:
    """What the tower makes of `tokens` (item x token x width) in place of its last block's output.

    The blocks are passed over, so this costs next to nothing. Returns item x feature.
    """
    blocks = blocks_of(model.image_tower)
    given = {
        name: value.expand(len(tokens), *value.shape[1:]) if len(value) == 1 else value
        for name, value in inputs.items()
    }
    with ending_in(blocks, tokens):
        return features(given)


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


def _grid(tower: nn.Module, inputs: Mapping[str, Tensor], tokens: int, prefix: int | None) -> tuple[int, int]:
    if "spatial_shapes" in inputs:
        rows, cols = (int(length) for length in inputs["spatial_shapes"][0])
        return rows, cols
    height, width = inputs["pixel_values"].shape[-2:]
    for module in tower.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == module.stride != (1, 1):
            rows, cols = height // module.kernel_size[0], width // module.kernel_size[1]
            if 0 <= tokens - rows * cols <= 16:
                return rows, cols
    patches = tokens - (prefix or 0)
    rows = round((patches * height / width) ** 0.5)
    if rows < 1 or patches % rows:
        raise UnsupportedError(f"The {patches} patches of a picture of {height} x {width} form no grid.")
    return rows, patches // rows


def _prefix(tower: nn.Module) -> int | None:
    for module in tower.modules():
        if hasattr(module, "num_prefix_tokens"):
            return int(module.num_prefix_tokens)  # type: ignore[arg-type]
    return None


def _reads_one_token(model: TwoTower) -> bool:
    for module in model.image_tower.modules():
        pool = getattr(module, "pool_type", None) or getattr(module, "global_pool", None)
        if isinstance(pool, str):
            return pool in ("tok", "token", "cls", "map", "")
    return True
