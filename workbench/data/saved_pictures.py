"""Pictures that were never files of their own, written down so that code can load them again."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from workbench.cache import replacing, sweep
from workbench.calling import verb
from workbench.data.pairs import Pairs
from workbench.data.pictures_in_memory import from_pictures
from workbench.errors import BadInputError
from workbench.formatting import plural

__all__ = ["keep"]

_NAME = 40  # characters of a picture's text that go into its file name


@verb
def keep(pairs: Pairs, folder: str | Path, *, write: bool = True) -> Pairs:
    """The same pairs, loaded from PNG files in `folder`, which is made where it is not there.

    A file is named after its picture's text and content, so a second call writes nothing new. The pixels
    are the same, and so are the vectors of any model.

    Args:
        pairs: any.
        folder: where the files go.
        write: False gives only `.code`, as it will be, and leaves the disk alone.

    Returns:
        `Pairs` whose `code` opens those files. Texts and labels are kept in it, columns are not.

    Raises:
        BadPictureError: a picture cannot be read.
        BadInputError: `folder` cannot be written.

    Example:
        >>> from workbench import data
        >>> kept = data.keep(data.load("shapes", n=2), "my-pictures")
        >>> kept.in_memory, kept.code.startswith("data.from_pictures(")
        (False, True)
    """
    place = Path(folder)
    files = [place / _file_name(text, key) for text, key in zip(pairs.texts, pairs.keys, strict=True)]
    if write:
        _write(pairs, place, files)
    parts = [repr([file.as_posix() for file in files]), f"texts={list(pairs.texts)!r}"]
    if pairs.labels is not None:
        parts.append(f"labels={list(pairs.labels)!r}")
    code = f"data.from_pictures({', '.join(parts)})"
    if not write:
        return replace(pairs, code=code, in_memory=False)
    loaded = from_pictures(files, texts=pairs.texts, labels=pairs.labels)
    return replace(pairs, sources=loaded.sources, code=code, in_memory=False)


def _write(pairs: Pairs, place: Path, files: list[Path]) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
        sweep(place)
        for item, file in enumerate(files):
            if not file.is_file():
                with replacing(file) as whole:  # half a picture would be taken for it next time
                    pairs.picture(item).save(whole, "PNG")
    except OSError as problem:
        raise BadInputError(
            f"{plural(len(files), 'picture')} cannot be written into {str(place)!r}: {problem.strerror}. "
            "Give another folder, or start the notebook where you may write."
        ) from problem


def _file_name(text: str, key: str) -> str:
    """`red-car-1f3a90bc.png`: only letters that every file system takes."""
    words = re.sub(r"\.(png|jpe?g|webp|gif|bmp|tiff?)$", "", text, flags=re.IGNORECASE)
    plain = re.sub(r"[^A-Za-z0-9]+", "-", words)[:_NAME].strip("-").lower()
    return f"{plain or 'picture'}-{key[:8]}.png"
