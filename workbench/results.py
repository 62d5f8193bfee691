"""The language between compute and interface: frozen results that hold NumPy arrays.

A result is complete without a model: it can be drawn, cached, exported and tested with arrays
made by hand. A verb that worked with a live model leaves it behind as a weak reference, so that a
widget can go on asking it, and a result never keeps a model in memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import as_numbers, as_rows, check_axes, check_count, check_index, frozen
from workbench.calling import made
from workbench.errors import BadInputError
from workbench.formatting import html_image, html_table, one_line, plural
from workbench.keeping import Form, Kept
from workbench.progress import Event, OnEvent, ShouldStop, listen_by_default, listener
from workbench.provenance import Provenance
from workbench.values import alike, as_labels, as_texts

__all__ = [
    "Embeddings",
    "Event",
    "OnEvent",
    "Provenance",
    "Ranking",
    "Retrieval",
    "Rule",
    "ShouldStop",
    "listen_by_default",
    "listener",
]

_SHOWN = 10  # rows, where a result shows itself

Rule = Literal["softmax", "sigmoid"]
"""How logits become probabilities: shares among the labels, or one yes/no for each label."""


@made("Wrap vectors from anywhere: Embeddings.from_array(vectors).")
@dataclass(frozen=True, eq=False)
class Embeddings(Kept):
    """Vectors of pictures, of texts, or of both in one space: unit vectors where a model made them.

    Shapes:
        image: item x feature, or None
        text: item x feature, or None; row i belongs to the same pair as `image` row i

    They are float32; float64 stays where the lengths are not 1: places far from the origin need its digits.

    Attributes:
        texts: one an item, or none at all.
        labels: one an item, as they came; "", None or NaN is an item without a label. Or None.
        provenance: the model, the data and the settings they come from.
        pairs: the pictures and texts themselves, or None.
        live: gives the model while somebody holds it; ask `.model`.
    """

    _form: ClassVar[Form] = Form("embeddings", "embeddings", "workbench.embedding.open_embeddings")
    _left: ClassVar[tuple[str, ...]] = ("pairs", "live")

    image: NDArray[np.float32] | None
    text: NDArray[np.float32] | None
    texts: tuple[str, ...] = ()
    labels: tuple[Any, ...] | None = None
    provenance: Provenance = field(default_factory=lambda: Provenance("embed"))
    pairs: Any = field(default=None, repr=False)
    live: Callable[[], Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("image", "text"):
            vectors = getattr(self, name)
            if vectors is not None:
                check_axes(name, vectors, "item feature")
                object.__setattr__(self, name, _held(vectors))
        if self.image is None and self.text is None:
            raise BadInputError("Embeddings needs vectors of pictures, of texts, or of both; got neither.")
        if self.image is not None and self.text is not None:
            check_axes("text", self.text, "item feature", item=len(self.image), feature=self.image.shape[1])
        if self.labels is not None:
            object.__setattr__(self, "labels", as_labels(self.labels, len(self)))
        if self.texts is not None and len(self.texts):
            object.__setattr__(self, "texts", as_texts(self.texts)[0])
            if len(self.texts) != len(self):
                raise BadInputError(
                    f"texts has {len(self.texts)} entries; expected one for each of {len(self)} items."
                )

    @classmethod
    def from_array(
        cls, vectors: ArrayLike, *, texts: Sequence[str] = (), labels: Sequence[Any] | None = None
    ) -> Embeddings:
        """Vectors from anywhere as `Embeddings`, as they are: nothing is scaled.

        `project(..., metric="cosine")` compares their directions.

        Args:
            vectors: item x feature.
            texts, labels: one an item. Others are refused, since nobody can say whose they are: the vectors
                stand without them, and the provenance's notes say so.

        Raises:
            BadInputError: the vectors are not numbers in rows of one length, or a label is a list.

        Example:
            >>> from workbench.results import Embeddings
            >>> Embeddings.from_array([[3.0, 4.0], [0.0, 1.0]], labels=["far", "near"])
            Embeddings(2 items, image, 2 features, from an array)
        """
        array = as_rows("vectors", vectors)
        said, notes = as_texts(texts)
        kept = None if labels is None else tuple(labels)
        if kept is not None and len(kept) != len(array):
            notes = (*notes, _refused("labels", len(kept), len(array)))
            kept = None
        if said and len(said) != len(array):
            notes = (*notes, _refused("texts", len(said), len(array)))
            said = ()
        return cls(array, None, said, kept, Provenance("from_array", notes=notes))

    def __len__(self) -> int:
        vectors = self.image if self.image is not None else self.text
        assert vectors is not None  # __post_init__ refused the other case
        return len(vectors)

    @property
    def model(self) -> Any | None:
        """The model that made them, while somebody still holds that model; else None."""
        return self.live() if self.live is not None else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know, one sentence each."""
        return self.provenance.notes

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """item: number of its picture, by first appearance: items whose pictures have one vector share it.

        So the captions of one picture are known as such wherever the vectors come from.
        """
        if self.image is None:
            return _read_only(np.arange(len(self)), np.int64)
        return _read_only(alike(self.image), np.int64)

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Every vector, pictures before texts: (item or 2 x item) x feature."""
        return np.concatenate([part for part in (self.image, self.text) if part is not None])

    def __repr__(self) -> str:
        kinds = " + ".join(name for name in ("image", "text") if getattr(self, name) is not None)
        origin = self.provenance.model or "from an array"
        return f"Embeddings({plural(len(self), 'item')}, {kinds}, {self.vectors.shape[1]} features, {origin})"


def _held(vectors: ArrayLike) -> NDArray[Any]:
    """A read-only copy in C order, so that no sum depends on how the memory lay."""
    array = as_numbers(vectors)
    if array.dtype == np.float64:
        with np.errstate(over="ignore"):
            length = np.sqrt(np.einsum("if,if->i", array, array))
        if (np.abs(length - 1) < 1e-6).all():  # directions: float32 has the digits they need
            return frozen(array)
    return frozen(array, array.dtype)


def _refused(what: str, given: int, items: int) -> str:
    return f"The {what} were refused: {given:,} for {plural(items, 'item')}; expected one each."


@dataclass(frozen=True, eq=False)
class Ranking(Kept):
    """Every picture scored against every label, with all that is needed to score again.

    A probability here is always *among these labels*: add a label and every share moves.

    Shapes:
        image: item x feature, unit vectors
        text: class x template x feature, unit vectors; the wordings are never averaged away
        cosine, logit, probability: item x class, after the wordings in `active` were combined
        active: template, which wordings count
        truth: item, index of the right label, or -1 where it is not among them; None if unknown

    Attributes:
        labels, templates, names: class, template and item in words.
        rule, scale, bias, temperature: logit = (scale * cosine + bias) / temperature; "softmax" or "sigmoid".
        ensemble: whether wordings are combined as vectors ("embedding") or as votes ("probability").
        unread: for each label, its words that the text tower reads as one and the same unknown token;
            () where nobody looked.
        pairs, provenance, live: as in `Embeddings`.
    """

    _form: ClassVar[Form] = Form("ranking", "ranking", "workbench.zeroshot.open_ranking")
    _left: ClassVar[tuple[str, ...]] = ("pairs", "live")

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
    unread: tuple[tuple[str, ...], ...] = ()
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
        """The best labels of one `item` with their probabilities, best first: the first `most`.

        Raises:
            BadInputError: there is no such item, or `most` is below 0.
        """
        check_index("item", item, len(self), f"this ranking has {plural(len(self), 'picture')}")
        check_count("most", most)
        return [(self.labels[k], float(self.probability[item, k])) for k in self.order[item, :most]]

    def __repr__(self) -> str:
        right = "" if self.accuracy is None else f", {self.accuracy:.0%} right"
        return (
            f"Ranking({plural(len(self), 'picture')} among {plural(len(self.labels), 'label')}, "
            f"{plural(int(self.active.sum()), 'template')}, {self.rule}, T={self.temperature:g}{right})"
        )

    def _repr_html_(self) -> str:
        items = range(min(len(self), _SHOWN))
        rows = []
        for item in items:
            name = self.names[item] if self.names else f"picture {item + 1}"
            label, share = self.top(item, 1)[0]
            rows.append((one_line(name), one_line(label), f"{share:.1%}", f"{self.margin[item]:.3f}"))
        caption = f"{self!r}{_first(len(self))} — probabilities are among these labels only"
        return html_table(
            caption,
            ("text", "best label", self.rule, "margin"),
            rows,
            pictures=_thumbnails(self.pairs, items),
        )


@dataclass(frozen=True, eq=False)
class Retrieval(Kept):
    """Candidates sorted by their cosine with one query, best first.

    Shapes:
        cosine: item, in the order of the candidates
        order: item, candidate indices, best first

    Attributes:
        query, direction: what was asked, and "text to image", "image to text" or "image to image".
        names: the candidates in words.
        pairs, provenance: as in `Embeddings`.
    """

    _form: ClassVar[Form] = Form("retrieval", "retrieval", "workbench.zeroshot.open_retrieval")
    _left: ClassVar[tuple[str, ...]] = ("pairs",)

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
        """The best candidates with their cosines: the first `most`.

        Raises:
            BadInputError: `most` is below 0.
        """
        check_count("most", most)
        return [(self.names[k], float(self.cosine[k])) for k in self.order[:most]]

    def __repr__(self) -> str:
        return f"Retrieval({one_line(self.query)!r}, {self.direction}, {plural(len(self), 'candidate')})"

    def _repr_html_(self) -> str:
        best = self.order[:_SHOWN].tolist()
        rows = [
            (one_line(self.names[item]), place + 1, f"{self.cosine[item]:.3f}")
            for place, item in enumerate(best)
        ]
        caption, header = f"{self!r}{_first(len(self))}", ("text", "rank", "cosine")
        if self.direction != "image to text":
            return html_table(caption, header, rows, pictures=_thumbnails(self.pairs, best))
        return self._asked() + html_table(caption, header, rows)

    def _asked(self) -> str:
        """The picture that texts were found for."""
        item = self.provenance.parameters.get("query")
        if self.pairs is None or not isinstance(item, int):
            return ""
        return f"<p>{html_image(self.pairs.thumbnail(item), self.query, height=96)}</p>"


def _first(count: int) -> str:
    return f", the first {_SHOWN}" if count > _SHOWN else ""


def _thumbnails(pairs: Any, items: Sequence[int] | range) -> list[bytes] | None:
    """A small picture of each item; None where the result was made from arrays alone."""
    return None if pairs is None else [pairs.thumbnail(item) for item in items]


def _read_only(array: ArrayLike, dtype: Any) -> NDArray:
    """`array` itself if it is already read-only and of `dtype`, so that re-scoring copies nothing."""
    given = np.asarray(array)
    if given.dtype == dtype and not given.flags.writeable:
        return given
    return frozen(given, dtype)
