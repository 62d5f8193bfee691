"""Command line of the recipe: fetch the pictures, train the head, calibrate and score it, write the card."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

from workbench.models.cards import WEIGHTS


def main() -> None:
    """Parse the step and run it."""
    parser = argparse.ArgumentParser(prog="python -m workbench.recipes.photo_lite", description=__doc__)
    parser.add_argument("step", choices=("fetch", "train", "calibrate", "score"))
    parser.add_argument("--work", type=Path, default=Path("build/photo-lite"), help="packages, features")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the model folders are written")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chosen.work.mkdir(parents=True, exist_ok=True)
    if chosen.step == "fetch":
        from workbench.recipes.photo_lite.material import fetch, items

        fetch(chosen.work)
        logging.info("%d captioned pictures", len(items(chosen.work)))
    elif chosen.step == "train":
        from workbench.recipes.photo_lite.train import run

        run(chosen.work, chosen.weights, seed=chosen.seed)
    elif chosen.step == "calibrate":
        from workbench.recipes.photo_lite.calibrate import advise
        from workbench.recipes.photo_lite.score import METHODS, known_photographs

        advise(chosen.weights, METHODS, known_photographs(chosen.work), seed=chosen.seed)
    else:
        from workbench.recipes.photo_lite.card import write_card
        from workbench.recipes.photo_lite.score import measure

        figures = measure(chosen.weights, chosen.work)
        write_card(chosen.weights, figures)
        logging.info(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
