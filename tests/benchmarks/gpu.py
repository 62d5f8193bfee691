"""`make gpu`: what the workbench does on a graphics card, checked and timed in eight minutes at most.

It needs the repository and its packages, no network. Ratios compare two things within this run. The
table goes to `docs/gpu.md` with the card's name; `--dry` runs every section on the CPU to its end with
tiny sizes, and writes nothing. `--only NAME` runs one; `--list` names them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
DOCUMENT = ROOT / "docs" / "gpu.md"
TRAINING = "python -m workbench.recipes.emoji_clip train --resume --minutes {minutes:.0f}"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        holds: whether it is within its bound; None where there is none.
        peak: bytes that were taken on the card at most; None on a CPU.
    """

    what: str
    value: str
    beside: str = ""
    holds: bool | None = None
    peak: int | None = None


def main() -> int:
    """Run the sections asked for; 1 where one failed or a bound was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="on the CPU, tiny")
    parser.add_argument("--only", action="append", help="a section")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--minutes", type=float, default=8.0, help="no section is begun after so many")
    parser.add_argument("--write", type=Path, help=f"where the table goes; else {DOCUMENT.relative_to(ROOT)}")
    chosen = parser.parse_args()
    if chosen.dry:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch looks
    os.environ["WORKBENCH_CACHE"] = tempfile.mkdtemp(prefix="workbench-gpu-")
    from gpu_sections import SECTIONS

    unknown = set(chosen.only or ()) - set(SECTIONS)
    if chosen.list or unknown:
        print("\n".join(f"{name:<12} {one.__doc__}" for name, one in SECTIONS.items()))
        return int(bool(unknown))
    began = time.perf_counter()
    rows = _run([(name, SECTIONS[name]) for name in chosen.only or SECTIONS], chosen, began)
    text = _document(rows, time.perf_counter() - began, chosen.dry)
    print(text)
    target = chosen.write or (None if chosen.dry or chosen.only else DOCUMENT)
    if target is not None:
        target.write_text(text, "utf-8")
    left = max(2.0, chosen.minutes - (time.perf_counter() - began) / 60)
    print(
        f"With the minutes that are left, make the shipped model better:\n  {TRAINING.format(minutes=left)}"
    )
    return int(any(row.holds is False for row in rows))


def _run(sections: list, chosen: argparse.Namespace, began: float) -> list[Row]:
    from gpu_sections import Setting

    setting, rows = Setting.here(chosen.dry), []
    for name, section in sections:
        if time.perf_counter() - began > 60 * chosen.minutes:
            rows.append(Row(name, "not begun", f"after {chosen.minutes:g} minutes", False))
            continue
        start = time.perf_counter()
        try:
            found = setting.watched(section)
        except Exception as problem:  # the other sections still have something to tell
            traceback.print_exc()
            found = [
                Row(name, "failed", f"{type(problem).__name__}: {str(problem).splitlines()[0][:120]}", False)
            ]
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        for row in found:
            print(f"  {row.what:<58} {row.value:>18}   {row.beside}", flush=True)
        rows += found
    return rows


def _document(rows: list[Row], seconds: float, dry: bool) -> str:
    import torch

    card = "the CPU (a dry run)" if dry or not torch.cuda.is_available() else torch.cuda.get_device_name()
    missed = [row.what for row in rows if row.holds is False]
    verdict = "Every bound holds." if not missed else f"Bounds missed: {'; '.join(missed)}."
    lines = [
        f"# On {card}",
        "",
        f"`make gpu` wrote this with torch {torch.__version__} on Python {sys.version.split()[0]}, in "
        f"{seconds:.0f} seconds. Ratios compare two things within the one run. {verdict}",
        "",
        "| what | measured | beside it | peak memory |",
        "| --- | --- | --- | --- |",
        *(f"| {row.what} | {row.value} | {_beside(row)} | {_size(row.peak)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _beside(row: Row) -> str:
    return f"**missed**: {row.beside}" if row.holds is False else row.beside


def _size(peak: int | None) -> str:
    return "" if peak is None else f"{peak / 2**20:,.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
