"""From pairs to tokens: picture patches and coded words, or the frozen features of a loaded model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench._repr import plural
from workbench.data.examples import SPLITS, Examples, Tokens
from workbench.data.pairs import Pairs
from workbench.embedding import embed_pictures, embed_texts
from workbench.errors import BadInputError
from workbench.models.base import DualEncoder
from workbench.results import OnEvent, ShouldStop
from workbench.runtime import batched

__all__ = ["WORD_CODE", "cut_words", "examples", "patches", "word_code"]

SIDE, GRID = 32, 4
"""Pictures become 32 x 32 pixels and 4 x 4 patches: enough for shapes and colours, small enough for a CPU."""
WORD_CODE, MOST_WORDS = 32, 24
_SHARES = (0.7, 0.15)  # train, validation; the rest is test
_WORD = re.compile(r"[\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af]|[^\W_]+", re.UNICODE)
_GENERATED = {"image": "digit", "text": "word_digit"}  # columns of `digits-words`
_MOST_PATCHES = 36  # more than these are averaged to GRID x GRID


def examples(
    pairs: Pairs,
    *,
    model: DualEncoder | None = None,
    seed: int = 0,
    most: int | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Examples:
    """Tokens, labels and a split from labelled pairs.

    Without a model a picture is 4 x 4 patches of raw pixels and a text is its words, each a fixed random
    code made from the word itself (nothing is fitted). With a model both are its frozen features:
    patch tokens of its last layer where it gives them out, else its vector; and the text's vector.

    The split is that of the column "split" ("train", "validation", "test") if there is one, else drawn
    by `seed`; rows that show the same picture always stay together, so that no test picture was
    trained on. Rows without a label are left out, and a note says how many.

    Args:
        most: at most so many rows, chosen by `seed`; None takes all.

    Raises:
        BadInputError: no labels, one class only, or a split that holds something else.
        BadPictureError: a picture cannot be read; the message names it.
        Cancelled: `should_stop` returned true.
    """
    code = _code(pairs, model, seed, most)
    pairs, notes = _labelled(pairs)
    if most is not None and len(pairs) > most:
        rows = np.sort(np.random.default_rng(seed).permutation(len(pairs))[:most])
        pairs = pairs[rows.tolist()]
    assert pairs.labels is not None  # _labelled refused the other case
    classes = tuple(sorted(set(pairs.labels)))
    if len(classes) < 2:
        raise BadInputError(
            f"Every one of {plural(len(pairs), 'row')} of {pairs.name!r} has the label {classes[0]!r}; "
            "to compare fusions there must be at least two. Check the label column."
        )
    place = {name: number for number, name in enumerate(classes)}
    labels = np.array([place[label] for label in pairs.labels], dtype=np.int64)
    options: dict[str, Any] = {"on_event": on_event, "should_stop": should_stop}
    modalities, meta, more = _raw(pairs, options) if model is None else _frozen(model, pairs, options)
    meta |= dict(getattr(pairs, "facts", {}) or {}) | _latents(pairs)
    split = _split(pairs, labels, seed)
    return Examples(pairs.name, modalities, labels, classes, split, pairs, meta, notes + more, code)


def _code(pairs: Pairs, model: DualEncoder | None, seed: int, most: int | None) -> str:
    """The call that makes the same examples, with what differs from the usual."""
    parts = [pairs.code]
    if model is not None:
        parts.append(f"model=models.load({model.card.name!r})")
    if seed:
        parts.append(f"seed={seed}")
    if most is not None and len(pairs) > most:
        parts.append(f"most={most}")
    return f"examples({', '.join(parts)})"


def _latents(pairs: Pairs) -> dict[str, Any]:
    """What a generator put into each modality, where its columns say so: information is exact then."""
    found = {side: pairs.columns.get(column) for side, column in _GENERATED.items()}
    if any(values is None for values in found.values()):
        return {}
    return {"latents": {side: np.array(values, dtype=np.int64) for side, values in found.items()}}


def cut_words(text: str) -> tuple[str, ...]:
    """Words in small letters, without punctuation; a Chinese, Japanese or Korean character is a word."""
    return tuple(_WORD.findall(text.casefold()))


def word_code(word: str) -> NDArray[np.float32]:
    """`WORD_CODE` normal numbers that belong to a word: the same on every machine, nearly orthogonal."""
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).normal(size=WORD_CODE).astype(np.float32)


def patches(picture: Any, side: int = SIDE, grid: int = GRID) -> NDArray[np.float32]:
    """token x feature of one picture: `grid` x `grid` squares in reading order, RGB in 0..1."""
    from PIL import Image

    small = picture.convert("RGB").resize((side, side), Image.Resampling.BOX)
    array = np.asarray(small, dtype=np.float32) / 255
    cell = side // grid
    cut = array.reshape(grid, cell, grid, cell, 3).transpose(0, 2, 1, 3, 4)
    return cut.reshape(grid * grid, cell * cell * 3).astype(np.float32)


def _labelled(pairs: Pairs) -> tuple[Pairs, tuple[str, ...]]:
    if pairs.labels is None:
        raise BadInputError(
            f"{pairs.name!r} has no labels, so there is nothing to learn. Name their column: "
            "data.load('table.csv', label_column='...')."
        )
    known = [row for row, label in enumerate(pairs.labels) if label is not None and str(label).strip()]
    if not known:
        raise BadInputError(
            f"All {plural(len(pairs), 'label')} of {pairs.name!r} are empty. Check the label column."
        )
    left_out = len(pairs) - len(known)
    if not left_out:
        return pairs, pairs.notes
    note = f"{plural(left_out, 'row')} without a label left out"
    return pairs[known], (*pairs.notes, note)


def _split(pairs: Pairs, labels: NDArray[np.int64], seed: int) -> NDArray[np.uint8]:
    """item: 0 train, 1 validation, 2 test. Rows that share a picture are never parted by a draw."""
    groups = np.unique(np.array(pairs.keys), return_inverse=True)[1]
    given = pairs.columns.get("split")
    if given is None:
        return _drawn(groups, labels, _SHARES, seed)
    names = [str(value).strip().casefold() for value in given]
    alike = {"val": "validation", "valid": "validation", "dev": "validation", "training": "train"}
    names = [alike.get(name, name) for name in names]
    strange = sorted(set(names) - set(SPLITS))
    if strange:
        raise BadInputError(
            f"The column 'split' holds {', '.join(map(repr, strange[:3]))}; expected 'train', 'validation' "
            "or 'test' in every row. Rename the values, or the column, and the split is drawn."
        )
    split = np.array([SPLITS.index(name) for name in names], dtype=np.uint8)
    if not (split == 1).any():
        train = split == 0
        split[train] = _drawn(groups[train], labels[train], (0.85, 0.15), seed)
    return split


def _drawn(groups: NDArray, labels: NDArray, shares: tuple[float, float], seed: int) -> NDArray[np.uint8]:
    """A split by whole groups. Groups that bring a class for the first time go to train."""
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    rank = np.empty(int(groups.max()) + 1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    by_rank = np.argsort(rank[groups], kind="stable")
    first = {int(labels[row]): int(groups[row]) for row in by_rank[::-1]}
    ends = np.round(np.cumsum(shares) * len(order)).astype(int)
    part = np.searchsorted(ends, rank[groups], side="right").astype(np.uint8)
    part[np.isin(groups, list(first.values()))] = 0
    return part


def _raw(pairs: Pairs, options: dict[str, Any]) -> tuple[dict[str, Tokens], dict[str, Any], tuple[str, ...]]:
    image = _each_once(pairs, lambda pictures: np.stack([patches(picture) for picture in pictures]), options)
    text, words, cut = _words(pairs.texts)
    meta = {"image_grid": (GRID, GRID), "words": words}
    notes: tuple[str, ...] = (
        f"pictures: {GRID} x {GRID} patches of {SIDE} x {SIDE} pixels; texts: coded words",
    )
    if cut:
        notes += (f"{plural(cut, 'text')} longer than {MOST_WORDS} words; the end is ignored",)
    return {"image": Tokens.of(image), "text": text}, meta, notes


def _words(texts: Sequence[str]) -> tuple[Tokens, tuple[tuple[str, ...], ...], int]:
    cut = [cut_words(text) for text in texts]
    long = sum(len(words) > MOST_WORDS for words in cut)
    kept = tuple(words[:MOST_WORDS] for words in cut)
    count = max(1, max(map(len, kept)))
    codes = {word: word_code(word) for words in kept for word in words}
    values = np.zeros((len(kept), count, WORD_CODE), np.float32)
    mask = np.zeros((len(kept), count), bool)
    for row, words in enumerate(kept):
        for column, word in enumerate(words):
            values[row, column], mask[row, column] = codes[word], True
    return Tokens(values, mask), kept, long


def _frozen(
    model: DualEncoder, pairs: Pairs, options: dict[str, Any]
) -> tuple[dict[str, Tokens], dict[str, Any], tuple[str, ...]]:
    meta: dict[str, Any] = {}
    give = getattr(model, "patch_tokens", None)
    if give is not None and model.capabilities.get("patch_tokens", "unknown") is None:
        image = _each_once(pairs, lambda pictures: _patch_tokens(model, pictures), options)
        what = f"{image.shape[1]} patch tokens"
        side = round(image.shape[1] ** 0.5)
        meta["image_grid"] = (side, side) if side * side == image.shape[1] else (1, image.shape[1])
    else:
        image, what = embed_pictures(model, pairs, **options), "one vector"
    text = embed_texts(model, pairs.texts, **options)
    notes = (f"frozen features of {model.card.name}: {what} a picture, one vector a text",)
    return {"image": Tokens.of(image), "text": Tokens.of(text)}, meta, notes


def _patch_tokens(model: Any, pictures: Sequence[Any]) -> NDArray[np.float32]:
    """Last-layer tokens, averaged to GRID x GRID squares where there are many."""
    import torch
    from torch.nn import functional

    with torch.inference_mode():
        tokens = model.patch_tokens(model.pixels(pictures)).float()
        side = round(tokens.shape[1] ** 0.5)
        if tokens.shape[1] > _MOST_PATCHES and side * side == tokens.shape[1]:
            maps = tokens.transpose(1, 2).unflatten(2, (side, side))
            tokens = functional.adaptive_avg_pool2d(maps, GRID).flatten(2).transpose(1, 2)
    return tokens.cpu().numpy()


def _each_once(
    pairs: Pairs, encode: Callable[[Sequence[Any]], NDArray], options: dict[str, Any]
) -> NDArray[np.float32]:
    """`encode` of every picture, equal pictures once: item x token x feature."""
    _, first, where = np.unique(np.array(pairs.keys), return_index=True, return_inverse=True)
    batches = batched(
        lambda rows: encode([pairs.picture(row) for row in rows]),
        first.tolist(),
        batch_size=64,
        stage="pictures",
        **options,
    )
    return np.concatenate(list(batches))[where].astype(np.float32)
