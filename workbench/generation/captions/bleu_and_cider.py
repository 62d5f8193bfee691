"""BLEU and CIDEr-D from counts of n-grams, as their papers have them. NumPy and the standard library only."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LONGEST", "bleu", "cider_d", "document_frequency", "has_characters", "tokens_of"]

LONGEST = 4  # n-grams of one to so many tokens
_WIDTH = 6.0  # sigma of CIDEr-D's penalty on a difference of lengths, in tokens
_CHARACTER = "\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff"  # Han and kana: scripts written without spaces
_TOKEN = re.compile(rf"[{_CHARACTER}]|[^\W_{_CHARACTER}]+(?:['’][^\W_{_CHARACTER}]+)*")

Tokens = Sequence[str]
Counts = Counter[tuple[str, ...]]


def tokens_of(text: str) -> list[str]:
    """Words in lower case without punctuation; each Han or kana character is a token of its own."""
    return [found.lower() for found in _TOKEN.findall(text)]


def has_characters(text: str) -> bool:
    """Whether something in it is scored by characters."""
    return re.search(f"[{_CHARACTER}]", text) is not None


def bleu(texts: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> list[float]:
    """BLEU-1 to BLEU-4 of a corpus; NaN where no text is long enough to have such an n-gram.

    Clipped counts and lengths are summed over the corpus first. The effective reference is the nearest in
    length, of two equally near the shorter. Nothing is smoothed: where no 4-gram agrees, BLEU-4 is 0.

    Source: Papineni et al. 2002, "BLEU: a method for automatic evaluation of machine translation", 2.3.
    """
    clipped, said = np.zeros(LONGEST), np.zeros(LONGEST)
    length = wanted = 0
    for text, group in zip(texts, references, strict=True):
        length += len(text)
        wanted += min((len(one) for one in group), key=lambda own: (abs(own - len(text)), own))
        for n in range(1, LONGEST + 1):
            most: Counts = Counter()
            for one in group:
                most |= _ngrams(one, n)
            counts = _ngrams(text, n)
            clipped[n - 1] += (counts & most).total()
            said[n - 1] += counts.total()
    brevity = 1.0 if length >= wanted else math.exp(1 - wanted / length) if length else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(clipped / said)
    return [brevity * float(np.exp(logs[:n].mean())) for n in range(1, LONGEST + 1)]


def document_frequency(references: Sequence[Sequence[Tokens]]) -> Counts:
    """How many pictures have an n-gram in any of their references, for each n-gram up to the longest."""
    seen: Counts = Counter()
    for group in references:
        seen.update({gram for one in group for n in range(1, LONGEST + 1) for gram in _ngrams(one, n)})
    return seen


def cider_d(
    texts: Sequence[Tokens], references: Sequence[Sequence[Tokens]], frequency: Counts, pictures: int
) -> NDArray[np.float64]:
    """CIDEr-D of each text, 0 to 10; `frequency` and `pictures` are of the set that the idf is taken from.

    A vector for each n: counts times ln(pictures / max(1, frequency)). The text's is clipped to the
    reference's in the product, and a Gaussian of width 6 punishes another length. Mean over references and n.

    Source: Vedantam et al. 2015, "CIDEr: consensus-based image description evaluation", section 6.
    """
    scores = np.zeros(len(texts))
    for place, (text, group) in enumerate(zip(texts, references, strict=True)):
        for n in range(1, LONGEST + 1):
            own = _weighted(_ngrams(text, n), frequency, pictures)
            for one in group:
                other = _weighted(_ngrams(one, n), frequency, pictures)
                gap = math.exp(-((len(text) - len(one)) ** 2) / (2 * _WIDTH**2))
                scores[place] += gap * _alike(own, other) / len(group)
    return 10 * scores / LONGEST


def _alike(own: dict[tuple[str, ...], float], other: dict[tuple[str, ...], float]) -> float:
    """Clipped product over the product of lengths; 0 where one of them is empty."""
    lengths = math.hypot(*own.values()) * math.hypot(*other.values())
    product = sum(min(weight, other[gram]) * other[gram] for gram, weight in own.items() if gram in other)
    return product / lengths if lengths else 0.0


def _weighted(counts: Counts, frequency: Counts, pictures: int) -> dict[tuple[str, ...], float]:
    return {gram: n * math.log(pictures / max(1, frequency[gram])) for gram, n in counts.items()}


def _ngrams(tokens: Tokens, n: int) -> Counts:
    return Counter(tuple(tokens[k : k + n]) for k in range(len(tokens) - n + 1))
