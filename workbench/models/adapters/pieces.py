"""Tokens as readable strings, whatever the vocabulary's notation."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

from workbench.cache import digest
from workbench.models.base import TokenView

__all__ = [
    "holds",
    "readable",
    "readable_bytes",
    "readable_tokens",
    "token_view",
    "tokenised",
    "vocabulary_digest",
]

_tokenising = threading.RLock()


def token_view(tokeniser: Any, text: str, limit: int) -> TokenView:
    """How a transformers tokeniser cuts `text`, at most `limit` tokens, padding left out."""
    full = tokenised(tokeniser, text, padding=False, truncation=False, verbose=False)["input_ids"]
    kept = tokenised(tokeniser, text, padding=False, truncation=True, max_length=limit)["input_ids"]
    return TokenView(readable_tokens(tokeniser, kept), limit, len(full) > limit, _unknown(tokeniser, kept))


def readable_tokens(tokeniser: Any, ids: Sequence[int]) -> tuple[str, ...]:
    """Each token by itself; of an id that the vocabulary does not hold, the number."""
    names = tokeniser.convert_ids_to_tokens([int(token) for token in ids])
    by_bytes = _by_bytes(tokeniser)
    special = set(tokeniser.all_special_tokens)
    return tuple(
        f"‹{token}›" if name is None else readable_bytes(name, special) if by_bytes else readable(name)
        for name, token in zip(names, ids, strict=True)
    )


def tokenised(tokeniser: Any, texts: Any = None, **options: Any) -> Any:
    """`tokeniser(texts, **options)`, one thread at a time; of a processor, with its options alone.

    A fast tokeniser keeps padding and truncation as settings of its own: two threads that ask for others
    would read each other's, or be refused ("Already borrowed").
    """
    with _tokenising:
        return tokeniser(**options) if texts is None else tokeniser(texts, **options)


def _by_bytes(tokeniser: Any) -> bool:
    """Only byte-level vocabularies hold "Ġ", the byte of a space, or CLIP's end-of-word mark."""
    return any(holds(tokeniser, mark) for mark in ("Ġ", "a</w>"))


def holds(tokeniser: Any, piece: str) -> bool:
    """Asked this way, and not of `get_vocab()`, which copies the whole vocabulary each time."""
    place = tokeniser.convert_tokens_to_ids(piece)
    return place is not None and tokeniser.convert_ids_to_tokens(place) == piece


def _unknown(tokeniser: Any, ids: Sequence[int]) -> tuple[int, ...]:
    """Places of the unknown token, unless it has another office too (CLIP's is its end mark)."""
    backend = getattr(tokeniser, "backend_tokenizer", None)
    name = tokeniser.unk_token or getattr(getattr(backend, "model", None), "unk_token", None)
    unknown = None if name is None else tokeniser.convert_tokens_to_ids(name)
    others = {tokeniser.bos_token_id, tokeniser.eos_token_id, tokeniser.pad_token_id}
    if unknown is None or unknown in others:
        return ()
    return tuple(place for place, token in enumerate(ids) if token == unknown)


def vocabulary_digest(tokeniser: Any) -> str:
    """A digest of a transformers tokeniser: everything that decides which numbers a text becomes."""
    backend = getattr(tokeniser, "backend_tokenizer", None)
    rules = backend.to_str() if backend is not None else sorted(tokeniser.get_vocab().items())
    return digest(type(tokeniser).__name__, rules)


def readable(piece: str) -> str:
    """A WordPiece or SentencePiece token without its word mark: `▁cat` is `cat`, `##s` stays."""
    return piece.removesuffix("</w>").removeprefix("▁") or piece


def readable_bytes(piece: str, special: Iterable[str] = ()) -> str:
    """A token of a byte-level vocabulary: its text, or `‹E5 8C›` where it is a part of a character.

    Byte-level BPE writes each byte as one visible character (GPT-2's table). CLIP's vocabularies
    were learned on English, so a Chinese character often falls into two or three such parts.
    """
    if piece in set(special):
        return piece
    body = piece.removesuffix("</w>")
    table = _byte_of()
    if not all(letter in table for letter in body):
        return readable(piece)
    raw = bytes(table[letter] for letter in body)
    try:
        return raw.decode("utf-8").strip() or " "
    except UnicodeDecodeError:
        return "‹" + raw.hex(" ").upper() + "›"


def _byte_of() -> dict[str, int]:
    """The byte behind each character: printable Latin-1 stands for itself, the rest starts at U+0100."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(256 + i): byte for i, byte in enumerate(hidden)}
