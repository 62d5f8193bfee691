"""What can be looked at inside a fusion: one example (`Look`), a whole plane (`Regions`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.axes import check_axes, frozen
from workbench.fusion.design import Design
from workbench.fusion.inside.shipped_planes import PLANE_DESIGN
from workbench.keeping import Form, Kept
from workbench.portable import Portable
from workbench.results import Provenance

__all__ = ["Look", "Regions"]


@dataclass(frozen=True, eq=False)
class Look(Portable):
    """One or more examples inside one fusion: where it looked, what its gates said.

    Shapes:
        items: item, numbers in the report's examples
        probability: item x class
        per_modality: modality to item x class: probabilities when only that modality is given
        attentions: "block/queries->keys" to item x head x query x key
        gates: name to item x width
        masks: modality to item x token, False where there is none
        crossing: item; share of attention that goes to the other modality, NaN if there is none
        truth: item, label index
        interaction: item x class; logits minus those of the EMAP (what no sum can say), or None

    Attributes:
        fusion: its name.
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
class Regions(Kept):
    """What each fusion decides over a plane: one number of each modality on each axis.

    Shapes:
        axis: col; the same values along both axes, image on x (col), text on y (row)
        probability: fusion x row x col, of class 1
        truth, additive: row x col; the right answer, and the best that any sum of one score a
            modality can do (a probability, .5 where it must guess)
        history: fusion x step x 2: training step and loss
        accuracy: fusion, on fresh points; `additive_ceiling` is the best of any additive score

    Attributes:
        task: a name from `plane_tasks()`.
        fusions: the fusion axis, in names.
        additive_ceiling: accuracy of the best sum of one score a modality.
        steps: of training at most; one that had found its rule stopped earlier.
        complete: False where it was cancelled.
        provenance: where it comes from.
        kept: fusions whose planes were not trained now but shipped with the package.
        design: the size of every fusion.
    """

    _form: ClassVar[Form] = Form("regions", "decision regions", "workbench.fusion.open_regions")

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
    kept: tuple[str, ...] = ()
    design: Design = PLANE_DESIGN

    def __post_init__(self) -> None:
        sizes = {"fusion": len(self.fusions), "row": len(self.axis), "col": len(self.axis)}
        check_axes("probability", self.probability, "fusion row col", **sizes)
        check_axes("history", self.history, "fusion step 2", fusion=sizes["fusion"])
        check_axes("accuracy", self.accuracy, "fusion", fusion=sizes["fusion"])
        for name in ("truth", "additive"):
            check_axes(name, getattr(self, name), "row col", row=sizes["row"], col=sizes["col"])
        for name in ("axis", "probability", "truth", "additive", "history", "accuracy"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float32))

    def __repr__(self) -> str:
        cut = "" if self.complete else ", cancelled"
        found = ", ".join(
            f"{name} {right:.3f}" for name, right in zip(self.fusions, self.accuracy, strict=True)
        )
        return f"Regions({self.task!r}, best sum {self.additive_ceiling:.3f}: {found}{cut})"
