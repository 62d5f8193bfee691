"""The lessons as copies: running one leaves the project's own file alone, and `git pull` never conflicts.

A copy that its reader never wrote in follows the original; one with a word of theirs in it is theirs, and a
newer original is put beside it. Running a lesson is not writing in it: outputs come back with the next run.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.untrusted import parsed

__all__ = ["COPIES", "MEMORY", "ORIGINALS", "Copies", "copy_lessons"]

#: Folders of the project: where the lessons are, and where their copies are opened (git ignores it).
ORIGINALS = "notebooks"
COPIES = "my-notebooks"
#: What was copied, beside the copies. Without it a copy that differs counts as its reader's own.
MEMORY = ".copied.json"
#: A larger file that somebody laid beside the lessons is theirs, and is not doubled at every start.
LARGEST_MB = 50


@dataclass(frozen=True)
class Copies:
    """The folder to open, and what happened on the way, a line each."""

    folder: Path
    said: tuple[str, ...] = ()


def copy_lessons(project: Path) -> Copies:
    """Bring `my-notebooks` of a project up to date with its `notebooks`.

    Every file up to `LARGEST_MB` is copied, what lies beside the lessons too, so that links and paths between
    them hold. Where nothing can be written, the answer is the folder of the originals, and says so.

    Args:
        project: the folder that holds `notebooks`.
    """
    originals, copies = project / ORIGINALS, project / COPIES
    try:
        return Copies(copies, tuple(_bring_up_to_date(originals, copies)))
    except OSError as problem:
        reason = f"The lessons could not be copied to {copies} ({problem.strerror or problem})"
        return Copies(originals, (f"{reason}; the originals are opened.",))


def _bring_up_to_date(originals: Path, copies: Path) -> list[str]:
    copies.mkdir(parents=True, exist_ok=True)
    memory = _remembered(copies)
    said = [
        line
        for original in _files(originals)
        for line in _one(original, copies, original.relative_to(originals).as_posix(), memory)
    ]
    _write(copies / MEMORY, json.dumps(memory, indent=1, sort_keys=True).encode())
    return said


def _one(original: Path, copies: Path, name: str, memory: dict[str, Any]) -> list[str]:
    """Deal with one lesson: `memory[name]` becomes what is known of it. What there is to say, if anything."""
    copy, newest = copies / name, _digest(original.read_bytes())
    known = memory.get(name, {})
    if not copy.exists():
        _copy(original, copy)
    elif _written(copy) != known.get("written") and _written(copy) != _written(original):
        return _beside(original, copies, name, newest, memory)
    elif known.get("original") != newest:
        _copy(original, copy)
    memory[name] = {"original": newest, "written": _written(copy)}
    return []


def _beside(original: Path, copies: Path, name: str, newest: str, memory: dict[str, Any]) -> list[str]:
    """The reader wrote in the copy: leave it, and put a newer original beside it, once."""
    known = memory.setdefault(name, {"original": newest, "written": ""})
    if known["original"] == newest:
        return []
    place = copies / name
    number = 1
    while True:
        new = place.with_name(f"{place.stem} (new{'' if number == 1 else f' {number}'}){place.suffix}")
        beside = new.relative_to(copies).as_posix()
        if not new.exists() or _written(new) == memory.get(beside, {}).get("written"):
            break
        number += 1
    _copy(original, new)
    memory[beside] = {"original": newest, "written": _written(new)}
    known["original"] = newest
    return [f"{COPIES}/{name} holds what you wrote and stays; the lesson has changed since: see {beside}"]


def _files(folder: Path) -> list[Path]:
    """What is below `folder`, not hidden and not huge, in the order of its names."""
    return sorted(
        path
        for path in folder.rglob("*")
        if not any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
        and path.is_file()
        and path.stat().st_size <= LARGEST_MB * 2**20
    )


def _written(path: Path) -> str:
    """A digest of what a person wrote: of a notebook its cells without their outputs, else every byte."""
    whole = path.read_bytes()
    if path.suffix == ".ipynb":
        try:
            cells = [
                [cell["cell_type"], "".join(cell["source"]), cell.get("attachments")]
                for cell in json.loads(whole)["cells"]
            ]
        except (ValueError, KeyError, TypeError):
            return _digest(whole)
        # JupyterLab leaves an empty cell at the end for who pressed Shift+Enter on the last one.
        while cells and not cells[-1][1].strip():
            cells.pop()
        return _digest(json.dumps(cells, sort_keys=True).encode())
    return _digest(whole)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _remembered(copies: Path) -> dict[str, Any]:
    try:
        memory = parsed((copies / MEMORY).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {
        name: known
        for name, known in (memory.items() if isinstance(memory, dict) else ())
        if isinstance(known, dict) and {"original", "written"} <= set(known)
    }


def _copy(original: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    _write(copy, original.read_bytes())
    shutil.copystat(original, copy)
    copy.chmod(copy.stat().st_mode | 0o200)  # a read-only original makes no read-only copy


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: a start that is interrupted leaves the file as it was."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)
