"""The language between compute and interface: frozen results that hold NumPy arrays.

A result is complete without a model: it can be drawn, cached, exported and tested with arrays
made by hand. A verb that worked with a live model leaves it behind as a weak reference, so that a
widget can go on asking it, and a result never keeps a model in memory.
"""

from __future__ import annotations

import platform
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench._repr import html_table, one_line, plural
from workbench.axes import check_axes, frozen, unit
from workbench.errors import BadInputError

__all__ = [
    "Embeddings",
    "Event",
    "OnEvent",
    "Provenance",
    "Ranking",
    "Retrieval",
    "Rule",
    "ShouldStop",
]

Rule = Literal["softmax", "sigmoid"]
"""How logits become probabilities: shares among the labels, or one yes/no for each label."""


@dataclass(frozen=True)
class Event:
    """Progress, as plain data: `done` of `total` items of a `stage`."""

    stage: str
    done: int
    total: int
    message: str = ""


OnEvent = Callable[[Event], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from: enough to make it again, or to know why it differs."""

    verb: str
    model: str = ""
    weights: str = ""
    data: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=lambda: _versions())

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON-ready plain values."""
        return {
            "verb": self.verb,
            "model": self.model,
            "weights": self.weights,
            "data": self.data,
            "parameters": dict(self.parameters),
            "seed": self.seed,
            "notes": list(self.notes),
            "versions": dict(self.versions),
        }


def _versions() -> Mapping[str, str]:
    found = {"python": platform.python_version()}
    for name in ("workbench", "numpy", "torch", "open_clip_torch", "transformers"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return MappingProxyType(found)


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Unit vectors of pictures, of texts, or of both in one space.

    Shapes:
        image: item x feature, or None
        text: item x feature, or None; row i belongs to the same pair as `image` row i

    Attributes:
        pairs: the pictures and texts themselves, or None.
    """

    image: NDArray[np.float32] | None
    text: NDArray[np.float32] | None
    texts: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None
    provenance: Provenance = field(default_factory=lambda: Provenance("embed"))
    pairs: Any = field(default=None, repr=False)
    live: Callable[[], Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("image", "text"):
            vectors = getattr(self, name)
            if vectors is not None:
                check_axes(name, vectors, "item feature")
                object.__setattr__(self, name, frozen(vectors))
        if self.image is None and self.text is None:
            raise BadInputError("Embeddings needs vectors of pictures, of texts, or of both; got neither.")
        if self.image is not None and self.text is not None:
            check_axes("text", self.text, "item feature", item=len(self.image), feature=self.image.shape[1])

    @classmethod
    def from_array(
        cls, vectors: ArrayLike, *, texts: Sequence[str] = (), labels: Sequence[str] | None = None
    ) -> Embeddings:
        """Vectors from anywhere (item x feature) as `Embeddings`; they are scaled to unit length.

        Raises:
            BadInputError: they are not numbers in rows of one length.
        """
        try:
            array = np.asarray(vectors, dtype=np.float32)
        except (ValueError, TypeError) as problem:
            raise BadInputError(
                f"vectors are not numbers in rows of one length ({problem}); expected item x feature."
            ) from problem
        check_axes("vectors", array, "item feature")
        kept = None if labels is None else tuple(labels)
        return cls(unit(array), None, tuple(texts), kept, Provenance("from_array"))

    def __len__(self) -> int:
        vectors = self.image if self.image is not None else self.text
        assert vectors is not None  # __post_init__ refused the other case
        return len(vectors)

    @property
    def model(self) -> Any | None:
        """The model that made them, while somebody still holds that model; else None."""
        return self.live() if self.live is not None else None

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Every vector, pictures before texts: (item or 2 x item) x feature."""
        return np.concatenate([part for part in (self.image, self.text) if part is not None])

    def __repr__(self) -> str:
        kinds = " + ".join(name for name in ("image", "text") if getattr(self, name) is not None)
        origin = self.provenance.model or "from an array"
        return f"Embeddings({plural(len(self), 'item')}, {kinds}, {self.vectors.shape[1]} features, {origin})"


@dataclass(frozen=True, eq=False)
class Ranking:
    """Every picture scored against every label, with all that is needed to score again.

    A probability here is always *among these labels*: add a label and every share moves.

    Shapes:
        image: item x feature, unit vectors
        text: class x template x feature, unit vectors; the wordings are never averaged away
        cosine, logit, probability: item x class, after the wordings in `active` were combined
        active: template, which wordings count
        truth: item, index of the right label, or -1 where it is not among them; None if unknown
    """

    labels: tuple[str, ...]
    templates: tuple[str, ...]
    image: NDArray[np.float32]
    text: NDArray[np.float32]
    cosine: NDArray[np.float32]
    logit: NDArray[np.float32]
    probability: NDArray[np.float32]
    active: NDArray[np.bool_]
    rule: Rule
    scale: float
    bias: float
    temperature: float = 1.0
    ensemble: Literal["embedding", "probability"] = "embedding"
    names: tuple[str, ...] = ()
    truth: NDArray[np.int64] | None = None
    pairs: Any = field(default=None, repr=False)
    provenance: Provenance = field(default_factory=lambda: Provenance("classify"))
    live: weakref.ref[Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        items, classes = len(self.image), len(self.labels)
        check_axes("image", self.image, "item feature")
        feature = self.image.shape[1]
        sizes = {"class": classes, "template": len(self.templates), "feature": feature}
        check_axes("text", self.text, "class template feature", **sizes)
        check_axes("active", self.active, "template", template=len(self.templates))
        for name in ("cosine", "logit", "probability"):
            check_axes(name, getattr(self, name), "item class", **{"item": items, "class": classes})
        for name in ("image", "text", "cosine", "logit", "probability"):
            object.__setattr__(self, name, _read_only(getattr(self, name), np.float32))
        object.__setattr__(self, "active", _read_only(self.active, np.bool_))
        if self.truth is not None:
            check_axes("truth", self.truth, "item", item=items)
            object.__setattr__(self, "truth", _read_only(self.truth, np.int64))
        if self.names and len(self.names) != items:
            raise BadInputError(
                f"names holds {len(self.names)} entries; expected one for each of {items} items."
            )

    @property
    def model(self) -> Any | None:
        """The model that made it, while somebody still holds that model; else None."""
        return self.live() if self.live is not None else None

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """item x class: label indices, best first; ties keep the order of the labels."""
        return _read_only(np.argsort(-self.logit, axis=1, kind="stable"), np.int64)

    @property
    def best(self) -> NDArray[np.int64]:
        """item: index of the best label."""
        return self.order[:, 0]

    @cached_property
    def margin(self) -> NDArray[np.float32]:
        """item: probability of the best label minus the second's; with one label, its own probability."""
        if len(self.labels) == 1:
            return self.probability[:, 0]
        top = np.take_along_axis(self.probability, self.order[:, :2], axis=1)
        return _read_only(top[:, 0] - top[:, 1], np.float32)

    @property
    def accuracy(self) -> float | None:
        """Share of items whose best label is right, among those whose right label is on the list."""
        if self.truth is None or not (self.truth >= 0).any():
            return None
        known = self.truth >= 0
        return float((self.best[known] == self.truth[known]).mean())

    def __len__(self) -> int:
        return len(self.image)

    def top(self, item: int, most: int = 5) -> list[tuple[str, float]]:
        """The best labels of one item with their probabilities, best first."""
        return [(self.labels[k], float(self.probability[item, k])) for k in self.order[item, :most]]

    def __repr__(self) -> str:
        right = "" if self.accuracy is None else f", {self.accuracy:.0%} right"
        return (
            f"Ranking({plural(len(self), 'picture')} among {plural(len(self.labels), 'label')}, "
            f"{plural(int(self.active.sum()), 'template')}, {self.rule}, T={self.temperature:g}{right})"
        )

    def _repr_html_(self) -> str:
        rows = []
        for item in range(min(len(self), 12)):
            name = self.names[item] if self.names else str(item)
            label, share = self.top(item, 1)[0]
            rows.append((one_line(name), one_line(label), f"{share:.1%}", f"{self.margin[item]:.3f}"))
        caption = f"{self!r} — probabilities are among these labels only"
        return html_table(caption, ("picture", "best label", self.rule, "margin"), rows)


@dataclass(frozen=True, eq=False)
class Retrieval:
    """Candidates sorted by their cosine with one query, best first.

    Shapes:
        cosine: item, in the order of the candidates
        order: item, candidate indices, best first
    """

    query: str
    direction: Literal["text to image", "image to text", "image to image"]
    names: tuple[str, ...]
    cosine: NDArray[np.float32]
    pairs: Any = field(default=None, repr=False)
    provenance: Provenance = field(default_factory=lambda: Provenance("retrieve"))

    def __post_init__(self) -> None:
        check_axes("cosine", self.cosine, "item", item=len(self.names))
        object.__setattr__(self, "cosine", _read_only(self.cosine, np.float32))

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """item: candidate indices, best first; ties keep the order of the candidates."""
        return _read_only(np.argsort(-self.cosine, kind="stable"), np.int64)

    def __len__(self) -> int:
        return len(self.names)

    def top(self, most: int = 5) -> list[tuple[str, float]]:
        """The best candidates with their cosines."""
        return [(self.names[k], float(self.cosine[k])) for k in self.order[:most]]

    def __repr__(self) -> str:
        return f"Retrieval({one_line(self.query)!r}, {self.direction}, {plural(len(self), 'candidate')})"

    def _repr_html_(self) -> str:
        rows = [
            (place + 1, one_line(name), f"{cosine:.3f}") for place, (name, cosine) in enumerate(self.top(10))
        ]
        return html_table(repr(self), ("rank", "candidate", "cosine"), rows)


def _read_only(array: ArrayLike, dtype: Any) -> NDArray:
    """`array` itself if it is already read-only and of `dtype`, so that re-scoring copies nothing."""
    given = np.asarray(array)
    if given.dtype == dtype and not given.flags.writeable:
        return given
    return frozen(given, dtype)
