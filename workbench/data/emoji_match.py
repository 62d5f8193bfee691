"""The `emoji-match` data: does the text describe the picture? Neither of the two can say it alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.data.dataset_cards import card
from workbench.data.emoji import load_emoji
from workbench.data.pairs import Pairs, Source
from workbench.data.pictures import open_picture
from workbench.errors import BadInputError

__all__ = ["load_emoji_match"]

_TEST_SHARE = 0.25


def load_emoji_match(*, hard: bool = False, language: str = "en", seed: int = 0) -> Pairs:
    """Every emoji twice: with its own name (label "match") and with another's ("mismatch").

    Each picture and each name occurs once under either label, so one modality alone is at chance,
    exactly. Several code points are drawn alike to the pixel (families without faces, flags of territories):
    such twins stand on one side of the split, and no drawing is a mismatch for the name of its twin.
    Columns: `split` ("train" or "test"; drawings and names of the two never meet), `group` (of the picture),
    `text_group` (of the name), `character`.

    Args:
        hard: the other name comes from the same group (an animal for an animal).

    Raises:
        BadInputError: `language` is none of those the names come in, or `seed` is below 0.
        UnavailableError: a package of the join is missing.
    """
    if seed < 0:
        raise BadInputError(f"seed is {seed}; expected a whole number of at least 0.")
    emoji = load_emoji(language=language)
    groups = np.array(emoji.labels)
    random = np.random.default_rng(seed)
    drawing = _first_alike(emoji.sources)
    is_test = (random.permutation(len(emoji)) < _TEST_SHARE * len(emoji))[drawing]
    other = _others(groups, is_test, drawing, random, hard=hard)
    items = np.concatenate([np.arange(len(emoji)), np.arange(len(emoji))])
    named = np.concatenate([np.arange(len(emoji)), other])
    given = (("hard", hard, False), ("language", language, "en"), ("seed", seed, 0))
    options = [f"{name}={value!r}" for name, value, usual in given if value != usual]
    about = card("emoji-match")
    return Pairs(
        name="emoji-match",
        sources=tuple(emoji.sources[item] for item in items),
        texts=tuple(emoji.texts[item] for item in named),
        labels=("match",) * len(emoji) + ("mismatch",) * len(emoji),
        columns={
            "split": tuple("test" if held else "train" for held in is_test[items]),
            "group": tuple(groups[items].tolist()),
            "text_group": tuple(groups[named].tolist()),
            "character": tuple(emoji.columns["character"][item] for item in items),
        },
        credit=about.credit,
        licence=about.licence,
        notes=emoji.notes,
        code=f"data.load({', '.join([repr('emoji-match'), *options])})",
        facts={"image_accuracy": 0.5, "text_accuracy": 0.5},
    )


def _first_alike(sources: Sequence[Source]) -> NDArray[np.int64]:
    """item: the first item that is drawn with the same pixels, which mostly is the item itself."""
    first: dict[bytes, int] = {}
    return np.array(
        [first.setdefault(_pixels(source.file_name), item) for item, source in enumerate(sources)]
    )


@lru_cache(maxsize=4096)
def _pixels(file: str) -> bytes:
    picture = open_picture(Path(file))
    return sha256(repr(picture.size).encode() + picture.tobytes()).digest()


def _others(
    groups: NDArray,
    is_test: NDArray[np.bool_],
    drawing: NDArray[np.int64],
    random: np.random.Generator,
    *,
    hard: bool,
) -> NDArray[np.int64]:
    """item: another drawing of the same split (and group, if `hard`), each item taken once."""
    other = np.empty(len(groups), np.int64)
    for held in (False, True):
        for group in np.unique(groups) if hard else [None]:
            rows = np.flatnonzero((is_test == held) & ((groups == group) if group is not None else True))
            while True:  # twins are few, so that about every second order keeps them apart
                rows = random.permutation(rows)
                taken = np.roll(rows, 1)  # one cycle through all: nobody keeps the own name
                if (drawing[rows] != drawing[taken]).all():
                    break
            other[rows] = taken
    return other
