"""Examples whose best accuracy is a formula, under every kind of damage: the theory line of `compare`."""

from __future__ import annotations

from functools import partial
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from workbench.calling import verb
from workbench.data.examples import Examples, Tokens
from workbench.errors import BadInputError
from workbench.formatting import one_line

__all__ = ["gaussian"]


@verb
def gaussian(items: int = 6000, *, means: tuple[float, float] = (1.0, 0.7), seed: int = 0) -> Examples:
    """Two measurements of one yes or no, each with normal noise of its own: one number a modality.

    `compare` draws the closed form into its robustness curves: under noise, of the sum rule that was
    fixed on clean data; with items missing, of a reader who then uses the other modality.

    Args:
        items: how many, 40 or more: half to train, a tenth to validate, the rest to test.
        means: distance of the two classes' centres from 0, in deviations of the noise, by modality.
        seed: of labels and noise.

    Returns:
        `Examples` whose `.meta` holds the best accuracy that there is.

    Raises:
        BadInputError: fewer than 40 items, or a mean that is not above 0.

    Example:
        >>> from workbench.fusion import gaussian
        >>> round(gaussian(40, means=(3.0, 4.0)).meta["bayes_accuracy"], 4)  # the normal integral up to 5
        1.0
    """
    from workbench.fusion.theory.closed_forms import noisy_bayes, phi

    if (
        not isinstance(means, tuple | list)
        or len(means) != 2
        or not all(isinstance(m, int | float) for m in means)
    ):
        raise BadInputError(
            f"means is {one_line(repr(means))}; expected two numbers above 0, one a modality."
        )
    if items < 40 or min(means) <= 0:
        raise BadInputError(f"items={items}, means={means}; expected at least 40 items and means above 0.")
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, items)
    values = [(2 * label - 1) * mean + random.normal(size=items) for mean in means]
    tokens = {name: Tokens.of(x[:, None]) for name, x in zip(("image", "text"), values, strict=True)}
    parts = np.array([0.5, 0.1])
    split = np.searchsorted(np.round(parts.cumsum() * items), np.arange(items), side="right")
    best = noisy_bayes(0.0, means)
    alone = {name: phi(mean) for name, mean in zip(tokens, means, strict=True)}
    theory = {
        ("noise", "image"): partial(_noise, means),
        ("noise", "text"): partial(_noise, means[::-1]),
        ("missing", "image"): partial(_missing, best, alone["text"]),
        ("missing", "text"): partial(_missing, best, alone["image"]),
    }
    meta = {"theory": theory, "bayes_accuracy": best, "additive_accuracy": best}
    meta |= {f"{name}_accuracy": value for name, value in alone.items()}
    code = f"gaussian({items}, means={means}, seed={seed})"
    return Examples("gaussian", tokens, label, ("no", "yes"), split.astype(np.uint8), None, meta, (), code)


def _noise(means: tuple[float, float], levels: NDArray) -> NDArray[np.float32]:
    """Accuracy at noise in units of the first modality's own deviation, its classes included."""
    from workbench.fusion.theory.closed_forms import noisy_accuracy

    own = sqrt(1 + means[0] ** 2)
    return np.array([noisy_accuracy(own * float(level), means) for level in levels], np.float32)


def _missing(both: float, other: float, rates: NDArray) -> NDArray[np.float32]:
    return ((1 - rates) * both + rates * other).astype(np.float32)
