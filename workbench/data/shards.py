"""Pairs from WebDataset shards: tar files in which the files of one sample share a name.

Only the index is read when the shards are loaded; a picture is read from its place in the tar when it is
asked for, and nothing is ever unpacked to disk. A compressed tar has no places: it is held in memory.
"""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from workbench.data.column_roles import LABEL, TEXT, as_lists, captions
from workbench.data.compressed_tar import PIECE, opened
from workbench.data.encodings import decoded
from workbench.data.pairs import Pairs
from workbench.data.paths import readable
from workbench.data.pictures import ENDINGS, USUAL
from workbench.data.sources import BytesSource
from workbench.errors import BadInputError
from workbench.formatting import human_bytes, one_line, plural
from workbench.untrusted import parsed, whole_letters
from workbench.values import is_missing

__all__ = ["is_shard", "load_shards", "shards_in"]

_TEXTS, _CLASSES, _RECORDS = (".txt", ".caption"), (".cls",), (".json",)
_SAID, _SHORT = (*_TEXTS, *_CLASSES, *_RECORDS), 1_000_000  # bytes
_PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_MOST_HELD = 1_500_000_000  # bytes of a compressed shard that are held in memory
_DAMAGE = (
    tarfile.TarError, OSError, EOFError, ValueError, OverflowError, RecursionError, zlib.error,
    lzma.LZMAError,
)  # fmt: skip
_NAMED = 3

Read = Callable[[], bytes]


@dataclass
class _Sample:
    """What the tar's index says of one sample: how to read its files, by all that follows its name."""

    shard: str
    key: str
    files: dict[str, Read] = field(default_factory=dict)  # ".png", ".left.png", ".txt" …

    @property
    def pictures(self) -> list[str]:
        return [ending for ending in self.files if _last(ending) in ENDINGS]

    def of(self, picture: str, endings: Sequence[str]) -> str | None:
        """The file that says something of a picture: that with the picture's own longer name comes first."""
        middle = picture[: -len(_last(picture))]
        tried = [middle + ending for ending in endings] if middle else []
        return next((name for name in (*tried, *endings) if name in self.files), None)


@dataclass
class _Index:
    """Every sample of some shards, and what was not taken."""

    samples: dict[tuple[str, str], _Sample] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    long: list[str] = field(default_factory=list)
    nameless: list[str] = field(default_factory=list)


def is_shard(path: Path) -> bool:
    """Whether a file is a tar, compressed or not, by its ending."""
    return path.name.lower().endswith((".tar", *_PACKED)) and path.is_file()


def shards_in(folder: Path) -> list[Path]:
    """The tar files of a folder, in order; [] where there are none."""
    return sorted(path for path in folder.iterdir() if is_shard(path))


def load_shards(shards: Path) -> Pairs:
    """Every picture of one tar file, or of all tar files in a folder, with what its sample says of it.

    A sample is all files whose whole path is the same up to the first point of the name. Its text is its
    `.txt` or `.caption`, else the caption in its `.json`; its label its `.cls`, else the label in its
    `.json`, whose other values become columns. Each of several pictures is an item of its own. A member that
    is there twice is refused: the first stays, and a note names it, as it names all that was not read.

    Raises:
        BadInputError: a file that is no tar, or is cut off; or no picture in any of them.
    """
    files = [shards] if shards.is_file() else shards_in(shards)
    index = _Index()
    for file in files:
        _read_index(file, index)
    samples = list(index.samples.values())
    pictured = [(sample, picture) for sample in samples for picture in sample.pictures]
    if not pictured:
        raise BadInputError(
            f"{str(shards)!r} holds {plural(len(samples), 'sample')} in {plural(len(files), 'shard')} and no "
            f"picture. Expected pictures ({USUAL}), one or more a sample."
        )
    items = [_Item(sample, picture) for sample, picture in pictured]
    found, said = captions([item.words or item.name for item in items], ".json")
    texts = as_lists(found)
    unsaid = [item.sample.key for item in items if not item.words]
    if 0 < len(unsaid) < len(items):
        said.append(
            f"{plural(len(unsaid), 'picture')} without a caption: named by its sample ({_first(unsaid)})"
        )
    rows = [row for row, words in enumerate(texts) for _ in words]
    labels = [item.label for item in items]
    columns = _columns(items, rows)
    notes = [*_left_out(index, samples, items), *said, *_label_notes(labels, items)]
    return Pairs(
        name=readable(shards.name.split(".tar")[0] if shards.is_file() else shards.stem),
        sources=_spread([item.source for item in items], rows),
        texts=tuple(word for words in texts for word in words),
        labels=_spread(labels, rows) if any(labels) else None,
        columns=columns,
        notes=tuple(notes),
        code=f"data.load({str(shards)!r})",
        read_as=f"{plural(len(files), 'shard')} with {plural(len(samples), 'sample')}",
    )


class _Item:
    """One picture of a sample, with what the sample says of it."""

    def __init__(self, sample: _Sample, picture: str) -> None:
        self.sample, self.picture = sample, picture
        text = sample.of(picture, _TEXTS)
        label = sample.of(picture, _CLASSES)
        record = sample.of(picture, _RECORDS)
        self.used = {name for name in (picture, text, label, record) if name}
        self.record, self.odd = _record(sample.files[record]) if record else ({}, "")
        name = PurePosixPath(sample.key).name + picture[: -len(_last(picture))]
        self.name = readable(name)
        read = sample.files[picture]
        self.source = BytesSource(read, f"{sample.shard}:{sample.key}{picture}", sample.key + picture)
        named = _usual(self.record, TEXT)
        own = _words(sample.files[text]) if text else ""
        self.words: Any = own or (self.record.pop(named) if named and not text else "")
        self.label = _words(sample.files[label]) if label else ""
        given = _usual(self.record, LABEL)
        if not label and given and not isinstance(self.record[given], (list, dict)):
            value = self.record.pop(given)
            self.label = "" if is_missing(value) else str(value)


def _usual(record: dict[str, Any], names: Sequence[str]) -> str | None:
    found = {name.casefold(): name for name in reversed(record)}
    return next((found[name] for name in names if name in found), None)


def _record(read: Read) -> tuple[dict[str, Any], str]:
    """The values of a `.json`, and why there are none."""
    try:
        found = parsed(whole_letters(decoded(read()).text)[0])
    except ValueError:
        return {}, "no JSON"
    return (found, "") if isinstance(found, dict) else ({}, "no object")


def _columns(items: Sequence[_Item], rows: Sequence[int]) -> dict[str, tuple[Any, ...]]:
    columns: dict[str, list[Any]] = {
        "shard": [item.sample.shard for item in items],
        "sample": [readable(item.sample.key) for item in items],
    }
    if any(len(item.sample.pictures) > 1 for item in items):
        columns["picture"] = [item.picture.removeprefix(".") for item in items]
    for name in dict.fromkeys(name for item in items for name in item.record):
        if name not in columns:
            columns[name] = [item.record.get(name) for item in items]
    return {name: _spread(values, rows) for name, values in columns.items()}


def _spread(values: Sequence[Any], rows: Sequence[int]) -> tuple[Any, ...]:
    return tuple(values[row] for row in rows)


def _label_notes(labels: Sequence[str], items: Sequence[_Item]) -> list[str]:
    bare = [item.sample.key for item, label in zip(items, labels, strict=True) if not label]
    notes = []
    if bare and len(bare) < len(labels):
        notes.append(f"{plural(len(bare), 'picture')} without a label ({_first(bare)})")
    odd = [item.sample.key + ".json" for item in items if item.odd]
    if odd:
        notes.append(f"{plural(len(odd), 'file')} left out: no JSON object in it ({_first(odd)})")
    return notes


def _left_out(index: _Index, samples: Sequence[_Sample], items: Sequence[_Item]) -> list[str]:
    """A sentence for each kind of member that was not read."""
    notes = []
    bare = [sample.key for sample in samples if not sample.pictures]
    if bare:
        notes.append(f"{plural(len(bare), 'sample')} without a picture left out ({_first(bare)})")
    used: dict[int, set[str]] = {}
    for item in items:
        used.setdefault(id(item.sample), set()).update(item.used)
    rest = [
        (sample.key + ending, _last(ending))
        for sample in samples
        if sample.pictures
        for ending in sample.files
        if ending not in used[id(sample)]
    ]
    if rest:
        kinds = ", ".join(
            f"{count:,} {kind}" for kind, count in Counter(kind for _, kind in rest).most_common(8)
        )
        notes.append(
            f"{plural(len(rest), 'member')} left out: {kinds} ({_first([name for name, _ in rest])})"
        )
    if index.twice:
        notes.append(
            f"{plural(len(index.twice), 'member')} there twice and refused; the first stays "
            f"({_first(index.twice)})"
        )
    if index.links:
        notes.append(f"{plural(len(index.links), 'link')} in the tar left out ({_first(index.links)})")
    if index.long:
        notes.append(
            f"{plural(len(index.long), 'text')} left out: over {human_bytes(PIECE)} ({_first(index.long)})"
        )
    if index.nameless:
        notes.append(
            f"{plural(len(index.nameless), 'member')} without an ending left out ({_first(index.nameless)})"
        )
    several = sum(len(sample.pictures) > 1 for sample in samples)
    if several:
        notes.append(f"{plural(several, 'sample')} with several pictures: each is an item of its own")
    return notes


def _first(names: Sequence[str]) -> str:
    return ", ".join(repr(readable(name)) for name in names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def _read_index(shard: Path, index: _Index) -> None:
    """The samples of a tar, in its order. The key of a sample is its whole path, as `webdataset` has it."""
    packed = shard.name.lower().endswith(_PACKED)
    size, held = shard.stat().st_size, 0
    try:
        with opened(shard, packed) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                if not member.isfile():
                    if not member.isdir():
                        index.links.append(member.name)
                    continue
                if packed and _is_held(member):
                    held += member.size
                    _check_held(shard, held)
                if not packed and member.offset_data + member.size > size:
                    raise tarfile.ReadError(f"{member.name} is cut off")
                _add(shard, archive, member, index, packed)
    except BadInputError:
        raise
    except _DAMAGE as problem:
        how = "a tar" if packed else "an uncompressed tar"
        raise BadInputError(
            f"{str(shard)!r} cannot be read as {how} ({one_line(str(problem), most=200)}). Copy it again; a "
            f"compressed one ends in {', '.join(_PACKED)}."
        ) from None


def _is_held(member: tarfile.TarInfo) -> bool:
    """Whether a member of a compressed tar is kept: a picture that can be opened, or words of one."""
    return member.size <= PIECE and _last(member.name.lower()) in (*ENDINGS, *_SAID)


def _check_held(shard: Path, held: int) -> None:
    if held > _MOST_HELD:
        raise BadInputError(
            f"{shard.name!r} unpacks to more than {human_bytes(_MOST_HELD)}, which would be held in memory. "
            "Unpack it to an uncompressed .tar first: gunzip FILE."
        )


def _add(shard: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, index: _Index, packed: bool) -> None:
    path = PurePosixPath(member.name)
    if path.name.startswith("."):
        index.nameless.append(member.name)
        return
    stem, point, ending = path.name.partition(".")
    if not point:
        index.nameless.append(member.name)
        return
    key = str(path.with_name(stem))
    sample = index.samples.setdefault((str(shard), key), _Sample(shard.name, key))
    name = "." + ending.lower()
    if name in sample.files:
        index.twice.append(member.name)
        return
    if _last(name) in _SAID and member.size > PIECE:
        index.long.append(member.name)
    elif packed and not _is_held(member):
        sample.files[name] = partial(_too_long, member.name, member.size)
    elif packed or (_last(name) in _SAID and member.size <= _SHORT):  # words are read while we pass by
        inner = archive.extractfile(member)
        content = inner.read() if inner is not None else b""
        sample.files[name] = partial(bytes, content)
    else:
        sample.files[name] = partial(_content, str(shard), member.offset_data, member.size)


def _last(ending: str) -> str:
    """`.left.png` -> `.png`"""
    return "." + ending.rpartition(".")[2]


def _words(read: Read) -> str:
    return " ".join(decoded(read()).text.split())


def _too_long(name: str, size: int) -> bytes:
    raise OSError(f"{readable(name)!r} has {human_bytes(size)}, more than is held of a compressed tar")


def _content(shard: str, offset: int, size: int) -> bytes:
    with open(shard, "rb") as file:
        file.seek(offset)
        return file.read(size)
