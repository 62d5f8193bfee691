"""`Proof`: what each fusion reached on tasks with a known answer, beside what theory says."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field, fields
from typing import ClassVar

from workbench.formatting import html_table, plural
from workbench.keeping import Form, Kept
from workbench.results import Provenance

__all__ = ["Proof", "ProofRow"]


@dataclass(frozen=True)
class ProofRow:
    """One measured number between its bounds.

    Attributes:
        fusion: its name.
        kind: the class it claims: "additive", "universal", ...
        task: "xor", "and", "match", ...; for checks that need no training "structure".
        measure: "AUROC", "NLL", "R2", "accuracy", "parameters", "padding", ...
        measured: the number.
        low, high: the bounds that theory and the tolerance give (infinite where there is none).
        theory: the exact value or bound in words, with its reason.
        passed: whether `measured` lies within the bounds; None where theory says nothing.
    """

    fusion: str
    kind: str
    task: str
    measure: str
    measured: float
    low: float
    high: float
    theory: str
    passed: bool | None


@dataclass(frozen=True, eq=False)
class Proof(Kept):
    """All rows of one `prove()`.

    Attributes:
        rows: every measurement; `failures` are those outside their bounds.
        seconds: how long it took.
        complete: False if it was cancelled; the rows finished before are kept.
        provenance: where it comes from.
    """

    _form: ClassVar[Form] = Form("proof", "proof", "workbench.fusion.open_proof")

    rows: tuple[ProofRow, ...]
    seconds: float
    complete: bool = True
    provenance: Provenance = field(default_factory=lambda: Provenance("prove"))

    @property
    def failures(self) -> tuple[ProofRow, ...]:
        """Rows outside their bounds: the fusion breaks its own class."""
        return tuple(row for row in self.rows if row.passed is False)

    @property
    def fusions(self) -> tuple[str, ...]:
        """Names of the fusions that were tried, in order."""
        return tuple(dict.fromkeys(row.fusion for row in self.rows))

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        return tuple(dict.fromkeys(row.task for row in self.rows))

    def of(self, fusion: str, task: str | None = None) -> tuple[ProofRow, ...]:
        """The rows of one `fusion`, of one `task` if it is named."""
        return tuple(row for row in self.rows if row.fusion == fusion and task in (None, row.task))

    def to_csv(self) -> str:
        """Every row as CSV, header first."""
        out = io.StringIO()
        writer = csv.DictWriter(out, [entry.name for entry in fields(ProofRow)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in self.rows)
        return out.getvalue()

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        wrong = f", {plural(len(self.failures), 'failure')}" if self.failures else ", all within theory"
        cut = "" if self.complete else ", cancelled"
        return (
            f"Proof({plural(len(self.fusions), 'fusion')}, {plural(len(self.rows), 'row')}{wrong}, "
            f"{self.seconds:.0f} s{cut})"
        )

    def _repr_html_(self) -> str:
        header = ("fusion", "class", "task", "measure", "measured", "theory", "")
        marks = {True: "within", False: "BROKEN", None: "no claim"}
        rows = [
            (
                row.fusion,
                row.kind,
                row.task,
                row.measure,
                f"{row.measured:z.3f}",
                row.theory,
                marks[row.passed],
            )
            for row in sorted(self.rows, key=lambda row: row.passed is not False)
        ]
        return html_table(repr(self), header, rows)
