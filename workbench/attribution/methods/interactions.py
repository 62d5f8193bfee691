"""Which word goes with which patch: a second-order map from masked pictures and shortened texts.

The score of a dual encoder is a product of two towers, so every masked picture can be scored against every
shortened text for one pass each: n + m passes give n x m samples. On such a full grid the least-squares fit
of

    c + sum a_i p_i + sum b_j w_j + sum g_ij p_i w_j

has a closed form, one pseudo-inverse a side. `g` is what patch i and word j add together, beyond what each
adds alone: the weighted Banzhaf interaction index of the two players.

Source: the sampling over both modalities and the index follow FIxLIP (Baniecki et al. 2025, section 3); the
product form of the fit is ours.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.method_interface import Maps, Options, as_array
from workbench.errors import BadInputError, UnsupportedError

__all__ = ["bilinear_fit", "coalitions", "interaction_maps"]

_SHOWN = 0.7  # share of patches kept in a sample; FIxLIP's best p: the picture stays readable
_PICTURES_A_PATCH = 4
_ALL_TEXTS = 7  # up to so many words, every subset is read
_TEXTS = 160
_RIDGE = 1e-6


def interaction_maps(explained: ExplainedPair, options: Options) -> Maps:
    """Interactions of words and patches, and the value of each patch and each word over the same samples.

    Raises:
        BadInputError: fewer samples than patches, so that the fit has no unique answer.
        UnsupportedError: the model knows no word of the text.
    """
    rows, cols = explained.grid
    places, chance = list(explained.free_tokens), np.random.default_rng(options.seed)
    if not places:
        raise UnsupportedError(
            "Pairwise (word-patch) interactions need words to mask, and the model knows none of this text. "
            "Give a text in words that it knows, or leave the method 'interactions' out."
        )
    samples = options.samples or max(256, _PICTURES_A_PATCH * rows * cols)
    if samples <= rows * cols:
        raise BadInputError(
            f"samples={samples} masked pictures cannot tell {rows * cols} patches apart; give at least "
            f"{2 * rows * cols}."
        )
    keep = coalitions(samples, rows * cols, _SHOWN, chance)
    words = _texts(len(places), chance)
    scores = _scores(explained, options, keep.reshape(-1, rows, cols), words, places)
    fit = bilinear_fit(keep, words, scores)
    image, told = fit[1:, 0], fit[0, 1:]
    text = np.zeros(len(explained.tokens))
    pairs = np.zeros((len(explained.tokens), rows, cols))
    text[places] = told
    pairs[places] = fit[1:, 1:].T.reshape(-1, rows, cols)
    note = f"{samples} masked pictures x {len(words)} shortened texts, {_SHOWN:.0%} of the patches shown"
    return Maps(image.reshape(rows, cols), text, pairs, notes=(note,))


def coalitions(count: int, players: int, share: float, chance: np.random.Generator) -> NDArray[np.bool_]:
    """item x player: each player is there with probability `share`; the first item has all of them."""
    keep = chance.random((count, players)) < share
    keep[0] = True
    return keep


def bilinear_fit(
    pictures: NDArray[np.bool_], texts: NDArray[np.bool_], scores: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Least squares of scores by patches, words and their products: (1 + patch) x (1 + word).

    Players are centred at how often they are there, so row 0 and column 0 hold what a word (a patch) is
    worth on average over the other side, and the rest holds the interactions.

    Shapes:
        pictures: picture x patch; texts: text x word; scores: picture x text
    """
    left, right = (_design(part.astype(float)) for part in (pictures, texts))
    return left @ np.asarray(scores, float) @ right.T


def _design(keep: NDArray[np.floating]) -> NDArray[np.floating]:
    """Pseudo-inverse of [1, keep - mean], slightly ridged: (1 + player) x item."""
    design = np.concatenate([np.ones((len(keep), 1)), keep - keep.mean(axis=0)], axis=1)
    gram = design.T @ design
    return np.linalg.solve(gram + _RIDGE * len(keep) * np.eye(len(gram)), design.T)


def _texts(count: int, chance: np.random.Generator) -> NDArray[np.bool_]:
    if count <= _ALL_TEXTS:
        return np.array(list(product((True, False), repeat=count)), bool).reshape(-1, count)
    return coalitions(_TEXTS, count, 0.5, chance)


def _scores(
    explained: ExplainedPair, options: Options, keep: NDArray, words: NDArray, places: list[int]
) -> NDArray[np.floating]:
    """picture x text, the target of every masked picture with every shortened text."""
    filled = explained.filled(options.fill)

    def pictures(rows: list[NDArray]) -> NDArray:
        with torch.no_grad():
            return as_array(explained.image_features(explained.masked_pixels(np.stack(rows), filled)))

    def texts(rows: list[NDArray]) -> NDArray:
        full = np.ones((len(rows), len(explained.tokens)), bool)
        full[:, places] = np.stack(rows)
        with torch.no_grad():
            return as_array(explained.text_features(explained.masked_words(full)))

    size, device = options.batch_size, explained.texts.device
    image = torch.from_numpy(explained.many(pictures, list(keep), "masked pictures", size)).to(device)
    text = torch.from_numpy(explained.many(texts, list(words), "shortened texts", size)).to(device)
    columns = [explained.value(image, row[None].expand(len(image), -1)) for row in text]
    return torch.stack(columns, dim=1).double().cpu().numpy()
