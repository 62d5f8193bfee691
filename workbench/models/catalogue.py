"""`available` and `card`: what ships, what is on this machine, what would be downloaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from workbench.calling import verb
from workbench.errors import UnknownNameError, did_you_mean
from workbench.formatting import html_table, human_bytes, one_line, plural
from workbench.models import hub
from workbench.models.base import ModelCard
from workbench.models.cards import CARDS, SHIPPED, WEIGHTS

__all__ = ["Catalogue", "available", "card"]

_HEADER = ("name", "family", "where", "size", "licence", "what it is")


class Catalogue(tuple[ModelCard, ...]):
    """Model cards, shown as a table; `.names` are what `models.load` takes."""

    __slots__ = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names alone."""
        return tuple(card.name for card in self)

    def __repr__(self) -> str:
        rows = [_HEADER, *(_row(card) for card in self)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER) - 1)]
        lines = [
            "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]])
            for row in rows
        ]
        return "\n".join([*lines, "", _others()])

    def _repr_html_(self) -> str:
        return html_table(f"{plural(len(self), 'model')}. {_others()}", _HEADER, map(_row, self))


@verb
def available() -> Catalogue:
    """The models that ship, those on this machine, and the curated ones that would be downloaded.

    Looks at folders only; the network is never asked.

    Returns:
        A `Catalogue` of `ModelCard`s, shipped ones first.

    Example:
        >>> from workbench import models
        >>> "emoji-clip" in models.available().names
        True
    """
    here = hub.stored()
    shipped = [_measured(card) for card in SHIPPED if (WEIGHTS / card.name).is_dir()]
    curated = [_placed(card, here) for card in CARDS[len(SHIPPED) :]]
    curated.sort(key=lambda card: card.source == "would be downloaded")  # stable: the table's order within
    listed = {_repo(card) for card in curated}
    more = [
        ModelCard(f"hf:{repo}", "unknown", "unknown", "on this machine", size / 1e6)
        for repo, size in sorted(here.items())
        if repo not in listed
    ]
    return Catalogue([*shipped, *curated, *more])


@verb
def card(name: str) -> ModelCard:
    """The row of one model.

    Args:
        name: as `available` lists it.

    Returns:
        Its `ModelCard`; of a model that does not ship, what only loading can tell, such as `.image_size`, is
        None.

    Raises:
        UnknownNameError: not in the list; the message gives the nearest names.

    Example:
        >>> from workbench import models
        >>> models.card("photo-lite").library
        'joined'
    """
    rows = available()
    for row in rows:
        if row.name == name:
            return row
    near = did_you_mean(name, rows.names)
    raise UnknownNameError(f"There is no card for {name!r}.{near} models.available() lists all; {_others()}")


def _placed(row: ModelCard, here: dict[str, int]) -> ModelCard:
    size = here.get(_repo(row))
    return row if size is None else replace(row, source="on this machine", size_mb=size / 1e6)


def _repo(row: ModelCard) -> str:
    """The repository that holds a curated model."""
    library, _, rest = row.name.partition(":")
    if library == "hf":
        return rest
    import open_clip

    architecture, _, tag = rest.partition("/")
    return open_clip.get_pretrained_cfg(architecture, tag).get("hf_hub", "").rstrip("/")


def _measured(row: ModelCard) -> ModelCard:
    folder = Path(WEIGHTS / row.name)
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) / 1e6
    if row.library == "joined":
        from workbench.models.adapters.joined.places import INSTALL, missing_packages

        if missing_packages(folder / "joined_config.json"):
            return replace(row, size_mb=size, source="not installed", summary=f"{INSTALL}; {row.summary}")
    return replace(row, size_mb=size)


def _row(card: ModelCard) -> tuple[str, ...]:
    size = "unknown" if card.size_mb is None else human_bytes(card.size_mb * 1e6)
    return (card.name, card.family, card.source, size, card.licence, one_line(card.summary, most=90))


def _others() -> str:
    import open_clip

    count = len(open_clip.list_pretrained())
    return (
        f"Every one of open_clip's {count} tags (open_clip.list_pretrained()) loads as 'open_clip:ARCH/TAG', "
        "and every model of the families above as 'hf:ORG/NAME' or from a folder."
    )
