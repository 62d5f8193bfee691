"""The one place that opens pictures: from bytes, a path, an array or Pillow, always as upright RGB.

Files come from strangers, so sizes are checked before pixels are decoded, and nothing is ever
fetched from an address.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from workbench._repr import human_bytes, path_end
from workbench.data.places import local_path
from workbench.errors import BadInputError, BadPictureError

__all__ = ["ENDINGS", "MAX_BYTES", "MAX_PIXELS", "open_picture"]

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
MAX_BYTES = 64_000_000
MAX_PIXELS = 100_000_000
_DRAFT_SIDE = 2048  # pixels: a larger JPEG is decoded at a fraction, which is faster and loses nothing here

# Formats that Pillow decodes by itself: for others it starts programs (EPS is run by Ghostscript).
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF")
# What Pillow's decoders raise on damaged files, found by feeding them some thousands of such.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, ArithmeticError, struct.error)
_HEADER = threading.Lock()  # filters of warnings are one for all threads, and pictures open in several

Source = bytes | str | Path | Image.Image | NDArray[Any]


def open_picture(source: Source, *, name: str = "") -> Image.Image:
    """`source` as an RGB picture: turned upright by its EXIF, alpha put on white, first frame only.

    Args:
        source: content of a file, a path, an array (row x col or row x col x 3 or 4; uint8, or
            floats in 0..1), or a Pillow picture (an animated one: the frame it stands at; it is not moved).
        name: what to call it in an error.

    Raises:
        BadPictureError: not a picture, cut off, empty, too large; or an address was given.
    """
    if isinstance(source, Image.Image):
        return _from_pillow(source, name or "the picture")
    if isinstance(source, np.ndarray):
        return _from_array(source, name or "the array")
    if isinstance(source, (str, Path)):
        name = name or str(source)
        source = _read(source)
    if not isinstance(source, (bytes, bytearray, memoryview)):
        raise BadPictureError(
            f"A {type(source).__name__} is no picture. Give a path, the bytes of a file, "
            "an array or a Pillow picture."
        )
    return _decoded(bytes(source), name or "the picture")


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
    with _HEADER, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own, lower limit decides
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
        drawn = upright.convert("RGBA")
        ground = Image.new("RGBA", drawn.size, "white")
        return Image.alpha_composite(ground, drawn).convert("RGB")
    converted = upright.convert("RGB")
    return converted.copy() if converted is picture else converted


def _scaled(picture: Image.Image) -> Image.Image:
    """Brought to 8 bits from 16, 32 or floats; Pillow's own conversion would clip them to white."""
    values = np.asarray(picture, dtype=np.float64)
    brightest = float(values.max(initial=0, where=np.isfinite(values)))
    if picture.mode.startswith("I;16"):
        top = 65535.0
    elif picture.mode == "I":
        top = next((usual for usual in (255.0, 65535.0) if brightest <= usual), brightest)
    else:
        top = max(brightest, 1.0)
    finite = np.nan_to_num(values, posinf=top, neginf=0)
    grey = np.clip(finite / top * 255, 0, 255).round().astype(np.uint8)
    return Image.fromarray(grey, "L").convert("RGB")


def _from_array(array: NDArray[Any], name: str) -> Image.Image:
    shape = array.shape
    if not (array.ndim == 2 or (array.ndim == 3 and shape[2] in (3, 4))) or 0 in shape:
        raise BadPictureError(f"{name} has shape {shape}; expected row x col, or row x col x 3 or 4.")
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise BadPictureError(f"{name} holds floats outside 0..1 (or NaN). Scale it, or give uint8.")
        array = (array * 255).round()
    elif array.dtype not in (np.uint8, np.bool_):
        raise BadPictureError(f"{name} has dtype {array.dtype}; expected uint8, or floats in 0..1.")
    scaled = array.astype(np.uint8) * (255 if array.dtype == np.bool_ else 1)
    return _rgb(Image.fromarray(scaled))


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
    return f"; expected one of {', '.join(sorted(ending[1:] for ending in ENDINGS))}"


def _too_many_bytes(name: str, size: int) -> str:
    limit = human_bytes(MAX_BYTES)
    return f"{path_end(name)!r} has {human_bytes(size)}; a picture may have {limit}. Shrink it first."
