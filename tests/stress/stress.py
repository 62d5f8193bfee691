"""`make stress`: what happens under load, when killed, with files made wrong, and after hundreds of rounds.

    threads      every verb and every widget's job beside every other on one model: each gives what it gives alone
    kills        a process killed while it writes: what is there opens or says what it lacks, and goes on
    mutations    every reader of files made wrong: an answer or a message, in ten seconds and two gigabytes
    soak         boards, models and vectors by the hundred: memory, files and threads stay bounded

What is tried is drawn by a seed, which is printed; what fails is printed with the one command that repeats it.
`--minutes 2 --seed 7` is a short run, `--only mutations` one section, `--rounds 3` so many rounds of each
whatever they take. It needs no network.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
import traceback
from pathlib import Path

import at_home

SHARES = {"threads": 0.35, "kills": 0.2, "mutations": 0.35, "soak": 0.1}
PROGRAM = "python tests/stress/stress.py"


def main(given: list[str] | None = None) -> int:
    """Run the sections asked for; 1 where something failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20.0, help="for all sections together")
    parser.add_argument("--rounds", type=int, help="so many rounds of each section instead of minutes")
    parser.add_argument("--seed", type=int, help="draws what is tried; else a new one, which is printed")
    parser.add_argument("--only", action="append", choices=list(SHARES), help="a section")
    parser.add_argument("--case", help="of one section, the case that failed")
    parser.add_argument("--keep", type=Path, help="with --case: a folder for the file that was made wrong")
    chosen = parser.parse_args(given)
    seed = secrets.randbelow(10**6) if chosen.seed is None else chosen.seed
    names = chosen.only or list(SHARES)
    print(f"seed {seed}", flush=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # sums in one order: what differs, differs for a reason
    from tests.stress.setting import Setting

    failed = 0
    for name in names:
        share = SHARES[name] / sum(SHARES[other] for other in names)
        with tempfile.TemporaryDirectory(prefix=f"stress-{name}-", ignore_cleanup_errors=True) as folder:
            os.environ["WORKBENCH_CACHE"] = str(Path(folder) / "cache")
            setting = Setting(
                name, seed, Path(folder), 60 * chosen.minutes * share, chosen.rounds, chosen.case, chosen.keep
            )
            began = time.perf_counter()
            try:
                done = _section(name)(setting)
            except Exception as problem:  # the other sections still have something to tell
                traceback.print_exc()
                setting.fail("", f"the section ended: {type(problem).__name__}: {problem}")
                done = "broken off"
            failed += len(setting.failures)
            state = f"{len(setting.failures)} FAILED" if setting.failures else "green"
            print(f"{name}: {state}, {done}, {time.perf_counter() - began:.0f} s, seed {seed}", flush=True)
    return int(failed > 0)


def _section(name: str) -> object:
    import importlib

    return importlib.import_module(f"tests.stress.{name}").run


if __name__ == "__main__":
    import no_network

    assert at_home.ROOT.is_dir()
    no_network.block()
    sys.exit(main())
