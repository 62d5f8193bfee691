"""From a name to a model: which class builds which fusion."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.errors import BadInputError
from workbench.fusion.design import Design, Fusion, Spec
from workbench.fusion.modules.base import FusionModule
from workbench.fusion.modules.early import Alone, EarlyInput, EarlyTokens, Perceiver
from workbench.fusion.modules.late import COMBINERS, LateLogits, LearnedWeights, ProductOfExperts, Stacking
from workbench.fusion.modules.mid import CoAttention, CrossAttention, Film, Hybrid
from workbench.fusion.modules.slider import Slider
from workbench.fusion.modules.vector_fusions import (
    ConcatLinear,
    ConcatMlp,
    Gmu,
    LowRank,
    ScalarGate,
    TensorFusion,
)
from workbench.fusion.registry import card, slider_settings

__all__ = ["build", "fusion"]

_CLASSES: dict[str, Callable[[Spec, Design], FusionModule]] = {
    "early-tokens": EarlyTokens,
    "early-input": EarlyInput,
    "co-attention": CoAttention,
    "cross-attention": CrossAttention,
    "film": Film,
    "gmu": Gmu,
    "perceiver": Perceiver,
    "product-of-experts": ProductOfExperts,
    "learned-weights": LearnedWeights,
    "stacking": Stacking,
    "concat-linear": ConcatLinear,
    "concat-mlp": ConcatMlp,
    "tensor": TensorFusion,
    "low-rank": LowRank,
    "scalar-gate": ScalarGate,
    "hybrid": Hybrid,
}


def fusion(name: str | Fusion, *, depth: int = 2) -> Fusion:
    """A fusion by name, ready to be built; one of your own is given back as it is.

    Raises:
        UnknownNameError: there is none of that name; the nearest names are given.
    """
    if isinstance(name, Fusion):
        return name
    about = card(name, depth=depth)
    if name in COMBINERS:
        return Fusion(about, partial(_late, name))
    if name in _CLASSES:
        return Fusion(about, _CLASSES[name])
    if name == "bottleneck":
        return Fusion(about, _bottleneck)
    if name.startswith("slider-"):
        layer, bottleneck = slider_settings(name)
        options: dict[str, Any] = {"layer": layer, "bottleneck": bottleneck}
        return Fusion(about, partial(Slider, **options), options)
    modality = name.removeprefix("only-")
    return Fusion(about, partial(Alone, modality=modality), {"modality": modality})


def build(name: str | Fusion, spec: Spec, design: Design | None = None) -> Any:
    """A new model of a fusion, in float32 on the CPU, from torch's current random state.

    Called on `Inputs` it returns a `FusionOutput`.

    Raises:
        UnknownNameError: there is none of that name.
        BadInputError: the design is too shallow for it, or the data lack the modality it needs.
    """
    chosen = design or Design()
    if len(spec.features) < 2:
        raise BadInputError(f"A fusion needs two modalities; the spec has {list(spec.features)}.")
    return fusion(name, depth=chosen.depth).build(spec, chosen)


def _late(name: str, spec: Spec, design: Design) -> LateLogits:
    return LateLogits(spec, design, COMBINERS[name])


def _bottleneck(spec: Spec, design: Design) -> Slider:
    if design.depth < 2:
        raise BadInputError(
            f"bottleneck was asked for with depth={design.depth}: with one fused layer nothing crosses, "
            "and it is late fusion. Take a depth of at least 2."
        )
    return Slider(spec, design, layer=max(0, design.depth - 2), bottleneck=design.bottleneck)
