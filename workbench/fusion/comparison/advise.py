"""`advise`: which fusion for me? From what theory says of classes, and from what a report has measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.fusion.comparison.advice import Advice, Need, Option, Reason
from workbench.fusion.comparison.report import FusionReport
from workbench.fusion.comparison.shipped import measured
from workbench.fusion.design import FusionCard, Plan
from workbench.metrics import interval
from workbench.results import Provenance

__all__ = ["FEW", "advise"]

FEW = 2000
"""Training rows of the kept study of small data: so few, and no difference between classes was sure."""
_SUMS = ("additive", "scalar-gated")
_GAPS = 0.3  # chance of a gap that is advised for training; that of the kept study


@verb
def advise(
    *,
    need: Need = "unknown",
    may_miss: bool = False,
    explain: bool = False,
    apart: bool = False,
    parameters: int | None = None,
    seconds: float | None = None,
    rows: int | None = None,
    report: FusionReport | None = None,
) -> Advice:
    """Which fusion for me, and why.

    Theory comes first: a fusion whose class cannot say what the label needs is out, however well it did
    elsewhere. Then what was measured: among those that are left and are not measurably worse than the best of
    them (the 95 % interval of the difference, seed by seed, holds zero), the one with the fewest parameters.

    Args:
        need: what the label needs; see `Need`. "unknown" excludes nothing and says how to find out.
        may_miss: whether a modality may be missing when the model is used.
        explain: whether each answer must fall into one part a modality, exactly.
        apart: whether each modality must be encoded without the other (kept in an index, computed
            beforehand).
        parameters: at most so many, at the report's size.
        seconds: at most so long to train one seed, on the machine of the report.
        rows: labelled rows to train on.
        report: a comparison of your own, best of all; None takes `measured("easy-vqa")`.

    Returns:
        An `Advice`: `.choice`, `.reasons`, and the `.plan` to try it with.

    Raises:
        BadInputError: an answer that is none, or a report in which nothing was finished.

    Example:
        >>> from workbench.fusion import advise
        >>> found = advise(need="product", may_miss=True)
        >>> found.choice not in found.excluded, "mean-logits" in found.excluded  # a sum is no product
        (True, True)
    """
    answers = {
        "need": need, "may_miss": may_miss, "explain": explain, "apart": apart, "parameters": parameters,
        "seconds": seconds, "rows": rows,
    }  # fmt: skip
    _checked(answers)
    own = report is not None
    held = report if report is not None else measured("easy-vqa")
    options = _options(held, answers)
    order = _ranked(held, options, need)
    left = [one for one in order if not one.excluded]
    choice = left[0] if left else None
    few = rows is not None and rows <= FEW and not own
    if few and left:
        choice = min(left, key=_cost)
        left = [choice, *(one for one in left if one is not choice)]
        order = [*left, *(one for one in order if one.excluded)]
    return Advice(
        choice.name if choice else "",
        tuple(_reasons(choice, left, held, answers, own)),
        tuple(order),
        tuple(_try_first(choice, left, held, answers)),
        replace(Plan(), p_missing_train=_GAPS if may_miss else 0.0),
        answers,
        f"{held.data}: {held.counts.get('train', 0):,} training and "
        f"{held.counts.get('test', 0):,} test rows, "
        f"{len(held.seeds)} seeds",
        _notes(held, own),
        Provenance("advise", data=held.provenance.data, parameters=answers),
    )


def _checked(answers: Mapping[str, Any]) -> None:
    if answers["need"] not in get_args(Need):
        raise BadInputError(f"need is {answers['need']!r}; expected one of {', '.join(get_args(Need))}.")
    for name in ("parameters", "seconds", "rows"):
        value = answers[name]
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if value is not None and not (number and value > 0):
            raise BadInputError(f"{name} is {value!r}; expected a number above 0, or None for no limit.")


def _options(report: FusionReport, answers: Mapping[str, Any]) -> list[Option]:
    """Every fusion of both modalities that was finished, and why some are out of the question."""
    gone = {one.modality: one.accuracy for one in report.robustness if one.kind == "missing"}
    found = []
    for place, card in enumerate(report.cards):
        if card.kind == "unimodal" or not np.isfinite(report.metrics["accuracy"][place]).any():
            continue
        mean, low, high = interval(report.metrics["accuracy"][place])
        missing = {name: float(values[place, :, -1].mean()) for name, values in gone.items()}
        size, took = int(report.budget.parameters[place]), float(report.budget.seconds[place])
        out = _why_not(card, size, took, answers)
        found.append(Option(card, (mean, low, high), (0.0, 0.0, 0.0), False, missing, size, took, out))
    if not found:
        raise BadInputError(
            f"In {report!r} no fusion of both modalities was finished, so nothing can be advised."
        )
    return found


def _why_not(card: FusionCard, size: int, took: float, answers: Mapping[str, Any]) -> str:
    """What rules a fusion out: what it cannot say, what it cannot give, or what it costs; "" if nothing."""
    if answers["need"] == "product" and card.kind in _SUMS:
        return "its decision is that of a sum of one score a modality, and no sum separates XOR"
    if answers["explain"] and card.kind != "additive":
        return "its answer does not fall into one part a modality"
    if answers["apart"] and card.where != "late":
        return "modalities meet before each has its own vector or answer, so none can be computed beforehand"
    if answers["parameters"] is not None and size > answers["parameters"]:
        return f"{size:,} parameters at this size, more than {answers['parameters']:,}"
    if answers["seconds"] is not None and took > answers["seconds"]:
        return f"{took:.0f} s to train one seed, more than {answers['seconds']:g} s"
    return ""


def _ranked(report: FusionReport, options: Sequence[Option], need: Need) -> list[Option]:
    """Allowed ones first: tied with the best by cost, the others by quality; those that are out last.

    Where a sum is enough, only sums are ranked before the rest: more can be said with the others, at a price,
    and nothing of it is needed.
    """
    left = [one for one in options if not one.excluded]
    sums = [one for one in left if one.card.kind == "additive"]
    pool = sums if need == "sum" and sums else left
    best = max(pool, key=lambda one: one.quality[0], default=None)
    judged = [one if best is None else _behind(report, best, one) for one in left]
    inside = {one.name for one in pool}
    key = {
        one.name: (one.name not in inside, not one.tied, _cost(one) if one.tied else -one.quality[0])
        for one in judged
    }
    return sorted(judged, key=lambda one: key[one.name]) + [one for one in options if one.excluded]


def _behind(report: FusionReport, best: Option, one: Option) -> Option:
    if one.name == best.name:
        return replace(one, tied=True)
    paired = report.paired(best.name, one.name)
    tied = not paired.low > 0 if math.isfinite(paired.low) else one.quality[0] >= best.quality[0]
    return replace(one, behind=(paired.mean, paired.low, paired.high), tied=bool(tied))


def _cost(one: Option) -> int:
    return one.parameters


def _reasons(
    choice: Option | None, left: Sequence[Option], report: FusionReport, answers: Mapping[str, Any], own: bool
) -> list[Reason]:
    if choice is None:
        return [
            Reason("Nothing meets all of this at once; the table says what rules each fusion out.", "theory")
        ]
    said = [_of_need(choice, answers["need"])]
    said.append(_of_quality(choice, left, report, answers, own))
    if answers["explain"]:
        said.append(
            Reason(
                "Its logits are a sum of one term a modality: the terms are the explanation, exactly.",
                "theory",
            )
        )
    if answers["apart"]:
        said.append(
            Reason(
                "Each modality ends in its own vector or answer, which can be computed beforehand.", "theory"
            )
        )
    if answers["may_miss"]:
        said += _of_gaps(choice, report, own)
    if answers["rows"] is not None:
        said.append(_of_rows(answers["rows"], own))
    if choice.card.trap:
        said.append(Reason(f"Beware: {choice.card.trap}.", "practice"))
    return said


def _of_need(choice: Option, need: Need) -> Reason:
    kind = choice.card.kind
    if need == "product":
        text = (
            f"The label lies in how the two go together; a {kind} fusion can say that, and no sum can (XOR)."
        )
    elif need == "sum":
        text = (
            "A sum of one score a modality is enough for the label, so nothing is gained in "
            "principle by more; "
            f"this one is {kind}."
        )
    else:
        text = f"Whether the label needs more than a sum is not known; a {kind} fusion " + (
            "can only say sums: compare it with one that can say more." if kind in _SUMS else "can say both."
        )
    return Reason(text, "theory")


def _of_quality(
    choice: Option, left: Sequence[Option], report: FusionReport, answers: Mapping[str, Any], own: bool
) -> Reason:
    mean, low, high = choice.quality
    text = (
        f"On {report.data} it reached {mean:.3f} ({low:.3f} to {high:.3f}) with "
        f"{choice.parameters:,} parameters"
    )
    best = max(left, key=lambda one: one.quality[0])
    few = answers["rows"] is not None and answers["rows"] <= FEW and not own
    if few:
        return Reason(f"{text}; with so few rows, the fewest parameters of those allowed decide.", "measured")
    if answers["need"] == "sum" and best.card.kind != "additive":
        return Reason(
            f"{text}, the cheapest of the sums that are not measurably worse than the best sum.", "measured"
        )
    tied = [one for one in left if one.tied]
    if choice.name == best.name:
        text += ", the best of those allowed"
    if len(tied) > 1:
        text += (
            f"; {len(tied)} are not distinguishable from the best, and it has the fewest parameters of them"
        )
    return Reason(f"{text}.", "measured")


def _of_gaps(choice: Option, report: FusionReport, own: bool) -> list[Reason]:
    chance = report.lines.get("chance", float("nan"))
    fell = ", ".join(f"{value:.3f} without {name}" for name, value in choice.missing.items())
    said = []
    if fell:
        text = f"Trained on complete pairs only, it fell to {fell} (a constant answer: {chance:.3f})."
        said.append(Reason(text, "measured"))
    if not own:
        said += _of_gap_study(choice)
    said.append(
        Reason(f"So train with gaps, p_missing_train={_GAPS:g}, whichever fusion you take.", "measured")
    )
    return said


def _of_gap_study(choice: Option) -> list[Reason]:
    """What training with gaps did in the kept study, for this fusion or for one of its class."""
    study = measured("easy-vqa-gaps")
    same = [card for card in study.cards if card.name == choice.name]
    same += [card for card in study.cards if card.kind == choice.card.kind]
    if not same:
        return []
    place = study.index(same[0].name)
    after = {
        one.modality: float(one.accuracy[place, :, -1].mean())
        for one in study.robustness
        if one.kind == "missing"
    }
    whole = float(np.mean(study.metrics["accuracy"][place]))
    said = ", ".join(f"{value:.3f} without {name}" for name, value in after.items())
    who = "it" if same[0].name == choice.name else f"{same[0].title}, of the same class,"
    return [
        Reason(
            f"Trained with gaps on {study.counts['train']:,} rows, {who} reached {whole:.3f} "
            f"complete and {said}.",
            "measured",
        )
    ]


def _of_rows(rows: float, own: bool) -> Reason:
    if own or rows > FEW:
        return Reason(
            f"With {rows:,.0f} rows, compare before you believe: seeds and an interval.", "practice"
        )
    few = measured("easy-vqa-few")
    gain = few.paired("concat-mlp", "mean-logits")
    return Reason(
        f"With {FEW:,} rows of easy-VQA, which needs a product, an MLP over both minus a sum is "
        f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}): data of this size do not show "
        "the difference.",
        "measured",
    )


def _try_first(
    choice: Option | None, left: Sequence[Option], report: FusionReport, answers: Mapping[str, Any]
) -> list[str]:
    """Each modality alone, the advised one, and the best of the other kind: is more than a sum needed?"""
    if choice is None:
        return []
    alone = [f"only-{name}" for name in report.modalities]
    others = {one.card.kind in _SUMS: one.name for one in reversed(left)}
    rival = others.get(choice.card.kind not in _SUMS, "" if answers["explain"] else "mean-logits")
    names = [*alone, choice.name, rival]
    return list(dict.fromkeys(name for name in names if name))


def _notes(report: FusionReport, own: bool) -> tuple[str, ...]:
    if own:
        return report.notes
    return (
        "Measured on easy-VQA only, where the label needs both modalities together; on other "
        "data the order may "
        "differ. What theory rules out holds everywhere.",
        "Parameters and seconds are those of the report's small size; compare them with each other.",
        *report.notes,
    )
