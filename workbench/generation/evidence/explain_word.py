"""`explain_word`: a heatmap of one written token, by any method that explains a model as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from workbench.attribution import Heatmap, attribute, output
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.generation.answer import Answer
from workbench.generation.forcing import question_of, writer_behind
from workbench.models.writer import Forced, Question, Writer
from workbench.results import OnEvent, ShouldStop

__all__ = ["explain_word"]


@verb
def explain_word(
    model: Any,
    answer: Answer,
    step: int,
    *,
    method: str = "relevance",
    start_layer: int | None = None,
    samples: int | None = None,
    steps: int | None = None,
    fill: str = "mean",
    seed: int = 0,
    batch_size: int = 8,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Heatmap:
    """Which patches and words count for one token of an answer, at the row that produced it.

    The answer is forced through the model up to that token, and the token's log-probability is explained by
    `attribute`, like any number of a model of transformers.

    Args:
        model: the one that wrote the answer, from `models.load`; None for the one that the answer remembers.
        answer: of `write`.
        step: the token's number in the answer, from 0; `answer.words` has the steps of a word.
        method: a name from `workbench.attribution.METHODS` that explains a model as a whole: "relevance",
            "attention", "rollout", "occlusion", "integrated-gradients", "kernel-shap".
        start_layer: the first layer that "relevance" adds up; None for its own choice.
        samples: of KernelSHAP; None for its own choice.
        steps: of integrated gradients; None for its own choice.
        fill: what stands where a patch is taken away: "mean", "blur", "white" or "black".
        seed: of what is drawn.
        batch_size: items a pass, where parts are taken away.
        on_event: is told how far it is.
        should_stop: asked in between.

    Returns:
        A `Heatmap`; its notes say where there is no map of the picture, and why.

    Raises:
        BadInputError: there is no such step.
        UnknownNameError: no such method. UnsupportedError: it does not apply to this model, and why.
        Cancelled: `should_stop` returned true.

    Example:
        >>> import torch
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> from workbench.generation import explain_word, write
        >>> from workbench.models import as_writer
        >>> config = GPT2Config(vocab_size=9, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=8)
        >>> given = {"input_ids": torch.tensor([[5, 6, 7]])}
        >>> model = as_writer(GPT2LMHeadModel(config).eval(), tensors=given)  # of random weights
        >>> answer = write(model, start=[1, 2], max_new_tokens=3)
        >>> explain_word(model, answer, 1, method="occlusion").tokens
        ('5', '6', '7', ' 1', ' 2')
    """
    if isinstance(step, bool) or not 0 <= step < len(answer):
        raise BadInputError(f"There is no step {step}; the answer has {len(answer)} tokens, from 0.")
    writer = writer_behind(model, answer)
    question = question_of(writer, answer)
    before = answer.tokens[: step + 1].tolist()
    forced = writer.force(question, before)
    found = attribute(
        forced.module,
        {**forced.settings, **forced.tensors},
        method=method,
        target=output(int(answer.tokens[step]), place=int(forced.rows[step])),
        words=_words(writer, question, forced, before),
        start_layer=start_layer,
        samples=samples,
        steps=steps,
        fill=fill,
        seed=seed,
        batch_size=batch_size,
        on_event=on_event,
        should_stop=should_stop,
    )
    notes = (
        *found.notes,
        f"explained is token {step} of the answer, {answer.pieces[step].strip()!r}, where it is produced",
        "no deletion score stands beside it: scores of maps are for dual encoders so far; compare it with "
        "method='occlusion', and with what rely() says of the picture",
    )
    return replace(found, notes=notes, credit=answer.credit)


def _words(writer: Writer, question: Question, forced: Forced, answer: Sequence[int]) -> tuple[str, ...]:
    """A name for each token of the text, where prompt and answer are the text the model reads."""
    names = (*question.pieces, *writer.decode(answer))
    ids = forced.tensors.get("input_ids")
    count = int(ids.shape[1]) if ids is not None and ids.ndim == 2 else 0
    return names[:count] if 0 < count <= len(names) and len(names) - count <= 1 else ()
