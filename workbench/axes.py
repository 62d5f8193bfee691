"""The axis vocabulary of the package, and the one place that words a shape error.

Names are fixed, and an array's axes are always written in memory order:
`item image text class template batch token patch row col layer head query key feature`.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import BadInputError

__all__ = ["as_numbers", "as_rows", "check_axes", "check_count", "check_index", "frozen", "unit"]


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


def check_count(name: str, count: int, least: int = 0) -> None:
    """Raise `BadInputError` unless `count` is a whole number that is not below `least`."""
    try:
        number = operator.index(count)
    except TypeError:
        number = None
    if number is None or isinstance(count, bool) or number < least:
        raise BadInputError(f"{name} is {count!r}; expected a whole number of at least {least}.")


def check_index(name: str, index: int, count: int, holds: str) -> None:
    """Raise `BadInputError` unless `index` is one of `count`, from 0, or from -1 backwards.

    `check_index("item", 99, 6, "this ranking has 6 pictures")`
    """
    try:
        number = operator.index(index)
    except TypeError:
        raise BadInputError(f"{name} is {index!r}; expected a whole number: {holds}.") from None
    if not -count <= number < count:
        raise BadInputError(f"{name} is {number}; {holds}, numbered from 0.")


def frozen(array: ArrayLike, dtype: object = np.float32) -> NDArray:
    """A contiguous, read-only copy: what every result holds."""
    out = np.array(array, dtype=dtype, order="C")  # type: ignore[call-overload]
    out.flags.writeable = False
    return out


def as_numbers(vectors: ArrayLike) -> NDArray:
    """An array in C order: in float32, or in float64 where what is given has digits that float32 has not,
    as float64 and wide integers have.
    """
    given = np.asarray(vectors.detach().cpu() if hasattr(vectors, "detach") else vectors)
    if given.dtype.kind not in "fiub":
        return np.asarray(given, np.float64)
    kind = np.float32 if np.can_cast(given.dtype, np.float32) else np.float64
    return np.ascontiguousarray(given, kind)


def as_rows(name: str, values: ArrayLike, axes: str = "item feature", **sizes: int) -> NDArray:
    """Numbers with the axes named (`check_axes`), as `as_numbers` has them.

    Raises:
        BadInputError: no numbers, or other axes.
    """
    try:
        array = as_numbers(values)
    except (TypeError, ValueError) as problem:
        raise BadInputError(
            f"{name} are not numbers in rows of one length ({problem}); expected axes "
            f"({', '.join(axes.split())})."
        ) from problem
    check_axes(name, array, axes, **sizes)
    return array


def unit(array: NDArray, *, axis: int = -1) -> NDArray:
    """`array` with length 1 along `axis`; a zero vector stays zero instead of becoming NaN."""
    length = np.linalg.norm(array, axis=axis, keepdims=True)
    return array / np.maximum(length, np.finfo(np.float32).tiny)


def _shown(shape: Sequence[int]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"
