"""`as_writer`: a writer from what people hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from workbench.calling import verb
from workbench.errors import BadInputError, UnsupportedError
from workbench.models.adapters.writers.layout import kind
from workbench.models.adapters.writers.probing import probe_writer
from workbench.models.adapters.writers.reading import AsGiven, ByProcessor
from workbench.models.adapters.writers.writer import TransformersWriter
from workbench.models.base import ModelCard
from workbench.models.given import is_writer
from workbench.models.writer import Writer

__all__ = ["as_writer"]


@verb
def as_writer(
    model: Any, processor: Any = None, *, tensors: Mapping[str, Tensor] | None = None, name: str = ""
) -> Writer:
    """A writer from itself, from a name or folder, or from a model of transformers that is in memory.

    Args:
        model: a writer; what `models.load` takes; or a generative model of transformers.
        processor: of the last, its processor or its tokeniser.
        tensors: instead of a processor, one item's inputs as it has made them: `ask()` gives this question.
        name: for the card; the class without one.

    Returns:
        The `Writer`: `model` itself where it is one, of a name the one that is loaded already.

    Raises:
        UnsupportedError: it does not write.
        BadInputError: a model of transformers with neither, or something that is no model.

    Example:
        >>> import torch
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> from workbench.models import as_writer
        >>> model = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_embd=8, n_layer=1, n_head=2)).eval()
        >>> writer = as_writer(model, tensors={"input_ids": torch.tensor([[1, 2, 3]])})
        >>> writer.begin(writer.ask()).logits.shape
        torch.Size([1, 20])
    """
    if isinstance(model, (str, os.PathLike)):
        from workbench.models.loading import load

        return as_writer(load(str(model)))
    if is_writer(model):
        found: Writer = model
        return found
    if callable(getattr(model, "encode_texts", None)):
        raise UnsupportedError(
            f"{model.card.name} is a dual encoder: it compares pictures with texts and writes none. Load a "
            "model that writes, a captioner or a vision-language model."
        )
    if not isinstance(model, nn.Module) or not hasattr(model, "generate"):
        raise BadInputError(
            f"A {type(model).__name__} was given where a model that writes belongs. Expected one of "
            "models.load(...), its name or folder, or a generative model of transformers with its processor."
        )
    title = name or type(model).__name__
    reading = _reading(model, processor, tensors, title)
    card = ModelCard(title, "transformers", kind(model), "on this machine")
    return probe_writer(TransformersWriter(model, reading, card=card))


def _reading(model: Any, processor: Any, tensors: Mapping[str, Tensor] | None, name: str) -> Any:
    if processor is None and tensors is None:
        raise BadInputError(
            f"A {type(model).__name__} was given without its processor, so nobody knows how it reads a "
            "picture or a prompt. Give the processor too, or the tensors that it has made."
        )
    if processor is None:
        return AsGiven(model, tensors or {})
    alone = not hasattr(processor, "image_processor") and not hasattr(processor, "tokenizer")
    given = {"tokeniser": processor} if alone else {"processor": processor}
    return ByProcessor(model, name=name, **given)
