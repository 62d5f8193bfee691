"""How `measured("easy-vqa")` was made: every fusion, five seeds, all of easy-VQA's questions.

    python -m workbench.recipes.easy_vqa --processes 2 --machine "2 cores, no GPU"

It takes about an hour on two cores. Fusions are shared out among processes; each writes its part into
`--work`, parts that are there are not measured again, and all are joined into the report that ships. What
comes out is what one call gives, but for the seconds: `compare(examples(data.load("easy-vqa")), plan=PLAN)`.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import workbench.fusion
from workbench import data
from workbench.errors import UnavailableError
from workbench.fusion import FusionReport, Plan, TrainingEvent, compare, examples, join, open_report
from workbench.fusion.comparison.compare import COMPARED
from workbench.results import Event

__all__ = ["PLAN", "parts"]

PLAN = Plan(epochs=20, batch_size=256, learning_rate=6e-3)
"""More rows and larger batches than `compare` takes by itself: enough for attention to learn what it can."""
SHIPPED = Path(workbench.fusion.__file__).parent / "kept" / "easy-vqa"


def measure(names: Sequence[str], folder: Path) -> None:
    """Compare these fusions and keep the report."""
    compare(examples(data.load("easy-vqa")), list(names), plan=PLAN, on_event=_log).save(folder)


def parts(work: Path, processes: int) -> list[FusionReport]:
    """Reports that together hold every fusion: those in `work`, and those of what is missing there.

    Raises:
        UnavailableError: a process failed; what the others wrote stays for the next try.
    """
    work.mkdir(parents=True, exist_ok=True)
    held = [open_report(folder) for folder in sorted(work.iterdir()) if (folder / "report.json").is_file()]
    known = {name for report in held for name in report.fusions}
    missing = [name for name in COMPARED if name not in known]
    running = {}
    for place in range(min(processes, len(missing))):
        names = missing[place::processes]
        command = [sys.executable, "-m", "workbench.recipes.easy_vqa", "--only", *names]
        to = work / f"from-{names[0]}"
        running[to] = subprocess.Popen([*command, "--work", str(to)])
    failed = [folder.name for folder, process in running.items() if process.wait()]
    if failed:
        raise UnavailableError(f"These parts failed, see above: {', '.join(failed)}. Run it again to go on.")
    return held + [open_report(folder) for folder in running]


def main() -> None:
    """Measure what is missing, join, and write what ships."""
    parser = argparse.ArgumentParser(prog="python -m workbench.recipes.easy_vqa", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/easy-vqa"), help="where the parts are kept")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--machine", default="a machine that was not named", help="said in the report")
    parser.add_argument("--to", type=Path, default=SHIPPED, help="where the report is written")
    parser.add_argument("--only", nargs="+", help="measure these fusions into --work, and stop")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if chosen.only:
        measure(chosen.only, chosen.work)
        return
    whole = join(parts(chosen.work, chosen.processes), COMPARED)
    note = f"Measured once on {chosen.machine}, {chosen.processes} processes at a time."
    shutil.rmtree(chosen.to, ignore_errors=True)
    replace(whole, notes=(*whole.notes, note)).save(chosen.to, half=True)
    logging.info("%r in %s", whole, chosen.to)


def _log(event: Event) -> None:
    if isinstance(event, TrainingEvent):
        logging.info("%s: epoch %d of %d", event.fusion, event.epoch, PLAN.epochs)


if __name__ == "__main__":
    main()
