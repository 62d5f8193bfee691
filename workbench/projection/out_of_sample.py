"""New vectors on a finished map: at once, by their true neighbours, and without moving a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import as_numbers, check_axes, unit
from workbench.calling import verb
from workbench.data.arrays import as_array, is_array
from workbench.data.pairs import Pairs
from workbench.data.pairs_input import as_pictures, is_picture
from workbench.devices import choose_device
from workbench.errors import BadInputError
from workbench.formatting import one_line
from workbench.models.given import as_encoder
from workbench.projection.modality_gap import MODALITIES, Metric
from workbench.projection.neighbour_search import nearest
from workbench.projection.projection_result import Placement, Projection
from workbench.projection.stopping import StoppedModel
from workbench.projection.umap.fuzzy_graph import apart, bandwidths, memberships
from workbench.results import OnEvent, ShouldStop

__all__ = ["EXACT_PRODUCTS", "among", "encoder_of", "place"]

EXACT_PRODUCTS = 2_000_000_000
"""Rows times queries up to which every fitted row is compared: a few seconds on two cores."""
_NEAR = 15


@verb
def place(
    projection: Projection,
    query: str | Sequence[str] | Any | ArrayLike,
    *,
    modality: str | None = None,
    near: str | None = None,
    model: Any | None = None,
    k: int = _NEAR,
) -> Placement:
    """Where a sentence, a picture or a vector belongs on the map, with its true neighbours.

    The place is the mean of the places of its `k` nearest fitted points, weighted as UMAP weights an
    edge. The neighbours are exact, found among all vectors and not on the map.

    Args:
        projection: a map.
        query: a sentence or several, a picture or several (Pillow's, paths, `Pairs`, arrays and tensors of
            three axes), or vectors (query x feature).
        modality: "text" or "image"; needed for vectors where the map holds both.
        near: place among the points of this modality only: a sentence among pictures.
        model: the model to encode with, or its name; None takes the one that made the map, if still held.
        k: neighbours to be placed by, 1 or more.

    Returns:
        A `Placement`: `.points` is query x 2, `.index` query x k.

    Raises:
        BadInputError: an empty sentence, vectors of another length, k below 1, no model to encode with.

    Example:
        >>> from workbench import data
        >>> from workbench.embedding import embed
        >>> from workbench.projection import place, project
        >>> projection = project(embed("emoji-clip", data.load("emoji")[:20]), method="pca")
        >>> place(projection, "a happy face", near="image", k=3).index.shape
        (1, 3)
    """
    if k < 1:
        raise BadInputError(f"k is {k}; expected at least 1 neighbour to be placed by.")
    vectors, kind, texts = _vectors(projection, query, modality, model)
    chosen = np.ones(len(projection), bool) if near is None else _only(projection, near)
    moved = projection.space.bring(vectors, kind)
    space = projection.space
    known = space.vectors if near is None else space.vectors[chosen]
    index, distance = nearest(known, moved, k=k, metric=space.metric)
    rows = np.flatnonzero(chosen)[index]
    points = among(
        space.vectors,
        projection.points,
        moved,
        metric=space.metric,
        fitted=projection.fitted & chosen,
        near=k,
    )
    return Placement(points, rows.astype(np.int32), distance, vectors, texts, kind)


def among(
    vectors: NDArray[np.float32],
    points: NDArray[np.float32],
    queries: NDArray[np.float32],
    *,
    metric: Metric = "cosine",
    fitted: NDArray[np.bool_] | None = None,
    near: int = _NEAR,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> NDArray[np.float32]:
    """query x 2: the weighted mean place of the nearest fitted rows; `metric` is that of the space.

    Where rows times queries are more than `EXACT_PRODUCTS`, the nearest are looked for in near cells only.

    Source: as UMAP's own transform starts a new point (umap-learn, "Transforming new data"), with the
    memberships that the graph of the fitted points has: full within the nearest distance.
    """
    everywhere = fitted is None or bool(np.all(fitted))
    known, places = (vectors, points) if everywhere else (vectors[fitted], points[fitted])
    if len(known) * len(queries) <= EXACT_PRODUCTS:
        index, distance = nearest(known, queries, k=near, metric=metric)
    else:
        middle = 0 if metric == "cosine" else known.mean(axis=0, dtype=np.float64)
        index, distance = _approximate(known - middle, queries - middle, near, on_event, should_stop)
    distance = apart(distance, metric)
    rho, sigma = bandwidths(distance)
    weight = memberships(distance, rho, sigma)
    weight /= weight.sum(axis=1, keepdims=True)
    return np.einsum("qk,qkd->qd", weight, places[index]).astype(np.float32)


def _approximate(
    known: NDArray[np.float32],
    queries: NDArray[np.float32],
    near: int,
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    import torch

    from workbench.projection.approximate_neighbours import among_cells

    where = choose_device(None)
    rows, asked = (torch.from_numpy(np.array(part, np.float32)).to(where) for part in (known, queries))
    index, distance, _ = among_cells(rows, asked, near, on_event=on_event, should_stop=should_stop)
    return index, distance


def _vectors(
    projection: Projection, query: Any, modality: str | None, model: Any | None
) -> tuple[NDArray[np.float32], str, tuple[str, ...]]:
    words = _words(query)
    if words:
        if not all(one.strip() for one in words):
            raise BadInputError("The sentence is empty. Type a word or a sentence to place it on the map.")
        return encoder_of(projection, model).encode_texts(words), "text", tuple(words)
    if _are_pictures(query):
        return encoder_of(projection, model).encode_images(as_pictures(query)), "image", ()
    space = projection.space
    try:
        vectors = np.atleast_2d(as_numbers(as_array(query) if is_array(query) else query))
    except (TypeError, ValueError) as problem:
        raise BadInputError(
            f"query is {one_line(repr(query))}, of type {type(query).__name__}; expected a sentence or "
            "several, a "
            "picture or several, or vectors (query x feature)."
        ) from problem
    vectors = vectors.astype(space.vectors.dtype)
    check_axes("vectors", vectors, "query feature", feature=space.vectors.shape[1])
    directions = space.metric == "cosine"
    if not np.isfinite(vectors).all() or (directions and not np.linalg.norm(vectors, axis=1).all()):
        raise BadInputError("A vector to be placed has length zero or values that are not numbers.")
    kind = modality or (projection.modalities[0] if len(projection.modalities) == 1 else None)
    if kind not in MODALITIES:
        raise BadInputError(
            f"modality is {modality!r}; this map holds pictures and texts, so say which of the two the "
            "vectors are: modality='image' or modality='text'."
        )
    return unit(vectors) if directions else vectors, kind, ()


def _words(query: Any) -> list[str]:
    """The sentences that a query is, or none: vectors and pictures are no words."""
    if isinstance(query, str):
        return [] if is_picture(query) else [query]
    if (
        query is None
        or is_picture(query)
        or not (isinstance(query, (list, tuple)) or hasattr(query, "tolist"))
    ):
        return []
    members = list(query) if isinstance(query, (list, tuple)) or getattr(query, "ndim", 2) == 1 else []
    said = all(isinstance(one, str) and not is_picture(one) for one in members)
    return [str(one) for one in members] if said else []


def _are_pictures(query: Any) -> bool:
    """One picture or several. Numbers in two axes are vectors, in three or four pictures."""
    if is_array(query):
        return getattr(query, "ndim", 0) > 2
    if isinstance(query, (list, tuple)):
        return bool(query) and all(map(_are_pictures, query))
    return isinstance(query, Pairs) or is_picture(query)


@verb
def encoder_of(projection: Projection, model: Any | None = None) -> Any:
    """What encodes into the space of a map: `model`, or the one that made it; stopped, for a map of a layer.

    Args:
        projection: a map of vectors that a model made.
        model: a loaded model, or a name that `models.load` takes; None takes the map's own.

    Returns:
        A `DualEncoder` whose vectors lie in that space.

    Raises:
        BadInputError: it is no longer held, or `model` has other weights.

    Example:
        >>> from workbench import data, models
        >>> from workbench.embedding import embed
        >>> from workbench.projection import encoder_of, project
        >>> model = models.load("emoji-clip")
        >>> encoder_of(project(embed(model, data.load("emoji")[:12]), method="pca")) is model
        True
    """
    known = projection.embeddings.provenance
    model = None if model is None else as_encoder(model)
    live = model if model is not None else projection.model
    if live is None:
        raise BadInputError(
            "The model that made this map is no longer held, so nothing new can be encoded. "
            "Load it again and pass it: show(projection, model=model), place(projection, query, model=model)."
        )
    blocks = known.parameters.get("blocks")
    if model is not None and blocks is not None:
        live = StoppedModel(model, tuple(blocks))
    if known.weights and live.weights_hash != known.weights:
        raise BadInputError(
            f"The map was drawn of vectors of {known.model!r}; {live.card.name!r} has other weights, and its "
            "vectors lie in another space."
        )
    return live


def _only(projection: Projection, modality: str) -> NDArray[np.bool_]:
    chosen = np.zeros(len(projection), bool)
    chosen[projection.rows(modality)] = True
    if not (chosen & projection.fitted).any():
        raise BadInputError(f"No {modality} has a place of its own on this map to be near to.")
    return chosen
