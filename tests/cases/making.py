"""Small pictures, tables and shards of the kinds that people bring."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image


def png(shade: int = 0) -> bytes:
    """A picture of one shade, so that two can be told apart."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(out, "PNG")
    return out.getvalue()


def shade(picture: Image.Image) -> int:
    """The shade that `png` was given."""
    return picture.getpixel((3, 3))[0]  # type: ignore[index,return-value]


def pictures(folder: Path, names: Sequence[str]) -> Path:
    """A picture for each name, each of its own shade: the first 1, the second 2, …"""
    for number, name in enumerate(names, start=1):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(number))
    return folder


def table(folder: Path, content: str | bytes, name: str = "t.csv", *, encoding: str = "utf-8") -> Path:
    """A table in a file."""
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return file


def tar(path: Path, members: Sequence[tuple[str, bytes | str]], mode: str = "w") -> Path:
    """A tar with these members, in their order; the same name may come twice."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            raw = content if isinstance(content, bytes) else content.encode()
            told = tarfile.TarInfo(name)
            told.size = len(raw)
            archive.addfile(told, io.BytesIO(raw))
    return path
