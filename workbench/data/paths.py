"""Where files are: paths of this machine only, never addresses."""

from __future__ import annotations

import os
import re
from pathlib import Path

from workbench.errors import BadInputError
from workbench.formatting import one_line

__all__ = ["is_address", "local_path", "readable"]

# One slash is enough: `Path` folds the two of an address into one.
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]+:/|data:)", re.IGNORECASE)


def is_address(place: object) -> bool:
    """Whether `place` reads `https://…`, `file:/…`, `data:…` and the like; `C:/` is a path."""
    return _ADDRESS.match(str(place)) is not None


def local_path(place: object) -> Path:
    """`place` as a path, with `~` resolved. Whether anything is there is for the caller to see.

    Raises:
        BadInputError: no text and no path, an address, empty, or more than a file system takes.
    """
    if not isinstance(place, (str, Path)):
        raise BadInputError(f"A path was expected (text or a Path); got a {type(place).__name__}.")
    text = str(place)
    if is_address(text):
        raise BadInputError(
            f"{one_line(text)!r} is an address. Nothing is fetched from addresses: "
            "save what is there and give its path."
        )
    if not text.strip():
        raise BadInputError("The path is empty. Give the path of a file or folder on this machine.")
    path = Path(os.path.expanduser(text))
    try:
        path.is_file()
    except OSError as problem:  # too long a name, or a folder that may not be entered
        raise BadInputError(
            f"{one_line(text)!r} cannot be looked up on this machine: {problem.strerror}."
        ) from problem
    return path


def readable(name: str) -> str:
    """A file name as text that can be encoded: bytes that are no UTF-8 become `�`."""
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # half a character, which stands for no byte
        return name.encode("utf-8", "replace").decode("utf-8")
