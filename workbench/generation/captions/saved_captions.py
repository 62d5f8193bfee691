"""Verdicts and scores of captions, read again from the folder that `save` wrote."""

from __future__ import annotations

from pathlib import Path

from workbench.calling import verb
from workbench.data.scenes import Scene, Thing
from workbench.generation.captions.caption_scores import CaptionScores, Score
from workbench.generation.captions.truth import Mention, Relation, Share, TruthShares, Verdict
from workbench.keeping import opened
from workbench.provenance import Provenance

__all__ = ["open_caption_scores", "open_truth"]

_TRUTH = (Share, Verdict, Mention, Relation, Scene, Thing)


@verb
def open_truth(folder: str | Path) -> TruthShares:
    """Verdicts on captions that `shares.save(folder)` wrote, with their scenes.

    Args:
        folder: what `save` was given.

    Returns:
        The `TruthShares` as they were, number for number.

    Raises:
        BadInputError: nothing whole is there.

    Example:
        >>> from workbench import data
        >>> from workbench.generation import open_truth, truth_shares
        >>> shapes = data.load("shapes", n=4)
        >>> folder = truth_shares(shapes.texts, shapes.columns["scene"]).save("my-truth")
        >>> open_truth(folder).exact.right
        4
    """
    found: TruthShares = opened(folder, TruthShares._form, TruthShares, _TRUTH)
    return found


@verb
def open_caption_scores(folder: str | Path) -> CaptionScores:
    """Scores of captions that `scores.save(folder)` wrote.

    Args:
        folder: what `save` was given.

    Returns:
        The `CaptionScores` as they were, number for number.

    Raises:
        BadInputError: nothing whole is there.

    Example:
        >>> from workbench.generation import open_caption_scores, score_captions
        >>> folder = score_captions(["a red star"], ["a red star"], measures="BLEU").save("my-scores")
        >>> open_caption_scores(folder)["BLEU-1"].value
        1.0
    """
    parts = (Score, TruthShares, Provenance, *_TRUTH)
    found: CaptionScores = opened(folder, CaptionScores._form, CaptionScores, parts)
    return found
