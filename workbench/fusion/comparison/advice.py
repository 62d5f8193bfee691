"""`Advice`: which fusion for a purpose, why, and why not the others. Plain data; `advise` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from workbench.errors import UnknownNameError, did_you_mean
from workbench.formatting import html_table
from workbench.fusion.design import FusionCard, Plan
from workbench.results import Provenance

__all__ = ["Advice", "Need", "Option", "Reason", "Source"]

Need = Literal["unknown", "sum", "product"]
"""What the label needs: unknown; "sum", a score of each modality added up decides it; "product", it lies in
how the two go together, as in XOR, in comparing, in a question about a picture."""
Source = Literal["theory", "measured", "practice"]


@dataclass(frozen=True)
class Reason:
    """One reason, and where it comes from.

    Attributes:
        text: a sentence.
        source: a theorem, the report, or what is known in practice.
    """

    text: str
    source: Source


@dataclass(frozen=True)
class Option:
    """One fusion as the report measured it.

    Attributes:
        card: of the fusion.
        quality: (mean, low, high) of accuracy over seeds, 95 % interval.
        behind: (mean, low, high) of the best allowed fusion's accuracy minus this one's, seed by seed.
        tied: that interval holds zero, or this is the best.
        missing: modality to accuracy with none of it, of a model that met complete pairs only in training.
        parameters, seconds: of the report's design; training time of one seed.
        excluded: why it is out of the question; "" if it is not.
    """

    card: FusionCard
    quality: tuple[float, float, float]
    behind: tuple[float, float, float]
    tied: bool
    missing: Mapping[str, float]
    parameters: int
    seconds: float
    excluded: str = ""

    @property
    def name(self) -> str:
        """The name that `compare` takes."""
        return self.card.name


@dataclass(frozen=True, eq=False)
class Advice:
    """Which fusion, with its reasons, and what to do next.

    Attributes:
        choice: name of the advised fusion; "" where nothing is left.
        reasons: why this one, the weightiest first.
        options: every fusion that was measured: allowed ones by advice, then those that are out, with the
            reason.
        try_first: what to compare on your own data before you believe this.
        plan: how to train there.
        answers: what was asked.
        evidence: of which data the figures are.
        notes: what the reader must know of them.
        provenance: of the report that was read.
    """

    choice: str
    reasons: tuple[Reason, ...]
    options: tuple[Option, ...]
    try_first: tuple[str, ...]
    plan: Plan
    answers: Mapping[str, object]
    evidence: str
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=lambda: Provenance("advise"))

    @property
    def allowed(self) -> tuple[Option, ...]:
        """Those that nothing speaks against, the advised one first."""
        return tuple(one for one in self.options if not one.excluded)

    @property
    def excluded(self) -> Mapping[str, str]:
        """Fusion to the reason why it is out of the question."""
        return {one.name: one.excluded for one in self.options if one.excluded}

    def option(self, name: str) -> Option:
        """The row of one fusion, by its `name`.

        Raises:
            UnknownNameError: it was not measured; the message names those that were.
        """
        names = [one.name for one in self.options]
        if name not in names:
            raise UnknownNameError(
                f"{name!r} is not among these options; they are {', '.join(names)}."
                f"{did_you_mean(name, names)}"
            )
        return self.options[names.index(name)]

    def __repr__(self) -> str:
        chosen = self.choice or "nothing is left"
        return f"Advice({chosen}: {self.reasons[0].text if self.reasons else ''})"

    def _repr_html_(self) -> str:
        header = ("fusion", "class", "accuracy", "behind the best", "parameters", "why not")
        rows = [
            (
                one.card.title, one.card.kind, f"{one.quality[0]:.3f}",
                "" if one.excluded else f"{one.behind[0]:.3f}", f"{one.parameters:,}", one.excluded,
            )
            for one in self.options
        ]  # fmt: skip
        said = " ".join(f"{one.text} ({one.source})" for one in self.reasons)
        return html_table(f"Advised: {self.choice or 'nothing'}. {said}", header, rows)
