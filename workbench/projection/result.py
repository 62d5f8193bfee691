"""`Projection`: a map of vectors, with the neighbour graph that says how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench._repr import html_table, plural
from workbench.axes import check_axes, frozen
from workbench.errors import BadInputError
from workbench.projection.space import MODALITIES, Mode, Space, space_of
from workbench.results import Embeddings, Provenance

if TYPE_CHECKING:
    from workbench.projection.quality import PointQuality

__all__ = ["WIDE", "Method", "Neighbours", "Placement", "Projection"]

WIDE = 2
"""The graph holds this many times the neighbours a map is judged by, to tell a near miss from a stranger."""
Method = Literal["umap", "pca", "tsne", "given"]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest neighbours of every row, found once and shared by everything that asks.

    Shapes:
        index: item x k int32, nearest first, the row itself left out
        distance: item x k float32: half the squared Euclidean distance, which is 1 - cosine between
            unit vectors

    Attributes:
        recall: share of the true neighbours that were found, measured on `recall_sample` rows; 1 if exact.
        backend: what computed it, in words for the screen.
    """

    index: NDArray[np.int32]
    distance: NDArray[np.float32]
    exact: bool = True
    recall: float = 1.0
    recall_sample: int = 0
    backend: str = "exact"

    def __post_init__(self) -> None:
        check_axes("index", self.index, "item neighbour")
        check_axes("distance", self.distance, "item neighbour", item=len(self.index), neighbour=self.k)
        object.__setattr__(self, "index", _kept(self.index, np.int32))
        object.__setattr__(self, "distance", _kept(self.distance, np.float32))

    @property
    def k(self) -> int:
        """Neighbours a row."""
        return int(np.shape(self.index)[1])

    @property
    def cosine(self) -> NDArray[np.float32]:
        """item x k: 1 - distance; a cosine only where the vectors are unit vectors."""
        return 1 - self.distance

    def first(self, k: int) -> Neighbours:
        """The nearest `k` of them (fewer if fewer are held)."""
        if k >= self.k:
            return self
        index, distance = self.index[:, :k], self.distance[:, :k]
        return Neighbours(index, distance, self.exact, self.recall, self.recall_sample, self.backend)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        how = "exact" if self.exact else f"recall {self.recall:.3f} on {self.recall_sample} rows"
        return f"Neighbours({plural(len(self), 'row')} x {self.k}, {how}, {self.backend})"


@dataclass(frozen=True, eq=False)
class Placement:
    """New vectors on an existing map, with their true neighbours. No point of the map moved.

    Shapes:
        points: query x 2; vectors: query x feature, unit vectors as the model gave them
        index, distance: query x k, rows of the map, nearest first, as in `Neighbours`
    """

    points: NDArray[np.float32]
    index: NDArray[np.int32]
    distance: NDArray[np.float32]
    vectors: NDArray[np.float32]
    texts: tuple[str, ...] = ()
    modality: str = "text"

    def __post_init__(self) -> None:
        check_axes("points", self.points, "query xy", xy=2)
        for name, dtype in (("points", "f4"), ("index", "i4"), ("distance", "f4"), ("vectors", "f4")):
            object.__setattr__(self, name, frozen(getattr(self, name), np.dtype(dtype)))

    @property
    def cosine(self) -> NDArray[np.float32]:
        """query x k: 1 - distance."""
        return 1 - self.distance

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Projection:
    """A map of every picture and text: where each lies, and which neighbours it truly has.

    A map invents neighbours and tears others apart; `.quality` says so for every point.

    Shapes:
        points: row x 2 float32; the row order is that of `Embeddings.vectors`, pictures before texts
        modality: row uint8, an index into `MODALITIES` ("image", "text")
        item: row int32, which pair the row belongs to: `pairs[projection.item[row]]`
        fitted: row bool, False where a point was only placed among the others

    Attributes:
        method: "umap", "pca", "tsne", or "given" for points made elsewhere.
        reducer: what drew it, to be shown with the map: "umap-learn 0.5.12", "torch UMAP".
        mode, shift: how two modalities were brought into one space; see `workbench.projection.project`.
        neighbours: of the space the map was drawn from (`.space.vectors`).
        pairs: the pictures and texts themselves, or None.
    """

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
        object.__setattr__(self, "points", _kept(self.points, np.float32))
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
    ) -> Projection:
        """A map made elsewhere (item x 2), with the vectors it was made of.

        Without `vectors` and `embeddings` the points stand for themselves, so that nothing can be
        said about their truth.
        """
        from workbench.projection.neighbours import nearest_neighbours

        placed = np.asarray(points, np.float32)
        check_axes("points", placed, "item xy", xy=2)
        if embeddings is None and vectors is not None:
            embeddings = Embeddings.from_array(vectors, texts=texts, labels=labels)
        stand_in = embeddings is None
        if embeddings is None:
            kept = None if labels is None else tuple(labels)
            embeddings = Embeddings(placed, None, tuple(texts), kept, Provenance("from_points"))
        graph = nearest_neighbours(embeddings.vectors, k=WIDE * k)
        notes = ("The points stand for themselves: no vectors were given.",) if stand_in else ()
        settings = {"neighbours": k}
        return cls(
            placed, graph, embeddings, parameters=settings, provenance=Provenance("from_points", notes=notes)
        )

    @property
    def k(self) -> int:
        """How many neighbours the map is judged by; `.neighbours` holds `WIDE` times as many."""
        return min(int(self.parameters.get("neighbours", self.neighbours.k)), self.neighbours.k)

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
    def labels(self) -> tuple[str, ...] | None:
        """row: the label of its pair, or None where there are none."""
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
        return space_of(self.embeddings, self.mode, self.shift)

    @cached_property
    def quality(self) -> PointQuality:
        """How far to trust each point, computed once from the two neighbour graphs."""
        from workbench.projection.quality import point_quality

        return point_quality(self)

    @cached_property
    def on_map(self) -> NDArray[np.int32]:
        """row x k: the nearest points on the map, to be held against `.neighbours.index`."""
        from workbench.projection.neighbours import map_neighbours

        return map_neighbours(self.points, self.neighbours.k)

    def rows(self, modality: str) -> NDArray[np.int64]:
        """The rows of "image" or of "text"."""
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
        from workbench.projection.measures import measures

        rows = [(row.name, row.shown, row.twin, row.sample) for row in measures(self)]
        return html_table(repr(self), ("measure", "value", "beside it", "from"), rows)


def _rows(embeddings: Embeddings) -> tuple[NDArray, NDArray]:
    """Modality code and item of every row of `embeddings.vectors`."""
    present = [code for code, name in enumerate(MODALITIES) if getattr(embeddings, name) is not None]
    items = len(embeddings)
    return np.repeat(present, items), np.tile(np.arange(items), len(present))


def _kept(array: ArrayLike, dtype: Any) -> NDArray:
    """`array` itself if it is read-only already, so that a million points are not copied again."""
    given = np.asarray(array)
    return given if given.dtype == dtype and not given.flags.writeable else frozen(given, dtype)
