"""A `Leak`: how a comparison could be won without learning; and file names that carry the class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.formatting import plural

__all__ = ["Kind", "Leak", "cut_words", "named_by_file", "without_class"]

_WORD = re.compile(r"[\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af]|[^\W_]+", re.UNICODE)
_PIECE = re.compile(r"[^\W\d_]+|\d+")
_TELLING = 0.5  # of what a class is short of certainty, so much must a word of a file name make up


Kind = Literal["file names", "named class", "same pictures", "near duplicates", "same rows"]


@dataclass(frozen=True)
class Leak:
    """A way in which test rows could be answered without having learnt anything of new ones.

    Attributes:
        modality: which reads it.
        kind: "file names" that carry the class, texts with their "named class"; "same pictures", "near
            duplicates" or the "same rows" of another modality in train and in test.
        rows, of: test rows that it touches, of how many.
        right: share of those rows that the leak alone answers rightly.
        chance: share of the rows tested that are of the class most frequent in training.
        text: all of this as sentences, with what to do.
    """

    modality: str
    kind: Kind
    rows: int
    of: int
    right: float
    chance: float
    text: str

    def __str__(self) -> str:
        return self.text


def cut_words(text: str) -> tuple[str, ...]:
    """Words in small letters, without punctuation; a Chinese, Japanese or Korean character is a word."""
    return tuple(_WORD.findall(text.casefold()))


def named_by_file(sources: Sequence[Any], texts: Sequence[str]) -> NDArray[np.bool_]:
    """row: whether its text is the name of the picture's file, with or without ending and folders."""
    return np.array([_is_name(source, text) for source, text in zip(sources, texts, strict=True)], np.bool_)


def _is_name(source: Any, text: str) -> bool:
    path = getattr(source, "file_name", "")
    words = cut_words(text)
    if not path or not words:
        return False
    whole = cut_words(path)
    bare = cut_words(path.rpartition(".")[0]) or whole
    return any(held[-len(words) :] == words for held in (whole, bare))


@dataclass
class _Rule:
    """Which class each piece of a file name goes with, learnt on training rows: one piece decides."""

    of: dict[str, Counter[int]]
    classes: int
    usual: int
    base: float  # share of the most frequent class in training

    @classmethod
    def learnt(cls, pieces: Sequence[set[str]], labels: NDArray[np.int64], classes: int) -> _Rule:
        of: dict[str, Counter[int]] = {}
        for held, label in zip(pieces, labels.tolist(), strict=True):
            for piece in held:
                of.setdefault(piece, Counter())[label] += 1
        share = np.bincount(labels, minlength=classes) / max(1, len(labels))
        return cls(of, classes, int(share.argmax()), float(share.max()))

    def best(self, held: set[str]) -> str:
        return max(held & self.of.keys(), key=lambda piece: (self._sure(piece), piece), default="")

    def answer(self, held: set[str]) -> int:
        piece = self.best(held)
        return self.of[piece].most_common(1)[0][0] if piece else self.usual

    def _sure(self, piece: str) -> float:
        count = self.of[piece]
        return (count.most_common(1)[0][1] + 1) / (sum(count.values()) + self.classes)

    def telling(self) -> set[str]:
        """Pieces that stand in several training rows, nearly always beside one class."""
        least = self.base + _TELLING * (1 - self.base)
        count = {piece: sum(found.values()) for piece, found in self.of.items()}
        return {
            piece for piece, found in self.of.items()
            if count[piece] > 1 and found.most_common(1)[0][1] >= least * count[piece]
        }  # fmt: skip


def without_class(
    texts: Sequence[str],
    named: NDArray[np.bool_],
    labels: NDArray[np.int64],
    split: NDArray[np.uint8],
    classes: int,
) -> tuple[tuple[str, ...], Leak | None]:
    """Texts as a fusion may read them, and the leak if some of them were file names that carry the class.

    A rule of one word is learnt on the training rows whose text is a file name and tried on the test rows. If
    it is right more often than chance by a tenth, and by more than three standard errors, the words that
    tell the class are taken out; if the rule then still works, all of those texts are.

    Args:
        named: row; whether its text is a file name.
    """
    train, test = np.flatnonzero(named & (split == 0)), np.flatnonzero(named & (split == 2))
    if not len(train) or not len(test):
        return tuple(texts), None
    pieces = [set(_PIECE.findall(text.casefold())) if named[row] else set() for row, text in enumerate(texts)]
    rule = _learnt(pieces, labels, train, classes)
    right, base, wins = _tried(rule, pieces, labels, test)
    if not wins:
        return tuple(texts), None
    first = Counter(rule.best(pieces[row]) for row in test.tolist()).most_common(3)
    gone = rule.telling()
    left = [held - gone for held in pieces]
    bare = _tried(_learnt(left, labels, train, classes), left, labels, test)[2]
    kept = tuple(
        text if not named[row] or not (bare or pieces[row] & gone)
        else "" if bare
        else _PIECE.sub(lambda found: "" if found.group().casefold() in gone else found.group(), text)
        for row, text in enumerate(texts)
    )  # fmt: skip
    shown = ", ".join(repr(word) for word, _ in first if word)
    taken = (
        "The texts were left out"
        if bare
        else f"{plural(len(gone), 'such word was', 'such words were')} left out"
    )
    text = (
        f"text: the texts of {int(named.sum()):,} of {plural(len(named), 'row')} are names of picture files "
        f"and carry the class: one word of each ({shown}) answers {right:.0%} of {len(test):,} test rows "
        f"(chance {base:.0%}). {taken} before training, or every fusion that reads text would have read the "
        "answer. What is left of a file name is no caption: give captions, or compare what reads the picture "
        "alone (only-image)."
    )
    return kept, Leak("text", "file names", len(test), int((split == 2).sum()), right, base, text)


def _learnt(pieces: Sequence[set[str]], labels: NDArray[np.int64], rows: NDArray, classes: int) -> _Rule:
    return _Rule.learnt([pieces[row] for row in rows.tolist()], labels[rows], classes)


def _tried(
    rule: _Rule, pieces: Sequence[set[str]], labels: NDArray[np.int64], rows: NDArray
) -> tuple[float, float, bool]:
    """(share right, share of the class most frequent in training, whether that is no chance) over `rows`."""
    answers = np.array([rule.answer(pieces[row]) for row in rows.tolist()])
    right, base = float((answers == labels[rows]).mean()), float((labels[rows] == rule.usual).mean())
    least = max(0.1, 3 * float(np.sqrt(base * (1 - base) / len(rows))))
    return right, base, right > base and right >= min(base + least, 1.0)
