"""Generation: what a model writes, word by word, and what each word rests on.

`write` gives an `Answer`, `search` a tree of `Beams`; `likelihood` weighs an answer that is given. `replay`
reads the attention that an answer was written with, and `word_attention` draws it small. `rely` gives a
`Reliance`, `logit_lens` a `Readout`, `explain_word` a heatmap. `truth` holds a caption against a drawn scene;
`score_captions` gives what captions are scored by elsewhere.
"""

from typing import TYPE_CHECKING, Any

from workbench.generation.answer import Answer
from workbench.generation.beams import FATES, Beams
from workbench.generation.captions.caption_scores import MEASURES, CaptionScores, Score, score_captions
from workbench.generation.captions.saved_captions import open_caption_scores, open_truth
from workbench.generation.captions.truth import (
    OUTCOMES,
    Mention,
    Outcome,
    Relation,
    Share,
    TruthShares,
    Verdict,
    truth,
    truth_shares,
)
from workbench.generation.decoding import How, beam, filtered, filtered_alternatives, greedy, sample
from workbench.generation.evidence.readout import Readout
from workbench.generation.evidence.reliance import WITHOUT, Reliance
from workbench.generation.evidence.saved_evidence import open_readout, open_reliance, open_word_attention
from workbench.generation.evidence.word_attention import PARTS, WordAttention, word_attention

if TYPE_CHECKING:
    from workbench.generation.bigrams import Bigrams
    from workbench.generation.evidence.explain_word import explain_word
    from workbench.generation.evidence.logit_lens import logit_lens
    from workbench.generation.evidence.relying import rely
    from workbench.generation.evidence.replaying import replay
    from workbench.generation.saved_answers import open_answer, open_beams
    from workbench.generation.searching import search
    from workbench.generation.writing import likelihood, write

__all__ = [
    "FATES",
    "MEASURES",
    "OUTCOMES",
    "PARTS",
    "WITHOUT",
    "Answer",
    "Beams",
    "Bigrams",
    "CaptionScores",
    "How",
    "Mention",
    "Outcome",
    "Readout",
    "Relation",
    "Reliance",
    "Score",
    "Share",
    "TruthShares",
    "Verdict",
    "WordAttention",
    "beam",
    "explain_word",
    "filtered",
    "filtered_alternatives",
    "greedy",
    "likelihood",
    "logit_lens",
    "open_answer",
    "open_beams",
    "open_caption_scores",
    "open_readout",
    "open_reliance",
    "open_truth",
    "open_word_attention",
    "rely",
    "replay",
    "sample",
    "score_captions",
    "search",
    "truth",
    "truth_shares",
    "word_attention",
    "write",
]

_WHERE = {
    "Bigrams": "bigrams",
    "explain_word": "evidence.explain_word",
    "likelihood": "writing",
    "logit_lens": "evidence.logit_lens",
    "open_answer": "saved_answers",
    "open_beams": "saved_answers",
    "rely": "evidence.relying",
    "replay": "evidence.replaying",
    "search": "searching",
    "write": "writing",
}


def __getattr__(name: str) -> Any:
    # The verbs need torch (seconds); results do not.
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
