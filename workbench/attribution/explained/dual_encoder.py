"""A pair in a dual encoder: the tensors both towers read, the target, their attention, and the cost."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.attention.blocks import blocks_of, outputs_of
from workbench.attention.output_gate import hold_to
from workbench.attention.recorder import Call, Recorder, recording
from workbench.attention.token_layout import TokenLayout
from workbench.attribution.explained.explained import (
    BYTES_A_WEIGHT,
    LESS,
    Counted,
    Differentiable,
    Scores,
    dressed,
)
from workbench.attribution.explained.image_tower import in_parts, layout_of, no_attention
from workbench.attribution.explained.masking import (
    default_cells,
    embedded_text,
    filling,
    free_tokens,
    shortened_texts,
    text_padding,
    word_embedding,
)
from workbench.attribution.explained.pair_attention import PairAttention, Pass, rows_read
from workbench.attribution.explained.pair_score import pair_score
from workbench.attribution.explained.picture_cells import Picture, picture_of_pair
from workbench.attribution.heatmap import Cost, Heatmap, is_flat
from workbench.attribution.method_interface import Maps, MethodCard, Options, as_array
from workbench.attribution.targets import Target
from workbench.data.pairs import Pair
from workbench.data.pairs_input import assumed_of
from workbench.errors import UnsupportedError
from workbench.hooks import output_changed
from workbench.models.adapters.tower import TwoTower
from workbench.models.base import DualEncoder
from workbench.results import OnEvent, Provenance, ShouldStop
from workbench.runtime import check_memory

__all__ = ["ExplainedPair"]


class ExplainedPair(Counted):
    """A picture, the texts of a target, and a dual encoder. Counts forwards and backwards of one item each.

    Attributes:
        pixels, words: name -> tensor, as the two towers read them.
        tokens: readable tokens of the explained text; `truncated` whether it was cut.
        first: index of the first of them in the text tower's input; padding stands before, or behind.
    """

    without_picture = ""

    def __init__(
        self,
        model: DualEncoder,
        picture: Any,
        target: Target,
        *,
        pair: Pair | None = None,
        on_event: OnEvent | None = None,
        should_stop: ShouldStop | None = None,
    ) -> None:
        if not isinstance(model, TwoTower):
            raise UnsupportedError(
                f"{type(model).__name__} is no dual encoder loaded by models.load; attribute() explains the "
                "similarity that one gives."
            )
        super().__init__(on_event, should_stop)
        self.model, self.picture, self.target, self.pair = model, picture, target, pair
        self._watched: Tensor | None = None
        self.pixels = {name: value.detach() for name, value in model.pixels([picture]).items()}
        view = model.tokens(target.text)
        self.tokens, self.truncated = view.pieces, view.truncated
        self.words = model.words([target.text])
        padding = self.words["input_ids"].shape[1] - len(self.tokens)
        self.first = padding if padding > 0 and _pads_left(model) else 0
        self.free_tokens = free_tokens(self.tokens)

    @property
    def span(self) -> slice:
        """Where the tokens stand in the text tower's input; padding lies behind them, or before."""
        return slice(self.first, self.first + len(self.tokens))

    @property
    def unmarked_text(self) -> NDArray[np.float64]:
        """Zeros: every text has tokens, if only marks."""
        return np.zeros(len(self.tokens))

    # The score -------------------------------------------------------------------------------

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
            image: item x feature (or 1 x feature).
            text: vectors of the explained text, item x feature, where it is that text that varies.

        Returns:
            item; in float32 or wider, differentiable.
        """
        return pair_score(self.model, self.target, self.texts, image, text)

    def image_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x feature, counted."""
        self.forwards += len(next(iter(inputs.values())))
        return self.model.image_features(inputs)

    def text_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x feature, counted."""
        self.forwards += len(next(iter(inputs.values())))
        return self.model.text_features(inputs)

    # Attention -------------------------------------------------------------------------------

    @cached_property
    def layout(self) -> TokenLayout:
        """How the image tower's tokens lie."""
        return layout_of(self.model, self.pixels, self._plain[1])

    @cached_property
    def has_tokens(self) -> bool:
        """Whether the image tower is a transformer over all patches at once."""
        return no_attention(self.model, self.pixels, self._plain[1]) is None

    def on_grid(self, values: Tensor) -> NDArray[Any]:
        """token values of the image tower as row x col of its patches."""
        return as_array(self.spread(values))

    def spread(self, values: Tensor) -> Tensor:
        """... x token -> ... x row x col, in the graph."""
        layout = self.layout
        return values[..., torch.from_numpy(layout.patches)].reshape(*values.shape[:-1], *self.grid)

    def image_pass(self) -> Pass:
        """The picture through its tower, with attention and block outputs in the graph.

        Raises:
            UnsupportedError: watched, the tower gives another vector than it does alone; or its tokens are
                none that a map could be laid on.
            BadInputError: it needs more memory than there is.
        """
        needed = BYTES_A_WEIGHT * sum(layer.size for layer in self._plain[1])
        check_memory(needed, self.image.device, "Attention with its gradients", LESS)
        inputs = dict(self.pixels)
        inputs["pixel_values"] = inputs["pixel_values"].clone().requires_grad_(torch.is_grad_enabled())
        tower = self.model.image_tower
        with outputs_of(*blocks_of(tower)) as hidden, in_parts(tower) as kept:
            features = self.image_features(inputs)
        hold_to([self._plain[0]], [features], "image tower")
        self._watched = features.detach()
        return Pass(features, kept.calls, self.layout, rows_read(self.layout), hidden)

    def text_pass(self) -> Pass:
        """The explained text through its tower, with attention in the graph.

        The row that becomes the text's vector is found by what moves the score; where it is not one, all are.
        """
        with self._embeddings_differentiable(), in_parts(self.model.text_tower) as kept:
            features = self.text_features(self.words)
        hold_to([self.texts[:1]], [features], "text tower")
        layers = [layer for layer in kept.calls if not layer.pools]
        count = layers[-1].key
        (reads,) = self.gradient(self.value(self.image, features), layers[-1].weights, keep=True)
        rows = torch.nonzero(reads.abs().sum(dim=(0, 1, 3))).flatten()
        layout = TokenLayout("text", count, words=tuple(self.tokens), first_word=self.first)
        return Pass(features, layers, layout, rows if len(rows) == 1 else torch.arange(count))

    @cached_property
    def attention(self) -> PairAttention:
        """Both towers' attention, with gradients."""
        image = self.image_pass()
        text = self.text_pass()

        def gradient(side: str, weights: Sequence[Tensor]) -> Sequence[Tensor]:
            value = self.value(image.features) if side == "image" else self.value(self.image, text.features)
            return self.gradient(value, *weights)

        return PairAttention(image, text, gradient)

    # Changed inputs --------------------------------------------------------------------------

    @cached_property
    def cells(self) -> Picture:
        """The picture's cells: the tower's patches, else 7 x 7 cells."""
        pixels = self.pixels["pixel_values"]
        grid = self.layout.grid if self.has_tokens else default_cells(*pixels.shape[-2:])
        assert grid is not None  # layout_of refused the other case
        return picture_of_pair(pixels, grid)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the picture's cells."""
        assert self.cells.grid is not None  # `cells` gave it one
        return self.cells.grid

    def filled(self, fill: str) -> Tensor:
        """The picture that shows through where cells are taken away, as the tower's input.

        Raises:
            BadInputError: no such fill.
        """
        other = filling(self.picture, fill)
        if other is not None:
            return self.model.pixels([other])["pixel_values"]
        pixels = self.pixels["pixel_values"]  # of packed patches some are padding, and no part of the mean
        return (picture_of_pair(pixels, (1, 1)) if pixels.ndim == 4 else self.cells).filled

    def masked_pixels(self, keep: NDArray[Any], filled: Tensor) -> dict[str, Tensor]:
        """The picture with only the cells in `keep` (item x row x col), the others as in `filled`."""
        cells = picture_of_pair(self.pixels["pixel_values"], (keep.shape[1], keep.shape[2]))
        kept = torch.from_numpy(np.ascontiguousarray(keep, dtype=np.float32)).flatten(1)
        return self._with_pixels(cells.kept(kept, filled))

    def masked_words(self, keep: NDArray[np.bool_]) -> dict[str, Tensor]:
        """The explained text without the tokens whose `keep` (item x token) is false; the gap is closed."""
        return shortened_texts(self.words, keep, self.first, self._padding)

    def picture_input(self, fill: str) -> Differentiable:
        """The picture's pixels, from a filled picture to this one."""

        def score(pixels: Tensor) -> Tensor:
            return self.value(self.image_features(self._with_pixels(pixels)))

        return Differentiable(self.pixels["pixel_values"], self.filled(fill), score, self.cells.summed)

    def text_input(self) -> Differentiable | None:
        """The text's embeddings, from padding in their place to what they are."""
        if not self.free_tokens:
            return None

        def score(count: int) -> Tensor:
            words = {name: value.expand(count, *value.shape[1:]) for name, value in self.words.items()}
            return self.value(self.image, self.text_features(words))

        ids, free = self.words["input_ids"], [self.first + index for index in self.free_tokens]
        return embedded_text(self._table, ids, free, self._padding, score, lambda found: found[self.span])

    def picture_scores(self, fill: str, batch_size: int) -> Scores:
        """For `keep` (item x cell): the target of each masked picture."""
        filled, grid = self.filled(fill), self.grid

        def score(keep: NDArray[Any]) -> Tensor:
            return self.value(self.image_features(self.masked_pixels(keep.reshape(-1, *grid), filled)))

        return self.scored(score, "masked pictures", batch_size)

    def text_scores(self, batch_size: int) -> Scores:
        """For `keep` (item x free token): the target of each shortened text."""

        def score(keep: NDArray[Any]) -> Tensor:
            full = np.ones((len(keep), len(self.tokens)), bool)
            full[:, list(self.free_tokens)] = keep > 0.5
            return self.value(self.image, self.text_features(self.masked_words(full)))

        return self.scored(score, "shortened texts", batch_size)

    def _with_pixels(self, pixels: Tensor) -> dict[str, Tensor]:
        rest = {name: value.expand(len(pixels), *value.shape[1:]) for name, value in self.pixels.items()}
        return rest | {"pixel_values": pixels}

    @property
    def _padding(self) -> int:
        tokeniser = _tokeniser(self.model)
        return text_padding(self.words["input_ids"][0], self.span, getattr(tokeniser, "tokenizer", tokeniser))

    @cached_property
    def _table(self) -> Any:
        ids = self.words["input_ids"]
        name = self.model.card.name
        return word_embedding(self.model.model, ids, lambda: self.text_features(self.words), name)

    @contextmanager
    def _embeddings_differentiable(self) -> Iterator[None]:
        if not torch.is_grad_enabled():
            yield
            return
        with output_changed(self._table, lambda rows: rows.detach().requires_grad_(True)):
            yield

    # A method's frame ------------------------------------------------------------------------

    @contextmanager
    def computing(self, card: MethodCard) -> Iterator[None]:
        """Gradients for attention are taken even where the caller has switched them off.

        Raises:
            UnsupportedError: the method itself needs gradients, and they are off.
        """
        on = torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        if "gradients" in card.needs and not on:
            off = "torch.inference_mode" if torch.is_inference_mode_enabled() else "torch.no_grad"
            raise UnsupportedError(
                f"{card.title} needs gradients, and {off}() is on here. Call attribute() outside of that "
                "block, or take a method without gradients: 'attention', 'rollout', 'occlusion', "
                "'kernel-shap', 'interactions'."
            )
        if "attention" in card.needs:
            with torch.inference_mode(False), torch.enable_grad():
                yield
        else:
            yield

    def heatmap(self, card: MethodCard, maps: Maps, options: Options, cost: Cost) -> Heatmap:
        """The maps with the pair, the picture as the model sees it, and what the reader must know."""
        target, model, pair = self.target, self.model, self.pair
        told = {"kind": target.kind, "text": target.text, "against": list(target.against)}
        key, precision = pair.key if pair is not None else "", {"precision": model.precision}
        origin = Provenance("attribute", model.card.name, model.weights_hash, key, precision)
        return dressed(
            card, maps, options, told, origin,
            target=target, score=self.score, tokens=tuple(self.tokens), notes=self._notes(card, maps),
            picture=np.asarray(model.preprocess_view(self.picture).convert("RGB"), np.uint8),
            cost=cost, pair=pair, live=weakref.ref(model),
        )  # fmt: skip

    def _notes(self, card: MethodCard, maps: Maps) -> tuple[str, ...]:
        notes = [*maps.notes, *(assumed_of(self.pair) if self.pair is not None else ())]
        if not card.uses_target:
            notes.append("the same for every text: it does not depend on the target")
        if self.truncated:
            notes.append(f"the text was cut at {len(self.tokens)} tokens")
        if maps.image is not None and is_flat(maps.image):
            notes.append("the map is flat: by this method no patch counts more than another")
        return tuple(notes)


def _tokeniser(model: TwoTower) -> Any:
    return getattr(model, "tokeniser", None)


def _pads_left(model: TwoTower) -> bool:
    tokeniser = _tokeniser(model) or getattr(getattr(model.model, "text", None), "tokeniser", None)
    tokeniser = getattr(tokeniser, "tokenizer", tokeniser)
    return getattr(tokeniser, "padding_side", "right") == "left"
