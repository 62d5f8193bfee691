"""One pair made ready: the tensors both towers read, the number to explain, and a count of what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor, nn
from torch.nn import functional

from workbench.attention.blocks import blocks_of, embedding_table, outputs_of
from workbench.attention.output_gate import hold_to
from workbench.attention.recorder import Call, Recorder, in_graph, recording
from workbench.attribution.targets import Target
from workbench.attribution.towers import Layout, layout_of, no_attention
from workbench.errors import BadInputError, Cancelled, UnsupportedError
from workbench.hooks import output_changed
from workbench.models.adapters.tower import TwoTower
from workbench.results import Event, OnEvent, ShouldStop
from workbench.runtime import batched, check_memory

__all__ = ["BYTES_A_WEIGHT", "LESS", "Case", "Options", "Pass", "in_parts"]

BYTES_A_WEIGHT = 16  # a weight of attention kept to be differentiated by: scores, softmax, two gradients
LESS = "Take 'occlusion' or 'kernel-shap', which keep no attention, a shorter text or a smaller picture."


@dataclass(frozen=True)
class Options:
    """What a method can be told; None is the method's own default.

    Attributes:
        layer: the one layer that is read. start_layer: the first of several.
        steps: of an integral. samples: of an estimate.
        fill: what stands in a removed patch: "mean", "blur", "white" or "black".
        seed: of what is random.

    Raises:
        BadInputError: a number of steps or samples, a batch size or a seed that is none, before any work.
    """

    layer: int | None = None
    start_layer: int | None = None
    steps: int | None = None
    samples: int | None = None
    fill: str = "mean"
    seed: int = 0
    batch_size: int = 64

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("samples", 1), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is None and name in ("steps", "samples"):
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise BadInputError(
                    f"{name}={value!r} was given; expected a whole number of at least {least}."
                )

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked for and is not the default; the seed is recorded by itself."""
        usual = Options()
        names = ("layer", "start_layer", "steps", "samples", "fill")
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(usual, name)}


@dataclass(frozen=True)
class Pass:
    """One differentiable pass of a tower.

    Attributes:
        features: item x feature.
        layers: its attention layers in order.
        hidden: block -> its output, item x token x width (image tower only).
    """

    features: Tensor
    layers: list[Call]
    hidden: list[Tensor]


class Case:
    """A picture, the texts of a target, and a model. Counts forwards and backwards of one item each."""

    def __init__(
        self,
        model: TwoTower,
        picture: Image,
        target: Target,
        *,
        on_event: OnEvent | None = None,
        should_stop: ShouldStop | None = None,
    ) -> None:
        self.model, self.picture, self.target = model, picture, target
        self.on_event, self.should_stop = on_event, should_stop
        self.forwards = self.backwards = 0
        self._watched: Tensor | None = None
        self.pixels = {name: value.detach() for name, value in model.pixels([picture]).items()}
        view = model.tokens(target.text)
        self.tokens, self.truncated = view.pieces, view.truncated
        self.words = model.words([target.text])
        padding = self.words["input_ids"].shape[1] - len(self.tokens)
        self.first = padding if padding > 0 and _pads_left(model) else 0

    @property
    def span(self) -> slice:
        """Where the tokens stand in the text tower's input; padding lies behind them, or before."""
        return slice(self.first, self.first + len(self.tokens))

    @cached_property
    def texts(self) -> Tensor:
        """text x feature: the target's texts, without gradients; the explained one first."""
        rows = []
        with torch.no_grad():
            for text in self.target.texts:
                rows.append(self.model.text_features(self.model.words([text])))
        self.forwards += len(rows)
        return torch.cat(rows)

    @cached_property
    def _plain(self) -> tuple[Tensor, list[Call]]:
        with torch.no_grad(), recording(self.model.image_tower, Recorder()) as plain:
            return self.image_features(self.pixels), plain.calls

    @property
    def image(self) -> Tensor:
        """1 x feature: the picture, without gradients; where it was watched, of that pass, as its map is."""
        return self._plain[0] if self._watched is None else self._watched

    @cached_property
    def score(self) -> float:
        """The target's value for the pair as it is."""
        with torch.no_grad():
            return float(self.value(self._plain[0]))

    def value(self, image: Tensor, text: Tensor | None = None) -> Tensor:
        """The target for each row.

        Args:
            image: item x feature (or 1 x feature). text: vectors of the explained text, item x feature,
                where it is that text that varies.

        Returns:
            item; in float32 or wider, differentiable.
        """
        texts = self.texts.float() if self.texts.dtype != torch.float64 else self.texts
        units = functional.normalize(texts, dim=-1)
        image = functional.normalize(image.to(units.dtype), dim=-1)
        first = units[:1] if text is None else functional.normalize(text.to(units.dtype), dim=-1)
        cosine = (image * first).sum(dim=-1)
        if self.target.kind == "similarity":
            return cosine
        model = self.model
        if self.target.kind == "logit":
            return model.scale * cosine + model.bias
        rest = image @ units[1:].T
        if self.target.kind == "contrast":
            return cosine - rest[:, 0]
        own = model.scale * cosine + model.bias
        if model.rule == "sigmoid":
            return functional.logsigmoid(own)
        others = model.scale * rest.expand(len(own), -1) + model.bias
        return own - torch.cat([own[:, None], others], dim=1).logsumexp(dim=1)

    def image_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x feature, counted."""
        self.forwards += len(next(iter(inputs.values())))
        return self.model.image_features(inputs)

    def text_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x feature, counted."""
        self.forwards += len(next(iter(inputs.values())))
        return self.model.text_features(inputs)

    def gradient(self, value: Tensor, *of: Tensor, keep: bool = False) -> tuple[Tensor, ...]:
        """d value.sum() / d each tensor; zeros where nothing depends on it."""
        self.backwards += value.numel()
        found = torch.autograd.grad(value.sum(), of, retain_graph=keep, allow_unused=True)
        return tuple(
            torch.zeros_like(tensor) if grad is None else grad for tensor, grad in zip(of, found, strict=True)
        )

    def image_pass(self) -> Pass:
        """The picture through its tower, with attention and block outputs in the graph.

        Raises:
            UnsupportedError: watched, the tower gives another vector than it does alone.
            BadInputError: it needs more memory than there is.
        """
        needed = BYTES_A_WEIGHT * sum(layer.size for layer in self._plain[1])
        check_memory(needed, self.image.device, "Attention with its gradients", LESS)
        inputs = dict(self.pixels)
        inputs["pixel_values"] = inputs["pixel_values"].clone().requires_grad_(torch.is_grad_enabled())
        with (
            outputs_of(*blocks_of(self.model.image_tower)) as hidden,
            in_parts(self.model.image_tower) as kept,
        ):
            features = self.image_features(inputs)
        hold_to([self._plain[0]], [features], "image tower")
        self._watched = features.detach()
        return Pass(features, kept.calls, hidden)

    def text_pass(self) -> Pass:
        """The explained text through its tower, with attention in the graph."""
        with self._embeddings_differentiable(), in_parts(self.model.text_tower) as kept:
            features = self.text_features(self.words)
        hold_to([self.texts[:1]], [features], "text tower")
        return Pass(features, [layer for layer in kept.calls if not layer.pools], [])

    @cached_property
    def layout(self) -> Layout:
        """How the image tower's tokens lie."""
        return layout_of(self.model, self.pixels, self._plain[1])

    @cached_property
    def has_tokens(self) -> bool:
        """Whether the image tower is a transformer over all patches at once."""
        return no_attention(self.model, self.pixels, self._plain[1]) is None

    @cached_property
    def word_embedding(self) -> nn.Module:
        """The table that the text tower looks its token ids up in."""
        ids = self.words["input_ids"]
        table = embedding_table(self.model.model, ids, lambda: self.text_features(self.words))
        if table is None:
            raise UnsupportedError(
                f"{self.model.card.name} does not look its tokens up in a table, so words have no gradient. "
                "Take 'occlusion' or 'kernel-shap' for its words."
            )
        return table

    @contextmanager
    def _embeddings_differentiable(self) -> Iterator[None]:
        if not torch.is_grad_enabled():
            yield
            return

        with output_changed(self.word_embedding, lambda rows: rows.detach().requires_grad_(True)):
            yield

    def read_row(self, found: Pass) -> int:
        """The row of the text tower that becomes the text's vector, found by what moves the score.

        Where all rows are read (a mean), -1.
        """
        last = found.layers[-1].weights
        (reads,) = self.gradient(self.value(self.image, found.features), last, keep=True)
        rows = torch.nonzero(reads.abs().sum(dim=(0, 1, 3))).flatten()
        return int(rows[0]) if len(rows) == 1 else -1

    def many(
        self, fn: Callable[[list[NDArray]], NDArray], rows: Sequence[NDArray], stage: str, size: int
    ) -> NDArray:
        """`fn` over batches of rows, with progress, cancelling and smaller batches when memory runs out."""
        parts = batched(
            fn,
            rows,
            batch_size=size,
            stage=stage,
            on_event=self.on_event,
            should_stop=self.should_stop,
        )
        return np.concatenate(list(parts))

    def tell(self, stage: str, done: int, total: int) -> None:
        """Progress; raises `Cancelled` if that was asked for."""
        if self.should_stop is not None and self.should_stop():
            raise Cancelled(f"Cancelled after {done} of {total} {stage}.")
        if self.on_event is not None:
            self.on_event(Event(stage, done, total))

    def need_gradients(self, method: str) -> None:
        """Refuse under `torch.no_grad()` and `torch.inference_mode()`.

        Raises:
            UnsupportedError: gradients are switched off.
        """
        if torch.is_inference_mode_enabled() or not torch.is_grad_enabled():
            off = "torch.inference_mode" if torch.is_inference_mode_enabled() else "torch.no_grad"
            raise UnsupportedError(
                f"{method} needs gradients, and {off}() is on here. Call attribute() outside of that block, "
                "or take a method without gradients: 'attention', 'rollout', 'occlusion', 'kernel-shap', "
                "'interactions'."
            )

    def need_words(self) -> None:
        """Refuse where the text is empty."""
        if not self.tokens:
            raise BadInputError("The target's text has no tokens left; give words such as 'a cat'.")


def in_parts(tower: nn.Module) -> AbstractContextManager[Recorder]:
    """Every attention inside is kept in the graph, with what it is computed from."""
    return recording(tower, in_graph(parts=True))


def _pads_left(model: TwoTower) -> bool:
    tokeniser = getattr(model, "tokeniser", None) or getattr(
        getattr(model.model, "text", None), "tokeniser", None
    )
    tokeniser = getattr(tokeniser, "tokenizer", tokeniser)
    return getattr(tokeniser, "padding_side", "right") == "left"
