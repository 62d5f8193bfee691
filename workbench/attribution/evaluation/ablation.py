"""Ablation: what the score would be without some patches or words, the smallest experiment there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.targets import similarity
from workbench.axes import frozen
from workbench.calling import verb
from workbench.data.pairs_input import as_pair
from workbench.errors import BadInputError
from workbench.formatting import plural
from workbench.models.given import as_encoder
from workbench.portable import Portable
from workbench.results import OnEvent, ShouldStop

__all__ = ["Without", "score_without"]


@dataclass(frozen=True, eq=False)
class Without(Portable):
    """A pair's cosine with and without parts of it.

    Attributes:
        before, score: with everything, and without `patches` and `words`.
        random: the score for the same number of patches (of words, where no patch was taken) drawn at random;
            what a change must be compared with.
        patches: those that were filled in, counted row by row.
        words: indices of the tokens that were left out.
        fill: what stands in the place of a patch.

    Shapes:
        random: draw
    """

    before: float
    score: float
    random: NDArray[np.float32]
    patches: tuple[int, ...] = ()
    words: tuple[int, ...] = ()
    fill: str = "mean"

    def __post_init__(self) -> None:
        object.__setattr__(self, "random", frozen(self.random, np.float32))

    @property
    def change(self) -> float:
        """What taking the parts away did."""
        return self.score - self.before

    def __str__(self) -> str:
        taken = [plural(len(self.patches), "patch", "patches")] if self.patches else []
        taken += [plural(len(self.words), "word")] if self.words else []
        beside = f"; random parts: {self.random.mean() - self.before:+.3f}" if len(self.random) else ""
        return f"cosine {self.before:.3f} -> {self.score:.3f} without {' and '.join(taken)}{beside}"


@verb
def score_without(
    model: Any,
    pair: Any,
    *,
    patches: Sequence[int] = (),
    words: Sequence[int] = (),
    fill: str = "mean",
    draws: int = 8,
    seed: int = 0,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Without:
    """The cosine of a pair when patches are filled in and words are left out.

    Args:
        model: a dual encoder, or its name.
        pair: `pairs[0]` or (picture, text), in any form that verbs take one in.
        patches: numbers counted row by row.
        words: indices among the text's tokens.
        fill: "mean", "blur", "white" or "black" instead of the patches.
        draws: how often as many random parts are taken away instead.
        seed: of those draws.
        on_event: called as it goes on.
        should_stop: asked before and after the one batch; nothing is kept when it says true.

    Returns:
        A `Without`: the cosine before, after, and without random parts.

    Raises:
        BadInputError: nothing was taken away, or everything; a number that does not exist.
        UnsupportedError: the model is no dual encoder.
        Cancelled: `should_stop` returned true.

    Example:
        >>> from workbench import attribution, data, models
        >>> pair = data.load("emoji")[0]
        >>> found = attribution.score_without(models.load("emoji-clip"), pair, patches=[0, 1], draws=4)
        >>> found.patches, found.random.shape
        ((0, 1), (4,))
    """
    model, held = as_encoder(model), as_pair(pair)
    explained = ExplainedPair(
        model, held.picture, similarity(held.text), on_event=on_event, should_stop=should_stop
    )
    grid, free = explained.grid, list(explained.free_tokens)
    hidden = _numbers("patches", patches, range(grid[0] * grid[1]))
    left_out = _numbers("words", words, free)
    if not hidden and not left_out:
        raise BadInputError("Nothing was taken away; name at least one patch or one word.")
    draw = np.random.default_rng(seed)
    kept = np.ones((1 + draws, grid[0] * grid[1]), bool)
    kept[0, list(hidden)] = False
    if hidden:
        for row in range(1, 1 + draws):
            kept[row, draw.choice(kept.shape[1], len(hidden), replace=False)] = False
    spoken = np.ones((1 + draws, len(explained.tokens)), bool)
    spoken[:, list(left_out)] = False
    if not hidden:  # words are the parts that are drawn
        spoken[1:] = True
        for row in range(1, 1 + draws):
            spoken[row, draw.choice(free, len(left_out), replace=False)] = False
    explained.tell("masked pairs", 0, 1)
    with torch.no_grad():
        image = (
            explained.image_features(explained.masked_pixels(kept.reshape(-1, *grid), explained.filled(fill)))
            if hidden
            else explained.image
        )
        said = explained.text_features(explained.masked_words(spoken)) if left_out else None
        scores = explained.value(image, said).float().cpu().numpy()
    explained.tell("masked pairs", 1, 1)
    return Without(explained.score, float(scores[0]), scores[1:], hidden, left_out, fill)


def _numbers(what: str, given: Sequence[int], known: Sequence[int]) -> tuple[int, ...]:
    chosen = tuple(sorted({int(number) for number in given}))
    wrong = [number for number in chosen if number not in known]
    if wrong:
        some = f"{min(known)} to {max(known)}" if len(known) else "none"
        raise BadInputError(f"{what} holds {wrong[0]}; those that can be taken away are {some}.")
    if chosen and len(chosen) == len(known):
        raise BadInputError(f"All {len(known)} {what} would be taken away; leave at least one.")
    return chosen
