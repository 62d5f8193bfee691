"""What a section is given: how long, drawn by which seed, where, and whom it tells of failures."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Setting"]


@dataclass
class Setting:
    """One section's run.

    Attributes:
        folder: empty, taken away afterwards.
        seconds: no round is begun after so many.
        most: rounds, whatever they take; None goes by `seconds`.
        case: the one case to repeat; None tries what the seed draws.
        keep: where a repeated case leaves its file.
    """

    section: str
    seed: int
    folder: Path
    seconds: float
    most: int | None = None
    case: str | None = None
    keep: Path | None = None
    failures: list[str] = field(default_factory=list)

    def rounds(self) -> Iterator[int]:
        """0, 1, 2 … until the time is over, one at least; the case's number alone where one is repeated."""
        if self.case is not None:
            yield int(self.case.rpartition(":")[2] or 0)
            return
        began, number = time.monotonic(), 0
        while number == 0 or self._goes_on(number, time.monotonic() - began):
            yield number
            number += 1

    def _goes_on(self, number: int, passed: float) -> bool:
        return number < self.most if self.most is not None else passed < self.seconds

    def chance(self, *what: object) -> random.Random:
        """Random numbers that are the same for the same seed and the same case."""
        return random.Random("/".join(map(str, (self.seed, self.section, *what))))

    def fail(self, case: str, said: str) -> None:
        """Note a failure, and print it with the command that repeats it."""
        self.failures.append(f"{case}: {said}")
        again = f"python tests/stress/stress.py --only {self.section} --seed {self.seed}"
        print(
            f"FAILED {self.section} {case}: {said}\n  again: {again}" + (f" --case '{case}'" if case else ""),
            flush=True,
        )
