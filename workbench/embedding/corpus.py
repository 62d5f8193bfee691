"""A corpus too large to hold: vectors in a folder, a partition at a time, safe against being killed.

    FOLDER/manifest.json          the model, its preprocessing, the data, how many items, how they are cut
    FOLDER/part-00000.parquet     item, key, text, label, image vector, text vector (float16)

A partition is written beside its name and moved there when it is whole, so that at any moment a file either
is complete or is not there. What is there is not computed again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench._repr import human_bytes, plural
from workbench.data.pairs import Pairs
from workbench.embedding.engines import Engine, spread
from workbench.embedding.vectors import ahead, settings_of
from workbench.errors import BadInputError, Cancelled, UnavailableError
from workbench.models.base import DualEncoder
from workbench.results import Embeddings, Event, OnEvent, Provenance, ShouldStop
from workbench.runtime import batched

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Corpus", "embed_partition", "embed_to", "open_corpus"]

PARTITION = 1024
_FORMAT, _MANIFEST = 1, "manifest.json"
_READERS = 2
_SIDES = ("image", "text")


@dataclass(frozen=True)
class Corpus:
    """A folder of vectors, whole or still growing: ask again to see how far it is.

    Attributes:
        manifest: what `manifest.json` says.
    """

    folder: Path
    manifest: dict[str, Any] = field(repr=False)

    @property
    def items(self) -> int:
        """How many there will be."""
        return int(self.manifest["items"])

    @property
    def partitions(self) -> int:
        """How many files there will be."""
        return -(-self.items // int(self.manifest["partition"]))

    @property
    def done(self) -> tuple[int, ...]:
        """Numbers of the partitions that are there now."""
        return tuple(number for number in range(self.partitions) if self.path(number).is_file())

    @property
    def complete(self) -> bool:
        """Whether every partition is there."""
        return len(self.done) == self.partitions

    def path(self, number: int) -> Path:
        """Where a partition is, or will be."""
        return self.folder / f"part-{number:05d}.parquet"

    def rows(self, number: int) -> range:
        """The items of a partition; the last one may be shorter."""
        size = int(self.manifest["partition"])
        return range(number * size, min((number + 1) * size, self.items))

    def embeddings(self, *, pairs: Pairs | None = None) -> Embeddings:
        """Every vector that is there, as `embed` would have given them, rounded to float16 on the way.

        Args:
            pairs: the pairs they were made of, to show pictures with them.

        Raises:
            BadInputError: nothing is there yet, a partition cannot be read, or `pairs` are others.
        """
        numbers = self.done
        if not numbers:
            raise BadInputError(f"{self.folder} holds no finished partition yet. Run embed_to on it first.")
        if pairs is not None and pairs.fingerprint != self.manifest["data"]:
            raise BadInputError(
                f"{self.folder} was made of other pairs ({self.manifest['pairs']}, {self.items:,} items) "
                f"than the {len(pairs):,} given. Load the same data, or leave `pairs` out."
            )
        tables = [self.read(number) for number in numbers]
        vectors = {side: np.concatenate([_vectors(table, side) for table in tables]) for side in _SIDES}
        texts = tuple(text for table in tables for text in table["text"].to_pylist())
        labels = tuple(label for table in tables for label in table["label"].to_pylist())
        known = None if None in labels else labels
        notes = (
            () if self.complete else (f"{len(numbers)} of {plural(self.partitions, 'partition')} are there.",)
        )
        shown = None
        if pairs is not None:
            shown = pairs[[item for number in numbers for item in self.rows(number)]]
        provenance = Provenance(
            "embed_to", self.manifest["model"], self.manifest["weights"], self.manifest["data"],
            self.manifest["settings"], notes=notes,
        )  # fmt: skip
        return Embeddings(vectors["image"], vectors["text"], texts, known, provenance, shown)

    def read(self, number: int) -> pa.Table:
        """One partition as a table.

        Raises:
            BadInputError: it cannot be read, or holds other rows than it should.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.path(number)
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError, ValueError) as problem:
            raise BadInputError(
                f"{path} cannot be read ({problem}). Run embed_to on this folder again: it computes damaged "
                "partitions anew, and only those."
            ) from None
        if table["item"].to_pylist() != list(self.rows(number)):
            raise BadInputError(
                f"{path} holds {table.num_rows} rows that are not items {self.rows(number)[0]} to "
                f"{self.rows(number)[-1]}. Run embed_to on this folder again: it computes it anew."
            )
        return table

    def __repr__(self) -> str:
        return (
            f"Corpus({str(self.folder)!r}, {self.manifest['model']}, {len(self.done)} of "
            f"{plural(self.partitions, 'partition')}, {plural(self.items, 'item')})"
        )


def embed_to(
    folder: str | Path,
    model: DualEncoder,
    pairs: Pairs,
    *,
    partition: int = PARTITION,
    batch_size: int = 64,
    workers: int = 0,
    engine: Engine = "local",
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Corpus:
    """Embed every pair into `folder`, and go on where an earlier run was stopped, killed or ran out of disk.

    The result is the same, byte for byte, however often it was interrupted, on the same kind of machine.

    Args:
        partition: items a file.
        workers: processes beside this one, each with the model loaded by its name; 0 works here.
        engine: what runs them: "local", or "ray" for Ray Data, here or on the cluster it is connected to.

    Raises:
        BadInputError: no pairs, or the folder belongs to another model, other data or another cut.
        BadPictureError: a picture cannot be read; the message names it.
        UnavailableError: the disk is full; what was finished is kept.
        Cancelled: `should_stop` returned true; what was finished is kept.
    """
    if not len(pairs):
        raise BadInputError("There are no pairs to embed: `pairs` is empty. Load or select at least one.")
    if partition < 1:
        raise BadInputError(f"partition={partition} was given; expected at least 1 item a file.")
    corpus = _begun(Path(folder), model, pairs, partition)
    for left in corpus.folder.glob("*.partial"):
        left.unlink(missing_ok=True)  # of a run that was killed
    missing = [number for number in range(corpus.partitions) if not _is_whole(corpus, number)]
    if workers or engine != "local":
        _spread(corpus, missing, model, pairs, engine, max(1, workers), batch_size, on_event, should_stop)
        return corpus
    for step, number in enumerate(missing):
        _tell(on_event, corpus, len(missing) - step)
        try:
            embed_partition(corpus, number, model, pairs, batch_size=batch_size, should_stop=should_stop)
        except Cancelled:
            done = corpus.partitions - len(missing) + step
            message = f"Cancelled after {done} of {corpus.partitions} partitions; they are kept."
            raise Cancelled(message) from None
    _tell(on_event, corpus, 0)
    return corpus


def _spread(
    corpus: Corpus,
    missing: Sequence[int],
    model: DualEncoder,
    pairs: Pairs,
    engine: Engine,
    workers: int,
    batch_size: int,
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
) -> None:
    """The same partitions by other processes; a cancel is heard between two of them."""
    left = len(missing)
    _tell(on_event, corpus, left)
    for _ in spread(corpus, missing, model, pairs, engine=engine, workers=workers, batch_size=batch_size):
        left -= 1
        _tell(on_event, corpus, left)
        if left and should_stop is not None and should_stop():
            raise Cancelled(
                f"Cancelled after {len(corpus.done)} of {corpus.partitions} partitions; they are kept."
            )


def embed_partition(
    corpus: Corpus,
    number: int,
    model: DualEncoder,
    pairs: Pairs,
    *,
    batch_size: int = 64,
    should_stop: ShouldStop | None = None,
) -> Path:
    """Compute one partition and put it in its place: the whole of the work that an engine need distribute.

    Two workers that compute the same one write the same bytes, and the later takes the earlier's place.
    """
    rows = list(corpus.rows(number))
    part = pairs[rows]
    options: dict[str, Any] = {"batch_size": batch_size, "should_stop": should_stop}
    with ThreadPoolExecutor(_READERS) as readers:
        pictures = ahead(readers, part.picture, list(range(len(part))), depth=2 * batch_size)
        image = _stacked(batched(model.encode_images, pictures, total=len(part), stage="pictures", **options))
    text = _stacked(batched(model.encode_texts, list(part.texts), stage="texts", **options))
    return _written(corpus.path(number), _table(rows, part, image, text))


def open_corpus(folder: str | Path) -> Corpus:
    """The corpus in a folder, whole or still growing.

    Raises:
        BadInputError: the folder holds none, or its manifest cannot be read.
    """
    path = Path(folder) / _MANIFEST
    if not path.is_file():
        raise BadInputError(f"{folder} holds no {_MANIFEST}, so it is no corpus. Make one with embed_to.")
    try:
        manifest = json.loads(path.read_text("utf-8"))
        if manifest["format"] != _FORMAT:
            raise BadInputError(
                f"{path} has format {manifest['format']}; this version reads {_FORMAT}. Embed into another "
                "folder."
            )
        return Corpus(Path(folder), manifest)
    except (ValueError, KeyError, TypeError) as problem:
        if isinstance(problem, BadInputError):
            raise
        raise BadInputError(f"{path} is damaged ({problem}). Embed into a new folder.") from None


def _begun(folder: Path, model: DualEncoder, pairs: Pairs, partition: int) -> Corpus:
    """The corpus of this very model, data and cut: the one that is there, else a new one."""
    wanted = {
        "format": _FORMAT,
        "model": model.card.name,
        "weights": model.weights_hash,
        "preprocessing": model.preprocessing_hash,
        "settings": settings_of(model),
        "pairs": pairs.name,
        "data": pairs.fingerprint,
        "items": len(pairs),
        "partition": partition,
    }
    if (folder / _MANIFEST).exists():
        held = open_corpus(folder)
        _check_same(held.manifest, wanted, folder)
        return held
    folder.mkdir(parents=True, exist_ok=True)
    _moved(folder / _MANIFEST, (json.dumps(wanted, indent=2) + "\n").encode())
    return Corpus(folder, wanted)


def _check_same(held: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    """Refuse to mix: vectors of two models, or of two preprocessings, share no space."""
    differing = [name for name in wanted if json.dumps(held.get(name)) != json.dumps(wanted[name])]
    if differing:
        told = "; ".join(
            f"{name}: {str(held.get(name))[:40]} there, {str(wanted[name])[:40]} now" for name in differing
        )
        raise BadInputError(
            f"{folder} belongs to another run ({told}). Give the same model, data and partition to go on "
            "with it, or another folder to begin anew."
        )


def _is_whole(corpus: Corpus, number: int) -> bool:
    try:
        corpus.read(number)
    except BadInputError:
        return False
    return True


def _stacked(batches: Iterator[NDArray] | Any) -> NDArray[np.float16]:
    return np.concatenate(list(batches)).astype(np.float16)


def _table(rows: Sequence[int], part: Pairs, image: NDArray, text: NDArray) -> pa.Table:
    import pyarrow as pa

    columns = {
        "item": pa.array(rows, pa.int64()),
        "key": pa.array(part.keys, pa.string()),
        "text": pa.array(part.texts, pa.string()),
        "label": pa.array(part.labels or [None] * len(part), pa.string()),
    }
    for side, vectors in (("image", image), ("text", text)):
        flat = pa.array(np.ascontiguousarray(vectors).ravel(), pa.float16())
        columns[f"{side}_vector"] = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    return pa.table(columns)


def _vectors(table: pa.Table, side: str) -> NDArray[np.float32]:
    column = table[f"{side}_vector"].combine_chunks()
    flat = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(table.num_rows, -1).astype(np.float32)


def _written(path: Path, table: pa.Table) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = pa.BufferOutputStream()
    pq.write_table(table, held, compression="zstd")
    _moved(path, held.getvalue().to_pybytes())
    return path


def _moved(path: Path, content: bytes) -> None:
    """All of the content under its name, or nothing: written beside, flushed to the disk, moved."""
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


def _tell(on_event: OnEvent | None, corpus: Corpus, missing: int) -> None:
    if on_event is not None:
        on_event(Event("partitions", corpus.partitions - missing, corpus.partitions))
