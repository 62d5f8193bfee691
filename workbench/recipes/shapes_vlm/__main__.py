"""Command line of the recipe: train one state after the other, score what was trained."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import workbench.models

WEIGHTS = Path(workbench.models.__file__).parent / "weights"
_STATES = ("captions", "one", "six", "forgets")


def main() -> None:
    """Parse the step and run it."""
    parser = argparse.ArgumentParser(prog="python -m workbench.recipes.shapes_vlm", description=__doc__)
    parser.add_argument("step", choices=(*_STATES, "score"))
    parser.add_argument("--eye", type=Path, default=WEIGHTS / "shapes-captioner", help="a captioner's folder")
    parser.add_argument(
        "--work", type=Path, default=Path("build/shapes-vlm"), help="states, checkpoints, logs"
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the model folders are written")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenes", type=int, default=250, help="unseen scenes that are asked about")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if chosen.step != "score":
        from workbench.recipes.shapes_vlm.train import run

        run(chosen.step, chosen.eye, chosen.work, chosen.weights, seed=chosen.seed)
        return
    from workbench.recipes.shapes_vlm.card import write_card
    from workbench.recipes.shapes_vlm.score import measure
    from workbench.recipes.shapes_vlm.train import NAMES

    for folder in (chosen.weights / name for name in NAMES.values()):
        if folder.is_dir():
            figures = measure(folder, scenes=chosen.scenes)
            logging.info(f"{folder.name}\n{json.dumps(figures, indent=2)}")
            write_card(folder, figures)


if __name__ == "__main__":
    main()
