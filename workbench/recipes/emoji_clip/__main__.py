"""Command line of the recipe: fetch the drawings, train both stages, score what was trained."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import workbench.models
from workbench.recipes.emoji_clip import art, texts

WEIGHTS = Path(workbench.models.__file__).parent / "weights"


def main() -> None:
    """Parse the step and run it."""
    parser = argparse.ArgumentParser(prog="python -m workbench.recipes.emoji_clip", description=__doc__)
    parser.add_argument("step", choices=("fetch", "train", "score"))
    parser.add_argument(
        "--work", type=Path, default=Path("build/emoji-clip"), help="drawings, checkpoints, logs"
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the model folders are written")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chosen.work.mkdir(parents=True, exist_ok=True)
    if chosen.step == "fetch":
        _fetch(chosen.work)
    elif chosen.step == "train":
        from workbench.recipes.emoji_clip.train import run

        run(chosen.work, chosen.weights, seed=chosen.seed)
    else:
        from workbench.recipes.emoji_clip.card import write_cards
        from workbench.recipes.emoji_clip.score import measure

        figures = measure(chosen.weights, chosen.work, fetch_style=True)
        write_cards(chosen.weights, figures)
        logging.info(json.dumps(figures, indent=2))


def _fetch(work: Path) -> None:
    for style in (*art.STYLES, art.HELD_OUT):
        logging.info("%s: %d drawings", style.name, len(art.load_style(style, work)))
    logging.info("%d texts", len(texts.vocabulary(work)))


if __name__ == "__main__":
    main()
