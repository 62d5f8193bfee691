"""How far a comparison is: training and what is measured afterwards, in one count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.fusion.comparison.dataset import Bundle
from workbench.fusion.comparison.report import TrainingEvent
from workbench.fusion.design import Plan
from workbench.results import OnEvent

__all__ = ["Effort", "Told"]

STAGE = "comparing"
Told = Callable[[str, float], None]
"""Called with (what is measured, rows it took) after each part of the measuring."""

_BACKWARD = 3  # rows' worth of answers that learning from one row costs
_COSTED, _GRADIENTS, _INFORMATION = 2000, 1500, 3000  # rows' worth, as timed


@dataclass
class Effort:
    """Work of a comparison in rows answered by every seed: one to learn from counts thrice.

    Attributes:
        fusions: how many are compared. shown: rows that the measuring reads. emap: of those for the EMAP.
    """

    plan: Plan
    data: Bundle
    fusions: int
    shown: int
    emap: int
    on_event: OnEvent | None
    seeds: tuple[int, ...]
    done: float = 0.0
    _ended: int = 0

    @property
    def epoch(self) -> float:
        """Of one pass over the training rows, and the validation after it."""
        rows = self.data.rows
        return _BACKWARD * len(rows["train"]) + len(rows["validation"])

    @property
    def stages(self) -> int:
        """Experts first and then what combines them, or all at once."""
        return 1 if self.plan.training == "joint" else 2

    @property
    def contributions(self) -> float:
        """Of coalitions, the EMAP and gradients; what is decomposed at the end is counted by `last`."""
        if not self.plan.contributions:
            return 0.0
        return 10 * self.shown + self.emap**2 + _GRADIENTS

    @property
    def conditions(self) -> int:
        """Damages that every fusion meets."""
        return len(self.data.spec.features) * (len(self.plan.noise_test) + len(self.plan.p_missing_test))

    @property
    def of_one(self) -> float:
        """All of one fusion."""
        measured = len(self.data.rows["test"]) + _COSTED + self.conditions * self.shown
        return self.stages * self.plan.epochs * self.epoch + measured + self.contributions

    @property
    def last(self) -> float:
        """Of the information in data and answers, which needs all fusions."""
        return _INFORMATION * (1 + self.fusions) if self.plan.contributions else 0.0

    def step(
        self,
        fusion: str,
        what: str,
        rows: float,
        *,
        epoch: int = 0,
        values: dict[str, tuple[float, ...]] | None = None,
    ) -> None:
        """So much more is done, by name."""
        self.done = min(self.done + rows, (self._ended + 1) * self.of_one)
        self._tell(fusion, what, epoch, values or {})

    def end(self, fusion: str) -> None:
        """One fusion is measured; what it did not need counts as done."""
        self._ended += 1
        self.done = self._ended * self.of_one
        self._tell(fusion, "measured", 0, {})

    def finish(self) -> None:
        """The report is there."""
        self.done += self.last
        self._tell("all", "measured", 0, {})

    def _tell(self, fusion: str, what: str, epoch: int, values: dict[str, tuple[float, ...]]) -> None:
        if self.on_event is None:
            return
        total = max(1, round((self.fusions * self.of_one + self.last) / 1000))
        done = min(total, round(self.done / 1000))
        self.on_event(
            TrainingEvent(STAGE, done, total, f"{fusion}, {what}", fusion, self.seeds, epoch, values)
        )
