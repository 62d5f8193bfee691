"""`write`: one answer, token by token; `likelihood`: what a model says of an answer that is given to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.calling import verb
from workbench.errors import BadInputError, UnsupportedError
from workbench.formatting import one_line
from workbench.generation.answer import Answer, Ended
from workbench.generation.asking import Request, made, request
from workbench.generation.decoding import How, filtered
from workbench.generation.log_probabilities import Said, check_scores, joined, nothing_said, said_of, wide
from workbench.generation.searching import best_path, searched
from workbench.models.writer import Continuation
from workbench.results import Event, OnEvent, ShouldStop, listener

__all__ = ["likelihood", "write"]

_TOGETHER = 32  # steps whose distributions are read at once


@verb
def write(
    model: Any,
    picture: Any = None,
    prompt: str = "",
    *,
    how: How | None = None,
    max_new_tokens: int = 64,
    start: str | Sequence[int] = (),
    alternatives: int = 8,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Answer:
    """What a model writes about a picture, an instruction, or both, with the distribution of each token.

    Tokens are chosen under the rules that the model's own settings lay down (words it must not say); the
    numbers beside them are of the model's distribution before any rule, temperature or cut, in float64.

    Args:
        model: one that writes, of `models.load`, or what that takes: a name, a folder.
        picture: in any form: a path, Pillow's, an array, one `Pair`; a list for several pictures; or None.
        prompt: the instruction, without a template.
        how: `greedy()`, `beam(width)` or `sample(...)`; None is greedy.
        max_new_tokens: the answer's tokens at most, its end and those of `start` included.
        start: what the answer begins with, as a text or as tokens: the model goes on from there. With the
            same seed a sampled answer goes on as it did.
        alternatives: how many of the likeliest tokens to keep at each step.
        on_event: is told each token: `done` are written of at most `total`, `message` is the piece just
            written (of a search all of the beginning that is best so far).
        should_stop: asked before each token; what is written by then is the answer, `ended` "stopped".

    Returns:
        An `Answer`.

    Raises:
        BadInputError: pictures and prompt leave no room in the context, or a setting is out of range.
        UnsupportedError: the model does not write, takes no picture, or gives scores that are no numbers.
        Cancelled: stopped while a model was loaded; nothing is kept. Later it is no error.

    Example:
        >>> from workbench.generation import Bigrams, write
        >>> model = Bigrams({"": {"a": 0.6, "the": 0.4}, "a": {"cat": 0.5, "dog": 0.5}, "the": {"cat": 1.0},
        ...                  "cat": {"": 1.0}, "dog": {"": 1.0}})
        >>> answer = write(model)
        >>> answer.text, round(float(answer.total), 3)  # ln(0.6 * 0.5)
        ('a cat', -1.204)
        >>> write(model, start="the").text
        'the cat'
    """
    how = How() if how is None else how
    if how.kind == "given":
        raise BadInputError("how is given(), which chooses nothing; expected greedy(), beam() or sample().")
    _check_count(alternatives)
    on_event = listener(on_event)
    asked = request(
        model,
        picture,
        prompt,
        max_new_tokens=max_new_tokens,
        start=start,
        on_event=on_event,
        should_stop=should_stop,
        alternatives=int(alternatives),
    )
    if how.kind == "beam":
        tree = searched(asked, how, int(alternatives), on_event, should_stop)
        return made(replace(asked, notes=tree.notes), *best_path(tree), how)
    return made(asked, *_written(asked, how, int(alternatives), on_event, should_stop), how)


@verb
def likelihood(
    model: Any,
    picture: Any = None,
    prompt: str = "",
    *,
    text: str | Sequence[str] | Sequence[int],
    alternatives: int = 8,
    ending: bool = True,
) -> Answer | tuple[Answer, ...]:
    """How likely a model is to answer a text that is given to it: the exact log-probability, in one pass.

    The text is an `Answer` as if the model had written it: each token's log-probability, its rank, and what
    would have been likelier. `answer.total` is the log-probability of the whole. It is that of one way to cut
    the text into tokens, the tokeniser's own; others of the same text have their own, mostly far smaller.

    Args:
        model: one that writes, of `models.load`, or what that takes.
        picture: as in `write`.
        prompt: as in `write`.
        text: the answer; a list for several; or the tokens of one.
        alternatives: how many of the likeliest tokens to keep at each step.
        ending: whether the answer must also end there; where a model has several end marks, by the one that
            is likeliest at that place.

    Returns:
        An `Answer`; of a list a tuple of them.

    Raises:
        BadInputError: an empty text that need not end, or one that does not fit into the context.
        UnsupportedError: the model does not write, or gives scores that are no numbers.

    Example:
        >>> import math
        >>> from workbench.generation import Bigrams, likelihood
        >>> model = Bigrams({"": {"a": 0.6, "the": 0.4}, "a": {"cat": 1.0}, "the": {"cat": 1.0},
        ...                  "cat": {"": 1.0}})
        >>> said = likelihood(model, text="the cat")
        >>> round(math.exp(said.total), 3), said.rank.tolist()  # "a" was likelier in the first place
        (0.4, [2, 1, 1])
    """
    _check_count(alternatives)
    one = isinstance(text, str) or not any(isinstance(part, str) for part in text)
    asked = request(model, picture, prompt, max_new_tokens=2**31)
    del asked.parameters["max_new_tokens"]
    found = tuple(_weighed(asked, part, int(alternatives), ending) for part in ([text] if one else text))
    return found[0] if one else found


def _weighed(asked: Request, text: Any, alternatives: int, ending: bool) -> Answer:
    tokens = list(asked.tokens(text) if isinstance(text, str) else map(int, text))
    ended: Ended = "end" if tokens and tokens[-1] in asked.model.ends else "stopped"
    if ending and ended != "end":
        tokens.append(_likeliest_end(asked, tokens))
        ended = "end"
    if not tokens:
        raise BadInputError("text is empty, and it need not end: there is nothing to weigh. Give a text.")
    if len(tokens) > asked.most:
        raise BadInputError(
            f"The text {one_line(repr(text), most=40)} has {len(tokens)} tokens, and the context of "
            f"{asked.model.card.name} leaves room for {asked.most}. Give a shorter one."
        )
    return made(asked, tokens, asked.said_of(tokens, alternatives), ended, How("given"), "likelihood")


def _likeliest_end(asked: Request, tokens: Sequence[int]) -> int:
    ends = sorted(asked.model.ends)
    if not ends:
        raise UnsupportedError(
            f"{asked.model.card.name} has no token that ends an answer. Give ending=False to weigh the words."
        )
    if len(ends) == 1:
        return ends[0]
    scores = asked.forced([*tokens, ends[0]])[-1]
    return ends[int(scores[ends].argmax())]


# Token by token -------------------------------------------------------------------------------


def _written(
    asked: Request, how: How, alternatives: int, on_event: OnEvent | None, should_stop: ShouldStop | None
) -> tuple[list[int], Said, Ended]:
    """Tokens, what was said of each, and why there are no more; greedily or drawn."""
    model, tokens = asked.model, list(asked.start)
    reading = _Reading(alternatives, asked.said_of(tokens, alternatives))
    choose = _chooser(how, len(tokens))
    if on_event is not None and tokens:
        on_event(Event("write", len(tokens), asked.most, "".join(model.decode(tokens))))
    going: Continuation | None = None
    while True:
        if should_stop is not None and should_stop():
            return tokens, reading.said, "stopped"
        going = model.begin(asked.question, tokens) if going is None else going.extend(tokens[-1:])
        token, highest = choose(going.ruled[0])
        check_scores(highest, len(tokens), model)
        reading.add(going.logits[0], token)
        tokens.append(token)
        if on_event is not None:
            on_event(Event("write", len(tokens), asked.most, model.decode(tokens)[-1]))
        if token in model.ends:
            return tokens, reading.said, "end"
        if len(tokens) == asked.most:
            return tokens, reading.said, "length"


def _chooser(how: How, written: int) -> Callable[[Tensor], tuple[int, float]]:
    """From scores to a token and the highest score; draws are numbered as the tokens of the answer are."""
    if how.kind == "greedy":

        def best(scores: Tensor) -> tuple[int, float]:
            token = scores.argmax()
            return int(token), float(scores[token])

        return best
    draws = np.random.default_rng(how.seed)
    draws.random(written)

    def drawn(scores: Tensor) -> tuple[int, float]:
        highest = float(scores.max())
        if not np.isfinite(highest):
            return 0, highest
        shares = filtered(
            scores.cpu().double().numpy(), temperature=how.temperature, top_k=how.top_k, top_p=how.top_p
        )
        heaped = shares.cumsum()
        token = int(np.searchsorted(heaped, draws.random() * heaped[-1], side="right"))
        return min(token, int(np.flatnonzero(shares)[-1])), highest

    return drawn


class _Reading:
    """Reads the distributions of many steps at once: a step of a small model takes as long as reading one."""

    def __init__(self, alternatives: int, start: Said) -> None:
        self._count, self._parts = alternatives, [start] if len(start.logp) else []
        self._scores: list[Tensor] = []
        self._tokens: list[int] = []

    def add(self, scores: Tensor, token: int) -> None:
        self._scores.append(scores.clone())  # not a view: it would hold the scores of the whole prompt
        self._tokens.append(token)
        if len(self._scores) == _TOGETHER:
            self._read()

    @property
    def said(self) -> Said:
        """What was said of every token so far."""
        self._read()
        return joined(self._parts) if self._parts else nothing_said(self._count)

    def _read(self) -> None:
        if self._scores:
            self._parts.append(said_of(wide(torch.stack(self._scores)), self._tokens, self._count))
            self._scores, self._tokens = [], []


def _check_count(alternatives: int) -> None:
    if alternatives < 0:
        raise BadInputError(
            f"alternatives={alternatives} was given; expected how many tokens are kept at each step, from 0."
        )
