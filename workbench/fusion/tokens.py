"""From pairs to tokens: picture patches and coded words, or the frozen features of a loaded model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.calling import verb
from workbench.data.examples import Examples, Tokens
from workbench.data.pairs import Pairs
from workbench.data.pairs_input import PairsLike, as_pairs
from workbench.embedding import embed_pictures, embed_texts
from workbench.errors import BadInputError
from workbench.formatting import plural
from workbench.fusion.cancellation import stopper
from workbench.fusion.class_targets import check_classes, several_labels
from workbench.fusion.leaks import cut_words, named_by_file, without_class
from workbench.fusion.near_duplicates import SIDE as LOOK
from workbench.fusion.near_duplicates import look_of, pairs_within
from workbench.fusion.splits import given_split
from workbench.models.base import DualEncoder
from workbench.models.given import Named, as_encoder
from workbench.renaming import renamed
from workbench.results import OnEvent, ShouldStop
from workbench.runtime import batched
from workbench.values import classes_of, is_missing, known_labels

__all__ = ["WORD_CODE", "examples", "patches", "word_code"]

SIDE, GRID = 32, 4
"""Pictures become 32 x 32 pixels and 4 x 4 patches: enough for shapes and colours, small enough for a CPU."""
WORD_CODE, MOST_WORDS = 32, 24
_GENERATED = {"image": "digit", "text": "word_digit"}  # columns of `digits-words`
_MOST_JOINED = 1 / 3  # share of all pictures that may be held together for being nearly the same
_MOST_PATCHES = 36  # more than these are averaged to GRID x GRID


@renamed("most", "limit")
@verb
def examples(
    pairs: PairsLike,
    *,
    model: Named | None = None,
    seed: int = 0,
    limit: int | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Examples:
    """Tokens, labels and a split from labelled pairs.

    Without a model a picture is 4 x 4 patches of raw pixels and a text is its words, each a fixed random
    code made from the word itself (nothing is fitted). With a model both are its frozen features:
    patch tokens of its last layer where it gives them out, else its vector; and the text's vector.

    The split is that of the column "split" ("train", "validation", "test") if there is one, else drawn
    by `seed` so that each class has its share of every part; rows that show the same picture, or nearly the
    same, stay together in a draw, so that no test picture was trained on. Rows without a label are left out,
    and a note says how many. An empty text is a missing text.

    Args:
        pairs: of `data.load`, or what it takes: a name, a path, a pandas table. They need labels.
        model: a loaded one, or a name that `models.load` takes.
        seed: of the split, and of the choice of `limit`.
        limit: at most so many rows, chosen by `seed`; None takes all.
        on_event, should_stop: hears each batch that is done; asked before each.

    Returns:
        `Examples`: `.modalities` are tokens, item x token x feature each, `.labels` and `.split` one an item.

    Raises:
        BadInputError: no labels, one class only, several labels in a row, measured numbers for labels, a
            split that holds something else, or `limit` below 1.
        BadPictureError: a picture cannot be read; the message names it.
        Cancelled: `should_stop` returned true.

    Example:
        >>> from workbench import data
        >>> from workbench.fusion import examples
        >>> made = examples(data.load("shapes", n=40))
        >>> len(made), sorted(made.modalities)
        (40, ['image', 'text'])
    """
    if limit is not None and limit < 1:
        raise BadInputError(f"limit is {limit}; expected at least 1 row, or None for all.")
    options: dict[str, Any] = {"on_event": on_event, "should_stop": should_stop}
    return _made(as_pairs(pairs), None if model is None else as_encoder(model), seed, limit, options)


def _made(
    pairs: Pairs, model: DualEncoder | None, seed: int, limit: int | None, options: dict[str, Any]
) -> Examples:
    code = _code(pairs, model, seed, limit)
    pairs, notes = _labelled(pairs)
    if limit is not None and len(pairs) > limit:
        rows = np.sort(np.random.default_rng(seed).permutation(len(pairs))[:limit])
        pairs = pairs[rows.tolist()]
    assert pairs.labels is not None  # _labelled refused the other case
    check_classes(pairs.name, pairs.labels)
    given, labels = classes_of(pairs.labels)
    classes = tuple(map(str, given))
    if len(classes) < 2:
        raise BadInputError(
            f"Every one of {plural(len(pairs), 'row')} of {pairs.name!r} has the label {classes[0]!r}; "
            "to compare fusions there must be at least two. Check the label column."
        )
    image, looks, meta, said = _pixels(pairs, options) if model is None else _features(model, pairs, options)
    groups = _together(pairs, looks, stopper(options["should_stop"]))
    split = given_split(pairs.columns.get("split"), groups, labels, seed)
    named = named_by_file(pairs.sources, pairs.texts)
    texts, leak = without_class(pairs.texts, named, labels, split, len(classes))
    text, more = _coded(texts, meta) if model is None else (_vectors(model, texts, options), ())
    meta |= dict(getattr(pairs, "facts", {}) or {}) | _latents(pairs) | ({"leaks": (leak,)} if leak else {})
    modalities = {"image": image, "text": text}
    notes += (said, *more)
    return Examples(pairs.name, modalities, labels, classes, split, pairs, meta, notes, code, looks)


def _code(pairs: Pairs, model: DualEncoder | None, seed: int, limit: int | None) -> str:
    """The call that makes the same examples, with what differs from the usual."""
    parts = [pairs.code]
    if model is not None:
        parts.append(f"model=models.load({model.card.name!r})")
    if seed:
        parts.append(f"seed={seed}")
    if limit is not None and len(pairs) > limit:
        parts.append(f"limit={limit}")
    return f"examples({', '.join(parts)})"


def _latents(pairs: Pairs) -> dict[str, Any]:
    """What a generator put into each modality, where its columns say so: information is exact then."""
    found = {side: pairs.columns.get(column) for side, column in _GENERATED.items()}
    if any(values is None for values in found.values()):
        return {}
    return {"latents": {side: np.array(values, dtype=np.int64) for side, values in found.items()}}


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
    several = next((note for note in pairs.notes if "several labels a row" in note), "")
    if pairs.labels is None and several:
        raise BadInputError(several_labels(pairs.name, several.partition(" holds")[0]))
    if pairs.labels is None:
        raise BadInputError(
            f"{pairs.name!r} has no labels, so there is nothing to learn. Name their column: "
            "data.load('table.csv', label_column='...')."
        )
    known = np.flatnonzero(known_labels(pairs.labels)).tolist()
    if not known:
        raise BadInputError(
            f"All {plural(len(pairs), 'label')} of {pairs.name!r} are empty. Check the label column."
        )
    left_out = len(pairs) - len(known)
    if not left_out:
        return pairs, pairs.notes
    note = f"{plural(left_out, 'row')} without a label left out"
    return pairs[known], (*pairs.notes, note)


def _together(pairs: Pairs, looks: NDArray[np.uint8], beat: Callable[[], None]) -> NDArray[np.int64]:
    """item: rows with one number are never parted by a draw: those of one picture.

    Where the whole split is drawn, also those of pictures that are nearly the same; unless that would put a
    third of all pictures together, as where every picture is one form, filled in.
    """
    _, first, groups = np.unique(np.array(pairs.keys), return_index=True, return_inverse=True)
    if pairs.columns.get("split") is not None:
        return groups
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    near = pairs_within(looks[first], beat)
    ones = np.ones(len(near), np.int8)
    graph = coo_matrix((ones, (near[:, 0], near[:, 1])), shape=(len(first), len(first)))
    joined = connected_components(graph, directed=False)[1]
    if np.bincount(joined).max() > max(_MOST_JOINED * len(first), 1):
        return groups
    return np.asarray(joined[groups], np.int64)


def _pixels(pairs: Pairs, options: dict[str, Any]) -> tuple[Tokens, NDArray[np.uint8], dict[str, Any], str]:
    """Patches of every picture, its look, what is known of the patches, and how they were made."""
    both = _each_once(
        pairs,
        lambda pictures: np.stack([np.r_[patches(one).ravel(), look_of(one).ravel()] for one in pictures]),
        options,
    )
    image, looks = np.split(both, [3 * SIDE**2], axis=1)
    said = f"pictures: {GRID} x {GRID} patches of {SIDE} x {SIDE} pixels; texts: coded words"
    tokens = Tokens.of(image.reshape(len(pairs), GRID * GRID, -1))
    return tokens, _as_looks(looks), {"image_grid": (GRID, GRID)}, said


def _as_looks(values: NDArray) -> NDArray[np.uint8]:
    return values.reshape(-1, LOOK, LOOK, 3).astype(np.uint8)


def _coded(texts: Sequence[str], meta: dict[str, Any]) -> tuple[Tokens, tuple[str, ...]]:
    """Codes of the words of every text, and a note on those that were too long; the words go to `meta`."""
    tokens, meta["words"], cut = _words(texts)
    if not cut:
        return tokens, ()
    return tokens, (f"{plural(cut, 'text')} longer than {MOST_WORDS} words; the end is ignored",)


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


def _features(
    model: DualEncoder, pairs: Pairs, options: dict[str, Any]
) -> tuple[Tokens, NDArray[np.uint8], dict[str, Any], str]:
    """A model's frozen features of every picture, its look, what is known of them, how they were made."""
    meta: dict[str, Any] = {}
    give = getattr(model, "patch_tokens", None)
    if give is not None and model.capabilities.get("patch_tokens", "unknown") is None:
        image = _each_once(pairs, lambda pictures: _patch_tokens(model, pictures), options)
        what = f"{image.shape[1]} patch tokens"
        side = round(image.shape[1] ** 0.5)
        meta["image_grid"] = (side, side) if side * side == image.shape[1] else (1, image.shape[1])
    else:
        image, what = embed_pictures(model, pairs, **options), "one vector"
    said = f"frozen features of {model.card.name}: {what} a picture, one vector a text"
    looks = _each_once(pairs, lambda pictures: np.stack([look_of(one).ravel() for one in pictures]), options)
    return Tokens.of(image), _as_looks(looks), meta, said


def _vectors(model: DualEncoder, texts: Sequence[str], options: dict[str, Any]) -> Tokens:
    """A model's vector of every text; an empty text is a missing one, although a model gives it a vector."""
    said = np.array([not is_missing(text) for text in texts])
    return Tokens.of(embed_texts(model, texts, **options), said[:, None])


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
