"""Pairs from a table with pictures and texts: text files, JSON, parquet, pandas in hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from workbench.calling import verb
from workbench.data.column_roles import (
    IMAGE,
    LABEL,
    TEXT,
    Words,
    captions,
    chosen,
    labels_of,
    numbered_captions,
)
from workbench.data.csv_dialect import Usual, read_delimited
from workbench.data.file_lookup import find_files
from workbench.data.file_name_words import words_of
from workbench.data.frames import Frame, cells, coded, is_words
from workbench.data.pairs import Pairs
from workbench.data.paths import is_address, local_path, readable
from workbench.data.pictures import open_picture
from workbench.data.sources import BytesSource, Columns, Source, held
from workbench.data.structured import frame_of_pandas, read_json, read_json_lines, read_parquet
from workbench.errors import BadInputError
from workbench.formatting import one_line, path_end, plural

__all__ = ["TABLES", "from_table", "is_table", "load_table", "read_frame"]

TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json")
_TEXT_TABLES = (".csv", ".tsv", ".txt", ".token", ".tab")
Numbers = Sequence[int] | NDArray[np.int64]
_NAMED = 3  # missing files named in a note


def load_table(
    table: Path | Sequence[Path],
    *,
    image_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    root: str | Path | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    quoting: str | int = "auto",
) -> Pairs:
    """One pair a row, or one a caption where a cell holds several.

    Paths of pictures are relative to the table, or to `root`; a parquet may hold the bytes themselves.
    Columns are found by their usual names if they are not given. Rows whose file is missing are left out
    and named in `.notes`, as is everything that was not simply read.

    Args:
        table: one file, or the parquet shards of one set.
        encoding, separator: of a text table; None finds them.
        quoting: "auto"; "none" reads quotes as letters; "double" lets them enclose whatever comes.

    Raises:
        BadInputError: the table cannot be read, has no such column, or no row with a picture.
    """
    files = [table] if isinstance(table, Path) else list(table)
    if not files:
        raise BadInputError("No table was given.")
    named = {"image_column": image_column, "text_column": text_column, "label_column": label_column}
    usual = _usual(image_column, text_column, label_column)
    reading = {"encoding": encoding, "separator": separator, "quoting": quoting}
    place = files[0] if len(files) == 1 else files[0].parent
    code = _code(place, named | {"root": root} | reading)
    frame = _read(files, usual, reading)
    base = None if root is None else local_path(root)
    return _Reading(frame, readable(place.stem), files[0].name, files[0].parent, base, code).pairs(**named)


@verb
def from_table(
    table: Any,
    *,
    root: str | Path | None = None,
    image_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
) -> Pairs:
    """Pairs from a pandas table in hand: a column of paths, bytes or pictures, and one of texts.

    Args:
        table: a `pandas.DataFrame`, one row a pair.
        root: the folder that paths are relative to; None is the working folder.
        image_column, text_column, label_column: names of columns; None finds them by name and content.

    Returns:
        `Pairs`, without the rows that have no picture; `.notes` counts them.

    Raises:
        BadInputError: no pandas table, no such column, or no row with a picture.

    Example:
        >>> import pandas as pd
        >>> from workbench import data
        >>> data.load("shapes", n=2).picture(0).save("a.png")
        >>> table = pd.DataFrame({"image": ["a.png"], "caption": ["a shape"]})
        >>> data.from_table(table).texts
        ('a shape',)
    """
    if not hasattr(table, "columns") or not hasattr(table, "iloc"):
        raise BadInputError(f"A pandas table was expected; got a {type(table).__name__}.")
    named = {"image_column": image_column, "text_column": text_column, "label_column": label_column}
    folder = Path.cwd() if root is None else local_path(root)
    code = "data.from_table(table" + _options(named | {"root": root}) + ")"
    reading = _Reading(frame_of_pandas(table), "table", "the table", folder, folder, code)
    return reading.pairs(**named)


def is_table(file: Path) -> bool:
    """Whether a file is one that `load_table` reads, by its ending; a text file also by its first line."""
    if file.suffix.lower() in TABLES:
        return True
    if file.suffix.lower() not in _TEXT_TABLES:
        return False
    with file.open("rb") as opened:
        first = opened.readline(10_000).decode("utf-8", errors="replace")
    cells = [cell.strip().casefold() for mark in "\t,;|" for cell in first.split(mark)]
    return (any(cell in IMAGE for cell in cells) and any(cell in TEXT for cell in cells)) or ".jpg#" in first


def read_frame(file: Path) -> Frame:
    """One table's cells, with everything found by itself."""
    reading: dict[str, Any] = {"encoding": None, "separator": None, "quoting": "auto"}
    return _read([file], _usual(None, None, None), reading)


def _usual(image: str | None, text: str | None, label: str | None) -> Usual:
    images = (image.casefold(),) if image else IMAGE
    texts = (text.casefold(),) if text else TEXT
    return Usual(
        images, texts, {*IMAGE, *TEXT, *LABEL, *images, *texts, (label or "label").casefold(), "split"}
    )


def _read(files: Sequence[Path], usual: Usual, reading: dict[str, Any]) -> Frame:
    kind = files[0].suffix.lower()
    try:
        if kind == ".parquet":
            return read_parquet(files)
        if kind in (".jsonl", ".ndjson"):
            return read_json_lines(files[0], encoding=reading["encoding"])
        if kind == ".json":
            return read_json(files[0], encoding=reading["encoding"])
        return read_delimited(files[0], usual, **reading)
    except BadInputError:
        raise
    except (OSError, ValueError) as problem:
        raise BadInputError(
            f"{files[0].name!r} cannot be read as a table: {one_line(str(problem), most=200)}"
        ) from problem


@dataclass(frozen=True)
class _Reading:
    """A table on its way to pairs."""

    frame: Frame
    name: str
    table: str
    folder: Path
    root: Path | None
    code: str

    def pairs(self, image_column: str | None, text_column: str | None, label_column: str | None) -> Pairs:
        frame = self.frame
        usual = (*frame.pictures, *IMAGE)
        image = chosen(frame, image_column, usual, "image_column", self.table)
        assert image is not None  # a picture column is needed
        label = chosen(
            frame, label_column, LABEL, "label_column", self.table, needed=label_column is not None
        )
        texts, used, notes = self._texts(text_column, label, image)
        labels, more = (None, []) if label is None else labels_of(frame, label)
        sources, numbers, missing, found = self._sources(image)
        if not sources:
            raise self._nothing(missing)
        rows, said, kept = _spread(sources, numbers, texts)
        left = {image, *used, *([label] if labels is not None else [])}
        makers = {name: frame.maker(name) for name in frame.columns if name not in left}
        whole = _whole(kept, frame.count)
        columns = Columns(makers, len(kept), None if whole else kept)
        spoken = f"pictures from {image!r}, texts from {', '.join(map(repr, used)) or 'the label'}"
        return Pairs(
            name=self.name,
            sources=rows,
            texts=said,
            labels=None
            if labels is None
            else tuple(labels if whole else (labels[row] for row in kept.tolist())),
            columns=columns,
            notes=(*frame.notes, *found, *_missing_note(missing, frame.count), *notes, *more),
            code=self.code,
            read_as=f"{frame.read_as}; {spoken}, " + (f"labels from {label!r}" if labels else "no labels"),
        )

    def _texts(self, wish: str | None, label: str | None, image: str) -> tuple[Words, list[str], list[str]]:
        """row: its captions; the columns they come from; and notes."""
        frame = self.frame
        several = numbered_captions(frame) if wish is None else []
        name = chosen(frame, wish, TEXT, "text_column", self.table, needed=wish is not None)
        if name == image:
            name = None
        if name is None and several:
            beside = zip(*(frame.cells(column) for column in several), strict=True)
            values: list[Any] = [[cell for cell in row if cell] for row in beside]
            found, notes = captions(values, several[0])
            return found, several, notes
        if name is not None:
            found, notes = captions(frame.cells(name), name)
            return found, [name], notes
        names = None if label is None else labels_of(frame, label)[0]
        if names is None:
            chosen(frame, wish, TEXT, "text_column", self.table)  # raises, with the columns that are there
            raise AssertionError("a text column was found after all")
        return (
            [words_of(value) for value in names],
            [],
            ["No text column: a row's text is its label."],
        )

    def _sources(self, image: str) -> tuple[list[Source], Numbers, list[tuple[int, str]], list[str]]:
        """Sources and the row of each; rows without a picture, each with what stands there; and notes."""
        column = self.frame.columns[image]
        if _packed(column):
            sources, rows, bare = _packed_sources(column, self.table)
            if not bare:
                return sources, rows, [], []
            column = _others(column, set(rows))  # those whose bytes are elsewhere: a path may stand for them
            more, numbers, missing, notes = self._unpacked(column, skip=set(rows))
            order = np.argsort([*rows, *numbers], kind="stable").tolist()
            both = [*sources, *more]
            return [both[k] for k in order], sorted([*rows, *numbers]), missing, notes
        if is_words(column):
            return self._named(column)
        return self._unpacked(cells(column))

    def _named(self, column: Any) -> tuple[list[Source], Numbers, list[tuple[int, str]], list[str]]:
        """Sources of an Arrow column of paths: each name is looked up once, however many rows it has."""
        names, codes = coded(column)
        files, notes = find_files([name for name in names if name], self.folder, root=self.root)
        known: list[Source | None] = [files.get(name or "") for name in names]
        there = np.fromiter((source is not None for source in known), np.bool_, len(known))[codes]
        rows = np.flatnonzero(there)
        sources: list[Source] = np.array(known, dtype=object)[codes[rows]].tolist()
        missing = [
            (row, one_line(str(names[codes[row]]), most=80)) for row in np.flatnonzero(~there).tolist()
        ]
        return sources, rows, missing, list(notes)

    def _unpacked(
        self, values: Sequence[Any], skip: Collection[int] = ()
    ) -> tuple[list[Source], list[int], list[tuple[int, str]], list[str]]:
        flat = [(row, one) for row, value in enumerate(values) if row not in skip for one in _several(value)]
        names = [one if isinstance(one, str) else str(_path_of(one)) for _, one in flat if _path_of(one)]
        files, notes = find_files(names, self.folder, root=self.root)
        sources, rows, missing = [], [], []
        for row, one in flat:
            source = files.get(str(_path_of(one))) if _path_of(one) else _in_hand(one, row, self.table)
            if source is None:
                missing.append((row, one_line(str(one), most=80)))
            else:
                sources.append(source)
                rows.append(row)
        if len(flat) > len(values) - len(skip):
            notes = (*notes, "Rows with several pictures: each picture is an item of its own.")
        return sources, rows, missing, list(notes)

    def _nothing(self, missing: Sequence[tuple[int, str]]) -> BadInputError:
        first = path_end(missing[0][1]) if missing else "no rows"
        return BadInputError(
            f"None of the {plural(self.frame.count, 'row')} of {self.table!r} has a picture that is there "
            f"(first: {first!r}). Paths are looked up from {str(self.root or self.folder)!r} (root='...' "
            "names another folder); nothing is fetched from addresses."
        )


def _spread(
    sources: Sequence[Source], rows: Numbers, texts: Words
) -> tuple[tuple[Source, ...], tuple[str, ...], np.ndarray]:
    """One item for each picture and caption: its source, its text, and the row it comes from."""
    if not texts or isinstance(texts[0], str):
        kept = np.asarray(rows, np.int64)
        said = texts if _whole(kept, len(texts)) else [texts[row] for row in kept.tolist()]
        return tuple(sources), tuple(map(str, said)), kept
    spread = [(source, word, row) for source, row in zip(sources, rows, strict=True) for word in texts[row]]
    return (
        tuple(source for source, _, _ in spread),
        tuple(word for _, word, _ in spread),
        np.asarray([row for _, _, row in spread], np.int64),
    )


def _whole(rows: NDArray[np.int64], count: int) -> bool:
    """Whether these are all rows of a table, in their order."""
    return len(rows) == count and bool((np.diff(rows) == 1).all())


def _packed(column: Any) -> bool:
    """Whether an Arrow column holds bytes of pictures: {"bytes", "path"}, as hubs store them, or binary."""
    kind = str(getattr(column, "type", ""))
    return kind.startswith(("binary", "large_binary")) or (kind.startswith("struct") and "bytes" in kind)


def _packed_sources(column: Any, table: str) -> tuple[list[Source], list[int], list[tuple[int, str]]]:
    """Sources that read their bytes out of Arrow when they are asked for."""
    import pyarrow.compute as pc

    bare = column if not str(column.type).startswith("struct") else pc.struct_field(column, "bytes")
    there = pc.fill_null(pc.greater(pc.binary_length(bare), 0), False).to_pylist()
    sources: list[Source] = []
    rows, missing = [], []
    for row, filled in enumerate(there):
        if filled:
            sources.append(BytesSource(partial(_bytes_at, bare, row), f"the picture in row {row} of {table}"))
            rows.append(row)
        else:
            missing.append((row, "empty"))
    return sources, rows, missing


def _others(column: Any, known: Collection[int]) -> list[Any]:
    """The cells whose bytes are not there, None for the others."""
    return [None if row in known else column[row].as_py() for row in range(len(column))]


def _bytes_at(column: Any, row: int) -> bytes:
    return column[row].as_py()


def _several(value: Any) -> list[Any]:
    return list(value) or [None] if isinstance(value, (list, tuple)) else [value]


def _path_of(value: Any) -> str:
    """The path that a cell names; "" where it holds something else."""
    if isinstance(value, dict):
        value = None if value.get("bytes") else value.get("path")
    return str(value) if isinstance(value, (str, Path)) and str(value).strip() else ""


def _in_hand(value: Any, row: int, table: str) -> Source | None:
    """A source for what is itself a picture: bytes, an array or Pillow's; None for anything else."""
    if isinstance(value, dict):
        value = value.get("bytes")
    if isinstance(value, (bytes, bytearray)) and value:
        content = bytes(value)
        return BytesSource(partial(bytes, content), f"the picture in row {row} of {table}")
    return held(open_picture(value)) if isinstance(value, (np.ndarray, Image)) else None


def _missing_note(missing: Sequence[tuple[int, str]], count: int) -> tuple[str, ...]:
    if not missing:
        return ()
    named = ", ".join(repr(path_end(name)) for _, name in missing[:_NAMED])
    more = ", …" if len(missing) > _NAMED else ""
    addresses = sum(is_address(name) for _, name in missing)
    why = f"; {plural(addresses, 'is', 'are')} addresses, and nothing is fetched" if addresses else ""
    rows = ", ".join(str(row) for row, _ in missing[:_NAMED])
    return (
        f"{plural(len({row for row, _ in missing}), 'row')} left out: the picture is missing ({named}{more}; "
        f"of {count:,} rows, number {rows}{more}){why}.",
    )


def _code(table: Path, options: dict[str, Any]) -> str:
    return f"data.load({str(table)!r}{_options(options)})"


def _options(options: dict[str, Any]) -> str:
    usual = {"quoting": "auto"}
    given = {name: value for name, value in options.items() if value is not None}
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    return "".join(f", {name}={value!r}" for name, value in plain.items() if value != usual.get(name))
