"""Early fusion: the modalities meet before anything has been understood. Also one modality alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.errors import BadInputError
from workbench.fusion.design import Design, FusionOutput, Spec
from workbench.fusion.modules.base import Cleaned, FusionModule
from workbench.fusion.modules.blocks import Attend, Block, Stream, Trace
from workbench.fusion.modules.cost_formulas import (
    attend_flops,
    attend_parameters,
    block_flops,
    block_parameters,
    linear_flops,
    linear_parameters,
    stream_flops,
    stream_parameters,
)

__all__ = ["Alone", "EarlyInput", "EarlyTokens", "Perceiver"]

_SMALL = 0.02


class _Stems(nn.Module):
    """All modalities' tokens in one row: a linear map and positions for each (they tell them apart)."""

    def __init__(self, spec: Spec, width: int) -> None:
        super().__init__()
        self.maps = nn.ModuleDict({name: nn.Linear(size, width) for name, size in spec.features.items()})
        self.positions = nn.ParameterDict(
            {name: nn.Parameter(_SMALL * torch.randn(count, width)) for name, count in spec.tokens.items()}
        )

    def forward(self, inputs: Cleaned) -> tuple[Tensor, Tensor]:
        rows = [self.maps[name](x) + self.positions[name][: x.shape[1]] for name, (x, _) in inputs.items()]
        return torch.cat(rows, dim=1), torch.cat([mask for _, mask in inputs.values()], dim=1)


def _stems_parameters(spec: Spec, width: int) -> int:
    return sum(linear_parameters(spec.features[m], width) + spec.tokens[m] * width for m in spec.features)


def _stems_flops(spec: Spec, tokens: Mapping[str, int], width: int) -> int:
    return sum(linear_flops(tokens[m], spec.features[m], width) for m in spec.features)


class EarlyTokens(FusionModule):
    """All tokens in one sequence behind one cls, through shared blocks (ViLT, VisualBERT)."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        self.stems = _Stems(spec, design.width)
        self.cls = nn.Parameter(_SMALL * torch.randn(design.width))
        self.blocks = nn.ModuleList(Block(design) for _ in range(design.depth))
        self.norm = nn.LayerNorm(design.width)
        self.head = nn.Linear(design.width, spec.classes)

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        x, mask = self.stems(inputs)
        x = torch.cat([self.cls.expand(len(x), 1, -1), x], dim=1)
        mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
        for place, block in enumerate(self.blocks):
            first = 1 if place == len(self.blocks) - 1 else None
            x = block(x, mask, first=first, trace=trace, name=f"{place}/{self._all}->{self._all}")
        fused = self.norm(x[:, 0])
        return FusionOutput(self.head(fused), fused)

    @property
    def _all(self) -> str:
        return "+".join(["cls", *self.names])

    def formula_parameters(self) -> int:
        design, width = self.design, self.design.width
        body = width + design.depth * block_parameters(design) + 2 * width
        return _stems_parameters(self.spec, width) + body + linear_parameters(width, self.spec.classes)

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        design, count = self.design, 1 + sum(tokens.values())
        blocks = (design.depth - 1) * block_flops(count, count, design) + block_flops(1, count, design)
        head = linear_flops(1, design.width, self.spec.classes)
        return _stems_flops(self.spec, tokens, design.width) + blocks + head


class EarlyInput(FusionModule):
    """Raw tokens laid end to end into one vector, then an MLP. What is missing is zero."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        hidden = design.expand * design.width
        self.first = nn.Linear(self._length, hidden)
        self.second = nn.Linear(hidden, design.width)
        self.head = nn.Linear(design.width, spec.classes)

    @property
    def _length(self) -> int:
        return sum(self.spec.features[name] * self.spec.tokens[name] for name in self.names)

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        flat = []
        for name, (x, _) in inputs.items():
            short = self.spec.tokens[name] - x.shape[1]
            flat.append(functional.pad(x, (0, 0, 0, short)).flatten(1))
        hidden = functional.gelu(self.first(torch.cat(flat, dim=1)))
        fused = functional.gelu(self.second(hidden))
        return FusionOutput(self.head(fused), fused)

    def formula_parameters(self) -> int:
        width, hidden = self.design.width, self.design.expand * self.design.width
        maps = linear_parameters(self._length, hidden) + linear_parameters(hidden, width)
        return maps + linear_parameters(width, self.spec.classes)

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        width, hidden = self.design.width, self.design.expand * self.design.width
        maps = linear_flops(1, self._length, hidden) + linear_flops(1, hidden, width)
        return maps + linear_flops(1, width, self.spec.classes)


class Perceiver(FusionModule):
    """A few latent vectors ask all tokens (and a null key), then each other; `depth` times."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        width = design.width
        self.stems = _Stems(spec, width)
        self.latents = nn.Parameter(torch.randn(design.bottleneck, width))
        self.null = nn.Parameter(_SMALL * torch.randn(width))
        self.norm_tokens = nn.LayerNorm(width)
        self.norm_latents = nn.ModuleList(nn.LayerNorm(width) for _ in range(design.depth))
        self.reads = nn.ModuleList(Attend(width, design.heads) for _ in range(design.depth))
        self.blocks = nn.ModuleList(Block(design) for _ in range(design.depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, spec.classes)

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        x, mask = self.stems(inputs)
        keys = self.norm_tokens(torch.cat([self.null.expand(len(x), 1, -1), x], dim=1))
        mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
        z = self.latents.expand(len(x), -1, -1)
        everyone = torch.ones_like(z[..., 0], dtype=torch.bool)
        for place, (norm, read, block) in enumerate(
            zip(self.norm_latents, self.reads, self.blocks, strict=True)
        ):
            change, weights = read(norm(z), keys, mask)
            if trace is not None:
                trace[f"{place}/latents->null+{'+'.join(self.names)}"] = weights
            z = block(z + change, everyone, trace=trace, name=f"{place}/latents->latents")
        fused = self.norm(z).mean(dim=1)
        return FusionOutput(self.head(fused), fused)

    def formula_parameters(self) -> int:
        design, width = self.design, self.design.width
        layer = 2 * width + attend_parameters(width) + block_parameters(design)
        own = design.bottleneck * width + width + 2 * 2 * width  # latents, null, two norms
        head = linear_parameters(width, self.spec.classes)
        return _stems_parameters(self.spec, width) + own + design.depth * layer + head

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        design, width, latents = self.design, self.design.width, self.design.bottleneck
        count = 1 + sum(tokens.values())
        layer = attend_flops(latents, count, width) + block_flops(latents, latents, design)
        head = linear_flops(1, width, self.spec.classes)
        return _stems_flops(self.spec, tokens, width) + design.depth * layer + head


class Alone(FusionModule):
    """One modality through its stream and a head; the others are not read. The baseline of all."""

    def __init__(self, spec: Spec, design: Design, modality: str) -> None:
        super().__init__(spec, design)
        if modality not in spec.features:
            raise BadInputError(
                f"only-{modality} was asked for, but the data hold {', '.join(spec.features)}. "
                f"Ask for one of {', '.join('only-' + name for name in spec.features)}."
            )
        self.modality = modality
        self.stream = Stream(spec.features[modality], spec.tokens[modality], design.depth, design)
        self.head = nn.Linear(design.width, spec.classes)

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        fused = self.stream.vector(*inputs[self.modality], trace=trace, name=self.modality)
        return FusionOutput(self.head(fused), fused)

    def formula_parameters(self) -> int:
        name, design = self.modality, self.design
        own = stream_parameters(self.spec.features[name], self.spec.tokens[name], design.depth, design)
        return own + linear_parameters(design.width, self.spec.classes)

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        name, design = self.modality, self.design
        own = stream_flops(self.spec.features[name], tokens[name], design.depth, design)
        return own + linear_flops(1, design.width, self.spec.classes)
