"""The language that a tokeniser of many languages says a text to be in: NLLB's, M2M's and mBART's."""

from __future__ import annotations

from typing import Any

from workbench.errors import BadInputError, did_you_mean

__all__ = ["speak"]


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
