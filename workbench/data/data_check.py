"""`workbench data check PATH`: what would be read, as what, and what would not."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from workbench.data.data_sets import load
from workbench.data.pairs import Pairs
from workbench.errors import WorkbenchError
from workbench.formatting import one_line, plural
from workbench.values import classes_of, is_missing

__all__ = ["add_arguments", "checked", "report"]

_SHOWN = 3  # rows, columns' values, labels
_OPTIONS = ("image_column", "text_column", "label_column", "root", "encoding", "separator", "quoting")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words after `workbench data`: nothing lists what ships; `check PATH` reads a path on trial."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    check = actions.add_parser("check", help="what would be read from a path, as what, and what would not")
    check.add_argument("path", help="a folder, a table, a shard, or the name of a data set that ships")
    check.add_argument("--open", action="store_true", help="open every picture as well")
    for name in _OPTIONS:
        check.add_argument(f"--{name.replace('_', '-')}", help=f"as in data.load(path, {name}=...)")


def checked(arguments: argparse.Namespace) -> tuple[str, int]:
    """What `check` prints, and its exit status: 1 if all was refused, or pictures cannot be opened."""
    options = {name: value for name in _OPTIONS if (value := getattr(arguments, name, None)) is not None}
    try:
        pairs = load(arguments.path, **options)
    except WorkbenchError as problem:
        return f"Refused: {problem}", 1
    broken = pairs.check()[1] if arguments.open else None
    return report(pairs, broken), 1 if broken else 0


def report(pairs: Pairs, broken: Mapping[int, str] | None = None) -> str:
    """What was read, in lines: how it was taken, its first rows, labels and columns, and all notes.

    `broken` is the second value of `pairs.check()`: pictures that cannot be opened; None if none was tried.
    """
    lines = [repr(pairs), f"  code     {one_line(pairs.code, most=100)}"]
    if pairs.read_as:
        lines.append(f"  read as  {pairs.read_as}")
    for row in range(min(_SHOWN, len(pairs))):
        own = None if pairs.labels is None else pairs.labels[row]
        label = "" if is_missing(own) else f"  [{_said(own)}]"
        lines.append(f"  row {row}    {_said(pairs.texts[row])!r}{label}")
    if pairs.labels is not None:
        names, _ = classes_of(pairs.labels)
        more = ", …" if len(names) > _SHOWN else ""
        lines.append(f"  labels   {len(names):,}: {', '.join(_said(name) for name in names[:_SHOWN])}{more}")
    for name in pairs.columns:
        values: tuple[Any, ...] = pairs.columns[name][:_SHOWN]
        lines.append(f"  column   {name}: {', '.join(_said(value) for value in values)}")
    if broken is not None:
        lines.append(
            f"  opened   {plural(len(pairs) - len(broken), 'picture')}; {len(broken):,} cannot be opened"
        )
        lines += [f"           row {row}: {why}" for row, why in list(broken.items())[:10]]
    lines += [f"  note     {note}" for note in pairs.notes] or ["  note     nothing was left out"]
    return "\n".join(lines)


def _said(value: object) -> str:
    return one_line(str(value), most=60)
