"""Command line of the recipe: train on drawn scenes, score what was trained."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import workbench.models

WEIGHTS = Path(workbench.models.__file__).parent / "weights"


def main() -> None:
    """Parse the step and run it."""
    parser = argparse.ArgumentParser(prog="python -m workbench.recipes.shapes_clip", description=__doc__)
    parser.add_argument("step", choices=("train", "score"))
    parser.add_argument(
        "--work", type=Path, default=Path("build/shapes-clip"), help="scenes, checkpoint, log"
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the model folder is written")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenes", type=int, default=40, help="of the pointing game, for each count")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if chosen.step == "train":
        from workbench.recipes.shapes_clip.train import run

        run(chosen.work, chosen.weights, seed=chosen.seed)
        return
    from workbench import models
    from workbench.attribution import play_pointing
    from workbench.recipes.shapes_clip.card import write_card
    from workbench.recipes.shapes_clip.score import measure

    model = models.load("shapes-clip" if chosen.weights == WEIGHTS else str(chosen.weights / "shapes-clip"))
    figures = measure(model)
    logging.info(json.dumps(figures, indent=2))
    write_card(chosen.weights, figures, play_pointing(model, scenes=chosen.scenes))


if __name__ == "__main__":
    main()
