"""`faithfulness`: is a map true? Each score beside what random maps and the picture's centre would get."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from workbench.attribution.evaluation.faithfulness_result import Curve, Faithfulness, Measure, Protocol
from workbench.attribution.evaluation.masks import hits, scene_mask, seen_mask
from workbench.attribution.evaluation.reference_curves import (
    References,
    curve_counts,
    encoded,
    masks_of,
    patch_order,
    references,
    shared_forwards,
    target_of,
)
from workbench.attribution.explain import attribute
from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.heatmap import Cost, Heatmap
from workbench.attribution.methods.baselines import centre_map, random_map
from workbench.calling import verb
from workbench.data import Pair
from workbench.errors import BadInputError, UnknownNameError, UnsupportedError, did_you_mean
from workbench.models.adapters.tower import TwoTower
from workbench.models.given import as_encoder
from workbench.results import OnEvent, ShouldStop
from workbench.values import as_sentences

__all__ = ["MEASURES", "expected_cost", "faithfulness", "randomised", "share_of_best"]

MEASURES = ("deletion", "insertion", "pointing", "overlap", "randomisation")
_NEEDS_MASK = ("pointing", "overlap")
Grid = tuple[int, int]


@verb
def faithfulness(
    heatmap: Heatmap,
    *,
    measures: Sequence[str] = ("deletion", "insertion"),
    model: Any = None,
    mask: ArrayLike | None = None,
    protocol: Protocol | None = None,
    batch_size: int = 64,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Faithfulness:
    """Scores of one map of a picture, each beside random maps and the picture's centre.

    Nothing is computed but what `measures` names; `expected_cost` says beforehand what that takes.

    Random maps are read from either end: a curve of random orders is the same for deletion and insertion, so
    both are held against the same masked pictures, which maps on one pair share.

    Args:
        heatmap: a map of a pair in a dual encoder, by any method, those of your own included.
        measures: of "deletion", "insertion" (curves of the target), "pointing" (is the best patch in the
            mask?), "overlap" (intersection over union with the mask, the map cut at its mean) and
            "randomisation" (how alike the map stays when the weights are shuffled).
        model: the model that was explained; left out, the one the map remembers.
        mask: row x col of the pair's own picture, true where the right answer is. Pairs of `shapes` have one
            for what the target's text names.
        protocol: fill, steps, random baselines and seed.
        batch_size: masked pictures in one pass; halved where memory runs out.
        on_event: called after each batch.
        should_stop: asked between batches; nothing is kept when it says true.

    Returns:
        A `Faithfulness`: a `Measure` for each of `measures`, with the curves of deletion and insertion.

    Raises:
        UnknownNameError: no such measure.
        BadInputError: the map has no picture side, its model is gone, or the mask has another size.
        UnsupportedError: the map explains a model that is no dual encoder.
        Cancelled: `should_stop` returned true.

    Source: deletion and insertion of Petsiuk et al. 2018; the pointing game of Zhang et al. 2018;
    randomisation after Adebayo et al. 2018.

    Example:
        >>> from workbench import attribution, data
        >>> heatmap = attribution.attribute("emoji-clip", data.load("emoji")[0], method="grad-cam")
        >>> protocol = attribution.Protocol(steps=3, baselines=2)
        >>> scores = attribution.faithfulness(heatmap, measures=["deletion"], protocol=protocol)
        >>> scores["deletion"].better, scores.curves["deletion"].share.shape
        ('lower', (4,))
    """
    began, chosen = time.perf_counter(), protocol or Protocol()
    measures = as_sentences(measures, what="measures")
    _check(heatmap, measures, chosen)
    held, pair = _explained(heatmap, model)
    explained = ExplainedPair(held, pair.picture, heatmap.target, on_event=on_event, should_stop=should_stop)
    values, grid = _image(heatmap), heatmap.grid or (1, 1)
    found: dict[str, Measure] = {}
    curves: dict[str, Curve] = {}
    skipped: dict[str, str] = {}
    asked = [name for name in ("deletion", "insertion") if name in measures]
    if asked:
        beside = references(explained, pair, grid, chosen, batch_size)
        for name in asked:
            curves[name] = _curve(name, explained, values, chosen, beside, batch_size)
            found[name] = _area(curves[name])
    if set(_NEEDS_MASK) & set(measures):
        given = scene_mask(pair, heatmap.target.text) if mask is None else np.asarray(mask)
        if given is None:
            reason = "there is no mask: give mask=..., or take a pair of `shapes` and name a thing in it"
            skipped |= {name: reason for name in _NEEDS_MASK if name in measures}
        else:
            seen = seen_mask(held, pair, given)
            if "pointing" in measures:
                found["pointing"] = _pointing(values, hits(seen, grid))
            if "overlap" in measures:
                found["overlap"] = _overlap(values, seen, chosen)
    extra = Cost()
    if "randomisation" in measures:
        found["randomisation"], extra = _randomisation(heatmap, held, chosen, batch_size)
    cost = Cost(explained.forwards + extra.forwards, extra.backwards, time.perf_counter() - began)
    parameters = {"method": heatmap.method, "measures": list(measures), "protocol": vars(chosen)}
    origin = replace(heatmap.provenance, verb="faithfulness", parameters=parameters, seed=chosen.seed)
    ordered = {name: found[name] for name in measures if name in found}
    return Faithfulness(heatmap.method, heatmap.title, chosen, ordered, curves, skipped, cost, origin)


def _explained(heatmap: Heatmap, model: Any) -> tuple[TwoTower, Pair]:
    """The dual encoder and the pair that a map explains."""
    if heatmap.target.kind == "output":
        raise UnsupportedError(
            "This map explains a model as a whole, given its own tensors; faithfulness() scores maps of dual "
            "encoders, whose pictures it can take apart. Compare it with method='occlusion' instead."
        )
    held = heatmap.model if model is None else as_encoder(model)
    if held is None or heatmap.pair is None:
        raise BadInputError(
            "The model of this map is no longer loaded; give it again: faithfulness(heatmap, model=model)."
        )
    if not isinstance(held, TwoTower):
        raise UnsupportedError(
            f"{type(held).__name__} is no dual encoder loaded by models.load; faithfulness() encodes "
            "pictures with parts left out by one."
        )
    return held, heatmap.pair


@verb
def expected_cost(
    heatmap: Heatmap,
    measures: Sequence[str] = ("deletion", "insertion"),
    protocol: Protocol | None = None,
    *,
    model: Any = None,
    shared: bool = True,
) -> Cost:
    """Forwards and backwards that `faithfulness` will take, before it takes them.

    Args:
        heatmap: the map that is to be scored.
        measures: as for `faithfulness`.
        protocol: as for `faithfulness`.
        model: as for `faithfulness`: left out, the one the map remembers.
        shared: whether to count the masked pictures that every map on this pair and grid is held against
            (whole, empty, centre, random). They are encoded for the first of them alone, and cost nothing
            once they are.

    Returns:
        A `Cost` of passes; its seconds are 0.

    Raises:
        UnknownNameError: no such measure.
        BadInputError: the map has no picture side, or a protocol without steps or random maps.

    Example:
        >>> from workbench import attribution, data
        >>> heatmap = attribution.attribute("emoji-clip", data.load("emoji")[0], method="centre")
        >>> attribution.expected_cost(heatmap, ["deletion"], shared=False).forwards
        8
    """
    chosen = protocol or Protocol()
    measures = as_sentences(measures, what="measures")
    _check(heatmap, measures, chosen)
    curves = sum(name in ("deletion", "insertion") for name in measures)
    forwards = curves * (chosen.steps - 1)
    if curves:
        forwards += len(heatmap.target.texts)
    if curves and shared:
        whole = heatmap.target.kind == "output"  # faithfulness() refuses it, so nothing of it is kept
        held = None if whole else model if model is not None else heatmap.model
        forwards += shared_forwards(held, heatmap.pair, heatmap.grid or (1, 1), chosen)
    again = heatmap.cost if "randomisation" in measures else Cost()
    return Cost(forwards + again.forwards, again.backwards)


def randomised(model: TwoTower, seed: int = 0) -> TwoTower:
    """A copy of the model with the values inside every weight matrix shuffled; the model itself stays.

    Source: Adebayo et al. 2018, "Sanity checks for saliency maps", with shuffled values in place of a new
    initialisation, so that every layer keeps its scale.
    """
    other = copy(model)
    other.model = deepcopy(model.model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in other.model.parameters():
            if weight.ndim > 1:
                order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
                weight.copy_(weight.flatten()[order].reshape(weight.shape))
    return other


def _curve(
    name: str,
    explained: ExplainedPair,
    values: NDArray,
    protocol: Protocol,
    held: References,
    batch_size: int,
) -> Curve:
    grid: Grid = (values.shape[0], values.shape[1])
    counts = curve_counts(grid, protocol)
    masks = masks_of(patch_order(values), grid, counts[1:-1].tolist())
    if name == "deletion":
        masks = [~mask for mask in masks]
    inner = target_of(explained, encoded(explained, masks, protocol, f"{name} pictures", batch_size))
    line = held.with_ends(name, inner[None])[0]
    share = (counts / values.size).astype(np.float32)
    lines = (line, held.random(name), held.centre(name))
    return Curve(name, share, *(one.astype(np.float32) for one in lines))


def _area(curve: Curve) -> Measure:
    share = curve.share.astype(float)
    area = np.trapezoid(np.vstack([curve.value, curve.centre, curve.random]), share, axis=1)
    lower = curve.name == "deletion"
    told = "taken away" if lower else "shown"
    return Measure(
        curve.name,
        float(area[0]),
        float(area[2:].mean()),
        float(area[2:].std(ddof=1)),
        float(area[1]),
        "lower" if lower else "higher",
        f"mean of the target while the most important patches are {told} first",
    )


def _pointing(values: NDArray, right: NDArray[np.bool_]) -> Measure:
    chance = float(right.mean())
    return Measure(
        "pointing",
        share_of_best(values, right),
        chance,
        (chance * (1 - chance)) ** 0.5,  # of a single try
        share_of_best(centre_map(right.shape), right),
        "higher",
        "1 where the best patch lies in the mask; random is the share of patches that would",
    )


def share_of_best(values: NDArray, right: NDArray[np.bool_]) -> float:
    """1 where the best patch is right; of equally good ones the share that is: flat maps gain nothing."""
    best = values >= values.max() - 1e-12
    return float(right[best].mean())


def _overlap(values: NDArray, mask: NDArray[np.bool_], protocol: Protocol) -> Measure:
    grid: Grid = (values.shape[0], values.shape[1])
    noise = [_iou(random_map(grid, protocol.seed + k), mask) for k in range(protocol.baselines)]
    return Measure(
        "overlap",
        _iou(values, mask),
        float(np.mean(noise)),
        float(np.std(noise, ddof=1)),
        _iou(centre_map(grid), mask),
        "higher",
        "intersection over union with the mask of the patches above the map's mean",
    )


def _iou(values: NDArray, mask: NDArray[np.bool_]) -> float:
    above = values > values.mean()
    height, width = mask.shape
    rows = np.arange(height) * above.shape[0] // height
    cols = np.arange(width) * above.shape[1] // width
    shown = above[rows[:, None], cols[None]]
    return float((shown & mask).sum() / max((shown | mask).sum(), 1))


def _randomisation(
    heatmap: Heatmap, model: TwoTower, protocol: Protocol, batch_size: int
) -> tuple[Measure, Cost]:
    told: Mapping[str, Any] = heatmap.provenance.parameters
    settings = {name: told[name] for name in ("layer", "start_layer", "steps", "samples") if told.get(name)}
    again = attribute(
        randomised(model, protocol.seed),
        heatmap.pair,
        method=heatmap.method,
        target=heatmap.target,
        seed=heatmap.provenance.seed or 0,
        fill=told.get("fill", "mean"),
        batch_size=batch_size,
        **settings,
    )
    values, grid = _image(heatmap), heatmap.grid or (1, 1)
    noise = [_alike(values, random_map(grid, protocol.seed + k)) for k in range(protocol.baselines)]
    return Measure(
        "randomisation",
        _alike(values, _image(again)),
        float(np.mean(noise)),
        float(np.std(noise, ddof=1)),
        1.0,
        "lower",
        "rank correlation (its size) with the map of the same model with shuffled weights",
    ), again.cost


def _alike(first: NDArray, second: NDArray) -> float:
    """Size of Spearman's rank correlation; 0 where one of them is flat."""
    from scipy.stats import rankdata

    ranks = [rankdata(part) - (part.size + 1) / 2 for part in (first, second)]
    scale = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return abs(float((ranks[0] * ranks[1]).sum()) / scale) if scale else 0.0


def _image(heatmap: Heatmap) -> NDArray[np.float64]:
    assert heatmap.image is not None  # _check refused the other case
    return heatmap.image.astype(float)


def _check(heatmap: Heatmap, measures: Sequence[str], protocol: Protocol) -> None:
    for name in measures:
        if name not in MEASURES:
            raise UnknownNameError(
                f"There is no measure {name!r}; there are {', '.join(MEASURES)}."
                f"{did_you_mean(name, MEASURES)}"
            )
    if heatmap.image is None:
        raise BadInputError(f"{heatmap.title} gave no map of the picture, so no patch can be taken away.")
    if protocol.steps < 2 or protocol.baselines < 2:
        raise BadInputError(
            f"The protocol has {protocol.steps} steps and {protocol.baselines} random maps; "
            "it needs two of each."
        )
