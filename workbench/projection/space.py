"""Two modalities in one space: as the model left them, each centred, or their gap moved by a share.

Pictures and texts of a dual encoder lie in two separate cones (the modality gap). Whether a map
shows two islands or one land is decided here, before any map is drawn.

Distances in every mode are half the squared Euclidean distance. Between unit vectors that is
1 - cosine; between moved ones, which are not scaled back to unit length, it goes on from there
without a jump, so that a slider moves the map and the figures by the same rule.

Source: Liang et al. 2022, "Mind the Gap", section 4.2 (moving along the gap without changing it
otherwise); Zhang et al. 2023, "Diagnosing and Rectifying Vision Models using Language" (centring).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import check_axes, frozen, unit
from workbench.errors import BadInputError
from workbench.results import Embeddings

__all__ = ["MODALITIES", "MODES", "Mode", "Space", "check_vectors", "gap", "shifted", "space_of"]

MODALITIES = ("image", "text")
Mode = Literal["joint", "centred", "shifted", "image", "text"]
"""How pictures and texts share a map.

"joint": as they are. "centred": each modality minus its own mean, scaled to unit length again.
"shifted": both moved towards each other by a share of the gap. "image", "text": the map is drawn of
one, and the other is placed on it.
"""
MODES: tuple[Mode, ...] = get_args(Mode)
_ZERO = 1e-6  # a vector shorter than this has no direction


@dataclass(frozen=True, eq=False)
class Space:
    """The vectors a map is drawn from.

    Shapes:
        vectors: row x feature, pictures before texts
        offset: modality x feature, subtracted from a unit vector of that modality
    """

    vectors: NDArray[np.float32]
    offset: NDArray[np.float32]
    is_scaled: bool

    def bring(self, vectors: ArrayLike, modality: str = "text") -> NDArray[np.float32]:
        """Unit vectors of a modality, moved as the map's own were."""
        moved = np.asarray(vectors, np.float32) - self.offset[MODALITIES.index(modality)]
        return unit(moved) if self.is_scaled else moved


def gap(embeddings: Embeddings) -> NDArray[np.float32]:
    """feature: mean of the pictures minus mean of the texts. Its length is the size of the gap."""
    if embeddings.image is None or embeddings.text is None:
        raise BadInputError(
            "A gap lies between pictures and texts; these embeddings hold one of them. "
            "Embed pairs that have both."
        )
    return embeddings.image.mean(axis=0) - embeddings.text.mean(axis=0)


def shifted(embeddings: Embeddings, shift: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pictures and texts moved towards each other, half the way each: 0 leaves them, 1 closes the gap.

    They are not scaled back to unit length, which would open a part of the gap again.
    """
    space = space_of(embeddings, "shifted", shift)
    return space.vectors[: len(embeddings)], space.vectors[len(embeddings) :]


def space_of(embeddings: Embeddings, mode: Mode, shift: float = 0.0) -> Space:
    """The space of a mode; `shift` counts in mode "shifted" alone.

    Raises:
        BadInputError: an unknown mode, a mode for two modalities where there is one, a shift that is
            not a number, centring what is all alike.
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
    offset = np.zeros((2, embeddings.vectors.shape[1]), np.float32)
    if mode == "centred":
        offset = np.stack([_mean(embeddings.image), _mean(embeddings.text)])
        _check_spread(embeddings, offset)
    if mode == "shifted":
        if not np.isfinite(shift):
            raise BadInputError(f"shift is {shift!r}; expected a number: 0 leaves the gap, 1 closes it.")
        half = 0.5 * float(shift) * gap(embeddings)
        offset = np.stack([half, -half])
    parts = [part for part in (embeddings.image, embeddings.text) if part is not None]
    if mode in ("centred", "shifted"):
        parts = [part - own for part, own in zip(parts, offset, strict=True)]
    vectors = np.concatenate(parts)
    return Space(frozen(unit(vectors) if mode == "centred" else vectors), frozen(offset), mode == "centred")


def check_vectors(embeddings: Embeddings) -> None:
    """Refuse vectors that have no place on a map: NaN, infinite, or of length zero, named by row.

    Raises:
        BadInputError: with the first rows at fault.
    """
    for name in MODALITIES:
        vectors = getattr(embeddings, name)
        if vectors is None:
            continue
        check_axes(name, vectors, "item feature")
        _refuse(name, ~np.isfinite(vectors).all(axis=1), "values that are not numbers", "damaged items")
        _refuse(name, np.linalg.norm(vectors, axis=1) < _ZERO, "length zero, so no direction", "empty items")


def _refuse(name: str, wrong: NDArray[np.bool_], why: str, what: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        raise BadInputError(
            f"{len(rows)} of {len(wrong)} {name} vectors have {why} (rows {shown}). "
            f"Leave these {what} out, or embed them again."
        )


def _check_spread(embeddings: Embeddings, mean: NDArray[np.float32]) -> None:
    for code, name in enumerate(MODALITIES):
        if np.abs(getattr(embeddings, name) - mean[code]).max() < _ZERO:
            raise BadInputError(
                f"All {len(embeddings)} {name} vectors are alike, so centring leaves nothing of them. "
                "Take mode='joint', or embed items that differ."
            )


def _mean(vectors: NDArray[np.float32] | None) -> NDArray[np.float32]:
    assert vectors is not None  # the modes that ask have both
    return vectors.mean(axis=0)
