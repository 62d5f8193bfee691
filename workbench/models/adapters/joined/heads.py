"""Heads: how a picture's features and a text's features become vectors in one space.

Each head keeps the idea of one paper. `LinearHead` learns a projection for each tower (LiT, Zhai et al. 2022,
"LiT: zero-shot transfer with locked-image text tuning"; before it DeViSE, Frome et al. 2013). `ConseHead`
learns nothing: a picture is the mean of the vectors of its classes' names, weighted by the classifier's
probabilities (ConSE, Norouzi et al. 2014, equation 3). `MixtureHead` is both side by side.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.errors import BadWeightsError

__all__ = ["ConseHead", "Head", "LinearHead", "MixtureHead", "build_head"]


class Head(nn.Module, ABC):
    """From the towers' features to one space; the vectors need not have unit length.

    Attributes:
        joint: length of a vector in the joint space.
        needs_classes: whether `image` reads the probabilities of the image tower's own classifier.
    """

    joint: int
    needs_classes: bool = False

    @abstractmethod
    def image(self, pooled: Tensor, classes: Tensor | None) -> Tensor:
        """item x feature, and item x class probabilities if `needs_classes` -> item x joint."""

    @abstractmethod
    def text(self, pooled: Tensor) -> Tensor:
        """item x feature -> item x joint."""


class LinearHead(Head):
    """One linear map for each tower; the towers' features are scaled to unit length first."""

    def __init__(self, image: int, text: int, joint: int) -> None:
        super().__init__()
        self.joint = joint
        self.from_image = nn.Linear(image, joint)
        self.from_text = nn.Linear(text, joint)

    def image(self, pooled: Tensor, classes: Tensor | None = None) -> Tensor:
        """item x joint."""
        return self.from_image(functional.normalize(pooled, dim=-1))

    def text(self, pooled: Tensor) -> Tensor:
        """item x joint."""
        return self.from_text(functional.normalize(pooled, dim=-1))


class ConseHead(Head):
    """A picture is the mean of its classes' names, weighted by their probabilities; nothing is trained.

    Text towers put all texts into a narrow cone, so the mean of the names is taken off both sides. A `power`
    below 1 on the probabilities lets the second thing in a picture speak, not only the loudest.

    Shapes:
        names: class x feature, unit vectors of the classes' names; centre: feature
    """

    needs_classes = True

    def __init__(self, classes: int, text: int, power: float = 1.0) -> None:
        super().__init__()
        self.joint, self.power = text, power
        self.register_buffer("names", torch.zeros(classes, text))
        self.register_buffer("centre", torch.zeros(text))
        self.names: Tensor
        self.centre: Tensor

    def image(self, pooled: Tensor, classes: Tensor | None = None) -> Tensor:
        """item x joint."""
        if classes is None:
            raise ValueError("ConseHead needs the classifier's probabilities, item x class")
        return classes.to(self.names.dtype) ** self.power @ (self.names - self.centre)

    def text(self, pooled: Tensor) -> Tensor:
        """item x joint."""
        return functional.normalize(pooled, dim=-1) - self.centre


class MixtureHead(Head):
    """ConSE beside a linear head: the cosine of the joined vectors is the weighted mean of both cosines.

    With unit vectors u and v, (sqrt(s) u, sqrt(1 - s) v) has unit length, and the dot product of two of
    these is s times the first cosine plus 1 - s times the second.
    """

    needs_classes = True

    def __init__(self, conse: ConseHead, linear: LinearHead, share: float) -> None:
        super().__init__()
        self.conse, self.linear = conse, linear
        self.joint = conse.joint + linear.joint
        self.share = share

    def image(self, pooled: Tensor, classes: Tensor | None = None) -> Tensor:
        """item x joint."""
        return self._beside(self.conse.image(pooled, classes), self.linear.image(pooled))

    def text(self, pooled: Tensor) -> Tensor:
        """item x joint."""
        return self._beside(self.conse.text(pooled), self.linear.text(pooled))

    def _beside(self, first: Tensor, second: Tensor) -> Tensor:
        first, second = functional.normalize(first, dim=-1), functional.normalize(second, dim=-1)
        return torch.cat([self.share**0.5 * first, (1 - self.share) ** 0.5 * second], dim=-1)


def build_head(settings: Mapping[str, Any], image: int, text: int, classes: int | None) -> Head:
    """An empty head as `joined_config.json` describes it.

    Raises:
        BadWeightsError: an unknown method, or one that needs a classifier the image tower does not have.
    """
    method = settings.get("method")
    if method not in ("linear", "conse", "mixture"):
        raise BadWeightsError(
            f"The head's method is {method!r}; expected 'linear', 'conse' or 'mixture' in joined_config.json."
        )
    if method != "linear" and classes is None:
        raise BadWeightsError(
            f"A head of method {method!r} reads class probabilities, and this image tower has no "
            "classifier. Take method 'linear'."
        )
    linear = LinearHead(image, text, int(settings.get("joint", text)))
    if method == "linear":
        return linear
    conse = ConseHead(classes or 0, text, float(settings.get("power", 1.0)))
    return conse if method == "conse" else MixtureHead(conse, linear, float(settings["share"]))
