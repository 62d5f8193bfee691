"""Every figure of a map in one list, for all points or a selection, each beside what chance would give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.formatting import one_line, plural
from workbench.projection.modality_gap import gap
from workbench.projection.neighbour_graph import WIDE
from workbench.projection.point_quality import expected_skewness, known_stability, one_of_each, skewness
from workbench.projection.retrieval_metrics import check_scale, group_ranks, pair_losses, pair_ranks, scale_of
from workbench.projection.trustworthiness_continuity import continuity, expected_share, trustworthiness
from workbench.renaming import renamed
from workbench.results import Rule
from workbench.values import classes_of

if TYPE_CHECKING:
    from workbench.projection.projection_result import Projection

__all__ = ["Measure", "measures", "pair_figures"]

LOSS_PAIRS = 2_048
"""Pairs in one contrastive loss; the loss grows with their number, so it stands beside it."""
RANKED = 2_000
"""Queries whose partner is looked for among all items, when there are more."""


@dataclass(frozen=True)
class Measure:
    """One figure: what it is called, its value, what stands beside it, and what it was measured on.

    Attributes:
        key: a name that never changes, for programs.
        name: for people.
        value, shown: the number, and as it is written on a screen.
        twin: chance, or a baseline, in words.
        sample: what it was measured on, in words.
        better: "higher", "lower" or "" where neither is better.
    """

    key: str
    name: str
    value: float
    shown: str
    twin: str
    sample: str
    better: str = ""


_RENAMED = renamed("temperature", "scale", convert=scale_of, meaning="which is 1 / temperature")


@_RENAMED
@verb
def measures(
    projection: Projection, rows: ArrayLike | None = None, *, scale: float | None = None
) -> tuple[Measure, ...]:
    """The figures of the map, or of some rows of it.

    Figures of a selection are judged among everything: the ranks, the neighbours and the loss's
    denominators are those of the whole. Those that make no sense for it are left out.

    Args:
        projection: a map.
        rows: row numbers or a mask; None takes all.
        scale: of the contrastive loss, by which cosines are multiplied; None takes the model's own, else
            1 / 0.07.

    Returns:
        One `Measure` a figure, in the order of the screen.

    Raises:
        BadInputError: rows that are not there, a scale that is not above 0.

    Example:
        >>> import numpy as np
        >>> from workbench.projection import Projection, measures
        >>> points = np.random.default_rng(0).normal(size=(40, 2))
        >>> figures = {one.key: one.value for one in measures(Projection.from_points(points, vectors=points))}
        >>> figures["trustworthiness"]
        1.0
    """
    chosen = _chosen(projection, rows)
    factor = _scale(projection, scale)
    return tuple(
        [
            *_of_the_map(projection, chosen),
            *_of_the_space(projection, chosen),
            *_of_pairs(projection, chosen, factor),
        ]
    )


@_RENAMED
@verb
def pair_figures(projection: Projection, *, scale: float | None = None) -> Mapping[str, NDArray[np.float32]]:
    """For every row the rank of its partner, and its pair's part of the contrastive loss.

    Args:
        projection: a map of pictures and texts.
        scale: of the loss, by which cosines are multiplied; None takes the model's own, else 1 / 0.07.

    Returns:
        "rank" (of its own partner among all of the other kind, 1 is first) and "loss" to one number a row.
        NaN where only a sample was looked at: see `RANKED` and `LOSS_PAIRS`. Empty of one modality alone.

    Raises:
        BadInputError: a scale that is not above 0.

    Example:
        >>> from workbench import data
        >>> from workbench.embedding import embed
        >>> from workbench.projection import pair_figures, project
        >>> figures = pair_figures(project(embed("emoji-clip", data.load("emoji")[:12]), method="pca"))
        >>> figures["rank"].shape, figures["loss"].shape
        ((24,), (24,))
    """
    if len(projection.modalities) < 2:
        return {}
    pairs = len(projection.embeddings)
    rank, loss = (np.full((2, pairs), np.nan, np.float32) for _ in range(2))
    for asked in range(2):
        found = _ranks(projection, asked, 1 - asked)
        rank[asked, found.query] = found.rank
        if not asked:  # a picture's rank stands at each of its captions
            of = projection.embeddings.groups
            known = np.full(int(of.max()) + 1, np.nan, np.float32)
            known[of[found.query]] = found.rank
            rank[asked] = known[of]
    sample, losses, _ = _losses(projection, _scale(projection, scale))
    loss[:, sample] = losses
    return {"rank": rank.reshape(-1), "loss": loss.reshape(-1)}


def _of_the_map(projection: Projection, rows: NDArray[np.int64]) -> Iterator[Measure]:
    quality, k = projection.quality, projection.k
    everyone, points = max(1, len(projection) - 1), plural(len(rows), "point")
    if projection.neighbours.k == 0 or not len(rows):
        return
    if k == 0:
        yield from _too_few(projection)
        return
    chance, far = k / everyone, 1 - WIDE * k / everyone
    kept = float(quality.preservation[rows].mean())
    yield _share(
        "preservation", f"kNN preservation (k={k})", kept, f"chance {_percent(chance)}", points, "higher"
    )
    false, missing = float(quality.false[rows].mean()), float(quality.missing[rows].mean())
    yield _share("false", "false-positive neighbours", false, f"chance {_percent(far)}", points, "lower")
    yield _share("missing", "false-negative neighbours", missing, f"chance {_percent(far)}", points, "lower")
    twin = f"chance {expected_share(len(projection), k):.2g}"
    for figure in (trustworthiness, continuity):
        value, on = figure(projection, rows=rows)
        name = figure.__name__
        yield Measure(name, name, value, f"{value:.3f}", twin, plural(on, "point"), "higher")
    found = known_stability(projection)
    if found is not None:
        same = float(found.agreement[rows].mean())
        seeds = f"{plural(len(found.seeds), 'more seed')}"
        yield _share(
            "stability", "stability over seeds", same, f"chance {_percent(found.chance)}", seeds, "higher"
        )


def _too_few(projection: Projection) -> Iterator[Measure]:
    """What is said in place of the figures that a map of two or three points has not."""
    names = {
        "preservation": "kNN preservation",
        "false": "false-positive neighbours",
        "missing": "false-negative neighbours",
        "trustworthiness": "trustworthiness",
        "continuity": "continuity",
    }
    for key, name in names.items():
        yield Measure(
            key, name, float("nan"), "needs more points", "four at least", plural(len(projection), "point")
        )


def _of_the_space(projection: Projection, rows: NDArray[np.int64]) -> Iterator[Measure]:
    quality, points = projection.quality, plural(len(rows), "point")
    if projection.k == 0 or not len(rows):
        return
    lists = quality.hubness
    if len(rows) == len(projection):
        skew = skewness(lists)
        share = float(lists.mean()) / max(1, len(lists) - 1)  # each other row names it so often, if at random
        even = expected_skewness(len(lists) - 1, share)
        yield Measure(
            "hubness", "hubness (skew)", skew, f"{skew:.2f}", f"random lists {even:.2f}", points, "lower"
        )
        orphans = float((lists == 0).mean())
        by_chance = (1 - share) ** (len(lists) - 1)
        yield _share("orphans", "anti-hubs", orphans, f"chance {_percent(by_chance)}", points, "lower")
    else:
        mean = float(lists[rows].mean())
        yield Measure("hubness", "lists each is in", mean, f"{mean:.1f}", f"mean {lists.mean():.3g}", points)
    if len(projection.modalities) < 2:
        return
    share = float(quality.cross_modal[rows].mean())
    single = len(np.unique(one_of_each(projection)))  # pictures once each, and every text
    chance = single / 2 / max(1, single - 1)
    yield _share("cross_modal", "cross-modal neighbours", share, f"mixed {chance:.0%}", points)
    yield from _gap(projection, rows)
    if quality.margin is not None:
        pictures = rows[np.isfinite(quality.margin[rows])]  # pictures that have a label
        if len(pictures):
            right = float((quality.margin[pictures] > 0).mean())
            classes = len(classes_of(projection.embeddings.labels or ())[0])
            margin = float(quality.margin[pictures].mean())
            seen = plural(len(pictures), "picture")
            yield Measure(
                "margin",
                "zero-shot margin",
                margin,
                f"{margin:+.3f}".replace("-", "−"),
                "chance 0",
                seen,
                "higher",
            )
            yield _share(
                "zero_shot", "zero-shot accuracy", right, f"chance {_percent(1 / classes)}", seen, "higher"
            )


def _of_pairs(projection: Projection, rows: NDArray[np.int64], scale: float) -> Iterator[Measure]:
    if len(projection.modalities) < 2:
        return
    items = np.unique(projection.item[rows]).astype(np.int64)
    loss, twin, sample = _loss(projection, items, scale)
    if sample:
        yield Measure(
            "loss", f"contrastive loss at {1 / scale:.3g}", loss, f"{loss:.3f}", f"chance {twin:.2f}",
            f"among {plural(sample, 'pair')}", "lower",
        )  # fmt: skip
    for direction, asked, known in (("text to picture", 1, 0), ("picture to text", 0, 1)):
        ranks = _ranks(projection, asked, known)
        of = projection.embeddings.groups if not asked else np.arange(len(projection.embeddings))
        mine = np.isin(of[ranks.query], of[items])
        if not mine.any():
            continue
        for most in (1, 5, 10):
            value = float(ranks.within(most)[mine].mean())
            chance = ranks.chance(most)
            yield _share(
                f"{'text_to_image' if asked else 'image_to_text'}_{most}", f"{direction}, recall@{most}",
                value, f"chance {_percent(chance)}", plural(int(mine.sum()), "query", "queries"), "higher",
            )  # fmt: skip


def _loss(projection: Projection, items: NDArray[np.int64], scale: float) -> tuple[float, float, int]:
    """Mean loss of the chosen pairs among a sample of all, the loss of chance, and the sample's size."""
    sample, losses, chance = _losses(projection, scale)
    mine = np.isin(sample, items)
    return (float(losses[mine].mean()), chance, len(sample)) if mine.any() else (np.nan, 0.0, 0)


def _losses(projection: Projection, scale: float) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Which pairs, what each adds to the loss among them, and the loss of chance."""
    image, text = _sides(projection)
    sample = np.random.default_rng(0).permutation(len(image))[:LOSS_PAIRS]
    own = projection.embeddings.provenance.parameters
    rule: Rule = "sigmoid" if own.get("rule") == "sigmoid" else "softmax"
    bias = float(own.get("bias", 0.0)) if rule == "sigmoid" else 0.0
    of = projection.embeddings.groups[sample]
    losses = pair_losses(image[sample], text[sample], scale=scale, rule=rule, bias=bias, groups=of)
    rivals = len(sample) + 1 - np.bincount(of)[of]  # and the pair itself
    chance = np.log(rivals).mean() if rule == "softmax" else rivals.mean() * np.log(2)
    return sample, losses, float(chance)


@lru_cache(maxsize=16)
def _ranks(projection: Projection, asked: int, known: int) -> Any:
    sides, of = _sides(projection), projection.embeddings.groups
    first = np.unique(of, return_index=True)[1]  # an item of each picture
    items = first if asked == 0 else np.arange(len(of))
    if len(of) > 10 * RANKED:
        items = np.sort(np.random.default_rng(0).permutation(items)[:RANKED])
    if len(first) == len(of):
        return pair_ranks(sides[asked], sides[known], items=items)
    held = first if known == 0 else np.arange(len(of))  # each picture is a candidate once
    return group_ranks(sides[asked], sides[known][held], of, of[held], items=items)


def _sides(projection: Projection) -> Sequence[NDArray[np.float32]]:
    return np.split(projection.space.vectors, [len(projection.embeddings)])


def _gap(projection: Projection, rows: NDArray[np.int64]) -> Iterator[Measure]:
    """Between the rows' mean picture and mean text, beside that between two random halves of the pictures."""
    kinds = [rows[projection.modality[rows] == code] for code in range(2)]
    if not all(map(len, kinds)):  # a selection of one kind has no gap
        return
    image, text = (projection.space.vectors[kind] for kind in kinds)
    size = float(np.linalg.norm(image.mean(axis=0) - text.mean(axis=0)))
    order = np.random.default_rng(0).permutation(len(image))
    half = len(image) // 2
    twin = "one picture has no halves"
    if half:
        apart = image[order[:half]].mean(axis=0) - image[order[half:]].mean(axis=0)
        twin = f"two halves of the pictures {np.linalg.norm(apart):.3f}"
    everything = len(rows) == len(projection)
    on = plural(len(projection.embeddings), "pair") if everything else plural(len(rows), "point")
    if everything and projection.mode in ("centred", "shifted"):
        on += f", {np.linalg.norm(gap(projection.embeddings)):.3f} before"
    yield Measure("gap", "modality gap", size, f"{size:.3f}", twin, on)


def _scale(projection: Projection, scale: float | None) -> float:
    if scale is None:
        own = projection.embeddings.provenance.parameters.get("scale")
        return float(own) if own else 1 / 0.07
    check_scale(scale)
    return float(scale)


def _chosen(projection: Projection, rows: ArrayLike | None) -> NDArray[np.int64]:
    if rows is None:
        return np.arange(len(projection))
    array = np.asarray(rows)
    if array.size and array.dtype.kind not in "iub":
        raise BadInputError(f"rows is {one_line(repr(rows))}; expected row numbers, or a mask of all rows.")
    if array.dtype == np.bool_ and array.shape != (len(projection),):
        raise BadInputError(
            f"The mask has shape {array.shape}; expected one entry for each of {len(projection)}."
        )
    chosen = np.flatnonzero(array) if array.dtype == np.bool_ else array.astype(np.int64).ravel()
    wrong = chosen[(chosen < 0) | (chosen >= len(projection))]
    if len(wrong):
        raise BadInputError(f"Row {wrong[0]} was asked for; the map has {len(projection)}, numbered from 0.")
    return np.unique(chosen)


def _share(key: str, name: str, value: float, twin: str, sample: str, better: str = "") -> Measure:
    return Measure(key, name, value, _percent(value), twin, sample, better)


def _percent(share: float) -> str:
    return "< 0.1%" if 0 < share < 0.001 else f"{share:.1%}"
