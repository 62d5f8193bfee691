"""Generation: what a model writes, word by word, and what each word rests on.

`write` gives an `Answer`, `search` a tree of `Beams`. `replay` reads the attention that an answer was written
with, and `word_attention` draws it small. `rely` gives a `Reliance`, `logit_lens` a `Readout`, `explain_word`
a heatmap.
"""

from typing import TYPE_CHECKING, Any

from workbench.generation.answer import Answer
from workbench.generation.beams import Beams
from workbench.generation.decoding import How, beam, filtered, greedy, sample
from workbench.generation.opening_evidence import open_readout, open_reliance, open_word_attention
from workbench.generation.readout import Readout
from workbench.generation.reliance import WITHOUT, Reliance
from workbench.generation.word_attention import PARTS, WordAttention, word_attention

if TYPE_CHECKING:
    from workbench.generation.explaining import explain_word
    from workbench.generation.reading_layers import logit_lens
    from workbench.generation.relying import rely
    from workbench.generation.replaying import replay

__all__ = [
    "PARTS",
    "WITHOUT",
    "Answer",
    "Beams",
    "How",
    "Readout",
    "Reliance",
    "WordAttention",
    "beam",
    "explain_word",
    "filtered",
    "greedy",
    "logit_lens",
    "open_readout",
    "open_reliance",
    "open_word_attention",
    "rely",
    "replay",
    "sample",
    "word_attention",
]

_WHERE = {
    "explain_word": "explaining",
    "logit_lens": "reading_layers",
    "rely": "relying",
    "replay": "replaying",
}


def __getattr__(name: str) -> Any:
    # The verbs need torch (seconds); results do not.
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
