"""Arrays and values that anybody may have written: what they claim is checked before memory is taken.

    Arrays(raw)           the arrays of an .npz, whose headers must say what is really there
    check_fields(...)     values of the kinds that a class declares

Both raise `ValueError` (`BadZipFile` where a zip is none) and nothing else.
"""

from __future__ import annotations

import io
import math
import re
import types
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import InitVar
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from workbench.formatting import human_bytes, one_line

__all__ = ["Arrays", "check_fields"]

_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SURE = 500_000_000  # bytes that a file may unpack to whatever its own size
_TIMES = 100  # beyond that, how many times its own size: real numbers pack to a half or a tenth
_MOST_SAID = 60


class Arrays(Mapping[str, NDArray[Any]]):
    """The arrays of an `.npz`, in a file or its bytes, each read when it is asked for; nothing in it can run.

    Raises:
        ValueError: a header does not say what is there, an array holds objects, or the whole unpacks to far
            more than real numbers do.
        BadZipFile: it is no zip, or a damaged one.
    """

    def __init__(self, source: bytes | Path) -> None:
        try:
            raw = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
            self._raw, self._zip = raw, zipfile.ZipFile(raw)
            size = raw.seek(0, io.SEEK_END)
            self._names = {info.filename.removesuffix(".npy"): info for info in self._zip.infolist()}
            total = sum(_claimed(self._zip, info) for info in self._names.values())
        except FileNotFoundError:
            raise
        except (NotImplementedError, RuntimeError, EOFError, zlib.error, OSError, LookupError) as problem:
            raise ValueError(f"it cannot be unpacked: {problem}") from problem
        if total > _SURE and total > _TIMES * size:
            raise ValueError(
                f"its {human_bytes(size)} claim to unpack to {human_bytes(total)}, as no numbers do"
            )

    def __getitem__(self, name: str) -> NDArray[Any]:
        try:
            with self._zip.open(self._names[name]) as file:
                return np.lib.format.read_array(file, allow_pickle=False)
        except (NotImplementedError, RuntimeError, EOFError, zlib.error, OSError) as problem:
            raise ValueError(f"its array {name!r} cannot be unpacked: {problem}") from problem

    def __enter__(self) -> Arrays:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._raw.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _claimed(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """Bytes of one array, by its header, which has to be that of what follows it."""
    if info.compress_type not in _PACKED or info.flag_bits & 1:
        raise ValueError(f"{info.filename!r} is packed in a way in which no array is saved")
    with archive.open(info) as file:
        try:
            shape, dtype = _header(file)
        except Exception as problem:  # the header is parsed as Python: its errors are those of a compiler
            raise ValueError(
                f"{info.filename!r} has no header of an array ({one_line(str(problem), most=120)})"
            ) from None
        said = file.tell() + math.prod(shape) * dtype.itemsize
    if dtype.hasobject or dtype.names or dtype.kind == "V":
        raise ValueError(f"{info.filename!r} holds {dtype}, and not numbers, truth values or texts")
    if min(shape, default=0) < 0 or said != info.file_size:
        raise ValueError(
            f"{info.filename!r} has a header of {_shown(shape)} {dtype} before {info.file_size:,} bytes"
        )
    return said


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return tuple(int(size) for size in shape), dtype


def _shown(shape: Sequence[int]) -> str:
    return one_line(" x ".join(map(str, shape)) or "one", most=_MOST_SAID)


# Values and what a class says of them


def check_fields(kind: type, values: Mapping[str, Any]) -> None:
    """Raise unless each value is of the kind that the field of its name is declared as.

    A text in a list may be any single value (a label is a label, whatever it was), and a number without a
    fraction is a number.

    Raises:
        ValueError: a value of another kind, or a name that the class does not have.
    """
    hints = _hints(kind)
    for name, value in values.items():
        if name not in hints:
            raise ValueError(f"a {kind.__name__} has no {name!r}")
        if not _fits(value, hints[name]):
            raise ValueError(
                f"{name} of a {kind.__name__} is {one_line(repr(value), most=_MOST_SAID)}; expected "
                f"{_named(hints[name])}"
            )


@lru_cache(maxsize=256)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _fits(value: Any, hint: Any) -> bool:
    origin, inside = get_origin(hint), get_args(hint)
    if isinstance(hint, InitVar):
        return _fits(value, hint.type)
    if hint is Any or isinstance(hint, TypeVar):
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inside)
    if origin is Literal:
        return isinstance(value, str | int | None) and value in inside
    if origin is tuple:
        return _tuple_fits(value, inside)
    if origin is np.ndarray:
        return isinstance(value, np.ndarray) and _dtype_fits(value.dtype, inside[1])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _fits(key, inside[0]) and _fits(one, inside[1]) for key, one in value.items()
        )
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint) if isinstance(hint, type) else True


def _tuple_fits(value: Any, inside: tuple[Any, ...]) -> bool:
    if not isinstance(value, tuple):
        return False
    if inside[-1:] == (Ellipsis,):
        if inside[0] is str:
            return not any(isinstance(one, tuple | list | Mapping | np.ndarray) for one in value)
        return all(_fits(one, inside[0]) for one in value)
    return len(value) == len(inside) and all(map(_fits, value, inside))


def _dtype_fits(dtype: np.dtype[Any], hint: Any) -> bool:
    """By kind: floats of any width for floats; whole numbers, signed or not, for whole numbers."""
    (wanted,) = get_args(hint) or (Any,)
    wanted = get_origin(wanted) or wanted
    if not (isinstance(wanted, type) and issubclass(wanted, np.generic)):
        return True
    if issubclass(wanted, np.floating):
        return dtype.kind in "fiu"
    if issubclass(wanted, np.integer):
        return dtype.kind in "iu"
    return dtype.kind == "b" if issubclass(wanted, np.bool_) else True


def _named(hint: Any) -> str:
    bare = re.sub(
        r"(?:[a-z_]+\.)+", "", hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
    )
    return one_line(bare, most=_MOST_SAID)
