"""The work of `compare`: each fusion in turn, and the report put together from what was finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.cache import digest
from workbench.data.examples import Examples
from workbench.errors import Cancelled, UnsupportedError
from workbench.formatting import plural
from workbench.fusion.cancellation import stopper
from workbench.fusion.comparison.contributions import coalition_values, emap, gradients
from workbench.fusion.comparison.cost import Cost, cost
from workbench.fusion.comparison.dataset import Bundle, bundle, gather_rows
from workbench.fusion.comparison.leak_search import find_leaks
from workbench.fusion.comparison.report import FusionReport
from workbench.fusion.comparison.robustness import Scores, score_conditions
from workbench.fusion.comparison.training import Curves, Trained, answers, train
from workbench.fusion.comparison.workload import Effort, Told
from workbench.fusion.design import Fusion, Plan
from workbench.fusion.leaks import Leak
from workbench.fusion.modules.builders import fusion as named
from workbench.fusion.theory.eligibility import refusals
from workbench.results import OnEvent, ShouldStop
from workbench.runtime import one_thread

__all__ = ["Found", "Run", "configuration", "run"]

ITEMS, EMAP_ITEMS, COSTED = 1000, 64, 64
INTERRUPTED = "interrupted after"


@dataclass(eq=False)
class Found:
    """Everything measured of one fusion."""

    trained: Trained
    probability: NDArray[np.float32]  # seed x test item x class
    fused: NDArray[np.float32]  # shown item x width, of the first seed
    robustness: Scores
    cost: Cost
    values: NDArray[np.float64] | None = None  # seed x coalition
    logits: NDArray[np.float32] | None = None  # seed x EMAP item x class
    summed: NDArray[np.float32] | None = None
    cosine: NDArray[np.float64] | None = None
    ratio: NDArray[np.float64] | None = None


@dataclass(eq=False)
class Run:
    """One comparison while it goes on, and all the report is made from."""

    examples: Examples
    data: Bundle
    fusions: list[Fusion]
    seeds: tuple[int, ...]
    plan: Plan
    config_hash: str
    broken: Mapping[str, str]
    found: dict[str, Found] = field(default_factory=dict)
    curves: dict[str, Curves] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    leaks: Sequence[Leak] = ()

    @property
    def shown(self) -> NDArray[np.int64]:
        """Test items that robustness, contributions and the screen work on."""
        test = self.data.rows["test"]
        if len(test) <= ITEMS:
            return test
        return np.sort(test[np.random.default_rng(0).permutation(len(test))[:ITEMS]])


def run(
    examples: Examples,
    fusions: Sequence[str | Fusion],
    seeds: tuple[int, ...],
    plan: Plan,
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
) -> FusionReport:
    """Each fusion in turn; cancelled, the report of those that were finished."""
    from workbench.fusion.comparison.assemble import report

    data = bundle(examples, plan, len(seeds))
    chosen = [named(one, depth=plan.design.depth) for one in fusions]
    broken = refusals(chosen, plan)
    kept = [one for one in chosen if one.name not in broken]
    if not kept:
        raise UnsupportedError("Nothing is left to compare. " + " ".join(broken.values()))
    config = configuration(examples.fingerprint, kept, seeds, plan)
    work = Run(examples, data, kept, seeds, plan, config, broken)
    emap_items = min(EMAP_ITEMS, len(work.shown)) if len(data.spec.features) == 2 else 0
    effort = Effort(plan, data, len(kept), len(work.shown), emap_items, on_event, seeds)
    try:
        suspicion = find_leaks(examples, data.rows, stopper(should_stop))
        work.leaks, work.notes = suspicion.leaks, tuple(suspicion.notes)
        with one_thread():
            for one in kept:
                work.found[one.name] = _one(work, one, effort, should_stop)
                effort.end(one.name)
    except (Cancelled, KeyboardInterrupt):  # a notebook's stop button keeps what was finished, too
        done = plural(len(work.found), "fusion")
        kept_so_far = "what was finished is kept, and join() puts the rest beside it"
        work.notes += (f"{INTERRUPTED} {done} of {len(kept)}; {kept_so_far}",)
    found = report(work)
    if found.complete:
        effort.finish()
    return found


def _one(work: Run, one: Fusion, effort: Effort, should_stop: ShouldStop | None) -> Found:
    plan, data, seeds = work.plan, work.data, work.seeds
    epochs = plan.epochs
    empty = np.full((len(seeds), epochs), np.nan)
    seen = work.curves[one.name] = {
        name: empty.copy() for name in ("train_loss", "validation_loss", "validation_accuracy")
    }

    stop = stopper(should_stop)

    def tick(epoch: int, newest: dict[str, NDArray[np.float64]]) -> None:
        for name, values in newest.items():
            seen[name][:, epoch - 1] = values
        points = {name: tuple(float(value) for value in values) for name, values in newest.items()}
        effort.step(one.name, f"epoch {epoch} of {epochs}", effort.epoch, epoch=epoch, values=points)
        stop()

    def expert(epoch: int) -> None:
        effort.step(one.name, f"experts, epoch {epoch} of {epochs}", effort.epoch)
        stop()

    def told(what: str, rows: float) -> None:
        effort.step(one.name, f"measuring {what}", rows)
        stop()

    stop()
    trained = train(one, data, plan, seeds, stop, tick, expert)
    return _measured(work, trained, told)


def _measured(work: Run, trained: Trained, told: Told) -> Found:
    """The test rows, read once; then what happens to some of them under damage."""
    data, plan, replicas = work.data, work.plan, trained.replicas
    probability = answers(replicas, gather_rows(data, data.rows["test"]))
    told("test rows", len(data.rows["test"]))
    shown = gather_rows(data, work.shown)
    truth = data.labels.cpu().numpy()[work.shown]
    first = replicas.model(0)
    with torch.inference_mode():
        fused = first(shown).fused.cpu().numpy()
    costed = gather_rows(data, data.rows["train"][: min(COSTED, plan.batch_size)])
    damaged = score_conditions(replicas, shown, truth, plan, lambda: told("robustness", len(truth)))
    found = Found(trained, probability, fused, damaged, cost(first, costed))
    if plan.contributions:
        told("cost", 0)
        found.values = coalition_values(replicas, shown, truth)
        told("contributions", 10 * len(truth))
        if len(data.spec.features) == 2:
            few = {name: (x[:EMAP_ITEMS], mask[:EMAP_ITEMS]) for name, (x, mask) in shown.items()}
            found.logits, found.summed = emap(replicas, few)
            told("the EMAP", found.logits.shape[1] ** 2)
            found.cosine, found.ratio = gradients(replicas, data)
    return found


def configuration(data: str, fusions: Sequence[Fusion], seeds: Sequence[int], plan: Plan) -> str:
    """Twelve letters that change with the fingerprint of the data, the fusions, seeds and every setting."""
    settings = {key: None if value != value else value for key, value in plan.to_dict().items()}
    names = [(one.name, dict(one.options)) for one in fusions]
    return digest("fusion", data, names, list(seeds), settings)[:12]
