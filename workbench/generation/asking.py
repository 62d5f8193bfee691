"""What every verb of this room does before a model writes, and what it makes of what was written."""

from __future__ import annotations

import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.cache import digest
from workbench.data.pairs import Pairs
from workbench.data.pairs_input import as_pairs, notes_of
from workbench.errors import BadInputError, UnsupportedError
from workbench.formatting import one_line, plural
from workbench.generation.answer import Answer, Ended
from workbench.generation.decoding import How
from workbench.generation.forcing import called, logits_in
from workbench.generation.log_probabilities import Said, check_scores, nothing_said, said_of, wide
from workbench.generation.who_writes import writer_of
from workbench.generation.words import words_of
from workbench.models.writer import Question, Writer
from workbench.results import OnEvent, Provenance, ShouldStop

__all__ = ["Request", "made", "pieces_after", "request"]

_CONTEXT = 4  # tokens: the most that spell one character together


@dataclass(frozen=True, eq=False)
class Request:
    """A model, what it is given, and how far its answer may go.

    Attributes:
        start: tokens that the answer begins with.
        most: tokens of the answer at most, those of `start` included.
        full: whether it is the model's context that ends there, and not what was asked for.
        data: digest of pictures and prompt.
    """

    model: Writer
    question: Question
    start: tuple[int, ...]
    most: int
    full: bool
    credit: str
    notes: tuple[str, ...]
    data: str
    parameters: dict[str, Any]
    began: float = field(default_factory=time.perf_counter)

    def tokens(self, text: str) -> tuple[int, ...]:
        """A text of the answer as the model's own tokens."""
        return tuple(int(token) for token in self.model.encode(text))

    def forced(self, tokens: Sequence[int]) -> Tensor:
        """token x vocabulary: the scores that these were chosen from, all in one pass."""
        forced = self.model.force(self.question, tokens)
        logits = logits_in(called(forced))
        return logits[torch.as_tensor(np.array(forced.rows), device=logits.device)]

    def said_of(self, tokens: Sequence[int], count: int) -> Said:
        """What the model says of these tokens as its answer, in one pass.

        Raises:
            UnsupportedError: its scores are no numbers.
        """
        if not tokens:
            return nothing_said(count)
        scores = self.forced(tokens)
        for step, highest in enumerate(scores.amax(dim=-1).tolist()):
            check_scores(highest, step, self.model)
        return said_of(wide(scores), tokens, count)


def request(
    model: Any,
    picture: Any,
    prompt: str,
    *,
    max_new_tokens: int,
    start: str | Sequence[int] = (),
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
    **parameters: Any,
) -> Request:
    """Everything that stands in front of the first token, checked.

    Raises:
        BadInputError: no picture, several pairs as a data set, a limit or a start that cannot be, a prompt
            that fills the context.
        UnsupportedError: the model does not write, or takes no picture.
    """
    began = time.perf_counter()
    whole = isinstance(max_new_tokens, int | np.integer) and not isinstance(max_new_tokens, bool)
    if not whole or max_new_tokens < 1:
        raise BadInputError(
            f"max_new_tokens={max_new_tokens!r} was given; expected how many tokens an answer may have, a "
            "whole number from 1."
        )
    pairs = _pictures(picture)
    writer = writer_of(model, on_event, should_stop)
    reason = writer.capabilities.get("see")
    if pairs is not None and reason is not None:
        raise UnsupportedError(f"{writer.card.name} takes no picture: {reason}")
    pictures = [] if pairs is None else [pairs.picture(item) for item in range(len(pairs))]
    question = writer.ask(pictures, prompt)
    most, full = _room(writer, question, int(max_new_tokens))
    found = Request(
        writer,
        question,
        _start(writer, start, most),
        most,
        full,
        "" if pairs is None else pairs.credit,
        (*(() if pairs is None else notes_of(picture, pairs)), *question.notes, *_ruled(writer)),
        digest(*(() if pairs is None else pairs.keys), prompt)[:16],
        {"prompt": prompt, "max_new_tokens": int(max_new_tokens), **parameters},
        began,
    )
    if found.start:
        found.parameters["start"] = list(found.start)
    return found


def _ruled(model: Writer) -> tuple[str, ...]:
    if not model.rules:
        return ()
    told = ", ".join(model.rules)
    return (f"The model's own settings have a say in which token is chosen, not in its numbers: {told}.",)


def _pictures(given: Any) -> Pairs | None:
    if given is None or (isinstance(given, list | tuple) and not given):
        return None
    pairs = as_pairs(given)
    if isinstance(given, Pairs | str) and len(pairs) > 1:
        raise BadInputError(
            f"picture is {one_line(repr(pairs))}: one answer is written at a time. Give one, pairs[0], or a "
            "list, [pairs[0], pairs[1]], for an answer about several pictures together."
        )
    return pairs


def _room(model: Writer, question: Question, asked: int) -> tuple[int, bool]:
    """How many tokens the answer may have, and whether the model's context allows no more."""
    if model.context_length is None:
        return asked, False
    left = model.context_length - len(question.tokens)
    if left < 1:
        raise BadInputError(
            f"Picture and prompt take {plural(len(question.tokens), 'position')}, and {model.card.name} has "
            f"{model.context_length:,} for them and the answer together: there is no room for a word. Give "
            "a smaller picture, fewer pictures or a shorter prompt."
        )
    return min(asked, left), left < asked


def _start(model: Writer, given: Any, most: int) -> tuple[int, ...]:
    if isinstance(given, str):
        tokens = tuple(int(token) for token in model.encode(given))
    else:
        try:
            tokens = tuple(int(token) for token in given)
        except (TypeError, ValueError) as problem:
            raise BadInputError(
                f"start is {one_line(repr(given))}; expected a text, or tokens: answer.tokens[:3]."
            ) from problem
    if any(token < 0 for token in tokens):
        raise BadInputError(f"start holds the token {min(tokens)}; tokens are numbered from 0.")
    over = next((place for place, token in enumerate(tokens) if token in model.ends), None)
    if over is not None:
        raise BadInputError(
            f"start ends the answer with its token {over} ({tokens[over]}): there is nothing left to write. "
            "Leave the end out."
        )
    if len(tokens) >= most:
        raise BadInputError(
            f"start has {plural(len(tokens), 'token')}, and the answer may have {most} in all. Give a "
            "shorter one, or more max_new_tokens where the model's context allows it."
        )
    return tokens


def pieces_after(model: Writer, before: Sequence[int], pieces: Sequence[str], tokens: Sequence[int],
                 known: dict[int, str]) -> tuple[str, ...]:  # fmt: skip
    """Each of `tokens` as it would read behind `before`, whose own readable pieces are `pieces`.

    Args:
        known: what tokens read like behind a whole character; filled.
    """
    if len(before) and pieces[len(before) - 1]:
        context = [int(before[-1])]
        for token in tokens:
            if int(token) not in known:
                known[int(token)] = model.decode([*context, int(token)])[-1]
        return tuple(known[int(token)] for token in tokens)
    context = [int(token) for token in before[-_CONTEXT:]]
    return tuple(model.decode([*context, int(token)])[-1] for token in tokens)


def made(
    asked: Request, tokens: Sequence[int], said: Said, ended: Ended, how: How, verb: str = "write"
) -> Answer:
    """The answer that these tokens are."""
    model, question = asked.model, asked.question
    pieces = model.decode(tokens)
    known: dict[int, str] = {}
    alternatives = tuple(
        pieces_after(model, tokens[:step], pieces, row, known) for step, row in enumerate(said.tokens)
    )
    marks = int(ended == "end" and tokens[-1] in model.ends)
    text = "".join(pieces)
    notes = (*asked.notes, *(_ending(asked, text, len(tokens), ended) if verb == "write" else ()))
    provenance = Provenance(
        verb,
        model.card.name,
        model.weights_hash,
        asked.data,
        {"how": str(how), **asked.parameters},
        how.seed if how.kind == "sample" else None,
        notes,
    )
    return Answer(
        text=text,
        pieces=pieces,
        tokens=np.array(tokens, np.int64),
        logp=said.logp,
        entropy=said.entropy,
        rank=said.rank,
        alternatives=said.tokens,
        alternative_logp=said.token_logp,
        alternative_pieces=alternatives,
        prompt=question.prompt,
        how=how,
        ended=ended,
        words=words_of(pieces, marks),
        prompt_pieces=question.pieces,
        roles=question.roles,
        pictures=tuple(np.asarray(one.convert("RGB")) for one in question.pictures),
        credit=asked.credit,
        seconds=time.perf_counter() - asked.began,
        notes=notes,
        provenance=provenance,
        live=weakref.ref(model),
        question=question,
    )


def _ending(asked: Request, text: str, steps: int, ended: Ended) -> tuple[str, ...]:
    if ended == "stopped":
        return ("It was stopped while it was written.",)
    if ended == "length" and asked.full:
        return (
            f"It was cut after {plural(steps, 'token')}: the context of {asked.model.card.name}, "
            f"{asked.model.context_length:,} positions, is full.",
        )
    if ended == "length":
        return (f"It was cut after {plural(steps, 'token')}: max_new_tokens={asked.most}.",)
    if not text.strip():
        return ("It is empty: the model ended it before the first word.",)
    return ()
