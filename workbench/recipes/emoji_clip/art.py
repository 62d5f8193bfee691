"""Drawings of the emoji by several hands, as one array a style. Development time only.

Twemoji comes with the product. The others are fetched by name and version from npm, drawn once to
arrays, and kept in the work folder. OpenMoji is never trained on: it is the style that scores are
measured on, and so its share-alike licence does not reach the weights.
"""

from __future__ import annotations

import io
import json
import logging
import multiprocessing
import os
import subprocess
import tarfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workbench.data.emoji_table import EmojiRow, codepoints, emoji_rows
from workbench.errors import UnavailableError
from workbench.recipes.emoji_clip.carried import drawings_in

__all__ = ["HELD_OUT", "SIDE", "STYLES", "Style", "draw", "fetch", "load_style", "sources"]

SIDE = 80  # pixels: a little over the model's 64, so that augmentation can turn and crop
_WORKERS = min(16, os.cpu_count() or 1)  # drawing is the slow part, and every drawing is by itself
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Style:
    """One vendor's drawings: the npm package they come from, its form and its licence."""

    name: str
    package: str
    licence: str
    form: Literal["wheel", "icons", "webp", "svg"]
    names_from: str = ""  # style whose code point table also fits this one's icon names


STYLES = (
    Style("twemoji", "", "CC-BY-4.0", "wheel"),
    Style("noto", "@iconify-json/noto@1.2.9", "Apache-2.0", "icons"),
    Style("noto-v1", "@iconify-json/noto-v1@1.2.5", "Apache-2.0", "icons", "noto"),
    Style("fluent-3d", "@lobehub/fluent-emoji-3d@1.1.0", "MIT", "webp"),
    Style("fluent-flat", "@iconify-json/fluent-emoji-flat@1.2.6", "MIT", "icons"),
    Style("fluent", "@iconify-json/fluent-emoji@1.2.7", "MIT", "icons", "fluent-flat"),
    Style("emojione", "@iconify-json/emojione@1.2.3", "CC-BY-4.0", "icons", "noto"),
    Style("fxemoji", "@iconify-json/fxemoji@1.2.2", "Apache-2.0", "icons", "noto"),
)
HELD_OUT = Style("openmoji", "openmoji@17.0.0", "CC-BY-SA-4.0", "svg")

Drawings = dict[str, NDArray[np.uint8]]


def fetch(style: Style, work: Path) -> Path:
    """Download and unpack the style's package below `work`; returns its folder.

    Raises:
        UnavailableError: there is no `npm`, or it cannot reach its registry.
    """
    folder = work / "packages" / style.name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        packed = subprocess.run(
            ["npm", "pack", "--silent", style.package],
            cwd=folder.parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as problem:
        raise UnavailableError(
            f"The drawings {style.name!r} come from the npm package {style.package}, which could not be "
            f"fetched: {problem}. Install Node.js with npm, and run this where its registry can be reached."
        ) from problem
    archive = folder.parent / packed.stdout.strip().splitlines()[-1]
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


def load_style(style: Style, work: Path) -> Drawings:
    """Join key -> RGBA picture (row x col x 4, uint8), drawn on the first call and kept in `work`."""
    kept = work / f"{style.name}-{SIDE}.npz"
    if not kept.is_file():
        drawings = dict(draw(style, work))
        _log.info("%s: %d drawings", style.name, len(drawings))
        np.savez(kept, keys=np.array(list(drawings)), pictures=np.stack(list(drawings.values())))
    with np.load(kept, allow_pickle=False) as stored:
        return dict(zip(stored["keys"].tolist(), stored["pictures"], strict=True))


def draw(style: Style, work: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Join key and picture of every base emoji that the style has, drawn on all cores."""
    found = list(sources(style, work))
    apart = multiprocessing.get_context("spawn")  # a fork of a process that torch runs in can hang
    with ProcessPoolExecutor(_WORKERS, mp_context=apart) as pool:
        pictures = pool.map(_drawn, [content for _, content in found], chunksize=16)
        yield from ((key, picture) for (key, _), picture in zip(found, pictures, strict=True))


def sources(style: Style, work: Path) -> Iterator[tuple[str, bytes]]:
    """Join key and content (SVG, PNG or WebP) of every base emoji that the style has."""
    carried = drawings_in(work, style.name)
    if carried:
        yield from carried.items()
        return
    rows = emoji_rows()
    if style.form == "wheel":
        yield from ((row.hexcode, row.picture.read_bytes()) for row in rows)
    elif style.form == "icons":
        yield from _icons(style, rows, work)
    else:
        files = _files(fetch(style, work), style.form)
        yield from ((row.hexcode, files[row.hexcode].read_bytes()) for row in rows if row.hexcode in files)


def _icons(style: Style, rows: tuple[EmojiRow, ...], work: Path) -> Iterator[tuple[str, bytes]]:
    """Drawings of an Iconify set: SVG bodies by name, and a table from code points to names."""
    package = fetch(style, work) / "package"
    icons = json.loads((package / "icons.json").read_text("utf-8"))
    aliases = {name: alias["parent"] for name, alias in icons.get("aliases", {}).items()}
    names = _icon_names(style, work)
    for row in rows:
        name = names.get(row.hexcode, row.name.lower().replace(" ", "-"))
        icon = icons["icons"].get(aliases.get(name, name))
        if icon is None:
            continue
        width, height = icon.get("width", icons.get("width", 16)), icon.get("height", icons.get("height", 16))
        left, top = icon.get("left", 0), icon.get("top", 0)
        box = f'xmlns="http://www.w3.org/2000/svg" viewBox="{left} {top} {width} {height}"'
        yield row.hexcode, f"<svg {box}>{icon['body']}</svg>".encode()


def _icon_names(style: Style, work: Path) -> dict[str, str]:
    """Join key -> icon name, from the set's own table or from the one of a set that names alike."""
    source = next((other for other in STYLES if other.name == style.names_from), style)
    table = json.loads((fetch(source, work) / "package" / "chars.json").read_text("utf-8"))
    return {
        codepoints("".join(chr(int(part, 16)) for part in key.split("-"))): name
        for key, name in table.items()
    }


def _files(folder: Path, form: str) -> dict[str, Path]:
    """Join key -> file, for sets that name files by code points."""
    inside = folder / "package" / ("assets" if form == "webp" else "color/svg")
    return {
        codepoints("".join(chr(int(part, 16)) for part in path.stem.split("-"))): path
        for path in inside.glob(f"*.{form}")
        if all(_is_hex(part) for part in path.stem.split("-"))
    }


def _is_hex(text: str) -> bool:
    return bool(text) and all(letter in "0123456789abcdefABCDEF" for letter in text)


def _drawn(content: bytes) -> NDArray[np.uint8]:
    is_svg = content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    return _rendered(content.decode("utf-8-sig")) if is_svg else _opened(content)


def _rendered(svg: str) -> NDArray[np.uint8]:
    import resvg_py  # an extra of the recipes: nothing that ships draws SVG

    return _opened(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=2 * SIDE, height=2 * SIDE)))


def _opened(content: bytes) -> NDArray[np.uint8]:
    """RGBA, centred in a square of SIDE pixels."""
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    if max(picture.size) < SIDE:
        scale = SIDE / max(picture.size)
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    square = Image.new("RGBA", (SIDE, SIDE), (255, 255, 255, 0))
    square.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    return np.asarray(square)
