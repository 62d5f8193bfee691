"""Every figure of a map in one list, for all points or a selection, each beside what chance would give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench._repr import plural
from workbench.errors import BadInputError
from workbench.projection.pairing import pair_losses, pair_ranks
from workbench.projection.quality import continuity, known_stability, skewness, trustworthiness
from workbench.projection.result import Projection
from workbench.projection.space import MODALITIES, gap
from workbench.results import Rule

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
        twin: chance, or a baseline, in words.
        better: "higher", "lower" or "" where neither is better.
    """

    key: str
    name: str
    value: float
    shown: str
    twin: str
    sample: str
    better: str = ""


def measures(
    projection: Projection, rows: ArrayLike | None = None, *, temperature: float | None = None
) -> tuple[Measure, ...]:
    """The figures of the map, or of some rows of it (row numbers or a mask).

    Figures of a selection are judged among everything: the ranks, the neighbours and the loss's
    denominators are those of the whole. Those that make no sense for it are left out.

    Args:
        temperature: of the contrastive loss; None takes the model's own, else 0.07.

    Raises:
        BadInputError: rows that are not there, a temperature that is not above 0.
    """
    chosen = _chosen(projection, rows)
    heat = _temperature(projection, temperature)
    return tuple(
        [
            *_of_the_map(projection, chosen),
            *_of_the_space(projection, chosen),
            *_of_pairs(projection, chosen, heat),
        ]
    )


def pair_figures(
    projection: Projection, *, temperature: float | None = None
) -> Mapping[str, NDArray[np.float32]]:
    """row: "rank" of its own partner among all of the other kind, and its pair's part of the "loss".

    NaN where only a sample was looked at: see `RANKED` and `LOSS_PAIRS`. Empty where there is one modality.

    Raises:
        BadInputError: a temperature that is not above 0.
    """
    if len(projection.modalities) < 2:
        return {}
    pairs = len(projection.embeddings)
    rank, loss = (np.full((2, pairs), np.nan, np.float32) for _ in range(2))
    for asked in range(2):
        found = _ranks(projection, asked, 1 - asked)
        rank[asked, found.query] = found.rank
    sample, losses, _ = _losses(projection, _temperature(projection, temperature))
    loss[:, sample] = losses
    return {"rank": rank.reshape(-1), "loss": loss.reshape(-1)}


def _of_the_map(projection: Projection, rows: NDArray[np.int64]) -> Iterator[Measure]:
    quality, count, k = projection.quality, len(projection), projection.k
    everyone, points = max(1, count - 1), plural(len(rows), "point")
    if k == 0 or not len(rows):
        return
    chance = min(1.0, k / everyone)
    far = max(0.0, 1 - quality.false.dtype.type(min(projection.neighbours.k, everyone) / everyone))
    kept = float(quality.preservation[rows].mean())
    yield _share(
        "preservation", f"true neighbours kept (k={k})", kept, f"chance {chance:.1%}", points, "higher"
    )
    false, missing = float(quality.false[rows].mean()), float(quality.missing[rows].mean())
    yield _share("false", "false neighbours", false, f"chance {far:.1%}", points, "lower")
    yield _share("missing", "missing neighbours", missing, f"chance {far:.1%}", points, "lower")
    trust, on = trustworthiness(projection, rows=rows)
    yield Measure(
        "trustworthiness",
        "trustworthiness",
        trust,
        f"{trust:.3f}",
        "chance 0.5",
        plural(on, "point"),
        "higher",
    )
    whole, on = continuity(projection, rows=rows)
    yield Measure(
        "continuity", "continuity", whole, f"{whole:.3f}", "chance 0.5", plural(on, "point"), "higher"
    )
    found = known_stability(projection)
    if found is not None:
        same = float(found.agreement[rows].mean())
        seeds = f"{plural(len(found.seeds), 'more seed')}"
        yield _share(
            "stability", "agreement with other seeds", same, f"chance {found.chance:.1%}", seeds, "higher"
        )


def _of_the_space(projection: Projection, rows: NDArray[np.int64]) -> Iterator[Measure]:
    quality, points = projection.quality, plural(len(rows), "point")
    if projection.k == 0 or not len(rows):
        return
    lists = quality.hubness
    if len(rows) == len(projection):
        skew = skewness(lists)
        even = skewness(np.random.default_rng(0).poisson(projection.k, len(lists)))
        yield Measure(
            "hubness", "hubness (skew)", skew, f"{skew:.2f}", f"random lists {even:.2f}", points, "lower"
        )
        orphans = float((lists == 0).mean())
        by_chance = float(np.exp(-projection.k))
        yield _share("orphans", "in nobody's list", orphans, f"chance {by_chance:.1%}", points, "lower")
    else:
        mean = float(lists[rows].mean())
        yield Measure("hubness", "lists each is in", mean, f"{mean:.1f}", f"mean {projection.k}", points)
    if len(projection.modalities) < 2:
        return
    share = float(quality.cross_modal[rows].mean())
    chance = len(projection) / 2 / max(1, len(projection) - 1)
    yield _share("cross_modal", "neighbours of the other modality", share, f"mixed {chance:.0%}", points)
    yield from _gap(projection, rows)
    if quality.margin is not None:
        pictures = rows[projection.modality[rows] == MODALITIES.index("image")]
        if len(pictures):
            right = float((quality.margin[pictures] > 0).mean())
            classes = len(set(projection.embeddings.labels or ()))
            margin = float(quality.margin[pictures].mean())
            seen = plural(len(pictures), "picture")
            yield Measure("margin", "zero-shot margin", margin, f"{margin:+.3f}", "chance 0", seen, "higher")
            yield _share("zero_shot", "named rightly", right, f"chance {1 / classes:.1%}", seen, "higher")


def _of_pairs(projection: Projection, rows: NDArray[np.int64], heat: float) -> Iterator[Measure]:
    if len(projection.modalities) < 2:
        return
    items = np.unique(projection.item[rows]).astype(np.int64)
    loss, twin, sample = _loss(projection, items, heat)
    if sample:
        yield Measure(
            "loss", f"contrastive loss at {heat:.3g}", loss, f"{loss:.3f}", f"chance {twin:.2f}",
            f"among {plural(sample, 'pair')}", "lower",
        )  # fmt: skip
    for direction, asked, known in (("text to picture", 1, 0), ("picture to text", 0, 1)):
        ranks = _ranks(projection, asked, known)
        mine = np.isin(ranks.query, items)
        if not mine.any():
            continue
        for most in (1, 5, 10):
            value = float(ranks.within(most)[mine].mean())
            chance = min(1.0, most / ranks.candidates)
            yield _share(
                f"{'text_to_image' if asked else 'image_to_text'}_{most}", f"{direction}, recall@{most}",
                value, f"chance {chance:.1%}", plural(int(mine.sum()), "query", "queries"), "higher",
            )  # fmt: skip


def _loss(projection: Projection, items: NDArray[np.int64], heat: float) -> tuple[float, float, int]:
    """Mean loss of the chosen pairs among a sample of all, the loss of chance, and the sample's size."""
    sample, losses, chance = _losses(projection, heat)
    mine = np.isin(sample, items)
    return (float(losses[mine].mean()), chance, len(sample)) if mine.any() else (np.nan, 0.0, 0)


def _losses(projection: Projection, heat: float) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Which pairs, what each adds to the loss among them, and the loss of chance."""
    image, text = _sides(projection)
    sample = np.random.default_rng(0).permutation(len(image))[:LOSS_PAIRS]
    own = projection.embeddings.provenance.parameters
    rule: Rule = "sigmoid" if own.get("rule") == "sigmoid" else "softmax"
    bias = float(own.get("bias", 0.0)) if rule == "sigmoid" else 0.0
    losses = pair_losses(image[sample], text[sample], temperature=heat, rule=rule, bias=bias)
    chance = np.log(len(sample)) if rule == "softmax" else len(sample) * np.log(2)
    return sample, losses, float(chance)


@lru_cache(maxsize=16)
def _ranks(projection: Projection, asked: int, known: int) -> Any:
    sides = _sides(projection)
    items = None
    if len(sides[0]) > 10 * RANKED:
        items = np.sort(np.random.default_rng(0).permutation(len(sides[0]))[:RANKED])
    return pair_ranks(sides[asked], sides[known], items=items)


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


def _temperature(projection: Projection, temperature: float | None) -> float:
    if temperature is None:
        scale = projection.embeddings.provenance.parameters.get("scale")
        return 1 / float(scale) if scale else 0.07
    if not (np.isfinite(temperature) and temperature > 0):
        raise BadInputError(f"temperature is {temperature!r}; expected a number above 0, such as 0.01.")
    return float(temperature)


def _chosen(projection: Projection, rows: ArrayLike | None) -> NDArray[np.int64]:
    if rows is None:
        return np.arange(len(projection))
    array = np.asarray(rows)
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
    return Measure(key, name, value, f"{value:.1%}", twin, sample, better)
