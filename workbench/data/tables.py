"""Pairs from a CSV or parquet table with a picture column and a text column."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench._repr import one_line, plural
from workbench.data.emoji import file_source
from workbench.data.pairs import Pairs, Source, content_key
from workbench.data.pictures import open_picture
from workbench.data.places import is_address, local_path
from workbench.errors import BadInputError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENCODINGS", "TABLES", "load_table"]

TABLES = (".csv", ".tsv", ".parquet")
ENCODINGS = ("utf-8-sig", "gb18030")  # the second is what spreadsheets write Chinese in
_IMAGE = ("image", "picture", "photo", "file", "filename", "file_name", "path", "image_path", "filepath")
_TEXT = ("text", "caption", "sentence", "description", "title", "name")
_LABEL = ("label", "class", "category", "target")
_NAMED = 3  # missing files named in a note


def load_table(
    table: Path,
    *,
    image_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
) -> Pairs:
    """One pair a row. Paths of pictures are relative to the table; a parquet may hold the bytes themselves.

    Columns are found by their usual names if they are not given. Rows whose file is missing are left
    out and listed in `.notes`.

    Raises:
        BadInputError: the table cannot be read, has no such column, or no row with a picture.
    """
    frame = _read(table)
    image = _column(frame, image_column, _IMAGE, "image_column", table)
    text = _column(frame, text_column, _TEXT, "text_column", table)
    label = _column(frame, label_column, _LABEL, "label_column", table, needed=label_column is not None)
    sources, missing = {}, []
    for row, value in enumerate(frame[image]):
        source = _source(value, table.parent)
        if source is None:
            missing.append(_shown(value))
        else:
            sources[row] = source
    if not sources:
        raise BadInputError(
            f"None of the {plural(len(frame), 'row')} of {table.name!r} has a picture that is there (first: "
            f"{missing[0] if missing else 'no rows'!r}). Paths are looked up from {str(table.parent)!r}; "
            "nothing is fetched from addresses."
        )
    kept = frame.iloc[list(sources)]
    others = [name for name in frame.columns if name not in (image, text, label)]
    typed = table.suffix.lower() == ".parquet"
    return Pairs(
        name=table.stem,
        sources=tuple(sources.values()),
        texts=_strings(kept[text]),
        labels=None if label is None else _strings(kept[label]),
        columns={
            str(name): tuple((kept[name] if typed else _numbers(kept[name])).tolist()) for name in others
        },
        notes=_missing_note(missing),
        code=_code(
            table, {"image_column": image_column, "text_column": text_column, "label_column": label_column}
        ),
    )


def _read(table: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if table.suffix.lower() == ".parquet":
            return pd.read_parquet(table)
        for encoding in ENCODINGS:
            try:
                # As text, or labels like "NA" and file names like "001" would become something else.
                frame = pd.read_csv(
                    table, sep=_separator(table), encoding=encoding, dtype=str, na_filter=False
                )
            except UnicodeDecodeError:
                continue
            if not isinstance(frame.index, pd.RangeIndex):  # pandas' way with rows that are too long
                raise BadInputError(
                    f"The rows of {table.name!r} hold more values than its first line names "
                    f"({', '.join(map(repr, frame.columns))}). Put texts that hold commas in double quotes."
                )
            return frame
    except BadInputError:
        raise
    except (OSError, ValueError) as problem:
        raise BadInputError(
            f"{table.name!r} cannot be read as a table: {one_line(str(problem), most=200)}"
        ) from problem
    raise BadInputError(
        f"{table.name!r} is in none of the encodings {', '.join(ENCODINGS)}. Save it as UTF-8."
    )


def _separator(table: Path) -> str:
    """A tab, a comma, or the semicolon that spreadsheets write where the comma is a decimal point."""
    if table.suffix.lower() == ".tsv":
        return "\t"
    with table.open("rb") as file:
        first = file.readline(100_000)
    return ";" if b";" in first and b"," not in first else ","


def _strings(values: pd.Series) -> tuple[str, ...]:
    """As text; "" where nothing is there."""
    there = values.notna()
    return tuple(str(value) if filled else "" for value, filled in zip(values, there, strict=True))


def _numbers(values: pd.Series) -> pd.Series:
    """A column of texts as numbers if every value is one, else as it is."""
    import pandas as pd

    try:
        return pd.to_numeric(values)
    except ValueError:
        return values


def _column(
    frame: pd.DataFrame,
    wish: str | None,
    usual: tuple[str, ...],
    option: str,
    table: Path,
    *,
    needed: bool = True,
) -> Any:
    names = {str(name).strip().casefold(): name for name in frame.columns}
    for candidate in (wish,) if wish is not None else usual:
        if str(candidate).casefold() in names:
            return names[str(candidate).casefold()]
    if not needed and wish is None:
        return None
    there = ", ".join(map(repr, frame.columns)) or "none"
    wanted = repr(wish) if wish is not None else f"one of {', '.join(usual)}"
    raise BadInputError(
        f"{table.name!r} has no column {wanted}; its columns are {there}. "
        f"Name it: data.load(path, {option}=...)."
        + (did_you_mean(wish, map(str, frame.columns)) if wish else "")
    )


def _source(value: Any, folder: Path) -> Source | None:
    """A source for bytes, for the {"bytes", "path"} of hubs, or for a file that is there."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, (bytes, bytearray)):
        content = bytes(value)
        return Source(
            lambda: open_picture(content, name="the picture in the table"), lambda: content_key(content)
        )
    if not isinstance(value, str) or not value.strip():
        return None
    if is_address(value.strip()):
        return None
    try:
        path = local_path(folder / os.path.expanduser(value.strip()))
    except BadInputError:
        return None
    return file_source(path) if path.is_file() else None


def _missing_note(missing: list[str]) -> tuple[str, ...]:
    if not missing:
        return ()
    named = ", ".join(repr(name) for name in missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
    return (f"{plural(len(missing), 'row')} left out: the picture is missing ({named}).",)


def _shown(value: Any) -> str:
    return one_line(str(value), most=80)


def _code(table: Path, options: dict[str, str | None]) -> str:
    given = "".join(f", {name}={value!r}" for name, value in options.items() if value is not None)
    return f"data.load({str(table)!r}{given})"
