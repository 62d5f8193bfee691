"""What people give where pairs, or one pair, are expected: the one place that takes it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL.Image import Image

from workbench.data.arrays import ASSUMED, is_array
from workbench.data.data_sets import from_path, load
from workbench.data.file_name_words import words_of
from workbench.data.pairs import Pair, Pairs
from workbench.data.paths import is_address, local_path
from workbench.data.pictures import ENDINGS
from workbench.data.pictures_in_memory import Pictures, from_pictures, is_one, several_of
from workbench.data.sources import FileSource
from workbench.errors import BadInputError, BadPictureError
from workbench.formatting import one_line

if TYPE_CHECKING:
    PairLike: TypeAlias = Pair | Pairs | Pictures | tuple[Any, str]
    PairsLike: TypeAlias = Pairs | Pair | Pictures | Sequence[Pair]
else:
    PairLike = PairsLike = Any

__all__ = [
    "PairLike",
    "PairsLike",
    "as_pair",
    "as_pairs",
    "as_pictures",
    "assumed_of",
    "is_picture",
    "notes_of",
]

_ITEM = re.compile(r"\[(\d+)\]$")


def as_pairs(given: Any) -> Pairs:
    """Pairs from what people hold: `Pairs`, a `Pair`, a list of either, pictures in any form that
    `data.from_pictures` takes, the path of a picture, a folder or a table, a data set's name, a pandas table.

    Files that are named in a list are opened when they are needed; `.notes` says what was assumed.

    Raises:
        BadInputError: none of these.
        UnknownNameError: no data set and no folder of this name.
    """
    if isinstance(given, Pairs):
        return given
    if isinstance(given, Pair):
        return _of_pair([given], _listed_code(given))
    _refuse_strangers(given)
    if hasattr(given, "iloc") and hasattr(given, "columns"):
        return load(given)
    if isinstance(given, (str, os.PathLike)):
        return _of_place(given)
    if is_one(given) or is_array(given):
        return from_pictures(given)
    members = several_of(given)
    if not members:
        raise BadInputError("There are no pairs and no pictures: the list is empty. Give at least one.")
    return _of_list(members)


def as_pair(given: Any) -> Pair:
    """One pair from what people hold: a `Pair`, `Pairs` of one, a picture alone (its text is then empty),
    or a tuple of a picture and its text.

    Raises:
        BadInputError: none of these, or several.
        BadPictureError: the picture cannot be read.
    """
    if isinstance(given, Pair):
        return given
    if isinstance(given, tuple) and len(given) == 2 and _is_text(given[1]) and not _is_text(given[0]):
        return _pair_of(given[0], given[1])
    if not isinstance(given, (Pairs, str, os.PathLike)) and is_one(given):
        return _pair_of(given, "")
    if isinstance(given, (str, os.PathLike)):
        path = local_path(given if isinstance(given, str) else Path(given))
        if not path.is_file():
            raise BadPictureError(
                f"pair is {one_line(repr(str(given)))}, and there is no such file. Expected one pair, "
                "pairs[0], or a picture."
            )
        return _pair_of(path, "")
    try:
        pairs = as_pairs(given)
    except BadPictureError:
        raise
    except BadInputError as problem:
        raise BadInputError(f"pair: {problem}") from problem
    if len(pairs) != 1:
        raise BadInputError(
            f"pair is {one_line(repr(pairs))}; expected one pair: pairs[0], or data.from_pictures([...])[0]."
        )
    only = pairs[0]
    return only if isinstance(given, Pairs) or _holds_pairs(given) else _pair_of(only.picture, "")


def as_pictures(given: Any) -> Sequence[Image]:
    """Opened pictures, for a model: Pillow's own are handed on as they are."""
    if isinstance(given, (list, tuple)) and all(isinstance(one, Image) for one in given):
        return given
    if isinstance(given, Image):
        return [given]
    if isinstance(given, (list, tuple)) and not given:
        return []
    pairs = as_pairs(given)
    return [pairs.picture(item) for item in range(len(pairs))]


def is_picture(given: object) -> bool:
    """Whether one picture is meant, and no sentence: Pillow's, an array, a path, a `Pair`."""
    if isinstance(given, str):
        return Path(given).suffix.lower() in ENDINGS and not is_address(given) and local_path(given).is_file()
    if is_array(given):
        return getattr(given, "ndim", 0) > 1 and is_one(given)
    return isinstance(given, (Pair, Image, os.PathLike, bytes, bytearray))


def notes_of(given: object, pairs: Pairs) -> tuple[str, ...]:
    """What a result says of how `given` became `pairs`; nothing where they were pairs already."""
    return () if given is pairs or isinstance(given, (Pair, Pairs)) else pairs.notes


def assumed_of(pair: Pair) -> tuple[str, ...]:
    """What the array that a pair's picture came from was taken for; empty for any other picture."""
    return tuple(pair.picture.info.get(ASSUMED, ()))


def _is_text(given: object) -> bool:
    return given is None or (isinstance(given, str) and not is_picture(given))


def _holds_pairs(given: Any) -> bool:
    return isinstance(given, (list, tuple)) and isinstance(given[0], (Pair, Pairs))


def _pair_of(picture: Any, text: str | None) -> Pair:
    if picture is None:
        raise BadInputError("The pair has no picture. Expected one pair: pairs[0], or (picture, text).")
    return from_pictures([picture], texts=[text or ""])[0]


def _of_place(given: Any) -> Pairs:
    """A picture's path, or whatever `data.load` takes."""
    path = Path(given)
    if path.suffix.lower() in ENDINGS or (path.is_file() and not path.is_dir()):
        return from_path(path)
    return load(given if isinstance(given, str) else path)


def _of_list(members: list[Any]) -> Pairs:
    if any(isinstance(one, (Pair, Pairs)) for one in members):
        parts = [as_pairs(one) for one in members]
        if all(isinstance(one, Pair) for one in members):
            return _of_pair(members, "pairs")
        joined = parts[0]
        for part in parts[1:]:
            joined = joined + part
        return joined
    for member in members:
        _refuse_strangers(member)
    if all(isinstance(one, (str, os.PathLike)) for one in members):
        return _of_files(members)
    return from_pictures(members)


def _of_files(members: list[Any]) -> Pairs:
    """Files named in a list: many may be, so each is opened when it is needed."""
    try:
        paths = [local_path(one if isinstance(one, str) else Path(one)) for one in members]
    except BadInputError as problem:
        raise BadPictureError(str(problem)) from problem
    if not any(path.is_file() for path in paths):
        first = "there is no file" if len(paths) == 1 else f"of these {len(paths)} files there is none, first"
        labels = (
            ""
            if any(isinstance(one, os.PathLike) for one in members)
            else (" If these are labels or texts, pairs or pictures come before them.")
        )
        raise BadPictureError(
            f"Pictures were expected, and {first} {one_line(repr(str(members[0])))}.{labels} A path is "
            "looked up on the kernel's machine."
        )  # fmt: skip
    return Pairs(
        "pictures",
        tuple(FileSource(path) for path in paths),
        tuple(words_of(path) for path in paths),
        code=f"data.from_pictures({[str(path) for path in paths]!r})",
    )


def _of_pair(pairs: Sequence[Pair], code: str) -> Pairs:
    first = pairs[0].columns
    shared = [name for name in first if all(name in pair.columns for pair in pairs)]
    labels = tuple(pair.label for pair in pairs)
    return Pairs(
        "pairs" if len(pairs) > 1 else "pair",
        tuple(pair.source for pair in pairs),
        tuple(pair.text for pair in pairs),
        None if all(label is None for label in labels) else labels,
        {name: tuple(pair.columns[name] for pair in pairs) for name in shared},
        " ".join(dict.fromkeys(pair.credit for pair in pairs if pair.credit)),
        code=code,
        in_memory="from_pictures(pictures" in pairs[0].code,
    )


def _listed_code(pair: Pair) -> str:
    """`pairs[3]` as what gives `Pairs` of one: `pairs[[3]]`."""
    found = _ITEM.search(pair.code)
    return f"{pair.code[: found.start()]}[[{found[1]}]]" if found else "pairs"


def _refuse_strangers(given: Any) -> None:
    """Say what is wrong where a model, vectors, numbers or a mapping stand in the place of pairs."""
    if isinstance(given, (str, os.PathLike, bytes, bytearray)) or is_array(given):
        return
    expected = "Expected pairs of data.load(...), or pictures"
    kind = type(given).__name__
    if callable(getattr(given, "encode_texts", None)) or hasattr(given, "parameters"):
        raise BadInputError(f"A model ({kind}) stands where pairs belong: the model comes first. {expected}.")
    if hasattr(given, "provenance"):
        raise BadInputError(f"A result ({kind}) stands where pairs belong. {expected}.")
    if given is None or isinstance(given, (bool, int, float, complex, Mapping, type)) or callable(given):
        shown = "None" if given is None else f"A {kind} ({one_line(repr(given), most=40)})"
        raise BadInputError(
            f"{shown} was given where pairs belong. {expected}: Pillow's, paths, arrays, tensors, one or a "
            "list."
        )
