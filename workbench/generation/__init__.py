"""Generation: what a model writes, word by word, and what each word rests on.

`write` gives an `Answer`, `search` a tree of `Beams`.
"""

from workbench.generation.answer import Answer
from workbench.generation.beams import Beams
from workbench.generation.decoding import How, beam, filtered, greedy, sample

__all__ = ["Answer", "Beams", "How", "beam", "filtered", "greedy", "sample"]
