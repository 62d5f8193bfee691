"""`FusionModule`: what all fusions share. Cleans inputs, admits missing modalities, answers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadInputError
from workbench.fusion.design import Design, FusionOutput, Inputs, Spec
from workbench.fusion.modules.blocks import Stream, Trace
from workbench.fusion.modules.cost_formulas import stream_flops, stream_parameters

__all__ = ["Cleaned", "FusionModule", "check_inputs"]

Cleaned = dict[str, tuple[Tensor, Tensor]]


class FusionModule(nn.Module):
    """Base of every fusion here. A fusion of your own need only be callable alike.

    A child defines `fuse`, and, for the twins of what is counted, `formula_parameters` and
    `formula_flops`. `streams`, if it has them, are the experts that separate training trains first.
    """

    streams: Any  # modality to `Stream`, for those that have them

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__()
        self.spec, self.design = spec, design
        self.names = tuple(spec.features)

    def forward(
        self, inputs: Inputs, *, look: bool = False, alone: bool = False, experts: bool = False
    ) -> FusionOutput:
        """Logits and what led to them.

        Args:
            look: leave attention weights in `.attentions`.
            alone: fill `.per_modality`: the answer to each modality by itself (one more pass each).
            experts: nothing is fused; `.auxiliary` has each expert's own logits (where it has a head)
                or vector, for separate training.
        """
        if experts:
            vectors = self.encode(inputs)
            heads = getattr(self, "heads", None)
            own = {name: vector if heads is None else heads[name](vector) for name, vector in vectors.items()}
            first = next(iter(own.values()))
            return FusionOutput(first, first, auxiliary=own)
        cleaned = self._clean(inputs)
        trace: Trace = {} if look else None
        out = self.fuse(cleaned, _present(cleaned), trace)
        out.present = _present(cleaned)
        out.attentions = trace or {}
        if alone:
            for name in self.names:
                # zeros as well as a mask: a fusion that lays tokens end to end reads no mask
                only = {
                    m: (x, mask) if m == name else (torch.zeros_like(x), torch.zeros_like(mask))
                    for m, (x, mask) in cleaned.items()
                }
                out.per_modality[name] = self.fuse(only, _present(only), None).logits
        return out

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        """Logits, fused vector, gates and auxiliary logits; every modality of the spec is in `inputs`."""
        raise TypeError(f"{type(self).__name__} does not say how it fuses: define fuse().")

    def formula_parameters(self) -> int:
        """Number of trainable parameters, from the design alone."""
        raise TypeError(f"{type(self).__name__} has no formula for its parameters.")

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        """FLOPs of one forward pass of one example with so many tokens a modality."""
        raise TypeError(f"{type(self).__name__} has no formula for its FLOPs.")

    def encode(self, inputs: Inputs) -> dict[str, Tensor]:
        """Modality to batch x width: the vector of each expert before anything meets."""
        cleaned = self._clean(inputs)
        return {name: self.streams[name].vector(*cleaned[name]) for name in self.names}

    def expert_parts(self) -> tuple[str, ...]:
        """Prefixes of the parameters that separate training trains first and then freezes."""
        return ("streams.",) if hasattr(self, "streams") else ()

    def make_streams(self, depth: int) -> nn.ModuleDict:
        """One `Stream` a modality."""
        spec = self.spec
        return nn.ModuleDict(
            {name: Stream(spec.features[name], spec.tokens[name], depth, self.design) for name in self.names}
        )

    def streams_parameters(self, depth: int) -> int:
        """Formula of `make_streams`."""
        spec = self.spec
        return sum(
            stream_parameters(spec.features[name], spec.tokens[name], depth, self.design)
            for name in self.names
        )

    def streams_flops(self, tokens: Mapping[str, int], depth: int, *, read: int | None = 1) -> int:
        """Formula of one pass through `make_streams`."""
        return sum(
            stream_flops(self.spec.features[name], tokens[name], depth, self.design, read=read)
            for name in self.names
        )

    def vectors(self, inputs: Cleaned, trace: Trace) -> dict[str, Tensor]:
        """Modality to batch x width: the normalised cls of each stream."""
        return {name: self.streams[name].vector(*inputs[name], trace=trace, name=name) for name in self.names}

    def _clean(self, inputs: Inputs) -> Cleaned:
        """Every modality of the spec, in its order; what is masked is zero, what is missing is masked."""
        check_inputs(inputs, self.spec)
        given = next(iter(inputs.values()))[0]
        cleaned = {}
        for name in self.names:
            if name in inputs:
                x, mask = inputs[name]
                x = torch.where(mask[..., None], x, torch.zeros((), dtype=x.dtype, device=x.device))
            else:
                x = given.new_zeros(len(given), 1, self.spec.features[name])
                mask = torch.zeros(len(given), 1, dtype=torch.bool, device=given.device)
            cleaned[name] = (x, mask)
        return cleaned


def check_inputs(inputs: Inputs, spec: Spec) -> None:
    """Raise `BadInputError` unless names and shapes fit `spec`. One modality may be missing, not all.

    Values are not looked at: models also run under `torch.vmap`, where they cannot be read. `compare` looks
    at them before it trains.
    """
    unknown = [name for name in inputs if name not in spec.features]
    if unknown or not inputs:
        raise BadInputError(
            f"inputs name {', '.join(unknown) or 'no modality'}; this fusion was built for "
            f"{', '.join(spec.features)}. Leave out what is missing, and give at least one."
        )
    for name, (x, mask) in inputs.items():
        most, feature = spec.tokens[name], spec.features[name]
        if x.ndim != 3 or x.shape[2] != feature or x.shape[1] > most or mask.shape != x.shape[:2]:
            raise BadInputError(
                f"{name} has tokens {tuple(x.shape)} and a mask {tuple(mask.shape)}; expected batch x token "
                f"x {feature} with at most {most} tokens, and a mask of batch x token."
            )
        if mask.dtype != torch.bool:
            raise BadInputError(f"the mask of {name} is {mask.dtype}; expected bool, True = present.")
    rows = {name: len(x) for name, (x, _) in inputs.items()}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{count} of {name}" for name, count in rows.items())
        raise BadInputError(
            f"inputs have unequal lengths, {counts}; expected one row a modality for each item. Where an "
            "item lacks a modality, give a row with a mask without a True."
        )


def _present(inputs: Cleaned) -> dict[str, Tensor]:
    return {name: mask.any(dim=1) for name, (_, mask) in inputs.items()}
