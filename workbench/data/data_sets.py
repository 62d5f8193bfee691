"""The data sets by name, and whatever a path or a table in hand holds: `load`, `available`, `from_path`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.calling import check_options, check_values, verb
from workbench.data.dataset_cards import CARDS, DataCard, card
from workbench.data.digits import load_digits_words
from workbench.data.emoji import load_emoji
from workbench.data.emoji_match import load_emoji_match
from workbench.data.folder import load_folder
from workbench.data.instructions import load_shapes_instructions
from workbench.data.pairs import Pairs
from workbench.data.paths import local_path
from workbench.data.photos import load_photos
from workbench.data.pictures import ENDINGS
from workbench.data.pictures_in_memory import from_pictures
from workbench.data.questions import load_shapes_questions
from workbench.data.shapes import load_shapes
from workbench.data.shards import is_shard, load_shards, shards_in
from workbench.data.tables import TABLES, from_table, is_table, load_table
from workbench.data.vqa import load_easy_vqa
from workbench.errors import BadInputError, UnknownNameError
from workbench.formatting import html_table

__all__ = ["DataTable", "available", "from_path", "load"]

_LOADERS: dict[str, Callable[..., Pairs]] = {
    "emoji": load_emoji,
    "shapes": load_shapes,
    "photos": load_photos,
    "easy-vqa": load_easy_vqa,
    "digits-words": load_digits_words,
    "emoji-match": load_emoji_match,
    "shapes-questions": load_shapes_questions,
    "shapes-instructions": load_shapes_instructions,
}


class DataTable(tuple[DataCard, ...]):
    """Rows of data sets that print as a table."""

    def __repr__(self) -> str:
        return "\n".join(f"{row.name:<19} {row.summary} ({row.licence})" for row in self)

    def _repr_html_(self) -> str:
        rows = ((row.name, row.summary, row.licence, row.source) for row in self)
        return html_table("data sets", ("name", "what it holds", "licence", "source"), rows)


@verb
def available() -> DataTable:
    """What `load` knows by name.

    Returns:
        A `DataTable` of `DataCard`s.

    Example:
        >>> from workbench import data
        >>> [card.name for card in data.available()][:3]
        ['emoji', 'shapes', 'photos']
    """
    return DataTable(CARDS)


@verb
def load(name: str | Path | Any, **options: Any) -> Pairs:
    """Pairs by name, from a path of the user's own, or from a pandas table in hand.

    - "emoji": options `language="en"`, `skin_tones=False`
    - "shapes": options `n=200`, `seed=0`, `language="en"`
    - "photos": no options
    - "easy-vqa": no options
    - "digits-words": options `task="xor"`, `shared`, `text_noise=0`, `image_noise=0`, `n=4000`, `seed=0`,
      `language="en"`
    - "emoji-match": options `hard=False`, `language="en"`, `seed=0`
    - "shapes-questions": options `n=1000`, `seed=0`, `kind=None`, `language="en"`
    - "shapes-instructions": options `n=1000`, `seed=0`, `task=None` (one or several of caption, count,
      colour, shape, existence, relation, place), `wordings="trained"` ("held out", "all", or numbers from 0
      to 7), `language="en"`, `negatives="random"` ("popular", "adversarial"), `planted=0`: the share of
      scenes in which the first thing brings along a black one of the next shape
    - a folder of pictures, of class folders, of train/ and test/, with or without a metadata table
    - a .tar or .tar.gz in WebDataset's form, or a folder of them: no options
    - a .csv, .tsv, .jsonl, .json (COCO's captions) or .parquet, or a folder of parquet shards: options
      `image_column`, `text_column`, `label_column`, `root`; of text tables `encoding`, `separator`, `quoting`

    What is not read is counted and named in `.notes`; `workbench data check PATH` prints it.

    Args:
        name: a name of `available`, a path, or a `pandas.DataFrame`.
        options: those of the list above.

    Returns:
        `Pairs`. Pictures are opened when they are asked for.

    Raises:
        UnknownNameError: neither a name nor a path that exists; the nearest names are given.
        BadInputError: an option that this data set does not have, an address, or a folder or table
            without pictures.

    Example:
        >>> from workbench import data
        >>> pairs = data.load("shapes", n=8, seed=0)
        >>> len(pairs), pairs.picture(0).mode
        (8, 'RGB')
    """
    if hasattr(name, "iloc"):
        return _called(from_table, "data.load(table)", options, name)
    loader = _LOADERS.get(str(name))
    if loader is not None:
        return _called(loader, f"data.load({str(name)!r})", options)
    path = local_path(name)
    if is_shard(path) or path.suffix.lower() == ".tar" or (path.is_dir() and shards_in(path)):
        return _called(load_shards, "data.load(shards)", options, path)
    if path.is_dir():
        return _called(load_folder, "data.load(folder)", options, path)
    if path.is_file() and is_table(path):
        return _called(load_table, "data.load(table)", options, path)
    if path.is_file():
        raise BadInputError(
            f"{str(name)!r} is a file, but no table ({', '.join(TABLES)}). "
            "For one picture: data.from_pictures([path])."
        )
    if path.suffix or len(path.parts) > 1:
        raise UnknownNameError(
            f"There is no folder or table {str(name)!r}. It is looked up from {str(Path.cwd())!r}."
        )
    card(str(name))  # raises, with the nearest names
    raise UnknownNameError(f"There is no data set {name!r}.")


@verb
def from_path(path: str | Path) -> Pairs:
    """Whatever is there: one picture, a folder of them, or a table.

    Args:
        path: of a file or folder; "~" is the home folder.

    Returns:
        `Pairs`: one for a picture, else as `load` gives them.

    Raises:
        UnknownNameError: there is nothing.
        BadPictureError: a file that is neither a table nor a picture.
        BadInputError: a folder or table without pictures, or an address.

    Example:
        >>> from workbench import data
        >>> data.load("shapes", n=2).picture(0).save("red_square.png")
        >>> data.from_path("red_square.png").texts
        ('red square',)
    """
    file = local_path(path)
    readable = file.is_file() and (is_table(file) or is_shard(file) or file.suffix.lower() == ".tar")
    if file.suffix.lower() in ENDINGS or (file.is_file() and not readable):
        return from_pictures([file])
    return load(file)


def _called(loader: Callable[..., Pairs], what: str, options: dict[str, Any], *subject: Any) -> Pairs:
    takes = load_table if loader is load_folder else loader  # the tables in a folder take them
    check_options(takes, options, of=what)
    check_values(takes, options)
    try:
        return loader(*subject, **options)
    except RecursionError:
        raise BadInputError(
            f"{what}: something in it is nested deeper than can be read. Write texts and labels as plain "
            "values."
        ) from None
