"""What the adapters share: two towers behind the `DualEncoder` protocol.

A loaded model is in eval mode with `requires_grad` off for its parameters; pictures may still carry
gradients. `encode_*` runs under `torch.inference_mode`; `image_features` and `text_features` do not,
so that attribution can differentiate through them. All of them compute as a loaded model does, whatever its
user has switched since: without dropout, and in the precision of the weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image, Resampling
from torch import Tensor, nn

from workbench.cache import digest
from workbench.data.pairs_input import as_pictures
from workbench.data.pictures_in_memory import Pictures
from workbench.errors import BadWeightsError, UnsupportedError
from workbench.hooks import evaluated
from workbench.models.base import Advice, ModelCard, TokenView
from workbench.models.identity import Identity, code_versions
from workbench.results import Rule
from workbench.values import as_sentences

__all__ = ["Blueprint", "Fit", "TwoTower", "as_rgb", "thick_enough"]

Fit = Literal["squash", "shortest", "longest"]
"""How a library brings a picture to the model's size: both sides, the shorter or the longer one."""
_MOST = 100_000_000  # pixels of a picture on its way to the model's size


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
    differentiable steps `pixels`, `words`, `image_features`, `text_features`, `patch_tokens`, and
    `web_text`: what it does to curly quotes, HTML entities and full-width letters; "" where no other library
    has these weights.
    """

    web_text: Literal["made plain", "as it stands", ""] = ""

    def __init__(
        self, model: nn.Module, blueprint: Blueprint, *, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.model = model.eval().requires_grad_(False).to(device=device, dtype=dtype)
        self.device, self.dtype = device, dtype
        self.scale, self.bias, self.rule = blueprint.scale, blueprint.bias, blueprint.rule
        self.notes, self.advice = blueprint.notes, blueprint.advice
        self.precision = str(dtype).removeprefix("torch.")
        # The architecture and the tokeniser are part of it: a text's vector depends on them too.
        loaded = digest(blueprint.weights, blueprint.architecture, blueprint.tokeniser)
        self._identity = Identity(self.model, loaded)
        self._preprocessing = blueprint.preprocessing
        self._first_reading = self._reading()
        count = sum(parameter.numel() for parameter in model.parameters())
        self.card = replace(blueprint.card, parameters=count)
        self.feature = 0
        self.capabilities: Mapping[str, str | None] = {}

    @property
    def weights_hash(self) -> str:
        """Digest of weights, architecture and tokeniser; another one once the model was changed in place."""
        return self._identity.of(self.model)

    @property
    def preprocessing_hash(self) -> str:
        """Digest of what turns a picture into numbers, the versions of the code that does it included."""
        return digest(self._preprocessing, code_versions(), self._read_anew())

    @property
    def tokenisation_hash(self) -> str:
        """Digest of what turns a text into numbers and is no part of `weights_hash`."""
        return digest(code_versions(), self._read_anew())

    @property
    def keepable(self) -> bool:
        """Whether what it gives now belongs to `weights_hash`: not while hooks of others stand on it."""
        return not self._identity.is_hooked(self.model)

    @property
    def size_bytes(self) -> int:
        """Bytes of its parameters and buffers."""
        tensors = [*self.model.parameters(), *self.model.buffers()]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def encode_images(self, pictures: Pictures) -> NDArray[np.float32]:
        """Unit vectors, item x feature, float32; of pictures in any form that `data.from_pictures` takes.

        Raises:
            UnsupportedError: it could not when it was loaded; the message gives the reason.
        """
        pictures = as_pictures(pictures)
        if not len(pictures):
            return np.zeros((0, self.feature), dtype=np.float32)
        self._require("embed_images")
        with torch.inference_mode():
            return self._unit(self.image_features(self.pixels(pictures)))

    def encode_texts(self, texts: str | Iterable[str]) -> NDArray[np.float32]:
        """Unit vectors, item x feature, float32; of one text, or of a list or a column of them."""
        texts = as_sentences(texts)
        if not texts:
            return np.zeros((0, self.feature), dtype=np.float32)
        self._require("embed_texts")
        with torch.inference_mode():
            return self._unit(self.text_features(self.words(texts)))

    def _require(self, capability: str) -> None:
        """What failed when the model was loaded is told in words, and not by a library's error each time."""
        reason = self.capabilities.get(capability)
        if reason is not None:
            raise UnsupportedError(
                f"{self.card.name} cannot {capability.replace('_', ' ')}: {reason}. It was tried when the "
                "model was loaded: look at its configuration files, or copy them again."
            )

    @abstractmethod
    def pixels(self, pictures: Sequence[Image]) -> dict[str, Tensor]:
        """The image tower's inputs on the model's device; the picture itself is under "pixel_values"."""

    @abstractmethod
    def words(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """The text tower's inputs on the model's device."""

    def image_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Vectors before they are scaled to unit length, item x feature; differentiable."""
        with self._as_loaded():
            return self._image_features(inputs)

    def text_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Vectors before they are scaled to unit length, item x feature; differentiable."""
        with self._as_loaded():
            return self._text_features(inputs)

    def patch_tokens(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The last layer's tokens of the image tower, item x token x feature.

        Raises:
            UnsupportedError: the image tower has none.
        """
        with self._as_loaded():
            return self._patch_tokens(inputs)

    @abstractmethod
    def _image_features(self, inputs: Mapping[str, Tensor]) -> Tensor: ...

    @abstractmethod
    def _text_features(self, inputs: Mapping[str, Tensor]) -> Tensor: ...

    @abstractmethod
    def _patch_tokens(self, inputs: Mapping[str, Tensor]) -> Tensor: ...

    @contextmanager
    def _as_loaded(self) -> Iterator[None]:
        """In eval mode, and in the precision of its weights, whatever was switched on around the call."""
        with evaluated(self.model), torch.autocast(self.device.type, enabled=False):
            yield

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

    def _reading(self) -> Any:
        """Values, quickly had, that differ once tokeniser or preprocessing were changed or exchanged."""
        return None

    def _read_anew(self) -> Any:
        """What reads inputs now, as plain values; None while it is what was loaded."""
        return None if self._reading() == self._first_reading else self._readers()

    def _readers(self) -> Any:
        """Tokeniser and preprocessing as plain values; slower than `_reading`, the same in every kernel."""
        return None

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


def thick_enough(picture: Image, side: int, fit: Fit) -> Image:
    """The picture, or what a model sees of it where it is so thin that the library's own steps would fail.

    Fitted by its longer side it would have no row left; fitted by its shorter, it would take gigabytes of
    which the middle is then cut out. Any other picture is given back as it is.
    """
    long, short = max(picture.size), min(picture.size)
    wide = picture.width == long
    if fit == "longest" and round(short * side / long) < 1:
        return picture.resize((side, 1) if wide else (1, side), Resampling.BICUBIC)
    if fit == "shortest" and side * side * long > _MOST * short:
        first = (long - 4 * short) // 2
        last = first + 4 * short
        return picture.crop((first, 0, last, short) if wide else (0, first, short, last))
    return picture


def as_rgb(picture: Image) -> Image:
    """The picture in RGB; `workbench.data` has already laid transparent ones on white."""
    return picture if picture.mode == "RGB" else picture.convert("RGB")
