"""What a folder says of its pictures: a metadata table, or a text file beside each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.data.column_roles import IMAGE, LABEL, TEXT, as_lists, captions, chosen, labels_of
from workbench.data.encodings import decoded
from workbench.data.file_name_words import words_of
from workbench.data.folder_walk import Found
from workbench.data.paths import readable
from workbench.data.tables import read_frame
from workbench.formatting import plural

__all__ = ["Beside", "is_metadata", "said_beside"]

_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")  # as the `datasets` library names them
_CAPTIONS = (".txt", ".caption")
_NAMED = 3


@dataclass
class Beside:
    """What is said of pictures, by their paths in the folder.

    Attributes:
        texts: captions of every picture, at least one.
        labels: those that metadata gives; {} where it gives none.
        used: files that were read.
        how: where the texts come from, in words.
    """

    texts: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    how: str = ""


def is_metadata(name: str) -> bool:
    """Whether a file is the table that describes the pictures of its folder."""
    return os.path.basename(name).lower() in _METADATA


def said_beside(folder: Path, found: Found) -> Beside:
    """The words for every picture of `found`, and where they come from."""
    said = Beside()
    for name in found.others:
        if is_metadata(name):
            _read_metadata(folder, name, found, said)
    told = len(said.texts)
    rest = [name for name in found.pictures if name not in said.texts]
    _read_captions(folder, rest, found, said)
    beside = len(said.texts) - told
    for name in found.pictures:
        said.texts.setdefault(name, [words_of(Path(name))])
    counts = {"metadata": told, "text files": beside, "file names": len(found.pictures) - told - beside}
    said.how = ", ".join(f"{kind} ({count:,})" for kind, count in counts.items() if count)
    if (told or beside) and counts["file names"]:
        said.notes.append(f"{plural(counts['file names'], 'picture')} without a caption: named by its file")
    return said


def _read_metadata(folder: Path, name: str, found: Found, said: Beside) -> None:
    """One table: the pictures it names are those below its own folder."""
    frame = read_frame(folder / name)
    image = chosen(frame, None, ("file_name", *IMAGE), "image_column", name)
    assert image is not None  # a picture column is needed
    text = chosen(frame, None, TEXT, "text_column", name, needed=False)
    text = None if text == image else text
    label = chosen(frame, None, LABEL, "label_column", name, needed=False)
    said_of, notes = captions(frame.cells(text), text) if text is not None else (None, [])
    words = None if said_of is None else as_lists(said_of)
    labels, more = labels_of(frame, label) if label is not None else (None, [])
    there, lost, inside = set(found.pictures), [], os.path.dirname(name)
    others = [
        column for column in frame.columns if column not in (image, text) and (column != label or not labels)
    ]
    values = {column: frame.maker(column)() for column in others}
    for row, written in enumerate(frame.cells(image)):
        path = os.path.normpath(os.path.join(inside, str(written or "").strip().replace("\\", "/")))
        if path not in there:
            lost.append(str(written))
            continue
        if words is not None:
            said.texts.setdefault(path, []).extend(words[row])
        if labels is not None:
            said.labels[path] = labels[row]
        for column in others:
            said.columns.setdefault(column, {}).setdefault(path, values[column][row])
    said.used.append(name)
    said.notes += [*frame.notes, *notes, *more]
    if lost:
        said.notes.append(
            f"{plural(len(lost), 'row')} of {name!r} left out: the picture is missing ({_first(lost)})"
        )


def _read_captions(folder: Path, pictures: Sequence[str], found: Found, said: Beside) -> None:
    """Text files beside pictures: a.txt, a.caption or a.jpg.txt for a.jpg."""
    there = set(found.others)
    encodings: dict[str, list[str]] = {}
    shut: list[str] = []
    shared: dict[str, int] = {}
    for name in pictures:
        stem = os.path.splitext(name)[0]
        beside = next(
            (stem_ + end for stem_ in (name, stem) for end in _CAPTIONS if stem_ + end in there), None
        )
        if beside is None:
            continue
        if name not in found.outside and _leaves(folder, beside):
            shut.append(beside)
            continue
        words = decoded((folder / beside).read_bytes(), name=beside)
        if words.encoding or words.doubt:
            encodings.setdefault(words.encoding + ("; " + words.doubt if words.doubt else ""), []).append(
                beside
            )
        said.used.append(beside)
        shared[beside] = shared.get(beside, 0) + 1
        text = " ".join(words.text.split())
        if text:
            said.texts[name] = [text]
    for how, files in encodings.items():
        said.notes.append(f"{plural(len(files), 'caption')} read as {how} ({_first(files)})")
    if shut:
        said.notes.append(
            f"{plural(len(shut), 'caption')} not read: a link to a place outside the folder ({_first(shut)})"
        )
    several = [name for name, count in shared.items() if count > 1]
    if several:
        said.notes.append(
            f"{plural(len(several), 'caption')} beside several pictures of its name, and said of each "
            f"({_first(several)})"
        )


def _leaves(folder: Path, name: str) -> bool:
    """Whether a caption is a link out of the folder. Where the picture beside it is one too, the folder is
    one of links, as hubs keep them; where it is not, the link may lead to anything.
    """
    path = folder / name
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def _first(names: Sequence[str]) -> str:
    return ", ".join(repr(readable(name)) for name in names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
