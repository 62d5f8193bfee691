"""A process that reads what was made wrong, one case a line, and says what came of it.

It stands apart so that a reader may hang, take all memory or end its process without taking the others along.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import at_home  # noqa: F401 - makes `tests` this repository's

MOST_MEMORY = 2_000_000_000  # bytes that one case may take
_GUARD = 6_000_000_000  # bytes of address space beyond what the libraries have: protects the machine


def main(base: Path) -> None:
    """Read cases from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    import no_network

    no_network.block()
    import warnings

    warnings.simplefilter("ignore")
    import torch

    torch.set_num_threads(1)
    from tests.stress.readers import READERS

    readers = READERS()
    answers.write(json.dumps({"ready": sorted(readers)}) + "\n")
    answers.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        told = _case(readers[asked["reader"]], base, asked)
        answers.write(json.dumps(asked | told) + "\n")
        answers.flush()


def _case(reader: Any, base: Path, asked: dict[str, Any]) -> dict[str, Any]:
    whole = base / asked["reader"].replace(" ", "_").replace(",", "")
    if not whole.is_dir():
        beside = Path(tempfile.mkdtemp(dir=base))
        reader.make(beside)
        beside.rename(whole)
    with tempfile.TemporaryDirectory(dir=base, ignore_cleanup_errors=True) as made:
        folder = Path(shutil.copytree(whole, Path(made) / "case"))
        name = "" if asked["number"] < 0 else _spoil(reader, folder, asked)
        if asked.get("keep"):
            shutil.copytree(folder, asked["keep"], dirs_exist_ok=True)
        _guard()
        before, clock = _resident(reset=True), time.process_time()
        outcome, said = _read(reader, folder)
        taken = _peak() - before
    if taken > MOST_MEMORY and outcome != "fault":
        outcome, said = "fault", f"it took {taken / 1e9:.1f} GB of memory, then: {said}"
    return {
        "outcome": outcome,
        "said": said,
        "file": name,
        "cpu": time.process_time() - clock,
        "memory": taken,
    }


def _spoil(reader: Any, folder: Path, asked: dict[str, Any]) -> str:
    from tests.stress.mutators import mutated

    chance = random.Random(f"{asked['seed']}/{asked['reader']}/{asked['number']}")
    groups = [sorted(path for path in folder.glob(pattern) if path.is_file()) for pattern in reader.files]
    file = chance.choice(chance.choice([group for group in groups if group]))
    file.write_bytes(mutated(file.name, file.read_bytes(), chance))
    if reader.again is not None:
        reader.again(folder)
    return str(file.relative_to(folder))


def _read(reader: Any, folder: Path) -> tuple[str, str]:
    from workbench.errors import WorkbenchError

    try:
        reader.read(folder)
        return "read", ""
    except WorkbenchError as problem:
        said = str(problem)
        if len(said) < 20 or len(said) > 4000:
            return "fault", f"a message of {len(said)} letters: {said[:200]}"
        return "refused", said[:300].replace(str(folder), "...")
    except BaseException as problem:
        where = "".join(traceback.format_exception(problem)[-1:])
        frames = [
            f
            for f in traceback.extract_tb(problem.__traceback__)
            if "workbench/" in f.filename or "widgets/" in f.filename
        ]
        at = "; ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames[-3:])
        return "fault", f"{where.strip()[:400]} (at {at})"


def _guard() -> None:
    try:
        import resource

        size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (size + _GUARD, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (ImportError, OSError, ValueError):
        return  # no such limit here: the machine's own stands


def _resident(*, reset: bool = False) -> int:
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError):
        return 0


def _peak() -> int:
    try:
        line = next(
            one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")
        )
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        return 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
