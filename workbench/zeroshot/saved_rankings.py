"""Rankings that were saved, opened again."""

from __future__ import annotations

import weakref
from pathlib import Path

from workbench.calling import verb
from workbench.data.pairs import Pairs
from workbench.keeping import opened
from workbench.models.given import Named, as_encoder
from workbench.results import Provenance, Ranking, Retrieval

__all__ = ["open_ranking", "open_retrieval"]


@verb
def open_ranking(folder: str | Path, pairs: Pairs | None = None, *, model: Named | None = None) -> Ranking:
    """A ranking that `ranking.save(folder)` wrote; it can be scored again (`rescore`) as before.

    Args:
        pairs: what was classified, to show pictures again; must be the same to the last text.
        model: what classified them, to name them by other words; must have the same weights.

    Raises:
        BadInputError: nothing whole is there, or `pairs` or `model` are others.
    """
    live = None if model is None else weakref.ref(as_encoder(model))
    found: Ranking = opened(folder, Ranking._form, Ranking, (Provenance,), pairs=pairs, live=live)
    return found


@verb
def open_retrieval(folder: str | Path, pairs: Pairs | None = None) -> Retrieval:
    """A retrieval that `retrieval.save(folder)` wrote.

    Args:
        pairs: what was searched, to show pictures again; must be the same to the last text.

    Raises:
        BadInputError: nothing whole is there, or `pairs` are others.
    """
    found: Retrieval = opened(folder, Retrieval._form, Retrieval, (Provenance,), pairs=pairs)
    return found
