"""Measures how true the shipped models' cosines of words and patches are, and keeps it beside their weights.

`python -m workbench.recipes.word_pointing` writes `word_pointing.json` for each shipped model with patches,
both readings, on scenes of a seed that no model was trained on. `make bench ARGS="--only words"` measures
them again.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from workbench import models
from workbench.attribution import WordPointing, point_words, word_pointing_card
from workbench.attribution.token_similarity import READINGS
from workbench.models.cards import WEIGHTS

__all__ = ["MEASURED", "main", "measured_again", "section"]

MEASURED = ("shapes-clip", "emoji-clip", "emoji-clip-heldout")
"""The shipped models with patches and words; photo-lite's image tower has no patches."""


def measured_again(name: str) -> WordPointing:
    """The figures of a shipped model, as they are kept."""
    return point_words(models.load(name), readings=READINGS)


def section(folder: Path) -> str:
    """The part of a model card that tells what was measured, from the file beside the weights; "" without."""
    found = word_pointing_card(str(folder), weights=folder.parent)
    if found is None:
        return ""
    verdict = (
        "The lens therefore shows them"
        if found.holds("values")
        else "A patch taken blindly on the things does better, so the lens does not offer them"
    )
    return (
        "## What its cosines of words and patches are worth\n\nFor each word of a caption of `shapes` that "
        "names a colour or a shape: does the patch nearest to it lie on a thing that it names? "
        f"{found.words} words, {found.scenes} scenes; `python -m workbench.recipes.word_pointing` measures "
        "it again.\n\n| reading | right |\n| --- | --- |\n"
        f"| value path, word alone (`values`) | {found.right['values']:.0%} |\n"
        f"| last states (`states`) | {found.right['states']:.0%} |\n"
        f"| a patch taken blindly | {found.chance:.0%} |\n"
        f"| a patch taken blindly on the things | {found.things:.0%} |\n\n"
        f"{verdict}; they are no segmentation either way."
    )


def main() -> None:
    """Measure and write the cards."""
    parser = argparse.ArgumentParser(prog="python -m workbench.recipes.word_pointing", description=__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the models' folders")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in MEASURED:
        found = measured_again(name)
        (chosen.weights / name / "word_pointing.json").write_text(found.to_json(), "utf-8")
        logging.info("%s: %s %s", name, dict(found.right), found)


if __name__ == "__main__":
    main()
