"""`regions`: what each fusion decides over a plane, trained in seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadInputError, Cancelled
from workbench.fusion.comparison.report import TrainingEvent
from workbench.fusion.design import Design, Fusion
from workbench.fusion.inside.planes import plane_task
from workbench.fusion.inside.views import Regions
from workbench.fusion.threads import one_thread
from workbench.results import OnEvent, Provenance, ShouldStop

__all__ = ["regions"]

_EVERY = 10  # steps between two points of a curve


def regions(
    fusions: Sequence[str | Fusion],
    task: str = "xor",
    *,
    steps: int = 250,
    design: Design | None = None,
    size: int = 48,
    seed: int = 0,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Regions:
    """Each fusion trained on a task of two numbers, and what it then says at every point of the plane.

    The picture holds one number and the text the other, both from -1 to 1. Fresh points are drawn at
    every step, so nothing can be learnt by heart: what is missing at the end, the fusion cannot say. A
    fusion whose class can do the task and that has not found it starts again once, for a start can fail by
    bad luck; the curve is that of its last start.

    Args:
        fusions: names, or `Fusion`s of your own; an empty list gives the right answer alone.
        task: a name from `plane_tasks()`.
        steps: of training, 64 points each.
        design: size of every fusion; None takes width 16 and 3 layers.
        size: points along each axis of the plane.
        on_event: a `TrainingEvent` every ten steps, `epoch` is the step.

    Returns:
        `Regions`. Cancelled, the planes of fusions that were not finished are NaN.

    Raises:
        UnknownNameError: no task or fusion of that name.
        BadInputError: `steps` or `size` too small.
    """
    from workbench.fusion.inside.plane_training import asked, trained
    from workbench.fusion.modules.building import fusion

    about, chosen = plane_task(task), design or Design(width=16, depth=3)
    if steps < _EVERY or size < 2:
        raise BadInputError(f"steps={steps}, size={size}; expected at least {_EVERY} steps and 2 points.")
    models = [fusion(one, depth=chosen.depth) for one in fusions]
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    planes = np.full((len(models), size, size), np.nan, np.float32)
    history = np.full((len(models), steps // _EVERY, 2), np.nan, np.float32)
    right = np.full(len(models), np.nan, np.float32)
    complete = True
    with one_thread():
        for place, one in enumerate(models):
            tell = _teller(one.name, place, len(models), steps, seed, history[place], on_event, should_stop)
            try:
                module = trained(one, about, chosen, steps, seed, _EVERY, tell)
            except Cancelled:
                complete = False
                break
            planes[place], right[place] = asked(module, about, axis, seed)
    return Regions(
        task, tuple(one.name for one in models), axis, planes, about.truth(axis), about.additive(axis),
        history, right, about.additive_ceiling, steps, complete,
        Provenance("regions", parameters={"task": task, "steps": steps}, seed=seed),
    )  # fmt: skip


def _teller(
    name: str,
    place: int,
    count: int,
    steps: int,
    seed: int,
    history: NDArray,
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
) -> Callable[[int, float], None]:
    """Called every few steps with (step, loss): keeps the curve, tells it, and hears a cancel."""

    def tell(step: int, loss: float) -> None:
        history[step // _EVERY - 1] = step, loss
        if on_event is not None:
            done, total = place * steps + step, count * steps
            values = {"train_loss": (loss,)}
            on_event(TrainingEvent("planes", done, total, name, name, (seed,), step, values))
        if should_stop is not None and should_stop():
            raise Cancelled("Cancelled; the planes finished so far are kept.")

    return tell
