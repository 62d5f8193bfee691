"""`truth`: a caption of a drawn scene held against the scene, thing by thing. Counted, not judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from workbench.calling import verb
from workbench.data.scenes import Scene, Thing
from workbench.errors import BadInputError
from workbench.formatting import one_line, plural
from workbench.generation.captions.caption_grammar import Named, Stated, read
from workbench.keeping import Form, Kept
from workbench.metrics import wilson
from workbench.values import as_sentences

__all__ = [
    "OUTCOMES",
    "Mention",
    "Outcome",
    "Relation",
    "Share",
    "TruthShares",
    "Verdict",
    "truth",
    "truth_shares",
]

Outcome = Literal["right", "wrong size", "wrong colour", "wrong shape", "repeated", "invented"]
OUTCOMES: tuple[Outcome, ...] = ("right", "wrong size", "wrong colour", "wrong shape", "repeated", "invented")
_WRONG: dict[str, Outcome] = {"size": "wrong size", "colour": "wrong colour", "shape": "wrong shape"}
_AGREES, _SIZE_ONLY, _NEARLY = 1000, 30, 20  # one full agreement outweighs any number of others


@dataclass(frozen=True)
class Mention:
    """One thing that a caption names, and what became of it in the scene.

    Attributes:
        size, colour, shape: as `Thing` has them ("small", "red", "star"); size and colour are None where the
            caption does not say them.
        start, end: its characters in the text, from its first attribute to the end of its shape.
        outcome: "right": a thing is as it says; "wrong size", "wrong colour", "wrong shape": a thing that
            nothing else names is so but for this; "repeated": the thing was named before; "invented":
            there is no such thing.
        thing: its place in `scene.things`; None where repeated or invented.
    """

    size: str | None
    colour: str | None
    shape: str
    start: int
    end: int
    outcome: Outcome
    thing: int | None


@dataclass(frozen=True)
class Relation:
    """A relation that a caption states.

    Attributes:
        relation: "left of", "right of", "above" or "below".
        first, second: places in the verdict's mentions: `first` is said to stand so, seen from `second`.
        true: both are in the scene by colour and shape, and `Scene.relation` of the two is this one. Where
            the scene shows none clearly, no relation is true.
    """

    relation: str
    first: int
    second: int
    true: bool


@dataclass(frozen=True)
class Verdict:
    """What a caption says of a scene, and how much of it is so.

    Attributes:
        text, scene: what was held against what.
        mentions: the things named, in the order of the text.
        relations: the relations stated.
        left_out: places in `scene.things` of what no mention was held against.
        rest: pieces of the text that the grammar of captions does not know.
        well_formed: whether the grammar would write just this text.
    """

    text: str
    scene: Scene
    mentions: tuple[Mention, ...]
    relations: tuple[Relation, ...]
    left_out: tuple[int, ...]
    rest: tuple[str, ...]
    well_formed: bool

    @property
    def things_right(self) -> bool:
        """Every thing is named once with all its attributes, and nothing else is; relations aside."""
        whole = all(
            mention.outcome == "right" and mention.size and mention.colour for mention in self.mentions
        )
        return whole and bool(self.mentions) and not self.left_out and not self.rest

    @property
    def true(self) -> bool:
        """Something is named, and nothing that is said is false or unknown; things may be left out."""
        said = all(mention.outcome == "right" for mention in self.mentions) and bool(self.mentions)
        return said and all(stated.true for stated in self.relations) and not self.rest

    @property
    def exact(self) -> bool:
        """Every thing right and whole, nothing else, and each relation that is stated is true."""
        return self.things_right and all(stated.true for stated in self.relations)

    def count(self, outcome: Outcome) -> int:
        """How many mentions had this outcome.

        Args:
            outcome: one of `OUTCOMES`.
        """
        return sum(mention.outcome == outcome for mention in self.mentions)

    @property
    def absent(self) -> int:
        """Mentions of a colour and shape that the scene does not hold together: what CHAIR counts.

        Source: Rohrbach et al. 2018, "Object hallucination in image captioning".
        """
        there = [(thing.colour, thing.shape) for thing in self.scene.things]
        return sum(
            not any(m.shape == shape and m.colour in (None, colour) for colour, shape in there)
            for m in self.mentions
        )

    def __repr__(self) -> str:
        told = [f"{self.count(outcome)} {outcome}" for outcome in OUTCOMES if self.count(outcome)]
        if self.left_out:
            told.append(f"{len(self.left_out)} left out")
        told += [f"{stated.relation}: {'true' if stated.true else 'false'}" for stated in self.relations]
        if self.rest:
            told.append(f"not understood: {one_line(' … '.join(self.rest), most=30)!r}")
        return f"Verdict({one_line(self.text)!r}: {', '.join(told) or 'nothing named'})"


@dataclass(frozen=True)
class Share:
    """How many of how many, with what shuffled captions reach.

    Attributes:
        right, n: the count, and of how many.
        chance: the same share where captions are dealt to other pictures; NaN where it was not asked.
    """

    right: int
    n: int
    chance: float = float("nan")

    @property
    def value(self) -> float:
        """The share; NaN of none."""
        return wilson(self.right, self.n)[0]

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return wilson(self.right, self.n)[1:]

    def __repr__(self) -> str:
        if self.n == 0:
            return "Share(of none)"
        low, high = self.interval
        beside = "" if np.isnan(self.chance) else f", chance {self.chance:.1%}"
        return f"Share({self.value:.1%} of {self.n:,}, {low:.1%} to {high:.1%}{beside})"


@dataclass(frozen=True)
class TruthShares(Kept):
    """Verdicts on many captions, as shares with Wilson's intervals and chance.

    Attributes:
        exact: captions that are `Verdict.exact`.
        things_right: captions right but for relations.
        relation: of the relations stated, the true ones.
        well_formed: captions that the grammar would write.
        found: of the things in the scenes, those named rightly.
        outcomes: of the mentions, for each of `OUTCOMES` in its order.
        absent: of the mentions, those of a colour and shape that the scene does not hold.
        verdicts: one a caption.
    """

    _form: ClassVar[Form] = Form("truth", "verdicts", "workbench.generation.open_truth")

    exact: Share
    things_right: Share
    relation: Share
    well_formed: Share
    found: Share
    outcomes: tuple[Share, ...]
    absent: Share
    verdicts: tuple[Verdict, ...]

    def of(self, outcome: Outcome) -> Share:
        """The share of mentions with a outcome.

        Args:
            outcome: one of `OUTCOMES`.
        """
        return self.outcomes[OUTCOMES.index(outcome)]

    def __repr__(self) -> str:
        low, high = self.exact.interval
        return (
            f"TruthShares({plural(len(self.verdicts), 'caption')}: {self.exact.value:.1%} exact "
            f"({low:.1%} to {high:.1%}, chance {self.exact.chance:.1%}), {self.absent.value:.1%} of mentions "
            "of what is not there)"
        )


@verb
def truth(text: str, scene: Any) -> Verdict:
    """A caption held against the scene that it is of: what it names rightly, invents, leaves out, states.

    It reads what `data.load("shapes")` writes, in English or Chinese, and looser wordings of the same words.
    Each mention is held against one thing at most, so that as much as possible agrees; a mention that agrees
    with a thing left over in all it says but one attribute is wrong in that, not invented.

    Args:
        text: the caption.
        scene: a `Scene`, as `data.load("shapes").columns["scene"]` holds them.

    Returns:
        A `Verdict`.

    Raises:
        BadInputError: `scene` is no `Scene`.

    Example:
        >>> from workbench import data
        >>> from workbench.generation import truth
        >>> scene = data.load("shapes", n=2).columns["scene"][1]
        >>> truth("a large red square", scene).exact
        False
    """
    if not isinstance(scene, Scene):
        raise BadInputError(
            f"scene is a {type(scene).__name__}; expected a Scene, as data.load('shapes').columns['scene'] "
            "holds them: only of those is the truth known."
        )
    found = read(text)
    held = _assigned(found.named, scene.things)
    mentions = tuple(
        Mention(one.size, one.colour, one.shape, one.start, one.end, *_outcome(one, place, scene.things))
        for one, place in zip(found.named, held, strict=True)
    )
    relations = tuple(
        Relation(one.relation, one.first, one.second, _holds(one, mentions, scene)) for one in found.stated
    )
    left = tuple(sorted(set(range(len(scene.things))) - set(held)))
    return Verdict(text, scene, mentions, relations, left, tuple(found.rest), found.well_formed)


@verb
def truth_shares(texts: Any, scenes: Any, *, shuffles: int = 5, seed: int = 0) -> TruthShares:
    """Many captions held against their scenes, with what they score beside other scenes.

    Args:
        texts: one caption a scene.
        scenes: `Scene`s, in the order of the captions.
        shuffles: how often the captions are dealt anew for the chance; 0 leaves it out.
        seed: of the dealing.

    Returns:
        `TruthShares`.

    Raises:
        BadInputError: not as many captions as scenes, none at all, or something that is no `Scene`.

    Example:
        >>> from workbench import data
        >>> from workbench.generation import truth_shares
        >>> shapes = data.load("shapes", n=60)
        >>> truth_shares(shapes.texts, shapes.columns["scene"]).exact.value
        1.0
    """
    said, shown = as_sentences(texts), list(scenes)
    if len(said) != len(shown) or not said:
        raise BadInputError(
            f"{plural(len(said), 'text')} for {plural(len(shown), 'scene')}; expected one text a scene, and "
            "one at least."
        )
    verdicts = tuple(map(truth, said, shown))
    counts = _counts(verdicts)
    deals = dealt(len(said), shuffles, seed)
    others = [
        _counts([truth(said[k], scene) for k, scene in zip(deal, shown, strict=True)]) for deal in deals
    ]
    shares = {
        name: Share(right, n, _mean([other[name] for other in others])) for name, (right, n) in counts.items()
    }
    outcomes = tuple(shares.pop(outcome) for outcome in OUTCOMES)
    return TruthShares(**shares, outcomes=outcomes, verdicts=verdicts)


def dealt(count: int, shuffles: int, seed: int) -> list[list[int]]:
    """Orders in which no caption stays with its own picture (of one picture: none).

    A random circle through all of them: everyone is given the next one's.
    """
    if count < 2:
        return []
    random = np.random.default_rng(seed)
    deals = []
    for _ in range(shuffles):
        circle = random.permutation(count)
        deal = np.empty(count, int)
        deal[circle] = np.roll(circle, 1)
        deals.append(deal.tolist())
    return deals


def _mean(others: Sequence[tuple[int, int]]) -> float:
    """Of the shares that have anything below them."""
    shares = [right / n for right, n in others if n]
    return float(np.mean(shares)) if shares else float("nan")


def _counts(verdicts: Sequence[Verdict]) -> dict[str, tuple[int, int]]:
    n, said = len(verdicts), sum(len(one.mentions) for one in verdicts)
    stated = [relation.true for one in verdicts for relation in one.relations]
    things = sum(len(one.scene.things) for one in verdicts)
    outcomes = Counter(mention.outcome for one in verdicts for mention in one.mentions)
    return {
        "exact": (sum(one.exact for one in verdicts), n),
        "things_right": (sum(one.things_right for one in verdicts), n),
        "relation": (sum(stated), len(stated)),
        "well_formed": (sum(one.well_formed for one in verdicts), n),
        "found": (outcomes["right"], things),
        "absent": (sum(one.absent for one in verdicts), said),
        **{outcome: (outcomes[outcome], said) for outcome in OUTCOMES},
    }


def _assigned(named: Sequence[Named], things: Sequence[Thing]) -> list[int | None]:
    """The thing that each mention is held against: as much agreement in all as there can be."""
    from scipy.optimize import linear_sum_assignment

    if not named:
        return []
    worth = np.array([[_worth(one, thing) for thing in things] for one in named], float)
    # Of two mentions that agree alike, the earlier one has the thing.
    worth -= np.where(worth > 0, np.arange(len(named))[:, None] / 1024, 0)
    rows, cols = linear_sum_assignment(worth, maximize=True)
    held: list[int | None] = [None] * len(named)
    for row, col in zip(rows.tolist(), cols.tolist(), strict=True):
        if worth[row, col] > 0:
            held[row] = col
    return held


def _worth(named: Named, thing: Thing) -> int:
    said, wrong = named.attributes, _disagreeing(named, thing)
    if not wrong:
        return _AGREES + len(said)
    if len(wrong) > 1 or len(said) < 2:
        return 0
    return (_SIZE_ONLY if wrong == ["size"] else _NEARLY) + len(said)


def _disagreeing(named: Named, thing: Thing) -> list[str]:
    return [name for name, value in named.attributes.items() if getattr(thing, name) != value]


def _outcome(named: Named, held: int | None, things: Sequence[Thing]) -> tuple[Outcome, int | None]:
    if held is None:
        known = any(not _disagreeing(named, thing) for thing in things)
        return ("repeated" if known else "invented"), None
    wrong = _disagreeing(named, things[held])
    return (_WRONG[wrong[0]] if wrong else "right"), held


def _holds(stated: Stated, mentions: Sequence[Mention], scene: Scene) -> bool:
    """Whether both are there by colour and shape, and stand so."""
    first, second = mentions[stated.first], mentions[stated.second]
    if first.thing is None or second.thing is None:
        return False
    if not {first.outcome, second.outcome} <= {"right", "wrong size"}:
        return False
    return scene.relation(first.thing, second.thing) == stated.relation
