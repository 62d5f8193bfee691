"""One file of a corpus: its table, what could not be read of it, and how it comes into its place whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.pairs import Pairs
from workbench.errors import BadInputError, UnavailableError
from workbench.formatting import human_bytes
from workbench.untrusted import parsed
from workbench.values import is_missing

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "label_column",
    "left_out_at",
    "left_out_of",
    "moved",
    "read_table",
    "table_of",
    "vectors_of",
    "write_table",
]

_LEFT_OUT, _LISTED = b"left_out", {"item", "key", "text", "why"}


def table_of(
    rows: Sequence[int], part: Pairs, image: NDArray, text: NDArray, bad: Mapping[int, str]
) -> pa.Table:
    """The table of some rows of a corpus.

    Args:
        bad: place in `part` to the reason why it cannot be read; key, text and reason are kept of it.

    Shapes:
        image, text: row x feature, float16, without rows for `bad`
    """
    import pyarrow as pa

    good = [place for place in range(len(part)) if place not in bad]
    labels = label_column(part)
    columns = {
        "item": pa.array([rows[place] for place in good], pa.int64()),
        "key": pa.array([part.keys[place] for place in good], pa.string()),
        "text": pa.array([part.texts[place] for place in good], pa.string()),
        "label": pa.array([labels[place] for place in good], pa.string()),
    }
    for side, vectors in (("image", image), ("text", text)):
        flat = pa.array(np.ascontiguousarray(vectors).ravel(), pa.float16())
        columns[f"{side}_vector"] = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    table = pa.table(columns)
    left = [
        {"item": rows[place], "key": part.keys[place], "text": part.texts[place], "why": why}
        for place, why in sorted(bad.items())
    ]
    return table.replace_schema_metadata({_LEFT_OUT: json.dumps(left).encode()}) if left else table


def left_out_of(table: pa.Table) -> list[dict[str, Any]]:
    """item, key, text and why of each picture of a partition that could not be read."""
    return _left_out(table.schema)


def left_out_at(path: Path) -> list[dict[str, Any]]:
    """The same, without reading a vector.

    Raises:
        BadInputError: the file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return _left_out(pq.read_schema(path))
    except (pa.ArrowException, OSError, ValueError) as problem:
        raise BadInputError(f"{path} cannot be read ({problem}).") from None


def _left_out(schema: pa.Schema) -> list[dict[str, Any]]:
    found = parsed((schema.metadata or {}).get(_LEFT_OUT, b"[]"))
    if not isinstance(found, list) or not all(
        isinstance(entry, dict) and set(entry) >= _LISTED for entry in found
    ):
        raise BadInputError("The list of what could not be read was changed since it was written.")
    return found


def label_column(part: Pairs) -> list[str | None]:
    """Labels as texts: a file of vectors is read by others, and they expect one kind."""
    return [None if is_missing(label) else str(label) for label in part.labels or [None] * len(part)]


def vectors_of(table: pa.Table, side: str) -> NDArray[np.float32]:
    """row x feature of "image" or "text"."""
    column = table[f"{side}_vector"].combine_chunks()
    flat = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(table.num_rows, -1).astype(np.float32) if len(flat) else np.zeros((0, 0), np.float32)


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """A file of a corpus, or some columns of it.

    Raises:
        BadInputError: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError, ValueError) as problem:
        raise BadInputError(
            f"{path} cannot be read ({problem}). Run embed_to on this folder again: it computes damaged "
            "partitions anew, and only those."
        ) from None


def write_table(path: Path, table: pa.Table) -> Path:
    """The table under its name, whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = pa.BufferOutputStream()
    pq.write_table(table, held, compression="zstd")
    moved(path, held.getvalue().to_pybytes())
    return path


def moved(path: Path, content: bytes) -> None:
    """All of the content under its name, or nothing: written beside, flushed to the disk, moved.

    Raises:
        UnavailableError: the disk is full, or may not be written to.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as problem:
        beside.unlink(missing_ok=True)
        free = shutil.disk_usage(path.parent).free
        raise UnavailableError(
            f"{path.name} ({human_bytes(len(content))}) could not be written to {path.parent}: "
            f"{problem.strerror or problem}; {human_bytes(free)} are free. What was finished is kept: make "
            "room and run embed_to again."
        ) from problem
