"""`project`: vectors to a map, with everything on record that says how the map came to be."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.projection.modality_gap import (
    MODALITIES,
    Metric,
    Mode,
    Space,
    check_vectors,
    metric_of,
    space_of,
)
from workbench.projection.neighbour_graph import WIDE, Neighbours, judged_note
from workbench.projection.neighbour_search import shared_neighbours
from workbench.projection.out_of_sample import among
from workbench.projection.procrustes import similarity
from workbench.projection.projection_result import Method, Projection, metric_note
from workbench.projection.reducer_interface import Drawn, Task
from workbench.projection.reducers import chosen_reducer, method_of
from workbench.projection.umap.fuzzy_graph import apart
from workbench.projection.validation import check_request
from workbench.results import Embeddings, OnEvent, Provenance, ShouldStop

__all__ = ["FIT_AT_MOST", "extend", "project"]

FIT_AT_MOST: dict[str, int] = {"umap": 200_000, "tsne": 20_000, "pca": 10_000_000}
"""Rows a layout is fitted on; above it a random sample is, and the rest is placed among it."""

_ALIKE = 1e-6  # of two unit vectors in float32: products leave no smaller distance
_NEARLY = 0.02  # of the map's width


@verb
def project(
    embeddings: Embeddings,
    *,
    method: Method = "umap",
    mode: Mode = "joint",
    metric: Metric | None = None,
    shift: float = 0.0,
    seed: int | None = None,
    neighbours: int = 15,
    min_dist: float = 0.1,
    epochs: int | None = None,
    reducer: str | None = None,
    start: Projection | None = None,
    fit_at_most: int | None = None,
    exact: bool | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Projection:
    """A map of every vector in two dimensions, with the true neighbours it is to be judged by.

    Distances across a UMAP or t-SNE map mean little, neighbourhoods mean more, and how much more is
    in `.quality`.

    Args:
        embeddings: vectors of pictures, of texts or of both; of `embed`, or `Embeddings.from_array`.
        method: "umap" keeps neighbourhoods, "tsne" keeps more of them and takes longer, "pca" keeps
            directions and invents nothing.
        mode: how pictures and texts share the map: "joint" as they are (two islands), "centred" each
            minus its own mean, "shifted" towards each other by `shift` of the gap (1 closes it),
            "image" or "text": the map of one, the other placed on it.
        metric: "euclidean" compares the vectors as given, "cosine" their directions. None compares
            directions where all vectors have length 1, as those of models have, else the vectors as given.
        shift: share of the gap that "shifted" closes.
        seed: the same seed gives the same map, however the vectors lay in memory; None draws one and
            records it.
        neighbours: a point and its nearest; small shows detail, large shows the lie of the land.
        min_dist: how near UMAP may put two points, in units of the map.
        epochs: rounds of the layout; None lets the reducer choose.
        reducer: "torch", "umap-learn" or "cuml" for UMAP; "openTSNE" or "scikit-learn" for t-SNE. None
            takes cuML where a GPU and cuML are there, else torch, on the GPU if there is one.
        start: an old map of the same rows to begin at and to be turned towards.
        fit_at_most: rows to fit on, the rest being placed; None takes `FIT_AT_MOST[method]`.
        exact: compare every pair for the neighbours; None decides by size, and says so.
        on_event, should_stop: hears each round that is done; asked before each.

    Returns:
        A `Projection`; its rows are those of `embeddings.vectors`.

    Raises:
        BadInputError: vectors that are NaN, or zero where directions count, unknown names, a mode that
            needs both modalities, a `start` with other rows.
        UnavailableError: a reducer that is not installed.
        Cancelled: `should_stop` returned true; nothing is kept but the neighbours.

    Source: McInnes et al. 2018 (UMAP); van der Maaten and Hinton 2008 (t-SNE).

    Example:
        >>> from workbench import data
        >>> from workbench.embedding import embed
        >>> from workbench.projection import project
        >>> projection = project(embed("emoji-clip", data.load("emoji")[:20]), seed=0)
        >>> projection.points.shape, projection.modalities  # pictures before texts
        ((40, 2), ('image', 'text'))
    """
    method = method_of(method)
    drawer, draw, remark = chosen_reducer(method, reducer)
    check_request(embeddings, neighbours, min_dist, epochs, fit_at_most, seed, start)
    by = metric_of(embeddings, metric)
    check_vectors(embeddings, by)
    chosen = secrets.randbelow(2**31) if seed is None else int(seed)
    space = space_of(embeddings, mode, shift, by)
    progress: dict[str, Any] = {"on_event": on_event, "should_stop": should_stop}
    graph = shared_neighbours(space.vectors, k=WIDE * neighbours, metric=by, exact=exact, **progress)
    most = FIT_AT_MOST[method] if fit_at_most is None else fit_at_most
    fitted = _fitted(embeddings, mode, most, chosen)
    own = _graph_of_fitted(graph, space, fitted, neighbours, **progress)
    first = None if start is None else start.points[fitted]
    task = Task(space.vectors[fitted], own, chosen, neighbours, min_dist, epochs, first, by, **progress)
    drawn = _trivial(task) or draw(task)
    points = _everywhere(drawn.points, space, fitted, neighbours, **progress)
    if start is not None:
        points = similarity(points, start.points).apply(points)
    asked = {"metric": by, "neighbours": neighbours, "min_dist": min_dist, "reducer": drawer}
    options = {**asked, "fit_at_most": most, "exact": exact, "shift": shift, **drawn.parameters}
    told = _notes(embeddings, graph, points, fitted, space, mode, neighbours)
    notes = (*told, *metric_note(metric, by), *drawn.notes, *remark)
    provenance = _provenance(embeddings, method, mode, options, chosen, notes)
    return Projection(
        points, graph, embeddings, method, drawn.reducer, mode, shift, options, chosen, fitted, provenance
    )


@verb
def extend(projection: Projection, more: Embeddings) -> Projection:
    """The map with more items on it. No old point moves: the new ones are placed among the fitted.

    Args:
        projection: the map as it is.
        more: vectors of the same model and the same modalities.

    Returns:
        A `Projection` of all; `.fitted` is False for the new rows.

    Raises:
        BadInputError: other modalities, another length of vectors, or vectors of another model.

    Example:
        >>> from workbench import data
        >>> from workbench.embedding import embed
        >>> from workbench.projection import extend, project
        >>> emoji = data.load("emoji")
        >>> projection = project(embed("emoji-clip", emoji[:12]), method="pca")
        >>> larger = extend(projection, embed("emoji-clip", emoji[12:16]))
        >>> len(projection), len(larger), int(larger.fitted.sum())  # pictures and texts
        (24, 32, 24)
    """
    old = projection.embeddings
    _check_alike(old, more)
    space = projection.space
    check_vectors(more, space.metric)
    joined = _joined(old, more)
    # The offsets of a moved space stay those of the old map: new items must not move them either.
    parts = []
    for name in MODALITIES:
        if getattr(old, name) is not None:
            rows = projection.rows(name)
            new = space.bring(getattr(more, name), name)
            placed = among(
                space.vectors, projection.points, new, metric=space.metric, fitted=projection.fitted
            )
            parts.append(
                (
                    np.concatenate([projection.points[rows], placed]),
                    np.concatenate([projection.fitted[rows], np.zeros(len(new), bool)]),
                    np.concatenate([space.vectors[rows], new]),
                )
            )
    points, fitted, vectors = (np.concatenate(column) for column in zip(*parts, strict=True))
    asked = int(projection.parameters.get("neighbours", projection.neighbours.k // WIDE))
    wide = max(1, WIDE * asked, projection.neighbours.k)
    graph = shared_neighbours(vectors, k=wide, metric=space.metric)
    note = f"{len(more):,} items were placed on a finished map; no point of it moved."
    provenance = replace(projection.provenance, notes=(*projection.notes, note, *_unknown(old, more)))
    return replace(
        projection,
        points=points,
        neighbours=graph,
        embeddings=joined,
        fitted=fitted,
        provenance=provenance,
        offset=projection.space.offset,
    )


def _unknown(old: Embeddings, more: Embeddings) -> tuple[str, ...]:
    """What is known of one of the two and not of the other."""
    notes = []
    for what in ("labels", "texts", "pairs"):
        known = [getattr(part, what) is not None and len(getattr(part, what)) > 0 for part in (old, more)]
        if known[0] != known[1]:
            which = "the new items" if known[0] else "the items of the old map"
            said = {"labels": "no labels", "texts": "no texts", "pairs": "no pictures, so none are shown"}[
                what
            ]
            notes.append(f"{which[0].upper()}{which[1:]} have {said}.")
    return tuple(notes)


def _fitted(embeddings: Embeddings, mode: Mode, most: int, seed: int) -> NDArray[np.bool_]:
    """row: whether the layout is fitted on it."""
    rows = len(embeddings.vectors)
    fitted = np.ones(rows, bool)
    if mode in MODALITIES:
        fitted[:] = False
        begin = len(embeddings) * MODALITIES.index(mode)
        fitted[begin : begin + len(embeddings)] = True
    extra = int(fitted.sum()) - max(2, most)
    if extra > 0:
        left_out = np.random.default_rng(seed).permutation(np.flatnonzero(fitted))[:extra]
        fitted[left_out] = False
    return fitted


def _graph_of_fitted(
    graph: Neighbours, space: Space, fitted: NDArray[np.bool_], near: int, **progress: Any
) -> Neighbours:
    """The graph of the rows that a layout is fitted on, with the distances it goes by."""
    own = graph
    if not fitted.all():
        own = shared_neighbours(space.vectors[fitted], k=near, metric=space.metric, **progress)
    return replace(own, distance=apart(own.distance, space.metric))


def _trivial(task: Task) -> Drawn | None:
    """Maps of fewer points than a layout needs: one in the middle, two apart, three by PCA."""
    rows = len(task.vectors)
    if rows > 3:
        return None
    points = np.zeros((rows, 2), np.float32)
    points[:, 0] = np.arange(rows) - (rows - 1) / 2
    note = f"{rows} point{'s' if rows > 1 else ''}: too few for a layout, set side by side."
    return Drawn(points, "side by side", {}, (note,))


def _everywhere(
    drawn: NDArray[np.float32],
    space: Space,
    fitted: NDArray[np.bool_],
    near: int,
    **progress: Any,
) -> NDArray[np.float32]:
    points = np.zeros((len(space.vectors), 2), np.float32)
    points[fitted] = drawn - drawn.mean(axis=0)
    if not fitted.all():
        new = space.vectors[~fitted]
        points[~fitted] = among(
            space.vectors, points, new, metric=space.metric, fitted=fitted, near=near, **progress
        )
    return points


def _notes(
    embeddings: Embeddings,
    graph: Neighbours,
    points: NDArray[np.float32],
    fitted: NDArray[np.bool_],
    space: Space,
    mode: Mode,
    near: int,
) -> tuple[str, ...]:
    notes: list[str] = []
    if not graph.exact:
        notes.append(
            f"Neighbours are approximate: {graph.recall:.1%} of the true ones were found "
            f"on {graph.recall_sample} rows."
        )
    if not fitted.all():
        notes.append(f"Fitted on {int(fitted.sum()):,} of {len(fitted):,} rows; the rest was placed.")
    if graph.k < near - 1:
        notes.append(f"Only {graph.k} neighbours a point: there are {len(graph)} points.")
    notes += judged_note(near, len(graph))
    if mode == "centred":
        again = ", scaled to unit length again" if space.is_scaled else ""
        notes.append(f"Each modality minus its own mean{again}.")
    notes += _twins(graph, points)
    if embeddings.provenance.verb in ("from_array", "embed_to"):
        notes += embeddings.provenance.notes  # texts or labels that were refused, pictures that were left out
    return tuple(notes)


def _twins(graph: Neighbours, points: NDArray[np.float32]) -> tuple[str, ...]:
    """How many rows are copies of others, and how far from these the map has put them: not always near."""
    if not graph.k:
        return ()
    same = graph.distance <= (_ALIKE if graph.distance.dtype == np.float32 else 0.0)
    rows = np.flatnonzero(same[:, 0])
    if not len(rows):
        return ()
    away = np.linalg.norm(points[graph.index[rows]] - points[rows, None], axis=2)
    width = float(np.ptp(points, axis=0).max())
    farthest = float(np.where(same[rows], away, 0).max()) / width if width > 0 else 0.0
    where = "lie nearly where they do"
    if farthest >= _NEARLY:
        where = f"lie up to {farthest:.0%} of the map's width away from them; what parts them is chance"
    return (f"{len(rows):,} rows are duplicates of others and {where}.",)


def _provenance(
    embeddings: Embeddings,
    method: str,
    mode: str,
    options: dict[str, Any],
    seed: int,
    notes: Sequence[str],
) -> Provenance:
    own = embeddings.provenance
    return Provenance(
        "project",
        own.model,
        own.weights,
        own.data,
        {"method": method, "mode": mode, **options},
        seed,
        tuple(notes),
    )


def _check_alike(old: Embeddings, more: Embeddings) -> None:
    for name in MODALITIES:
        if (getattr(old, name) is None) != (getattr(more, name) is None):
            raise BadInputError(f"One of the two has no {name} vectors; embed both in the same way.")
    if old.vectors.shape[1] != more.vectors.shape[1]:
        raise BadInputError(
            f"The map was drawn of vectors with {old.vectors.shape[1]} features, these have "
            f"{more.vectors.shape[1]}. Embed them with the same model."
        )
    known, new = old.provenance.weights, more.provenance.weights
    if known and new and known != new:
        raise BadInputError(
            f"The map was drawn of vectors of {old.provenance.model!r}, these come from "
            f"{more.provenance.model!r}. Vectors of two models do not share a space."
        )


def _joined(old: Embeddings, more: Embeddings) -> Embeddings:
    def both(name: str) -> Any:
        first, second = getattr(old, name), getattr(more, name)
        return None if first is None or second is None else np.concatenate([first, second])

    labels = None
    if old.labels is not None or more.labels is not None:  # what one of them knows is kept
        labels = (old.labels or ("",) * len(old)) + (more.labels or ("",) * len(more))
    texts: tuple[str, ...] = ()
    if old.texts or more.texts:
        texts = (old.texts or ("",) * len(old)) + (more.texts or ("",) * len(more))
    pairs = None if old.pairs is None or more.pairs is None else old.pairs + more.pairs
    return Embeddings(both("image"), both("text"), texts, labels, old.provenance, pairs, old.live)
