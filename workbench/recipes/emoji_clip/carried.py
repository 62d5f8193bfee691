"""All that training needs, in one file of 18 MB: for a machine lent for minutes, without a network.

`python -m workbench.recipes.emoji_clip pack` writes it where the drawings were fetched. Put it into the
work folder of another machine, and `train` there asks neither npm nor the packages of emoji for anything.
The drawings are inside as their authors made them, and are drawn there as they would be here. OpenMoji,
the style that is only measured with, is not inside.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["NAME", "drawings_in", "pack", "told_in"]

NAME = "carried.tar.xz"
_TOLD = "told.json"


def pack(work: Path, drawings: Iterable[tuple[str, str, bytes]], told: Mapping[str, Any]) -> Path:
    """Write the file into `work`: drawings as (style, join key, content), and what is told beside them."""
    path = work / NAME
    part = path.with_suffix(".part")
    with tarfile.open(part, "w:xz", preset=9) as tar:
        _add(tar, _TOLD, json.dumps(dict(told), ensure_ascii=False).encode())
        for style, key, content in drawings:
            _add(tar, f"{style}/{key}", content)
    part.replace(path)
    _contents.cache_clear()
    return path


def drawings_in(work: Path, style: str) -> dict[str, bytes]:
    """Join key -> content of a style's drawings; empty where nothing was carried to `work`."""
    prefix = f"{style}/"
    return {
        name.removeprefix(prefix): content
        for name, content in _carried(work).items()
        if name.startswith(prefix)
    }


def told_in(work: Path) -> dict[str, Any] | None:
    """What is told beside the drawings; None where nothing was carried to `work`."""
    carried = _carried(work)
    return json.loads(carried[_TOLD]) if carried else None


def _carried(work: Path) -> dict[str, bytes]:
    return _contents(work / NAME) if (work / NAME).is_file() else {}


@lru_cache(maxsize=1)
def _contents(path: Path) -> dict[str, bytes]:
    # In one go: the archive is one stream, and every style would be unpacked for each that is asked for.
    with tarfile.open(path, "r:xz") as tar:
        opened = ((member.name, tar.extractfile(member)) for member in tar)
        return {name: file.read() for name, file in opened if file is not None}


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
