"""What an attribution board refuses, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.attribution import Heatmap
from workbench.errors import BadInputError

__all__ = ["CHOICES", "check_choices", "check_chosen", "check_maps"]

CHOICES = ("focus", "patches", "words", "scale", "opacity", "ground", "size")
"""Traits that say how maps are looked at; a new board can be given them."""


def check_maps(maps: Sequence[Heatmap]) -> None:
    """Several maps of one number.

    Raises:
        BadInputError: there is none, or they explain different things.
    """
    if not maps:
        raise BadInputError("There is no map to show: no method applied. attribute(...).refused says why.")
    if len({str(heatmap.target) for heatmap in maps}) > 1:
        raise BadInputError("These maps explain different targets; show one target at a time.")


def check_choices(choices: Iterable[str], methods: Sequence[str], named: Iterable[str]) -> None:
    """Choices that a board has, and `named` methods among its own.

    Raises:
        BadInputError: there is no such choice, or no such map.
    """
    unknown = [name for name in choices if name not in CHOICES]
    if unknown:
        raise BadInputError(
            f"An attribution board has no choice {unknown[0]!r}; it has {', '.join(CHOICES)}."
        )
    strange = [name for name in named if name not in methods]
    if strange:
        raise BadInputError(
            f"There is no map of {strange[0]!r} on this board; there are {', '.join(methods)}."
        )


def check_chosen(heatmap: Heatmap, tokens: int, patches: Sequence[int], words: Sequence[int]) -> None:
    """Chosen patches and words lie on the map in focus and in the text.

    Raises:
        BadInputError: one lies outside.
    """
    rows, cols = heatmap.grid or (0, 0)
    outside = [patch for patch in patches if not 0 <= patch < rows * cols]
    if outside:
        raise BadInputError(f"patches holds {outside[0]}; this map has 0 to {rows * cols - 1}.")
    wrong = [word for word in words if not 0 <= word < tokens]
    if wrong:
        raise BadInputError(f"words holds {wrong[0]}; the text has tokens 0 to {tokens - 1}.")
