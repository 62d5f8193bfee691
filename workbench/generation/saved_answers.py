"""Answers and searches that were saved, opened again."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

from workbench.calling import verb
from workbench.generation.answer import Answer
from workbench.generation.beams import Beams
from workbench.generation.decoding import How
from workbench.generation.who_writes import writer_of
from workbench.keeping import opened
from workbench.results import Provenance

__all__ = ["open_answer", "open_beams"]


@verb
def open_answer(folder: str | Path, *, model: Any = None) -> Answer:
    """An answer that `answer.save(folder)` wrote: every number, the pictures, the prompt.

    Args:
        folder: what `save` was given.
        model: what wrote it, to ask it further; must have the same weights.

    Returns:
        The `Answer` as it was.

    Raises:
        BadInputError: nothing whole is there, or `model` is another.

    Example:
        >>> from workbench.generation import Bigrams, open_answer, write
        >>> folder = write(Bigrams({"": {"yes": 0.9, "no": 0.1}, "yes": {"": 1}, "no": {"": 1}})).save("said")
        >>> open_answer(folder).text
        'yes'
    """
    live = None if model is None else weakref.ref(writer_of(model))
    found: Answer = opened(folder, Answer._form, Answer, (How, Provenance), live=live)
    return found


@verb
def open_beams(folder: str | Path, *, model: Any = None) -> Beams:
    """A search that `tree.save(folder)` wrote: the whole tree, which is judged anew without a model.

    Args:
        folder: what `save` was given.
        model: what was searched, to ask it further; must have the same weights.

    Returns:
        The `Beams` as they were.

    Raises:
        BadInputError: nothing whole is there, or `model` is another.

    Example:
        >>> from workbench.generation import Bigrams, open_beams, search
        >>> model = Bigrams({"": {"yes": 0.9, "no": 0.1}, "yes": {"": 1}, "no": {"": 1}})
        >>> tree = open_beams(search(model).save("searched"))
        >>> [tree.text(node) for node in tree.best()]
        ['yes', 'no']
    """
    live = None if model is None else weakref.ref(writer_of(model))
    found: Beams = opened(folder, Beams._form, Beams, (How, Provenance), live=live)
    return found
