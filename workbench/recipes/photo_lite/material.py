"""Captioned pictures that may be trained on: photo cut-outs and clip art of Debian packages."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from workbench.errors import UnavailableError

__all__ = ["PACKAGES", "Item", "cut_out", "fetch", "items"]

PACKAGES = {"tuxpaint-stamps-default": "GPL-2", "openclipart-svg": "public domain"}
"""Debian packages and the licences that they state."""

_CLIP_ART = [
    "animals",
    "food",
    "people",
    "recreation",
    "transportation",
    "plants",
    "tools",
    "buildings",
    "electronics",
    "office",
    "unsorted",
    "containers",
    "decorations",
]
_LARGEST = 600  # pixels
_TITLE, _SUBJECT = ("{http://purl.org/dc/elements/1.1/}" + name for name in ("title", "subject"))


@dataclass(frozen=True)
class Item:
    """One cut-out: its file, its captions (at least one), and the package it is from."""

    file: Path
    captions: tuple[str, ...]
    package: str


def fetch(work: Path) -> None:
    """Download the packages with apt and unpack them below `work`, without installing them.

    Raises:
        UnavailableError: this is no Debian, or its mirror cannot be reached.
    """
    for package in PACKAGES:
        folder = work / package
        if folder.is_dir():
            continue
        try:
            _run(["apt-get", "download", package], work)
            _run(["dpkg-deb", "-x", str(next(work.glob(f"{package}_*.deb"))), str(folder)], work)
        except (OSError, subprocess.CalledProcessError, StopIteration) as problem:
            raise UnavailableError(
                f"The Debian package {package} could not be fetched ({problem}). The recipe needs apt-get, "
                f"dpkg-deb and a Debian mirror; or unpack the package yourself into {folder}."
            ) from problem


def items(work: Path) -> list[Item]:
    """Every captioned cut-out below `work`, in a fixed order."""
    return [*_stamps(work / "tuxpaint-stamps-default"), *_clip_art(work / "openclipart-svg")]


def cut_out(item: Item) -> Image.Image:
    """The picture with its transparency, at most 600 pixels a side.

    Raises:
        OSError, ValueError: the file cannot be drawn.
    """
    if item.file.suffix == ".svg":
        import resvg_py

        drawn = resvg_py.svg_to_bytes(svg_path=str(item.file), width=400)
        picture = Image.open(io.BytesIO(bytes(drawn))).convert("RGBA")
    else:
        picture = Image.open(item.file).convert("RGBA")
    picture.thumbnail((_LARGEST, _LARGEST))
    return picture


def _stamps(folder: Path) -> Iterator[Item]:
    root = folder / "usr/share/tuxpaint/stamps"
    for text in sorted(root.rglob("*.txt")):
        caption = text.read_text("utf-8", errors="replace").splitlines()[0].strip().rstrip(".!")
        files = [text.with_suffix(kind) for kind in (".png", ".svg") if text.with_suffix(kind).is_file()]
        # Letters, digits and signs say nothing about photographs.
        if caption and files and text.relative_to(root).parts[0] != "symbols":
            yield Item(files[0], (caption,), "tuxpaint-stamps-default")


def _clip_art(folder: Path) -> Iterator[Item]:
    for subject in _CLIP_ART:
        for file in sorted((folder / "usr/share/openclipart/svg" / subject).rglob("*.svg")):
            captions = () if file.is_symlink() else _described(file)
            if captions:
                yield Item(file, captions, "openclipart-svg")


def _described(file: Path) -> tuple[str, ...]:
    """Title and keywords of an SVG's metadata."""
    try:
        root = ElementTree.parse(file).getroot()
    except ElementTree.ParseError:
        return ()
    title = next((node.text.strip() for node in root.iter(_TITLE) if node.text and node.text.strip()), "")
    words = [
        node.text.strip()
        for bag in root.iter(_SUBJECT)
        for node in bag.iter()
        if node.text and node.text.strip()
    ]
    keywords = ", ".join(dict.fromkeys(words[:8]))
    return tuple(text for text in dict.fromkeys((title, keywords)) if text)


def _run(command: list[str], work: Path) -> None:
    subprocess.run(command, cwd=work, check=True, capture_output=True)
