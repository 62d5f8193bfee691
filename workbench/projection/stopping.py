"""A model that stops early: some blocks of each tower run, the tower's own head reads what is there."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from workbench.errors import UnsupportedError

__all__ = ["StoppedModel", "StoppedRef", "blocks_of", "check_alike"]

_REMEDY = "Models with transformers as both towers can, such as 'emoji-clip'."


class StoppedModel:
    """`model` with only the first `blocks` of its image and text towers; everything else is the model's.

    It encodes into a space of its own, so its weights have a name of their own. The model itself is
    stopped only while this one encodes, and only for the thread that asked.
    """

    def __init__(self, model: Any, blocks: tuple[int, int]) -> None:
        self._model = model
        self._blocks = blocks

    @property
    def weights_hash(self) -> str:
        """The model's, and how many blocks run."""
        return f"{self._model.weights_hash}, {self._blocks[0]} and {self._blocks[1]} blocks"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._model, name)

    def encode_images(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """Unit vectors, item x feature, as the head reads them from the first blocks."""
        with _stopped_after(blocks_of(self._model, "image"), self._blocks[0]):
            return cast("NDArray[np.float32]", self._model.encode_images(pictures))

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, item x feature, as the head reads them from the first blocks."""
        with _stopped_after(blocks_of(self._model, "text"), self._blocks[1]):
            return cast("NDArray[np.float32]", self._model.encode_texts(texts))


class StoppedRef:
    """A weak reference to a model that gives it stopped; None once the model is gone."""

    def __init__(self, model: Any, blocks: tuple[int, int]) -> None:
        self._model = weakref.ref(model)
        self._blocks = blocks

    def __call__(self) -> StoppedModel | None:
        """The model, stopped."""
        model = self._model()
        return None if model is None else StoppedModel(model, self._blocks)


def blocks_of(model: Any, side: str) -> Sequence[Any]:
    """The stack of equal blocks in a tower.

    Raises:
        UnsupportedError: the tower is no such stack (most convolutional ones are not).
    """
    from workbench.attention.blocks import blocks_of as found_in  # needs torch, which importing this does not

    tower = getattr(model, f"{side}_tower", None)
    blocks = [] if tower is None else found_in(tower)
    if len(blocks) < 2:
        raise UnsupportedError(
            f"The {side} tower of {model.card.name!r} is no stack of equal blocks, so it cannot be stopped "
            f"between two of them. {_REMEDY}"
        )
    return blocks


def check_alike(model: Any, side: str, run: Callable[[], object]) -> None:
    """Refuse a tower whose blocks do not all hand on the same shape: the head cannot read the first ones.

    Args:
        model: with two towers.
        side: "image" or "text".
        run: a pass of one item through that tower.

    Raises:
        UnsupportedError: they do not, as the stages of ConvNeXt and Swin, which halve the picture.
    """
    import torch

    from workbench.attention.blocks import outputs_of

    with torch.no_grad(), outputs_of(*blocks_of(model, side)) as given:
        run()
    shapes = list(dict.fromkeys(tuple(one.shape[1:]) for one in given))
    if len(shapes) > 1:
        told = ", then ".join(" x ".join(map(str, shape)) for shape in (shapes[0], shapes[-1]))
        raise UnsupportedError(
            f"The blocks of the {side} tower of {model.card.name!r} hand on other shapes ({told}), so what "
            f"the first ones give cannot be read by its head. {_REMEDY}"
        )


def _stopped_after(blocks: Sequence[Any], kept: int) -> AbstractContextManager[None]:
    from workbench.attention.blocks import stopped_after

    return stopped_after(blocks, kept)
