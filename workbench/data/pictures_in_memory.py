"""Pairs from pictures in hand: of Pillow, paths, bytes, arrays, tensors; one, a stack, a list of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from workbench.calling import verb
from workbench.data.arrays import ASSUMED, as_array, grids_of, is_array, is_stack
from workbench.data.file_name_words import words_of
from workbench.data.pairs import Pairs
from workbench.data.pictures import Source as Picture
from workbench.data.pictures import open_picture
from workbench.data.sources import held
from workbench.errors import BadInputError, BadPictureError
from workbench.formatting import one_line, plural
from workbench.values import as_labels, as_texts, sentences_of

if TYPE_CHECKING:
    from torch import Tensor

    Pictures = Picture | Tensor | Sequence[Picture | Tensor]
else:
    Pictures = Any

__all__ = ["Pictures", "from_pictures", "is_one", "pictures_of", "several_of"]


@verb
def from_pictures(
    pictures: Pictures,
    *,
    texts: str | Sequence[str] | None = None,
    labels: str | Sequence[Any] | None = None,
) -> Pairs:
    """Pairs of pictures in hand. All are opened now.

    Args:
        pictures: one or a list of them: Pillow pictures, paths, bytes of files, arrays and tensors. An array
            is row x col (grey), row x col x channel or channel x row x col, of 3 channels or, with alpha, 4;
            uint8, or floats of 0..1 or 0..255; a further axis in front makes it a stack. Three axes of which
            none has 1, 3 or 4 entries are a stack of grey ones. What was assumed stands in `.notes`.
        texts: one a picture; by default its file name in words, or its number.
        labels: the class of each, "" where it is not known; by default there are none.

    Returns:
        `Pairs`, one row a picture, in their order.

    Raises:
        BadPictureError: one cannot be read, or can be read in two ways; the message names it.
        BadInputError: no picture, or not one text (one label) for each.

    Example:
        >>> import numpy as np
        >>> from workbench import data
        >>> grey = np.full((32, 48, 3), 128, np.uint8)  # row x col x channel
        >>> pairs = data.from_pictures([grey, grey], texts=["fog", "more fog"])
        >>> len(pairs), pairs.picture(0).size  # Pillow says width x height
        (2, (48, 32))
    """
    one = is_one(pictures)
    listed = [pictures] if one else several_of(pictures)
    if not len(listed):
        raise BadInputError("No picture was given. Give a list with at least one.")
    if one:
        texts = [texts] if isinstance(texts, str) else texts
        labels = [labels] if isinstance(labels, str) else labels
    texts, labels = _one_each("text", texts), _one_each("label", labels)
    names = [
        words_of(Path(str(p))) if isinstance(p, (str, Path)) else f"picture {k + 1}"
        for k, p in enumerate(listed)
    ]
    said, notes = (tuple(names), ()) if texts is None else as_texts(texts)
    opened, owners = _opened(listed, said if len(said) == len(listed) else names)
    if texts is None and len(opened) > len(listed):  # stacks
        said = tuple(f"picture {k + 1}" for k in range(len(opened)))
    for noun, each in (("text", said), ("label", said if labels is None else labels)):
        if len(each) != len(opened):
            raise BadInputError(
                f"{plural(len(each), noun)} for {plural(len(opened), 'picture')}; give one each."
            )
    assumed = dict.fromkeys(note for picture in opened for note in picture.info.get(ASSUMED, ()))
    return Pairs(
        "pictures",
        tuple(
            held(picture, str(given) if isinstance(given, (str, Path)) else "")
            for picture, given in zip(opened, owners, strict=True)
        ),
        said,
        None if labels is None else as_labels(labels, len(opened)),
        notes=(*notes, *assumed),
        code=_code(listed, texts, labels),
        in_memory=not all(isinstance(picture, (str, Path)) for picture in listed),
    )


def _one_each(noun: str, given: Any) -> list[Any] | None:
    """What was given for the pictures as a list; one for all of them would be a guess."""
    if isinstance(given, str):
        raise BadInputError(f"{noun}s is one {noun}; expected a list with one {noun} for each picture.")
    return None if given is None else sentences_of(given, what=f"{noun}s")


def _opened(listed: Sequence[Any], names: Sequence[str]) -> tuple[list[Image.Image], list[Any]]:
    """Every picture, and which member of the list it comes from."""
    opened: list[Image.Image] = []
    owners: list[Any] = []
    for given, name in zip(listed, names, strict=True):
        found = pictures_of(given, name)
        opened += found
        owners += [given] * len(found)
    return opened, owners


def is_one(pictures: object) -> bool:
    """Whether one picture was given, and no list or stack of them."""
    if is_array(pictures):
        array = as_array(pictures)
        return array.dtype.kind not in "OUS" and not is_stack(array)
    return isinstance(pictures, (str, bytes, bytearray, memoryview, os.PathLike, Image.Image))


def several_of(pictures: Any) -> list[Any]:
    """The members of a list, a tuple, an iterator, a column of a table; a stack stays one member.

    Raises:
        BadPictureError: it is no list of anything.
    """
    if is_array(pictures):
        array = as_array(pictures)
        return array.ravel().tolist() if array.dtype.kind in "OU" else [pictures]
    if hasattr(pictures, "to_pylist"):
        return list(pictures.to_pylist())
    if isinstance(pictures, Mapping) or not isinstance(pictures, Iterable) or hasattr(pictures, "columns"):
        raise BadPictureError(
            f"A {type(pictures).__name__} is no picture and no list of pictures. Give a path, an array, a "
            "tensor, a Pillow picture, or a list of them."
        )
    return list(pictures)


def pictures_of(given: Any, name: str) -> list[Image.Image]:
    """What one member of a list holds, opened: one picture, or those of a stack."""
    if not is_array(given):
        return [open_picture(given, name=name)]
    if not is_stack(as_array(given)):
        return [open_picture(given, name=name)]
    grids, assumed = grids_of(given, name)
    opened = []
    for place, grid in enumerate(grids):
        picture = open_picture(Image.fromarray(grid), name=f"{one_line(name)} of a stack, {place + 1}")
        picture.info |= {ASSUMED: assumed} if assumed else {}
        opened.append(picture)
    return opened


def _code(pictures: Sequence[Any], texts: Sequence[str] | None, labels: Sequence[Any] | None) -> str:
    """Of pictures in memory the code can only say where they would stand: in a list of that name."""
    if all(isinstance(picture, (str, Path)) for picture in pictures):
        parts = [repr([str(picture) for picture in pictures])]
    else:
        parts = ["pictures"]
    given = (("texts", texts), ("labels", labels))
    parts += [f"{name}={list(said)!r}" for name, said in given if said is not None and len(said)]
    return f"data.from_pictures({', '.join(parts)})"
