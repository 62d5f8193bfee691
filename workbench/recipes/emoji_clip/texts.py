"""What an emoji is called in English and Chinese: names, aliases, keywords, and templates round them."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from workbench.data.emoji_table import codepoints, emoji_rows, translations
from workbench.recipes.emoji_clip.art import Style, fetch
from workbench.recipes.emoji_clip.carried import told_in

__all__ = ["TEMPLATES", "Captions", "captions", "groups", "sample", "told", "vocabulary"]

CLDR = Style("cldr", "cldr-annotations-full@48.2.0", "Unicode-3.0", "svg")
CLDR_DERIVED = Style("cldr-derived", "cldr-annotations-derived-full@48.2.0", "Unicode-3.0", "svg")

TEMPLATES = {
    "en": (
        "a picture of {}",
        "a picture of a {}",
        "an image of a {}",
        "a drawing of a {}",
        "a drawing of {}",
        "an emoji of a {}",
        "the {} symbol",
        "the {} emoji",
        "a {}",
        "the {}",
        "this is a {}",
        "a photo of a {}",
    ),
    "zh": ("一张{}的图片", "{}的图片", "一个{}", "{}的表情", "这是{}", "画的是{}", "{}图标"),
}
ENGLISH = 0.55  # share of the captions
NAME_BELOW = 0.75  # of a draw in 0..1: below it the word is the name itself, above it another word
BARE_BELOW, BARE_AGAIN = 0.45, 0.88  # of the same draw: between them the word stands in a template
_SHARED_BY_FEW = 4  # a keyword of more emoji than this says too little about any of them


@dataclass(frozen=True)
class Captions:
    """All that one emoji is called in one language; the first is its name."""

    name: str
    others: tuple[str, ...]


def captions(work: Path) -> dict[str, dict[str, Captions]]:
    """language -> join key -> captions of every base emoji."""
    carried = told_in(work)
    if carried is None:
        return {language: _language(language, work) for language in ("en", "zh")}
    return {
        language: {key: Captions(name, tuple(others)) for key, (name, *others) in words.items()}
        for language, words in carried["words"].items()
    }


def groups(work: Path) -> dict[str, str]:
    """Join key -> group of every base emoji, in Unicode's order."""
    carried = told_in(work)
    return {row.hexcode: row.group for row in emoji_rows()} if carried is None else carried["groups"]


def told(work: Path) -> dict[str, dict]:
    """Groups and words in the form that is carried to another machine."""
    words = {
        language: {key: [one.name, *one.others] for key, one in known.items()}
        for language, known in captions(work).items()
    }
    return {"groups": groups(work), "words": words}


def sample(chance: random.Random, known: Captions, language: str) -> str:
    """One caption: mostly the bare name, else a name in a template, else another word for it."""
    kind = chance.random()
    word = known.name if kind < NAME_BELOW or not known.others else chance.choice(known.others)
    if kind < BARE_BELOW or kind > BARE_AGAIN:
        return word
    return chance.choice(TEMPLATES[language]).replace("{}", word)


def vocabulary(work: Path) -> list[str]:
    """Every text that may be met in training: what the tokeniser is learned from."""
    known = captions(work)
    texts = [
        text for language in known.values() for one in language.values() for text in (one.name, *one.others)
    ]
    return texts + [template.replace("{}", " ") for templates in TEMPLATES.values() for template in templates]


def _language(language: str, work: Path) -> dict[str, Captions]:
    names, annotated = translations(language), _annotations(language, work)
    words = {}
    for row in emoji_rows():
        extra = list(row.aliases) if language == "en" else []
        words[row.hexcode] = [*extra, *annotated.get(row.hexcode, ())]
    used = Counter(word for listed in words.values() for word in set(listed))
    found = {}
    for row in emoji_rows():
        name = names[row.hexcode]
        others = [
            word
            for word in dict.fromkeys(words[row.hexcode])
            if word != name and used[word] <= _SHARED_BY_FEW
        ]
        found[row.hexcode] = Captions(name, tuple(others))
    return found


def _annotations(language: str, work: Path) -> dict[str, list[str]]:
    """Join key -> CLDR's short name and keywords."""
    found: dict[str, list[str]] = {}
    for source, key in ((CLDR, "annotations"), (CLDR_DERIVED, "annotationsDerived")):
        path = fetch(source, work) / "package" / key / language / "annotations.json"
        for character, entry in json.loads(path.read_text("utf-8"))[key]["annotations"].items():
            found.setdefault(codepoints(character), []).extend(
                entry.get("tts", []) + entry.get("default", [])
            )
    return found
