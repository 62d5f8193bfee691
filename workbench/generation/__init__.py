"""Models that write: what a caption says, and how much of it is true.

`truth` holds a caption against a drawn scene; `score_captions` gives what captions are scored by elsewhere.
"""

from workbench.generation.caption_scores import MEASURES, CaptionScores, Score, score_captions
from workbench.generation.saved_captions import open_caption_scores, open_truth
from workbench.generation.truth import (
    FATES,
    Fate,
    Mention,
    Relation,
    Share,
    TruthShares,
    Verdict,
    truth,
    truth_shares,
)

__all__ = [
    "FATES",
    "MEASURES",
    "CaptionScores",
    "Fate",
    "Mention",
    "Relation",
    "Score",
    "Share",
    "TruthShares",
    "Verdict",
    "open_caption_scores",
    "open_truth",
    "score_captions",
    "truth",
    "truth_shares",
]
