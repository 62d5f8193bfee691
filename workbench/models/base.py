"""What a model must offer to be used here. Verbs and widgets ask these, never a class or a family."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from workbench.results import Rule

__all__ = ["Advice", "Capability", "DualEncoder", "ModelCard", "TokenView"]

Capability = Literal[
    "embed_images",
    "embed_texts",
    "gradients",
    "attention_image",
    "attention_text",
    "patch_tokens",
]


@dataclass(frozen=True)
class ModelCard:
    """A model in one row: what it is, where it comes from, what it needs.

    Attributes:
        name: what `models.load` takes.
        library: "open_clip", "transformers", or "joined" from two towers.
        family: "CLIP", "SigLIP", "ALIGN", ...
        source: "shipped", "on this machine", "would be downloaded", or "not installed" where a package lacks.
        size_mb: size of the weights, None if unknown.
        licence: SPDX identifier where there is one, "unknown" if its publisher states none.
        image_size: (height, width) in pixels; None before loading, unless it ships.
        text_length: token positions of the text tower, start and end included; None as above.
        parameters: how many numbers its weights are; None as above.
        summary: what it is good for, in a sentence.
        commit: of the hub's repository that the files were taken from; empty for files of other origin.
    """

    name: str
    library: str
    family: str
    source: str
    size_mb: float | None = None
    licence: str = "unknown"
    image_size: tuple[int, int] | None = None
    text_length: int | None = None
    parameters: int | None = None
    summary: str = ""
    commit: str = ""


@dataclass(frozen=True)
class Advice:
    """How to use a model for zero-shot classification, measured on data that it was not trained on.

    Attributes:
        templates: wordings that suit it, each with one `{}`.
        measure, threshold: a picture whose `measure` stays below is "none of these"; None where unknown.
        labels: how many labels `threshold` is for.
        growth: how much it rises with each e-fold of the labels, since the best of many wrong labels fits
            better than the best of few; see `threshold_for`.
        measured_to: the most labels it was fitted on; None where nobody says.

    Example:
        >>> from workbench.models import Advice
        >>> advice = Advice(threshold=0.2, labels=20, growth=0.01)
        >>> advice.threshold_for(20)
        0.2
    """

    templates: tuple[str, ...] = ("{}",)
    measure: Literal["probability", "margin", "cosine"] = "cosine"
    threshold: float | None = None
    labels: int = 20
    growth: float = 0.0
    measured_to: int | None = None

    def threshold_for(self, labels: int) -> float | None:
        """The threshold among so many `labels`, `threshold + growth * ln(labels / self.labels)`."""
        if self.threshold is None:
            return None
        return self.threshold + self.growth * math.log(max(labels, 1) / self.labels)


@dataclass(frozen=True)
class TokenView:
    """A text as the model reads it.

    Attributes:
        pieces: the tokens as readable strings, special tokens included, padding left out.
        limit: the most tokens that the text tower reads.
        truncated: whether the text was longer than `limit` tokens and lost its end.
        unknown: places in `pieces` of the vocabulary's one token for everything it does not hold: whatever
            stood there, the model reads the same. Empty for vocabularies that spell such words out.
    """

    pieces: tuple[str, ...]
    limit: int
    truncated: bool
    unknown: tuple[int, ...] = ()


@runtime_checkable
class DualEncoder(Protocol):
    """Two towers into one space. The adapter owns preprocessing, tokenisation and the scoring rule.

    Attributes:
        card: the row of the registry, completed from the loaded weights.
        capabilities: every `Capability` with None where it works, else the reason why it does not,
            both found by trying it once when the model was loaded.
        scale, bias: the logit of a pair is `scale * cosine + bias`.
        rule: "softmax" or "sigmoid", as the model was trained.
        feature: length of an embedding.
        precision: the dtype of the forward pass, "float32" or "bfloat16"; part of every cache key.
        notes: what the user should know about this load (a guessed preprocessing, a smaller batch).
        advice: wordings and a reject threshold calibrated for this model, None where nobody measured them.
    """

    card: ModelCard
    capabilities: Mapping[str, str | None]
    scale: float
    bias: float
    rule: Rule
    feature: int
    precision: str
    notes: tuple[str, ...]
    advice: Advice | None

    @property
    def weights_hash(self) -> str:
        """Digest of the weights that it computes with now; part of every cache key."""
        ...

    @property
    def preprocessing_hash(self) -> str:
        """Digest of everything that turns a picture into the tower's input, the code's versions included."""
        ...

    def encode_images(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """Unit vectors of `pictures`, item x feature. One forward pass: the caller chooses the batch."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of `texts`, item x feature. One forward pass: the caller chooses the batch."""
        ...

    def tokens(self, text: str) -> TokenView:
        """How `text` is cut into tokens, and whether its end was lost."""
        ...

    def preprocess_view(self, picture: Image) -> Image:
        """`picture` as the model sees it: cropped, squashed and sized, before normalisation."""
        ...
