"""From unit vectors to scores. NumPy only: whatever a slider moves is computed here, without a model.

The vectors of all wordings are kept (class x template x feature); combining them, the temperature
and the rule are arithmetic on what was encoded once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.axes import check_index, unit
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.formatting import plural
from workbench.results import Ranking, Rule

__all__ = [
    "ENSEMBLES",
    "MEASURES",
    "RULES",
    "Ensemble",
    "Floats",
    "Measure",
    "leave_one_out",
    "logits",
    "probabilities",
    "reject_scores",
    "rescore",
    "sigmoid",
    "softmax",
    "take",
    "template_cosines",
]

Ensemble = Literal["embedding", "probability"]
Measure = Literal["probability", "margin", "cosine"]
Floats = NDArray[np.float32]

RULES: tuple[Rule, ...] = ("softmax", "sigmoid")
"""How logits become probabilities: shares among the labels, or one yes/no for each."""
ENSEMBLES: tuple[Ensemble, ...] = ("embedding", "probability")
"""How the wordings of a label are combined: as vectors, or as votes."""
MEASURES: tuple[Measure, ...] = ("probability", "margin", "cosine")
"""What may decide that a picture is none of these."""


def softmax(values: NDArray, *, axis: int = -1) -> NDArray:
    """Shares that add up to 1 along `axis`."""
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def sigmoid(values: NDArray) -> NDArray:
    """One yes/no probability for each value, without overflow at either end."""
    return 0.5 * (1 + np.tanh(0.5 * values))


def logits(cosine: NDArray, *, scale: float, bias: float = 0.0, temperature: float = 1.0) -> NDArray:
    """`(scale * cosine + bias) / temperature`: the model's own logit at temperature 1.

    Source: CLIP (Radford et al. 2021, section 2.3) for the scale; SigLIP (Zhai et al. 2023, equation 1)
    for the bias; Guo et al. 2017 for dividing by a temperature.
    """
    return (scale * cosine + bias) / _positive(temperature)


def probabilities(values: NDArray, rule: Rule) -> NDArray:
    """Logits as probabilities: `softmax` over the labels (last axis) or `sigmoid` of each."""
    if rule not in RULES:
        raise BadInputError(f"rule is {rule!r}; expected 'softmax' or 'sigmoid'.")
    return softmax(values) if rule == "softmax" else sigmoid(values)


@verb
def rescore(
    ranking: Ranking,
    *,
    active: ArrayLike | None = None,
    temperature: float | None = None,
    rule: Rule | None = None,
    ensemble: Ensemble | None = None,
) -> Ranking:
    """The same pictures and labels scored with other settings; no model is called.

    Settings left at None stay as they are.

    Args:
        ranking: of `classify`.
        active: template, a mask: which wordings count.
        temperature: above 0; divides the logits, 1 leaves them as the model was trained.
        rule: "softmax" or "sigmoid".
        ensemble: "embedding" averages the vectors of the wordings and normalises the mean before the cosine;
            with "probability" each wording votes with its own probabilities.

    Returns:
        A `Ranking` of the same pictures and labels, in the same order.

    Raises:
        BadInputError: a mask of another length or of nothing, a temperature that is not above 0.

    Source: the mean of vectors: CLIP, Radford et al. 2021, section 3.1.4.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import classify, rescore
        >>> ranking = classify("emoji-clip", data.load("emoji")[:8], ["a face", "a dog"])
        >>> unsure = rescore(ranking, temperature=100)
        >>> bool((unsure.probability.max(axis=1) <= ranking.probability.max(axis=1)).all())
        True
    """
    mask = ranking.active if active is None else np.asarray(active, dtype=bool)
    heat = ranking.temperature if temperature is None else _positive(temperature)
    chosen_rule, chosen_ensemble = rule or ranking.rule, ensemble or ranking.ensemble
    cosine, logit, probability = _scores(
        ranking.image, ranking.text, mask, ranking.scale, ranking.bias, heat, chosen_rule, chosen_ensemble
    )
    return replace(
        ranking,
        cosine=cosine,
        logit=logit,
        probability=probability,
        active=mask,
        temperature=heat,
        rule=chosen_rule,
        ensemble=chosen_ensemble,
    )


@verb
def template_cosines(ranking: Ranking, item: int) -> Floats:
    """Cosine of one picture with every wording of every label.

    Args:
        ranking: of `classify`.
        item: number of the picture.

    Returns:
        class x template, -1 to 1.

    Raises:
        BadInputError: there is no such item.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import classify, template_cosines
        >>> labels, wordings = ["a face", "a dog", "a car"], ["{}", "a drawing of {}"]
        >>> ranking = classify("emoji-clip", data.load("emoji")[:4], labels, templates=wordings)
        >>> template_cosines(ranking, 0).shape
        (3, 2)
    """
    return ranking.text @ ranking.image[_place(ranking, item)]


def _place(ranking: Ranking, item: int) -> int:
    check_index("item", item, len(ranking), f"this ranking has {plural(len(ranking), 'picture')}")
    return item


@verb
def leave_one_out(ranking: Ranking, *, item: int | None = None) -> NDArray[np.float64]:
    """How the margin changes when a wording is dropped. Negative means that the wording helps.

    Args:
        ranking: of `classify`, with several templates.
        item: number of one picture; None takes the mean of all.

    Returns:
        template: change of the margin in probability; NaN for wordings that are off, and if only one is on.

    Raises:
        BadInputError: there is no such item.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import classify, leave_one_out
        >>> wordings = ["{}", "a drawing of {}", "{} in the rain"]
        >>> ranking = classify("emoji-clip", data.load("emoji")[:8], ["a face", "a dog"], templates=wordings)
        >>> leave_one_out(ranking).shape
        (3,)
    """
    chosen = None if item is None else [_place(ranking, item)]
    effect = np.full(len(ranking.templates), np.nan)
    on = np.flatnonzero(ranking.active)
    if len(on) < 2:
        return effect
    judged = ranking if chosen is None else take(ranking, chosen)
    for template in on:
        without = judged.active.copy()
        without[template] = False
        effect[template] = rescore(judged, active=without).margin.mean() - judged.margin.mean()
    return effect


@verb
def take(ranking: Ranking, items: ArrayLike) -> Ranking:
    """The ranking of some of its items, in the order given: the same scores, without the pictures.

    Args:
        ranking: of `classify`.
        items: their numbers, or item, True for those to take.

    Returns:
        A `Ranking` of these.

    Raises:
        BadInputError: there is no such item.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import classify, take
        >>> take(classify("emoji-clip", data.load("emoji")[:4], ["a face", "a dog"]), [3, 0])
        Ranking(2 pictures among 2 labels, 1 template, softmax, T=1)
    """
    rows = _rows(ranking, items)
    return replace(
        ranking,
        image=ranking.image[rows],
        cosine=ranking.cosine[rows],
        logit=ranking.logit[rows],
        probability=ranking.probability[rows],
        names=tuple(ranking.names[row] for row in rows) if ranking.names else (),
        truth=None if ranking.truth is None else ranking.truth[rows],
        pairs=None,
    )


def _rows(ranking: Ranking, items: ArrayLike) -> NDArray[np.int64]:
    chosen = np.asarray(items)
    if chosen.dtype == np.bool_ and chosen.shape == (len(ranking),):
        return np.flatnonzero(chosen)
    if chosen.size and chosen.dtype.kind not in "iu":
        raise BadInputError(
            f"items holds {chosen.dtype} of shape {chosen.shape}; expected numbers of pictures, from 0, or "
            f"one True or False for each of {len(ranking):,}."
        )
    return np.array([_place(ranking, int(row)) for row in chosen.flat], np.int64)


@verb
def reject_scores(ranking: Ranking, measure: Measure = "probability") -> Floats:
    """How sure the best label of each picture is; one below a threshold is "none of these".

    Args:
        ranking: of `classify`.
        measure: "probability" of the best label, its "margin" over the second, or its "cosine".

    Returns:
        item, float32.

    Raises:
        BadInputError: there is no such measure.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import classify, reject_scores
        >>> reject_scores(classify("emoji-clip", data.load("emoji")[:4], ["a face", "a dog"])).shape
        (4,)
    """
    if measure == "margin":
        return ranking.margin
    if measure not in MEASURES:
        raise BadInputError(f"measure is {measure!r}; expected one of {', '.join(map(repr, MEASURES))}.")
    scores = ranking.probability if measure == "probability" else ranking.cosine
    return np.take_along_axis(scores, ranking.best[:, None], axis=1)[:, 0]


def _scores(
    image: Floats,
    text: Floats,
    active: NDArray[np.bool_],
    scale: float,
    bias: float,
    temperature: float,
    rule: Rule,
    ensemble: Ensemble,
) -> tuple[NDArray, NDArray, NDArray]:
    """Cosine, logit and probability, each item x class."""
    if active.shape != (text.shape[1],) or not active.any():
        raise BadInputError(
            f"active selects {int(active.sum())} of {text.shape[1]} templates; switch at least one on."
        )
    if ensemble not in ENSEMBLES:
        raise BadInputError(f"ensemble is {ensemble!r}; expected 'embedding' or 'probability'.")
    if ensemble == "embedding":
        cosine = image @ unit(text[:, active].mean(axis=1)).T
        logit = logits(cosine, scale=scale, bias=bias, temperature=temperature)
        return cosine, logit, probabilities(logit, rule)
    each = np.einsum("if,ctf->itc", image, text[:, active], optimize=True)
    logit = logits(each, scale=scale, bias=bias, temperature=temperature)
    probability = probabilities(logit, rule).mean(axis=1)
    return each.mean(axis=1), _inverse(probability, rule), probability


def _inverse(probability: NDArray, rule: Rule) -> NDArray:
    """Logits whose probabilities these are, so that order and margin agree with what is shown."""
    floor = np.finfo(np.float32).tiny
    log_yes = np.log(np.maximum(probability, floor))
    if rule == "softmax":
        return log_yes
    return log_yes - np.log(np.maximum(1 - probability, floor))


def _positive(temperature: float) -> float:
    value = float(temperature)
    if not (np.isfinite(value) and value > 0):
        raise BadInputError(
            f"temperature is {temperature!r}; expected a number above 0. 1 is the model's own; "
            "the nearer to 0, the more the best label takes of the probability."
        )
    return value
