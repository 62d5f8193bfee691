"""`compare`: several fusions on one data set, with the same rows, budgets and seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.calling import verb
from workbench.data.examples import Examples
from workbench.data.pairs_input import PairsLike, as_pairs
from workbench.errors import BadInputError, Cancelled
from workbench.fusion.comparison.report import FusionReport
from workbench.fusion.design import Fusion, Plan
from workbench.fusion.registry import DEFAULT
from workbench.fusion.theory.verdicts import names_of
from workbench.fusion.tokens import examples
from workbench.models.given import Named
from workbench.results import OnEvent, ShouldStop, listener

__all__ = ["COMPARED", "compare", "examples_of"]

COMPARED: tuple[str, ...] = ("only-image", "only-text", *DEFAULT)
"""What `compare` tries by itself: each modality alone, then every fusion."""


@verb
def compare(
    data: PairsLike | Examples,
    fusions: Sequence[str | Fusion] = COMPARED,
    *,
    seeds: int | Sequence[int] = 5,
    plan: Plan | None = None,
    model: Named | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> FusionReport:
    """Fusions trained and tested alike: quality, calibration, robustness, cost, and who contributes.

    Every fusion has the same rows in the same order, the same epochs and learning rate, and a size set
    by one `Design`; where budgets differ all the same, the report names them. The epoch is chosen on
    validation, and the test rows are read once, afterwards. All seeds of a fusion are trained side by side.
    Before that, ways to win without learning are looked for (file names that carry the class, pictures in
    train and in test, nearly equal ones): `report.leaks`.

    Args:
        data: a name or path that `data.load` takes, labelled pairs, a pandas table, or `Examples`.
        fusions: names, or `Fusion`s of your own, each once.
        seeds: which, or how many: 5 takes seeds 0 to 4.
        plan: settings of training and testing; None takes `Plan()`, with at most 4,000 training rows.
        model: a loaded one or its name: take its frozen features for tokens, instead of pixels and words.
        on_event: `TrainingEvent`s with the newest point of each curve.
        should_stop: asked at every step.

    Returns:
        A `FusionReport`. An interrupted one (`complete` is False) keeps every fusion that was finished.

    Raises:
        BadInputError: data that cannot be compared on (no labels, one class, labels that are measured
            numbers or several an item, NaN features, a modality absent throughout, classes tested and not
            trained, too few rows for the seeds), or no fusions.
        UnknownNameError: no data set or fusion of that name.
        Cancelled: `should_stop` returned true before the first fusion was finished.

    Example:
        >>> from workbench.fusion import Plan, compare, gaussian
        >>> tiny = Plan(epochs=1, contributions=False, noise_test=(0.0,), p_missing_test=(0.0,))
        >>> report = compare(gaussian(200), ["mean-logits"], seeds=2, plan=tiny)
        >>> report.metrics["accuracy"].shape  # fusion x seed
        (1, 2)
    """
    from workbench.fusion.comparison.run import run

    on_event = listener(on_event)
    chosen = _seeds(seeds)
    names = names_of(fusions, "compare")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BadInputError(f"fusions names {', '.join(repeated)} twice; give each once.")
    settings = plan or Plan(most_train=4000)
    ready = examples_of(data, model, on_event, should_stop)
    report = run(ready, fusions, chosen, settings, on_event, should_stop)
    if not report.complete and not any((report.epoch > 0).ravel()):
        raise Cancelled("Cancelled before the first fusion was finished; there is nothing to keep yet.")
    return report


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    many = isinstance(seeds, Sequence) and not isinstance(seeds, str)
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds) if many else ()
    whole = all(isinstance(seed, int | np.integer) for seed in chosen)
    if not chosen or not whole or len(set(chosen)) < len(chosen) or min(chosen) < 0:
        raise BadInputError(
            f"seeds is {seeds!r}; expected a number of at least 1, or different seeds of at least 0."
        )
    return tuple(int(seed) for seed in chosen)


def examples_of(
    data: PairsLike | Examples,
    model: Named | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Examples:
    """What `compare` trains on, from what it was given.

    Raises:
        BadInputError: as `compare`.
    """
    if isinstance(data, Examples):
        if model is not None:
            raise BadInputError(
                "`model` was given with Examples, whose tokens are already made. Give Pairs with a model."
            )
        return data
    pairs = as_pairs(data)
    return examples(pairs, model=model, limit=_MOST, on_event=on_event, should_stop=should_stop)


_MOST = 12_000  # rows of a large set that are made into tokens; `examples(pairs)` takes all
