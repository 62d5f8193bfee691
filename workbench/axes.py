"""The axis vocabulary of the package, and the one place that words a shape error.

Names are fixed, and an array's axes are always written in memory order:
`item image text class template batch token patch row col layer head query key feature`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import BadInputError

__all__ = ["check_axes", "frozen", "unit"]


def check_axes(name: str, array: ArrayLike, axes: str, **sizes: int) -> None:
    """Raise `BadInputError` unless `array` has the axes named, with the sizes given for some of them.

    `check_axes("text", x, "class template feature", feature=192)`
    """
    names = axes.split()
    shape = np.shape(array)
    expected = ", ".join(f"{axis}={sizes[axis]}" if axis in sizes else axis for axis in names)
    wrong = len(shape) != len(names) or any(
        sizes.get(axis, size) != size for axis, size in zip(names, shape, strict=False)
    )
    if wrong:
        raise BadInputError(f"{name} has shape {_shown(shape)}; expected axes ({expected}).")


def frozen(array: ArrayLike, dtype: object = np.float32) -> NDArray:
    """A contiguous, read-only copy: what every result holds."""
    out = np.array(array, dtype=dtype, order="C")  # type: ignore[call-overload]
    out.flags.writeable = False
    return out


def unit(array: NDArray, *, axis: int = -1) -> NDArray:
    """`array` with length 1 along `axis`; a zero vector stays zero instead of becoming NaN."""
    length = np.linalg.norm(array, axis=axis, keepdims=True)
    return array / np.maximum(length, np.finfo(np.float32).tiny)


def _shown(shape: Sequence[int]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"
