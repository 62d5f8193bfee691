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
        folder: what `save` was given.
        pairs: what was classified, to show pictures again; must be the same to the last text.
        model: what classified them, to name them by other words; must have the same weights.

    Returns:
        The `Ranking` as it was, number for number.

    Raises:
        BadInputError: nothing whole is there, or `pairs` or `model` are others.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import classify, open_ranking
        >>> folder = classify("emoji-clip", data.load("emoji")[:4], ["a face", "a dog"]).save("my-ranking")
        >>> open_ranking(folder).labels
        ('a face', 'a dog')
    """
    live = None if model is None else weakref.ref(as_encoder(model))
    found: Ranking = opened(folder, Ranking._form, Ranking, (Provenance,), pairs=pairs, live=live)
    return found


@verb
def open_retrieval(folder: str | Path, pairs: Pairs | None = None) -> Retrieval:
    """A retrieval that `retrieval.save(folder)` wrote.

    Args:
        folder: what `save` was given.
        pairs: what was searched, to show pictures again; must be the same to the last text.

    Returns:
        The `Retrieval` as it was, number for number.

    Raises:
        BadInputError: nothing whole is there, or `pairs` are others.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import open_retrieval, retrieve
        >>> folder = retrieve("emoji-clip", data.load("emoji")[:4], "a face").save("my-search")
        >>> open_retrieval(folder).query
        'a face'
    """
    found: Retrieval = opened(folder, Retrieval._form, Retrieval, (Provenance,), pairs=pairs)
    return found
