"""Section "mutations": every reader is given files made wrong, in a process that may die of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import psutil

from tests.stress.setting import Setting

__all__ = ["run"]

MOST_SECONDS = 10.0  # of one case, counted as time on a processor: a busy machine is no fault
_HANGS = 600.0  # seconds without an answer, of whatever kind


class _Child:
    """The process that reads, begun anew after whatever ended it."""

    def __init__(self, folder: Path) -> None:
        program = [sys.executable, str(Path(__file__).with_name("reading.py")), str(folder)]
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._answers: Queue[str] = Queue()
        Thread(target=self._listen, daemon=True).start()
        self.readers: list[str] = json.loads(self._answers.get(timeout=_HANGS))["ready"]

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def ask(self, **asked: Any) -> dict[str, Any]:
        """What came of a case; "fault" where the process took too long over it, or ended."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        used, began = self._used(), time.monotonic()
        while True:
            try:
                line = self._answers.get(timeout=1)
            except Empty:
                spent = self._used() - used
                if spent < 2 * MOST_SECONDS and time.monotonic() - began < _HANGS:
                    continue
                self.end()
                return {"outcome": "fault", "said": f"no end after {spent:.0f} s on a processor", "cpu": 0.0}
            if line:
                return json.loads(line)
            self.end()
            return {"outcome": "fault", "said": f"the process ended ({self.process.returncode})", "cpu": 0.0}

    def _used(self) -> float:
        try:
            times = psutil.Process(self.process.pid).cpu_times()
            return times.user + times.system
        except psutil.Error:
            return 0.0

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def run(setting: Setting) -> str:
    """Rounds of one case a reader; what was made wrong is the same for the same seed and number."""
    child = _Child(setting.folder)
    counts: Counter[str] = Counter()
    chosen = [setting.case.rpartition(":")[0]] if setting.case else child.readers
    for reader in chosen:  # whole files first: what cannot be read whole proves nothing
        child = child if child.alive else _Child(setting.folder)
        _one(setting, child, reader, -1, counts)
    for number in setting.rounds():
        for reader in chosen:
            child = child if child.alive else _Child(setting.folder)
            _one(setting, child, reader, number, counts)
    child.end()
    told = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in ("read", "refused", "fault"))
    return f"{sum(counts.values()):,} files of {len(chosen)} kinds ({told})"


def _one(setting: Setting, child: _Child, reader: str, number: int, counts: Counter[str]) -> None:
    keep = {"keep": str(setting.keep)} if setting.keep is not None and number >= 0 else {}
    told = child.ask(reader=reader, number=number, seed=setting.seed, **keep)
    if number < 0 and told["outcome"] != "read":
        told = {**told, "outcome": "fault", "said": f"the whole file was not read: {told['said']}"}
    if told["cpu"] > MOST_SECONDS and told["outcome"] != "fault" and number >= 0:
        told = {**told, "outcome": "fault", "said": f"it took {told['cpu']:.0f} s: {told['said']}"}
    counts[told["outcome"]] += 1
    if told["outcome"] == "fault":
        setting.fail(f"{reader}:{number}", f"{told.get('file', '')} {told['said']}")
