"""How the next token is chosen: the settings as a value, and the distribution they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import as_numbers
from workbench.calling import verb
from workbench.errors import BadInputError

__all__ = ["How", "beam", "filtered", "filtered_alternatives", "greedy", "sample"]

_WHOLE = 1e-9  # probability that may be missing where the tokens kept are all there are


@dataclass(frozen=True)
class How:
    """How an answer is decoded; made by `greedy`, `beam` or `sample`.

    Attributes:
        kind: "greedy", "beam" or "sample"; "given" of a text that no decoding chose (`likelihood`).
        width: beams that are kept; 1 unless `kind` is "beam".
        length_penalty: a finished beam is judged by its log-probability / length ** length_penalty, the
            length counting the answer's tokens alone, its end included. Above 0 it favours long answers.
        temperature, top_k, top_p: of sampling; see `filtered`.
        seed: of sampling.

    Example:
        >>> from workbench.generation import sample
        >>> sample(temperature=0.7, seed=1).kind
        'sample'
    """

    kind: Literal["greedy", "beam", "sample", "given"] = "greedy"
    width: int = 1
    length_penalty: float = 0.0
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("greedy", "beam", "sample", "given"):
            raise BadInputError(f"kind={self.kind!r} was given; expected 'greedy', 'beam' or 'sample'.")
        _check_width(self.width)
        _check_filters(self.temperature, self.top_k, self.top_p)
        if not np.isfinite(self.length_penalty):
            raise BadInputError(f"length_penalty={self.length_penalty} was given; expected a finite number.")

    def __str__(self) -> str:
        if self.kind == "beam":
            return f"beam({self.width}, length_penalty={self.length_penalty:g})"
        if self.kind in ("greedy", "given"):
            return f"{self.kind}()" if self.kind == "greedy" else self.kind
        parts = [f"temperature={self.temperature:g}"]
        parts += [f"top_k={self.top_k}"] if self.top_k is not None else []
        parts += [f"top_p={self.top_p:g}"] if self.top_p < 1 else []
        return f"sample({', '.join([*parts, f'seed={self.seed}'])})"


@verb
def greedy() -> How:
    """The likeliest token at every step.

    Returns:
        A `How` for `write`.

    Example:
        >>> from workbench.generation import greedy
        >>> str(greedy())
        'greedy()'
    """
    return How()


@verb
def beam(width: int = 4, length_penalty: float = 0.0) -> How:
    """The likeliest of the answers that a beam search of `width` finds.

    Args:
        width: beginnings that are kept at each step.
        length_penalty: exponent of the length that a finished answer's log-probability is divided by; 0
            judges by the log-probability itself, 1 by its mean a token (what transformers takes by default).

    Returns:
        A `How` for `write`.

    Raises:
        BadInputError: `width` is no whole number from 1.

    Example:
        >>> from workbench.generation import beam
        >>> str(beam(3))
        'beam(3, length_penalty=0)'
    """
    return How("beam", width=width, length_penalty=length_penalty)


@verb
def sample(temperature: float = 1.0, top_k: int | None = None, top_p: float = 1.0, seed: int = 0) -> How:
    """A token drawn from the model's distribution, made sharper and cut off as `filtered` does.

    Args:
        temperature: divides the logits: below 1 sharper, above 1 flatter.
        top_k: only so many likeliest tokens can be drawn; None lets all.
        top_p: only the likeliest tokens that together hold this share can be drawn (nucleus sampling).
        seed: of the draws; the same gives the same answer.

    Returns:
        A `How` for `write`.

    Raises:
        BadInputError: a temperature that is not above 0, a `top_k` below 1, a `top_p` outside of 0 to 1.

    Example:
        >>> from workbench.generation import sample
        >>> str(sample(0.7, top_p=0.9))
        'sample(temperature=0.7, top_p=0.9, seed=0)'
    """
    return How("sample", temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)


@verb
def filtered(
    logits: ArrayLike, *, temperature: float = 1.0, top_k: int | None = None, top_p: float = 1.0
) -> NDArray[np.float64]:
    """The distribution that a token is drawn from: temperature, then `top_k`, then `top_p`.

    The one place where this is computed: the decoder, the sliders of the answer lens and the tests use it.

    Args:
        logits: (..., token) unprocessed scores; log-probabilities do as well.
        temperature: divides the logits.
        top_k: tokens that are left, those as likely as the last of them too; None leaves all.
        top_p: the share that the smallest set of likeliest tokens must reach to be left.

    Returns:
        (..., token) probabilities in float64; each row sums to 1, what was cut off is 0.

    Raises:
        BadInputError: settings out of range, or logits that are not numbers.

    Source: nucleus sampling, Holtzman et al. 2020, section 3.1.

    Example:
        >>> from workbench.generation import filtered
        >>> filtered([2.0, 1.0, 0.0], top_k=2).round(3).tolist()
        [0.731, 0.269, 0.0]
    """
    _check_filters(temperature, top_k, top_p)
    scores = _numbers("logits", logits)
    if scores.ndim == 0 or scores.shape[-1] == 0:
        raise BadInputError(
            f"logits have the shape {scores.shape}; expected (..., token), one token or more."
        )
    if np.isnan(scores).any() or np.isposinf(scores).any() or np.isneginf(scores).all(axis=-1).any():
        raise BadInputError(
            "The logits hold values that are no numbers, so there is no distribution to draw from. Load the "
            "model in float32; if they stay, its weights are damaged."
        )
    scores /= temperature
    if top_k is not None and top_k < scores.shape[-1]:
        last = np.partition(scores, -top_k, axis=-1)[..., [-top_k]]
        scores[scores < last] = -np.inf
    shares = _softmax(scores)
    if top_p < 1:
        shares = np.where(_nucleus(shares, top_p), shares, 0.0)
        shares /= shares.sum(axis=-1, keepdims=True)
    return shares


@verb
def filtered_alternatives(
    logp: ArrayLike, *, temperature: float = 1.0, top_k: int | None = None, top_p: float = 1.0
) -> NDArray[np.float64]:
    """What `filtered` leaves to the likeliest tokens, where these alone were kept and are enough.

    For the sliders of a board, which never call the model. Enough they are where they are all that `top_k`
    leaves, where at temperature 1 they hold the share `top_p`, where nothing is cut at temperature 1, and
    where they are the whole vocabulary. Elsewhere what was not kept would count, and is not guessed.

    Args:
        logp: (..., alternative) the model's log-probabilities, likeliest first:
            `answer.alternative_logp`, `tree.alternative_logp`.
        temperature: as in `filtered`.
        top_k: as in `filtered`; a token that was not kept is left out though it be as likely as the last.
        top_p: as in `filtered`.

    Returns:
        (..., alternative) probabilities in float64; rows of NaN where the tokens kept are not enough.

    Raises:
        BadInputError: settings out of range, or log-probabilities that are none.

    Example:
        >>> import numpy as np
        >>> from workbench.generation import filtered_alternatives
        >>> kept = np.log([0.5, 0.25, 0.125])  # an eighth is with tokens that were not kept
        >>> filtered_alternatives(kept, top_k=2).round(3).tolist()
        [0.667, 0.333, 0.0]
        >>> filtered_alternatives(kept, temperature=2.0).tolist()
        [nan, nan, nan]
    """
    _check_filters(temperature, top_k, top_p)
    kept = _numbers("logp", logp)
    if kept.ndim == 0 or np.isnan(kept).any() or (kept > _WHOLE).any():
        raise BadInputError("logp holds no log-probabilities; expected natural ones, none above 0.")
    shares = np.exp(kept)
    held = shares.sum(axis=-1)
    whole = held > 1 - _WHOLE
    if temperature == 1 and top_k is None:
        if top_p == 1 or kept.shape[-1] == 0:
            return shares
        enough = whole | (held >= top_p)
        rest = np.where(whole, 0.0, 1 - held)[..., None]  # all of it is less likely than what was kept
        left = np.where(_nucleus(shares, top_p, rest), shares, 0.0)
        left /= left.sum(axis=-1, keepdims=True)
    else:
        enough = whole | (top_k is not None and top_k <= kept.shape[-1])
        left = filtered(kept, temperature=temperature, top_k=top_k, top_p=top_p)
    return np.where(enough[..., None], left, np.nan)


def _nucleus(
    shares: NDArray[np.float64], top_p: float, rest: NDArray[np.float64] | float = 0.0
) -> NDArray[np.bool_]:
    """Which tokens belong to the smallest set of likeliest ones that holds `top_p`; always the likeliest.

    `rest` is what less likely tokens have that are not among these.
    """
    order = np.argsort(shares, axis=-1, kind="stable")  # of equals the later counts as likelier, as in torch
    below = rest + np.cumsum(np.take_along_axis(shares, order, axis=-1), axis=-1)
    kept = below > 1 - top_p
    kept[..., -1] = True
    mask = np.empty_like(kept)
    np.put_along_axis(mask, order, kept, axis=-1)
    return mask


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def _numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """A copy in float64, of a tensor too."""
    try:
        return np.array(as_numbers(values), np.float64)
    except (TypeError, ValueError) as problem:
        raise BadInputError(f"{name} is no array of numbers: {problem}. Expected (..., token).") from problem


def _check_width(width: int) -> None:
    if isinstance(width, bool) or not isinstance(width, int | np.integer) or width < 1:
        raise BadInputError(f"width={width!r} was given; expected how many beams are kept, a number from 1.")


def _check_filters(temperature: float, top_k: int | None, top_p: float) -> None:
    if not temperature > 0 or not np.isfinite(temperature):
        raise BadInputError(
            f"temperature={temperature} was given; expected a number above 0. Take greedy() for the "
            "likeliest token at every step, which is what 0 would mean."
        )
    whole = isinstance(top_k, int | np.integer) and not isinstance(top_k, bool)
    if top_k is not None and (not whole or top_k < 1):
        raise BadInputError(f"top_k={top_k!r} was given; expected a whole number from 1, or None for all.")
    if not 0 < top_p <= 1:
        raise BadInputError(f"top_p={top_p} was given; expected a share above 0, up to 1, which leaves all.")
