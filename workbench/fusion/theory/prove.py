"""`prove`: every fusion on every task with a known answer, two at a time, and what theory says beside it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from workbench.calling import verb
from workbench.errors import Cancelled
from workbench.fusion.design import Fusion
from workbench.fusion.registry import DEFAULT
from workbench.fusion.theory.proof import Proof, ProofRow
from workbench.fusion.theory.verdicts import names_of, remember
from workbench.results import Event, OnEvent, Provenance, ShouldStop, listener
from workbench.runtime import one_thread

__all__ = ["PROVED", "prove"]

SLIDER = ("slider-0", "slider-1", "slider-1b4", "slider-2")
PROVED: tuple[str, ...] = (*DEFAULT, *SLIDER, "only-image", "only-text")
"""What `prove()` tries by itself: every fusion, the slider from end to end, each modality alone."""
_MOST_WORKERS = 4
_APART = ("stacking", "mean-logits")  # once more over experts that were trained apart


@verb
def prove(
    fusions: Sequence[str | Fusion] | None = None,
    *,
    seed: int = 0,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Proof:
    """Every fusion held to its class: measured beside theory, with the reason.

    Nine tasks with known answers, trained with fresh data at every step; the rank law of products;
    Gaussian closed forms of accuracy, calibration and robustness; and checks that need no training (dead
    parameters, masks, padding, missing modalities, FLOPs and parameters by formula, what a fusion begins
    as). `.failures` are fusions that break their own class.

    Args:
        fusions: names or `Fusion`s of your own; None takes all of them (a minute or two on a laptop).
        seed: of data and weights.
        on_event, should_stop: hears each step that is done; asked at each.

    Returns:
        A `Proof`. One that was cancelled holds the fusions that were finished.

    Raises:
        UnknownNameError: there is no fusion of that name.
        BadInputError: no fusions, or something that is none.

    Source: the study of controlled tasks in the project's reference on fusion; proofs in `.theory`.

    Example:
        >>> from workbench.fusion import prove
        >>> prove(["mean-logits"], should_stop=lambda: True).complete  # without it: some seconds a fusion
        False
    """
    from workbench.fusion.modules.builders import fusion

    on_event = listener(on_event)
    if fusions is not None:
        names_of(fusions, "prove")
    chosen = [fusion(name) for name in (PROVED if fusions is None else fusions)]
    start = time.perf_counter()
    found: dict[int, list[ProofRow]] = {}
    stopped = threading.Event()

    def beat() -> None:
        if stopped.is_set() or (should_stop is not None and should_stop()):
            stopped.set()
            raise Cancelled("Cancelled; the fusions proved so far are kept.")

    steps = _Steps(chosen, on_event)
    workers = max(1, min(_MOST_WORKERS, os.cpu_count() or 1, len(chosen)))
    with one_thread(), ThreadPoolExecutor(workers) as pool:
        jobs = {pool.submit(_rows, one, seed, beat, steps): place for place, one in enumerate(chosen)}
        for job in as_completed(jobs):
            try:
                found[jobs[job]] = job.result()
            except Cancelled:
                continue
            except BaseException:
                stopped.set()
                raise
            steps.end(chosen[jobs[job]].name)
    rows = tuple(row for place in sorted(found) for row in found[place])
    settings = {"fusions": [one.name for one in chosen]}
    origin = Provenance("prove", parameters=settings, seed=seed)
    proof = Proof(rows, time.perf_counter() - start, len(found) == len(chosen), origin)
    remember(chosen, proof)
    return proof


class _Steps:
    """How far a proof is: the parts of every fusion in one count, from whichever thread they come."""

    OF_ONE = 4 + 4  # structure and start, closed forms, rank, trained apart; and rounds of the trials

    def __init__(self, chosen: Sequence[Fusion], on_event: OnEvent | None) -> None:
        self._done = {one.name: 0 for one in chosen}
        self._on_event, self._lock = on_event, threading.Lock()

    def tell(self, name: str, part: str) -> None:
        """One more part of a fusion is done."""
        self._say(name, min(self.OF_ONE - 1, self._done[name] + 1), f"{name}, {part}")

    def end(self, name: str) -> None:
        """A fusion is done; rounds that it did not need count, too."""
        self._say(name, self.OF_ONE, name)

    def _say(self, name: str, done: int, message: str) -> None:
        with self._lock:
            self._done[name] = done
            if self._on_event is not None:
                whole = self.OF_ONE * len(self._done)
                self._on_event(Event("proofs", sum(self._done.values()), whole, message))


def _rows(one: Fusion, seed: int, beat: Callable[[], None], steps: _Steps) -> list[ProofRow]:
    from workbench.fusion.theory.closed_forms import gaussian_rows, rank_rows
    from workbench.fusion.theory.initial_identities import start_rows
    from workbench.fusion.theory.structure import check_structure
    from workbench.fusion.theory.task_training import run_separate, run_trials

    beat()
    rows = check_structure(one, seed) + start_rows(one, seed)
    steps.tell(one.name, "structure")
    rows += gaussian_rows(one, seed)
    steps.tell(one.name, "closed forms")
    rows += rank_rows(one, seed, beat)
    steps.tell(one.name, "rank")
    rows += run_trials(one, seed, beat, told=lambda: steps.tell(one.name, "tasks"))
    if one.name in _APART:
        rows += run_separate(one, seed, beat)
    return rows
