"""What `faithfulness` returns: every score of a map, each beside a random map and the picture's centre."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.heatmap import Cost
from workbench.axes import check_axes, frozen
from workbench.errors import BadInputError
from workbench.formatting import html_table
from workbench.keeping import Form, Kept
from workbench.portable import Portable
from workbench.results import Provenance

__all__ = ["Curve", "Faithfulness", "Measure", "Protocol"]


@dataclass(frozen=True)
class Protocol:
    """How patches are taken away, spelled out, since other choices give other numbers.

    Attributes:
        fill: what stands in a removed patch: "mean" (the picture's mean colour), "blur", "white" or "black".
        steps: points of a curve besides its start.
        baselines: random maps that a score is compared with. Their mean is known to their spread
            divided by the root of their number: with 30 to a fifth of it, with 4 to no more than half.
        seed: of the random maps.
    """

    fill: str = "mean"
    steps: int = 8
    baselines: int = 30
    seed: int = 0

    def __str__(self) -> str:
        return (
            f"whole patches, most important first, to nothing in {self.steps} equal steps; removed patches "
            f"become {'the mean colour' if self.fill == 'mean' else self.fill}; score = mean of the curve"
        )


@dataclass(frozen=True, eq=False)
class Curve(Portable):
    """The target as patches are removed ("deletion") or shown ("insertion"), most important first.

    Attributes:
        name: "deletion" or "insertion".

    Shapes:
        share: step, share of the patches removed or shown, from 0 to 1
        value: step, the target of the method's order
        random: baseline x step, the same for random orders
        centre: step, the same for "nearest to the centre first"
    """

    name: str
    share: NDArray[np.float32]
    value: NDArray[np.float32]
    random: NDArray[np.float32]
    centre: NDArray[np.float32]

    def __post_init__(self) -> None:
        check_axes("share", self.share, "step")
        steps = len(self.share)
        check_axes("value", self.value, "step", step=steps)
        check_axes("random", self.random, "baseline step", step=steps)
        check_axes("centre", self.centre, "step", step=steps)
        for name in ("share", "value", "random", "centre"):
            object.__setattr__(self, name, frozen(getattr(self, name)))


@dataclass(frozen=True)
class Measure:
    """One score, with what a map that knows nothing would get.

    Attributes:
        name: "deletion", "insertion", "pointing", "overlap" or "randomisation".
        value: of this map.
        random, spread: mean and sample standard deviation (n - 1) of random maps.
        centre: of the map "nearest to the centre first".
        better: "higher" or "lower".
        meaning: one sentence for a human.
    """

    name: str
    value: float
    random: float
    spread: float
    centre: float
    better: str = "higher"
    meaning: str = ""

    @property
    def beats_random(self) -> bool:
        """Whether it is better than the random maps by more than two of their standard deviations."""
        gain = self.value - self.random if self.better == "higher" else self.random - self.value
        return gain > max(2 * self.spread, 1e-9)


@dataclass(frozen=True, eq=False)
class Faithfulness(Kept):
    """The scores of one map. Differences smaller than the spread of the random maps say nothing.

    Attributes:
        method, title: of the map that is scored.
        protocol: how patches were taken away.
        measures: by name: "deletion", "insertion", "randomisation", "pointing", "overlap", as asked for.
        curves: of deletion and insertion.
        skipped: measure -> why it could not be taken (no mask, no random weights, ...).
        cost: forwards and backwards taken.
        provenance: that of the map, with measures, protocol and seed.
    """

    _form: ClassVar[Form] = Form("scores", "scores of a map", "workbench.attribution.open_scores")

    method: str
    title: str
    protocol: Protocol
    measures: Mapping[str, Measure]
    curves: Mapping[str, Curve] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    provenance: Provenance = field(default_factory=lambda: Provenance("faithfulness"))

    def __post_init__(self) -> None:
        for name in ("measures", "curves", "skipped"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __getitem__(self, name: str) -> Measure:
        if name not in self.measures:
            why = self.skipped.get(name, f"measured were {', '.join(self.measures) or 'none'}")
            raise BadInputError(f"There is no measure {name!r} here: {why}.")
        return self.measures[name]

    def __repr__(self) -> str:
        parts = [f"{name} {m.value:.3f} (random {m.random:.3f})" for name, m in self.measures.items()]
        return f"Faithfulness({self.title}: {', '.join(parts) or 'nothing measured'}; {self.cost})"

    def _repr_html_(self) -> str:
        rows: list[tuple[str, ...]] = [
            (
                m.name,
                f"{m.value:.3f}",
                f"{m.random:.3f} ± {m.spread:.3f}",
                f"{m.centre:.3f}",
                m.better,
                m.meaning,
            )
            for m in self.measures.values()
        ]
        rows += [(name, "", "", "", "", reason) for name, reason in self.skipped.items()]
        caption = f"{self.title}: {self.protocol} — {self.cost}"
        return html_table(
            caption, ("measure", "this map", "random maps", "centre", "better", "meaning"), rows
        )
