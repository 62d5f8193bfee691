"""File names as words: the text of a picture that has no other."""

from __future__ import annotations

from pathlib import PurePath

from workbench.data.paths import readable

__all__ = ["words_of"]


def words_of(name: str | PurePath) -> str:
    """`DSC_red-car.jpg` -> `DSC red car`; of a text that is no path, the words of all of it."""
    stem = readable(name.stem if isinstance(name, PurePath) else name)
    words = stem.replace("_", " ").replace("-", " ").split()
    return " ".join(words) or stem
