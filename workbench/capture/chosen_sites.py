"""Which sites a capture keeps, and which rows of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal

from workbench.attention.sites import Site, writing
from workbench.errors import BadInputError, UnknownNameError, did_you_mean
from workbench.formatting import plural
from workbench.values import as_sentences

__all__ = ["Rows", "chosen_sites", "rows_of"]

Rows = Literal["all", "pooled"]


def chosen_sites(
    known: Sequence[Site], asked: str | Iterable[str] | None, rows: Rows | Sequence[int] = "all"
) -> dict[str, Site]:
    """The sites asked for, by name, in the order of the forward pass; those alone that have the rows named.

    Raises:
        UnknownNameError: no site and no side has this name. BadInputError: none was asked for, or a row that
            the sequence does not have.
    """
    known = known if isinstance(rows, str) else _with_rows(known, rows)
    by_name = {site.name: site for site in known}
    if asked is None:
        return by_name
    found: dict[str, Site] = {}
    for name in as_sentences(asked, what="sites"):
        mine = {site.name: site for site in known if name in (site.name, site.path, site.query.side)}
        if not mine:
            raise UnknownNameError(
                f"There is no site {name!r}; this model has {_examples(by_name)}, and the sides "
                f"{', '.join(sorted({site.query.side for site in known}))}{did_you_mean(str(name), by_name)}"
            )
        found |= mine
    if not found:
        raise BadInputError("No site was asked for. Name at least one, or leave `sites` out to take all.")
    return {name: site for name, site in by_name.items() if name in found}


def _with_rows(known: Sequence[Site], rows: Sequence[int]) -> Sequence[Site]:
    """The sites of the sequence that the model writes into, which has these places."""
    found = writing(known)
    count = found[0].query.count if found else 0
    wrong = [row for row in rows if not 0 <= row < count]
    if wrong:
        raise BadInputError(
            f"rows names place {wrong[0]}; this model writes into a sequence of {plural(count, 'place')}, "
            "from 0. Name places of it, or take rows='all'."
        )
    return found


def _examples(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(islice(listed, 8)) + (f", … ({len(listed)} in all)" if len(listed) > 8 else "")


def rows_of(site: Site, rows: Rows | Sequence[int]) -> list[int] | None:
    """The rows of a site that are kept; None for all."""
    if not isinstance(rows, str):
        return list(rows)
    if rows == "all" or site.kind != "self":
        return None
    if site.query.pooled is not None:
        return [site.query.pooled]
    # The text's vector is read at its end, or from all; the end is what can be kept of one row.
    real = [place for place in range(site.query.count) if place not in site.query.padded]
    return [real[-1]] if site.query.side == "text" else None
