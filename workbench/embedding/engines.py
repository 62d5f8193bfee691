"""Partitions of a corpus spread over processes: of this machine, or of a Ray cluster. The work is the same.

A worker loads the model by its name, makes sure that it is the model of the manifest, and runs
`embed_partition` for one number after the other; a partition on disk is the only answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Literal

from workbench.data.pairs import Pairs
from workbench.embedding.partition_work import embed_partition
from workbench.errors import BadInputError, UnavailableError
from workbench.models.base import DualEncoder

if TYPE_CHECKING:
    from workbench.embedding.corpus import Corpus

__all__ = ["Engine", "spread"]

Engine = Literal["local", "ray"]


def spread(
    corpus: Corpus,
    numbers: Sequence[int],
    model: DualEncoder,
    pairs: Pairs,
    *,
    engine: Engine,
    workers: int,
    **work: Any,
) -> Iterator[int]:
    """Compute the partitions `numbers` in `workers` processes; gives each number when it is done.

    Args:
        work: of `embed_partition`: `batch_size`, `on_bad`.

    Raises:
        BadInputError: an unknown engine, or a model or pairs that another process cannot load.
        UnavailableError: Ray is asked for and not installed.
    """
    if engine not in ("local", "ray"):
        raise BadInputError(f"engine={engine!r} was given; expected 'local' or 'ray'.")
    job = _packed(corpus, model, pairs, work)
    if engine == "ray":
        yield from _on_ray(job, numbers, workers)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(_partition, job, number) for number in numbers]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            for future in waiting:
                future.cancel()


def _on_ray(job: bytes, numbers: Sequence[int], workers: int) -> Iterator[int]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the machine unasked
    try:
        import ray
        import ray.data
    except ImportError as problem:
        raise UnavailableError(
            "engine='ray' needs Ray Data, which is not installed: pip install 'image-text-workbench[ray]'. "
            "Without it, engine='local' with workers= uses the processes of this machine."
        ) from problem
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
    rows = ray.data.from_items([{"number": number} for number in numbers], override_num_blocks=len(numbers))

    def work(row: dict[str, Any]) -> dict[str, Any]:
        return {"number": _partition(job, int(row["number"]))}

    for row in rows.map(work, concurrency=workers, num_cpus=1).iter_rows():
        yield int(row["number"])


def _packed(corpus: Corpus, model: DualEncoder, pairs: Pairs, work: Mapping[str, Any]) -> bytes:
    """What a worker needs, for another process; pictures go as paths where they are files."""
    import cloudpickle

    try:
        return cloudpickle.dumps((corpus, model.card.name, pairs, dict(work)))
    except Exception as problem:  # whatever a picture in hand refuses with
        raise BadInputError(
            f"These pairs cannot be sent to another process ({problem}). Load them from files or a table, or "
            "embed them here: workers=0."
        ) from problem


def _partition(job: bytes, number: int) -> int:
    """Runs in the worker."""
    corpus, model, pairs, work = _unpacked(job)
    embed_partition(corpus, number, model, pairs, **work)
    return number


@lru_cache(maxsize=1)
def _unpacked(job: bytes) -> tuple[Corpus, DualEncoder, Pairs, dict[str, Any]]:
    import cloudpickle

    from workbench import models
    from workbench.embedding.corpus_update import Earlier

    corpus, name, pairs, work = cloudpickle.loads(job)  # packed by this very run, never from a file
    model = models.load(name)
    told = {"weights": model.weights_hash, "preprocessing": model.preprocessing_hash}
    differing = [key for key, value in told.items() if corpus.manifest[key] != value]
    if differing:
        raise BadInputError(
            f"models.load({name!r}) in a worker gives another model than this one ({', '.join(differing)} "
            "differ). Embed with workers=0, or put the model into a folder and load it from there."
        )
    return corpus, model, pairs, work | {"earlier": Earlier(corpus.folder)}
