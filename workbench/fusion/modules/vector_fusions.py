"""Fusion of vectors: one a modality, joined by a sum, an MLP, a gate or a product."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.fusion.design import Design, FusionOutput, Spec
from workbench.fusion.modules.base import Cleaned, FusionModule
from workbench.fusion.modules.blocks import Trace, masked_softmax
from workbench.fusion.modules.cost_formulas import linear_flops, linear_parameters

__all__ = ["ConcatLinear", "ConcatMlp", "Gmu", "LowRank", "ScalarGate", "TensorFusion"]

_MOST_TENSOR = 16  # features a modality in an outer product; its size is their product


class _Vectors(FusionModule):
    """A stream a modality, then `join` of their vectors (batch x width each, in the spec's order)."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        self.streams = self.make_streams(design.depth)

    def fuse(self, inputs: Cleaned, present: dict[str, Tensor], trace: Trace) -> FusionOutput:
        vectors = list(self.vectors(inputs, trace).values())
        return self.join(vectors, torch.stack(list(present.values()), dim=1))

    def join(self, vectors: list[Tensor], present: Tensor) -> FusionOutput:
        """The answer from one vector a modality."""
        raise TypeError(f"{type(self).__name__} does not say how it joins vectors: define join().")

    def formula_parameters(self) -> int:
        return self.streams_parameters(self.design.depth) + self.join_parameters()

    def formula_flops(self, tokens: Mapping[str, int]) -> int:
        return self.streams_flops(tokens, self.design.depth) + self.join_flops()

    def join_parameters(self) -> int:
        """Formula of what `join` owns."""
        raise TypeError(f"{type(self).__name__} has no formula for its parameters.")

    def join_flops(self) -> int:
        """Formula of what `join` computes for one example."""
        raise TypeError(f"{type(self).__name__} has no formula for its FLOPs.")

    @property
    def _wide(self) -> int:
        return len(self.names) * self.design.width


class ConcatLinear(_Vectors):
    """One linear map of the concatenation: exactly a sum of one linear score a modality."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        self.head = nn.Linear(self._wide, spec.classes)

    def join(self, vectors: list[Tensor], present: Tensor) -> FusionOutput:
        fused = torch.cat(vectors, dim=1)
        return FusionOutput(self.head(fused), fused)

    def join_parameters(self) -> int:
        return linear_parameters(self._wide, self.spec.classes)

    def join_flops(self) -> int:
        return linear_flops(1, self._wide, self.spec.classes)


class ConcatMlp(_Vectors):
    """An MLP reads the concatenation."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        self.first = nn.Linear(self._wide, self._wide)
        self.head = nn.Linear(self._wide, spec.classes)

    def join(self, vectors: list[Tensor], present: Tensor) -> FusionOutput:
        fused = functional.gelu(self.first(torch.cat(vectors, dim=1)))
        return FusionOutput(self.head(fused), fused)

    def join_parameters(self) -> int:
        return linear_parameters(self._wide, self._wide) + linear_parameters(self._wide, self.spec.classes)

    def join_flops(self) -> int:
        return linear_flops(1, self._wide, self._wide) + linear_flops(1, self._wide, self.spec.classes)


class TensorFusion(_Vectors):
    """Every product of one feature a modality, the constant 1 among them; one linear map reads all."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        self.size = min(design.width, _MOST_TENSOR)
        self.maps = nn.ModuleDict({name: nn.Linear(design.width, self.size) for name in self.names})
        self.head = nn.Linear((self.size + 1) ** len(self.names), spec.classes)

    def join(self, vectors: list[Tensor], present: Tensor) -> FusionOutput:
        product = torch.ones_like(vectors[0][:, :1])
        for name, vector in zip(self.names, vectors, strict=True):
            factor = functional.pad(self.maps[name](vector), (1, 0), value=1.0)
            product = (product[:, :, None] * factor[:, None, :]).flatten(1)
        return FusionOutput(self.head(product), product)

    def join_parameters(self) -> int:
        maps = len(self.names) * linear_parameters(self.design.width, self.size)
        return maps + linear_parameters((self.size + 1) ** len(self.names), self.spec.classes)

    def join_flops(self) -> int:
        maps = len(self.names) * linear_flops(1, self.design.width, self.size)
        return maps + linear_flops(1, (self.size + 1) ** len(self.names), self.spec.classes)


class LowRank(_Vectors):
    """For each class a sum of `rank` products of one linear factor a modality. All are parameters."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        shape = (design.width + 1, design.rank * spec.classes)
        # a factor starts near size 1, so that a product of them neither vanishes nor explodes
        self.factors = nn.ParameterDict(
            {name: nn.Parameter(torch.randn(shape) / math.sqrt(design.width)) for name in self.names}
        )
        self.weights = nn.Parameter(torch.full((design.rank,), design.rank**-0.5))
        self.bias = nn.Parameter(torch.zeros(spec.classes))

    def join(self, vectors: list[Tensor], present: Tensor) -> FusionOutput:
        product: Tensor | float = 1.0
        for name, vector in zip(self.names, vectors, strict=True):
            product = product * (functional.pad(vector, (1, 0), value=1.0) @ self.factors[name])
        assert isinstance(product, Tensor)  # a spec has at least one modality
        each = product.unflatten(-1, (self.design.rank, self.spec.classes))
        return FusionOutput((self.weights[:, None] * each).sum(dim=1) + self.bias, product)

    def join_parameters(self) -> int:
        rank, classes = self.design.rank, self.spec.classes
        return rank * classes * len(self.names) * (self.design.width + 1) + rank + classes

    def join_flops(self) -> int:
        outside = self.design.rank * self.spec.classes
        return len(self.names) * linear_flops(1, self.design.width + 1, outside)


class ScalarGate(_Vectors):
    """One weight a modality and item, a softmax over those present; a linear map reads the mix."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        self.gate = nn.Linear(self._wide, len(self.names))
        self.maps = nn.ModuleDict({name: nn.Linear(design.width, design.width) for name in self.names})
        self.head = nn.Linear(design.width, spec.classes)

    def join(self, vectors: list[Tensor], present: Tensor) -> FusionOutput:
        weight = masked_softmax(self.gate(torch.cat(vectors, dim=1)), present)
        mapped = [self.maps[name](vector) for name, vector in zip(self.names, vectors, strict=True)]
        fused = (weight[..., None] * torch.stack(mapped, dim=1)).sum(dim=1)
        return FusionOutput(self.head(fused), fused, gates={"weight": weight})

    def join_parameters(self) -> int:
        width, count = self.design.width, len(self.names)
        maps = linear_parameters(self._wide, count) + count * linear_parameters(width, width)
        return maps + linear_parameters(width, self.spec.classes)

    def join_flops(self) -> int:
        width, count = self.design.width, len(self.names)
        maps = linear_flops(1, self._wide, count) + count * linear_flops(1, width, width)
        return maps + linear_flops(1, width, self.spec.classes)


class Gmu(_Vectors):
    """One weight a modality, item and feature. With two modalities: z and 1 - z, z a sigmoid."""

    def __init__(self, spec: Spec, design: Design) -> None:
        super().__init__(spec, design)
        width, count = design.width, len(self.names)
        self.maps = nn.ModuleDict({name: nn.Linear(width, width, bias=False) for name in self.names})
        self.gate = nn.Linear(self._wide, (count - 1) * width, bias=False)
        self.head = nn.Linear(width, spec.classes)

    def join(self, vectors: list[Tensor], present: Tensor) -> FusionOutput:
        width, count = self.design.width, len(self.names)
        # the last modality's score is fixed at 0: for two, the softmax is a sigmoid of the first's
        score = functional.pad(self.gate(torch.cat(vectors, dim=1)), (0, width)).unflatten(-1, (count, width))
        weight = masked_softmax(score.transpose(1, 2), present[:, None, :]).transpose(1, 2)
        mapped = [torch.tanh(self.maps[name](v)) for name, v in zip(self.names, vectors, strict=True)]
        fused = (weight * torch.stack(mapped, dim=1)).sum(dim=1)
        gates = {f"z_{name}": weight[:, place] for place, name in enumerate(self.names)}
        return FusionOutput(self.head(fused), fused, gates=gates)

    def join_parameters(self) -> int:
        width, count = self.design.width, len(self.names)
        maps = count * width * width + self._wide * (count - 1) * width
        return maps + linear_parameters(width, self.spec.classes)

    def join_flops(self) -> int:
        width, count = self.design.width, len(self.names)
        maps = count * linear_flops(1, width, width) + linear_flops(1, self._wide, (count - 1) * width)
        return maps + linear_flops(1, width, self.spec.classes)
