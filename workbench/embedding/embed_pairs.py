"""`embed`: unit vectors of pictures and texts, computed once and remembered by content."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.axes import frozen
from workbench.cache import ArrayStore, VectorMemory, digest
from workbench.calling import verb
from workbench.data.pairs import Pairs
from workbench.data.pairs_input import PairsLike, as_pairs, notes_of
from workbench.devices import coarse_products
from workbench.embedding.prefetch import OnBad, check_on_bad, left_out_notes, picture_batches
from workbench.errors import BadInputError, BadPictureError
from workbench.models.base import DualEncoder
from workbench.models.given import Named, as_encoder
from workbench.results import Embeddings, OnEvent, Provenance, ShouldStop
from workbench.runtime import batched
from workbench.values import as_sentences

__all__ = ["embed", "embed_pictures", "embed_texts", "forget", "settings_of"]

_memory = VectorMemory()
_store = ArrayStore()
_KEYED = 2  # raise when vectors kept so far may not be believed; 1: wrong ones, of threads and of training
_HOOKED = "hooks of others stand on the model: its vectors were computed anew, and not kept"
_CHANGED = "the model was changed while it embedded: of these vectors some are the old one's; none were kept"
_WORTH_KEEPING = 32  # fewer new vectors than this are quicker to compute than to look up on disk

Found = tuple[Sequence[int], NDArray]


@verb
def embed(
    model: Named,
    pairs: PairsLike,
    *,
    on_bad: OnBad = "stop",
    batch_size: int = 64,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Embeddings:
    """Unit vectors of every picture and text of `pairs`, in the model's joint space.

    A picture or text that this model has seen before is not computed again, in this kernel or,
    for larger sets, in an earlier one. An interrupted run keeps the batches it finished.

    Args:
        model: a loaded model, or a name that `models.load` takes.
        pairs: of `data.load`; or pictures in any form that `data.from_pictures` takes, whose texts are then
            their file names or numbers; or what `data.load` takes: a path, a name, a pandas table.
        on_bad: what a picture does that cannot be read, or not be brought to what the model sees: "stop"
            raises, "skip" leaves it out with its text. `.pairs` are then the pairs that are left, the notes
            say which are not, and `.provenance.parameters["left_out"]` says why, by their number in `pairs`.
        batch_size: items a forward pass; halved by itself where memory runs out.
        on_event, should_stop: hears each batch that is done; asked before each.

    Returns:
        `Embeddings`: `.image` and `.text`, item x feature, float32.

    Raises:
        BadInputError: `pairs` is empty, or `on_bad` is neither word.
        BadPictureError: a picture cannot be read; the message names it. With "skip": none can.
        Cancelled: `should_stop` returned true.

    Example:
        >>> from workbench import data
        >>> from workbench.embedding import embed
        >>> vectors = embed("emoji-clip", data.load("emoji")[:8])
        >>> vectors.image.shape, vectors.text.shape
        ((8, 192), (8, 192))
    """
    check_on_bad(on_bad)
    model, given = as_encoder(model), pairs
    pairs = as_pairs(given)
    options: dict[str, Any] = {"batch_size": batch_size, "on_event": on_event, "should_stop": should_stop}
    told: list[str] = [*notes_of(given, pairs)]
    if pairs is not given and pairs.name == "pictures":
        told.append("texts: none came with the pictures, so their file names or numbers were embedded")
    bad: dict[int, str] | None = {} if on_bad == "skip" else None
    image = embed_pictures(model, pairs, notes=told, bad=bad, **options)
    kept = _without(pairs, bad) if bad else pairs
    text = embed_texts(model, kept.texts, notes=told, **options)
    notes = (*model.notes, *dict.fromkeys(told))
    settings = settings_of(model) | ({"left_out": dict(sorted(bad.items()))} if bad else {})
    provenance = Provenance(
        "embed", model.card.name, model.weights_hash, kept.fingerprint, settings, notes=notes
    )
    return Embeddings(image, text, tuple(kept.texts), kept.labels, provenance, kept, weakref.ref(model))


@verb
def embed_pictures(
    model: Named,
    pairs: PairsLike,
    *,
    batch_size: int = 64,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
    notes: list[str] | None = None,
    bad: dict[int, str] | None = None,
) -> NDArray[np.float32]:
    """Unit vectors of the pictures alone; see `embed`.

    Args:
        model, pairs, batch_size, on_event, should_stop: as for `embed`.
        notes: takes what happened.
        bad: takes the items that cannot be read, with the reason; they have no row. None stops at the first.

    Returns:
        item x feature, float32.

    Raises:
        BadInputError: there are no pictures.
        BadPictureError: one cannot be read; where `bad` takes the reasons, none can.
        Cancelled: `should_stop` returned true.

    Example:
        >>> from workbench import data
        >>> from workbench.embedding import embed_pictures
        >>> embed_pictures("emoji-clip", data.load("emoji")[:3]).shape
        (3, 192)
    """
    encoder, chosen = as_encoder(model), as_pairs(pairs)
    _tell(notes, notes_of(pairs, chosen))
    if not len(chosen):
        raise BadInputError("There are no pictures to embed: `pairs` is empty. Load or select at least one.")

    def space() -> str | None:
        return _space(encoder, "picture", encoder.preprocessing_hash)

    def compute(missing: list[int]) -> Iterable[Found]:
        told: dict[str, Any] = {"batch_size": batch_size, "on_event": on_event, "should_stop": should_stop}
        yield from picture_batches(encoder, chosen, missing, bad=bad, notes=notes, **told)

    # A file that is gone has no content to be known by, so it is known by its place.
    names = [key or f"unread {place}" for place, key in enumerate(chosen.keys)]
    found = _remembered(space, names, compute, notes)
    if bad is None:
        return np.stack(found)  # type: ignore[arg-type]
    _name_their_copies(chosen, found, bad)
    rows = [row for row in found if row is not None]
    if not rows:
        raise BadPictureError(f"None of the {len(chosen):,} pictures can be read. {next(iter(bad.values()))}")
    _tell(notes, left_out_notes(bad, len(chosen)))
    return np.stack(rows)


@verb
def embed_texts(
    model: Named,
    texts: str | Iterable[str],
    *,
    batch_size: int = 256,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
    notes: list[str] | None = None,
) -> NDArray[np.float32]:
    """Unit vectors of texts. Equal texts are computed once.

    Args:
        model: a loaded model, or a name that `models.load` takes.
        texts: one, or a list, a tuple, an array or a column of a table.
        batch_size, on_event, should_stop: as for `embed`.
        notes: takes what happened.

    Returns:
        item x feature, float32.

    Raises:
        BadInputError: no texts, or what is none: bytes, numbers, gaps.
        Cancelled: `should_stop` returned true.

    Example:
        >>> from workbench.embedding import embed_texts
        >>> cat, dog, pizza = embed_texts("emoji-clip", ["a cat", "a dog", "a pizza"])
        >>> bool(cat @ dog > cat @ pizza)  # unit vectors: a product is a cosine
        True
    """
    encoder, sentences = as_encoder(model), as_sentences(texts)
    if not sentences:
        raise BadInputError("There are no texts to embed: the list is empty. Give at least one.")

    def space() -> str | None:
        return _space(encoder, "text", getattr(encoder, "tokenisation_hash", ""))

    def compute(missing: list[int]) -> Iterable[Found]:
        batches = batched(
            encoder.encode_texts,
            [sentences[i] for i in missing],
            batch_size=batch_size,
            stage="texts",
            on_event=on_event,
            should_stop=should_stop,
        )
        done = 0
        for vectors in batches:
            yield missing[done : done + len(vectors)], vectors
            done += len(vectors)
        _tell(notes, batches.notes)

    return np.stack(_remembered(space, sentences, compute, notes))  # type: ignore[arg-type]


@verb
def forget() -> None:
    """Drop the vectors kept in memory (the files on disk stay).

    Example:
        >>> from workbench.embedding import forget
        >>> forget()  # the next embed() computes anew, or reads the disk
    """
    _memory.clear()


def settings_of(model: DualEncoder) -> dict[str, Any]:
    """What turns cosines into logits is kept, so that a result can be judged without its model."""
    return {"precision": model.precision, "scale": model.scale, "bias": model.bias, "rule": model.rule}


def _space(model: DualEncoder, side: str, reading: str) -> str | None:
    """What a vector belongs to beside its picture or text; None while that has no name."""
    if not getattr(model, "keepable", True):
        return None
    parts = (_KEYED, model.weights_hash, model.precision + coarse_products(), side, reading)
    return ":".join([*map(str, parts), ""])


def _remembered(
    space: Callable[[], str | None],
    names: Sequence[str],
    compute: Callable[[list[int]], Iterable[Found]],
    notes: list[str] | None,
) -> list[NDArray[np.float32] | None]:
    """One row for each name: from memory, else from disk, else from `compute(where they first stand)`.

    A name that stands twice is computed once, and what is computed is kept batch by batch: under what
    `space()` says, as long as it says the same before and after. What `compute` gives nothing for is None.
    """
    from workbench.hooks import hooks_of_others_so_far  # needs torch, which importing this does not

    prefix, strangers = space(), hooks_of_others_so_far()
    keys = [(prefix or "") + name for name in names]
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    found = {key: None if prefix is None else _memory.get(key) for key in first}
    missing = sorted(first[key] for key, vector in found.items() if vector is None)
    large = len(missing) >= _WORTH_KEEPING and prefix is not None
    entry = digest("vectors", [keys[place] for place in missing]) if large else ""
    stored = _stored(entry, missing) if large else {}
    unknown = [place for place in missing if place not in stored]
    still = prefix is not None
    _keep(keys, found, list(stored), stored.values(), remember=still)
    for places, vectors in compute(unknown) if unknown else ():
        still = still and space() == prefix and hooks_of_others_so_far() == strangers
        _keep(keys, found, places, vectors, remember=still)
    if large and still and any(found[keys[place]] is not None for place in unknown):
        _store.put(entry, {"vectors": _with_gaps([found[keys[place]] for place in missing])})
    if not still:
        _tell(notes, [_HOOKED if prefix is None else _CHANGED])
    return [found[key] for key in keys]


def _keep(
    keys: list[str],
    found: dict[str, Any],
    places: Sequence[int],
    vectors: Iterable[NDArray],
    *,
    remember: bool,
) -> None:
    for place, vector in zip(places, vectors, strict=True):
        kept = frozen(vector)
        found[keys[place]] = kept
        if remember:
            _memory.put(keys[place], kept)


def _stored(entry: str, missing: list[int]) -> dict[int, NDArray]:
    """place: its vector on disk; what could not be read then is a row of NaN, and is tried again."""
    held = _store.get(entry)
    rows = () if held is None else held.get("vectors", ())
    if len(rows) != len(missing):
        return {}
    return {place: row for place, row in zip(missing, rows, strict=True) if not np.isnan(row).any()}


def _with_gaps(vectors: list[NDArray[np.float32] | None]) -> NDArray[np.float32]:
    gap = np.full_like(next(vector for vector in vectors if vector is not None), np.nan)
    return np.stack([gap if vector is None else vector for vector in vectors])


def _name_their_copies(pairs: Pairs, found: list[Any], bad: dict[int, str]) -> None:
    """A picture that stands in several rows is read once; where it cannot be, each row is named."""
    for row, vector in enumerate(found):
        if vector is None and row not in bad:
            twin = next(item for item in bad if pairs.keys[item] == pairs.keys[row])
            bad[row] = f"Item {row}: its picture is that of item {twin}."


def _without(pairs: Pairs, bad: Mapping[int, str]) -> Pairs:
    """The pairs that could be read; every board that shows them says that there were others."""
    kept = pairs[[item for item in range(len(pairs)) if item not in bad]]
    return replace(kept, notes=(*kept.notes, *left_out_notes(bad, len(pairs))))


def _tell(notes: list[str] | None, said: Iterable[str]) -> None:
    if notes is not None:
        notes.extend(said)
