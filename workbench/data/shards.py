"""Pairs from WebDataset shards: tar files in which the files of one sample share a name.

Only the index is read when the shards are loaded; a picture is read from its place in the tar when it is
asked for, and nothing is ever unpacked to disk.
"""

from __future__ import annotations

import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from workbench._repr import plural
from workbench.data.pairs import Pairs, Source, content_key
from workbench.data.pictures import ENDINGS, open_picture
from workbench.data.places import readable
from workbench.errors import BadInputError

__all__ = ["load_shards", "shards_in"]

_TEXTS, _CLASSES = (".txt", ".caption"), (".cls",)


@dataclass
class _Sample:
    """What the tar's index says of one sample: where its files lie, by ending."""

    shard: Path
    name: str
    places: dict[str, tuple[int, int]] = field(default_factory=dict)  # ending -> offset, bytes

    def of(self, endings: Collection[str]) -> str | None:
        return next((ending for ending in self.places if ending in endings), None)


def shards_in(folder: Path) -> list[Path]:
    """The tar files of a folder, in order; [] where there are none."""
    return sorted(path for path in folder.glob("*.tar") if path.is_file())


def load_shards(shards: Path) -> Pairs:
    """Every sample with a picture of one tar file, or of all tar files in a folder.

    The text of a sample is its `.txt`, its label its `.cls`. Samples without a picture are left out and
    counted in `.notes`.

    Raises:
        BadInputError: a file that is no tar, or is cut off; or no picture in any of them.
    """
    files = [shards] if shards.is_file() else shards_in(shards)
    samples = [sample for file in files for sample in _samples(file)]
    pictured = [sample for sample in samples if sample.of(ENDINGS)]
    if not pictured:
        raise BadInputError(
            f"{str(shards)!r} holds {plural(len(samples), 'sample')} in {plural(len(files), 'shard')} and no "
            f"picture. Expected files ending in {', '.join(sorted(ENDINGS))}, one a sample."
        )
    left_out = len(samples) - len(pictured)
    labels = tuple(_said(sample, _CLASSES) for sample in pictured)
    return Pairs(
        name=readable(shards.stem),
        sources=tuple(_source(sample) for sample in pictured),
        texts=tuple(_said(sample, _TEXTS) or readable(sample.name) for sample in pictured),
        labels=labels if all(labels) else None,
        columns={"shard": tuple(sample.shard.name for sample in pictured)},
        notes=(f"{plural(left_out, 'sample')} without a picture left out",) if left_out else (),
        code=f"data.load({str(shards)!r})",
    )


def _samples(shard: Path) -> Iterator[_Sample]:
    """The samples of a tar, in its order: a sample ends where the next name begins."""
    now: _Sample | None = None
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                if not member.isfile():
                    continue
                name, dot, ending = Path(member.name).name.partition(".")
                if not name or not dot:
                    continue
                if now is None or now.name != name:
                    if now is not None:
                        yield now
                    now = _Sample(shard, name)
                now.places["." + ending.lower()] = (member.offset_data, member.size)
                if member.offset_data + member.size > shard.stat().st_size:
                    raise tarfile.ReadError(f"{member.name} is cut off")
    except (tarfile.TarError, OSError) as problem:
        raise BadInputError(
            f"{str(shard)!r} cannot be read as an uncompressed tar ({problem}). Copy it again, or unpack a "
            "compressed one first."
        ) from None
    if now is not None:
        yield now


def _source(sample: _Sample) -> Source:
    ending = sample.of(ENDINGS)
    assert ending is not None  # only samples with a picture come here
    shard, place, name = sample.shard, sample.places[ending], f"{sample.shard.name}:{sample.name}{ending}"

    def read() -> bytes:
        return _content(shard, place)

    return Source(lambda: open_picture(read(), name=name), lambda: content_key(read()))


def _said(sample: _Sample, endings: Collection[str]) -> str:
    ending = sample.of(endings)
    if ending is None:
        return ""
    return " ".join(_content(sample.shard, sample.places[ending]).decode("utf-8", errors="replace").split())


def _content(shard: Path, place: tuple[int, int]) -> bytes:
    with shard.open("rb") as file:
        file.seek(place[0])
        return file.read(place[1])
