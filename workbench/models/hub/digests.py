"""Whether a file is the one that was published, by its digest.

The hub states the sha256 of large files and git's object name of small ones, and its cache names each stored
file after the digest, so that a file can be checked without a network too.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from workbench.cache import cache_folder, replacing
from workbench.models.weights import file_sha256
from workbench.untrusted import parsed

__all__ = ["damaged", "drop"]

_SHA256, _GIT = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")


def damaged(
    folder: Path, files: Iterable[str], stated: Mapping[str, str] | None = None, *, again: bool = False
) -> list[str]:
    """Those of `files` in a snapshot whose content is not what its digest says.

    A file that was found well is not read again until its size or time of change differ.

    Args:
        folder: a snapshot in the hub's cache.
        files: names relative to it.
        stated: file -> digest as the hub states it; the names of the stored files where it says nothing.
        again: read what was found well before, too.
    """
    known, found, changed = _read_known(), [], False
    for name in files:
        path = (folder / name).resolve()
        state = path.stat()
        seen = [state.st_size, state.st_mtime_ns]
        was_well = known.get(str(path)) == seen
        if was_well and not again:
            continue
        expected = (stated or {}).get(name, path.name)
        actual = _digest_like(expected, path)
        if actual == expected:
            known[str(path)], changed = seen, True
        elif actual is not None and not was_well:  # a mirror may name a file by another digest than it states
            found.append(name)
    if changed:
        _write_known(known)
    return found


def drop(folder: Path, files: Iterable[str]) -> None:
    """Take files out of the cache, the stored content and the link to it."""
    for name in files:
        link = folder / name
        link.resolve().unlink(missing_ok=True)
        link.unlink(missing_ok=True)


def _digest_like(stated: str, path: Path) -> str | None:
    """The digest of a file in the form of `stated`; None where that is none: a copied cache without links."""
    if _SHA256.fullmatch(stated):
        return file_sha256(path)
    if _GIT.fullmatch(stated):
        content = path.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return None


def _known_file() -> Path:
    return cache_folder() / "hub" / "verified.json"


def _read_known() -> dict[str, list[int]]:
    try:
        known = parsed(_known_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_known(known: Mapping[str, list[int]]) -> None:
    """Two kernels may write at once: the last one counts, and what it did not know is read once more."""
    target = _known_file()
    here = {path: seen for path, seen in known.items() if os.path.exists(path)}
    try:
        with replacing(target) as file:
            file.write(json.dumps(here).encode())
    except OSError:
        return  # a cache that cannot be written costs a second look, nothing else
