"""A model explained as a whole: its inputs, the number that is explained, its attention in the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.attention.blocks import block_of
from workbench.attention.output_gate import hold_to, tensors_in
from workbench.attention.recorder import Recorder, in_graph, recording
from workbench.attention.site_naming import sites_of
from workbench.attention.sites import Site
from workbench.attention.subject import Subject
from workbench.attention.token_layout import TokenLayout, is_mark
from workbench.attribution.case import BYTES_A_WEIGHT, LESS
from workbench.attribution.inputs import answer_inside, as_mapping, given_to, one_choice
from workbench.attribution.maps import as_array
from workbench.attribution.numbers import Number, Text, number_of
from workbench.attribution.targets import Output
from workbench.attribution.whole_picture import Picture, cells_of_tokens, picture_among
from workbench.capture.inputs import answer_of, subjects_of
from workbench.errors import Cancelled, UnsupportedError
from workbench.hooks import evaluated, hooked, stand_in
from workbench.results import Event, OnEvent, ShouldStop
from workbench.runtime import check_memory

__all__ = ["Graph", "Whole"]

_MASKS = ("[MASK]", "<mask>", "[mask]")


@dataclass(frozen=True)
class Graph:
    """One pass in which attention can be differentiated by: site -> head x query x key, and the gradients."""

    attention: Mapping[Site, Tensor]
    gradient: Mapping[Site, Tensor]

    def rows_read(self, site: Site) -> Tensor:
        """Places of the queries on which the number depends."""
        return torch.nonzero(self.gradient[site].abs().sum(dim=(0, 2))).flatten()


class Whole:
    """A model of transformers with one item's inputs. Counts forwards and backwards of one item each."""

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
        self.model, self.on_event, self.should_stop = model, on_event, should_stop
        self.forwards = self.backwards = 0
        self.wanted = wanted
        given = one_choice(model, given_to(model, inputs), wanted.index)
        self.subject: Subject = subjects_of(model, dict(given.tensors), words)[0]
        self.given = given.with_items()
        self.inputs = dict(self.given.tensors)
        recorder = Recorder()
        with torch.no_grad(), evaluated(model), recording(model, recorder):
            self._plain = self._output(self.inputs)
        self.sites = tuple(sites_of(self.subject, recorder.calls))
        self.number: Number = number_of(model, self._plain, wanted, self.counted)

    # The number ------------------------------------------------------------------------------

    @cached_property
    def score(self) -> float:
        """The number for the inputs as they are."""
        return float(self.number.of(self._plain)[0])

    def values(self, changed: Mapping[str, Tensor]) -> Tensor:
        """The number of each item; what is not in `changed` (item x ...) stays as it is."""
        count = len(next(iter(changed.values())))
        # Not expanded: some models look at a tensor in another shape, which it must lie in one piece for.
        rest = {name: value.repeat(count, *[1] * (value.ndim - 1)) for name, value in self.inputs.items()}
        with evaluated(self.model), _differentiable(), recording(self.model, Recorder()):
            return self.number.of(self._output({**rest, **changed}))

    @cached_property
    def graph(self) -> Graph:
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
        with torch.enable_grad(), evaluated(self.model), _differentiable(), recording(self.model, recorder):
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
        attention = {site: one.detach()[0] for site, one in zip(self.sites, values, strict=True)}
        return Graph(attention, {site: one[0] for site, one in zip(self.sites, slopes, strict=True)})

    # Patches and words -----------------------------------------------------------------------

    @cached_property
    def seen(self) -> Picture | None:
        """The picture among the inputs, with its cells."""
        grids = [one.grid for site in self.sites for one in (site.key, site.query) if one.grid is not None]
        config = getattr(self.model, "config", None)
        side = None if self.given.kept is None or config is None else int(config.patch_size)
        return picture_among(self.inputs, config, grids[0] if grids else None, side)

    @property
    def patches(self) -> tuple[int, int] | None:
        """Rows and columns of what the picture is cut into; regions of a detector lie in one row."""
        return None if self.seen is None else self.seen.grid

    @cached_property
    def merged(self) -> tuple[tuple[int, int], NDArray[np.int64]] | None:
        """For a picture whose tokens stand among the words of a language model without a grid of their own:
        the grid of its cells, and the token of each cell. None where a token does not hold one cell.
        """
        picture, places = self.seen, self.subject.placeholders
        if picture is None or picture.grid is None or not places:
            return None
        rows, cols = picture.grid
        side = round((rows * cols / len(places)) ** 0.5)
        if side < 1 or rows % side or cols % side or rows * cols != len(places) * side**2:
            return None
        grid = rows // side, cols // side
        path = next((block_of(one.path) for one in self.sites if one.key.side == "joint"), "")
        if not path:
            return None
        holds = cells_of_tokens(self.model, self._run_with, picture, grid, self.model.get_submodule(path))
        if holds is None:
            return None
        holds = holds[list(places)]
        each = sorted(holds.tolist()) == list(range(len(places)))
        return (grid, np.array(places)[np.argsort(holds)]) if each else None

    @cached_property
    def _own_places(self) -> dict[tuple[int, tuple[int, int]], NDArray[np.int64] | None]:
        return {}

    def patch_places(self, layout: TokenLayout) -> NDArray[np.int64] | None:
        """Where the patches of the picture stand among its tower's tokens, row by row. Where several tokens
        that are none stand among them (registers, a detector's queries), that is found out; None if it
        cannot be told.
        """
        assert layout.grid is not None  # asked for a sequence with patches only
        others = layout.count - layout.patch_count
        if self.subject.placeholders or self.seen is None or (others < 2 and layout.side == "image"):
            return layout.patches
        known = layout.count, layout.grid
        if known not in self._own_places:
            site = next(
                one for one in self.sites if (one.key.count, one.key.side) == (layout.count, layout.side)
            )
            reader = self.model.get_submodule(block_of(site.path) or site.path)
            holds = cells_of_tokens(self.model, self._run_with, self.seen, layout.grid, reader)
            places: NDArray[np.int64] | None = layout.patches
            if holds is not None and len(holds) == layout.count:
                places = np.flatnonzero(holds != -1)
                each = sorted(holds[places].tolist()) == list(range(layout.patch_count))
                places = places[np.argsort(holds[places])] if each else None
            self._own_places[known] = places
        return self._own_places[known]

    def _run_with(self, pixels: Tensor) -> None:
        assert self.seen is not None  # asked for a picture only
        with evaluated(self.model), recording(self.model, Recorder()):
            self._output({**self.inputs, self.seen.name: pixels})

    @property
    def without_picture(self) -> str:
        """Why a picture that was given has no map here; "" where none was given."""
        if self.seen is None:
            return ""
        count = len(self.subject.placeholders)
        pieces = 1 + max((len(end.more) for one in self.sites for end in (one.key, one.query)), default=0)
        why = self.seen.why or (
            f"its tokens are of {pieces} tiles or pictures, which no one grid holds"
            if pieces > 1
            else f"the model's {count} tokens of it do not stand for one part of it each" if count
            else "no attention that the number depends on reads tokens that could be laid on the picture"
        )  # fmt: skip
        return f"no map of the picture: {why}"

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
        marks = [place for place, word in zip(self.places, self.tokens, strict=True) if word in _MASKS]
        padded, count = set(self.subject.padded), self.subject.text_count
        real = tuple(place for place in range(count) if place not in padded)
        config = getattr(self.model, "config", None)
        ids = self.written
        if ids is not None:
            count, real = int(ids.shape[1]), _real(ids[0], self.inputs.get("decoder_attention_mask"), config)
        return Text(count, real, tuple(marks), self.given.choice)

    @cached_property
    def places(self) -> tuple[int, ...]:
        """Places of the text's tokens that are no padding, and no tokens of a picture."""
        others = {*self.subject.padded, *self.subject.placeholders}
        return tuple(place for place in range(self.subject.text_count) if place not in others)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """What each of `places` is called: a word where words were given, else its number."""
        words = self.subject.words
        if len(words) == self.subject.text_count:
            return tuple(words[place] for place in self.places)
        return tuple(words) or tuple(f"token {place}" for place in self.places)

    @property
    def free(self) -> tuple[int, ...]:
        """Which of `tokens` can be left out: not the marks that every text has."""
        return tuple(place for place, token in enumerate(self.tokens) if not is_mark(token))

    def of_patches(self, layout: TokenLayout, values: Tensor) -> NDArray | None:
        """token values as row x col, or None where the sequence holds no patches."""
        picture, kept = self.seen, self.given.kept
        if layout.more or picture is None or picture.grid is None:  # one tile is no map of the picture
            return None
        count = picture.grid[0] * picture.grid[1]
        if kept is not None and layout.side == "image":
            found = np.zeros(count)
            if len(values) >= len(kept):
                found[list(kept)] = as_array(values)[-len(kept) :]
            return found.reshape(picture.grid)
        if layout.grid is not None:
            places = self.patch_places(layout)
            return None if places is None else as_array(values)[places].reshape(layout.grid)
        if layout.side == "joint" and self.subject.placeholders and self.merged is not None:
            grid, places = self.merged
            return as_array(values)[places].reshape(grid)
        if layout.side != "image" or picture.owner is None or len(values) != len(picture.owner):
            return None
        found = np.zeros(count + 1)
        np.add.at(found, picture.owner.cpu().numpy() % len(found), as_array(values))
        return found[:-1].reshape(picture.grid)

    def of_words(self, layout: TokenLayout, values: Tensor) -> NDArray | None:
        """token values as those of `places`, or None where the sequence holds no words."""
        if layout.side in ("image", "audio") or not self.places:
            return None
        return as_array(values)[self._first_word(layout) + np.array(self.places)]

    def _first_word(self, layout: TokenLayout) -> int:
        """Where the text begins in a sequence: beside the patches it stands before or behind all of them."""
        if layout.side != "joint" or layout.grid is None or self.subject.placeholders:
            return layout.first_word * (layout.side == "joint")
        patches = self.patch_places(layout)
        if patches is None:
            return layout.first_word
        words = range(layout.first_word, layout.first_word + self.subject.text_count)
        if not set(words) & set(patches.tolist()):
            return layout.first_word
        return layout.count - self.subject.text_count if patches[0] < self.subject.text_count else 0

    @cached_property
    def picture(self) -> NDArray[np.uint8] | None:
        """The picture as the model sees it, stretched over 0 to 255; None where it sees none."""
        pixels = self.inputs.get("pixel_values")
        if pixels is None or pixels.ndim < 4 or pixels.shape[-3] != 3 or not pixels.is_floating_point():
            return None
        shown = as_array(pixels.flatten(0, -4)[0].permute(1, 2, 0))
        low, high = float(shown.min()), float(shown.max())
        return np.asarray(255 * (shown - low) / max(high - low, 1e-12), np.uint8)

    # Work ------------------------------------------------------------------------------------

    def tell(self, stage: str, done: int, total: int) -> None:
        """Progress; raises `Cancelled` if that was asked for."""
        if self.should_stop is not None and self.should_stop():
            raise Cancelled(f"Cancelled after {done} of {total} {stage}.")
        if self.on_event is not None:
            self.on_event(Event(stage, done, total))

    def _output(self, inputs: Mapping[str, Tensor]) -> Any:
        self.forwards += len(next(iter(inputs.values())))
        inside, scores = answer_inside(self.model), []
        with ExitStack() as stack:
            if inside is not None:
                stack.enter_context(hooked(inside, after=lambda _, __, out: scores.append(out["logits"])))
            output = answer_of(self.model, self.given.arguments(inputs))
        return as_mapping(self.model, output, scores[-1] if scores else None)


def _real(ids: Tensor, mask: Tensor | None, config: Any) -> tuple[int, ...]:
    """Places of a decoder's tokens that are no padding; the first may be the padding's token and is none."""
    if mask is not None and mask.ndim == 2 and mask.shape[1] == len(ids):
        return tuple(int(place) for place in torch.nonzero(mask[0]).flatten())
    parts = (config, *(getattr(config, name, None) for name in ("decoder", "text_config")))
    pads = {-100, *(getattr(part, "pad_token_id", None) for part in parts)}
    count = len(ids)
    while count > 1 and int(ids[count - 1]) in pads:
        count -= 1
    return tuple(range(count))


@contextmanager
def _differentiable() -> Iterator[None]:
    """A model that computes a part of itself under torch.no_grad() (CLIPSeg its tower) is differentiated all
    the same, for this thread; where gradients are off already they stay so.
    """

    def enter(_: Any, block: torch.no_grad) -> None:
        block.prev = torch.is_grad_enabled()

    with stand_in(torch.no_grad, "__enter__", enter):
        yield
