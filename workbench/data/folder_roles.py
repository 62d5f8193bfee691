"""What the folders of a tree mean: parts of a split, classes, or only a place where pictures lie."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.data.paths import readable
from workbench.formatting import plural

__all__ = ["Layout", "layout_of", "part_of"]

_PART = re.compile(
    r"^(train|training|validation|valid|val|dev|test|testing)(?:[-_ ]?(?:\d{4}|images?|imgs?|set|data))?$",
    re.IGNORECASE,
)
_PARTS = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """The meaning of the folders of each picture.

    Attributes:
        labels: its class, "" where it lies in none; None where the folders are no classes.
        split: "train", "validation" or "test", "" where it lies in none; None where there are no parts.
    """

    labels: tuple[str, ...] | None
    split: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


def part_of(folder: str) -> str:
    """The part of a split that a folder's name says: "train", "validation", "test"; "" for any other name."""
    match = _PART.match(folder.strip())
    return _PARTS[match[1].lower()] if match else ""


def layout_of(folders: Sequence[tuple[str, ...]]) -> Layout:
    """`folders` are the names of the folders each picture lies in, from the outermost."""
    inner = list(folders)
    split: tuple[str, ...] | None = None
    notes: list[str] = []
    while True:
        names = {parts[0] for parts in inner if parts}
        parts_found = {part_of(name) for name in names}
        if split is None and len(parts_found) > 1 and all(parts_found):
            split = tuple(part_of(parts[0]) if parts else "" for parts in inner)
            shown = ", ".join(repr(name) for name in sorted(map(readable, names)))
            notes.append(f"The folders {shown} are parts of the data (column 'split'), not classes")
        elif len(names) == 1 and (all(inner) or part_of(next(iter(names)))):
            notes.append(f"All lies in one folder, {readable(next(iter(names)))!r}: it is no class")
        else:
            break
        inner = [parts[1:] for parts in inner]
    if split is None:
        split, inner = _parts_inside(inner, notes)
    labels = _classes(inner, notes)
    return Layout(labels, split, tuple(notes))


def _parts_inside(
    inner: list[tuple[str, ...]], notes: list[str]
) -> tuple[tuple[str, ...] | None, list[tuple[str, ...]]]:
    """Parts below the classes: cat/train, cat/test, dog/train, dog/test."""
    second = {part_of(parts[1]) for parts in inner if len(parts) > 1}
    if len(second) < 2 or not all(second):
        return None, inner
    notes.append("The folders inside the classes are parts of the data (column 'split')")
    return tuple(part_of(parts[1]) if len(parts) > 1 else "" for parts in inner), inner


def _classes(inner: Sequence[tuple[str, ...]], notes: list[str]) -> tuple[str, ...] | None:
    names = {parts[0] for parts in inner if parts}
    if not names:
        return None
    labels = tuple(readable(parts[0]) if parts else "" for parts in inner)
    bare = labels.count("")
    if bare and len(names) == 1:  # a folder beside loose pictures
        notes.append(
            f"The folder {readable(next(iter(names)))!r} stands beside loose pictures: it is no class"
        )
        return None
    if bare:
        notes.append(f"{plural(bare, 'picture')} in no class folder: without a label")
    return labels
