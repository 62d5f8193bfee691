"""Pairs from a folder of pictures, or of class folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from workbench.data.file_name_words import words_of
from workbench.data.folder_metadata import Beside, is_metadata, said_beside
from workbench.data.folder_roles import layout_of
from workbench.data.folder_walk import Found, left_out, walk
from workbench.data.pairs import Pairs
from workbench.data.paths import readable
from workbench.data.pictures import USUAL
from workbench.data.sources import FileSource
from workbench.data.tables import TABLES, is_table, load_table
from workbench.errors import BadInputError
from workbench.formatting import plural

__all__ = ["load_folder", "words_of"]


def load_folder(folder: Path, **options: Any) -> Pairs:
    """Every picture below `folder`, in order of its path.

    The text of a picture is what a `metadata.csv`, `.jsonl` or `.parquet` says of it, else the text file of
    the same name beside it, else its file name in words. Class folders give labels; folders called train,
    validation and test give a column "split". Links are followed. What is not read is named in `.notes`.
    A folder that holds tables and no picture of its own is read as those tables, with their `options`.

    Raises:
        BadInputError: no picture is there.
    """
    found = walk(folder)
    if not found.pictures or options:
        return _tables_of(folder, found, options)
    names = found.pictures
    layout = layout_of([Path(name).parts[:-1] for name in names])
    said = said_beside(folder, found)
    rows = [row for row, name in enumerate(names) for _ in said.texts[name]]
    sources = [FileSource(os.path.join(folder, name)) for name in names]
    columns: dict[str, tuple[Any, ...]] = {"file": tuple(readable(names[row]) for row in rows)}
    if layout.split is not None:
        columns["split"] = tuple(layout.split[row] for row in rows)
    columns |= {
        column: tuple(said.columns[column].get(names[row]) for row in rows)
        for column in said.columns
        if column not in columns
    }
    labels, notes = _labels(layout.labels, said, names)
    return Pairs(
        name=readable(folder.resolve().name),
        sources=tuple(sources[row] for row in rows),
        texts=tuple(text for name in names for text in said.texts[name]),
        labels=None if labels is None else tuple(labels[row] for row in rows),
        columns=columns,
        notes=(
            *layout.notes,
            *said.notes,
            *notes,
            *left_out(found, said.used),
            *_tables(folder, found, said),
        ),
        code=f"data.load({str(folder)!r})",
        read_as=f"a folder of {plural(len(names), 'picture')}; texts from {said.how}, "
        + (
            "no labels"
            if labels is None
            else "labels from " + ("metadata" if said.labels else "class folders")
        ),
    )


def _tables(folder: Path, found: Found, said: Beside) -> tuple[str, ...]:
    """Tables that lie beside the pictures and were not read."""
    names = [name for name in found.others if name not in said.used and is_table(folder / name)]
    if not names:
        return ()
    return (f"{names[0]!r} is a table: data.load({str(folder / names[0])!r}) reads the pictures it names.",)


def _labels(
    folders: tuple[str, ...] | None, said: Beside, names: Sequence[str]
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Labels that metadata gives come before those of folders."""
    if not said.labels:
        return folders, ()
    return tuple(said.labels.get(name, "") for name in names), (
        () if folders is None else ("Labels are those of the metadata, not the names of the folders.",)
    )


def _tables_of(folder: Path, found: Found, options: dict[str, Any]) -> Pairs:
    """A folder without pictures of its own: parquet shards, or one table."""
    tables = [name for name in found.others if is_table(folder / name)]
    shards = [name for name in tables if name.lower().endswith(".parquet")]
    chosen = shards or (tables if len(tables) == 1 else [name for name in tables if is_metadata(name)][:1])
    if not chosen:
        more = f" {plural(len(tables), 'table')} lie in it; give the path of one." if tables else ""
        raise BadInputError(
            f"The folder {str(folder)!r} holds no pictures. Expected pictures ({USUAL}) "
            f"in it or in folders below it, or one table ({', '.join(TABLES)}).{more}{_seen(found)}"
        )
    pairs = load_table([folder / name for name in sorted(chosen)], **options)
    notes = left_out(found, chosen)
    return _as_folder(pairs, folder, notes, options)


def _as_folder(pairs: Pairs, folder: Path, notes: Iterable[str], options: dict[str, Any]) -> Pairs:
    from dataclasses import replace

    given = "".join(f", {name}={value!r}" for name, value in options.items())
    return replace(
        pairs,
        name=readable(folder.resolve().name),
        notes=(*pairs.notes, *notes),
        code=f"data.load({str(folder)!r}{given})",
    )


def _seen(found: Found) -> str:
    notes = left_out(found, ())
    return f" There: {'; '.join(notes)}." if notes else ""
