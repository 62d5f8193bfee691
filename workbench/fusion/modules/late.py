"""Late fusion: an expert for each modality, and then their logits, or their vectors, are combined."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.fusion.design import Design, FusionOutput, Spec
from workbench.fusion.modules.base import Cleaned, FusionModule
from workbench.fusion.modules.blocks import Trace, masked_softmax
from workbench.fusion.modules.cost_formulas import linear_flops, linear_parameters

__all__ = [
    "COMBINERS",
    "LateLogits",
    "LearnedWeights",
    "ProductOfExperts",
    "Stacking",
    "mean_logits",
    "mean_probabilities",
    "product_of_experts",
]

_LOWEST = -1e9


def mean_logits(logits: Tensor, present: Tensor) -> Tensor:
    """batch x class: mean of batch x modality x class over those present; zero where none is."""
    share = present.to(logits.dtype)[..., None]
    return (share * logits).sum(dim=1) / share.sum(dim=1).clamp(min=1)


def mean_probabilities(logits: Tensor, present: Tensor) -> Tensor:
    """Log of the mean probability of those present; log of equal shares where none is."""
    there = present | ~present.any(dim=1, keepdim=True)
    logp = functional.log_softmax(logits, dim=-1)
    logp = torch.where(present[..., None], logp, torch.full_like(logp, -logits.shape[-1]).log_softmax(-1))
    logp = logp.masked_fill(~there[..., None], _LOWEST)
    return logp.logsumexp(dim=1) - there.sum(dim=1, keepdim=True).to(logp.dtype).log()


def product_of_experts(logits: Tensor, present: Tensor, log_prior: Tensor) -> Tensor:
    """Naive Bayes: sum of log p_m, minus the prior once for each expert after the first.

    Without the prior's term it would be counted once an expert.
    """
    share = present.to(logits.dtype)
    total = (share[..., None] * functional.log_softmax(logits, dim=-1)).sum(dim=1)
    return total - (share.sum(dim=1, keepdim=True) - 1) * log_prior


COMBINERS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean-logits": mean_logits,
    "mean-probabilities": mean_probabilities,
}


class LateLogits(FusionModule):
    """Experts with heads of their own; `combine` makes one answer of theirs."""

    def __init__(
        self, spec: Spec, design: Design, combiner: Callable[[Tensor, Tensor], Tensor] | None = None
    ) -> None:
        super().__init__(spec, design)
        self.streams = self.make_streams(design.depth)
        self.heads = nn.ModuleDict({name: nn.Linear(design.width, spec.classes) for name in self.names})
        self._combiner = combiner

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        vectors = self.vectors(inputs, trace)
        own = {name: self.heads[name](vector) for name, vector in vectors.items()}
        stacked = torch.stack(list(own.values()), dim=1)
        logits, gates = self.combine(stacked, torch.stack(list(present.values()), dim=1))
        return FusionOutput(logits, stacked.flatten(1), gates=gates)

    def combine(self, logits: Tensor, present: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """(batch x class, gates) of batch x modality x class and batch x modality."""
        if self._combiner is None:
            raise TypeError(f"{type(self).__name__} was built without a combiner.")
        return self._combiner(logits, present), {}

    def expert_parts(self) -> tuple[str, ...]:
        return "streams.", "heads."

    def formula_parameters(self) -> int:
        heads = len(self.names) * linear_parameters(self.design.width, self.spec.classes)
        return self.streams_parameters(self.design.depth) + heads

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        heads = len(self.names) * linear_flops(1, self.design.width, self.spec.classes)
        return self.streams_flops(tokens, self.design.depth) + heads


class ProductOfExperts(LateLogits):
    """Naive Bayes over the experts. `log_prior` is that of the training labels (uniform until set)."""

    log_prior: Tensor

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        uniform = torch.full((spec.classes,), 1 / spec.classes).log()
        self.register_buffer("log_prior", uniform)

    def combine(self, logits: Tensor, present: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return product_of_experts(logits, present, self.log_prior), {}


class LearnedWeights(LateLogits):
    """One weight a modality for the whole data set; they sum to the number of modalities present."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        self.shares = nn.Parameter(torch.zeros(len(self.names)))

    def combine(self, logits: Tensor, present: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        share = masked_softmax(self.shares.expand(present.shape), present) * present
        weight = share * present.sum(dim=1, keepdim=True)
        return (weight[..., None] * logits).sum(dim=1), {"weight": weight}

    def formula_parameters(self) -> int:
        return super().formula_parameters() + len(self.names)


class Stacking(LateLogits):
    """An MLP reads the experts' logits; those of a missing modality are zero."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        self.first = nn.Linear(len(self.names) * spec.classes, design.width)
        self.second = nn.Linear(design.width, spec.classes)

    def combine(self, logits: Tensor, present: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        heard = (logits * present[..., None]).flatten(1)
        return self.second(functional.gelu(self.first(heard))), {}

    def formula_parameters(self) -> int:
        width, classes = self.design.width, self.spec.classes
        own = linear_parameters(len(self.names) * classes, width) + linear_parameters(width, classes)
        return super().formula_parameters() + own

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        width, classes = self.design.width, self.spec.classes
        own = linear_flops(1, len(self.names) * classes, width) + linear_flops(1, width, classes)
        return super().formula_flops(tokens) + own
