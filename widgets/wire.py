"""Pictures and arrays as bytes for the browser, and back. The only encoder in the package."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import traitlets
from PIL import Image

__all__ = ["MESSAGE_LIMIT_MB", "ByteTrait", "as_bytes", "sprite"]

MESSAGE_LIMIT_MB = 8
"""Nothing larger is sent in one message: Jupyter's default limit of 10 MB drops the connection silently."""


class ByteTrait(traitlets.Bytes):
    """Bytes that the browser may also set: they arrive as a memoryview, which `Bytes` would refuse."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(b"", **kwargs)
        self.tag(sync=True, from_json=lambda value, _widget: bytes(value), echo_update=False)


def as_bytes(picture: Image.Image, *, side: int | None = None, quality: int = 88) -> bytes:
    """`picture` as WebP (lossless up to 128 px, where every pixel is seen), shrunk to `side` if larger."""
    shown = picture.convert("RGB")
    if side is not None and max(shown.size) > side:
        shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    shown.save(out, "WEBP", lossless=max(shown.size) <= 128, quality=quality, method=2)
    return out.getvalue()


def sprite(pictures: Iterable[Image.Image], *, cell: int, columns: int) -> bytes:
    """One WebP with every picture fitted into a square of `cell` pixels, `columns` a row, on transparency."""
    fitted = [_fit(picture, cell) for picture in pictures]
    rows = max(1, -(-len(fitted) // columns))
    sheet = Image.new("RGBA", (columns * cell, rows * cell), (0, 0, 0, 0))
    for place, picture in enumerate(fitted):
        row, column = divmod(place, columns)
        left = column * cell + (cell - picture.width) // 2
        sheet.paste(picture, (left, row * cell + (cell - picture.height) // 2))
    out = io.BytesIO()
    sheet.save(out, "WEBP", quality=85, method=2)
    return out.getvalue()


def _fit(picture: Image.Image, cell: int) -> Image.Image:
    scale = cell / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    method = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    return picture.convert("RGBA" if picture.mode == "RGBA" else "RGB").resize(size, method)
