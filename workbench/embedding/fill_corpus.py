"""`embed_to`: fill a corpus, partition by partition, here or in other processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from workbench.calling import verb
from workbench.data.pairs import Pairs
from workbench.data.pairs_input import PairsLike, as_pairs
from workbench.embedding.corpus import FORMAT, MANIFEST, Corpus, open_corpus
from workbench.embedding.corpus_update import Earlier, clear_up, finished_keys, move_aside, stands
from workbench.embedding.embed_pairs import settings_of
from workbench.embedding.engines import Engine, spread
from workbench.embedding.partition_work import embed_partition
from workbench.embedding.partitions import moved
from workbench.embedding.prefetch import OnBad, check_on_bad
from workbench.errors import BadInputError, Cancelled
from workbench.models.base import DualEncoder
from workbench.models.given import Named, as_encoder
from workbench.results import Event, OnEvent, ShouldStop

__all__ = ["embed_to"]

PARTITION = 1024
_DATA = ("pairs", "data", "items")  # of the manifest: what changes when the data do


@verb
def embed_to(
    folder: str | Path,
    model: Named,
    pairs: PairsLike,
    *,
    on_bad: OnBad = "stop",
    partition: int = PARTITION,
    batch_size: int = 64,
    workers: int = 0,
    engine: Engine = "local",
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Corpus:
    """Embed every pair into `folder`, and go on where an earlier run was stopped, killed or ran out of disk.

    The result is the same, byte for byte, however often it was interrupted, on the same kind of machine. When
    the data have grown or changed since, what was finished stays or is moved to its new place, and only what
    is new is computed.

    Args:
        folder: where to; made if it is not there.
        model, pairs: as for `embed`.
        on_bad: what a picture does that cannot be read: "stop" raises and keeps what was finished, "skip"
            leaves it out; `Corpus.left_out` and the manifest then list it.
        partition: items a file.
        batch_size: items a forward pass; halved by itself where memory runs out.
        workers: processes beside this one, each with the model loaded by its name; 0 works here.
        engine: what runs them: "local", or "ray" for Ray Data, here or on the cluster it is connected to.
        on_event, should_stop: hears what is done; asked before each batch.

    Returns:
        The `Corpus` in `folder`, vectors rounded to float16.

    Raises:
        BadInputError: no pairs, or the folder belongs to another model, other data or another cut.
        BadPictureError: a picture cannot be read; the message names it.
        UnavailableError: the disk is full; what was finished is kept.
        Cancelled: `should_stop` returned true; what was finished is kept.

    Example:
        >>> from workbench import data
        >>> from workbench.embedding import embed_to
        >>> embed_to("corpus", "emoji-clip", data.load("emoji")[:6], partition=4)
        Corpus('corpus', emoji-clip, 2 of 2 partitions, 6 items)
    """
    model, pairs = as_encoder(model), as_pairs(pairs)
    if not len(pairs):
        raise BadInputError("There are no pairs to embed: `pairs` is empty. Load or select at least one.")
    if partition < 1:
        raise BadInputError(f"partition={partition} was given; expected at least 1 item a file.")
    check_on_bad(on_bad)
    corpus = _begun(Path(folder), model, pairs, partition)
    for left in corpus.folder.glob("*.partial"):
        left.unlink(missing_ok=True)  # of a run that was killed
    skip = on_bad == "skip"
    missing = [n for n in range(corpus.partitions) if not stands(corpus, n, pairs, skip=skip)]
    work: dict[str, Any] = {"on_bad": on_bad, "batch_size": batch_size}
    try:
        if workers or engine != "local":
            jobs = spread(corpus, missing, model, pairs, engine=engine, workers=max(1, workers), **work)
            _spread(corpus, len(missing), jobs, on_event, should_stop)
        else:
            _filled(corpus, missing, model, pairs, on_event, should_stop=should_stop, **work)
    finally:
        corpus = _listed(corpus)
    clear_up(corpus.folder, pairs)
    return corpus


def _filled(
    corpus: Corpus,
    missing: Sequence[int],
    model: DualEncoder,
    pairs: Pairs,
    on_event: OnEvent | None,
    **work: Any,
) -> None:
    """One partition after the other, here."""
    earlier = Earlier(corpus.folder)
    for step, number in enumerate(missing):
        _tell(on_event, corpus, len(missing) - step)
        try:
            embed_partition(corpus, number, model, pairs, earlier=earlier, **work)
        except Cancelled:
            done = corpus.partitions - len(missing) + step
            message = f"Cancelled after {done} of {corpus.partitions} partitions; they are kept."
            raise Cancelled(message) from None
    _tell(on_event, corpus, 0)


def _spread(
    corpus: Corpus, left: int, jobs: Any, on_event: OnEvent | None, should_stop: Callable[[], bool] | None
) -> None:
    """The same partitions by other processes; a cancel is heard between two of them."""
    _tell(on_event, corpus, left)
    for _ in jobs:
        left -= 1
        _tell(on_event, corpus, left)
        if left and should_stop is not None and should_stop():
            raise Cancelled(
                f"Cancelled after {len(corpus.done)} of {corpus.partitions} partitions; they are kept."
            )


def _begun(folder: Path, model: DualEncoder, pairs: Pairs, partition: int) -> Corpus:
    """The corpus of this very model and cut: what is there, grown where the data have, or a new one."""
    wanted = {
        "format": FORMAT,
        "model": model.card.name,
        "weights": model.weights_hash,
        "preprocessing": model.preprocessing_hash,
        "settings": settings_of(model),
        "pairs": pairs.name,
        "data": pairs.fingerprint,
        "items": len(pairs),
        "partition": partition,
    }
    corpus = Corpus(folder, wanted)
    if not (folder / MANIFEST).exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write_manifest(corpus)
        return corpus
    held = open_corpus(folder)
    differing = [name for name in wanted if json.dumps(held.manifest.get(name)) != json.dumps(wanted[name])]
    if not set(differing) <= set(_DATA):
        raise _of_another_run(held, wanted, differing)
    if "data" not in differing:
        return held
    finished = finished_keys(held)
    if finished and finished.isdisjoint(pairs.keys):
        raise _of_another_run(held, wanted, differing)  # not one picture of it: this is another folder
    move_aside(held, corpus, pairs)
    _write_manifest(corpus)
    return corpus


def _of_another_run(held: Corpus, wanted: dict[str, Any], differing: Sequence[str]) -> BadInputError:
    """Vectors of two models, or of two preprocessings, share no space: they are not mixed."""
    told = "; ".join(
        f"{name}: {str(held.manifest.get(name))[:40]} there, {str(wanted[name])[:40]} now"
        for name in differing
    )
    return BadInputError(
        f"{held.folder} belongs to another run ({told}). Give the same model, data and partition to go on "
        "with it, or another folder to begin anew."
    )


def _listed(corpus: Corpus) -> Corpus:
    """The corpus with a manifest that lists what could not be read, as far as it is filled."""
    left = corpus.left_out_entries()
    manifest = {name: value for name, value in corpus.manifest.items() if name != "left_out"}
    manifest |= {"left_out": left} if left else {}
    if manifest != corpus.manifest:
        corpus = Corpus(corpus.folder, manifest)
        _write_manifest(corpus)
    return corpus


def _write_manifest(corpus: Corpus) -> None:
    moved(corpus.folder / MANIFEST, (json.dumps(corpus.manifest, indent=2) + "\n").encode())


def _tell(on_event: OnEvent | None, corpus: Corpus, missing: int) -> None:
    if on_event is not None:
        on_event(Event("partitions", corpus.partitions - missing, corpus.partitions))
