"""One family from early to late: the layer from which the streams exchange, and through how much.

Every setting has the same streams, blocks and head; only what a block may read changes. MBT with one
slider (Nagrani et al. 2021, figure 2 and the order of its official code).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from workbench.errors import BadInputError
from workbench.fusion.design import Design, FusionOutput, Spec
from workbench.fusion.modules.base import Cleaned, FusionModule
from workbench.fusion.modules.blocks import Trace
from workbench.fusion.modules.cost_formulas import block_flops, linear_flops, linear_parameters

__all__ = ["Slider"]

_SMALL = 0.02


class Slider(FusionModule):
    """Streams that exchange from `layer` on: all their tokens, or only `bottleneck` shared ones.

    The answer is the mean over modalities of one shared head on each stream's cls. `layer` = depth is
    late fusion. With a bottleneck, layer = depth - 1 is late as well: the shared tokens are averaged
    after the block, and no block reads them again.
    """

    def __init__(self, spec: Spec, design: Design, *, layer: int, bottleneck: int = 0) -> None:
        super().__init__(spec, design)
        if not 0 <= layer <= design.depth:
            raise BadInputError(
                f"The slider was put to layer {layer}; a design of depth {design.depth} has 0 (early) to "
                f"{design.depth} (late). Take one of these, or a deeper design."
            )
        self.layer = layer
        self.bottleneck = bottleneck if layer < design.depth else 0
        self.streams = self.make_streams(design.depth)
        if self.bottleneck:
            self.shared = nn.Parameter(_SMALL * torch.randn(self.bottleneck, design.width))
        self.head = nn.Linear(design.width, spec.classes)

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        state = {name: self.streams[name].start(*inputs[name]) for name in self.names}
        shared = self.shared.expand(len(state[self.names[0]][0]), -1, -1) if self.bottleneck else None
        for place in range(self.design.depth):
            if place >= self.layer and shared is not None:
                state, shared = self._through(place, state, shared, trace)
            else:
                state = self._direct(place, state, trace)
        vectors = [self.streams[name].norm(state[name][0][:, 0]) for name in self.names]
        logits = torch.stack([self.head(vector) for vector in vectors]).mean(dim=0)
        return FusionOutput(logits, torch.cat(vectors, dim=1))

    def _direct(self, place: int, state: Cleaned, trace: Trace) -> Cleaned:
        """Each stream reads itself, and the others' tokens once the fusion layer is reached."""
        after = {}
        first = 1 if place == self.design.depth - 1 else None
        for name, (x, mask) in state.items():
            others = [other for other in self.names if other != name] if place >= self.layer else []
            more = None
            if others:
                more = tuple(torch.cat([state[other][part] for other in others], dim=1) for part in (0, 1))
            read = "+".join(f"cls+{each}" for each in (name, *others))
            where = f"{place}/cls+{name}->{read}"
            block = self.streams[name].blocks[place]
            after[name] = (block(x, mask, more=more, first=first, trace=trace, name=where), mask)
        return after

    def _through(self, place: int, state: Cleaned, shared: Tensor, trace: Trace) -> tuple[Cleaned, Tensor]:
        """Each stream with its own copy of the shared tokens; afterwards the copies are averaged."""
        after, copies = {}, []
        there = torch.ones_like(shared[..., 0], dtype=torch.bool)
        # after the last block nobody reads the shared tokens
        first = 1 if place == self.design.depth - 1 else None
        for name, (x, mask) in state.items():
            both, both_mask = torch.cat([x, shared], dim=1), torch.cat([mask, there], dim=1)
            where = f"{place}/cls+{name}+b->cls+{name}+b"
            block = self.streams[name].blocks[place]
            both = block(both, both_mask, first=first, trace=trace, name=where)
            after[name] = (both[:, : x.shape[1]], mask)
            copies.append(both[:, x.shape[1] :])
        return after, torch.stack(copies).mean(dim=0) if first is None else shared

    def expert_parts(self) -> tuple[str, ...]:
        """What lies before the fusion layer."""
        parts = [f"streams.{name}.{part}" for name in self.names for part in ("stem.", "cls", "positions")]
        for name in self.names:
            parts += [f"streams.{name}.blocks.{place}." for place in range(self.layer)]
            parts += [f"streams.{name}.norm."] * (self.layer == self.design.depth)
        return tuple(parts)

    def formula_parameters(self) -> int:
        own = self.bottleneck * self.design.width + linear_parameters(self.design.width, self.spec.classes)
        return self.streams_parameters(self.design.depth) + own

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        design, every = self.design, sum(tokens[name] + 1 for name in self.names)
        flops = 0
        for name in self.names:
            count = tokens[name] + 1
            flops += linear_flops(tokens[name], self.spec.features[name], design.width)
            flops += linear_flops(1, design.width, self.spec.classes)
            for place in range(design.depth):
                fused = place >= self.layer
                own = count + (self.bottleneck if fused else 0)
                keys = own if self.bottleneck or not fused else every
                flops += block_flops(1 if place == design.depth - 1 else own, keys, design)
        return flops
