"""Text as CLIP was trained to read it: what a web page makes of a text is undone first.

OpenAI's CLIP and those of open_clip were trained on texts whose curly quotes, HTML entities, ligatures and
full-width letters had been made plain. open_clip does it when it cuts a text into tokens; transformers does
not.
"""

from __future__ import annotations

__all__ = ["made_plain"]


def made_plain(text: str) -> str:
    """The text with plain quotes and letters, entities resolved, and single spaces.

    Source: `basic_clean` and `whitespace_clean` of OpenAI's CLIP, by way of open_clip.

    Example:
        >>> made_plain("rock &amp; roll, a dog’s bed")
        "rock & roll, a dog's bed"
    """
    if text.isascii() and text.isprintable() and "&" not in text:
        return " ".join(text.split())  # nothing to undo; the libraries below take a second to import
    from open_clip.tokenizer import basic_clean, whitespace_clean

    return whitespace_clean(basic_clean(text))
