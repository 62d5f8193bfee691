"""`Explained`: what every method is written against; and what both kinds of it share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.attribution.explained.attention_pass import AttentionPass
from workbench.attribution.heatmap import Cost, Heatmap
from workbench.attribution.method_interface import Maps, MethodCard, Options
from workbench.attribution.targets import Target
from workbench.errors import Cancelled
from workbench.results import Event, OnEvent, Provenance, ShouldStop
from workbench.runtime import batched

__all__ = ["BYTES_A_WEIGHT", "LESS", "Counted", "Differentiable", "Explained", "Scores", "dressed"]

BYTES_A_WEIGHT = 16  # a weight of attention kept to be differentiated by: scores, softmax, two gradients
LESS = "Take 'occlusion' or 'kernel-shap', which keep no attention, a shorter text or a smaller picture."

Scores = Callable[[NDArray], NDArray]
"""keep (item x player, 1 or 0) -> the explained score of each item with only those players."""


@dataclass(frozen=True)
class Differentiable:
    """An input on the way from a baseline to what it is: the picture's pixels, or the text's embeddings.

    Attributes:
        given: the input, one item.
        baseline: of the same shape: the filled picture; padding in the place of every word.
        score: from inputs (item x ...) to the explained score of each, differentiable.
        collect: from values of the input's numbers (without the item's axis) to row x col of the picture's
            cells, or to one value for each token of the text.
    """

    given: Tensor
    baseline: Tensor
    score: Callable[[Tensor], Tensor]
    collect: Callable[[Tensor], NDArray[Any]]


@runtime_checkable
class Explained(Protocol):
    """A model with its inputs, and one scalar that it gives them. A method needs to know nothing else.

    Attributes:
        model: what was given to `attribute`.
        forwards, backwards: passes of one item so far; whoever makes some counts them.
        target: the scalar in words.
        tokens: the explained text's readable tokens; () without a text.
        free_tokens: indices in `tokens` of those that can be left out: no marks of the tokeniser.
        grid: rows and columns of the cells that the picture can be masked by; None where it has none.
        without_picture: why a picture that was given has no cells, or ""; in words.
        unmarked_text: what stands for the text where none of its tokens can be left out.
        score: the scalar for the inputs as they are.
        attention: of one pass, with gradients.
    """

    forwards: int
    backwards: int

    @property
    def model(self) -> Any:
        """What was given to `attribute`."""
        ...

    @property
    def target(self) -> Target:
        """The scalar in words."""
        ...

    @property
    def tokens(self) -> Sequence[str]:
        """The explained text's readable tokens."""
        ...

    @property
    def free_tokens(self) -> Sequence[int]:
        """Indices in `tokens` of those that can be left out."""
        ...

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the picture's cells."""
        ...

    @property
    def without_picture(self) -> str:
        """Why a picture has no cells."""
        ...

    @property
    def unmarked_text(self) -> NDArray[Any] | None:
        """What stands for a text of which nothing can be left out."""
        ...

    @property
    def score(self) -> float:
        """The scalar for the inputs as they are."""
        ...

    @property
    def attention(self) -> AttentionPass:
        """The attention of one pass, with gradients."""
        ...

    def picture_input(self, fill: str) -> Differentiable | None:
        """The picture and its filled baseline; None without cells."""
        ...

    def text_input(self) -> Differentiable | None:
        """The text's embeddings and those of padding; None where no token can be left out."""
        ...

    def picture_scores(self, fill: str, batch_size: int) -> Scores:
        """For `keep` (item x cell): the score of each masked picture. Asked for where `grid` is not None."""
        ...

    def text_scores(self, batch_size: int) -> Scores:
        """For `keep` (item x free token): the score of each shortened text."""
        ...

    def computing(self, card: MethodCard) -> AbstractContextManager[Any]:
        """Gradients on for a method that needs them.

        Raises:
            UnsupportedError: they are switched off, and cannot be had.
        """
        ...

    def heatmap(self, card: MethodCard, maps: Maps, options: Options, cost: Cost) -> Heatmap:
        """A method's maps with all that belongs to them, as a `Heatmap`."""
        ...

    def gradient(self, value: Tensor, *of: Tensor, keep: bool = False) -> tuple[Tensor, ...]:
        """d value.sum() / d each tensor, counted; zeros where nothing depends on it."""
        ...

    def tell(self, stage: str, done: int, total: int) -> None:
        """Progress; raises `Cancelled` if that was asked for."""
        ...


class Counted:
    """Passes counted, progress told, work cut into batches: alike for everything that is explained."""

    def __init__(self, on_event: OnEvent | None, should_stop: ShouldStop | None) -> None:
        self.on_event, self.should_stop = on_event, should_stop
        self.forwards = self.backwards = 0

    def many(
        self, fn: Callable[[list[NDArray]], NDArray], rows: Sequence[NDArray], stage: str, size: int
    ) -> NDArray:
        """`fn` over batches of rows, with progress, cancelling and smaller batches when memory runs out."""
        parts = batched(
            fn, rows, batch_size=size, stage=stage, on_event=self.on_event, should_stop=self.should_stop
        )
        return np.concatenate(list(parts))

    def tell(self, stage: str, done: int, total: int) -> None:
        """Progress; raises `Cancelled` if that was asked for."""
        if self.should_stop is not None and self.should_stop():
            raise Cancelled(f"Cancelled after {done} of {total} {stage}.")
        if self.on_event is not None:
            self.on_event(Event(stage, done, total))

    def gradient(self, value: Tensor, *of: Tensor, keep: bool = False) -> tuple[Tensor, ...]:
        """d value.sum() / d each tensor; zeros where nothing depends on it."""
        self.backwards += value.numel()
        found = torch.autograd.grad(value.sum(), of, retain_graph=keep, allow_unused=True)
        return tuple(
            torch.zeros_like(tensor) if grad is None else grad for tensor, grad in zip(of, found, strict=True)
        )

    def scored(self, score: Callable[[NDArray[Any]], Tensor], stage: str, batch_size: int) -> Scores:
        """`score` (of one batch of `keep`) over all rows of `keep`, in double, without gradients."""

        def batch(rows: list[NDArray[Any]]) -> NDArray[np.float64]:
            with torch.no_grad():
                return score(np.stack(rows)).double().cpu().numpy()

        return lambda keep: self.many(batch, list(keep), stage, batch_size)


def dressed(
    card: MethodCard, maps: Maps, options: Options, asked: dict[str, Any], origin: Provenance, **own: Any
) -> Heatmap:
    """A method's maps as a `Heatmap`.

    Args:
        asked: the target as it is recorded.
        origin: model and data; the call's parameters are put in here.
        own: fields that only what is explained knows.
    """
    parameters = {
        "method": card.name, "target": asked, "layer": maps.layer, "start_layer": maps.start_layer,
        "steps": options.steps, "samples": options.samples, "fill": options.fill, "asked": options.asked,
    }  # fmt: skip
    arrays: dict[str, Any] = {
        side: None if (values := getattr(maps, side)) is None else np.asarray(values, np.float32)
        for side in ("image", "text", "pairs")
    }
    return Heatmap(
        method=card.name,
        title=card.title,
        signed=card.signed,
        layer=maps.layer,
        start_layer=maps.start_layer,
        provenance=replace(origin, parameters=parameters | dict(origin.parameters), seed=options.seed),
        **arrays,
        **own,
    )
