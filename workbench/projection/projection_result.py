"""`Projection`: a map of vectors, with the neighbour graph that says how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import as_numbers, check_axes, frozen
from workbench.errors import BadInputError
from workbench.formatting import html_table, plural
from workbench.keeping import Form, Kept
from workbench.portable import Portable
from workbench.projection.modality_gap import (
    MODALITIES,
    Metric,
    Mode,
    Space,
    check_vectors,
    metric_of,
    space_of,
)
from workbench.projection.neighbour_graph import WIDE, Neighbours, digits_kept, judged_note, most_judged
from workbench.results import Embeddings, Provenance

if TYPE_CHECKING:
    from workbench.projection.point_quality import PointQuality

__all__ = [
    "Method",
    "Placement",
    "Projection",
    "metric_note",
]

Method = Literal["umap", "pca", "tsne", "given"]


@dataclass(frozen=True, eq=False)
class Placement(Portable):
    """New vectors on an existing map, with their true neighbours. No point of the map moved.

    Shapes:
        points: query x 2
        vectors: query x feature, as the model gave them or as they were given
        index, distance: query x k, rows of the map, nearest first, as in `Neighbours`

    Attributes:
        texts: one a query where sentences were placed, else ().
        modality: "text" or "image", what the queries are.
    """

    points: NDArray[np.float32]
    index: NDArray[np.int32]
    distance: NDArray[np.float32]
    vectors: NDArray[np.float32]
    texts: tuple[str, ...] = ()
    modality: str = "text"

    def __post_init__(self) -> None:
        check_axes("points", self.points, "query xy", xy=2)
        object.__setattr__(self, "index", frozen(self.index, np.int32))
        for name in ("points", "distance", "vectors"):
            object.__setattr__(self, name, digits_kept(getattr(self, name)))

    @property
    def cosine(self) -> NDArray[np.float32]:
        """query x k: 1 - distance."""
        return 1 - self.distance

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Projection(Kept):
    """A map of every picture and text: where each lies, and which neighbours it truly has.

    A map invents neighbours and tears others apart; `.quality` says so for every point.

    Shapes:
        points: row x 2 float32, float64 where points made elsewhere were given so; the row order is that of
            `Embeddings.vectors`, pictures before texts
        modality: row uint8, an index into `MODALITIES` ("image", "text")
        item: row int32, which pair the row belongs to: `pairs[projection.item[row]]`
        fitted: row bool, False where a point was only placed among the others

    Attributes:
        neighbours: of the space the map was drawn from (`.space.vectors`).
        embeddings: the vectors as they were given, with their pairs.
        method: "umap", "pca", "tsne", or "given" for points made elsewhere.
        reducer: what drew it, to be shown with the map: "umap-learn 0.5.12", "torch UMAP".
        mode, shift: how two modalities were brought into one space; see `workbench.projection.project`.
        parameters, seed: the settings as they were chosen; the seed is None where nothing was drawn.
        provenance: where it comes from, with its notes.
        offset: modality x feature, of the space (see `Space`) where it is not the vectors' own: a map that
            was extended keeps the offset it was drawn with. Else None.
    """

    _form: ClassVar[Form] = Form("projection", "projection", "workbench.projection.open_projection")
    _remembered: ClassVar[Mapping[str, str]] = MappingProxyType({"_stability": "Stability"})

    points: NDArray[np.float32]
    neighbours: Neighbours
    embeddings: Embeddings
    method: Method = "given"
    reducer: str = "given"
    mode: Mode = "joint"
    shift: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    fitted: NDArray[np.bool_] = None  # type: ignore[assignment]  # all, once it is made
    provenance: Provenance = field(default_factory=lambda: Provenance("project"))
    offset: NDArray[np.float32] | None = field(default=None, repr=False)
    modality: NDArray[np.uint8] = field(init=False, repr=False)
    item: NDArray[np.int32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        modality, item = _rows(self.embeddings)
        rows = len(modality)
        check_axes("points", self.points, "item xy", item=rows, xy=2)
        if len(self.neighbours) != rows:
            raise BadInputError(f"neighbours has {len(self.neighbours)} rows; expected {rows}, one a point.")
        fitted = np.ones(rows, bool) if self.fitted is None else self.fitted
        check_axes("fitted", fitted, "item", item=rows)
        object.__setattr__(self, "points", digits_kept(self.points))
        if self.offset is not None:
            object.__setattr__(self, "offset", digits_kept(self.offset))
        object.__setattr__(self, "fitted", frozen(fitted, np.bool_))
        object.__setattr__(self, "modality", frozen(modality, np.uint8))
        object.__setattr__(self, "item", frozen(item, np.int32))

    @classmethod
    def from_points(
        cls,
        points: ArrayLike,
        *,
        vectors: ArrayLike | None = None,
        embeddings: Embeddings | None = None,
        texts: Sequence[str] = (),
        labels: Sequence[str] | None = None,
        k: int = 15,
        metric: Metric | None = None,
    ) -> Projection:
        """A map made elsewhere, with the vectors it was made of.

        Without `vectors` and `embeddings` the points stand for themselves, so that nothing can be
        said about their truth.

        Args:
            points: item x 2.
            vectors: item x feature, taken as they are given.
            embeddings: the same as `Embeddings`, with pictures, texts and labels.
            texts, labels: one an item.
            k: neighbours the map is judged by; fewer where that is half of the points or more.
            metric: "euclidean" judges by the vectors as given, "cosine" by their directions; None by the
                directions of unit vectors, and by all others as given.

        Raises:
            BadInputError: points and vectors of other numbers of rows, an unknown metric.
        """
        from workbench.projection.neighbour_search import shared_neighbours

        placed = as_numbers(points)
        check_axes("points", placed, "item xy", xy=2)
        if embeddings is None and vectors is not None:
            embeddings = Embeddings.from_array(vectors, texts=texts, labels=labels)
        elif embeddings is not None and (len(texts) or labels is not None):
            embeddings = replace(
                embeddings,
                texts=tuple(texts) or embeddings.texts,
                labels=embeddings.labels if labels is None else tuple(labels),
            )
        stand_in = embeddings is None
        if embeddings is None:
            kept = None if labels is None else tuple(labels)
            embeddings = Embeddings(placed, None, tuple(texts), kept, Provenance("from_points"))
        rows = len(embeddings.vectors)
        if len(placed) != rows:
            raise BadInputError(f"There are {len(placed):,} points and {rows:,} vectors; expected one each.")
        asked = metric_of(embeddings, metric)
        by = "euclidean" if stand_in else asked
        check_vectors(embeddings, by)
        space = space_of(embeddings, "joint", metric=by)
        graph = shared_neighbours(space.vectors, k=WIDE * k, metric=space.metric)
        notes: tuple[str, ...] = (
            ("The points stand for themselves: no vectors were given.",) if stand_in else ()
        )
        notes += embeddings.provenance.notes if vectors is not None else ()
        notes += judged_note(k, rows) + (() if stand_in else metric_note(metric, by))
        settings = {"neighbours": k, "metric": space.metric}
        return cls(
            placed, graph, embeddings, parameters=settings, provenance=Provenance("from_points", notes=notes)
        )

    @property
    def k(self) -> int:
        """How many neighbours the map is judged by; `.neighbours` holds `WIDE` times as many, if there are.

        At most as many as leave a point beyond `WIDE` times their number: with half of all points or more
        for neighbours, trustworthiness and continuity are not defined. 0 of fewer than four points.
        """
        asked = int(self.parameters.get("neighbours", self.neighbours.k))
        return max(0, min(asked, self.neighbours.k, most_judged(len(self))))

    @property
    def pairs(self) -> Any | None:
        """The `Pairs` that were embedded, if they are known."""
        return self.embeddings.pairs

    @property
    def model(self) -> Any | None:
        """The model that made the vectors, while somebody still holds it; else None."""
        return self.embeddings.model

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of the map should know, one sentence each."""
        return self.provenance.notes

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that are on the map, in the order of their rows."""
        return tuple(MODALITIES[code] for code in np.unique(self.modality))

    @property
    def labels(self) -> tuple[Any, ...] | None:
        """row: the label of its pair, as it came; or None where there are none."""
        own = self.embeddings.labels
        return None if own is None else tuple(own[item] for item in self.item)

    @property
    def texts(self) -> tuple[str, ...]:
        """row: the text of its pair; () where there are none."""
        own = self.embeddings.texts
        return tuple(own[item] for item in self.item) if own else ()

    @cached_property
    def space(self) -> Space:
        """The vectors the map was drawn from, and how to bring another vector among them."""
        return space_of(self.embeddings, self.mode, self.shift, self.parameters.get("metric"), self.offset)

    @cached_property
    def quality(self) -> PointQuality:
        """How far to trust each point, computed once from the two neighbour graphs."""
        from workbench.projection.point_quality import point_quality

        return point_quality(self)

    @cached_property
    def on_map(self) -> NDArray[np.int32]:
        """row x k: the nearest points on the map, to be held against `.neighbours.index`."""
        from workbench.projection.neighbour_search import map_neighbours

        return map_neighbours(self.points, self.neighbours.k)

    def rows(self, modality: str) -> NDArray[np.int64]:
        """Numbers of the rows of one `modality`, "image" or "text".

        Raises:
            BadInputError: it is neither.
        """
        if modality not in MODALITIES:
            raise BadInputError(f"modality is {modality!r}; expected one of {', '.join(MODALITIES)}.")
        return np.flatnonzero(self.modality == MODALITIES.index(modality))

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        kinds = " + ".join(self.modalities)
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"Projection({plural(len(self), 'point')}, {kinds}, {self.reducer}, {self.mode}{seed})"

    def _repr_html_(self) -> str:
        from workbench.projection.quality_measures import measures

        rows = [(row.name, row.shown, row.twin, row.sample) for row in measures(self)]
        return html_table(repr(self), ("measure", "value", "beside it", "from"), rows)


def metric_note(asked: str | None, taken: Metric) -> tuple[str, ...]:
    """What to say where Euclidean distances were taken unasked."""
    if asked is not None or taken == "cosine":
        return ()
    return (
        "Euclidean distances between the vectors as they were given; metric='cosine' compares directions.",
    )


def _rows(embeddings: Embeddings) -> tuple[NDArray, NDArray]:
    """Modality code and item of every row of `embeddings.vectors`."""
    present = [code for code, name in enumerate(MODALITIES) if getattr(embeddings, name) is not None]
    items = len(embeddings)
    return np.repeat(present, items), np.tile(np.arange(items), len(present))
