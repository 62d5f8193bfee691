"""A corpus too large to hold: vectors in a folder, a partition at a time, safe against being killed.

    FOLDER/manifest.json          the model, its preprocessing, the data, how many items, how they are cut,
                                  and which of them could not be read
    FOLDER/part-00000.parquet     item, key, text, label, image vector, text vector (float16)
    FOLDER/earlier-0000.parquet   what was finished before the data changed, until it is used again

A partition is written beside its name and moved there when it is whole, so that at any moment a file either
is complete or is not there. What is there is not computed again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.calling import verb
from workbench.data.pairs import Pairs
from workbench.embedding.partitions import left_out_at, left_out_of, read_table, vectors_of
from workbench.embedding.prefetch import left_out_notes
from workbench.errors import BadInputError
from workbench.formatting import plural
from workbench.results import Embeddings, Provenance
from workbench.untrusted import parsed

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMAT", "MANIFEST", "Corpus", "open_corpus"]

FORMAT, MANIFEST = 1, "manifest.json"
_MOST = 10**12  # items; a manifest that names more was changed


@dataclass(frozen=True)
class Corpus:
    """A folder of vectors, whole or still growing: ask again to see how far it is.

    Attributes:
        folder: where its partitions lie.
        manifest: what `manifest.json` says.
    """

    folder: Path
    manifest: dict[str, Any] = field(repr=False)

    @property
    def items(self) -> int:
        """How many there will be, those that cannot be read included."""
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

    @property
    def left_out(self) -> dict[int, str]:
        """The items of finished partitions that could not be read, with the reason (`on_bad="skip"`).

        The manifest lists them too, once a run has ended.
        """
        return {int(entry["item"]): str(entry["why"]) for entry in self.left_out_entries()}

    def left_out_entries(self) -> list[dict[str, Any]]:
        """item, key, text and why of each: what the manifest lists."""
        found: list[dict[str, Any]] = []
        for number in self.done:
            try:
                found += left_out_at(self.path(number))
            except BadInputError:
                continue  # damaged: the next run computes it anew
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know: pictures that were left out, partitions that are not there yet."""
        done, notes = len(self.done), left_out_notes(self.left_out, self.items)
        if done == self.partitions:
            return notes
        return (*notes, f"{done} of {plural(self.partitions, 'partition')} are there.")

    def path(self, number: int) -> Path:
        """Where the partition of this `number` (from 0) is, or will be."""
        return self.folder / f"part-{number:05d}.parquet"

    def rows(self, number: int) -> range:
        """The items of the partition `number`; the last one may be shorter."""
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
        items = [item for table in tables for item in table["item"].to_pylist()]
        if not items:
            raise BadInputError(f"{self.folder} holds no vector: no picture of it could be read.")
        vectors = {
            side: np.concatenate([vectors_of(table, side) for table in tables if table.num_rows])
            for side in ("image", "text")
        }
        texts = tuple(text for table in tables for text in table["text"].to_pylist())
        labels = tuple(label for table in tables for label in table["label"].to_pylist())
        known = None if set(labels) <= {None} else tuple(label or "" for label in labels)
        settings = dict(self.manifest["settings"]) | ({"left_out": self.left_out} if self.left_out else {})
        provenance = Provenance(
            "embed_to", self.manifest["model"], self.manifest["weights"], self.manifest["data"],
            settings, notes=self.notes,
        )  # fmt: skip
        shown = None if pairs is None else pairs[items]
        return Embeddings(vectors["image"], vectors["text"], texts, known, provenance, shown)

    def read(self, number: int) -> pa.Table:
        """The partition `number` as a table: item, key, text, label, image and text vectors.

        Raises:
            BadInputError: it cannot be read, or holds other rows than it should.
        """
        path, rows = self.path(number), self.rows(number)
        table = read_table(path)
        bad = {entry["item"] for entry in left_out_of(table)}
        if table["item"].to_pylist() != [item for item in rows if item not in bad]:
            raise BadInputError(
                f"{path} holds {table.num_rows} rows that are not items {rows[0]} to {rows[-1]}. "
                "Run embed_to on this folder again: it computes it anew."
            )
        return table

    def __repr__(self) -> str:
        left = f", {len(self.left_out):,} left out" if self.left_out else ""
        return (
            f"Corpus({str(self.folder)!r}, {self.manifest['model']}, {len(self.done)} of "
            f"{plural(self.partitions, 'partition')}, {plural(self.items, 'item')}{left})"
        )


@verb
def open_corpus(folder: str | Path) -> Corpus:
    """The corpus in a folder, whole or still growing.

    Args:
        folder: what `embed_to` was given.

    Returns:
        A `Corpus`; `.embeddings()` gives the vectors that are there.

    Raises:
        BadInputError: the folder holds none, or its manifest cannot be read.

    Example:
        >>> from workbench import data
        >>> from workbench.embedding import embed_to, open_corpus
        >>> corpus = embed_to("emoji-vectors", "emoji-clip", data.load("emoji")[:6])
        >>> open_corpus("emoji-vectors").embeddings().image.shape
        (6, 192)
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise BadInputError(f"{folder} holds no {MANIFEST}, so it is no corpus. Make one with embed_to.")
    try:
        manifest = parsed(path.read_text("utf-8"))
        if manifest["format"] != FORMAT:
            raise BadInputError(
                f"{path} has format {manifest['format']}; this version reads {FORMAT}. Embed into another "
                "folder."
            )
        _check_manifest(manifest)
        return Corpus(Path(folder), manifest)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        if isinstance(problem, BadInputError):
            raise
        raise BadInputError(f"{path} is damaged ({problem}). Embed into a new folder.") from None


def _check_manifest(manifest: dict[str, Any]) -> None:
    """Raise `ValueError` where it does not say what a manifest says."""
    for name in ("model", "weights", "preprocessing", "pairs", "data"):
        if not isinstance(manifest[name], str):
            raise ValueError(f"{name} is no text")
    for name, least in (("items", 1), ("partition", 1)):
        number = manifest[name]
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= _MOST:
            raise ValueError(f"{name} is {str(number)[:40]}")
    if not isinstance(manifest["settings"], dict):
        raise ValueError("settings is no object")
