"""From what a comparison measured to its report: NaN where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.fusion.comparison.class_imbalance import rare_notes
from workbench.fusion.comparison.contributions import coalitions, information, interaction, shapley
from workbench.fusion.comparison.cost import unmatched
from workbench.fusion.comparison.dataset import gather_rows
from workbench.fusion.comparison.report import FusionReport
from workbench.fusion.comparison.report_parts import Budget, Contributions
from workbench.fusion.comparison.robustness import collect
from workbench.fusion.design import Plan
from workbench.metrics import (
    accuracy,
    auroc,
    balanced_accuracy,
    brier,
    expected_calibration_error,
    f1,
    nll,
    top_label_bins,
)
from workbench.results import Provenance

if TYPE_CHECKING:
    from workbench.fusion.comparison.run import Found, Run

__all__ = ["budget_note", "report"]

#: Bins of confidence in every report that ships, as in Guo et al. 2017.
_BINS = 15
MEASURES: Mapping[str, Callable[[NDArray, NDArray], float]] = {
    "accuracy": accuracy, "balanced_accuracy": balanced_accuracy, "f1": f1, "auroc": auroc, "nll": nll,
    "brier": brier, "ece": partial(expected_calibration_error, bins=_BINS),
}  # fmt: skip
_CURVES = ("train_loss", "validation_loss", "validation_accuracy")


def report(work: Run) -> FusionReport:
    """Everything a `Run` has found so far."""
    data, shown = work.data, work.shown
    truth = data.labels.cpu().numpy()
    test = data.rows["test"]
    names = [one.name for one in work.fusions]
    place_of_shown = np.searchsorted(test, shown)
    shape = (len(names), len(shown), data.spec.classes)
    probability = np.full(shape, np.nan, np.float32)
    for place, name in enumerate(names):
        if name in work.found:
            probability[place] = work.found[name].probability[0, place_of_shown]
    budget = _budget(work)
    return FusionReport(
        data=work.examples.name,
        modalities=tuple(data.spec.features),
        classes=work.examples.classes,
        cards=tuple(one.card for one in work.fusions),
        seeds=work.seeds,
        plan=work.plan,
        counts={part: len(rows) for part, rows in data.rows.items()},
        metrics=_metrics(work, truth[test]),
        lines=_lines(work, truth),
        curves=_curves(work),
        epoch=np.stack([_of(work, name, lambda found: found.trained.epoch, -1, int) for name in names]),
        calibration=np.stack([_calibration(work.found.get(name), truth[test]) for name in names]),
        confusion=np.stack([_confusion(work.found.get(name), truth[test], shape[2]) for name in names]),
        robustness=collect(
            {name: found.robustness for name, found in work.found.items()}, names, len(work.seeds),
            gather_rows(data, shown), work.plan, work.examples.meta.get("theory"),
        ),
        budget=budget,
        contributions=_contributions(work) if work.plan.contributions else None,
        probability=probability,
        fused={name: found.fused for name, found in work.found.items()},
        items=shown,
        truth=truth[shown],
        config_hash=work.config_hash,
        weights={name: _weights(found) for name, found in work.found.items()},
        examples=work.examples,
        broken=work.broken,
        complete=len(work.found) == len(names),
        notes=_notes(work, budget),
        leaks=tuple(work.leaks),
        built={one.name: one for one in work.fusions},
        provenance=_provenance(work),
    )  # fmt: skip


def _of(work: Run, name: str, pick: Callable[[Found], Any], missing: float, kind: type = float) -> NDArray:
    """seed: a value of one fusion, `missing` where it was not reached."""
    if name not in work.found:
        return np.full(len(work.seeds), missing, dtype=kind)
    return np.asarray(pick(work.found[name]), dtype=kind)


def _metrics(work: Run, truth: NDArray) -> dict[str, NDArray[np.float32]]:
    out = {}
    for measure, of in MEASURES.items():
        rows = [_of(work, one.name, partial(_each_seed, of, truth), np.nan) for one in work.fusions]
        out[measure] = np.stack(rows).astype(np.float32)
    return out


def _each_seed(of: Callable[[NDArray, NDArray], float], truth: NDArray, found: Found) -> list[float]:
    return [of(each, truth) for each in found.probability]


def _curves(work: Run) -> dict[str, NDArray[np.float32]]:
    """Points of fusions that were cut off in the middle are kept as well."""
    empty = np.full((len(work.seeds), work.plan.epochs), np.nan)
    return {
        name: np.stack([work.curves.get(one.name, {}).get(name, empty) for one in work.fusions]).astype(
            np.float32
        )
        for name in _CURVES
    }


def _lines(work: Run, truth: NDArray) -> dict[str, float]:
    """Chance: the class most frequent in training, always; and what the data know of themselves.

    Answering so, one class of those that occur is right and no other: its recall is 1, its precision its
    share.
    """
    rows = work.data.rows
    usual = np.bincount(truth[rows["train"]]).argmax()
    share = np.bincount(truth[rows["test"]], minlength=work.data.spec.classes) / len(rows["test"])
    chance, occurring = float(share[usual]), int((share > 0).sum())
    lines = {"chance": chance, "ln K": float(np.log(work.data.spec.classes))}
    lines["balanced chance"] = float(share[usual] > 0) / occurring
    lines["f1 chance"] = 2 * chance / (1 + chance) / (occurring + (chance == 0))
    known = {
        name: float(value) for name, value in work.examples.meta.items() if str(name).endswith("_accuracy")
    }
    return lines | known


def _calibration(found: Found | None, truth: NDArray) -> NDArray[np.float32]:
    if found is None:
        return np.full((_BINS, 3), np.nan, np.float32)
    every = found.probability.reshape(-1, found.probability.shape[-1])
    bins = top_label_bins(every, np.tile(truth, len(found.probability)), bins=_BINS)
    return np.stack([bins.confidence, bins.accuracy, bins.count], axis=1).astype(np.float32)


def _confusion(found: Found | None, truth: NDArray, classes: int) -> NDArray[np.int64]:
    table = np.zeros((classes, classes), np.int64)
    if found is not None:
        for each in found.probability:
            np.add.at(table, (truth, each.argmax(axis=1)), 1)
    return table


def _budget(work: Run) -> Budget:
    names = [one.name for one in work.fusions]

    def column(pick: Callable[[Found], float], missing: float, kind: Any) -> NDArray:
        return np.array([pick(work.found[n]) if n in work.found else missing for n in names], dtype=kind)

    parameters = column(lambda found: found.cost.parameters, -1, np.int64)
    flops = column(lambda found: found.cost.flops, -1, np.int64)
    done = [place for place, name in enumerate(names) if name in work.found]
    return Budget(
        parameters,
        flops,
        column(lambda found: found.cost.flops_formula, np.nan, np.float64),
        column(lambda found: found.trained.seconds, np.nan, np.float32),
        column(lambda found: found.cost.p50_ms, np.nan, np.float32),
        column(lambda found: found.cost.p95_ms, np.nan, np.float32),
        column(lambda found: found.cost.memory_mb, np.nan, np.float32),
        unmatched([names[place] for place in done], parameters[done], flops[done]),
    )


def _contributions(work: Run) -> Contributions | None:
    if not any(found.values is not None for found in work.found.values()):
        return None
    names, modalities = [one.name for one in work.fusions], tuple(work.data.spec.features)
    seeds, subsets = len(work.seeds), coalitions(modalities)
    value = np.full((len(names), seeds, len(subsets)), np.nan)
    sums = np.full((4, len(names), seeds), np.nan)  # EMAP accuracy, gap, additive share, cosine
    ratio = np.full((len(names), seeds), np.nan)
    truth = work.data.labels.cpu().numpy()[work.shown]
    for place, name in enumerate(names):
        found = work.found.get(name)
        if found is None or found.values is None:
            continue
        value[place] = found.values
        if found.logits is not None and found.summed is not None:
            sums[:3, place] = _additive(found.logits, found.summed, truth[: found.logits.shape[1]])
            sums[3, place], ratio[place] = found.cosine, found.ratio
    small = np.float32
    return Contributions(
        subsets,
        value.astype(small),
        shapley(value, modalities).astype(small),
        interaction(value, modalities).astype(small),
        emap_accuracy=sums[0].astype(small),
        emap_gap=sums[1].astype(small),
        additive_share=sums[2].astype(small),
        gradient_cosine=sums[3].astype(small),
        gradient_ratio=ratio.astype(small),
        pid=_information(work) if len(modalities) == 2 else {},
        items=len(work.shown),
        emap_items=max(
            (one.logits.shape[1] for one in work.found.values() if one.logits is not None), default=0
        ),
    )  # fmt: skip


def _additive(logits: NDArray, summed: NDArray, truth: NDArray) -> NDArray[np.float64]:
    """(EMAP accuracy, gap, additive share) x seed, over the items that EMAP was taken of."""
    right = (logits.argmax(axis=-1) == truth).mean(axis=1)
    alike = (summed.argmax(axis=-1) == truth).mean(axis=1)
    share = summed.var(axis=1).sum(axis=-1) / np.maximum(logits.var(axis=1).sum(axis=-1), 1e-12)
    return np.stack([alike, right - alike, share])


def _information(work: Run) -> dict[str, Any]:
    places = np.searchsorted(work.data.rows["test"], work.shown)
    answers = {name: found.probability[0, places].argmax(axis=1) for name, found in work.found.items()}
    return information(work.examples.meta.get("latents"), work.data, work.shown, answers)


def _weights(found: Found) -> dict[str, NDArray]:
    state = found.trained.replicas.model(0).state_dict()
    return {name: value.cpu().numpy().copy() for name, value in state.items()}


def _notes(work: Run, budget: Budget) -> tuple[str, ...]:
    told = (leak.text for leak in work.leaks)
    notes = (
        *told,
        *work.examples.notes,
        *work.data.notes,
        *rare_notes(work.examples, work.data.rows),
        *work.notes,
    )
    notes += (_start_note(work.plan), budget_note(budget), *_gaps(work))
    return tuple(dict.fromkeys(note.rstrip(".") + "." for note in notes if note))


def _start_note(plan: Plan) -> str:
    """What a reader must know of where training began; nothing where it began at random weights."""
    if plan.training != "experts-first":
        return ""
    return (
        f"experts first: each expert was trained alone on the label for {plan.epochs} epochs, and from there "
        f"all of a fusion jointly for {plan.epochs} more; curves and epochs are those of the second part."
    )


def budget_note(budget: Budget) -> str:
    """What a reader must know of unequal budgets; nothing where they are equal."""
    if not budget.unmatched:
        return ""
    return f"unequal budgets: {', '.join(budget.unmatched)} (parameters or FLOPs beyond 1.5x the median)."


def _gaps(work: Run) -> tuple[str, ...]:
    """What was left out in training: the same draws for every fusion, so the first one's counts."""
    if not work.plan.p_missing_train or not work.found:
        return ()
    gaps = next(iter(work.found.values())).trained.gaps
    counts = ", ".join(
        f"{name} {count:,} times ({count / gaps.shown:.1%})" for name, count in gaps.lost.items()
    )
    return (
        f"p_missing_train {work.plan.p_missing_train:g} (never both): of {gaps.shown:,} items shown in "
        f"training, without {counts}",
    )


def _provenance(work: Run) -> Provenance:
    settings = {
        "data": work.examples.code,
        "fusions": [one.name for one in work.fusions],
        "seeds": list(work.seeds),
        "plan": work.plan.to_dict(),
        "config_hash": work.config_hash,
    }
    return Provenance("compare", data=work.examples.fingerprint, parameters=settings, seed=work.seeds[0])
