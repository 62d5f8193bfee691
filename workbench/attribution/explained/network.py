"""Any model but a dual encoder: its inputs, the scalar that is explained, its attention in the graph."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.attention.output_gate import hold_to, tensors_in
from workbench.attention.patch_grids import pictures_in
from workbench.attention.recorder import Recorder, in_graph, recording
from workbench.attention.site_naming import sites_of
from workbench.attention.subject import Subject, kind_of
from workbench.attribution.explained.explained import (
    BYTES_A_WEIGHT,
    LESS,
    Counted,
    Differentiable,
    Scores,
    dressed,
)
from workbench.attribution.explained.masking import embedded_text, free_tokens, padding_id, word_embedding
from workbench.attribution.explained.network_attention import NetworkAttention
from workbench.attribution.explained.network_inputs import (
    answer_inside,
    as_mapping,
    given_to,
    gradients_in_no_grad,
    one_choice,
    real_tokens,
)
from workbench.attribution.explained.output_target import OutputTarget, Text, output_target
from workbench.attribution.explained.picture_cells import Picture, picture_among
from workbench.attribution.explained.tokens_on_picture import TokensOnPicture
from workbench.attribution.heatmap import Cost, Heatmap, is_flat
from workbench.attribution.method_interface import Maps, MethodCard, Options, as_array
from workbench.attribution.targets import Output, Target
from workbench.capture.inputs import answer_of, subjects_of
from workbench.errors import BadInputError, UnsupportedError
from workbench.hooks import evaluated, hooked
from workbench.results import OnEvent, Provenance, ShouldStop
from workbench.runtime import check_memory

__all__ = ["ExplainedNetwork"]

_MASKS = ("[MASK]", "<mask>", "[mask]")


class ExplainedNetwork(Counted):
    """A model of transformers, timm or torchvision with one item's inputs.

    Attributes:
        inputs: name -> tensor, item first.
        sites: its attentions in one pass, in order.
        number: the scalar that is explained: how it is read from an output, and its name.
    """

    unmarked_text = None

    def __init__(
        self,
        model: nn.Module,
        inputs: Any,
        wanted: Output,
        words: Sequence[str] = (),
        *,
        on_event: OnEvent | None = None,
        should_stop: ShouldStop | None = None,
    ) -> None:
        super().__init__(on_event, should_stop)
        self.model, self.wanted = model, wanted
        given = one_choice(model, given_to(model, inputs), wanted.index)
        self.subject: Subject = subjects_of(model, dict(given.tensors), words)[0]
        self.given = given.with_items()
        self.inputs = dict(self.given.tensors)
        recorder = Recorder()
        with torch.no_grad(), evaluated(model), recording(model, recorder):
            self._plain = self._output(self.inputs)
        self.sites = tuple(sites_of(self.subject, recorder.calls))
        self.number: OutputTarget = output_target(model, self._plain, wanted, self.counted)

    # The score -------------------------------------------------------------------------------

    @property
    def target(self) -> Target:
        """The scalar in words."""
        return self.number.target

    @cached_property
    def score(self) -> float:
        """The scalar for the inputs as they are."""
        return float(self.number.of(self._plain)[0])

    def values(self, changed: Mapping[str, Tensor]) -> Tensor:
        """The scalar of each item; what is not in `changed` (item x ...) stays as it is."""
        count = len(next(iter(changed.values())))
        # Not expanded: some models look at a tensor in another shape, which it must lie in one piece for.
        rest = {name: value.repeat(count, *[1] * (value.ndim - 1)) for name, value in self.inputs.items()}
        with evaluated(self.model), gradients_in_no_grad(), recording(self.model, Recorder()):
            return self.number.of(self._output({**rest, **changed}))

    @cached_property
    def attention(self) -> NetworkAttention:
        """A pass with attention in the graph, held against the plain one.

        Raises:
            UnsupportedError: no attention can be read, or reading it would change the output.
        """
        if not self.sites:
            raise UnsupportedError(
                f"{type(self.model).__name__} has no attention that could be read: no call of "
                "scaled-dot-product attention, no softmax inside a module named after attention. Take "
                "'occlusion' or 'integrated-gradients', or load it with attn_implementation='sdpa' or "
                "'eager'."
            )
        needed = BYTES_A_WEIGHT * sum(site.values for site in self.sites)
        check_memory(needed, next(iter(self.inputs.values())).device, "Attention with its gradients", LESS)
        recorder = in_graph()
        with (
            torch.enable_grad(),
            evaluated(self.model),
            gradients_in_no_grad(),
            recording(self.model, recorder),
        ):
            output = self._output(self.inputs)
        if len(recorder.calls) != len(self.sites):
            raise UnsupportedError(
                f"Two passes of the same input went through {len(self.sites)} and {len(recorder.calls)} "
                "attention layers, so there is no one map to read. Take a method without attention: "
                "'occlusion', 'integrated-gradients'."
            )
        hold_to(tensors_in(self._plain), tensors_in(output), self.subject.name)
        values = [call.weights for call in recorder.calls]
        number = self.number.of(output).sum()
        asked = [one for one in values if one.requires_grad]
        if not number.requires_grad or not asked:
            raise UnsupportedError(
                f"{type(self.model).__name__} cuts its number off from its attention (it computes without "
                "gradients), so no attention can be weighted by them. Take 'occlusion' or 'kernel-shap'."
            )
        self.backwards += 1
        found = iter(torch.autograd.grad(number, asked, allow_unused=True))
        slopes = [
            torch.zeros_like(one) if slope is None else slope
            for one, slope in ((one, next(found) if one.requires_grad else None) for one in values)
        ]
        return NetworkAttention(
            {site: one.detach()[0] for site, one in zip(self.sites, values, strict=True)},
            {site: one[0] for site, one in zip(self.sites, slopes, strict=True)},
            decodes=self.decodes,
            laid=self.grid is not None,
            text_count=self.subject.text_count,
            on_patches=self.laid.of_patches,
            on_words=self.laid.of_words,
        )

    # Patches and words -----------------------------------------------------------------------

    @cached_property
    def seen(self) -> Picture | None:
        """The picture among the inputs, with its cells."""
        grids = [one.grid for site in self.sites for one in (site.key, site.query) if one.grid is not None]
        if self.given.kept is not None:  # a masked autoencoder attends to some patches only
            grids = [one.grid for one in pictures_in(self.model, self.inputs)]
        return picture_among(self.model, self.inputs, grids[0] if grids else None)

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of what the picture is cut into; regions of a detector lie in one row."""
        return None if self.seen is None else self.seen.grid

    @cached_property
    def laid(self) -> TokensOnPicture:
        """Which token holds which cell of the picture, and which word."""
        return TokensOnPicture(
            self.model,
            self._run_with,
            self.sites,
            self.subject,
            self.seen,
            self.given.kept,
            self.token_indices,
        )

    def _run_with(self, pixels: Tensor) -> None:
        assert self.seen is not None  # asked for a picture only
        with evaluated(self.model), recording(self.model, Recorder()):
            self._output({**self.inputs, self.seen.name: pixels})

    @property
    def without_picture(self) -> str:
        """Why a picture that was given has no map here; "" where none was given."""
        return self.laid.without_picture

    @cached_property
    def decodes(self) -> bool:
        """Whether a decoder writes tokens of its own, beside those that an encoder reads."""
        config = getattr(self.model, "config", None)
        said = bool(getattr(config, "is_encoder_decoder", False)) or answer_inside(self.model) is not None
        return said or any(name.startswith("decoder_input") for name in self.inputs)

    @property
    def written(self) -> Tensor | None:
        """item x place: what the decoder is given as written so far, or None."""
        if not self.decodes:
            return None
        ids = self.inputs.get("decoder_input_ids", self.inputs.get("labels"))
        rows = self.inputs.get("decoder_inputs_embeds")
        if ids is None and rows is not None:
            return torch.ones(rows.shape[:2], dtype=torch.long)
        return ids if ids is not None and ids.ndim == 2 and not ids.is_floating_point() else None

    @cached_property
    def counted(self) -> Text:
        """The tokens that the model's scores count: those of its decoder, where it has one."""
        marks = [place for place, word in zip(self.token_indices, self.tokens, strict=True) if word in _MASKS]
        padded, count = set(self.subject.padded), self.subject.text_count
        real = tuple(place for place in range(count) if place not in padded)
        config = getattr(self.model, "config", None)
        ids = self.written
        if ids is not None:
            count, real = (
                int(ids.shape[1]),
                real_tokens(ids[0], self.inputs.get("decoder_attention_mask"), config),
            )
        return Text(count, real, tuple(marks), self.given.choice)

    @cached_property
    def token_indices(self) -> tuple[int, ...]:
        """Indices in the text of its tokens that are no padding, and no tokens of a picture."""
        others = {*self.subject.padded, *self.subject.placeholders}
        return tuple(place for place in range(self.subject.text_count) if place not in others)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """What each of `token_indices` is called: a word where words were given, else its number."""
        words = self.subject.words
        if len(words) == self.subject.text_count:
            return tuple(words[place] for place in self.token_indices)
        return tuple(words) or tuple(f"token {place}" for place in self.token_indices)

    @property
    def free_tokens(self) -> tuple[int, ...]:
        """Which of `tokens` can be left out: not the marks that every text has."""
        return free_tokens(self.tokens)

    @cached_property
    def picture(self) -> NDArray[np.uint8] | None:
        """The picture as the model sees it, stretched over 0 to 255; None where it sees none."""
        pixels = self.inputs.get("pixel_values")
        if pixels is None or pixels.ndim < 4 or pixels.shape[-3] != 3 or not pixels.is_floating_point():
            return None
        shown = as_array(pixels.flatten(0, -4)[0].permute(1, 2, 0))
        low, high = float(shown.min()), float(shown.max())
        return np.asarray(255 * (shown - low) / max(high - low, 1e-12), np.uint8)

    # Changed inputs --------------------------------------------------------------------------

    def picture_input(self, fill: str) -> Differentiable | None:
        """The picture, from one of one colour to this one; None without cells."""
        picture = self._masked(fill)
        if picture is None:
            return None

        def score(pixels: Tensor) -> Tensor:
            # Pixels that the model cuts off from its score have no gradient, which is 0 and no error.
            return self.values({picture.name: pixels}) + 0 * pixels.flatten(1).sum(dim=1)

        return Differentiable(picture.given, picture.filled, score, picture.summed)

    def text_input(self) -> Differentiable | None:
        """The words' rows of the embedding table, from the row of padding; None without words or ids."""
        ids = self.inputs.get("input_ids")
        if not self.free_tokens or ids is None:
            return None
        table = word_embedding(self.model, ids, lambda: self.values({"input_ids": ids}), kind_of(self.model))
        config = getattr(self.model, "config", None)
        padding = padding_id(config, getattr(config, "text_config", None), table=table)
        free, mine = [self.token_indices[one] for one in self.free_tokens], list(self.token_indices)

        def score(count: int) -> Tensor:
            return self.values({"input_ids": ids.expand(count, -1)})

        return embedded_text(table, ids, free, padding, score, lambda found: found[mine])

    def picture_scores(self, fill: str, batch_size: int) -> Scores:
        """For `keep` (item x cell): the score of each picture with the other cells of one colour."""
        picture = self._masked(fill)
        assert picture is not None  # asked for a picture with cells only

        def score(keep: NDArray[Any]) -> Tensor:
            kept = torch.from_numpy(np.array(keep, np.float32))
            return self.values({picture.name: picture.kept(kept)})

        return self.scored(score, "masked pictures", batch_size)

    def text_scores(self, batch_size: int) -> Scores:
        """For `keep` (item x free token): the score where no token attends to the other words."""
        ids = self.inputs["input_ids"]
        plain = self.inputs.get("attention_mask", torch.ones_like(ids))
        free = [self.token_indices[one] for one in self.free_tokens]

        def score(keep: NDArray[Any]) -> Tensor:
            mask = plain.expand(len(keep), -1).clone()
            kept = torch.from_numpy(np.array(keep, np.float32))
            mask[:, free] = mask[:, free] * kept.to(mask.device, mask.dtype)
            return self.values({"attention_mask": mask})

        return self.scored(score, "shortened texts", batch_size)

    def _masked(self, fill: str) -> Picture | None:
        """The picture, where it has cells to be told apart."""
        if fill != "mean" and self.seen is not None:
            raise BadInputError(
                f"fill is {fill!r}; a model given its processor's tensors knows no white and no black. Leave "
                "fill at 'mean'."
            )
        return self.seen if self.grid is not None else None

    # A method's frame ------------------------------------------------------------------------

    @contextmanager
    def computing(self, card: MethodCard) -> Iterator[None]:
        """Gradients on, even where the caller has switched them off.

        Raises:
            UnsupportedError: the method needs them, or attention, whose rows are found by them, under
                `torch.inference_mode`.
        """
        if {"attention", "gradients"} & set(card.needs) and torch.is_inference_mode_enabled():
            raise UnsupportedError(
                f"{card.title} needs gradients, and torch.inference_mode() is on here. Call attribute() "
                "outside of that block, or take 'occlusion' or 'kernel-shap'."
            )
        with torch.enable_grad():
            yield

    def heatmap(self, card: MethodCard, maps: Maps, options: Options, cost: Cost) -> Heatmap:
        """The maps with the picture as the model sees it, and what the reader must know.

        Raises:
            UnsupportedError: there is no map, or none of finite numbers.
        """
        if maps.image is None and maps.text is None:
            held = ", ".join(self.inputs)
            why = self.without_picture or f"{held} hold neither a picture nor words that it could mark"
            advice = "" if card.name == "occlusion" or self.grid is None else " Take 'occlusion'."
            why = why.removeprefix("no map of the picture: ")
            raise UnsupportedError(f"{card.title} gives no map here: {why}.{advice}")
        if not all(np.isfinite(part).all() for part in (maps.image, maps.text) if part is not None):
            raise UnsupportedError(
                f"{card.title} gives values here that are no finite numbers; in half precision a sum "
                "overflows. Load the model in float32."
            )
        told = {"kind": "output", "text": self.target.text, **vars(self.wanted)}
        return dressed(
            card, maps, options, told, Provenance("attribute", kind_of(self.model)),
            target=self.target, score=self.score, tokens=self.tokens if maps.text is not None else (),
            picture=self.picture, notes=self._notes(card, maps), cost=cost, live=weakref.ref(self.model),
        )  # fmt: skip

    def _notes(self, card: MethodCard, maps: Maps) -> tuple[str, ...]:
        notes = [*maps.notes, *([self.number.note] if self.number.note else [])]
        if not card.uses_target:
            notes.append(
                "the same for every target of the same token: it does not depend on the number's value"
            )
        if maps.image is None and self.without_picture:
            notes.append(self.without_picture)
        if self.given.kept is not None and self.grid is not None:
            left_out = self.grid[0] * self.grid[1] - len(self.given.kept)
            notes.append(f"{left_out} patches are masked, so the model does not see them: their value is 0")
        if self.written is not None and card.uses_target:
            notes.append("what the decoder has written itself is no part of the map")
        if self.token_indices and not self.subject.words:
            notes.append("the tokens have no names; give words=tokenizer.convert_ids_to_tokens(ids)")
        values = maps.image if maps.image is not None else maps.text
        if values is not None and is_flat(values):
            notes.append("the map is flat: by this method nothing counts more than another")
        return tuple(notes)

    def _output(self, inputs: Mapping[str, Tensor]) -> Any:
        self.forwards += len(next(iter(inputs.values())))
        inside, scores = answer_inside(self.model), []
        with ExitStack() as stack:
            if inside is not None:
                stack.enter_context(hooked(inside, after=lambda _, __, out: scores.append(out["logits"])))
            output = answer_of(self.model, self.given.arguments(inputs))
        return as_mapping(self.model, output, scores[-1] if scores else None)
