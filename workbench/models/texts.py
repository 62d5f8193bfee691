"""Whether a loaded model tells texts apart, and where a tokeniser is that lies apart from the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import BadWeightsError, UnavailableError
from workbench.formatting import one_line
from workbench.models import hub
from workbench.results import OnEvent, ShouldStop

if TYPE_CHECKING:
    from workbench.models.adapters.tower import TwoTower

__all__ = ["VOCABULARIES", "check_reading", "has_vocabulary", "text_tokeniser"]

VOCABULARIES = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
"""The files that hold a tokeniser's words; every tokeniser has one of them."""

# Pairs of one length each, in several scripts: a vocabulary need not hold all of them.
_PROBES = (("a cat", "a dog"), ("猫", "狗"), ("кот", "пёс"), ("12", "34"))
_SAME = 1e-6  # between two unit vectors of one text, computed in two places of a batch


def has_vocabulary(folder: Path) -> bool:
    """Whether a folder holds a tokeniser's vocabulary; where it does not, transformers makes an empty one."""
    return any((folder / name).is_file() for name in VOCABULARIES)


def text_tokeniser(
    folder: Path,
    text: Mapping[str, Any],
    *,
    name: str,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Path | None:
    """The folder of the tokeniser that an open_clip configuration asks for; None for open_clip's own.

    It is taken from the model's folder, else from the place that the configuration names: a folder (of its
    own, or beside the model), or a repository of the hub.

    Raises:
        UnavailableError: it is in none of these places.
    """
    said = text.get("hf_tokenizer_name")
    if not said:
        return None
    for place in (folder, Path(said).expanduser(), folder / said):
        if place.is_dir() and has_vocabulary(place):
            return place
    try:
        return hub.fetch(
            said,
            hub.choose_tokeniser,
            name=f"the tokeniser {said!r} of {name}",
            on_event=on_event,
            should_stop=should_stop,
        )
    except UnavailableError as problem:
        raise UnavailableError(
            f"{folder} has no tokeniser ({', '.join(VOCABULARIES)}), and its text tower needs {said!r}. "
            f"{problem} Copy the tokeniser's files of {said!r} into the folder."
        ) from problem


def check_reading(model: TwoTower) -> None:
    """Refuse a model that reads every text alike: its tokeniser is empty, or another model's.

    Raises:
        BadWeightsError: texts that differ become the same tokens, or the same vector.
    """
    if model.capabilities.get("embed_texts", "") is not None:
        return  # the reason why it reads no texts at all is there already
    told = _told_apart(model, _PROBES) or _told_apart(model, _own_words(model))
    if not told:
        first, second = _PROBES[0]
        raise BadWeightsError(
            f"{model.card.name} reads every text alike: {first!r} and {second!r} both become "
            f"{one_line(' '.join(model.tokens(first).pieces), most=60)!r}. Its tokeniser is empty or of "
            "another model. Copy the tokeniser that it was trained with into its folder "
            f"({', '.join(VOCABULARIES[:3])} ...)."
        )
    vectors = model.encode_texts([text for pair in told for text in pair])
    if np.abs(vectors[::2] - vectors[1::2]).max() <= _SAME:
        first, second = told[0]
        raise BadWeightsError(
            f"{model.card.name} gives every text the same vector, {first!r} and {second!r} among them, "
            f"though their tokens differ.{_end_mark(model)} Load it with the tokeniser and the configuration "
            "it was trained with."
        )


def _told_apart(model: TwoTower, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in pairs if _tokens(model, pair[0]) != _tokens(model, pair[1])]


def _own_words(model: TwoTower) -> Sequence[tuple[str, str]]:
    """Two words of the vocabulary itself: one of flower names has no cat."""
    tokeniser: Any = getattr(model, "tokeniser", None) or getattr(
        getattr(model.model, "text", None), "tokeniser", None
    )
    tokeniser = getattr(tokeniser, "tokenizer", tokeniser)  # open_clip wraps that of transformers
    if not hasattr(tokeniser, "get_vocab"):
        return ()
    special = set(tokeniser.all_special_tokens)
    words = sorted(
        word.lstrip("▁Ġ").removesuffix("</w>") for word in tokeniser.get_vocab() if word not in special
    )
    plain = [word for word in words if word.isalpha() and not word.startswith("##")]
    return [(plain[0], plain[-1])] if len(plain) > 1 else ()


def _tokens(model: TwoTower, text: str) -> list[int]:
    return model.words([text])["input_ids"][0].tolist()


def _end_mark(model: TwoTower) -> str:
    config = getattr(getattr(model.model, "config", None), "text_config", None)
    named = getattr(config, "eos_token_id", None)
    own = getattr(getattr(model, "tokeniser", None), "eos_token_id", None)
    if named is None or own is None or named == own:
        return ""
    return f" Its configuration ends a text with token {named} (eos_token_id), its tokeniser with {own}."
