"""What the adapters share: two towers behind the `DualEncoder` protocol.

A loaded model is in eval mode with `requires_grad` off for its parameters; pictures may still carry
gradients. `encode_*` runs under `torch.inference_mode`; `image_features` and `text_features` do not,
so that attribution can differentiate through them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor, nn

from workbench.cache import digest
from workbench.errors import BadWeightsError
from workbench.models.base import Advice, ModelCard, TokenView
from workbench.results import Rule

__all__ = ["Blueprint", "TwoTower", "as_rgb"]


@dataclass(frozen=True)
class Blueprint:
    """What an adapter knows about a model before it runs it.

    Attributes:
        scale, bias, rule: read in float32, before the weights are cast.
        weights: digest of the weights files, or of the state dict.
        architecture, tokeniser, preprocessing: plain values that determine what the model computes.
    """

    card: ModelCard
    rule: Rule
    scale: float
    bias: float
    weights: str
    architecture: Any
    tokeniser: Any
    preprocessing: Any
    notes: tuple[str, ...] = field(default=())
    advice: Advice | None = None


class TwoTower(ABC):
    """A model of either library as a `DualEncoder`; see there for the attributes.

    Beyond the protocol: `model` (the library's own module), `device`, `dtype`, and the
    differentiable steps `pixels`, `words`, `image_features`, `text_features`, `patch_tokens`.
    """

    def __init__(
        self, model: nn.Module, blueprint: Blueprint, *, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.model = model.eval().requires_grad_(False).to(device=device, dtype=dtype)
        self.device, self.dtype = device, dtype
        self.scale, self.bias, self.rule = blueprint.scale, blueprint.bias, blueprint.rule
        self.notes, self.advice = blueprint.notes, blueprint.advice
        self.precision = str(dtype).removeprefix("torch.")
        # Texts are cached under this key alone, so the architecture and the tokeniser are part of it.
        self.weights_hash = digest(blueprint.weights, blueprint.architecture, blueprint.tokeniser)
        self.preprocessing_hash = digest(blueprint.preprocessing)
        count = sum(parameter.numel() for parameter in model.parameters())
        self.card = replace(blueprint.card, parameters=count)
        self.feature = 0
        self.capabilities: Mapping[str, str | None] = {}

    @property
    def size_bytes(self) -> int:
        """Bytes of its parameters and buffers."""
        tensors = [*self.model.parameters(), *self.model.buffers()]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def encode_images(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """Unit vectors, item x feature, float32."""
        if not len(pictures):
            return np.zeros((0, self.feature), dtype=np.float32)
        with torch.inference_mode():
            return self._unit(self.image_features(self.pixels(pictures)))

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, item x feature, float32."""
        if not len(texts):
            return np.zeros((0, self.feature), dtype=np.float32)
        with torch.inference_mode():
            return self._unit(self.text_features(self.words(texts)))

    @abstractmethod
    def pixels(self, pictures: Sequence[Image]) -> dict[str, Tensor]:
        """The image tower's inputs on the model's device; the picture itself is under "pixel_values"."""

    @abstractmethod
    def words(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """The text tower's inputs on the model's device."""

    @abstractmethod
    def image_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Vectors before they are scaled to unit length, item x feature; differentiable."""

    @abstractmethod
    def text_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Vectors before they are scaled to unit length, item x feature; differentiable."""

    @abstractmethod
    def patch_tokens(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The last layer's tokens of the image tower, item x token x feature.

        Raises:
            UnsupportedError: the image tower has none.
        """

    @property
    @abstractmethod
    def image_tower(self) -> nn.Module:
        """The module that holds the blocks of the image tower."""

    @property
    @abstractmethod
    def text_tower(self) -> nn.Module:
        """The module that holds the blocks of the text tower."""

    @abstractmethod
    def tokens(self, text: str) -> TokenView:
        """How the text is cut into tokens, and whether its end was lost."""

    @abstractmethod
    def preprocess_view(self, picture: Image) -> Image:
        """The picture as the model sees it: cropped, squashed and sized, before normalisation."""

    def _unit(self, vectors: Tensor) -> NDArray[np.float32]:
        vectors = nn.functional.normalize(vectors.float(), dim=-1)
        if not torch.isfinite(vectors).all():
            raise BadWeightsError(
                f"{self.card.name} gave vectors that are not numbers in {self.precision}. "
                "Load it with dtype='float32'; if that does not help, its weights are damaged."
            )
        return vectors.cpu().numpy()

    def __repr__(self) -> str:
        works = sum(reason is None for reason in self.capabilities.values())
        return (
            f"{type(self).__name__}({self.card.name!r}, {self.card.family}, {self.feature} features, "
            f"{self.rule}, {self.precision} on {self.device}, "
            f"{works} of {len(self.capabilities)} capabilities)"
        )


def as_rgb(picture: Image) -> Image:
    """The picture in RGB; `workbench.data` has already laid transparent ones on white."""
    return picture if picture.mode == "RGB" else picture.convert("RGB")
