"""Which words a text tower cannot tell from one another: a Chinese label on an English tower, say.

A vocabulary of whole words or word pieces has one token for everything it does not hold. Two labels
made of that token alone have the same vector, so that no score between them means anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.calling import verb
from workbench.formatting import one_line, plural
from workbench.models.base import DualEncoder
from workbench.models.cleaning import made_plain
from workbench.models.given import Named, as_encoder
from workbench.values import as_sentences

__all__ = ["unread_note", "unread_words", "web_note"]

_IN_NO_VOCABULARY = "⸘ 𓀀 🜚"  # an old question mark, a hieroglyph, a sign of the alchemists


@verb
def unread_words(model: Named, texts: str | Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """For each text, its words that the model reads as its one unknown token; () where it reads all.

    A vocabulary that spells rare words out in letters or bytes has no such token: nothing is found there,
    which does not mean that such a word was ever learned.

    Args:
        model: a loaded model, or a name that `models.load` takes.
        texts: one, or several.

    Returns:
        One tuple of words a text.

    Raises:
        BadInputError: what is no text: bytes, numbers, gaps.

    Example:
        >>> from workbench import models
        >>> from workbench.zeroshot import unread_words
        >>> unread_words(models.load("shapes-clip"), ["a red square", "a red cat"])
        ((), ('cat',))
    """
    model, texts = as_encoder(model), as_sentences(texts)
    if not model.tokens(_IN_NO_VOCABULARY).unknown:
        return ((),) * len(texts)  # it spells rare words out; there is nothing to look for in thousands
    return tuple(_unread(model, text) for text in texts)


def unread_note(labels: Sequence[str], unread: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """One sentence if a label holds unknown words; else nothing."""
    marked = [label for label, words in zip(labels, unread, strict=True) if words]
    if not marked:
        return ()
    known = len(labels) - len(marked)
    is_or_are = "is" if known == 1 else "are"
    return (
        f"{known:,} of {plural(len(labels), 'label')} {is_or_are} made of words this model's "
        f"text tower knows; it reads every unknown word alike, first in {one_line(marked[0], most=40)!r}.",
    )


def web_note(model: DualEncoder, texts: Sequence[str]) -> tuple[str, ...]:
    """One sentence if texts hold what web pages put into them: curly quotes, entities, full-width letters.

    CLIP was trained on texts that were freed of these. Where the model's library does not do so, the same
    weights in open_clip read another text.
    """
    how = getattr(model, "web_text", "")
    found = [(text, made_plain(text)) for text in texts if how]
    changed = [(text, plain) for text, plain in found if plain != " ".join(text.split())]
    if not changed:
        return ()
    first, plain = (repr(one_line(part, most=40)) for part in changed[0])
    count = f"{plural(len(changed), 'text')} with characters of web pages (quotes, entities, wide letters)"
    if how == "made plain":
        return (f"{count} read as this model was trained to, in plain ones: {first} as {plain}.",)
    return (
        f"{count} read as they stand, as this model's library does; open_clip would read {first} as {plain} "
        "with the same weights.",
    )


def _unread(model: DualEncoder, text: str) -> tuple[str, ...]:
    if not model.tokens(text).unknown:
        return ()
    words = text.split()
    return tuple(dict.fromkeys(word for word in words if model.tokens(word).unknown)) or (text,)
