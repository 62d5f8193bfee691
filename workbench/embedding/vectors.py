"""`embed`: unit vectors of pictures and texts, computed once and remembered by content."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.axes import frozen
from workbench.cache import ArrayStore, VectorMemory, digest
from workbench.data.pairs import Pairs
from workbench.errors import BadInputError
from workbench.models.base import DualEncoder
from workbench.results import Embeddings, OnEvent, Provenance, ShouldStop
from workbench.runtime import batched

__all__ = ["ahead", "embed", "embed_pictures", "embed_texts", "forget", "settings_of"]

_memory = VectorMemory()
_store = ArrayStore()
_WORTH_KEEPING = 32  # fewer new vectors than this are quicker to compute than to look up on disk
_READERS = 2  # pictures are decoded ahead while the model works

T = TypeVar("T")


def embed(
    model: DualEncoder,
    pairs: Pairs,
    *,
    batch_size: int = 64,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Embeddings:
    """Unit vectors of every picture and text of `pairs`, in the model's joint space.

    A picture or text that this model has seen before is not computed again, in this kernel or,
    for larger sets, in an earlier one. An interrupted run keeps the batches it finished.

    Shapes:
        .image, .text: item x feature, float32

    Raises:
        BadInputError: `pairs` is empty.
        BadPictureError: a picture cannot be read; the message names it.
        Cancelled: `should_stop` returned true.
    """
    options: dict[str, Any] = {"batch_size": batch_size, "on_event": on_event, "should_stop": should_stop}
    told: list[str] = []
    image = embed_pictures(model, pairs, notes=told, **options)
    text = embed_texts(model, pairs.texts, notes=told, **options)
    notes = (*model.notes, *dict.fromkeys(told))
    provenance = Provenance(
        "embed", model.card.name, model.weights_hash, pairs.fingerprint, settings_of(model), notes=notes
    )
    return Embeddings(image, text, tuple(pairs.texts), pairs.labels, provenance, pairs, weakref.ref(model))


def embed_pictures(
    model: DualEncoder,
    pairs: Pairs,
    *,
    batch_size: int = 64,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
    notes: list[str] | None = None,
) -> NDArray[np.float32]:
    """Unit vectors of the pictures alone, item x feature; see `embed`. `notes` takes what happened."""
    if not len(pairs):
        raise BadInputError("There are no pictures to embed: `pairs` is empty. Load or select at least one.")
    prefix = _space(model) + model.preprocessing_hash + ":"

    def compute(missing: list[int]) -> Iterable[NDArray]:
        with ThreadPoolExecutor(_READERS) as readers:
            pictures = ahead(readers, pairs.picture, missing, depth=2 * batch_size)
            batches = batched(
                model.encode_images,
                pictures,
                total=len(missing),
                batch_size=batch_size,
                stage="pictures",
                on_event=on_event,
                should_stop=should_stop,
            )
            yield from batches
            _tell(notes, batches.notes)

    return _remembered([prefix + key for key in pairs.keys], compute)


def embed_texts(
    model: DualEncoder,
    texts: Sequence[str],
    *,
    batch_size: int = 256,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
    notes: list[str] | None = None,
) -> NDArray[np.float32]:
    """Unit vectors of texts, item x feature. Equal texts are computed once. `notes` takes what happened."""
    if not len(texts):
        raise BadInputError("There are no texts to embed: the list is empty. Give at least one.")
    prefix = _space(model) + "text:"

    def compute(missing: list[int]) -> Iterable[NDArray]:
        batches = batched(
            model.encode_texts,
            [texts[i] for i in missing],
            batch_size=batch_size,
            stage="texts",
            on_event=on_event,
            should_stop=should_stop,
        )
        yield from batches
        _tell(notes, batches.notes)

    return _remembered([prefix + text for text in texts], compute)


def forget() -> None:
    """Drop the vectors kept in memory (the files on disk stay)."""
    _memory.clear()


def settings_of(model: DualEncoder) -> dict[str, Any]:
    """What turns cosines into logits is kept, so that a result can be judged without its model."""
    return {"precision": model.precision, "scale": model.scale, "bias": model.bias, "rule": model.rule}


def _space(model: DualEncoder) -> str:
    return f"{model.weights_hash}:{model.precision}:"


def _remembered(keys: list[str], compute: Callable[[list[int]], Iterable[NDArray]]) -> NDArray[np.float32]:
    """One row for each key: from memory, else from disk, else from `compute(where they first stand)`.

    A key that stands twice is computed once, and what is computed is kept batch by batch.
    """
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    found = {key: _memory.get(key) for key in first}
    missing = sorted(first[key] for key, vector in found.items() if vector is None)
    large = len(missing) >= _WORTH_KEEPING
    entry = digest("vectors", [keys[place] for place in missing]) if large else ""
    stored = _store.get(entry) if large else None
    if stored is None or len(stored.get("vectors", ())) != len(missing):
        stored = None
    fresh = _rows(compute(missing)) if stored is None and missing else stored["vectors"] if stored else ()
    for place, vector in zip(missing, fresh, strict=True):
        kept = frozen(vector)
        found[keys[place]] = kept
        _memory.put(keys[place], kept)
    rows = np.stack([found[key] for key in keys])  # type: ignore[misc]
    if large and stored is None:
        _store.put(entry, {"vectors": rows[missing]})
    return rows


def _rows(batches: Iterable[NDArray]) -> Iterable[NDArray]:
    for batch in batches:
        yield from batch


def _tell(notes: list[str] | None, said: Iterable[str]) -> None:
    if notes is not None:
        notes.extend(said)


def ahead(
    readers: ThreadPoolExecutor, read: Callable[[int], T], ids: list[int], *, depth: int
) -> Iterable[T]:
    """`read(i)` for each id in order, at most `depth` of them decoded ahead of their use."""
    waiting = iter(ids)
    futures = deque(readers.submit(read, i) for i in islice(waiting, depth))
    while futures:
        yield futures.popleft().result()
        futures.extend(readers.submit(read, i) for i in islice(waiting, 1))
