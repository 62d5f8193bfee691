"""Generation: what a model writes, word by word, and what each word rests on.

`write` gives an `Answer`, `search` a tree of `Beams`; `likelihood` weighs an answer that is given.
"""

from workbench.generation.answer import Answer
from workbench.generation.beams import FATES, Beams
from workbench.generation.bigrams import Bigrams
from workbench.generation.decoding import How, beam, filtered, filtered_alternatives, greedy, sample
from workbench.generation.saved_answers import open_answer, open_beams
from workbench.generation.searching import search
from workbench.generation.writing import likelihood, write

__all__ = [
    "FATES",
    "Answer",
    "Beams",
    "Bigrams",
    "How",
    "beam",
    "filtered",
    "filtered_alternatives",
    "greedy",
    "likelihood",
    "open_answer",
    "open_beams",
    "sample",
    "search",
    "write",
]
