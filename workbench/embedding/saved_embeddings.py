"""Vectors that were saved, opened again."""

from __future__ import annotations

import weakref
from pathlib import Path

from workbench.calling import verb
from workbench.data.pairs import Pairs
from workbench.keeping import opened
from workbench.models.given import Named, as_encoder
from workbench.results import Embeddings, Provenance

__all__ = ["open_embeddings"]


@verb
def open_embeddings(
    folder: str | Path, pairs: Pairs | None = None, *, model: Named | None = None
) -> Embeddings:
    """Vectors that `embeddings.save(folder)` wrote.

    Args:
        folder: what `save` was given.
        pairs: what was embedded, to show pictures again; must be the same to the last text.
        model: what embedded them, to ask it again; must have the same weights.

    Returns:
        The `Embeddings` as they were, number for number.

    Raises:
        BadInputError: nothing whole is there, or `pairs` or `model` are others.

    Example:
        >>> from workbench.embedding import open_embeddings
        >>> from workbench.results import Embeddings
        >>> folder = Embeddings.from_array([[1.0, 0.0], [0.0, 1.0]]).save("two-vectors")
        >>> open_embeddings(folder).image.shape
        (2, 2)
    """
    live = None if model is None else weakref.ref(as_encoder(model))
    found: Embeddings = opened(folder, Embeddings._form, Embeddings, (Provenance,), pairs=pairs, live=live)
    return found
