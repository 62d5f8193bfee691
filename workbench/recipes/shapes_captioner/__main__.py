"""Command line of the recipe: train on drawn scenes, score what was trained."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import workbench.models

WEIGHTS = Path(workbench.models.__file__).parent / "weights"
KINDS = ("transformer", "attention", "pooled")


def main() -> None:
    """Parse the step and run it."""
    parser = argparse.ArgumentParser(prog="python -m workbench.recipes.shapes_captioner", description=__doc__)
    parser.add_argument("step", choices=("train", "score"))
    parser.add_argument("--kind", choices=KINDS, default="transformer", help="or one of its two ancestors")
    parser.add_argument(
        "--work", type=Path, default=Path("build/shapes-captioner"), help="scenes, checkpoints, logs"
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the model folder is written")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if chosen.step == "train":
        from workbench.recipes.shapes_captioner.train import run

        run(chosen.work, chosen.weights, kind=chosen.kind, seed=chosen.seed)
        return
    from workbench.recipes.shapes_captioner.card import write_card
    from workbench.recipes.shapes_captioner.score import measure
    from workbench.recipes.shapes_captioner.train import NAMES

    folder = chosen.weights / NAMES[chosen.kind]
    figures = measure(folder)
    logging.info(json.dumps(figures, indent=2))
    write_card(folder, figures)


if __name__ == "__main__":
    main()
