"""A model explained as a whole: its inputs, the number that is explained, its attention in the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.attribution.case import BYTES_A_WEIGHT, LESS
from workbench.attribution.maps import as_array
from workbench.attribution.numbers import Number, number_of
from workbench.attribution.targets import Output
from workbench.capture.layout import TokenLayout, is_mark
from workbench.capture.output import evaluated, hold_to, tensors_in
from workbench.capture.recording import Recorder, recording
from workbench.capture.sites import sites_of
from workbench.capture.subject import Subject, answer_of, subjects_of
from workbench.capture.trace import Site
from workbench.errors import Cancelled, UnsupportedError
from workbench.results import Event, OnEvent, ShouldStop
from workbench.runtime import check_memory

__all__ = ["Graph", "Whole"]


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
        self.subject: Subject = subjects_of(model, inputs, words)[0]
        self.inputs = dict(self.subject.inputs)
        recorder = Recorder()
        with torch.no_grad(), evaluated(model), recording(model, recorder):
            self._plain = self._output(self.inputs)
        self.sites = tuple(sites_of(self.subject, recorder.calls))
        real = self.places
        self.number: Number = number_of(
            model, self._plain, wanted, last=real[-1] if real else 0, tokens=self.subject.text_count
        )

    # The number ------------------------------------------------------------------------------

    @cached_property
    def score(self) -> float:
        """The number for the inputs as they are."""
        return float(self.number.of(self._plain)[0])

    def values(self, changed: Mapping[str, Tensor]) -> Tensor:
        """The number of each item; what is not in `changed` (item x ...) stays as it is."""
        count = len(next(iter(changed.values())))
        rest = {name: value.expand(count, *value.shape[1:]) for name, value in self.inputs.items()}
        with evaluated(self.model), recording(self.model, Recorder()):
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
        recorder = Recorder(lambda _: True, graph=True)
        with torch.enable_grad(), evaluated(self.model), recording(self.model, recorder):
            output = self._output(self.inputs)
        if len(recorder.calls) != len(self.sites):
            raise UnsupportedError(
                f"Two passes of the same input went through {len(self.sites)} and {len(recorder.calls)} "
                "attention layers, so there is no one map to read. Take a method without attention: "
                "'occlusion', 'integrated-gradients'."
            )
        hold_to(tensors_in(self._plain), tensors_in(output), self.subject.name)
        kept = [call.values for call in recorder.calls]
        values = [one for one in kept if one is not None]
        self.backwards += 1
        found = torch.autograd.grad(self.number.of(output).sum(), values, allow_unused=True)
        slopes = [
            torch.zeros_like(one) if slope is None else slope
            for one, slope in zip(values, found, strict=True)
        ]
        attention = {site: one.detach()[0] for site, one in zip(self.sites, values, strict=True)}
        return Graph(attention, {site: one[0] for site, one in zip(self.sites, slopes, strict=True)})

    # Patches and words -----------------------------------------------------------------------

    @cached_property
    def patches(self) -> tuple[int, int] | None:
        """Rows and columns of what the picture is cut into; regions of a detector lie in one row."""
        for site in self.sites:
            for layout in (site.key, site.query):
                if layout.grid is not None:
                    return layout.grid
        regions = self.inputs.get("visual_feats")
        return None if regions is None else (1, int(regions.shape[1]))

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
        if layout.grid is not None:
            return layout.on_grid(as_array(values))
        return as_array(values)[None] if layout.side == "image" and self.patches == (1, len(values)) else None

    def of_words(self, layout: TokenLayout, values: Tensor) -> NDArray | None:
        """token values as those of `places`, or None where the sequence holds no words."""
        if layout.side == "image" or not self.places:
            return None
        return as_array(values)[layout.first_word * (layout.side == "joint") + np.array(self.places)]

    @cached_property
    def picture(self) -> NDArray[np.uint8] | None:
        """The picture as the model sees it, stretched over 0 to 255; None where it sees none."""
        pixels = self.inputs.get("pixel_values")
        if pixels is None or pixels.ndim < 4 or pixels.shape[-3] != 3:
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
        return answer_of(self.model, inputs)
