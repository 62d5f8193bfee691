"""What can be looked at inside a fusion: one example (`Look`), a whole plane (`Regions`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.results import Provenance

__all__ = ["Look", "Regions"]


@dataclass(frozen=True, eq=False)
class Look:
    """One or more examples inside one fusion: where it looked, what its gates said.

    Shapes:
        probability: item x class
        per_modality: modality to item x class: probabilities when only that modality is given
        attentions: "block/queries->keys" to item x head x query x key
        crossing: item; share of attention that goes to the other modality, NaN if there is none
        gates: name to item x width
        interaction: item x class; logits minus those of the EMAP (what no sum can say), or None
    """

    fusion: str
    items: NDArray[np.int64]
    probability: NDArray[np.float32]
    per_modality: Mapping[str, NDArray[np.float32]]
    attentions: Mapping[str, NDArray[np.float32]]
    gates: Mapping[str, NDArray[np.float32]]
    masks: Mapping[str, NDArray[np.bool_]]
    crossing: NDArray[np.float32]
    truth: NDArray[np.int64] | None = None
    interaction: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Regions:
    """What each fusion decides over a plane: one number of each modality on each axis.

    Shapes:
        axis: col; the same values along both axes, image on x (col), text on y (row)
        probability: fusion x row x col, of class 1
        truth, additive: row x col; the right answer, and the best that any sum of one score a
            modality can do (a probability, .5 where it must guess)
        history: fusion x step x 2: training step and loss
        accuracy: fusion, on fresh points; `additive_ceiling` is the best of any additive score
    """

    task: str
    fusions: tuple[str, ...]
    axis: NDArray[np.float32]
    probability: NDArray[np.float32]
    truth: NDArray[np.float32]
    additive: NDArray[np.float32]
    history: NDArray[np.float32]
    accuracy: NDArray[np.float32]
    additive_ceiling: float
    steps: int
    complete: bool = True
    provenance: Provenance = field(default_factory=lambda: Provenance("regions"))
