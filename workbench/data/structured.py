"""Tables that say what they hold: parquet, JSON lines, the JSON of COCO and Karpathy, and pandas in hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.data.encodings import decoded, encoding_notes
from workbench.data.frames import Frame
from workbench.errors import BadInputError
from workbench.formatting import human_bytes, one_line, plural
from workbench.untrusted import parsed, whole_letters

__all__ = ["frame_of_pandas", "read_json", "read_json_lines", "read_parquet"]

_SURE, _TIMES = 500_000_000, 100  # bytes that a file may unpack to; beyond, how many times its own size
_PART = re.compile(r"^(train|training|validation|valid|val|dev|test|testing)(?:[-_.]|$)", re.IGNORECASE)
_PARTS = {
    "training": "train",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "testing": "test",
}


def read_parquet(files: Sequence[Path]) -> Frame:
    """One parquet file, or the shards of a set one after the other. Columns stay in Arrow.

    Shards called `train-…` and `test-…` are the parts of a split, and get a column "split".

    Raises:
        BadInputError: a file is damaged, or the shards do not have the same columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for file in files:
        try:
            _check_claims(file)
            tables.append(pq.read_table(file))
            tables[-1].validate(full=True)  # texts that are none, places outside what is there
        except (OSError, ValueError, KeyError, NotImplementedError) as problem:
            raise BadInputError(
                f"{file.name!r} cannot be read as a table: {one_line(str(problem), most=200)}"
            ) from problem
    try:
        table = pa.concat_tables(tables, promote_options="default")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
        raise BadInputError(
            f"The shards do not hold the same columns: {one_line(str(problem), most=160)}. "
            "Load them one by one."
        ) from problem
    columns: dict[str, Any] = {name: table[name] for name in table.column_names}
    parts = [_part(file) for file in files]
    if all(parts) and len(set(parts)) > 1 and "split" not in columns:
        columns["split"] = [part for part, held in zip(parts, tables, strict=True) for _ in range(len(held))]
    names = [name for name in columns if re.fullmatch(r"__index_level_\d+__", name)]  # pandas' own
    for name in names:
        del columns[name]
    classes, pictures = _features(table.schema.metadata or {})
    said = f"{plural(len(files), 'parquet file')} with {plural(len(table), 'row')}"
    return Frame(columns, len(table), True, (), said, classes, pictures)


def _check_claims(file: Path) -> None:
    """Refuse a parquet file that unpacks to gigabytes: one value said a billion times takes a few bytes."""
    import pyarrow.parquet as pq

    told, size = pq.read_metadata(file), file.stat().st_size
    groups = [told.row_group(group) for group in range(told.num_row_groups)]
    parts = [group.column(column) for group in groups for column in range(group.num_columns)]
    packed = sum(max(0, part.total_uncompressed_size) for part in parts)
    values = sum(max(0, part.num_values) for part in parts)
    claimed = max(packed, 8 * values, 8 * max(0, told.num_rows))
    if claimed > _SURE and claimed > _TIMES * size:
        raise ValueError(
            f"its {human_bytes(size)} claim to hold {human_bytes(claimed)} ({told.num_rows:,} rows), which "
            "no table of pictures does"
        )


def _part(file: Path) -> str:
    match = _PART.match(file.stem)
    return _PARTS.get(match[1].lower(), match[1].lower()) if match else ""


def _features(metadata: Mapping[bytes, bytes]) -> tuple[dict[str, Sequence[str]], tuple[str, ...]]:
    """Class names, and columns that are pictures, as the `datasets` library writes them into the schema."""
    try:
        features = parsed(metadata[b"huggingface"])["info"]["features"]
        kinds = {name: kind for name, kind in features.items() if isinstance(kind, dict)}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}, ()
    classes: dict[str, Sequence[str]] = {
        name: tuple(map(str, kind["names"]))
        for name, kind in kinds.items()
        if kind.get("_type") == "ClassLabel" and isinstance(kind.get("names"), list)
    }
    return classes, tuple(name for name, kind in kinds.items() if kind.get("_type") == "Image")


def read_json_lines(file: Path, *, encoding: str | None = None) -> Frame:
    """One JSON object a line.

    Raises:
        BadInputError: a line that is no object; the message names it.
    """
    words = decoded(file.read_bytes(), encoding=encoding, name=file.name)
    text, halves = whole_letters(words.text)
    records = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = parsed(line)
        except ValueError as problem:
            raise BadInputError(f"Line {number} of {file.name!r} is no JSON ({problem}).") from None
        if not isinstance(record, dict):
            raise BadInputError(f"Line {number} of {file.name!r} is no object with names and values.")
        records.append(record)
    said = f"JSON lines with {plural(len(records), 'row')}"
    notes = (*encoding_notes(file.name, words, encoding), *_halves_note(halves))
    return replace(_frame_of_records(records, said), notes=notes)


def _halves_note(halves: int) -> tuple[str, ...]:
    if not halves:
        return ()
    return (f"{plural(halves, 'half a character', 'halves of characters')} in texts stand as \ufffd",)


def read_json(file: Path, *, encoding: str | None = None) -> Frame:
    """COCO's captions, Karpathy's splits, a list of objects, or an object of lists.

    Raises:
        BadInputError: it is no JSON, or none of these.
    """
    words = decoded(file.read_bytes(), encoding=encoding, name=file.name)
    text, halves = whole_letters(words.text)
    try:
        read = parsed(text)
    except ValueError as problem:
        try:  # JSON lines under another name
            return read_json_lines(file, encoding=encoding)
        except BadInputError:
            raise BadInputError(f"{file.name!r} is no JSON ({problem}).") from None
    frame = _understood(read, file)
    notes = (*encoding_notes(file.name, words, encoding), *_halves_note(halves))
    return replace(frame, notes=(*notes, *frame.notes))


def _understood(read: Any, file: Path) -> Frame:
    if isinstance(read, list) and all(isinstance(record, dict) for record in read):
        return _frame_of_records(read, f"a JSON list of {plural(len(read), 'row')}")
    if isinstance(read, dict) and isinstance(read.get("images"), list):
        return _of_images(read, file)
    if isinstance(read, dict) and read and all(isinstance(values, list) for values in read.values()):
        lengths = {len(values) for values in read.values()}
        if len(lengths) == 1:
            return Frame(read, lengths.pop(), True, (), "a JSON object of columns")
    raise BadInputError(
        f"{file.name!r} is JSON, but neither COCO captions ('images' and 'annotations'), nor a list of "
        "objects, nor an object of columns of one length."
    )


def _of_images(read: Mapping[str, Any], file: Path) -> Frame:
    """`images` with captions in `annotations` (COCO) or in each image's `sentences` (Karpathy)."""
    images = [image for image in read["images"] if isinstance(image, dict)]
    noted = read.get("annotations")
    if isinstance(noted, list):
        return _of_coco(images, [note for note in noted if isinstance(note, dict)], file)
    records = [{_renamed(name): value for name, value in image.items()} for image in images]
    return _frame_of_records(records, f"a JSON list of {plural(len(records), 'picture')}")


def _renamed(name: str) -> str:
    return {"filename": "file_name", "sentences": "caption"}.get(name, name)


def _of_coco(images: Sequence[Mapping[str, Any]], noted: Sequence[Mapping[str, Any]], file: Path) -> Frame:
    known = {_number(image.get("id")): image for image in images if image.get("file_name")}
    told = [note for note in noted if isinstance(note.get("caption"), str)]
    if not told:
        raise BadInputError(
            f"{file.name!r} holds {plural(len(images), 'picture')} and no captions (boxes or outlines, as it "
            "seems). Give COCO's captions_*.json."
        )
    kept = [note for note in told if _number(note.get("image_id")) in known]
    if not kept:
        raise BadInputError(
            f"None of the {plural(len(told), 'caption')} of {file.name!r} has an image_id that its "
            f"{plural(len(images), 'picture')} know. Check that both lists are of one data set."
        )
    rows = [
        {
            "file_name": known[_number(note["image_id"])]["file_name"],
            "caption": note["caption"],
            "image_id": note["image_id"],
        }
        for note in kept
    ]
    notes = []
    if len(told) < len(noted):
        notes.append(f"{plural(len(noted) - len(told), 'annotation')} without a caption left out")
    if len(kept) < len(told):
        lost = next(note.get("image_id") for note in told if _number(note.get("image_id")) not in known)
        notes.append(
            f"{plural(len(told) - len(kept), 'caption')} left out: no picture has their number "
            f"(first: image_id {one_line(repr(lost), most=40)})"
        )
    bare = set(known) - {_number(note["image_id"]) for note in kept}
    if bare:
        files = (known[number]["file_name"] for number in sorted(bare, key=str)[:3])
        names = ", ".join(one_line(repr(name), most=80) for name in files)
        notes.append(f"{plural(len(bare), 'picture')} without a caption left out ({names})")
    frame = _frame_of_records(rows, f"COCO captions: {len(rows):,} of {plural(len(known), 'picture')}")
    return Frame(frame.columns, frame.count, True, tuple(notes), frame.read_as)


def _number(given: Any) -> Any:
    """What tells pictures apart; a list, which is no number, by how it is written."""
    return given if isinstance(given, str | int | float | None) else repr(given)


def _frame_of_records(records: Sequence[Mapping[str, Any]], said: str) -> Frame:
    names = dict.fromkeys(name for record in records for name in record)
    columns = {name: [record.get(name) for record in records] for name in names}
    return Frame(columns, len(records), True, (), said)


def frame_of_pandas(table: Any) -> Frame:
    """A pandas table in hand. Cells that pandas calls missing are None."""
    columns: dict[str, Any] = {}
    for name in table.columns:
        gaps = table[name].isna()
        columns[str(name)] = [
            None if gap else value for value, gap in zip(table[name].tolist(), gaps, strict=True)
        ]
    return Frame(columns, len(table), True, (), f"a pandas table of {plural(len(table), 'row')}")
