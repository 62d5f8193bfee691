"""How the planes that ship were made: every fusion on every task, so that the board has them at once.

    python -m workbench.recipes.planes --processes 2 --machine "2 cores, no GPU"

Seed 0 of every fusion and of every stop of the slider, two more seeds of the slider and of its neighbours on
the board's first page: as `regions(..., kept=False)` trains them. About a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import workbench.fusion
from workbench.fusion import plane_tasks, regions
from workbench.fusion.inside.shipped_planes import PLANE_DESIGN, KeptPlane, write_planes
from workbench.fusion.registry import DEFAULT

__all__ = ["SLIDER", "made", "wanted"]

_BOTTLENECKS = (0, 1, 4)
_STOPS = tuple((layer, tokens) for layer in range(PLANE_DESIGN.depth) for tokens in _BOTTLENECKS)
SLIDER = (
    *(f"slider-{layer}b{tokens}" if tokens else f"slider-{layer}" for layer, tokens in _STOPS),
    f"slider-{PLANE_DESIGN.depth}",
)
"""Every stop of the board's slider."""
_OFTEN = (*SLIDER, "early-tokens", "mean-logits")
_SEEDS = (0, 1, 2)
SHIPPED = Path(workbench.fusion.__file__).parent / "kept" / "planes"


def wanted() -> list[tuple[str, int]]:
    """(fusion, seed) of every plane that ships, the same for each task."""
    everything = (*SLIDER, *DEFAULT, "only-image", "only-text")
    first = [(name, _SEEDS[0]) for name in everything]
    return first + [(name, seed) for seed in _SEEDS[1:] for name in _OFTEN]


def made(task: str, names: Iterable[tuple[str, int]]) -> dict[tuple[str, int], KeptPlane]:
    """These planes of one task, trained now."""
    found = {}
    for name, seed in names:
        one = regions([name], task, seed=seed, kept=False)
        found[name, seed] = KeptPlane(one.probability[0], one.history[0], float(one.accuracy[0]))
        logging.info("%s, seed %d, %s: %.3f", task, seed, name, one.accuracy[0])
    return found


def main() -> None:
    """Train what ships and write it."""
    parser = argparse.ArgumentParser(prog="python -m workbench.recipes.planes", description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--machine", default="a machine that was not named", help="said beside the planes")
    parser.add_argument("--to", type=Path, default=SHIPPED, help="where they are written")
    chosen = parser.parse_args()
    tasks = [task.name for task in plane_tasks()]
    # A fresh process each: a fork would carry torch's threads over half alive.
    with ProcessPoolExecutor(chosen.processes, get_context("spawn"), initializer=_speak) as pool:
        planes = dict(zip(tasks, pool.map(partial(made, names=wanted()), tasks), strict=True))
    write_planes(chosen.to, planes, f"Trained once on {chosen.machine}.")
    logging.info("%d planes in %s", sum(map(len, planes.values())), chosen.to)


def _speak() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)


if __name__ == "__main__":
    _speak()
    main()
