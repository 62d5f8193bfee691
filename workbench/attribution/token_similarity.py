"""Cosines of words and patches: each token passed through its tower's pooling and projection on its own.

Two readings, because the plain one contradicts the eye. "states" reads the last block's state of a token; by
then a patch holds much of the whole picture, and a word in its sentence all words before it. "values" reads
what a patch hands on to others in the last block (its value, through the block's output projection, without
the shortcut and what follows it), and compares it with the word as a text of its own. `point_words`
measures both where the right answer is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workbench.attention.blocks import block_of
from workbench.attention.recorder import Recorder, recording
from workbench.attention.token_layout import bare, is_mark
from workbench.calling import verb
from workbench.capture import TokenLayout, Trace
from workbench.errors import BadInputError, UnsupportedError
from workbench.hooks import output_changed
from workbench.models.given import as_encoder

__all__ = [
    "READINGS",
    "Reading",
    "token_cosines",
    "token_vectors",
    "towers_in",
    "whole_words",
    "word_vectors",
]

Reading = Literal["values", "states"]
READINGS: tuple[Reading, ...] = ("values", "states")
_WORD = re.compile(
    r"[\u3040-\u9fff]|[^\W\u3040-\u9fff]+"
)  # Chinese and Japanese set no spaces: a letter each


@verb
def token_cosines(model: Any, trace: Trace, *, reading: Reading = "values") -> NDArray[np.float32]:
    """Cosine of each text token with each patch, both read alone by the head of their tower.

    No attention joins the two towers of a CLIP; this is the nearest thing to one. It is no attention and no
    segmentation: the heads were trained to read whole pictures and texts. How often the nearest patch lies on
    what the word names is measured by `point_words`.

    Args:
        model: the dual encoder that was captured, or its name.
        trace: of a pair, from `capture`.
        reading: "values", the patch's value in the last block with the word as a text of its own, or
            "states", the last state of both in their sequences.

    Returns:
        text token x row x col; NaN for marks of the tokeniser where "values" has no word to read.

    Raises:
        BadInputError: no such reading.
        UnsupportedError: the model has no two towers of attention, or no patches.

    Source: Zhou et al. 2022 (MaskCLIP), the value path; without shortcut and feed-forward part after Lan et
    al. 2024 (ClearCLIP).

    Example:
        >>> from workbench import data, models
        >>> from workbench.attribution import token_cosines
        >>> from workbench.capture import capture
        >>> model, pair = models.load("emoji-clip"), data.load("emoji")[0]
        >>> cosines = token_cosines(model, capture(model, pair))
        >>> cosines.shape == (len(model.tokens(pair.text).pieces), 8, 8)
        True
    """
    if reading not in READINGS:
        raise BadInputError(f"reading is {reading!r}; expected one of {', '.join(READINGS)}.")
    model = as_encoder(model)
    layout, words = towers_in(trace)
    image = functional.normalize(token_vectors(model, trace, "image", reading=reading), dim=-1)
    if reading == "states":
        places = torch.arange(words.first_word, words.first_word + len(words.words))
        text = functional.normalize(token_vectors(model, trace, "text"), dim=-1)[places]
    else:
        text = _words_alone(model, words.words, trace.text).to(image)
    cosines = text @ image[torch.from_numpy(layout.patches)].T
    return cosines.float().cpu().numpy().reshape(len(words.words), *layout.grid)  # type: ignore[misc]


def towers_in(trace: Trace) -> tuple[TokenLayout, TokenLayout]:
    """The sequences of the image and the text tower.

    Raises:
        UnsupportedError: the trace has not both, or the image tower has no patches.
    """
    picture, written = trace.group("image"), trace.group("text")
    if not picture or not written or picture[-1].query.grid is None:
        raise UnsupportedError(
            "Cosines of patches and words need a model with an image tower of patches and a text tower; "
            f"this trace holds {', '.join(site.name for site in trace.sites[:6])}."
        )
    return picture[-1].query, written[-1].query


def token_vectors(model: Any, trace: Trace, side: str, *, reading: Reading = "states") -> Tensor:
    """token x feature: what the tower would say if its last block gave this token's state at every place.

    So the token that the head reads gives the model's own vector, whichever way the head reads.

    Args:
        reading: of "values" the last block gives the token's own value through its output projection instead.

    Raises:
        UnsupportedError: the head mixes items, so that tokens cannot be read apart.
    """
    site = trace.group(side)[-1]
    block = model.model.get_submodule(block_of(site.path) or site.path)
    alone = site.path if reading == "values" else ""
    recorder, count = Recorder(alone=alone), site.query.count
    blocks = (alone,) if alone else ()
    try:
        everywhere = _each_token_everywhere(recorder.outputs, alone)
        with (
            torch.no_grad(),
            recording(model.model, recorder, blocks=blocks),
            output_changed(block, everywhere),
        ):
            vectors = _read(model, trace, side)
    except (RuntimeError, IndexError, KeyError) as problem:
        raise UnsupportedError(
            f"The {side} head of {model.card.name} does not read tokens one by one ({problem}); there are no "
            "cosines of patches and words for it."
        ) from problem
    if len(vectors) != count:
        raise UnsupportedError(
            f"The {side} head of {model.card.name} gave {len(vectors)} vectors for {count} tokens, so they "
            "cannot be read apart."
        )
    return vectors


def word_vectors(model: Any, words: Sequence[str]) -> Tensor:
    """word x feature, unit vectors: each word as a text of its own."""
    with torch.no_grad():
        return functional.normalize(model.text_features(model.words(list(words))), dim=-1)


def whole_words(pieces: Sequence[str], text: str) -> list[str]:
    """For each token the word of the text that it belongs to; "" for marks of the tokeniser.

    Tokens that are parts of one word share its meaning, and its vector. A token that is not found in the
    text, because the tokeniser writes it in another way, is its own word.
    """
    spans = [found.span() for found in _WORD.finditer(text)]
    written = text.lower() if len(text.lower()) == len(text) else text
    words, at, lost = [], 0, False
    for piece in pieces:
        letters = "" if is_mark(piece) else bare(piece)
        start = written.find(letters, at) if letters else -1
        if start < 0 or (written[at:start].strip() and not lost):
            words.append(letters)
            lost = True  # an unknown word stands for some letters of the text
            continue
        at, lost = start + len(letters), False
        mine = [span for span in spans if span[0] < at and span[1] > start]
        words.append(text[mine[0][0] : mine[-1][1]] if mine else letters)
    return words


def _words_alone(model: Any, pieces: Sequence[str], text: str) -> Tensor:
    """token x feature: the vector of each token's word; NaN where the token is none."""
    words = whole_words(pieces, text)
    known = sorted({word for word in words if word})
    if not known:
        raise UnsupportedError("The text holds no word to compare with patches.")
    vectors = word_vectors(model, known)
    none = vectors.new_full((1, vectors.shape[1]), float("nan"))
    rows = torch.cat([vectors, none])
    return rows[[known.index(word) if word else len(known) for word in words]]


def _read(model: Any, trace: Trace, side: str) -> Tensor:
    pair = trace.pair
    picture, text = pair if isinstance(pair, tuple) else (pair.picture, pair.text)
    if side == "image":
        return model.image_features(model.pixels([picture]))
    return model.text_features(model.words([text]))


def _each_token_everywhere(outputs: dict[str, Tensor], path: str) -> Callable[[Tensor], Tensor]:
    """1 x token x width -> token x token x width, item k holding token k at every place.

    With a `path`, what the module there gave (kept in `outputs`) instead of what the block gives.
    """

    def spread_out(given: Tensor) -> Tensor:
        return _spread(outputs[path].to(given) if path else given[0])

    return spread_out


def _spread(states: Tensor) -> Tensor:
    return states[:, None].expand(-1, len(states), -1).contiguous()
