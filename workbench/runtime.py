"""How a model runs: seed, threads, batches that shrink when memory runs out, memory given back.

On which device and in which precision is chosen in `workbench.devices`.

Importing this is cheap: torch is loaded by the first function that needs it.
"""

from __future__ import annotations

import gc
import random
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from workbench import devices
from workbench.devices import has_cuda, has_mps
from workbench.errors import BadInputError, Cancelled, UnavailableError
from workbench.formatting import human_bytes
from workbench.renaming import warn_renamed
from workbench.results import Event, OnEvent, ShouldStop

if TYPE_CHECKING:
    import torch

__all__ = [
    "Batches",
    "batched",
    "check_memory",
    "free",
    "is_out_of_memory",
    "memory_left",
    "one_thread",
    "seeded",
]

_drawing = threading.RLock()
"""Held by whom the global generators of random numbers belong to."""
_counting = threading.Lock()
_on_one_thread, _usual_threads = 0, 1

Item = TypeVar("Item")
Out = TypeVar("Out")

# torch has one exception class for CUDA; the CPU and MPS allocators raise a plain RuntimeError.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "failed to allocate")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Python's, NumPy's and torch's global generators start at `seed` inside, and are put back after.

    They are the whole process's, so threads take turns: draw inside, and do what takes long outside.

    Args:
        seed: any whole number that torch takes; NumPy is given its lowest 32 bits.

    Yields:
        Nothing; it is a context manager.

    Example:
        >>> import random
        >>> from workbench.runtime import seeded
        >>> def drawn():
        ...     with seeded(7):
        ...         return random.random()
        >>> drawn() == drawn()
        True
    """
    import torch

    gpus = list(range(torch.cuda.device_count())) if has_cuda() else []
    with _drawing, torch.random.fork_rng(devices=gpus):
        before = random.getstate(), np.random.get_state()
        try:
            random.seed(seed)
            np.random.seed(seed % 2**32)
            torch.manual_seed(seed)
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


@contextmanager
def one_thread() -> Iterator[None]:
    """torch works on one thread inside, and on as many as before afterwards.

    A step of a small model takes milliseconds: spread over threads it waits for the slowest of them. On two
    busy cores five seeds of a fusion trained ten times faster on one thread than on two.

    Yields:
        Nothing; it is a context manager.

    Example:
        >>> import torch
        >>> from workbench.runtime import one_thread
        >>> with one_thread():
        ...     torch.get_num_threads()
        1
    """
    import torch

    global _on_one_thread, _usual_threads
    with _counting:
        if not _on_one_thread:
            # Asked in a new thread, which has the process's number: this one may have been born in a section.
            with ThreadPoolExecutor(1) as fresh:
                _usual_threads = fresh.submit(torch.get_num_threads).result()
        _on_one_thread += 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        # Not what this thread found: where two sections overlap, that is the other's 1.
        with _counting:
            torch.set_num_threads(_usual_threads)
            _on_one_thread -= 1


class Batches(Generic[Item, Out]):
    """What `batched` returns: iterate once for one output a batch, in the order of the items.

    Attributes:
        batch_size: items a batch; smaller than asked for once memory ran out.
        notes: what happened on the way, for the provenance of a result.
    """

    def __init__(
        self,
        fn: Callable[[list[Item]], Out],
        items: Iterable[Item],
        *,
        total: int,
        batch_size: int,
        stage: str,
        on_event: OnEvent | None,
        should_stop: ShouldStop | None,
    ) -> None:
        self.batch_size = batch_size
        self.notes: tuple[str, ...] = ()
        self._fn, self._items, self._total, self._stage = fn, iter(items), total, stage
        self._on_event, self._should_stop = on_event, should_stop
        self._done = 0

    def __iter__(self) -> Iterator[Out]:
        waiting: deque[Item] = deque()
        while True:
            waiting.extend(islice(self._items, max(0, self.batch_size - len(waiting))))
            if not waiting:
                return
            self._check_stop()
            batch = [waiting.popleft() for _ in range(min(self.batch_size, len(waiting)))]
            output, problem = _attempt(self._fn, batch)
            if problem is not None:
                waiting.extendleft(reversed(batch))
                self._shrink(len(batch), problem)
                continue
            self._done += len(batch)
            self._tell("")
            yield output[0]

    def _check_stop(self) -> None:
        if self._should_stop is not None and self._should_stop():
            of = f" of {self._total:,}" if self._total else ""
            raise Cancelled(f"Cancelled after {self._done:,}{of} {self._stage}; what was finished is kept.")

    def _shrink(self, tried: int, problem: str) -> None:
        free()
        if tried == 1:
            raise UnavailableError(
                f"Out of memory with a single item of stage {self._stage!r}: {problem} Close other programs "
                "or notebooks that use this device, free models with models.unload(), or load a smaller one."
            )
        self.batch_size = max(1, tried // 2)
        note = f"out of memory: a batch of {tried} did not fit, going on with {self.batch_size}"
        self.notes += (note,)
        self._tell(note)

    def _tell(self, message: str) -> None:
        if self._on_event is not None:
            self._on_event(Event(self._stage, self._done, max(self._total, self._done), message))


def batched(
    fn: Callable[[list[Item]], Out],
    items: Iterable[Item],
    *,
    total: int | None = None,
    batch_size: int,
    stage: str,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Batches[Item, Out]:
    """`fn` over consecutive batches of `items`, lazily; order is kept and the last batch is never lost.

    When memory runs out, caches are freed, the batch is halved for the rest of the run, and an
    `Event` and `.notes` of what is returned say so.

    Args:
        fn: from a list of items to the output of that batch.
        items: any iterable; taken only as they are needed.
        total: how many items there are, for progress; found by itself where `items` has a length.
        batch_size: items a batch, at least 1.
        stage: what is being done, for progress and messages: "pictures".
        on_event: takes an `Event` after each batch, and one whenever a batch was halved.
        should_stop: asked before each batch.

    Returns:
        A `Batches` to iterate over once: one output of `fn` a batch.

    Raises:
        BadInputError: `batch_size` is below 1.
        Cancelled: `should_stop` returned true.
        UnavailableError: not even one item fits into memory.

    Example:
        >>> from workbench.runtime import batched
        >>> list(batched(sum, range(5), batch_size=2, stage="numbers"))
        [1, 5, 4]
    """
    if batch_size < 1:
        raise BadInputError(f"batch_size={batch_size} was given; expected a whole number of at least 1.")
    known = total if total is not None else len(items) if isinstance(items, Sized) else 0
    return Batches(
        fn,
        items,
        total=known,
        batch_size=int(batch_size),
        stage=stage,
        on_event=on_event,
        should_stop=should_stop,
    )


def free() -> int:
    """Give memory back: garbage, the allocator's caches, and tensors that old tracebacks still hold.

    Returns:
        Bytes of tensors that were released (0 before torch is loaded).

    Example:
        >>> from workbench.runtime import free
        >>> free() >= 0
        True
    """
    torch = sys.modules.get("torch")
    before = _tensor_bytes(torch) if torch else 0
    for name in ("last_exc", "last_value"):  # where the interpreter and IPython keep the last error
        _clear_frames(getattr(sys, name, None))
    gc.collect()
    if torch is None:
        return 0
    if has_cuda():
        torch.cuda.empty_cache()
    if has_mps():
        torch.mps.empty_cache()
    return max(0, before - _tensor_bytes(torch))


def memory_left(device: str | torch.device = "cpu") -> int:
    """How much memory can still be taken on a device; elsewhere than on CUDA that of the machine.

    Args:
        device: as torch names it.

    Returns:
        Bytes.

    Example:
        >>> from workbench.runtime import memory_left
        >>> memory_left("cpu") > 0
        True
    """
    import torch

    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def check_memory(needed: int, device: str | torch.device, what: str, remedy: str) -> None:
    """Refuse work before it begins if it needs more memory than there is.

    Args:
        needed: bytes, all at once.
        device: where.
        what: the work, as the message begins: "Keeping 3 GB of attention".
        remedy: what to do instead, as the message ends.

    Raises:
        BadInputError: it does; the message ends with `remedy`.

    Example:
        >>> from workbench.runtime import check_memory
        >>> check_memory(1_000, "cpu", "A small table", "Take fewer rows.")
    """
    left = memory_left(device)
    if needed > left:
        raise BadInputError(
            f"{what} would need {human_bytes(needed)} of memory at once, and {human_bytes(left)} are left on "
            f"{device}. {remedy}"
        )


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether an exception means that memory ran out, on any device.

    Args:
        problem: as it was caught.

    Returns:
        True for Python's MemoryError, torch's OutOfMemoryError and the plain RuntimeError of the CPU's and
        Apple's allocators.

    Example:
        >>> from workbench.runtime import is_out_of_memory
        >>> is_out_of_memory(RuntimeError("MPS backend out of memory")), is_out_of_memory(ValueError("no"))
        (True, False)
    """
    torch = sys.modules.get("torch")
    if isinstance(problem, MemoryError) or (torch and isinstance(problem, torch.OutOfMemoryError)):
        return True
    return isinstance(problem, RuntimeError) and any(sign in str(problem).lower() for sign in _OUT_OF_MEMORY)


def _attempt(fn: Callable[[list[Item]], Out], batch: list[Item]) -> tuple[Sequence[Out], str | None]:
    """((output,), None), or ((), reason) if memory ran out.

    The exception ends here, so that its traceback no longer pins the tensors of the failed attempt.
    """
    try:
        return (fn(batch),), None
    except (MemoryError, RuntimeError) as problem:
        if not is_out_of_memory(problem):
            raise
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        _clear_frames(problem)
        return (), reason


def _clear_frames(problem: BaseException | None) -> None:
    while problem is not None:
        traceback.clear_frames(problem.__traceback__)
        problem = problem.__cause__ or problem.__context__


def _tensor_bytes(torch: Any) -> int:
    # Exact types from a set: a million objects pass by, and lazy proxies would be woken by isinstance.
    kinds, storages = _kinds(torch.Tensor), {}
    for thing in gc.get_objects():
        if type(thing) in kinds and thing.layout is torch.strided and not thing.is_meta:
            storage = thing.untyped_storage()
            storages[storage.device, storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def _kinds(kind: type) -> set[type]:
    children: list[type] = kind.__subclasses__()
    return {kind}.union(*map(_kinds, children))


def __getattr__(name: str) -> Any:
    # What chose a device stood here until 0.2.
    if name not in ("choose_device", "choose_dtype", "coarse_products"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warn_renamed(f"workbench.runtime.{name}", f"workbench.devices.{name}")
    return getattr(devices, name)
