"""What a caption of a drawn scene says: the things it names and the relations it states, whoever wrote it.

The words are those of the data's own grammar; English and Chinese are read by one pattern. Reading is
forgiving: a thing may go without its size, articles may be missing. What no rule takes is kept as the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from workbench.data.scene_language import RELATIONS, Language, name_of, sentence, word_of
from workbench.data.scenes import COLOURS, SHAPES, SIZES, Thing

__all__ = ["Named", "Reading", "Stated", "read"]

_KINDS = {"size": tuple(SIZES), "colour": tuple(COLOURS), "shape": SHAPES, "relation": RELATIONS}
_TAIL = "的"  # a Chinese size carries it: 小的
# Words that say nothing of a thing.
_SILENT = {
    "en": ("a", "an", "the", "and", "there", "is", "are", "picture", "of"),
    "zh": ("一个", "在", "的", "和", "有"),
}
_MARKS = ",.;，。；、"


@dataclass(frozen=True)
class Named:
    """A thing as it is named; None for what is not said. Characters `start` to `end` of the text."""

    size: str | None
    colour: str | None
    shape: str
    start: int
    end: int

    @property
    def attributes(self) -> dict[str, str]:
        """Those that are said."""
        said = {"size": self.size, "colour": self.colour, "shape": self.shape}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True)
class Stated:
    """`first` stands in `relation` to `second`: places in the list of what is named."""

    relation: str
    first: int
    second: int


@dataclass
class Reading:
    """A caption taken apart; `rest` is what no rule took, in pieces, in its order."""

    named: list[Named] = field(default_factory=list)
    stated: list[Stated] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    well_formed: bool = False


@dataclass(frozen=True)
class _Word:
    kind: str  # "size", "colour", "shape", "relation"; "" where nothing is known
    value: str
    language: str
    start: int
    end: int


def read(text: str) -> Reading:
    """`text` taken apart; `well_formed` says that the data's grammar would write just this."""
    found, waiting = Reading(), list[_Word]()
    pending: _Word | None = None
    for word in _words(text):
        if word.kind == "shape":
            found.named.append(_closed(word, waiting))
            waiting = []
            if pending is not None:
                last = len(found.named) - 1
                found.stated.append(Stated(pending.value, last - 1, last))
                pending = None
            continue
        if word.kind in ("size", "colour"):
            if any(held.kind == word.kind for held in waiting):  # "small small": the first belongs to nothing
                found.rest += [text[held.start : held.end] for held in waiting]
                waiting = []
            waiting.append(word)
            continue
        found.rest += [text[held.start : held.end] for held in waiting]
        waiting = []
        if word.kind == "relation" and word.language == "zh" and len(found.named) > 1:
            last = len(found.named) - 1  # A 在 B 的左边: it stands behind both
            found.stated.append(Stated(word.value, last - 1, last))
        elif word.kind == "relation" and word.language == "en" and found.named and pending is None:
            pending = word
        else:
            found.rest.append(text[word.start : word.end])
    left = [*([pending] if pending else []), *waiting]
    found.rest += [text[held.start : held.end] for held in left]
    found.well_formed = bool(found.named) and text.strip() in _rewritten(found)
    return found


def _closed(shape: _Word, waiting: list[_Word]) -> Named:
    said = {word.kind: word.value for word in waiting}
    start = waiting[0].start if waiting else shape.start
    return Named(said.get("size"), said.get("colour"), shape.value, start, shape.end)


def _rewritten(found: Reading) -> list[str]:
    """What the grammar would write for all that was read, in both languages."""
    if found.rest or len(found.stated) > 1 or (found.stated and len(found.named) != 2):
        return []
    if any(len(thing.attributes) < 3 for thing in found.named):
        return []
    relation = found.stated[0].relation if found.stated else None
    tongues: tuple[Language, ...] = ("en", "zh")
    return [sentence([_name(thing, tongue) for thing in found.named], relation, tongue) for tongue in tongues]


def _name(named: Named, language: Language) -> str:
    return name_of(Thing(named.shape, named.colour or "", named.size or "", 0.0, 0.0), language)


def _words(text: str) -> list[_Word]:
    """Words of a kind in their order, and one of no kind for each stretch that is in no vocabulary."""
    pattern, meaning = _lexicon()
    words, place = [], 0
    for match in pattern.finditer(text):
        words += _unknown(text, place, match.start())
        kind, value, language = meaning[" ".join(match[0].lower().split())]
        if kind:
            words.append(_Word(kind, value, language, match.start(), match.end()))
        place = match.end()
    return words + _unknown(text, place, len(text))


def _unknown(text: str, start: int, end: int) -> list[_Word]:
    gap = text[start:end]
    if not gap.strip():
        return []
    start += len(gap) - len(gap.lstrip())
    return [_Word("", "", "", start, start + len(gap.strip()))]


@lru_cache(maxsize=1)
def _lexicon() -> tuple[re.Pattern[str], dict[str, tuple[str, str, str]]]:
    """A pattern of every known word, longest first, and what each means: kind, term, language."""
    meaning: dict[str, tuple[str, str, str]] = {mark: ("", "", "") for mark in _MARKS}
    tongues: tuple[Language, ...] = ("en", "zh")
    for tongue in tongues:
        meaning |= {word: ("", "", tongue) for word in _SILENT[tongue]}
        for kind, terms in _KINDS.items():
            for term in terms:
                word = word_of(term, tongue)
                meaning[word] = (kind, term, tongue)
                if kind == "size" and tongue == "zh":
                    meaning[word + _TAIL] = (kind, term, tongue)
    parts = [_pattern(word) for word in sorted(meaning, key=len, reverse=True)]
    return re.compile("|".join(parts), re.IGNORECASE), meaning


def _pattern(word: str) -> str:
    """Chinese is written without spaces; an English word is not found inside a longer one."""
    spaced = r"\s+".join(map(re.escape, word.split()))
    return rf"\b{spaced}\b" if word.isascii() and word[0].isalpha() else spaced
