"""Pictures read ahead and encoded in batches; one that cannot be is named, and stops nobody if so wished."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from PIL.Image import new as new_picture

from workbench.data.pairs import Pairs
from workbench.errors import BadInputError, BadPictureError, Cancelled
from workbench.formatting import one_line, plural
from workbench.models.base import DualEncoder
from workbench.runtime import Batches, batched, is_out_of_memory

__all__ = ["OnBad", "ahead", "check_on_bad", "left_out_notes", "picture_batches"]

OnBad = Literal["stop", "skip"]
"""What a picture that cannot be read does: it stops the run, or is left out and named."""

_READERS = 2  # pictures are decoded ahead while the model works
_NAMED = 3  # pictures left out, in a note

T = TypeVar("T")
Bad = dict[int, str]
_Read = tuple[int, Image]
Encoded = tuple[list[int], NDArray[np.float32]]


def check_on_bad(on_bad: str) -> None:
    """Refuse a word that is neither.

    Raises:
        BadInputError: it is neither "stop" nor "skip".
    """
    if on_bad not in get_args(OnBad):
        raise BadInputError(
            f"on_bad={on_bad!r} was given; expected 'stop' (an error names the picture) or 'skip' (it is "
            "left out and named)."
        )


def picture_batches(
    model: DualEncoder,
    pairs: Pairs,
    items: Sequence[int],
    *,
    bad: Bad | None,
    batch_size: int,
    notes: list[str] | None = None,
    **options: Any,
) -> Iterator[Encoded]:
    """(items, unit vectors) batch by batch.

    Args:
        notes: takes what happened.
        bad: takes the items whose picture cannot be read, or not be brought to what the model sees, with
            the reason; they have no vector. None stops at the first.
        options: of `runtime.batched`: `on_event`, `should_stop`.

    Raises:
        BadPictureError: such a picture, where `bad` is None; the message names the item.
    """
    encode = _Encoding(model, pairs, bad)
    with ThreadPoolExecutor(_READERS) as readers:
        read = ahead(readers, lambda item: _tried(pairs, item), list(items), depth=2 * batch_size)
        there = (one for one in map(encode.kept, read) if one is not None)
        batches: Batches[_Read, Encoded] = batched(
            encode, there, total=len(items), batch_size=batch_size, stage="pictures", **options
        )
        yield from batches
        if notes is not None:
            notes.extend(batches.notes)


def left_out_notes(bad: Mapping[int, str], total: int) -> tuple[str, ...]:
    """One sentence on the pictures that were left out; none where all could be read."""
    if not bad:
        return ()
    named = " ".join(one_line(bad[item], most=200) for item in sorted(bad)[:_NAMED])
    more = f" And {len(bad) - _NAMED:,} more." if len(bad) > _NAMED else ""
    were = "was" if len(bad) == 1 else "were"
    return (
        f"{len(bad):,} of {plural(total, 'picture')} could not be read and {were} left out. {named}{more}",
    )


def ahead(
    readers: ThreadPoolExecutor, read: Callable[[int], T], ids: list[int], *, depth: int
) -> Iterable[T]:
    """`read(i)` for each id in order, at most `depth` of them decoded ahead of their use."""
    waiting = iter(ids)
    futures = deque(readers.submit(read, i) for i in islice(waiting, depth))
    while futures:
        yield futures.popleft().result()
        futures.extend(readers.submit(read, i) for i in islice(waiting, 1))


def _tried(pairs: Pairs, item: int) -> tuple[int, Image | BadPictureError]:
    """A problem is handed on and not raised: what was read before it is encoded first."""
    try:
        return item, pairs.picture(item)
    except BadPictureError as problem:
        return item, problem


class _Encoding:
    """Encodes a batch of (item, picture); where that fails, finds out whose fault it is."""

    def __init__(self, model: DualEncoder, pairs: Pairs, bad: Bad | None) -> None:
        self._model, self._pairs, self._bad = model, pairs, bad

    def kept(self, read: tuple[int, Image | BadPictureError]) -> _Read | None:
        """What was read; None, and noted, where it could not be."""
        item, found = read
        if isinstance(found, BadPictureError):
            self._leave_out(item, found)
            return None
        return item, found

    def __call__(self, batch: list[_Read]) -> Encoded:
        try:
            return self._encoded(batch)
        except Exception as problem:
            if not self._is_theirs(problem):
                raise
            good = [one for one in batch if self._alone(one)]
            if len(good) == len(batch):
                raise  # each is well by itself: it is none of the pictures
            return self._encoded(good)

    def _encoded(self, batch: list[_Read]) -> Encoded:
        items, pictures = [item for item, _ in batch], [picture for _, picture in batch]
        return items, self._model.encode_images(pictures) if pictures else np.zeros((0, 0), np.float32)

    def _alone(self, one: _Read) -> bool:
        """Whether a picture can be encoded by itself."""
        item, picture = one
        try:
            self._model.encode_images([picture])
        except Exception as problem:
            if not self._is_theirs(problem):
                raise
            why = (
                f"Item {item} ({one_line(self._pairs.texts[item], most=40)!r}): the picture has "
                f"{picture.width} x {picture.height} pixels, and {self._model.card.name} cannot take it "
                f"({type(problem).__name__}: {one_line(str(problem), most=80)})."
            )
            self._leave_out(item, BadPictureError(why), problem)
            return False
        return True

    def _is_theirs(self, problem: Exception) -> bool:
        """Whether a picture may be the cause: the model takes another one, and memory did not run out."""
        if isinstance(problem, Cancelled) or is_out_of_memory(problem):
            return False
        try:
            self._model.encode_images([new_picture("RGB", (32, 32), "grey")])
        except Exception:
            return False
        return True

    def _leave_out(self, item: int, problem: BadPictureError, cause: Exception | None = None) -> None:
        if self._bad is None:
            raise problem from cause
        self._bad[item] = str(problem)
