"""What was read of an answer and saved, opened again."""

from __future__ import annotations

from pathlib import Path

from workbench.calling import verb
from workbench.generation.answer import Answer
from workbench.generation.decoding import How
from workbench.generation.readout import Readout
from workbench.generation.reliance import Reliance
from workbench.generation.word_attention import WordAttention
from workbench.keeping import opened
from workbench.provenance import Provenance

__all__ = ["open_readout", "open_reliance", "open_word_attention"]


@verb
def open_reliance(folder: str | Path) -> Reliance:
    """What `reliance.save(folder)` wrote, with its answer.

    Args:
        folder: that was named to `save`.

    Returns:
        The same `Reliance`; its answer without model and question.

    Raises:
        BadInputError: nothing whole is there.

    Example:
        >>> from workbench.generation import open_reliance
        >>> open_reliance("of the star")                                     # doctest: +SKIP
    """
    found: Reliance = opened(folder, Reliance._form, Reliance, (Answer, How, Provenance))
    return found


@verb
def open_word_attention(folder: str | Path) -> WordAttention:
    """What `word_attention(...).save(folder)` wrote, with the picture as the model saw it.

    Args:
        folder: that was named to `save`.

    Returns:
        The same `WordAttention`.

    Raises:
        BadInputError: nothing whole is there.

    Example:
        >>> from workbench.generation import open_word_attention
        >>> open_word_attention("of the star")                               # doctest: +SKIP
    """
    found: WordAttention = opened(folder, WordAttention._form, WordAttention, (Provenance,))
    return found


@verb
def open_readout(folder: str | Path) -> Readout:
    """What `readout.save(folder)` wrote, with its answer.

    Args:
        folder: that was named to `save`.

    Returns:
        The same `Readout`; its answer without model and question.

    Raises:
        BadInputError: nothing whole is there.

    Example:
        >>> from workbench.generation import open_readout
        >>> open_readout("of the star")                                      # doctest: +SKIP
    """
    found: Readout = opened(folder, Readout._form, Readout, (Answer, How, Provenance))
    return found
