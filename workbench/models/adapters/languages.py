"""The language of a text that a model reads, and of one that it writes: a code among its tokens."""

from __future__ import annotations

from typing import Any

from workbench.errors import BadInputError, did_you_mean

__all__ = ["speak", "write_in"]


def speak(tokeniser: Any, language: str | None) -> tuple[str, ...]:
    """Let the tokeniser put this language's code before each text; a note on which code it puts there.

    Args:
        tokeniser: of transformers, or None.
        language: its code, "fra_Latn"; None leaves the tokeniser's own.

    Raises:
        BadInputError: the tokeniser knows no languages, or not this one.
    """
    spoken = getattr(tokeniser, "src_lang", None)
    if spoken is None:
        if language is not None:
            raise BadInputError(
                f"language={language!r} was given, but this model's tokeniser puts no language before a "
                "text. Leave it out."
            )
        return ()
    if language is None or language == spoken:
        return (f"Texts are read as {spoken}; load with language=... for texts of another language.",)
    codes = {token for token in tokeniser.get_added_vocab() if token[:1].isalpha()}
    if language not in codes:
        near = did_you_mean(language, codes)
        some = ", ".join(sorted(codes)[:5])
        raise BadInputError(
            f"The tokeniser knows no language {language!r}.{near} It knows {len(codes)}: {some} ..."
        )
    tokeniser.src_lang = language  # its setter writes the code into what it adds to a text
    return (f"Texts are read as {language}.",)


def write_in(module: Any, tokeniser: Any, language: str | None) -> tuple[str, ...]:
    """Let a model of transformers begin what it writes with the mark of a language; a note on which.

    The mark is the decoder's start, or, where the model is told its first token (mBART, M2M, NLLB), that one.
    It is written into the model's own `generation_config`, which is this load's alone.

    Args:
        module: the model. tokeniser: its own, or None.
        language: "zh", where the vocabulary has the mark "zh", "<zh>" or "__zh__"; None leaves the model's.

    Raises:
        BadInputError: its vocabulary has no such mark.
    """
    if language is None:
        return ()
    marks = {} if tokeniser is None else {**tokeniser.get_added_vocab()}
    codes = {mark.strip("<>_"): token for mark, token in marks.items()}
    if language not in codes:
        other = {getattr(tokeniser, f"{name}_token_id", None) for name in ("pad", "eos", "unk", "mask")}
        known = sorted(code for code, token in codes.items() if 2 <= len(code) <= 8 and token not in other)
        near = did_you_mean(language, known)
        some = f" Its marks: {', '.join(known[:8])}." if known else ""
        raise BadInputError(
            f"language={language!r} was given, but this model has no mark of that language to begin with."
            f"{near}{some} Leave it out, or ask in that language."
        )
    settings = module.generation_config
    first = "forced_bos_token_id" if hasattr(tokeniser, "src_lang") else "decoder_start_token_id"
    setattr(settings, first, codes[language])
    return (f"It writes in {language!r}.",)
