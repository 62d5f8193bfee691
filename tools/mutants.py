"""`make mutants`: plant small faults in compute, one at a time, and count those that a test notices.

    make mutants                                  a sample of every module of tools/mutants.toml
    make mutants ARGS="--only calibration"        one module, or several: --only pid --only shapley
    make mutants ARGS="--most 40 --seed 3"        40 faults a module, drawn by seed 3; --most 0: all there are
    make mutants ARGS="--list --only pid"         what would be planted

A fault is a change of one expression (tools/faults.py). It is never written to a file: each is compiled in a
process of its own, forked from one that has imported torch and its like once, and the module's own tests run
there until the first fails. What is known stands in build/mutants.jsonl, so that a run that was stopped goes
on where it was; a fault is tried anew when its module changed, and one that survived when its tests did. A
program that a test starts for itself reads the files as they are, and so sees no fault.

"Equivalent" faults change no answer; they stand in tools/mutants.toml with the reason, and are not counted.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import json
import os
import random
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from faults import Mutation, mutations

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "tools" / "mutants.toml"
KNOWN = ROOT / "build" / "mutants.jsonl"
AIM = 85  # percent
_MOST = 20
_LEFT_OUT = "not browser and not notebook and not slow"
# Imported once, before any fork: what takes the seconds. None of it may be ours.
_HEAVY = (
    "numpy", "scipy.stats", "scipy.optimize", "scipy.sparse", "pandas", "pyarrow", "PIL.Image", "torch",
    "torchvision", "transformers", "open_clip", "captum.attr", "sklearn.metrics", "sklearn.neighbors",
    "sklearn.manifold", "hypothesis", "skimage", "emoji", "pytest",
)  # fmt: skip


@dataclass(frozen=True)
class Module:
    """A row of the table: a file of compute, and the tests that belong to it."""

    name: str
    path: str
    tests: tuple[str, ...]

    @property
    def dotted(self) -> str:
        """The name it is imported by."""
        return self.path.removesuffix(".py").replace("/", ".")

    def digest(self, *paths: str) -> str:
        """Of the content of `paths`, folders with all their Python."""
        whole = hashlib.sha256()
        for path in paths:
            place = ROOT / path.partition("::")[0]
            for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
                whole.update(file.read_bytes())
        return whole.hexdigest()[:16]


def table() -> tuple[list[Module], dict[tuple[str, str], str]]:
    """The modules, and (module, fault) to why that fault changes nothing."""
    read = tomllib.loads(TABLE.read_text("utf-8"))
    modules = [Module(one["name"], one["path"], tuple(one["tests"])) for one in read["module"]]
    return modules, {(one["module"], one["fault"]): one["why"] for one in read.get("equivalent", ())}


class _Planted(MetaPathFinder, SourceFileLoader):
    """Gives one module in the words of `source`; every other is found as always."""

    def __init__(self, module: Module, source: str) -> None:
        SourceFileLoader.__init__(self, module.dotted, str(ROOT / module.path))
        self._code = compile(source, self.path, "exec")

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return (
            importlib.util.spec_from_file_location(fullname, self.path, loader=self)
            if fullname == self.name
            else None
        )

    def get_code(self, fullname: str) -> CodeType:
        return self._code


def warmed() -> None:
    """What is imported once for all faults; one thread, since only the forking thread lives on in a fork."""
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.path.insert(0, str(ROOT))
    for name in _HEAVY:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # an oracle that is not installed; its tests say so themselves
    ours = [name for name in sys.modules if name.partition(".")[0] in ("workbench", "widgets")]
    assert not ours, f"imported before the fault is planted: {ours}"


def tried(module: Module, source: str | None, limit_s: float) -> tuple[str, str]:
    """("survived" | "killed" | "broken", the first test that failed) with `source` as the module's text."""
    with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "log"
        child = os.fork()
        if not child:
            _run_in_child(module, source, Path(folder), log)
        until = time.monotonic() + limit_s
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                break
            if time.monotonic() > until:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return "killed", f"not done in {limit_s:.0f} s"
            time.sleep(0.05)
        said = log.read_text("utf-8", "replace") if log.exists() else ""
    code = os.waitstatus_to_exitcode(status)
    failed = [line for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    by = failed[0].partition(" - ")[0] if failed else said[-300:]
    if code == 0:
        return "survived", ""
    return ("killed" if failed or code in (1, 2, 3, 4) or code < 0 else "broken"), by


def _run_in_child(module: Module, source: str | None, folder: Path, log: Path) -> None:
    """The module's tests, in this process, which ends with what pytest says."""
    code = 70
    try:
        os.setsid()  # so that what the tests start can be ended with them
        os.chdir(ROOT)
        quiet = os.open(log, os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(quiet, stream)
        if source is not None:
            sys.meta_path.insert(0, _Planted(module, source))
        import pytest

        options = ["-x", "-q", "-m", _LEFT_OUT, "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no"]
        options += ["--hypothesis-seed=0", f"--basetemp={folder / 'tests'}"]
        code = int(pytest.main([*module.tests, *options]))
        sys.stdout.flush()
    finally:
        os._exit(code)


def drawn(module: Module, most: int, seed: int) -> tuple[list[Mutation], int]:
    """The faults to try (`most` of them, or all if 0), and how many there are."""
    found = mutations((ROOT / module.path).read_text("utf-8"))
    if not most or most >= len(found):
        return found, len(found)
    places = random.Random(f"{seed} {module.name}").sample(range(len(found)), most)
    return [found[place] for place in sorted(places)], len(found)


def known() -> dict[tuple[str, str, str], dict[str, str]]:
    """(module, its content, fault) to what was found in earlier runs."""
    if not KNOWN.exists():
        return {}
    rows = [json.loads(line) for line in KNOWN.read_text("utf-8").splitlines() if line.strip()]
    return {(row["module"], row["content"], row["fault"]): row for row in rows}


@dataclass
class Figure:
    """Of one module, or of all."""

    killed: int = 0
    survived: int = 0
    equivalent: int = 0
    of: int = 0

    def __str__(self) -> str:
        counted = self.killed + self.survived
        share = f"{100 * self.killed / counted:.0f} % killed" if counted else "none counted"
        told = f"{self.killed} killed, {self.survived} survived, {self.equivalent} equivalent"
        return f"{share}: {told}, of {self.of} faults that there are"

    def __add__(self, other: Figure) -> Figure:
        return Figure(
            self.killed + other.killed, self.survived + other.survived,
            self.equivalent + other.equivalent, self.of + other.of,
        )  # fmt: skip


def judged(module: Module, most: int, seed: int, equivalent: dict[tuple[str, str], str]) -> Figure:
    """Try the module's faults and print those that survive."""
    chosen, count = drawn(module, most, seed)
    figure, before = Figure(of=count), known()
    content, tests = module.digest(module.path), module.digest(*module.tests)
    limit_s = 0.0
    for fault in chosen:
        if (module.name, fault.name) in equivalent:
            figure.equivalent += 1
            continue
        row = before.get((module.name, content, fault.name), {})
        if row.get("state") != "killed" and row.get("tests") != tests:
            limit_s = limit_s or 3 * _seconds(module) + 20
            state, by = tried(module, fault.source, limit_s)
            row = {"module": module.name, "content": content, "tests": tests, "fault": fault.name}
            row |= {"state": state, "by": by}
            KNOWN.parent.mkdir(exist_ok=True)
            with KNOWN.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        if row["state"] == "killed":
            figure.killed += 1
            continue
        figure.survived += 1
        print(
            f"  {row['state']}  {module.path}:{fault.line}  {fault.kind}: {fault.was}  ->  {fault.now}",
            flush=True,
        )
    print(f"{module.name:<14} {module.path}: {figure}", flush=True)
    return figure


def _seconds(module: Module) -> float:
    """How long the tests take without a fault."""
    began = time.monotonic()
    state, by = tried(module, None, 600)
    if state != "survived":
        raise SystemExit(f"The tests of {module.name} fail without any fault: {by}. Mend them first.")
    return time.monotonic() - began


def main(given: Sequence[str] | None = None) -> int:
    """Judge the modules asked for, and all of them together."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modules, equivalent = table()
    names = [one.name for one in modules]
    parser.add_argument("--only", action="append", choices=names, help="a module of tools/mutants.toml")
    parser.add_argument(
        "--most", type=int, default=_MOST, help=f"faults a module, {_MOST} if left out; 0: all"
    )
    parser.add_argument("--seed", type=int, default=0, help="draws which; 0 if left out")
    parser.add_argument("--list", action="store_true", help="say what would be planted, and stop")
    chosen = parser.parse_args(given)
    picked = [one for one in modules if not chosen.only or one.name in chosen.only]
    if chosen.list:
        for module in picked:
            for fault in drawn(module, chosen.most, chosen.seed)[0]:
                print(f"{module.path}:{fault.line}  {fault.name}")
        return 0
    if not hasattr(os, "fork"):
        raise SystemExit(
            "Faults are planted in forks of one process, which Windows has not. Run it on Linux or macOS."
        )
    print(f"seed {chosen.seed}, at most {chosen.most or 'all'} faults a module", flush=True)
    warmed()
    whole = Figure()
    for module in picked:
        whole += judged(module, chosen.most, chosen.seed, equivalent)
    print(f"\nin all: {whole}; the aim is {AIM} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
