"""Maps that were saved, opened again."""

from __future__ import annotations

import weakref
from pathlib import Path

from workbench.calling import verb
from workbench.data import Pairs
from workbench.keeping import opened
from workbench.models.given import Named, as_encoder
from workbench.projection.layer_maps import LayerMaps
from workbench.projection.neighbour_graph import Neighbours
from workbench.projection.point_quality import Stability
from workbench.projection.procrustes import Alignment
from workbench.projection.projection_result import Projection
from workbench.results import Embeddings, Provenance

__all__ = ["open_alignment", "open_layers", "open_projection"]

_PARTS = (Neighbours, Embeddings, Provenance, Stability)


@verb
def open_projection(
    folder: str | Path, pairs: Pairs | None = None, *, model: Named | None = None
) -> Projection:
    """A map that `projection.save(folder)` wrote: no neighbour is searched and no point moves.

    Args:
        folder: what `save` was given.
        pairs: what is on it, to show pictures again; must be the same to the last text.
        model: what embedded them, to search the map by words; must have the same weights.

    Returns:
        The `Projection` as it was, number for number.

    Raises:
        BadInputError: nothing whole is there, or `pairs` or `model` are others.

    Example:
        >>> from workbench.projection import Projection, open_projection
        >>> folder = Projection.from_points([[0, 0], [1, 0], [0, 1], [1, 1]]).save("my-map")
        >>> open_projection(folder).points.shape
        (4, 2)
    """
    live = None if model is None else weakref.ref(as_encoder(model))
    found: Projection = opened(folder, Projection._form, Projection, _PARTS, pairs=pairs, live=live)
    return found


@verb
def open_layers(folder: str | Path, pairs: Pairs | None = None) -> LayerMaps:
    """Maps of layers that `layers.save(folder)` wrote.

    Args:
        folder: what `save` was given.
        pairs: what is on them, to show pictures again; must be the same to the last text.

    Returns:
        The `LayerMaps` as they were, number for number.

    Raises:
        BadInputError: nothing whole is there, or `pairs` are others.

    Example:
        >>> from workbench.projection import LayerMaps, Projection, open_layers
        >>> square = Projection.from_points([[0, 0], [1, 0], [0, 1], [1, 1]])
        >>> open_layers(LayerMaps((square, square), ("image 1 of 2", "image 2 of 2")).save("layers")).names
        ('image 1 of 2', 'image 2 of 2')
    """
    found: LayerMaps = opened(folder, LayerMaps._form, LayerMaps, (Projection, *_PARTS), pairs=pairs)
    return found


@verb
def open_alignment(folder: str | Path, pairs: Pairs | None = None) -> Alignment:
    """Two maps laid on each other, as `align(...).save(folder)` wrote them.

    Args:
        folder: what `save` was given.
        pairs: what is on both, to show pictures again; must be the same to the last text.

    Returns:
        The `Alignment` as it was, number for number.

    Raises:
        BadInputError: nothing whole is there, or `pairs` are others.

    Example:
        >>> from workbench.projection import Projection, align, open_alignment
        >>> square = Projection.from_points([[0, 0], [1, 0], [0, 1], [1, 1]])
        >>> open_alignment(align(square, square).save("two-maps")).moved.shape
        (4, 2)
    """
    found: Alignment = opened(folder, Alignment._form, Alignment, (Projection, *_PARTS), pairs=pairs)
    return found
