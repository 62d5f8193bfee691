"""Pairs from a folder of pictures, or of class folders; and from pictures already in hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from workbench._repr import one_line, plural
from workbench.data.emoji import file_source
from workbench.data.pairs import Pairs, Source, content_key
from workbench.data.pictures import ENDINGS, open_picture
from workbench.data.pictures import Source as Picture
from workbench.data.places import readable
from workbench.data.tables import ENCODINGS
from workbench.errors import BadInputError

__all__ = ["from_pictures", "load_folder", "words_of"]

_CAPTION_ENDING = ".txt"  # a text file beside a picture, of the same name, is its caption


def load_folder(folder: Path) -> Pairs:
    """Every picture below `folder`, in order of its path.

    The text of a picture is the text file of the same name beside it, else its file name in words.
    If every picture lies in a folder of its own class, the folders' names are the labels. Hidden files
    and files that are no pictures are left out; links are followed only inside the folder.

    Raises:
        BadInputError: no picture is there.
    """
    root = folder.resolve()
    files = sorted(_pictures(root))
    if not files:
        raise BadInputError(
            f"The folder {str(folder)!r} holds no pictures. Expected files ending in "
            f"{', '.join(sorted(ENDINGS))}, in it or in folders below it."
        )
    inside = [path.relative_to(root).parts[:-1] for path in files]
    labels = tuple(readable(parts[0]) for parts in inside) if all(inside) else None
    captions = [_caption(path, root) for path in files]
    return Pairs(
        name=readable(root.name),
        sources=tuple(file_source(path) for path in files),
        texts=tuple(captions),
        labels=labels,
        columns={"file": tuple(readable(str(path.relative_to(root))) for path in files)},
        code=f"data.load({str(folder)!r})",
    )


def from_pictures(pictures: Sequence[Picture], *, texts: Sequence[str] | None = None) -> Pairs:
    """Pairs of pictures in hand: bytes, paths, arrays or Pillow pictures. All are opened now.

    Raises:
        BadPictureError: one cannot be read; the message names it.
        BadInputError: no picture, one that is not in a list, or not one text for each.
    """
    if _is_one(pictures):
        raise BadInputError("One picture was given; expected a list. Write data.from_pictures([picture]).")
    if not len(pictures):
        raise BadInputError("No picture was given. Give a list with at least one.")
    names = [
        words_of(Path(str(p))) if isinstance(p, (str, Path)) else f"picture {k + 1}"
        for k, p in enumerate(pictures)
    ]
    said = list(texts) if texts is not None else names
    if len(said) != len(pictures):
        raise BadInputError(
            f"{plural(len(said), 'text')} for {plural(len(pictures), 'picture')}; give one each."
        )
    opened = [open_picture(picture, name=str(said[k])) for k, picture in enumerate(pictures)]
    sources = tuple(_in_hand(picture) for picture in opened)
    return Pairs("pictures", sources, tuple(map(str, said)), code=_code(pictures))


def _in_hand(picture: Image.Image) -> Source:
    key = content_key(f"{picture.size}".encode() + picture.tobytes())
    # A copy: whoever shrinks what was opened must not shrink it for everybody.
    return Source(picture.copy, lambda: key)


def words_of(path: Path) -> str:
    """`DSC_red-car.jpg` -> `DSC red car`."""
    stem = readable(path.stem)
    words = stem.replace("_", " ").replace("-", " ").split()
    return " ".join(words) or stem


def _is_one(pictures: object) -> bool:
    if isinstance(pictures, np.ndarray):  # row x col, or row x col x 3 or 4; others are stacks of pictures
        return pictures.ndim < 3 or (pictures.ndim == 3 and pictures.shape[2] in (3, 4))
    return isinstance(pictures, (str, bytes, bytearray, Path, Image.Image))


def _pictures(root: Path) -> list[Path]:
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(folder) / name for name in names if not name.startswith("."))
        found += [
            path for path in paths if path.suffix.lower() in ENDINGS and path.resolve().is_relative_to(root)
        ]
    return found


def _caption(path: Path, root: Path) -> str:
    beside = path.with_suffix(_CAPTION_ENDING)
    if not beside.is_file() or not beside.resolve().is_relative_to(root):
        return words_of(path)
    return " ".join(_decoded(beside.read_bytes()).split()) or words_of(path)


def _decoded(content: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("utf-8", errors="replace")


def _code(pictures: Sequence[Picture]) -> str:
    if all(isinstance(picture, (str, Path)) for picture in pictures):
        return f"data.from_pictures({[str(picture) for picture in pictures]!r})"
    return f"data.from_pictures([...])  # {one_line(plural(len(pictures), 'picture'))} added by hand\n"
