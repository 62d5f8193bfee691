"""The shipped data: 1,914 emoji with their names in 14 languages and their nine groups."""

from __future__ import annotations

from pathlib import Path

from workbench.data.dataset_cards import card
from workbench.data.emoji_table import emoji_rows, translations
from workbench.data.pairs import Pairs, Source
from workbench.data.sources import FileSource

__all__ = ["load_emoji"]


def load_emoji(*, language: str = "en", skin_tones: bool = False) -> Pairs:
    """Emoji drawings with their names as texts and their groups as labels.

    Columns: character, hexcode, aliases (English), name_en, name_zh.

    Raises:
        BadInputError: `language` is none of those the names come in.
        UnavailableError: a package of the join is missing.
    """
    names, english, chinese = translations(language), translations("en"), translations("zh")
    rows = [row for row in emoji_rows(skin_tones=skin_tones) if row.hexcode in names]
    left_out = len(emoji_rows(skin_tones=skin_tones)) - len(rows)
    about = card("emoji")
    return Pairs(
        name="emoji",
        sources=tuple(file_source(row.picture) for row in rows),
        texts=tuple(names[row.hexcode] for row in rows),
        labels=tuple(row.group for row in rows),
        columns={
            "character": tuple(row.character for row in rows),
            "hexcode": tuple(row.hexcode for row in rows),
            "aliases": tuple(row.aliases for row in rows),
            "name_en": tuple(english[row.hexcode] for row in rows),
            "name_zh": tuple(chinese.get(row.hexcode, "") for row in rows),
        },
        credit=about.credit,
        licence=about.licence,
        notes=(f"{left_out} emoji have no name in {language!r} and are left out.",) if left_out else (),
        code=_code(language, skin_tones),
    )


def file_source(path: Path) -> Source:
    """A picture in a file; its key is a digest of the file's bytes."""
    return FileSource(path)


def _code(language: str, skin_tones: bool) -> str:
    options = [f"language={language!r}"] if language != "en" else []
    options += ["skin_tones=True"] if skin_tones else []
    return f"data.load({', '.join([repr('emoji'), *options])})"
