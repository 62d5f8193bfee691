"""What a model can do, found by trying it once on a small dummy input when it is loaded.

Three forward passes in all: pictures (with gradient and attention), patch tokens, texts. Attention is there
where the recorder hears it, by which `capture` and `attribute` read it. The model is left as it was found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from workbench.attention.blocks import block_of
from workbench.attention.recorder import Recorder, recording
from workbench.errors import UnsupportedError, WorkbenchError
from workbench.formatting import one_line
from workbench.models.adapters.tower import TwoTower
from workbench.runtime import is_out_of_memory

__all__ = ["probe"]

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
    with recording(adapter.text_tower, Recorder()) as in_text:
        found["embed_texts"] = _reason(lambda: text.append(_text(adapter)))
    with recording(adapter.image_tower, Recorder()) as in_image:
        pixels: dict[str, Tensor] = {}
        found["embed_images"] = _reason(lambda: image.append(_image(adapter, pixels)))
    found["attention_image"] = found["embed_images"] or _attention(in_image, adapter.image_tower, "image")
    found["attention_text"] = found["embed_texts"] or _attention(in_text, adapter.text_tower, "text")
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


def _attention(recorder: Recorder, tower: nn.Module, side: str) -> str | None:
    """None where the engine that reads attention heard blocks in which tokens attend to one another.

    A head that pools a convolutional tower attends too, once, behind all layers: of those it says nothing.
    """
    if any(call.query == call.key > 1 and block_of(call.path) for call in recorder.calls):
        return None
    trunk = type(getattr(tower, "trunk", tower)).__name__
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
