"""What a model can do, found by trying it once on a small dummy input when it is loaded.

Three forward passes in all: pictures (with gradient and attention), patch tokens, texts. The model is
left as it was found: hooks and switches live inside `with`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from workbench._repr import one_line
from workbench.errors import UnsupportedError, WorkbenchError
from workbench.models.adapters.tower import TwoTower
from workbench.runtime import is_out_of_memory

__all__ = ["attention_of", "probe"]

_FAILURES = (
    WorkbenchError,
    RuntimeError,
    TypeError,
    ValueError,
    AttributeError,
    AssertionError,
    IndexError,
    KeyError,
    NotImplementedError,
)


def probe(adapter: TwoTower) -> tuple[int, Mapping[str, str | None]]:
    """Length of an embedding, and every capability with None where it works, else the reason why not."""
    found: dict[str, str | None] = {}
    text: list[Tensor] = []
    image: list[Tensor] = []
    with attention_of(adapter.text_tower) as text_maps:
        found["embed_texts"] = _reason(lambda: text.append(_text(adapter)))
    with attention_of(adapter.image_tower) as image_maps:
        pixels: dict[str, Tensor] = {}
        found["embed_images"] = _reason(lambda: image.append(_image(adapter, pixels)))
    found["attention_image"] = found["embed_images"] or _attention(image_maps, adapter.image_tower, "image")
    found["attention_text"] = found["embed_texts"] or _attention(text_maps, adapter.text_tower, "text")
    lengths = {vectors.shape[-1] for vectors in (*image, *text)}
    if len(lengths) > 1:
        raise UnsupportedError(
            f"{adapter.card.name} has no joint space: a picture becomes {image[0].shape[-1]} numbers and a "
            f"text {text[0].shape[-1]}. Check the configuration's projection sizes."
        )
    found["gradients"] = found["embed_images"] or _reason(
        lambda: _gradient(pixels["pixel_values"], image[0], text[0] if text else torch.ones_like(image[0]))
    )
    found["patch_tokens"] = found["embed_images"] or _reason(lambda: _patches(adapter, pixels))
    return max(lengths, default=0), MappingProxyType(found)


@contextmanager
def attention_of(tower: nn.Module) -> Iterator[list[Tensor]]:
    """Collect attention probabilities, item x head x query x key, of every block that runs inside.

    Three mechanisms, because libraries differ: `nn.MultiheadAttention` is asked for its weights,
    fused attention of timm is unfused, and transformers' towers are switched to "eager".
    """
    maps: list[Tensor] = []
    undo: list[Callable[[], Any]] = []
    try:
        for module in tower.modules():
            if isinstance(module, nn.MultiheadAttention):
                _ask_for_weights(module, maps, undo)
            elif hasattr(module, "fused_attn") and isinstance(getattr(module, "attn_drop", None), nn.Module):
                _unfuse(module, maps, undo)
        _go_eager(tower, maps, undo)
        yield maps
    finally:
        for step in reversed(undo):
            step()


def _ask_for_weights(module: nn.Module, maps: list[Tensor], undo: list[Callable[[], Any]]) -> None:
    def before(_: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        return args, {**kwargs, "need_weights": True, "average_attn_weights": False}

    def after(_: nn.Module, args: tuple, output: Any) -> None:
        maps.append(output[1])

    undo.append(module.register_forward_pre_hook(before, with_kwargs=True).remove)
    undo.append(module.register_forward_hook(after).remove)


def _unfuse(module: nn.Module, maps: list[Tensor], undo: list[Callable[[], Any]]) -> None:
    undo.append(partial(setattr, module, "fused_attn", module.fused_attn))
    module.fused_attn = False  # type: ignore[assignment]

    def before(_: nn.Module, args: tuple) -> None:
        maps.append(args[0])

    undo.append(module.attn_drop.register_forward_pre_hook(before).remove)  # type: ignore[union-attr]


def _go_eager(tower: nn.Module, maps: list[Tensor], undo: list[Callable[[], Any]]) -> None:
    from transformers import PreTrainedModel

    inner = [module for module in tower.modules() if isinstance(module, PreTrainedModel)]
    if not inner:
        return
    outer = inner[0]
    configs = {id(module.config): module.config for module in inner}
    for config in configs.values():
        # The public setter would write to the sub-configurations too; each is put back by itself.
        was = config._attn_implementation_internal
        undo.append(partial(setattr, config, "_attn_implementation_internal", was))
    if any(config._attn_implementation not in (None, "eager") for config in configs.values()):
        outer.set_attn_implementation("eager")

    def before(_: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        return args, {**kwargs, "output_attentions": True}

    def after(_: nn.Module, args: tuple, output: Any) -> None:
        # Under a fused implementation this is an empty tuple and no error: nothing is collected then.
        maps.extend(part for part in getattr(output, "attentions", None) or () if part is not None)

    undo.append(outer.register_forward_pre_hook(before, with_kwargs=True).remove)
    undo.append(outer.register_forward_hook(after).remove)


def _text(adapter: TwoTower) -> Tensor:
    with torch.no_grad():
        return _checked(adapter.text_features(adapter.words(["a photo of a cat"])))


def _image(adapter: TwoTower, pixels: dict[str, Tensor]) -> Tensor:
    # Noise, not grey: on a flat picture some gradients are zero for a good reason.
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    pixels.update(adapter.pixels([Image.fromarray(noise)]))
    pixels["pixel_values"].requires_grad_(True)
    with torch.enable_grad():
        return _checked(adapter.image_features(pixels))


def _checked(vectors: Tensor) -> Tensor:
    if vectors.ndim != 2 or len(vectors) != 1:
        raise UnsupportedError(f"one input gave an array of shape {tuple(vectors.shape)}, not one vector")
    if not torch.isfinite(vectors).all():
        raise UnsupportedError(f"it gives vectors that are not numbers in {vectors.dtype}")
    return vectors


def _attention(maps: list[Tensor], tower: nn.Module, side: str) -> str | None:
    square = [part for part in maps if part.ndim == 4 and part.shape[-1] == part.shape[-2] > 1]
    if square:
        return None
    trunk = type(getattr(tower, "trunk", tower)).__name__
    if any(hasattr(module, "use_fsdpa") for module in tower.modules()):
        # open_clip 3.3's plain path multiplies four axes with torch.bmm, which takes three.
        return f"the {side} tower ({trunk}) computes attention fused, and open_clip's plain path does not run"
    return f"the {side} tower ({trunk}) has no attention with one weight for each pair of tokens"


def _gradient(pixels: Tensor, image: Tensor, text: Tensor) -> None:
    cosine = nn.functional.cosine_similarity(image.float(), text.float().detach())
    (gradient,) = torch.autograd.grad(cosine.sum(), pixels, allow_unused=True)
    if gradient is None or not torch.isfinite(gradient).all() or not gradient.abs().sum() > 0:
        raise UnsupportedError("a change of the similarity does not reach the pixels")


def _patches(adapter: TwoTower, pixels: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        tokens = adapter.patch_tokens({name: value.detach() for name, value in pixels.items()})
    if tokens.ndim != 3:
        raise UnsupportedError("the image tower has a map of convolution features, not patch tokens")


def _reason(attempt: Callable[[], object]) -> str | None:
    try:
        attempt()
    except _FAILURES as problem:
        if is_out_of_memory(problem):
            raise
        return one_line(str(problem) or type(problem).__name__, most=160)
    return None
