"""Two modalities in one space: as the model left them, each centred, or their gap moved by a share.

Pictures and texts of a dual encoder lie in two separate cones (the modality gap). Whether a map
shows two islands or one land is decided here, before any map is drawn.

Vectors are taken as they are given. Distances in every mode are half the squared Euclidean distance.
Between unit vectors, which is what models give, that is 1 - cosine; between moved ones, which are not
scaled back to unit length, it goes on from there without a jump, so that a slider moves the map and the
figures by the same rule. Vectors of other lengths are scaled only where metric="cosine" is asked for.

Source: Liang et al. 2022, "Mind the Gap", section 4.2 (moving along the gap without changing it
otherwise); Zhang et al. 2023, "Diagnosing and Rectifying Vision Models using Language" (centring).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import as_rows, check_axes, frozen, unit
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.portable import Portable
from workbench.results import Embeddings

__all__ = [
    "METRICS",
    "MODALITIES",
    "MODES",
    "Metric",
    "Mode",
    "Space",
    "are_unit",
    "check_vectors",
    "gap",
    "metric_of",
    "shifted",
    "space_of",
]

MODALITIES = ("image", "text")
Mode = Literal["joint", "centred", "shifted", "image", "text"]
"""How pictures and texts share a map.

"joint": as they are. "centred": each modality minus its own mean, scaled to unit length again.
"shifted": both moved towards each other by a share of the gap. "image", "text": the map is drawn of
one, and the other is placed on it.
"""
MODES: tuple[Mode, ...] = get_args(Mode)
Metric = Literal["euclidean", "cosine"]
"""How far apart two vectors are: by the vectors as given, or by their directions alone."""
METRICS: tuple[Metric, ...] = get_args(Metric)
_ZERO = 1e-6  # a vector shorter than this has no direction
_UNIT = 1e-3  # half precision rounds the length of a unit vector by less


@dataclass(frozen=True, eq=False)
class Space(Portable):
    """The vectors a map is drawn from.

    Shapes:
        vectors: row x feature, pictures before texts; float64 where the vectors were given so
        offset: modality x feature, subtracted from a vector of that modality

    Attributes:
        is_scaled: they were scaled to unit length once more after they were moved.
        metric: "cosine" where directions count: the vectors are unit vectors, or were before they moved.
    """

    vectors: NDArray[np.float32]
    offset: NDArray[np.float32]
    is_scaled: bool
    metric: Metric = "cosine"

    def bring(self, vectors: ArrayLike, modality: str = "text") -> NDArray[np.float32]:
        """Vectors of a modality, scaled and moved as the map's own were."""
        given = np.asarray(vectors, self.vectors.dtype)
        moved = _directions(given, self.metric) - self.offset[MODALITIES.index(modality)]
        return unit(moved) if self.is_scaled else moved


@verb
def gap(embeddings: Embeddings) -> NDArray[np.float32]:
    """Mean of the pictures minus mean of the texts. Its length is the size of the modality gap.

    Args:
        embeddings: of pictures and texts.

    Returns:
        feature, float32.

    Raises:
        BadInputError: one of the two is not there.

    Source: Liang et al. 2022, section 4.2.

    Example:
        >>> from workbench import data
        >>> from workbench.embedding import embed
        >>> from workbench.projection import gap
        >>> gap(embed("emoji-clip", data.load("emoji")[:8])).shape
        (192,)
    """
    if embeddings.image is None or embeddings.text is None:
        raise BadInputError(
            "A gap lies between pictures and texts; these embeddings hold one of them. "
            "Embed pairs that have both."
        )
    return embeddings.image.mean(axis=0) - embeddings.text.mean(axis=0)


@verb
def shifted(embeddings: Embeddings, shift: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pictures and texts moved towards each other, half the way each: 0 leaves them, 1 closes the gap.

    They are not scaled back to unit length, which would open a part of the gap again.

    Args:
        embeddings: of pictures and texts.
        shift: share of the gap to close.

    Returns:
        Vectors of the pictures and of the texts, item x feature each.

    Raises:
        BadInputError: one of the two is not there, or `shift` is no number.

    Source: Liang et al. 2022, section 4.2.

    Example:
        >>> import numpy as np
        >>> from workbench.projection import shifted
        >>> from workbench.results import Embeddings
        >>> image, text = shifted(Embeddings(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])), 1.0)
        >>> image.tolist(), text.tolist()
        ([[0.5, 0.5]], [[0.5, 0.5]])
    """
    space = space_of(embeddings, "shifted", shift)
    return space.vectors[: len(embeddings)], space.vectors[len(embeddings) :]


@verb
def are_unit(vectors: NDArray[np.floating]) -> bool:
    """Whether every row has length 1, but for rounding; rows of length 0 say nothing.

    Args:
        vectors: row x feature.

    Returns:
        True or False; True where there is no row.

    Raises:
        BadInputError: `vectors` are no numbers in rows.

    Example:
        >>> import numpy as np
        >>> from workbench.projection import are_unit
        >>> are_unit(np.array([[0.6, 0.8]])), are_unit(np.array([[3.0, 4.0]]))
        (True, False)
    """
    vectors = as_rows("vectors", vectors, "row feature")
    if not len(vectors):
        return True
    length = _lengths(vectors)
    known = length >= _ZERO
    return bool(known.any() and (np.abs(length[known] - 1) < _UNIT).all())


def metric_of(embeddings: Embeddings, metric: str | None = None) -> Metric:
    """The metric asked for; None: "cosine" for unit vectors, "euclidean" for vectors of other lengths.

    Raises:
        BadInputError: an unknown metric.
    """
    if metric is None:
        parts = [part for part in (embeddings.image, embeddings.text) if part is not None]
        return "cosine" if all(map(are_unit, parts)) else "euclidean"
    if metric not in METRICS:
        raise BadInputError(
            f"metric is {metric!r}; expected 'euclidean' (the vectors as given), 'cosine' (their "
            "directions), or None: the directions of unit vectors, and all others as given."
        )
    return metric


def space_of(
    embeddings: Embeddings,
    mode: Mode,
    shift: float = 0.0,
    metric: str | None = None,
    offset: NDArray[np.float32] | None = None,
) -> Space:
    """The space of a mode; `shift` counts in mode "shifted" alone; for `metric` see `metric_of`. `offset` is
    taken instead of their own.

    Raises:
        BadInputError: an unknown mode or metric, a mode for two modalities where there is one, a shift
            that is not a number, centring what is all alike.
    """
    if mode not in MODES:
        raise BadInputError(f"mode is {mode!r}; expected one of {', '.join(map(repr, MODES))}.")
    both = embeddings.image is not None and embeddings.text is not None
    if not both and mode != "joint":
        held = "pictures" if embeddings.image is not None else "texts"
        raise BadInputError(
            f"mode={mode!r} is about pictures and texts together; these embeddings hold {held} only. "
            "Take mode='joint'."
        )
    by = metric_of(embeddings, metric)
    given = [part for part in (embeddings.image, embeddings.text) if part is not None]
    parts = [_directions(part, by) for part in given]
    offset = _offset(parts, mode, shift) if offset is None else offset
    if mode in ("centred", "shifted"):
        parts = [part - own for part, own in zip(parts, offset, strict=True)]
    vectors = np.concatenate(parts)
    is_scaled = mode == "centred" and by == "cosine"
    vectors = unit(vectors) if is_scaled else vectors
    return Space(frozen(vectors, vectors.dtype), frozen(offset, offset.dtype), is_scaled, by)


def _offset(parts: Sequence[NDArray[np.float32]], mode: Mode, shift: float) -> NDArray[np.float32]:
    """modality x feature: what a mode takes off these vectors."""
    if mode == "centred":
        means = np.stack([part.mean(axis=0) for part in parts])
        _check_spread(parts, means)
        return means
    if mode == "shifted":
        if not np.isfinite(shift):
            raise BadInputError(f"shift is {shift!r}; expected a number: 0 leaves the gap, 1 closes it.")
        half = 0.5 * float(shift) * (parts[0].mean(axis=0) - parts[1].mean(axis=0))
        return np.stack([half, -half])
    return np.zeros((2, parts[0].shape[1]), parts[0].dtype)


def check_vectors(embeddings: Embeddings, metric: Metric = "cosine") -> None:
    """Refuse vectors that have no place on a map: NaN, infinite, or, where directions count, of length zero.

    Raises:
        BadInputError: with the first rows at fault.
    """
    for name in MODALITIES:
        vectors = getattr(embeddings, name)
        if vectors is None:
            continue
        check_axes(name, vectors, "item feature")
        _refuse(name, ~np.isfinite(vectors).all(axis=1), "values that are not numbers", "damaged items")
        if metric == "cosine":
            least = _ZERO if are_unit(vectors) else 0.0
            _refuse(name, _lengths(vectors) <= least, "length zero, so no direction", "empty items")


def _refuse(name: str, wrong: NDArray[np.bool_], why: str, what: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        raise BadInputError(
            f"{len(rows)} of {len(wrong)} {name} vectors have {why} (rows {shown}). "
            f"Leave these {what} out, or embed them again."
        )


def _lengths(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """row: in float64, without a copy of a million rows."""
    return np.asarray(np.sqrt(np.einsum("if,if->i", vectors, vectors, dtype=np.float64)))


def _directions(vectors: NDArray[np.float32], metric: Metric) -> NDArray[np.float32]:
    """Scaled to unit length, in float64, where directions count; unit vectors stay as they are to the bit."""
    if metric == "euclidean" or are_unit(vectors):
        return vectors
    return unit(vectors.astype(np.float64))


def _check_spread(parts: Sequence[NDArray[np.float32]], mean: NDArray[np.float32]) -> None:
    for name, part, own in zip(MODALITIES, parts, mean, strict=True):
        if np.abs(part - own).max() < _ZERO:
            raise BadInputError(
                f"All {len(part)} {name} vectors are alike, so centring leaves nothing of them. "
                "Take mode='joint', or embed items that differ."
            )
