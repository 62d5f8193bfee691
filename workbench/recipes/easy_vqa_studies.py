"""How `measured("easy-vqa-few")` and `measured("easy-vqa-gaps")` were made.

    python -m workbench.recipes.easy_vqa_studies --machine "2 cores, no GPU"

They are what `advise` knows beside the whole comparison. Six fusions, one or two of each class, three seeds,
on fewer of easy-VQA's questions: with 2,000 rows, as many studies have, and with 4,000 rows of which each
loses a modality with chance 0.3. About a quarter of an hour on two cores. Figures are kept, weights are not:
these reports can be read and shown, and not looked into.
"""

from __future__ import annotations

import argparse
import logging
import shutil
from dataclasses import replace
from pathlib import Path

from workbench import data
from workbench.data.examples import Examples
from workbench.fusion import FusionReport, Plan, TrainingEvent, compare, examples
from workbench.recipes.easy_vqa import PLAN, SHIPPED
from workbench.results import Event

__all__ = ["FUSIONS", "STUDIES", "study"]

FUSIONS = ("mean-logits", "concat-linear", "low-rank", "concat-mlp", "early-tokens", "co-attention")
SEEDS = 3
_SMALL = replace(PLAN, contributions=False, noise_test=(0.0,), p_missing_test=(0.0, 1.0))
STUDIES: dict[str, Plan] = {
    "easy-vqa-few": replace(_SMALL, most_train=2000),
    "easy-vqa-gaps": replace(_SMALL, most_train=4000, p_missing_train=0.3),
}
"""Name to plan: that of the whole comparison, but for rows, gaps and what is measured afterwards."""


def study(name: str, given: Examples) -> FusionReport:
    """One of the studies, measured anew."""
    return compare(given, FUSIONS, seeds=SEEDS, plan=STUDIES[name], on_event=_log)


def main() -> None:
    """Measure the studies and write what ships."""
    parser = argparse.ArgumentParser(prog="python -m workbench.recipes.easy_vqa_studies", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(STUDIES), metavar="STUDY")
    parser.add_argument("--machine", default="a machine that was not named", help="said in the report")
    parser.add_argument("--to", type=Path, default=SHIPPED.parent, help="the folder of kept reports")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given = examples(data.load("easy-vqa"))
    for name in chosen.names:
        found = study(name, given)
        notes = (*found.notes, f"Measured once on {chosen.machine}; weights were not kept.")
        shutil.rmtree(chosen.to / name, ignore_errors=True)
        replace(found, notes=notes, weights={}, fused={}).save(chosen.to / name, half=True)
        logging.info("%r in %s", found, chosen.to / name)


def _log(event: Event) -> None:
    if isinstance(event, TrainingEvent):
        logging.info("%s: epoch %d", event.fusion, event.epoch)


if __name__ == "__main__":
    main()
