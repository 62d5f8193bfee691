"""Mid fusion: each modality is understood a little, then they meet, then they are understood together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from workbench.fusion.design import Design, FusionOutput, Inputs, Spec
from workbench.fusion.modules.base import Cleaned, FusionModule
from workbench.fusion.modules.blocks import Attend, Block, Trace
from workbench.fusion.modules.cost_formulas import (
    attend_flops,
    attend_parameters,
    block_flops,
    block_parameters,
    linear_flops,
    linear_parameters,
)

__all__ = ["CoAttention", "CrossAttention", "Film", "Hybrid"]

_SMALL = 0.02


class CoAttention(FusionModule):
    """Every stream asks the others, all from the same inputs; then a block each (ViLBERT's order)."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        width = design.width
        self.streams = self.make_streams(design.depth - 1)
        self.norms = nn.ModuleDict({name: nn.LayerNorm(width) for name in self.names})
        self.asks = nn.ModuleDict({name: Attend(width, design.heads) for name in self.names})
        self.blocks = nn.ModuleDict({name: Block(design) for name in self.names})
        self.head = nn.Linear(len(self.names) * width, spec.classes)

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        before = {name: self.streams[name](*inputs[name], trace=trace, name=name) for name in self.names}
        normed = {name: self.norms[name](x) for name, (x, _) in before.items()}
        after = []
        for name, (x, mask) in before.items():
            others = [other for other in self.names if other != name]
            keys = torch.cat([normed[other] for other in others], dim=1)
            key_mask = torch.cat([before[other][1] for other in others], dim=1)
            change, weights = self.asks[name](normed[name], keys, key_mask)
            if trace is not None:
                read = "+".join(f"cls+{other}" for other in others)
                trace[f"{self.design.depth - 1}/cls+{name}->{read}"] = weights
            where = f"{self.design.depth}/cls+{name}->cls+{name}"
            x = self.blocks[name](x + change, mask, first=1, trace=trace, name=where)
            after.append(self.streams[name].norm(x[:, 0]))
        fused = torch.cat(after, dim=1)
        return FusionOutput(self.head(fused), fused)

    def formula_parameters(self) -> int:
        design, width, count = self.design, self.design.width, len(self.names)
        each = 2 * width + attend_parameters(width) + block_parameters(design)
        head = linear_parameters(count * width, self.spec.classes)
        return self.streams_parameters(design.depth - 1) + count * each + head

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        design, counts = self.design, {name: tokens[name] + 1 for name in self.names}
        flops = self.streams_flops(tokens, design.depth - 1, read=None)
        for count in counts.values():
            flops += attend_flops(count, sum(counts.values()) - count, design.width)
            flops += block_flops(1, count, design)
        return flops + linear_flops(1, len(self.names) * design.width, self.spec.classes)


class CrossAttention(FusionModule):
    """The last modality's cls asks the others' tokens (and a null key); nothing is mixed afterwards.

    So that what crosses is attention alone, a linear map reads the sum: over one key without the null
    this would be an additive model.
    """

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        self.asker, self.asked = self.names[-1], self.names[:-1]
        self.streams = self.make_streams(design.depth)
        self.null = nn.Parameter(_SMALL * torch.randn(design.width))
        self.ask = Attend(design.width, design.heads)
        self.head = nn.Linear(design.width, spec.classes)

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        text = self.streams[self.asker].vector(*inputs[self.asker], trace=trace, name=self.asker)
        keys, mask = self.keys(inputs, trace)
        change, weights = self.ask(text[:, None], keys, mask)
        if trace is not None:
            trace[f"{self.design.depth}/cls->null+{'+'.join(self.asked)}"] = weights
        fused = text + change[:, 0]
        return FusionOutput(self.head(fused), fused)

    def keys(self, inputs: Cleaned, trace: Trace) -> tuple[Tensor, Tensor]:
        """The null key and every token of the modalities that are asked, with their mask."""
        rows, masks = [], []
        for name in self.asked:
            stream = self.streams[name]
            x, mask = stream(*inputs[name], trace=trace, name=name)
            rows.append(stream.norm(x)[:, 1:])  # without its cls: that one is there even where nothing is
            masks.append(mask[:, 1:])
        null = self.null.expand(len(rows[0]), 1, -1)
        return torch.cat([null, *rows], dim=1), torch.cat([torch.ones_like(masks[0][:, :1]), *masks], dim=1)

    def formula_parameters(self) -> int:
        width = self.design.width
        own = width + attend_parameters(width) + linear_parameters(width, self.spec.classes)
        return self.streams_parameters(self.design.depth) + own

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        design = self.design
        flops = self.streams_flops({name: tokens[name] for name in self.names}, design.depth)
        for name in self.asked:  # of these every token is read
            count = tokens[name] + 1
            flops += block_flops(count, count, design) - block_flops(1, count, design)
        keys = 1 + sum(tokens[name] for name in self.asked)
        return flops + attend_flops(1, keys, design.width) + linear_flops(1, design.width, self.spec.classes)


class Film(FusionModule):
    """The other modalities scale and shift each feature of the first one's tokens, before its last block.

    Scale is 1 and shift 0 at the start: the fusion begins as the first modality alone.
    """

    modulate: Any

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        self.target, self.conditions = self.names[0], self.names[1:]
        depths = {name: design.depth - 1 if name == self.target else design.depth for name in self.names}
        self.streams = nn.ModuleDict({name: self.make_streams(depths[name])[name] for name in self.names})
        self.modulate = nn.ModuleDict(
            {name: nn.Linear(design.width, 2 * design.width) for name in self.conditions}
        )
        for linear in self.modulate.values():
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        self.block = Block(design)
        self.head = nn.Linear(design.width, spec.classes)

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        target = self.streams[self.target]
        x, mask = target(*inputs[self.target], trace=trace, name=self.target)
        told = [
            self.modulate[name](self.streams[name].vector(*inputs[name], trace=trace, name=name))
            for name in self.conditions
        ]
        scale, shift = sum(told[1:], start=told[0]).chunk(2, dim=-1)
        x = (1 + scale[:, None]) * x + shift[:, None]
        where = f"{self.design.depth - 1}/cls+{self.target}->cls+{self.target}"
        fused = target.norm(self.block(x, mask, first=1, trace=trace, name=where)[:, 0])
        return FusionOutput(self.head(fused), fused, gates={"scale": 1 + scale, "shift": shift})

    def formula_parameters(self) -> int:
        design, width, count = self.design, self.design.width, len(self.conditions)
        head = linear_parameters(width, self.spec.classes)
        # one block fewer in the target's stream, one of its own
        return self.streams_parameters(design.depth) + count * linear_parameters(width, 2 * width) + head

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        design, width, count = self.design, self.design.width, len(self.conditions)
        flops = self.streams_flops(tokens, design.depth) + count * linear_flops(1, width, 2 * width)
        return flops + linear_flops(1, width, self.spec.classes)


class Hybrid(FusionModule):
    """Three heads, each trained on the label: one a modality (late), and one over all tokens (early)."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        width, classes = design.width, spec.classes
        self.streams = self.make_streams(design.depth - 1)
        self.blocks = nn.ModuleDict({name: Block(design) for name in self.names})
        self.heads = nn.ModuleDict({name: nn.Linear(width, classes) for name in self.names})
        self.cls = nn.Parameter(_SMALL * torch.randn(width))
        self.joint = Block(design)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)
        self.shares = nn.Parameter(torch.zeros(len(self.names) + 1))

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        before = {name: self.streams[name](*inputs[name], trace=trace, name=name) for name in self.names}
        own = {name: self._alone(name, before[name], trace) for name in self.names}
        rows = [x for x, _ in before.values()]
        x = torch.cat([self.cls.expand(len(rows[0]), 1, -1), *rows], dim=1)
        masks = [mask for _, mask in before.values()]
        mask = torch.cat([torch.ones_like(masks[0][:, :1]), *masks], dim=1)
        both = "+".join(["cls", *(f"cls+{name}" for name in self.names)])
        where = f"{self.design.depth}/{both}->{both}"
        fused = self.norm(self.joint(x, mask, first=1, trace=trace, name=where)[:, 0])
        every = own | {"joint": self.head(fused)}
        there = torch.stack([*present.values(), torch.ones_like(next(iter(present.values())))], dim=1)
        weight = self.shares.masked_fill(~there, -1e9).softmax(dim=-1)
        logits = (weight[..., None] * torch.stack(list(every.values()), dim=1)).sum(dim=1)
        return FusionOutput(logits, fused, gates={"share": weight}, auxiliary=every)

    def _alone(self, name: str, before: tuple[Tensor, Tensor], trace: Trace) -> Tensor:
        x, mask = before
        where = f"{self.design.depth - 1}/cls+{name}->cls+{name}"
        x = self.blocks[name](x, mask, first=1, trace=trace, name=where)
        return self.heads[name](self.streams[name].norm(x[:, 0]))

    def encode(self, inputs: Inputs) -> dict[str, Tensor]:
        cleaned, out = self._clean(inputs), {}
        for name in self.names:
            x, mask = self.streams[name](*cleaned[name])
            out[name] = self.streams[name].norm(self.blocks[name](x, mask, first=1)[:, 0])
        return out

    def expert_parts(self) -> tuple[str, ...]:
        return "streams.", "blocks.", "heads."

    def formula_parameters(self) -> int:
        design, width, count = self.design, self.design.width, len(self.names)
        heads = (count + 1) * linear_parameters(width, self.spec.classes)
        own = width + 2 * width + block_parameters(design) + count + 1  # cls, norm, joint block, shares
        return self.streams_parameters(design.depth) + own + heads

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        design, counts = self.design, [tokens[name] + 1 for name in self.names]
        flops = self.streams_flops(tokens, design.depth - 1, read=None)
        flops += sum(block_flops(1, count, design) for count in counts)
        flops += block_flops(1, 1 + sum(counts), design)
        return flops + (len(self.names) + 1) * linear_flops(1, design.width, self.spec.classes)
