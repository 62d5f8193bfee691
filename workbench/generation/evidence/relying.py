"""`rely`: what each word of an answer rests on, by taking it away."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workbench.calling import verb
from workbench.errors import BadInputError, Cancelled, UnknownNameError, WorkbenchError, did_you_mean
from workbench.formatting import plural
from workbench.generation.answer import Answer
from workbench.generation.evidence.exchanging import BLUR, as_pictures, averaged, blurred, histories, others
from workbench.generation.evidence.reliance import WITHOUT, Reliance
from workbench.generation.forcing import (
    check_replayed,
    forced_logp,
    go_on,
    question_of,
    with_pictures,
    writer_behind,
)
from workbench.metrics import interval
from workbench.models.writer import Question, Writer
from workbench.results import OnEvent, Provenance, ShouldStop
from workbench.values import as_sentences

__all__ = ["rely"]

Exchange = Callable[[], NDArray[np.float64]]  # log-probability of each token, one exchange done


@verb
def rely(
    model: Any,
    answer: Answer,
    *,
    without: str | Sequence[str] = WITHOUT,
    pictures: Any = None,
    count: int = 8,
    seed: int = 0,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Reliance:
    """How many bits less likely each token of an answer is without a part of what it was written from.

    Each part is taken away by itself and the same answer is forced through the model again: one pass an
    exchange gives every token. Attention says where a model looked; this says whether it mattered.

    - "others": every picture is exchanged for another of `pictures`, cut and scaled to the same size, so that
      every token keeps its position. It keeps what pictures of the set are like: the first to look at.
    - "blur": a Gaussian blur, of an eighth of the shorter side. "mean": one colour, the picture's mean.
      Neither is "no picture": both are pictures of a kind that the model has seldom seen.
    - "instruction": the instruction is empty; the template around it stays. What stands behind it moves
      forward by as many positions.
    - "history": every earlier token of the answer is exchanged for another that the model found likely in its
      place (drawn by probability among the alternatives that `write` kept, never the chosen one, never an end
      mark), at the same positions. It measures whether a word rests on *these* earlier words, not on there
      being any: the first token loses nothing by construction.

    Args:
        model: the one that wrote the answer, from `models.load`; None for the one that the answer remembers.
        answer: of `write`.
        without: names of `WITHOUT`. Of several, one that cannot be taken from this answer is left out, and
            `notes` say why; a single one is refused.
        pictures: what "others" takes its pictures from: pairs of the same set, paths, arrays, a
            folder. The answer's own are not taken.
        count: exchanges of "others" and of "history"; the other parts have one.
        seed: of what is drawn.
        on_event: is told how far it is.
        should_stop: asked before each pass; what is done until then is given, and `notes` say that it was
            stopped.

    Returns:
        A `Reliance`.

    Raises:
        UnknownNameError: a part that is not in `WITHOUT`.
        BadInputError: no part that can be taken away, a count below 1, an empty answer.
        UnsupportedError: the model is not the one that wrote the answer.
        Cancelled: `should_stop` returned true before a first exchange was done.

    Example:
        >>> from workbench.generation import Bigrams, rely, write
        >>> model = Bigrams({"": {"a": 0.6, "the": 0.4}, "a": {"cat": 0.8, "dog": 0.2},
        ...                  "the": {"cat": 0.1, "dog": 0.9}, "cat": {"": 1}, "dog": {"": 1}})
        >>> answer = write(model)  # "a cat"; behind "the" a "cat" is 8 times less likely
        >>> rely(model, answer, without="history").bits.round(6).tolist()
        [[0.0, 3.0, 0.0]]
    """
    asked = _asked(without, count)
    writer = writer_behind(model, answer)
    question = question_of(writer, answer)
    tokens = answer.tokens.tolist()
    go_on(should_stop, on_event, "exchanges", 0, 0)
    whole = forced_logp(writer, question, tokens)
    check_replayed(writer, answer, whole)
    plan, notes = _plan(writer, answer, question, asked, pictures, count, seed)
    total = sum(len(exchanges) for exchanges in plan.values())
    found: dict[str, list[NDArray[np.float64]]] = {}
    done = 0
    try:
        for part, exchange in ((part, one) for part, several in plan.items() for one in several):
            go_on(should_stop, on_event, "exchanges", done, total)
            found.setdefault(part, []).append((whole - exchange()) / math.log(2))
            done += 1
        go_on(None, on_event, "exchanges", done, total)
    except Cancelled:
        if not found:
            raise
        notes.append(f"Stopped after {done} of {plural(total, 'exchange')}; what is missing is not there.")
    parameters = {"without": list(asked), "count": count, "given": pictures is not None}
    origin = Provenance("rely", writer.card.name, writer.weights_hash, "", parameters, seed)
    return _reliance(answer, found, tuple([*notes, *question.notes]), origin)


def _reliance(
    answer: Answer, found: dict[str, list[NDArray[np.float64]]], notes: tuple[str, ...], origin: Provenance
) -> Reliance:
    """The mean over exchanges, with its interval."""
    bits, low, high = [], [], []
    for several in found.values():
        columns = np.stack(several, axis=1)  # step x exchange
        with np.errstate(invalid="ignore"):
            bits.append(columns.mean(axis=1))
        # a token that became impossible in one exchange has no interval
        ends = [interval(one)[1:] if np.isfinite(one).all() else (np.nan, np.nan) for one in columns]
        low.append(np.array([one[0] for one in ends]))
        high.append(np.array([one[1] for one in ends]))
    counts = tuple(len(several) for several in found.values())
    return Reliance(
        answer, tuple(found), np.stack(bits), np.stack(low), np.stack(high), counts, notes, origin
    )


def _asked(without: str | Sequence[str], count: int) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(as_sentences(without, what="without")))
    if not asked:
        raise BadInputError(f"without is empty; name at least one of {', '.join(WITHOUT)}.")
    for part in asked:
        if part not in WITHOUT:
            raise UnknownNameError(
                f"There is no part {part!r}; there are {', '.join(WITHOUT)}.{did_you_mean(part, WITHOUT)}"
            )
    if isinstance(count, bool) or count < 1:
        raise BadInputError(f"count={count!r} was given; expected how many exchanges, a number from 1.")
    return asked


# What is taken away ----------------------------------------------------------------------------


def _plan(
    model: Writer, answer: Answer, question: Question, asked: Sequence[str], pool: Any, count: int, seed: int
) -> tuple[dict[str, list[Exchange]], list[str]]:
    """The exchanges of each part that can be taken away, and what is to be said of them."""
    plan: dict[str, list[Exchange]] = {}
    notes: list[str] = []
    refused: list[str] = []
    for part in asked:
        try:
            plan[part], said = _exchanges(part, model, answer, question, pool, count, seed)
            notes += said
        except WorkbenchError as problem:
            if isinstance(problem, Cancelled):
                raise
            refused.append(f"Without {part!r}: {problem}")
    if not plan:
        raise BadInputError(" ".join(refused))
    return plan, notes + refused


def _exchanges(
    part: str, model: Writer, answer: Answer, question: Question, pool: Any, count: int, seed: int
) -> tuple[list[Exchange], list[str]]:
    """The exchanges of one part, each a pass that is yet to be made.

    Raises:
        BadInputError: there is nothing of it to take away. UnsupportedError: the model cannot do without.
    """
    tokens = answer.tokens.tolist()

    def about(pictures: Sequence[Image.Image]) -> Exchange:
        return lambda: forced_logp(model, with_pictures(model, question, pictures), tokens)

    if part == "history":
        return _without_history(model, answer, question, count, seed)
    if part == "instruction":
        if not question.prompt.strip():
            raise BadInputError(
                "the answer was written without an instruction, so there is none to take away."
            )
        bare = model.ask(list(question.pictures), "")
        fewer = len(question.tokens) - len(bare.tokens)
        note = f"Without the instruction the answer stands {plural(fewer, 'position')} further in front."
        return [lambda: forced_logp(model, bare, tokens)], [note] if fewer else []
    own = question.pictures
    if not own:
        raise BadInputError("the answer was written without a picture, so there is none to take away.")
    if part == "blur":
        note = f"Blurred: a Gaussian of 1/{round(1 / BLUR)} of the shorter side."
        return [about([blurred(one) for one in own])], [note]
    if part == "mean":
        return [about([averaged(one) for one in own])], []
    if pool is None:
        raise BadInputError(
            "the answer does not say which set its picture is of. Give some of its kind: "
            "rely(model, answer, pictures=pairs[:40])."
        )
    drawn = others(own, as_pictures(pool), count, seed)
    if not drawn:
        raise BadInputError(
            f"among the pictures given there are not {len(own)} other than the answer's own. Give more."
        )
    note = (
        f"Exchanged for {len(drawn)} x {plural(len(own), 'other picture')}, cut and scaled to the same size, "
        "so every token keeps its position."
    )
    return [about(one) for one in drawn], [note]


def _without_history(
    model: Writer, answer: Answer, question: Question, count: int, seed: int
) -> tuple[list[Exchange], list[str]]:
    drawn, alone = histories(answer, model.ends, count, seed)
    before = set(range(len(answer) - 1))  # of the last nobody is the history
    if not before - set(alone):
        raise BadInputError(
            "no earlier token of the answer has another that could stand in its place. Write an answer of "
            "several tokens, with alternatives kept."
        )
    tokens = answer.tokens.tolist()
    notes = ["Every earlier token was exchanged for another likely in its place, at the same positions."]
    if before & set(alone):
        notes.append(
            f"{plural(len(before & set(alone)), 'token')} had no other that was kept, and stayed as written."
        )

    def instead(given: NDArray[np.int64]) -> Exchange:
        return lambda: forced_logp(model, question, tokens, given.tolist())

    return [instead(one) for one in drawn], notes
