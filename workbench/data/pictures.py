"""The one place that opens pictures: from bytes, a path, an array or Pillow, always as upright RGB.

Files come from strangers, so sizes are checked before pixels are decoded, and nothing is ever
fetched from an address.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from workbench.calling import verb
from workbench.data.arrays import ASSUMED, grids_of, is_array
from workbench.data.paths import local_path
from workbench.errors import BadInputError, BadPictureError
from workbench.formatting import human_bytes, path_end
from workbench.quiet import no_warnings

__all__ = ["ENDINGS", "MAX_BYTES", "MAX_PIXELS", "USUAL", "open_picture", "picture_kind"]

ENDINGS = frozenset(
    {
        ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".webp", ".gif", ".bmp", ".dib",
        ".tif", ".tiff", ".avif", ".avifs", ".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm",
    }
)  # fmt: skip
USUAL = "avif, bmp, gif, jpeg, jp2, png, ppm, tiff, webp"
"""The formats by their usual names, for messages; `ENDINGS` has their other names as well."""
MAX_BYTES = 64_000_000
MAX_PIXELS = 100_000_000
_STRIP = 4_000_000  # pixels that are brought to 8 bits, or laid on white, at once
_DRAFT_SIDE = 2048  # pixels: a larger JPEG is decoded at a fraction, which is faster and loses nothing here

# Formats that Pillow decodes by itself: for others it starts programs (EPS is run by Ghostscript).
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "JPEG2000", "PPM")
# What Pillow's decoders raise on damaged files, found by feeding them some thousands of such.
_DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, ArithmeticError, struct.error,
    RuntimeError, AttributeError, AssertionError, MemoryError,
)  # fmt: skip
_MARKS: dict[str, tuple[bytes, ...]] = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "TIFF": (b"II*\0", b"MM\0*"),
    "JPEG2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
}

Source = bytes | str | Path | Image.Image | NDArray[Any]


@verb
def open_picture(source: Source, *, name: str = "") -> Image.Image:
    """`source` as an RGB picture: turned upright by its EXIF, alpha put on white, first frame only.

    Args:
        source: content of a file, a path, a Pillow picture (an animated one: the frame it stands at; it is
            not moved), or an array or tensor of any device: row x col, row x col x 3 or 4, or 3 or 4 x row x
            col; uint8, or floats in 0..1 or 0..255. What it was taken for stands in `.info["assumed"]`.
        name: what to call it in an error.

    Returns:
        A Pillow picture of mode "RGB".

    Raises:
        BadPictureError: not a picture, cut off, empty, too large; an address; or an array whose axes or range
            can be read in two ways.

    Example:
        >>> import numpy as np
        >>> from workbench import data
        >>> data.open_picture(np.zeros((32, 48), np.uint8)).size  # width x height
        (48, 32)
    """
    if isinstance(source, Image.Image):
        return _from_pillow(source, name or "the picture")
    if is_array(source):
        return _from_array(source, name or "the array")
    if isinstance(source, os.PathLike):
        source = Path(source)
    if isinstance(source, (str, Path)):
        name = name or str(source)
        source = _read(source)
    if not isinstance(source, (bytes, bytearray, memoryview)):
        raise BadPictureError(
            f"A {type(source).__name__} is no picture. Give a path, the bytes of a file, "
            "an array, a tensor or a Pillow picture."
        )
    return _decoded(bytes(source), name or "the picture")


def picture_kind(start: bytes) -> str:
    """The format that a file's first 32 bytes say it has, if it is one that is read here; else ""."""
    for kind, marks in _MARKS.items():
        if start.startswith(marks):
            return kind
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp" and (start[8:12] in (b"avif", b"avis") or b"avif" in start[16:32]):
        return "AVIF"
    return ""


def _read(path: str | Path) -> bytes:
    try:
        file = local_path(path)
        if not file.is_file():
            raise BadPictureError(
                f"There is no file {str(path)!r}. Check the path; it is looked up on the kernel's machine."
            )
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise BadPictureError(_too_many_bytes(str(path), size))
        return file.read_bytes()
    except BadInputError as problem:
        raise BadPictureError(str(problem)) from problem
    except OSError as problem:
        raise BadPictureError(f"{path_end(path)!r} cannot be read: {problem.strerror}.") from problem


def _decoded(content: bytes, name: str) -> Image.Image:
    shown = repr(path_end(name))
    if not content:
        raise BadPictureError(f"{shown} is empty (0 bytes). Expected a picture file.")
    if len(content) > MAX_BYTES:
        raise BadPictureError(_too_many_bytes(name, len(content)))
    try:
        picture = _header(content)
        _check_pixels(picture, shown)
        if picture.format == "JPEG":
            picture.draft("RGB" if picture.mode != "CMYK" else None, (_DRAFT_SIDE, _DRAFT_SIDE))
        return _rgb(picture)
    except Image.DecompressionBombError as problem:
        raise BadPictureError(
            f"{shown} unpacks to far more than {MAX_PIXELS:,} pixels and was not opened."
        ) from problem
    except UnidentifiedImageError as problem:
        raise BadPictureError(f"{shown} is not a picture that can be read{_hint(content)}.") from problem
    except BadPictureError:
        raise
    except _DAMAGE as problem:
        raise BadPictureError(
            f"{shown} is damaged or cut off ({problem}). Save or download it again."
        ) from problem


def _header(content: bytes) -> Image.Image:
    """The picture with its pixels still packed."""
    with no_warnings(Image.DecompressionBombWarning):  # our own, lower limit decides
        return Image.open(io.BytesIO(content), formats=_formats())


@lru_cache(maxsize=1)
def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _from_pillow(picture: Image.Image, name: str) -> Image.Image:
    if 0 in picture.size:
        raise BadPictureError(
            f"{name} has {picture.width} x {picture.height} pixels: there is nothing on it."
        )
    _check_pixels(picture, name)
    try:
        return _rgb(picture)  # Pillow may have read no more than the header so far
    except _DAMAGE as problem:
        raise BadPictureError(f"{name} is damaged or cut off ({problem}).") from problem


def _check_pixels(picture: Image.Image, shown: str) -> None:
    pixels = picture.width * picture.height
    if pixels > MAX_PIXELS:
        raise BadPictureError(
            f"{shown} has {picture.width:,} x {picture.height:,} pixels; "
            f"at most {MAX_PIXELS:,} are opened. Shrink it first."
        )


def _rgb(picture: Image.Image) -> Image.Image:
    """Upright, on white, 8 bits: what every model's own preprocessing starts from."""
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I") or upright.mode == "F":
        return _scaled(upright)
    if upright.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in upright.info:
        return _in_strips(upright.convert("RGBA"), _on_white)
    converted = upright.convert("RGB")
    return converted.copy() if converted is picture else converted


def _in_strips(picture: Image.Image, make: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """What `make` gives of a picture, strip by strip: whole, the largest would take several gigabytes."""
    made = Image.new("RGB", picture.size)
    for top, strip in _strips(picture):
        made.paste(make(strip), (0, top))
    return made


def _strips(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    rows = max(1, _STRIP // picture.width)
    for top in range(0, picture.height, rows):
        yield top, picture.crop((0, top, picture.width, min(top + rows, picture.height)))


def _on_white(strip: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip).convert("RGB")


def _scaled(picture: Image.Image) -> Image.Image:
    """Brought to 8 bits from 16, 32 or floats; Pillow's own conversion would clip them to white."""
    if picture.mode.startswith("I;16"):
        top = 65535.0
    else:
        brightest = max(_brightest(strip) for _, strip in _strips(picture))
        if picture.mode == "I":
            top = next((usual for usual in (255.0, 65535.0) if brightest <= usual), brightest)
        else:
            top = max(brightest, 1.0)
    return _in_strips(picture, partial(_grey, top))


def _brightest(strip: Image.Image) -> float:
    values = np.asarray(strip, dtype=np.float64)
    return float(values.max(initial=0, where=np.isfinite(values)))


def _grey(top: float, strip: Image.Image) -> Image.Image:
    finite = np.nan_to_num(np.asarray(strip, dtype=np.float64), posinf=top, neginf=0)
    grey = np.clip(finite / top * 255, 0, 255).round().astype(np.uint8)
    return Image.fromarray(grey, "L").convert("RGB")


def _from_array(array: Any, name: str) -> Image.Image:
    grids, assumed = grids_of(array, name)
    if len(grids) > 1:
        raise BadPictureError(
            f"{name} has shape {tuple(array.shape)}: {len(grids)} pictures. Give one, or all to "
            "data.from_pictures."
        )
    picture = _rgb(Image.fromarray(grids[0]))
    if assumed:
        picture.info[ASSUMED] = assumed
    return picture


def _hint(content: bytes) -> str:
    start = content[:512].lstrip().lower()
    if start.startswith((b"<svg", b"<?xml")) and b"<svg" in content[:4096].lower():
        return ": it is an SVG drawing; export it as PNG first"
    if start.startswith((b"%!ps", b"%pdf")):
        return ": it is a PostScript or PDF document; export it as PNG first"
    if start.startswith((b"<!doctype html", b"<html")):
        return ": it is a web page; save the picture itself"
    if b"\0" not in content[:512]:
        return ": it holds text"
    return f"; expected one of {USUAL}"


def _too_many_bytes(name: str, size: int) -> str:
    limit = human_bytes(MAX_BYTES)
    return f"{path_end(name)!r} has {human_bytes(size)}; a picture may have {limit}. Shrink it first."
