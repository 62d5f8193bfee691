"""Pictures as numbers: which axis is colour and which value is white, decided once and said.

Arrays and tensors come as row x col (grey), row x col x channel or channel x row x col, in 8 bits or in
floats of 0..1 or 0..255, one at a time or in stacks. What can be read in two ways is refused.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadPictureError

__all__ = ["ASSUMED", "as_array", "grids_of", "is_array", "is_stack"]

ASSUMED = "assumed"
"""Under this key of a Pillow picture's `info` stands what its array was taken for."""

_CHANNELS = (3, 4)  # RGB, RGBA
_DARKEST = 16  # a picture of 0..255 reaches this; what ends between 1 and here is in no known range
_FIRST = "channels: the first axis of an array was taken for them (channel x row x col)"
_LAST = "channels: of an array that may begin or end with them, the last axis was taken"
_UNIT = "shades: an array of floats within 0..1 was read with 1 as the brightest"
_BYTE = "shades: an array of numbers beyond 1 was read with 255 as the brightest"
_WAYS = "expected row x col, or row x col x 3 or 4, or 3 or 4 x row x col"


def is_array(value: object) -> bool:
    """Whether `value` is an array or a tensor of any library: nothing of Pillow's and no table."""
    if isinstance(value, np.ndarray) or _is_tensor(value):
        return True
    told = all(hasattr(value, name) for name in ("__array__", "dtype", "shape"))
    return told and not isinstance(value, np.generic) and not hasattr(value, "iloc")


def as_array(value: Any) -> NDArray[Any]:
    """An array or a tensor as NumPy's, wherever it lies and whatever hangs on it."""
    if not _is_tensor(value):
        return np.asarray(value)
    tensor = value.detach().cpu()
    if tensor.is_floating_point() and str(tensor.dtype) not in ("torch.float32", "torch.float64"):
        tensor = tensor.float()  # NumPy has no bfloat16
    return tensor.resolve_conj().numpy()


def is_stack(array: NDArray[Any]) -> bool:
    """Whether it holds several pictures: four axes, or three of which none can be channels."""
    return array.ndim > 3 or (array.ndim == 3 and not _ends(array.shape))


def grids_of(given: Any, name: str) -> tuple[list[NDArray[np.uint8]], tuple[str, ...]]:
    """Every picture of an array or a tensor as row x col (x channel) in 8 bits, and what was assumed.

    Axes and range are decided once for a whole stack: a dark picture among others is not made light.

    Raises:
        BadPictureError: axes or values that can be read in two ways, or in none.
    """
    array = as_array(given)
    grids, where = _apart(array, name, tensor=_is_tensor(given))
    scaled, said = _in_bytes(array, name)
    axes = {"first": (_FIRST,), "either": (_LAST,)}.get(where, ())
    return [_laid(scaled if grid is None else scaled[grid], where == "first") for grid in grids], axes + said


def _is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")  # who holds a tensor has imported it
    return torch is not None and isinstance(value, torch.Tensor)


def _ends(shape: tuple[int, ...]) -> str:
    """Where the channels of three axes stand: "first", "last", "either", or "" where none can be channels."""
    first, last = shape[0], shape[2]
    if last in _CHANNELS:
        return "either" if first in (1, *_CHANNELS) else "last"
    if first in (1, *_CHANNELS):
        return "either" if last == 1 else "first"
    return "last" if last == 1 else ""


def _apart(array: NDArray[Any], name: str, *, tensor: bool) -> tuple[list[int | None], str]:
    """Where in the array each picture lies (None: it is one), and where its channels stand."""
    shape = array.shape
    if 0 in shape or array.ndim not in (2, 3, 4):
        raise BadPictureError(f"{name} has shape {shape}; {_WAYS}.")
    if array.ndim == 2:
        return [None], ""
    where = _ends(shape[-3:])
    # An array of few rows is usual with its channels last; a tensor has them first, and a cube says nothing.
    if where == "either" and (tensor or shape[-1] == 1 or len(set(shape[-3:])) == 1):
        raise BadPictureError(
            f"{name} has shape {shape}, in which channels may come first or last. Give a Pillow picture: "
            "Image.fromarray(array) of row x col x 3."
        )
    if where == "either" and shape[-3] == 1:
        where = "last"
    if array.ndim == 3:
        return [None] if where else list(range(len(array))), where
    if not where:
        raise BadPictureError(f"{name} has shape {shape}; {_WAYS}, or a stack of such.")
    return list(range(len(array))), where


def _laid(grid: NDArray[np.uint8], first: bool) -> NDArray[np.uint8]:
    moved = np.moveaxis(grid, 0, -1) if first else grid
    return np.ascontiguousarray(moved[..., 0] if moved.ndim == 3 and moved.shape[-1] == 1 else moved)


def _in_bytes(array: NDArray[Any], name: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    if array.dtype == np.uint8:
        return array, ()
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255, ()
    if np.issubdtype(array.dtype, np.floating):
        return _of_floats(array, name)
    if array.dtype.kind not in "iu" or array.dtype == np.uint16:
        more = " Of 16 bits, give array / 65535." if array.dtype == np.uint16 else ""
        raise BadPictureError(f"{name} has dtype {array.dtype}; expected uint8, or floats in 0..1.{more}")
    low, high = int(array.min()), int(array.max())
    if low < 0 or not _DARKEST <= high <= 255:
        raise BadPictureError(
            f"{name} has dtype {array.dtype} and values from {low} to {high}; expected uint8, or floats in "
            "0..1. Say which by array.astype('uint8') or array / brightest."
        )
    return array.astype(np.uint8), (_BYTE,)


def _of_floats(array: NDArray[Any], name: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    if not np.isfinite(array).all():
        raise BadPictureError(
            f"{name} holds floats outside 0..1 (or NaN): some are no numbers. Fill the gaps first."
        )
    low, high = float(array.min()), float(array.max())
    if low >= 0 and high <= 1:
        return (array * 255).round().astype(np.uint8), (_UNIT,)
    if low >= 0 and _DARKEST <= high <= 255:
        return array.round().astype(np.uint8), (_BYTE,)
    hint = "Give the picture as it was before it was normalised." if low < 0 else "Scale it, or give uint8."
    raise BadPictureError(
        f"{name} holds floats outside 0..1 (or NaN), and not of 0..255 either: from {low:.4g} to {high:.4g}. "
        f"{hint}"
    )
