"""The pointing game on drawn scenes: does the best patch lie on the thing that was asked for?

Two games, because they ask different things. In "one named" the text names one thing of the scene. In "all
named" it names every thing, and each thing's own words must find it: a first-order map is one for the whole
text, so with four things it can be right about one of them at best; a map of pairs need not fall.

Source: Zhang et al. 2018 (the pointing game); with several named things after FIxLIP, Baniecki et al. 2025.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from workbench import data
from workbench.attribution.evaluation.faithfulness import share_of_best
from workbench.attribution.evaluation.masks import hits, seen_mask
from workbench.attribution.explain import attribute
from workbench.attribution.heatmap import Heatmap
from workbench.attribution.methods.baselines import centre_map
from workbench.attribution.methods.registry import METHODS, method_card
from workbench.calling import verb
from workbench.data.pairs import Pair, Pairs
from workbench.errors import BadInputError, BadWeightsError, UnavailableError
from workbench.formatting import html_table
from workbench.models.base import DualEncoder
from workbench.models.cards import WEIGHTS
from workbench.portable import Portable
from workbench.results import Event, OnEvent, Provenance, ShouldStop
from workbench.untrusted import parsed

__all__ = ["GAMES", "PointingTable", "play_pointing", "pointing_card", "scenes_by_count"]

GAMES = ("one named", "all named")
_CARD = "pointing.json"


@dataclass(frozen=True)
class PointingTable(Portable):
    """Share of asked-for things whose map's best patch lies on them.

    Attributes:
        counts: things in a scene, one column each.
        scores: game -> method -> share right, one a count; "random" is exact, "centre" the centre prior.
        asked: game -> number of questions, one a count: the spread of a share p is sqrt(p (1 - p) / asked).
        cost: method -> forwards and backwards a map, on average.
        provenance: model, digest of its weights, scenes and seed.
    """

    counts: tuple[int, ...]
    scores: Mapping[str, Mapping[str, tuple[float, ...]]]
    asked: Mapping[str, tuple[int, ...]]
    cost: Mapping[str, tuple[float, float]]
    provenance: Provenance = field(default_factory=lambda: Provenance("play_pointing"))

    def __post_init__(self) -> None:
        frozen = {game: MappingProxyType(dict(rows)) for game, rows in self.scores.items()}
        object.__setattr__(self, "scores", MappingProxyType(frozen))

    def to_json(self) -> str:
        """The table as JSON, as `pointing_card` reads it."""
        plain = {
            "counts": list(self.counts),
            "scores": {
                game: {m: [round(value, 4) for value in row] for m, row in rows.items()}
                for game, rows in self.scores.items()
            },
            "asked": {game: list(row) for game, row in self.asked.items()},
            "cost": {m: [round(value, 1) for value in row] for m, row in self.cost.items()},
            "provenance": self.provenance.to_dict(),
        }
        return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> PointingTable:
        """What `to_json` wrote.

        Args:
            text: that JSON.

        Raises:
            BadWeightsError: the text is no such table.
        """
        try:
            told = parsed(text)
            scores = {
                game: {method: tuple(map(float, row)) for method, row in rows.items()}
                for game, rows in told["scores"].items()
            }
            asked = {game: tuple(map(int, row)) for game, row in told["asked"].items()}
            cost = {m: (float(row[0]), float(row[1])) for m, row in told["cost"].items()}
            origin = dict(told["provenance"], notes=tuple(told["provenance"]["notes"]))
            return cls(tuple(told["counts"]), scores, asked, cost, Provenance(**origin))
        except (ValueError, KeyError, TypeError, IndexError) as problem:
            raise BadWeightsError(f"This is no table of the pointing game: {problem!r}.") from problem

    def __repr__(self) -> str:
        model = self.provenance.model or "a model"
        methods = len(next(iter(self.scores.values()), {}))
        return f"PointingTable({model}, {methods} methods, {min(self.counts)} to {max(self.counts)} things)"

    def _repr_html_(self) -> str:
        rows = []
        for game, by_method in self.scores.items():
            for method, shares in by_method.items():
                title = METHODS[method].title if method in METHODS else method
                forwards = f"{self.cost[method][0]:.0f}" if method in self.cost else ""
                rows.append((game, title, *(f"{share:.0%}" for share in shares), forwards))
        things = [f"{count} thing{'s' * (count > 1)}" for count in self.counts]
        return html_table(f"{self!r}", ("text", "method", *things, "forwards a map"), rows)


@verb
def play_pointing(
    model: DualEncoder,
    *,
    methods: Sequence[str] = tuple(METHODS),
    counts: Sequence[int] = (1, 2, 3, 4),
    scenes: int = 25,
    seed: int = 0,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
    **options: Any,
) -> PointingTable:
    """Does a map's best patch lie on what the text names? Both games on drawn scenes where that is known.

    Args:
        model: a dual encoder.
        methods: names, as `attribute` takes them; "random" and "centre" are always in the table.
        counts: how many things a scene holds, 1 to 5.
        scenes: of each count.
        seed: of the scenes, and of the methods.
        on_event: called after each map.
        should_stop: asked before each map; nothing is kept when it says true.
        options: go to `attribute`: steps, samples, layer and the like.

    Returns:
        A `PointingTable`: game -> method -> share right, one a count.

    Raises:
        BadInputError: no scenes, or a count that `shapes` does not draw.
        UnknownNameError: no such method.
        UnsupportedError: a method does not apply to this model.
        Cancelled: `should_stop` returned true.

    Source: Zhang et al. 2018 (the pointing game); with several named things after FIxLIP, Baniecki et al.
    2025.

    Example:
        >>> from workbench import models
        >>> from workbench.attribution import play_pointing
        >>> table = play_pointing(models.load("shapes-clip"), methods=["grad-cam"], counts=[1], scenes=2)
        >>> sorted(table.scores["one named"])
        ['centre', 'grad-cam', 'random']
    """
    names = [method_card(name).name for name in methods if name not in ("random", "centre")]
    chosen = {count: scenes_by_count(count, scenes, seed=seed) for count in counts}
    total = len(names) * len(chosen) * scenes
    scores: dict[str, dict[str, list[float]]] = {game: {} for game in GAMES}
    asked: dict[str, list[int]] = {game: [] for game in GAMES}
    spent: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
    done = 0
    for pairs in chosen.values():
        found: dict[str, dict[str, list[float]]] = {game: {} for game in GAMES}
        for pair in pairs:
            questions = _questions(pair)
            for name in names:
                for game, (text, wanted) in questions.items():
                    heatmap = attribute(
                        model, pair, method=name, target=text, seed=seed, should_stop=should_stop, **options
                    )
                    spent[name].append((heatmap.cost.forwards, heatmap.cost.backwards))
                    found[game].setdefault(name, []).extend(_judge(heatmap, model, pair, wanted))
                done += 1
                if on_event is not None:
                    on_event(Event("pointing game", done, total, name))
            for game, (_, wanted) in questions.items():
                for baseline, values in _baselines(model, pair, wanted).items():
                    found[game].setdefault(baseline, []).extend(values)
        for game in GAMES:
            asked[game].append(len(found[game]["random"]))
            for name, values in found[game].items():
                scores[game].setdefault(name, []).append(float(np.mean(values)))
    origin = Provenance(
        "play_pointing",
        model.card.name,
        model.weights_hash,
        "shapes",
        {"scenes": scenes, "counts": list(counts), **options},
        seed=seed,
    )
    return PointingTable(
        tuple(counts),
        {game: {name: tuple(row) for name, row in rows.items()} for game, rows in scores.items()},
        {game: tuple(row) for game, row in asked.items()},
        {
            name: (float(np.mean([f for f, _ in c])), float(np.mean([b for _, b in c])))
            for name, c in spent.items()
        },
        origin,
    )


def scenes_by_count(count: int, scenes: int, *, seed: int = 0) -> Pairs:
    """The first `scenes` pairs of `shapes` with exactly `count` things.

    Raises:
        BadInputError: fewer than 1 scene, or a count outside 1 to 5.
    """
    if scenes < 1 or not 1 <= count <= 5:
        raise BadInputError(
            f"{scenes} scenes of {count} things were asked for; expected at least 1 scene of 1 to 5 things."
        )
    drawn = data.load("shapes", n=scenes * 10 + 40, seed=seed)
    right = [row for row, label in enumerate(drawn.labels or ()) if label == str(count)]
    return drawn[right[:scenes]]


@verb
def pointing_card(name: str = "shapes-clip") -> PointingTable:
    """The table of the pointing game that was measured when a shipped model was made; nothing is computed.

    Args:
        name: of the model.

    Returns:
        Its `PointingTable`.

    Raises:
        UnavailableError: no table is shipped with this model.
        BadWeightsError: the file that is there is no such table.

    Example:
        >>> from workbench.attribution import pointing_card
        >>> pointing_card("shapes-clip").counts
        (1, 2, 3, 4)
    """
    path = WEIGHTS / Path(name).name / _CARD
    if not path.is_file():
        raise UnavailableError(
            f"No table of the pointing game comes with {name!r}; play_pointing(model) makes one."
        )
    return PointingTable.from_json(path.read_text("utf-8"))


def _questions(pair: Pair) -> dict[str, tuple[str, list[int]]]:
    """game -> the text, and the things that it asks for."""
    things = pair.columns["scene"].things
    names = [f"a {thing.colour} {thing.shape}" for thing in things]
    every = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return {"one named": (names[0], [0]), "all named": (every, list(range(len(things))))}


def _judge(heatmap: Heatmap, model: Any, pair: Pair, wanted: list[int]) -> list[float]:
    scene, right = pair.columns["scene"], []
    for thing in wanted:
        place = hits(seen_mask(model, pair, scene.mask(thing)), heatmap.grid or (1, 1))
        own = heatmap
        if heatmap.pairs is not None and len(wanted) > 1:
            own = heatmap.of_words(_places(heatmap.tokens, scene.things[thing]))
        assert own.image is not None  # every method of the game maps the picture
        right.append(share_of_best(own.image, place))
    return right


def _baselines(model: Any, pair: Pair, wanted: list[int]) -> dict[str, list[float]]:
    scene = pair.columns["scene"]
    grid = attribute(model, pair, method="centre", target="a thing").grid or (1, 1)
    places = [hits(seen_mask(model, pair, scene.mask(thing)), grid) for thing in wanted]
    return {
        "random": [float(place.mean()) for place in places],
        "centre": [share_of_best(centre_map(grid), place) for place in places],
    }


def _places(tokens: Sequence[str], thing: Any) -> list[int]:
    """Where the thing's colour is followed by its shape."""
    bare = [token.strip().strip("Ġ▁").removesuffix("</w>") for token in tokens]
    for place in range(len(bare) - 1):
        if (bare[place], bare[place + 1]) == (thing.colour, thing.shape):
            return [place, place + 1]
    raise BadInputError(
        f"The tokens {' '.join(bare)!r} do not hold {thing.colour!r} followed by {thing.shape!r}: this model "
        "cuts the words differently, and the game with all things named cannot be played with it."
    )
