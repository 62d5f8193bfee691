"""What was read of an answer and saved, opened again."""

from __future__ import annotations

from pathlib import Path

from workbench.calling import verb
from workbench.generation.answer import Answer
from workbench.generation.decoding import How
from workbench.generation.evidence.readout import Readout
from workbench.generation.evidence.reliance import Reliance
from workbench.generation.evidence.word_attention import WordAttention
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
        >>> from workbench.generation import Bigrams, open_reliance, rely, write
        >>> model = Bigrams({"": {"yes": 0.9, "no": 0.1}, "yes": {"": 1}, "no": {"": 1}})
        >>> folder = rely(model, write(model), without="history").save("kept")
        >>> open_reliance(folder).parts
        ('history',)
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
        >>> import numpy as np
        >>> from workbench.generation import WordAttention, open_word_attention
        >>> made = WordAttention(("joint.0",), np.zeros((1, 3, 4, 4)), np.zeros((1, 3, 4)), np.zeros((3, 4)))
        >>> open_word_attention(made.save("kept")).grid
        (4, 4)
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
        >>> import torch
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> from workbench.generation import logit_lens, open_readout, write
        >>> from workbench.models import as_writer
        >>> config = GPT2Config(vocab_size=9, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=8)
        >>> given = {"input_ids": torch.tensor([[5, 6, 7]])}
        >>> model = as_writer(GPT2LMHeadModel(config).eval(), tensors=given)  # of random weights
        >>> answer = write(model, start=[1, 2], max_new_tokens=3)
        >>> open_readout(logit_lens(model, answer).save("kept")).layers
        ('transformer.h.0', 'transformer.h.1')
    """
    found: Readout = opened(folder, Readout._form, Readout, (Answer, How, Provenance))
    return found
