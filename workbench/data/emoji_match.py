"""The `emoji-match` data: does the text describe the picture? Neither of the two can say it alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.data.cards import card
from workbench.data.emoji import load_emoji
from workbench.data.pairs import Pairs

__all__ = ["load_emoji_match"]

_TEST_SHARE = 0.25


def load_emoji_match(*, hard: bool = False, language: str = "en", seed: int = 0) -> Pairs:
    """Every emoji twice: with its own name (label "match") and with another's ("mismatch").

    Each picture and each name occurs once under either label, so one modality alone is at chance,
    exactly. Columns: `split` ("train" or "test"; pictures and names of the two never meet), `group`
    (of the picture), `text_group` (of the name), `character`.

    Args:
        hard: the other name comes from the same group (an animal for an animal).

    Raises:
        BadInputError: `language` is none of those the names come in.
        UnavailableError: a package of the join is missing.
    """
    emoji = load_emoji(language=language)
    groups = np.array(emoji.labels)
    random = np.random.default_rng(seed)
    is_test = random.permutation(len(emoji)) < _TEST_SHARE * len(emoji)
    other = _others(groups, is_test, random, hard=hard)
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


def _others(
    groups: NDArray, is_test: NDArray[np.bool_], random: np.random.Generator, *, hard: bool
) -> NDArray[np.int64]:
    """item: another item of the same split (and group, if `hard`), each taken once."""
    other = np.empty(len(groups), np.int64)
    for held in (False, True):
        for group in np.unique(groups) if hard else [None]:
            rows = np.flatnonzero((is_test == held) & ((groups == group) if group is not None else True))
            rows = random.permutation(rows)
            other[rows] = np.roll(rows, 1)  # one cycle through all: nobody keeps the own name
    return other
