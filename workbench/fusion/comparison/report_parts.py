"""The parts of a `FusionReport`: robustness, contributions, cost, differences between fusions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.formatting import plural
from workbench.portable import Portable

__all__ = ["Budget", "Contributions", "Paired", "Pid", "Robustness"]


@dataclass(frozen=True, eq=False)
class Robustness(Portable):
    """Quality while one modality gets worse.

    Attributes:
        kind: "noise" or "missing".
        modality: the one that gets worse.
        levels: level, as asked for: noise in standard deviations, or the rate of missing items
        realised: level, number of test items that were really changed
        accuracy, nll: fusion x seed x level
        items: how many test items there are
        p_missing_train: how often the modality was missing in training
        theory: level, the curve of a closed form where the data have one, else None
    """

    kind: Literal["noise", "missing"]
    modality: str
    levels: NDArray[np.float32]
    realised: NDArray[np.int64]
    accuracy: NDArray[np.float32]
    nll: NDArray[np.float32]
    items: int
    p_missing_train: float
    theory: NDArray[np.float32] | None = None

    @property
    def relative(self) -> NDArray[np.float32]:
        """fusion x seed: area under the accuracy curve over that of a curve that never falls."""
        span = float(self.levels[-1] - self.levels[0]) or 1.0
        area = np.trapezoid(self.accuracy, self.levels, axis=-1) / span
        return (area / np.maximum(self.accuracy[..., 0], 1e-9)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Pid(Portable):
    """Partial information decomposition of (image, text) about the label, in bits.

    Attributes:
        redundant, unique, synergistic: bits; `unique` has one number a modality.
        null: (redundant, unique..., synergistic) averaged over permuted labels: what the estimator
            says where there is nothing.
        estimator: "exact" for discrete variables, else how they became discrete.
        unit: "bit".
        items: how many items were counted.
    """

    redundant: float
    unique: Mapping[str, float]
    synergistic: float
    null: tuple[float, ...] = ()
    estimator: str = "exact"
    unit: str = "bit"
    items: int = 0


@dataclass(frozen=True, eq=False)
class Contributions(Portable):
    """Which modality does the work, and how much of it only together.

    Attributes:
        coalitions: the modalities that are kept, one tuple a coalition.
        value: fusion x seed x coalition, test accuracy with the coalition's modalities kept and the
            others drawn from other items
        shapley: fusion x seed x modality; sums to value(all) - value(none)
        interaction: fusion x seed; value(all) - sum of single values + value(none) for two modalities
        emap_accuracy, emap_gap: fusion x seed; accuracy of the best-fitting sum of one function a
            modality (EMAP), and accuracy - emap_accuracy on the same `emap_items` items
        additive_share: fusion x seed; variance of EMAP over variance of the logits
        gradient_cosine: fusion x seed; cosine of the two modalities' gradients on shared weights,
            NaN where none are shared
        gradient_ratio: fusion x seed; norm of the first modality's gradient over the second's, at
            their own encoders, NaN where they have none
        pid: "data", and the name of each fusion, to the decomposition of the labels and of its answers
        removal: what is put in the place of a modality that is left out
        items: how many test items `value` was measured on
        emap_items: how many of them EMAP was measured on
    """

    coalitions: tuple[tuple[str, ...], ...]
    value: NDArray[np.float32]
    shapley: NDArray[np.float32]
    interaction: NDArray[np.float32]
    emap_accuracy: NDArray[np.float32]
    emap_gap: NDArray[np.float32]
    additive_share: NDArray[np.float32]
    gradient_cosine: NDArray[np.float32]
    gradient_ratio: NDArray[np.float32]
    pid: Mapping[str, Pid]  # "data", then one a fusion: of its own predictions
    removal: str = "the modality's tokens are drawn from other test items"
    items: int = 0
    emap_items: int = 0


@dataclass(frozen=True, eq=False)
class Budget(Portable):
    """What each fusion costs. Arrays run over fusions.

    Attributes:
        parameters: trainable numbers.
        flops: of one forward pass of one example (2 a multiply-add), counted by torch.
        flops_formula: the same from the formula; NaN for a fusion without one.
        seconds: training time of one seed.
        p50_ms, p95_ms: one example through the model, median and 95th percentile.
        memory_mb: weights, gradients, optimizer state and activations of one training batch.
        unmatched: names of fusions whose parameters or FLOPs are not within 1.5x of the median.
    """

    parameters: NDArray[np.int64]
    flops: NDArray[np.int64]
    flops_formula: NDArray[np.float64]
    seconds: NDArray[np.float32]
    p50_ms: NDArray[np.float32]
    p95_ms: NDArray[np.float32]
    memory_mb: NDArray[np.float32]
    unmatched: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Paired:
    """Difference of two fusions, seed by seed: `first` minus `second`, with its 95 % interval.

    Attributes:
        first, second: names of the fusions.
        measure: what was measured, such as "accuracy".
        mean: of the differences over the seeds.
        low, high: ends of the interval (Student's t); NaN of one seed.
        seeds: how many both were trained with.
    """

    first: str
    second: str
    measure: str
    mean: float
    low: float
    high: float
    seeds: int

    def __repr__(self) -> str:
        sure = f" ({self.low:.3f} to {self.high:.3f})" if self.seeds > 1 else ""
        what = f"{self.measure} of {self.first} minus {self.second}"
        return f"Paired({what}: {self.mean:+.3f}{sure}, {plural(self.seeds, 'seed')})"
