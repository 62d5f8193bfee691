"""Command line of the recipe: fetch the drawings, train both stages, score what was trained.

On a GPU that is lent for some minutes, without a network: `pack` here, carry `carried.tar.xz` (18 MB) and
the repository there, then `train --resume --minutes 6` with the work folder that holds it. What comes out
is as small as what went in: the two model folders of 13 MB each, from which `--resume` goes on again.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import workbench.models
from workbench.recipes.emoji_clip import art, carried, texts

WEIGHTS = Path(workbench.models.__file__).parent / "weights"


def main() -> None:
    """Parse the step and run it."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m workbench.recipes.emoji_clip", description=__doc__, formatter_class=form
    )
    parser.add_argument("step", choices=("fetch", "pack", "rehearse", "train", "score"))
    parser.add_argument(
        "--work", type=Path, default=Path("build/emoji-clip"), help="drawings, checkpoints, logs"
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the model folders are written")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="train on from the weights in --weights")
    parser.add_argument("--minutes", type=float, help="as many steps as fit; rehearse: for each setting")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chosen.work.mkdir(parents=True, exist_ok=True)
    _STEPS[chosen.step](chosen)


def _fetch(chosen: argparse.Namespace) -> None:
    for style in (*art.STYLES, art.HELD_OUT):
        logging.info("%s: %d drawings", style.name, len(art.load_style(style, chosen.work)))
    logging.info("%d texts", len(texts.vocabulary(chosen.work)))


def _pack(chosen: argparse.Namespace) -> None:
    work = chosen.work
    drawings = [(style.name, *one) for style in art.STYLES for one in art.sources(style, work)]
    path = carried.pack(work, drawings, texts.told(work))
    logging.info("%s: %d drawings, %.1f MB", path, len(drawings), path.stat().st_size / 1e6)


def _rehearse(chosen: argparse.Namespace) -> None:
    from workbench.recipes.emoji_clip.rehearse import rehearse

    for one in rehearse(chosen.work, chosen.minutes or 0.5):
        logging.info("%.4f %s", one.worth, one)


def _train(chosen: argparse.Namespace) -> None:
    import torch

    from workbench.recipes.emoji_clip.rehearse import settled
    from workbench.recipes.emoji_clip.train import run

    stages = settled(chosen.work) if torch.cuda.is_available() else None
    options = {"seed": chosen.seed, "resume": chosen.resume, "minutes": chosen.minutes}
    run(chosen.work, chosen.weights, stages=stages, **options)


def _score(chosen: argparse.Namespace) -> None:
    from workbench.recipes.emoji_clip.card import write_cards
    from workbench.recipes.emoji_clip.score import measure

    figures = measure(chosen.weights, chosen.work, fetch_style=True)
    write_cards(chosen.weights, figures)
    logging.info(json.dumps(figures, indent=2))


_STEPS = {"fetch": _fetch, "pack": _pack, "rehearse": _rehearse, "train": _train, "score": _score}

if __name__ == "__main__":
    main()
