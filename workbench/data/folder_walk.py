"""Every file of a folder: pictures, what is said beside them, and what is left out, each by name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from workbench.data.paths import readable
from workbench.data.pictures import ENDINGS, picture_kind
from workbench.formatting import plural

__all__ = ["Found", "left_out", "walk"]

_SNIFFED = 32  # bytes that say what a file is
_NAMED = 3


@dataclass
class Found:
    """The files of a folder, as paths relative to it.

    Attributes:
        pictures: in order of their paths.
        others: files that are no pictures: captions, tables, and what nobody reads.
        hidden: files and folders whose names begin with a dot.
        broken: links that lead nowhere, and folders that may not be entered.
        outside: pictures that are links to a place outside the folder.
        unnamed: pictures without an ending, known by their first bytes.
    """

    pictures: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    outside: set[str] = field(default_factory=set)
    unnamed: list[str] = field(default_factory=list)


def walk(root: Path) -> Found:
    """Every file below `root`. Links are followed, each folder once, so that a circle ends."""
    found = Found()
    _enter(root, "", found, {_identity(root)}, _Home(os.path.realpath(root)))
    found.pictures.sort(key=Path)
    return found


@dataclass(frozen=True)
class _Home:
    """The folder that was asked for, as it really is."""

    real: str

    def holds(self, path: str) -> bool:
        real = os.path.realpath(path)
        return real == self.real or real.startswith(self.real.rstrip(os.sep) + os.sep)


def _enter(folder: Path, inside: str, found: Found, seen: set[tuple[int, int]], home: _Home) -> None:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        found.broken.append(inside or str(folder))
        return
    for entry in entries:
        name = os.path.join(inside, entry.name)
        if entry.name.startswith("."):
            found.hidden.append(name)
        elif entry.is_dir():
            known = _identity(Path(entry.path))
            if known in seen:
                found.broken.append(name)
                continue
            _enter(Path(entry.path), name, found, seen | {known}, home)
        elif entry.is_file():
            _file(entry, name, found, home)
        else:
            found.broken.append(name)


def _file(entry: os.DirEntry[str], name: str, found: Found, home: _Home) -> None:
    ending = os.path.splitext(entry.name)[1].lower()
    if ending not in ENDINGS:
        known = _kind(entry.path) if ending in ("", ".heic", ".heif") or not _is_ending(ending) else ""
        if not known:
            found.others.append(name)
            return
        found.unnamed.append(name)
    found.pictures.append(name)
    if entry.is_symlink() and not home.holds(entry.path):
        found.outside.add(name)


def _is_ending(ending: str) -> bool:
    """Whether it is one: the ".05" of a date is not, and the file may be a picture."""
    return not ending[1:].isdigit()


def _kind(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return picture_kind(file.read(_SNIFFED))
    except OSError:
        return ""


def _identity(path: Path) -> tuple[int, int]:
    told = os.stat(path)
    return told.st_dev, told.st_ino


def left_out(found: Found, used: Iterable[str]) -> tuple[str, ...]:
    """A sentence for each kind of file that was not read, but for those in `used`."""
    rest = sorted(set(found.others) - set(used))
    notes = []
    if rest:
        kinds = Counter(os.path.splitext(name)[1].lower() or "no ending" for name in rest)
        counted = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(8))
        notes.append(f"{plural(len(rest), 'file')} left out, no pictures: {counted} ({_first(rest)})")
        if any(name.lower().endswith((".heic", ".heif")) for name in rest):
            notes.append("Photographs in HEIC cannot be read here: export them as JPEG")
    if found.hidden:
        count = plural(len(found.hidden), "hidden file or folder", "hidden files or folders")
        notes.append(f"{count} left out ({_first(found.hidden)})")
    if found.broken:
        notes.append(
            f"{plural(len(found.broken), 'link or folder', 'links or folders')} left out: they lead nowhere, "
            f"in a circle, or may not be entered ({_first(found.broken)})"
        )
    if found.outside:
        count = plural(len(found.outside), "picture is a link", "pictures are links")
        notes.append(f"{count} to a place outside the folder ({_first(sorted(found.outside))})")
    if found.unnamed:
        count = plural(len(found.unnamed), "picture")
        notes.append(f"{count} known by content, not by ending ({_first(found.unnamed)})")
    return tuple(notes)


def _first(names: list[str]) -> str:
    return ", ".join(repr(readable(name)) for name in names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
