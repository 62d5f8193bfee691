"""One pass over a question with its answer: the log-probability of each token, held to what was written.

The row that produces a token stands before it, so that every row of an answer is read from one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from workbench.errors import BadInputError, Cancelled, UnsupportedError
from workbench.formatting import one_line, plural
from workbench.generation.answer import Answer
from workbench.generation.who_writes import writer_of
from workbench.hooks import evaluated, hooked
from workbench.models.writer import Forced, Question, Writer
from workbench.results import Event, OnEvent, ShouldStop

__all__ = [
    "GATE",
    "HALF_GATE",
    "called",
    "check_replayed",
    "forced_logp",
    "go_on",
    "log_probabilities",
    "logits_in",
    "output_seen",
    "question_of",
    "with_pictures",
    "writer_behind",
]

GATE = 1e-4
"""By how much a replayed log-probability may differ from the stored one, relative where that is below -1."""
HALF_GATE = 0.5
"""The same in half precision, where a step with its cache and one whole pass round differently, in nats."""


def writer_behind(model: Any, answer: Answer) -> Writer:
    """The model, or the one that the answer remembers where None is given.

    Raises:
        BadInputError: neither is there, or it is no model. UnsupportedError: it writes nothing.
    """
    found = answer.model if model is None else model
    if found is None:
        raise BadInputError(
            "The model that wrote this answer is no longer loaded; give it: models.load(...) of "
            f"{answer.provenance.model or 'the model that wrote it'}."
        )
    return writer_of(found)


def question_of(model: Writer, answer: Answer) -> Question:
    """What the model was given; asked anew where only the pictures and the instruction were kept.

    Raises:
        BadInputError: the answer is empty.
    """
    if not len(answer):
        raise BadInputError("The answer is empty: it has no token that could be read. Write another one.")
    if answer.question is not None:
        question: Question = answer.question
        return question
    return model.ask([Image.fromarray(one) for one in answer.pictures], answer.prompt)


def with_pictures(model: Writer, question: Question, pictures: Sequence[Image.Image]) -> Question:
    """The same instruction about other pictures of the same sizes, so that every token keeps its position.

    Raises:
        UnsupportedError: the prompt is then of another length, so positions would move.
    """
    made = model.ask(list(pictures), question.prompt)
    if len(made.tokens) != len(question.tokens):
        raise UnsupportedError(
            f"With another picture of the same size the prompt has {plural(len(made.tokens), 'token')} "
            f"instead of {len(question.tokens)}, so the answer would stand at other positions."
        )
    return made


def called(forced: Forced) -> Any:
    """What the module gives for a forced pass, without gradients and without dropout."""
    with torch.no_grad(), evaluated(forced.module):
        return forced.module(**{**forced.settings, **forced.tensors})


@contextmanager
def output_seen(module: torch.nn.Module) -> Iterator[list[Tensor]]:
    """The logits of every pass of this thread inside, one after another."""
    seen: list[Tensor] = []

    def see(_: torch.nn.Module, __: Any, output: Any) -> None:
        seen.append(logits_in(output))

    with hooked(module, after=see):
        yield seen


def logits_in(output: Any) -> Tensor:
    """position x token: the scores of the next token in what a model gives, of its one item.

    Raises:
        UnsupportedError: there are none.
    """
    found = getattr(output, "logits", None)
    if found is None and isinstance(output, Tensor):
        found = output
    if not isinstance(found, Tensor) or found.ndim != 3 or len(found) != 1:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(output).__name__
        raise UnsupportedError(
            f"The forced pass gave {shape} and no logits of item=1, position, token; this adapter cannot be "
            "replayed."
        )
    return found[0]


def log_probabilities(logits: Tensor, rows: Sequence[int] | NDArray[np.int64]) -> Tensor:
    """step x token, in double: the distribution that each row gives.

    Raises:
        BadInputError: they are no numbers.
    """
    places = torch.as_tensor(np.asarray(rows, np.int64), device=logits.device)
    found = logits.detach()[places].double()
    if bool(torch.isnan(found).any()):
        raise BadInputError(
            "The model gives NaN where the answer is produced. Load it in float32; if it stays, its weights "
            "are damaged."
        )
    return found.log_softmax(dim=-1)


def forced_logp(
    model: Writer, question: Question, tokens: Sequence[int], given: Sequence[int] | None = None
) -> NDArray[np.float64]:
    """step: log-probability of each token of an answer after those before it.

    Args:
        given: what stands in the answer's place while `tokens` are asked for, as many; None for themselves.
    """
    forced = model.force(question, list(map(int, tokens if given is None else given)))
    told = log_probabilities(logits_in(called(forced)), forced.rows[: len(tokens)])
    wanted = torch.as_tensor(np.asarray(tokens, np.int64), device=told.device)
    return told.gather(1, wanted[:, None])[:, 0].cpu().numpy()


def check_replayed(model: Writer, answer: Answer, logp: NDArray[np.float64]) -> float:
    """The gate: how far the replayed log-probabilities are from those that the answer was written with.

    Raises:
        UnsupportedError: so far that what would be read is not what wrote it.
    """
    half = model.precision not in ("float32", "float64")
    apart = np.abs(logp - answer.logp)
    if not half:
        apart = apart / np.maximum(np.abs(answer.logp), 1)
    worst, allowed = int(np.nanargmax(np.where(np.isnan(apart), np.inf, apart))), HALF_GATE if half else GATE
    if not apart[worst] <= allowed:
        raise UnsupportedError(
            f"Forced through the model once more, the answer {one_line(answer.text, most=40)!r} has other "
            f"log-probabilities than it was written with: step {worst} ({answer.pieces[worst]!r}) "
            f"{logp[worst]:.4f} instead of {answer.logp[worst]:.4f} ({allowed:g} apart is allowed). "
            "The weights, the processor, the precision or the tokens are others than those it was written "
            "with: load the same model, or write the answer again."
        )
    return float(apart[worst])


def go_on(
    should_stop: ShouldStop | None, on_event: OnEvent | None, stage: str, done: int, total: int
) -> None:
    """Progress; raises `Cancelled` where that was asked for."""
    if should_stop is not None and should_stop():
        raise Cancelled(f"Cancelled after {done} of {total} {stage}.")
    if on_event is not None:
        on_event(Event(stage, done, total))
