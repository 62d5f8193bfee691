"""The tokeniser and the image processor beside a model of transformers, where they need a second look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers

from workbench.models.adapters.pieces import holds
from workbench.models.options import Options
from workbench.models.weights import read_json

__all__ = ["fit_processor", "has_no_capitals", "is_second_siglip", "mark_end", "missing_vocabulary"]

_WRONG_END = (
    "The configuration ends a text with token {said} (eos_token_id), the tokeniser with {end}: the library "
    "reads a "
    "text's state at the former. Correct config.json if that was not how it was trained."
)
_OLD_END = 2  # the end mark in the configuration of CLIPs before transformers 4.31, which was nobody's


def is_second_siglip(tokeniser: Any) -> bool:
    """Whether a SigLIP's vocabulary is Gemma's, so that it is SigLIP 2, which was trained on lower case.

    By the marks at the vocabulary's beginning: the class of the tokeniser depends on who saved it.
    """
    return holds(tokeniser, "<bos>") and holds(tokeniser, "<eos>")


def has_no_capitals(tokeniser: Any) -> bool:
    """Whether a vocabulary has lower case only: SigLIP's own, whose class lowers texts, as others may not."""
    return not any(holds(tokeniser, mark + letter) for mark in ("", "▁") for letter in ("A", "B", "S", "T"))


def missing_vocabulary(folder: Path) -> str:
    """Which files the tokeniser's class needs that are not there; empty if it is not that."""
    file = folder / "tokenizer_config.json"
    name = read_json(file).get("tokenizer_class") if file.is_file() else None
    kind = getattr(transformers, str(name), None)
    needed = list(getattr(kind, "vocab_files_names", {}).values())
    lacking = [file for file in needed if not (folder / file).is_file()]
    if not lacking:
        return ""
    return (
        f"tokenizer_config.json names {name}, which reads {', '.join(needed)}, and {', '.join(lacking)} is "
        "missing. Copy it from where the model was published."
    )


def mark_end(model: Any, tokeniser: Any) -> tuple[str, ...]:
    """Let CLIP's text tower read the state at its tokeniser's end mark, where words were added behind that.

    With the old end mark in its configuration the library takes the state at the largest token of a text.
    That is the end mark, unless a token was added later (textual inversion): then it would be that word, and
    nothing behind it would be read.

    Source: https://github.com/huggingface/transformers/issues/21029
    """
    text: Any
    text, end = getattr(model, "text_model", None), getattr(tokeniser, "eos_token_id", None)
    said = getattr(text, "eos_token_id", end)
    if end is None or said == end:
        return ()
    if said != _OLD_END:
        return (_WRONG_END.format(said=said, end=end),)
    added = [token for token, place in tokeniser.get_added_vocab().items() if place > end]
    if not added:
        return ()
    text.eos_token_id = end
    return (
        f"The tokeniser has added tokens behind its end mark ({', '.join(map(repr, added[:3]))}), and the "
        f"configuration still has eos_token_id={_OLD_END}: transformers would read no further than an added "
        f"token. A text is read to its end mark here (token {end}).",
    )


def fit_processor(processor: Any, options: Options) -> None:
    """Let the image processor make pictures of the size that was asked."""
    for name in ("size", "crop_size"):
        before = getattr(processor, name, None)
        if options.image_size is not None and before:
            setattr(processor, name, dict.fromkeys(dict(before), options.image_size))
