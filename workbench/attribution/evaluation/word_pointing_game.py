"""Are cosines of words and patches true? Measured where the right answer is known: on drawn scenes.

For each word of a caption that names a colour or a shape: does the patch nearest to it lie on a thing that it
names? Beside the share right stand two others: that of a patch taken blindly, and that of a patch taken
blindly on the things. Only what beats the second tells words apart; a map of "here is something" gets as far.

Source: the pointing game of Zhang et al. 2018, here with one word at a time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import data
from workbench.attribution.evaluation.faithfulness import share_of_best
from workbench.attribution.evaluation.masks import hits, seen_mask
from workbench.attribution.token_similarity import (
    READINGS,
    Reading,
    token_cosines,
    token_vectors,
    towers_in,
    whole_words,
)
from workbench.attribution.token_similarity import word_vectors as vectors_of
from workbench.calling import verb
from workbench.capture import Trace, capture
from workbench.data.pairs import Pair
from workbench.errors import BadInputError, BadWeightsError, Cancelled
from workbench.models.cards import WEIGHTS
from workbench.portable import Portable
from workbench.results import Event, OnEvent, Provenance, ShouldStop
from workbench.untrusted import parsed

__all__ = ["SCENES", "WordPointing", "point_words", "word_pointing_card"]

SCENES = 60
"""Scenes of one measurement: about 350 words, so a share is known to within five points."""
_CARD = "word_pointing.json"


@dataclass(frozen=True)
class WordPointing(Portable):
    """Share of words whose nearest patch lies on a thing that they name.

    Attributes:
        right: reading -> the share; see `token_cosines` for what the readings are.
        chance: the share for a patch taken blindly.
        things: the share for a patch taken blindly on the things.
        words, scenes: how many were asked about, and in how many scenes of `shapes`.
        provenance: model, digest of its weights, scenes and seed.
    """

    right: Mapping[str, float]
    chance: float
    things: float
    words: int
    scenes: int
    provenance: Provenance = field(default_factory=lambda: Provenance("point_words"))

    def __post_init__(self) -> None:
        object.__setattr__(self, "right", MappingProxyType(dict(self.right)))

    @property
    def best(self) -> str:
        """The reading that is right most often."""
        return max(self.right, key=self.right.__getitem__)

    def margin(self, reading: str) -> float:
        """Half of the 95 % interval of the share of `reading`."""
        share = self.right[reading]
        return 1.96 * math.sqrt(share * (1 - share) / self.words)

    def holds(self, reading: str) -> bool:
        """Whether `reading` tells words apart: its whole interval lies above both blind choices."""
        return self.right[reading] - self.margin(reading) > max(self.chance, self.things)

    def __str__(self) -> str:
        share = self.right[self.best]
        return (
            f"nearest patch on a thing that the word names: {share:.0%} ± {self.margin(self.best):.0%} of "
            f"{self.words} words in {self.scenes} drawn scenes; a blind patch {self.chance:.0%}, a blind "
            f"patch on any thing {self.things:.0%}"
        )

    def to_json(self) -> str:
        """The figures as JSON, as `word_pointing_card` reads them."""
        plain = {
            "right": {name: round(share, 4) for name, share in self.right.items()},
            "chance": round(self.chance, 4),
            "things": round(self.things, 4),
            "words": self.words,
            "scenes": self.scenes,
            "provenance": self.provenance.to_dict(),
        }
        return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> WordPointing:
        """What `to_json` wrote.

        Args:
            text: that JSON.

        Raises:
            BadWeightsError: the text is no such card.
        """
        try:
            told = parsed(text)
            origin = dict(told["provenance"], notes=tuple(told["provenance"]["notes"]))
            right = {str(name): float(share) for name, share in told["right"].items()}
            return cls(right, float(told["chance"]), float(told["things"]), int(told["words"]),
                       int(told["scenes"]), Provenance(**origin))  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise BadWeightsError(f"This is no card of pointing words: {problem!r}.") from problem


@verb
def point_words(
    model: Any,
    *,
    scenes: int = SCENES,
    seed: int = 0,
    readings: Sequence[Reading] = ("values",),
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> WordPointing:
    """How often cosines of words and patches point to what the word names, on scenes of `shapes`.

    One pass a scene for "values"; "states" takes six.

    Args:
        model: a dual encoder.
        scenes: how many are drawn; each holds about six words to ask about.
        seed: of the scenes.
        readings: of `token_cosines`: "values", "states".
        on_event: called before each scene.
        should_stop: asked before each scene; nothing is kept when it says true.

    Returns:
        A `WordPointing`: reading -> share right, beside two blind choices.

    Raises:
        BadInputError: no scenes, or an unknown reading.
        UnsupportedError: the model has no patches, or its head cannot read tokens one by one.
        Cancelled: `should_stop` returned true.

    Source: Zhang et al. 2018, the pointing game, with one word at a time.

    Example:
        >>> from workbench import models
        >>> from workbench.attribution import point_words
        >>> found = point_words(models.load("shapes-clip"), scenes=2)
        >>> found.scenes, found.words > 8
        (2, True)
    """
    if scenes < 1 or not readings or not set(readings) <= set(READINGS):
        raise BadInputError(
            f"{scenes} scenes and readings {list(readings)!r} were given; expected at least one scene, and "
            f"readings among {', '.join(READINGS)}."
        )
    pairs = data.load("shapes", n=scenes, seed=seed)
    first = capture(model, pairs[0], hidden=False)
    towers_in(first)
    found: dict[str, list[float]] = {name: [] for name in readings}
    blind: list[tuple[float, float]] = []
    known: dict[str, NDArray[np.float32]] = {}
    for done, pair in enumerate(pairs):
        if should_stop is not None and should_stop():
            raise Cancelled("Measuring the cosines of words and patches was cancelled.")
        if on_event is not None:
            on_event(Event("words and patches", done, scenes, model.card.name))
        asked = _asked(model, first, pair)
        blind += [(float(place.mean()), overlap) for _, _, place, overlap in asked]
        for name in readings:
            maps = (
                _values(model, first, pair, asked, known) if name == "values" else _states(model, pair, asked)
            )
            found[name] += [share_of_best(one, row[2]) for one, row in zip(maps, asked, strict=True)]
    origin = Provenance(
        "point_words", model.card.name, model.weights_hash, "shapes", {"scenes": scenes}, seed=seed
    )
    chance, things = (float(np.mean([row[k] for row in blind])) for k in (0, 1))
    right = {name: float(np.mean(shares)) for name, shares in found.items()}
    return WordPointing(right, chance, things, len(blind), scenes, origin)


@verb
def word_pointing_card(name: str, *, weights: Path = WEIGHTS) -> WordPointing | None:
    """What was measured of a shipped model's cosines of words and patches; nothing is computed.

    Args:
        name: of the model.
        weights: the folder that holds a folder for each shipped model.

    Returns:
        Its `WordPointing`; None for a model without such a card.

    Raises:
        BadWeightsError: the file that is there is no such card.

    Example:
        >>> from workbench.attribution import word_pointing_card
        >>> word_pointing_card("shapes-clip").best
        'values'
    """
    path = weights / Path(name).name / _CARD
    return WordPointing.from_json(path.read_text("utf-8")) if path.is_file() else None


_Asked = tuple[int, str, NDArray[np.bool_], float]


def _asked(model: Any, first: Trace, pair: Pair) -> list[_Asked]:
    """(place, word, patches on what it names, share of the patches on things that are among those)."""
    scene, grid = pair.columns["scene"], first.group("image")[-1].query.grid
    assert grid is not None  # token_vectors refuses towers without patches
    masks = [hits(seen_mask(model, pair, scene.mask(k)), grid) for k in range(len(scene.things))]
    every = np.any(masks, axis=0)
    rows: list[_Asked] = []
    for place, word in enumerate(whole_words(model.tokens(pair.text).pieces, pair.text)):
        named = [
            mask
            for mask, thing in zip(masks, scene.things, strict=True)
            if word in (thing.colour, thing.shape)
        ]
        if named:
            here = np.any(named, axis=0)
            rows.append((place, word, here, float((here & every).sum() / every.sum())))
    return rows


def _values(
    model: Any, first: Trace, pair: Pair, asked: Sequence[_Asked], known: dict[str, NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    """row x col of each word; the words of all scenes are encoded once."""
    new = sorted({word for _, word, _, _ in asked} - set(known))
    if new:
        known |= dict(zip(new, vectors_of(model, new).float().cpu().numpy(), strict=True))
    layout = first.group("image")[-1].query
    vectors = token_vectors(model, replace(first, pair=pair), "image", reading="values")
    patches = vectors.float().cpu().numpy()[layout.patches]
    patches /= np.linalg.norm(patches, axis=1, keepdims=True)
    return [(patches @ known[word]).reshape(layout.grid) for _, word, _, _ in asked]


def _states(model: Any, pair: Pair, asked: Sequence[_Asked]) -> list[NDArray[np.float32]]:
    cosines = token_cosines(model, capture(model, pair, hidden=False), reading="states")
    return [cosines[place] for place, _, _, _ in asked]
