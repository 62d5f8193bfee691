"""`regions`: what each fusion decides over a plane: kept with the package, or trained in a second or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.calling import verb
from workbench.errors import BadInputError, Cancelled
from workbench.fusion.comparison.report import TrainingEvent
from workbench.fusion.design import Design, Fusion
from workbench.fusion.inside.look_and_regions import Regions
from workbench.fusion.inside.plane_tasks import PlaneTask, plane_task
from workbench.fusion.inside.shipped_planes import (
    PLANE_DESIGN,
    PLANE_SIZE,
    PLANE_STEPS,
    KeptPlane,
    kept_planes,
)
from workbench.fusion.theory.verdicts import names_of
from workbench.results import OnEvent, Provenance, ShouldStop, listener
from workbench.runtime import one_thread
from workbench.values import sentences_of

__all__ = ["regions"]


@verb
def regions(
    fusions: Sequence[str | Fusion],
    task: str = "xor",
    *,
    steps: int = PLANE_STEPS,
    design: Design | None = None,
    size: int = PLANE_SIZE,
    seed: int = 0,
    kept: bool = True,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Regions:
    """Each fusion trained on a task of two numbers, and what it then says at every point of the plane.

    The picture holds one number and the text the other, both from -1 to 1. Fresh points are drawn at
    every step, so nothing can be learnt by heart: what is missing at the end, the fusion cannot say, or has
    not found. Training ends early once the loss is as near as makes no difference to the least that the
    fusion's class can reach. One that still stands at guessing after two fifths of the steps starts again,
    twice at most, for a start can fail by bad luck; the curve is that of its last start.

    What ships with the package (seed 0 of everything, two more seeds of the slider) is taken from there and
    is there at once; `.kept` and the notes name it.

    Args:
        fusions: names, or `Fusion`s of your own; an empty list gives the right answer alone.
        task: a name from `plane_tasks()`.
        steps: of training at most, 64 points each.
        design: size of every fusion; None takes width 16 and 3 layers.
        size: points along each axis of the plane.
        seed: of weights and points.
        kept: False trains what could be taken from the package, too.
        on_event: a `TrainingEvent` every ten steps, `epoch` is the step.
        should_stop: asked at the same steps.

    Returns:
        `Regions`. Cancelled, the planes of fusions that were not finished are NaN.

    Raises:
        UnknownNameError: no task or fusion of that name.
        BadInputError: `steps` or `size` too small.

    Example:
        >>> from workbench.fusion import regions
        >>> found = regions(["mean-logits", "early-tokens"], "xor")  # shipped: nothing is trained
        >>> found.accuracy.round(1).tolist()  # no sum of one score a modality says XOR
        [0.5, 1.0]
    """
    from workbench.fusion.inside.plane_training import EVERY
    from workbench.fusion.modules.builders import fusion

    on_event = listener(on_event)
    about, chosen = plane_task(task), design or PLANE_DESIGN
    if steps < EVERY or size < 2:
        raise BadInputError(f"steps={steps}, size={size}; expected at least {EVERY} steps and 2 points.")
    if len(fusions := sentences_of(fusions, what="fusions")):
        names_of(fusions, "regions")
    models = [fusion(one, depth=chosen.depth) for one in fusions]
    held = kept_planes(task, steps=steps, size=size, design=chosen) if kept else {}
    ready = {one: held[one, seed] for one in fusions if isinstance(one, str) and (one, seed) in held}
    work = _Work(about, chosen, steps, size, seed, on_event, should_stop)
    work.train([one for one in models if one.name not in ready])
    return work.regions(models, ready)


@dataclass
class _Work:
    """What is trained in one call, one fusion after the other."""

    task: PlaneTask
    design: Design
    steps: int
    size: int
    seed: int
    on_event: OnEvent | None
    should_stop: ShouldStop | None
    found: dict[str, KeptPlane] = field(default_factory=dict)
    complete: bool = True

    @property
    def axis(self) -> NDArray[np.float32]:
        return np.linspace(-1, 1, self.size, dtype=np.float32)

    def empty(self) -> KeptPlane:
        """A plane that was not reached."""
        from workbench.fusion.inside.plane_training import EVERY

        plane = np.full((self.size, self.size), np.nan, np.float32)
        return KeptPlane(plane, np.full((self.steps // EVERY, 2), np.nan, np.float32), np.nan)

    def stacked(self, parts: list[NDArray], shape: tuple[int, ...]) -> NDArray[np.float32]:
        return np.stack(parts) if parts else np.zeros((0, *shape), np.float32)

    def regions(self, models: Sequence[Fusion], ready: Mapping[str, KeptPlane]) -> Regions:
        """What was trained and what was there already, in the order of the fusions."""
        planes, empty = {**ready, **self.found}, self.empty()
        rows = [planes.get(one.name, empty) for one in models]
        note = (f"kept with the package: {', '.join(ready)}",) if ready else ()
        settings = {"task": self.task.name, "steps": self.steps, "size": self.size}
        return Regions(
            self.task.name, tuple(one.name for one in models), self.axis,
            self.stacked([row.probability for row in rows], (self.size, self.size)),
            self.task.truth(self.axis), self.task.additive(self.axis),
            self.stacked([row.history for row in rows], empty.history.shape),
            np.array([row.accuracy for row in rows], np.float32), self.task.additive_ceiling, self.steps,
            self.complete, Provenance("regions", parameters=settings, seed=self.seed, notes=note),
            tuple(ready), self.design,
        )  # fmt: skip

    def train(self, models: Sequence[Fusion]) -> None:
        """Train these; cancelled, those that were finished stay."""
        from workbench.fusion.inside.plane_training import asked, trained

        with one_thread():
            for place, one in enumerate(models):
                history = np.array(self.empty().history)
                tell = _Teller(self, one.name, place, len(models), history)
                try:
                    module = trained(one, self.task, self.design, self.steps, self.seed, tell)
                except Cancelled:
                    self.complete = False
                    return
                plane, right = asked(module, self.task, self.axis, self.seed)
                self.found[one.name] = KeptPlane(plane, history, right)


@dataclass
class _Teller:
    """Called every few steps with (start, step, loss): keeps the curve, tells it, and hears a cancel."""

    work: _Work
    name: str
    place: int
    count: int
    history: NDArray[np.float32]
    start: int = 0
    furthest: float = 0.0

    def __call__(self, start: int, step: int, loss: float) -> None:
        from workbench.fusion.inside.plane_training import EVERY

        work = self.work
        if start != self.start:  # the curve is that of the last start; how far it is never goes back
            self.history[:], self.start = np.nan, start
        self.history[step // EVERY - 1] = step, loss
        self.furthest += (1 - self.furthest) * EVERY / max(EVERY, work.steps - step + EVERY)
        if work.on_event is not None:
            done = round((self.place + self.furthest) * work.steps)
            values = {"train_loss": (loss,)}
            told = TrainingEvent(
                "planes", done, self.count * work.steps, self.name, self.name, (work.seed,), step, values
            )
            work.on_event(told)
        if work.should_stop is not None and work.should_stop():
            raise Cancelled("Cancelled; the planes finished so far are kept.")
