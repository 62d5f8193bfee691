"""The work on one partition of a corpus: its vectors, computed and put in their place, by any process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.pairs import Pairs
from workbench.embedding.corpus import Corpus
from workbench.embedding.corpus_update import Earlier
from workbench.embedding.partitions import table_of, write_table
from workbench.embedding.prefetch import OnBad, picture_batches
from workbench.errors import BadInputError
from workbench.models.base import DualEncoder
from workbench.results import ShouldStop
from workbench.runtime import batched

__all__ = ["check_unchanged", "embed_partition"]


def embed_partition(
    corpus: Corpus,
    number: int,
    model: DualEncoder,
    pairs: Pairs,
    *,
    on_bad: OnBad = "stop",
    batch_size: int = 64,
    should_stop: ShouldStop | None = None,
    earlier: Earlier | None = None,
) -> Path:
    """Compute one partition and put it in its place: the whole of the work that an engine need distribute.

    Two workers that compute the same one write the same bytes, and the later takes the earlier's place.

    Args:
        earlier: vectors from before the data changed; None looks for them in the folder.
    """
    check_unchanged(corpus, model)
    rows = list(corpus.rows(number))
    part = pairs[rows]
    known = Earlier(corpus.folder) if earlier is None else earlier
    bad: dict[int, str] | None = {} if on_bad == "skip" else None
    options: dict[str, Any] = {"batch_size": batch_size, "should_stop": should_stop}
    images = [known.get("image", key) for key in part.keys]
    unseen = [item for item, vector in zip(rows, images, strict=True) if vector is None]
    for items, vectors in picture_batches(model, pairs, unseen, bad=bad, **options):
        for item, vector in zip(items, vectors.astype(np.float16), strict=True):
            images[item - rows[0]] = vector
    left = {item - rows[0]: why for item, why in (bad or {}).items()}
    good = [place for place in range(len(part)) if place not in left]
    texts = [known.get("text", part.texts[place]) for place in good]
    unread = [at for at, vector in enumerate(texts) if vector is None]
    words = [part.texts[good[at]] for at in unread]
    read = batched(model.encode_texts, words, stage="texts", **options) if words else ()
    for at, vector in zip(unread, (row for batch in read for row in batch), strict=True):
        texts[at] = vector.astype(np.float16)
    check_unchanged(corpus, model)
    stacked = (_stacked([images[place] for place in good], model), _stacked(texts, model))
    return write_table(corpus.path(number), table_of(rows, part, *stacked, left))


def _stacked(vectors: Sequence[NDArray | None], model: DualEncoder) -> NDArray[np.float16]:
    return np.stack(vectors) if vectors else np.zeros((0, model.feature), np.float16)  # type: ignore[arg-type]


def check_unchanged(corpus: Corpus, model: DualEncoder) -> None:
    """Refuse vectors that are not the manifest's model's: it was trained on, or hooks of others act."""
    if not getattr(model, "keepable", True):
        raise BadInputError(
            f"Hooks of others stand on {model.card.name}, which may change what it gives, so nothing is "
            f"written to {corpus.folder}. Remove them (handle.remove()) and run embed_to again to go on."
        )
    if model.weights_hash != corpus.manifest["weights"]:
        raise BadInputError(
            f"{model.card.name} was changed since {corpus.folder} was begun, so nothing more is written "
            "there. Load the model anew to go on, or take another folder for the changed one."
        )
