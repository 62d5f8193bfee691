"""What the answer lens shows of an answer, as plain values and packed bytes: pure functions."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import BadInputError
from workbench.generation import Answer

__all__ = [
    "MOST",
    "PARTS",
    "Packed",
    "answer_view",
    "bits_view",
    "heatmap_view",
    "named",
    "pack",
    "unpack",
    "word_texts",
]

MOST = 7_500_000
"""Bytes of all maps at most: they go in one message."""

PARTS = ("picture", "instruction", "answer", "frame")
"""What a weight can fall on, in the order in which the bands are stacked."""

LOST = {
    "others": "when the picture is exchanged for others of its set",
    "blur": "when the picture is blurred",
    "mean": "when the picture is made one colour",
    "instruction": "without the instruction",
    "history": "when its own earlier words are exchanged",
}
"""What a measured bar says of each part that was taken away."""

_ENDINGS = {
    "end": "the model ended it",
    "length": "it reached the most tokens",
    "stopped": "it was stopped",
}


@dataclass(frozen=True, eq=False)
class Packed:
    """Attention of words as bytes: largest weights and shares in float32, then the maps in 8 bits.

    A weight v of a map whose largest is t is sent as round(255 * sqrt(v / t)): small weights keep the finer
    steps, and the largest is exact.

    Attributes:
        names: of all layers.
        layers: numbers of the layers that are sent, from 0; not all where all would be too many.
        grid: rows and columns of a map; None where there is none to draw.
    """

    content: bytes
    layers: tuple[int, ...]
    names: tuple[str, ...]
    steps: int
    grid: tuple[int, int] | None
    even: tuple[tuple[float, ...], ...]

    @property
    def count(self) -> int:
        """How many layers there are."""
        return len(self.names)

    def to_view(self) -> dict[str, Any]:
        """What the browser must know to read the bytes."""
        return {
            "layers": list(self.layers),
            "count": self.count,
            "names": list(self.names),
            "steps": self.steps,
            "grid": None if self.grid is None else list(self.grid),
            "even": [list(row) for row in self.even],
        }


def pack(attention: Any) -> Packed:
    """A `WordAttention` for the wire.

    Raises:
        BadInputError: one layer alone is more than a message can carry.
    """
    maps = np.asarray(attention.maps)
    shares = np.asarray(attention.shares, np.float32)
    count, steps = shares.shape[:2]
    grid = (int(maps.shape[2]), int(maps.shape[3])) if maps.size else None
    cells = steps * (0 if grid is None else grid[0] * grid[1])
    if cells > MOST:
        raise BadInputError(
            f"One layer of this attention has {cells / 1e6:.0f} MB; a browser can be sent {MOST / 1e6:g}. "
            "Write fewer tokens, or give the model a smaller picture."
        )
    every = max(1, math.ceil(count * cells / MOST))
    layers = tuple(range(count - 1, -1, -every))[::-1]
    tops = np.zeros((len(layers), steps), np.float32)
    codes = b""
    if grid is not None:
        kept = np.asarray(maps[list(layers)], np.float32)
        tops = np.abs(kept).max(axis=(2, 3))
        codes = _coded(kept, tops).tobytes()
    content = tops.astype("<f4").tobytes() + shares.astype("<f4").tobytes() + codes
    even = tuple(tuple(round(float(one), 6) for one in row) for row in np.asarray(attention.even))
    return Packed(content, layers, tuple(attention.layers), steps, grid, even)


def _coded(maps: NDArray[np.float32], tops: NDArray[np.float32]) -> NDArray[np.uint8]:
    limit = np.where(tops > 0, tops, 1)[:, :, None, None]
    return np.rint(255 * np.sqrt(np.clip(maps, 0, None) / limit)).astype(np.uint8)


def unpack(packed: Packed) -> NDArray[np.float64]:
    """layer x step x row x col as the browser reads it; what a test holds both to."""
    rows, cols = packed.grid or (0, 0)
    many = len(packed.layers) * packed.steps
    tops = np.frombuffer(packed.content, "<f4", many).reshape(len(packed.layers), packed.steps)
    codes = np.frombuffer(packed.content, np.uint8)[-many * rows * cols :] if rows * cols else np.zeros(0)
    shape = (len(packed.layers), packed.steps, rows, cols)
    return tops[:, :, None, None] * (codes.reshape(shape) / 255.0) ** 2


def word_texts(answer: Answer) -> tuple[str, ...]:
    """What stands on the screen for each word; an end mark has a name."""
    texts = ["".join(answer.pieces[start:stop]) for start, stop in answer.words]
    return tuple(
        text.strip() or ("(end)" if number == len(texts) - 1 and answer.ended == "end" else "(mark)")
        for number, text in enumerate(texts)
    )


def named(piece: str, token: int, ends: Collection[int]) -> str:
    """What stands on the screen for a token: a mark that is not written has a name."""
    return piece.strip() or ("(end)" if token in ends else "(mark)")


def answer_view(answer: Answer, ends: Collection[int] = ()) -> dict[str, Any]:
    """All of an answer but what is drawn from bytes; `ends` are tokens that end one."""
    alternatives = [
        [
            {"token": int(token), "text": named(piece, int(token), ends), "logp": _plain(logp)}
            for token, piece, logp in zip(*row, strict=True)
            if token >= 0 and np.isfinite(logp)
        ]
        for row in zip(answer.alternatives, answer.alternative_pieces, answer.alternative_logp, strict=True)
    ]
    return {
        "text": answer.text,
        "prompt": answer.prompt,
        "model": answer.provenance.model,
        "how": str(answer.how),
        "ended": answer.ended,
        "ending": _ENDINGS[answer.ended],
        "total": _plain(answer.total),
        "pieces": list(answer.pieces),
        "tokens": [int(token) for token in answer.tokens],
        "words": [list(word) for word in answer.words],
        "texts": list(word_texts(answer)),
        "logp": _column(answer.logp),
        "entropy": _column(answer.entropy),
        "rank": [int(rank) for rank in answer.rank],
        "alternatives": alternatives,
        "notes": list(answer.notes),
        "credit": answer.credit,
        "seconds": float(answer.seconds),
    }


def bits_view(reliance: Any, steps: int) -> dict[str, Any] | None:
    """How many bits each token loses without each part, with intervals; None where nobody measured.

    Raises:
        BadInputError: it was measured for another answer.
    """
    if reliance is None:
        return None
    parts = [str(part) for part in reliance.parts]
    bits = np.asarray(reliance.bits, float)
    if bits.shape != (len(parts), steps):
        raise BadInputError(
            f"The reliance has the shape {bits.shape}; expected ({len(parts)}, {steps}): one row for each of "
            "its parts, one column for each token. Measure it for this answer: rely(model, answer)."
        )
    return {
        "parts": parts,
        "bits": [_column(row) for row in bits],
        "low": [_column(row) for row in np.asarray(reliance.low, float)],
        "high": [_column(row) for row in np.asarray(reliance.high, float)],
        "count": [int(one) for one in reliance.count],
    }


def heatmap_view(heatmap: Any) -> dict[str, Any]:
    """An explanation of one token; its deletion score beside random maps where it was measured."""
    image = np.asarray(heatmap.image, float)
    return {
        "grid": [int(side) for side in image.shape],
        "values": [float(f"{value:.5g}") for value in image.ravel()],
        "signed": bool(heatmap.signed),
        "title": str(heatmap.title),
        "score": _plain(float(heatmap.score)),
        "notes": [str(note) for note in heatmap.notes],
    }


def _column(values: ArrayLike) -> list[float | None]:
    return [_plain(value) for value in np.asarray(values, float)]


def _plain(value: float) -> float | None:
    """As JSON has it: what is no number is none."""
    return float(f"{value:.9g}") if np.isfinite(value) else None
