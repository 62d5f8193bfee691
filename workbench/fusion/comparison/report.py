"""`FusionReport`: what a comparison measured, as arrays that need no torch and no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.axes import check_axes, frozen
from workbench.errors import UnknownNameError, did_you_mean
from workbench.formatting import html_table, html_warnings, plural
from workbench.fusion.comparison.report_parts import Budget, Contributions, Paired, Robustness
from workbench.fusion.design import FusionCard, Plan
from workbench.fusion.leaks import Leak
from workbench.keeping import Form, Kept
from workbench.renaming import warn_renamed
from workbench.results import Event, Provenance

__all__ = ["FusionReport", "TrainingEvent"]


@dataclass(frozen=True)
class TrainingEvent(Event):
    """Progress of a comparison, with the newest point of each curve.

    Attributes:
        fusion, seeds, epoch: what has just finished an epoch (epochs count from 1).
        values: "train_loss", "validation_loss", "validation_accuracy" to one number a seed.
    """

    fusion: str = ""
    seeds: tuple[int, ...] = ()
    epoch: int = 0
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FusionReport(Kept):
    """A comparison of fusions on one data set: same rows, same budgets, same seeds for all.

    NaN (or -1 in `epoch`) marks what an interrupted run did not reach; `complete` is False then.

    Attributes:
        data, modalities, classes: name of the data set, and its axes in words.
        cards, seeds: the fusion and seed axes of every array below.
        plan: how all of them were trained and tested.
        counts: rows by part of the data: "train", "validation", "test".
        metrics: "accuracy", "balanced_accuracy" (mean recall of the classes), "f1" (mean over classes),
            "auroc", "nll", "brier", "ece" to fusion x seed, on the test rows. A report that an earlier
            version kept may lack some.
        lines: twins of the numbers, by name: "chance", "balanced chance" and "f1 chance" of always naming
            the class most frequent in training, "ln K", and what the data know of themselves
            ("bayes_accuracy", "additive_accuracy").
        curves: "train_loss", "validation_loss", "validation_accuracy" to fusion x seed x epoch.
        epoch: fusion x seed; the epoch kept (from 1), chosen on validation.
        calibration: fusion x bin x 3: mean confidence, accuracy, items; over all seeds.
        confusion: fusion x class x class; rows are the truth, summed over seeds.
        robustness: one curve a modality and kind of harm: noise, missing.
        budget: parameters, FLOPs, seconds and memory of each fusion.
        contributions: what each modality does, and what they do only together; None if not asked.
        probability: fusion x item x class, of the first seed, for the test items in `items`.
        fused: fusion to item x width: fused vectors of the first seed, for `items`.
        items: item numbers in the examples, at most 1,000 test rows.
        truth: item; label index.
        config_hash: digest of data, fusions, seeds and plan.
        weights: fusion to name to array: the first seed's trained model, so that it can be asked
            again (`look`) without a live model.
        examples: what was trained and tested on, or None where it was opened without.
        broken: fusion to the reason why it was not compared.
        complete: False where it was interrupted.
        notes: what the reader must know; unequal budgets are among them, and what `leaks` say.
        leaks: ways in which test rows could be answered without learning, each with the modality that
            reads it and its numbers; a comparison with one is no evidence.
        provenance: where it comes from.
        code: Python that opens it again where it was kept; "" for one that was compared just now.
        built: fusion to the `Fusion` it was made by, for `look`.
    """

    _form: ClassVar[Form] = Form("report", "fusion report", "workbench.fusion.open_report", widened=True)
    _bound: ClassVar[Mapping[str, Any]] = MappingProxyType({"built": {}})
    _left: ClassVar[tuple[str, ...]] = ("examples", "built", "code")

    data: str
    modalities: tuple[str, ...]
    classes: tuple[str, ...]
    cards: tuple[FusionCard, ...]
    seeds: tuple[int, ...]
    plan: Plan
    counts: Mapping[str, int]
    metrics: Mapping[str, NDArray[np.float32]]
    lines: Mapping[str, float]
    curves: Mapping[str, NDArray[np.float32]]
    epoch: NDArray[np.int64]
    calibration: NDArray[np.float32]
    confusion: NDArray[np.int64]
    robustness: tuple[Robustness, ...]
    budget: Budget
    contributions: Contributions | None
    probability: NDArray[np.float32]
    fused: Mapping[str, NDArray[np.float32]]
    items: NDArray[np.int64]
    truth: NDArray[np.int64]
    config_hash: str
    weights: Mapping[str, Mapping[str, NDArray]] = field(default_factory=dict, repr=False)
    examples: Any = field(default=None, repr=False)
    broken: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True
    notes: tuple[str, ...] = ()
    leaks: tuple[Leak, ...] = ()
    built: Mapping[str, Any] = field(default_factory=dict, repr=False)
    provenance: Provenance = field(default_factory=lambda: Provenance("compare"))
    code: str = ""

    def __post_init__(self) -> None:
        sizes = {"fusion": len(self.cards), "seed": len(self.seeds)}
        for name, values in self.metrics.items():
            check_axes(name, values, "fusion seed", **sizes)
        for name, values in self.curves.items():
            check_axes(name, values, "fusion seed epoch", **sizes)
        check_axes(
            "probability", self.probability, "fusion item class", fusion=len(self.cards), item=len(self.items)
        )
        for name in ("metrics", "curves", "fused"):
            kept = {key: frozen(values) for key, values in getattr(self, name).items()}
            object.__setattr__(self, name, MappingProxyType(kept))
        for name in ("calibration", "probability"):
            object.__setattr__(self, name, frozen(getattr(self, name)))
        for name in ("epoch", "confusion", "items", "truth"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.int64))

    @property
    def fusions(self) -> tuple[str, ...]:
        """Names of the fusions, in the order of every fusion axis."""
        return tuple(card.name for card in self.cards)

    def index(self, fusion: str) -> int:
        """Index of a `fusion` on every fusion axis.

        Raises:
            UnknownNameError: it was not compared; the message names those that were.
        """
        if fusion not in self.fusions:
            raise UnknownNameError(
                f"{fusion!r} is not in this report; it holds {', '.join(self.fusions)}."
                f"{did_you_mean(fusion, self.fusions)}"
            )
        return self.fusions.index(fusion)

    def place(self, fusion: str) -> int:
        """The old name of `index`: where `fusion` stands on every fusion axis."""
        warn_renamed("FusionReport.place(fusion)", "FusionReport.index(fusion)")
        return self.index(fusion)

    def interval(self, measure: str = "accuracy") -> NDArray[np.float64]:
        """fusion x 3: mean of a `measure` over seeds, and the ends of its 95 % interval (Student's t).

        Raises:
            UnknownNameError: that was not measured; the message names what was.
        """
        from workbench.metrics import interval

        return np.stack([interval(row) for row in self.measured(measure)])

    def measured(self, measure: str) -> NDArray[np.float32]:
        """fusion x seed: one `measure` of `metrics`.

        Raises:
            UnknownNameError: that was not measured; the message names what was.
        """
        if measure not in self.metrics:
            raise UnknownNameError(
                f"{measure!r} was not measured in this report; it holds {', '.join(self.metrics)}. "
                f"Compare again to have it.{did_you_mean(measure, self.metrics)}"
            )
        return self.metrics[measure]

    @property
    def leaking(self) -> tuple[str, ...]:
        """Modalities that `leaks` name, each once."""
        return tuple(dict.fromkeys(leak.modality for leak in self.leaks))

    @property
    def plain_notes(self) -> tuple[str, ...]:
        """`notes` without what `leaks` say."""
        told = {leak.text for leak in self.leaks}
        return tuple(note for note in self.notes if note not in told)

    def paired(self, first: str, second: str, measure: str = "accuracy") -> Paired:
        """`first` minus `second` in a `measure`, seed by seed, with its 95 % confidence interval."""
        from workbench.metrics import interval

        values = self.measured(measure)
        difference = values[self.index(first)] - values[self.index(second)]
        mean, low, high = interval(difference)
        return Paired(first, second, measure, mean, low, high, int(np.isfinite(difference).sum()))

    def to_csv(self) -> str:
        """One row a fusion and seed, with configuration hash and seed, header first."""
        from workbench.fusion.comparison.export import to_csv

        return to_csv(self)

    def to_latex(self) -> str:
        """The table of a paper: mean and half-width of the 95 % interval; hash and seeds in a comment."""
        from workbench.fusion.comparison.export import to_latex

        return to_latex(self)

    def save(self, folder: str | Path, *, half: bool = False) -> Path:
        """Write the report into a new folder, weights included, for `open_report`; gives its path.

        Args:
            folder: is made; it must not hold anything yet.
            half: answers, fused vectors and weights in half precision: half the size, and no figure changes.

        Raises:
            BadInputError: the folder is there and not empty.
        """
        from workbench.fusion.comparison.storage import save_report

        return save_report(self, folder, half=half)

    def __len__(self) -> int:
        return len(self.cards)

    def __repr__(self) -> str:
        cut = "" if self.complete else ", interrupted"
        if self.leaks:
            kinds = ", ".join(f"{leak.modality} ({leak.kind})" for leak in self.leaks)
            cut += f", LEAKS: {kinds}"
        return (
            f"FusionReport({self.data!r}, {plural(len(self.cards), 'fusion')}, "
            f"{plural(len(self.seeds), 'seed')}, {plural(self.counts.get('test', 0), 'test item')}{cut})"
        )

    def _repr_html_(self) -> str:
        from workbench.fusion.comparison.export import table

        header, rows = table(self)
        notes = " ".join((*self.plain_notes, *(f"{name}: {why}" for name, why in self.broken.items())))
        return html_warnings(leak.text for leak in self.leaks) + html_table(
            f"{self!r}. {notes}", header, rows
        )
