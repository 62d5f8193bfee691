"""Public names that changed: the old one works for one minor release, and says the new one when used."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from workbench.errors import BadCallError

__all__ = ["renamed", "warn_renamed"]

P = ParamSpec("P")
R = TypeVar("R")


def renamed(
    old: str, new: str, *, convert: Callable[[Any], Any] | None = None, meaning: str = ""
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator for a function whose option `old` is now called `new`. It stands above `verb`.

    Args:
        old: as callers may still write it.
        new: as the function has it.
        convert: from a value of the old option to one of the new, where they differ; None takes it as it is.
        meaning: what the warning ends with, where they differ: "which is 1 / temperature".
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        name = function.__name__

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            if old in kwargs:
                if new in kwargs:
                    raise BadCallError(
                        f"{name}() was given {new!r}, and {old!r}, its old name. Leave out {old!r}."
                    )
                warn_renamed(f"{name}({old}=...)", f"{name}({new}=...)", meaning)
                value: Any = kwargs.pop(old)
                kwargs[new] = value if convert is None else convert(value)
            return function(*args, **kwargs)

        return called

    return decorate


def warn_renamed(old: str, new: str, meaning: str = "") -> None:
    """Say that `old` is now `new`, at the line that called the function in which this is called."""
    also = f", {meaning}" if meaning else ""
    warnings.warn(
        f"{old} is now {new}{also}; the old name goes with the next minor release.",
        DeprecationWarning,
        stacklevel=3,
    )
