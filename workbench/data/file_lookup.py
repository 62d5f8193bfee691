"""Files that a table names: looked up in listings of their folders, not one by one."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from workbench.data.paths import is_address
from workbench.data.sources import FileSource
from workbench.formatting import plural

__all__ = ["Finder", "find_files"]

_TRIED = 20  # names that decide in which folder the pictures lie
_FEW = 200  # files of a folder that are quicker asked for than listed
_NUMBERED = re.compile(r"^(.*\.\w+)#\d+$")  # Flickr's captions: "1000.jpg#0" is a caption of "1000.jpg"
_APART = ("annotations", "annotation", "captions", "metadata", "labels", "splits")  # beside their pictures
_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")


class Finder:
    """Which files are there. A folder that many names lie in is listed once."""

    def __init__(self, expected: int) -> None:
        self._few = expected <= _FEW
        self._listed: dict[str, dict[str, str]] = {}

    def file(self, root: str, name: str) -> str | None:
        """The path of the file `name` below `root`, or None. Spellings of Windows and of Macs are tried."""
        for spelled in _spellings(name):
            path = os.path.normpath(os.path.join(root, os.path.expanduser(spelled)))
            if self._few:
                if _is_file(path):
                    return path
                if path.isascii():
                    continue
            folder, _, own = path.rpartition(os.sep)
            held = self._listing(folder or os.sep)
            found = held.get(own) or held.get(unicodedata.normalize("NFC", own))
            if found is not None:
                return os.path.join(folder or os.sep, found)
        return None

    def _listing(self, folder: str) -> dict[str, str]:
        """Names of the files in a folder, as they are and composed (NFC), to what they are called."""
        if folder not in self._listed:
            held: dict[str, str] = {}
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_file():
                            held.setdefault(unicodedata.normalize("NFC", entry.name), entry.name)
                            held[entry.name] = entry.name
            except (OSError, ValueError):
                pass
            self._listed[folder] = held
        return self._listed[folder]


def find_files(
    names: Sequence[str], folder: Path, *, root: Path | None
) -> tuple[dict[str, FileSource], tuple[str, ...]]:
    """A source for each name that is there, and notes on where they were found.

    They are looked up from `root`, else from the table's `folder`; if none is there, from the folders below
    it, and a note says so.
    """
    wanted = [name for name in dict.fromkeys(names) if name.strip() and not is_address(name.strip())]
    finder = Finder(len(wanted))
    base = root if root is not None else folder
    found = _all(finder, str(base), wanted)
    notes: tuple[str, ...] = ()
    if not found and wanted and root is None:
        place, cut = _elsewhere(finder, base, wanted)
        if place is not None:
            found = _all(finder, str(place), wanted, cut=cut)
            notes = (
                f"The pictures were found in {os.path.relpath(place, folder)!r}, seen from the table"
                + (f", without the first {plural(cut, 'folder')} of their paths" if cut else "")
                + ". root='...' decides otherwise.",
            )
    return found, notes


def _all(finder: Finder, root: str, names: Sequence[str], *, cut: int = 0) -> dict[str, FileSource]:
    """Sources by name; names of one file share a source."""
    found: dict[str, FileSource] = {}
    held: dict[str, FileSource] = {}
    for name in names:
        path = finder.file(root, _shortened(name.strip(), cut))
        if path is not None:
            found[name] = held.setdefault(path, FileSource(path))
    return found


def _elsewhere(finder: Finder, base: Path, names: Sequence[str]) -> tuple[Path | None, int]:
    """The folder in which most of the pictures lie, and how many leading folders of their paths do not count:
    only folders that all the paths share are ever left out, so that no two names meet.
    """
    tried = names[:: max(1, len(names) // _TRIED)][:_TRIED]
    shared = _shared_folders(names)
    for cut in range(shared + 1):
        for place in _near(base):
            there = sum(finder.file(str(place), _shortened(name.strip(), cut)) is not None for name in tried)
            if 2 * there > len(tried):
                return place, cut
    return None, 0


def _near(base: Path) -> list[Path]:
    """The folder itself and those below it; of one that is called "annotations", also those beside it."""
    if base.name.casefold() not in _APART:
        return [base, *_below(base)]
    above = base.parent
    return [base, *_below(base), above, *(place for place in _below(above) if place != base)]


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(place for place in folder.iterdir() if place.is_dir() and place.name[:1] != ".")[:100]
    except OSError:
        return []


def _shared_folders(names: Sequence[str]) -> int:
    """How many leading folders all names share."""
    parted = [_parts(name.strip())[:-1] for name in names]
    count = 0
    for level in zip(*parted, strict=False):
        if len(set(level)) > 1:
            break
        count += 1
    return count


def _parts(name: str) -> list[str]:
    plain = name.replace("\\", "/") if "\\" in name else name
    return [part for part in plain.split("/") if part]


def _shortened(name: str, cut: int) -> str:
    return "/".join(_parts(name)[cut:]) if cut else name


def _spellings(name: str) -> list[str]:
    """The name as it is; with a number behind it taken off; with the separators of Windows turned."""
    tried = [name]
    numbered = _NUMBERED.match(name)
    if numbered:
        tried.append(numbered[1])
    if "\\" in name and not _DRIVE.match(name):
        tried += [spelled.replace("\\", "/") for spelled in list(tried)]
    return tried


def _is_file(path: str) -> bool:
    try:
        return os.path.isfile(path)
    except (OSError, ValueError):
        return False
