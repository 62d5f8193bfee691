"""`search`: several beginnings side by side, and everything that was looked at as a tree."""

from __future__ import annotations

import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.generation.answer import Ended
from workbench.generation.asking import Request, pieces_after, request
from workbench.generation.beams import FATES, Beams
from workbench.generation.decoding import How
from workbench.generation.log_probabilities import Said, check_scores, entropies, likeliest, wide
from workbench.results import Event, OnEvent, Provenance, ShouldStop, listener

__all__ = ["best_path", "search", "searched"]

_ALIVE, _FINISHED, _PRUNED = range(len(FATES))
_UNBENT = (
    "A search keeps to what the model's settings forbid, and ranks by the model's own log-probabilities: "
    "what they only make less likely (a repetition penalty) counts as it is."
)
_COLUMNS = ("parent", "token", "step", "logp", "total", "fate", "entropy", "rank", "alternatives",
            "alternative_logp")  # fmt: skip


@verb
def search(
    model: Any,
    picture: Any = None,
    prompt: str = "",
    *,
    width: int = 4,
    length_penalty: float = 0.0,
    max_new_tokens: int = 64,
    start: str | Sequence[int] = (),
    alternatives: int = 8,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Beams:
    """The tree that a beam search looks at: what it kept, what it finished, and the stubs that it cut.

    Of all beginnings one token longer than those it holds, each step keeps the best `width` that go on. An
    end is an answer where it is among the best `width` of its step. The search is over when `width` answers
    are found and no beginning in hand could still become better than the worst of them: canonical beam
    search, what `generate(num_beams=width, length_penalty=..., early_stopping="never")` of transformers does
    (its default, `early_stopping=False`, stops sooner where the penalty is above 0). The tree has the best
    2 * `width` candidates of each step (with several end marks (1 + marks) * `width`); what was worse was
    never looked at. What the model's own settings forbid is left out; a repetition penalty is not followed.

    Args:
        model: one that writes, of `models.load`, or what that takes.
        picture: as in `write`.
        prompt: as in `write`.
        width: beginnings that are kept at each step.
        length_penalty: what answers are judged by: log-probability / length ** penalty. The tree's shape is
            the same for all; only when it is over depends on it. `Beams.best` judges by any other.
        max_new_tokens: tokens of an answer at most, its end and those of `start` included.
        start: what every answer begins with, as a text or as tokens.
        alternatives: how many of the likeliest tokens to keep beside each node.
        on_event: is told each step, and the beginning that is best so far.
        should_stop: asked before each step; the tree has what was found by then, `ended` "stopped".

    Returns:
        A `Beams`.

    Raises:
        BadInputError: pictures and prompt leave no room in the context, or a setting is out of range.
        UnsupportedError: the model does not write, takes no picture, or gives scores that are no numbers.
        Cancelled: stopped while a model was loaded; nothing is kept. Later it is no error.

    Source: beam search as in Graves 2012, section 2.5; length normalisation as in Wu et al. 2016, section 7,
    with the length itself.

    Example:
        >>> from workbench.generation import Bigrams, search
        >>> model = Bigrams({"": {"a": 0.6, "the": 0.4}, "a": {"cat": 0.5, "dog": 0.5}, "the": {"cat": 1.0},
        ...                  "cat": {"": 1.0}, "dog": {"": 1.0}})
        >>> tree = search(model, width=2)
        >>> tree.text(tree.best()[0])  # greedy takes "a", and ends with a probability of 0.3
        'the cat'
        >>> tree.mass.round(2).tolist()  # two of three answers were kept
        [1.0, 0.7, 0.7]
    """
    on_event = listener(on_event)
    how = How("beam", width=width, length_penalty=length_penalty)
    asked = request(
        model,
        picture,
        prompt,
        max_new_tokens=max_new_tokens,
        start=start,
        on_event=on_event,
        should_stop=should_stop,
        alternatives=alternatives,
    )
    return searched(asked, how, int(alternatives), on_event, should_stop)


def searched(
    asked: Request, how: How, alternatives: int, on_event: OnEvent | None, should_stop: ShouldStop | None
) -> Beams:
    """What a search of this request looks at."""
    model, tree = asked.model, _Growing(asked, how, alternatives)
    ended: Ended = "length"
    going = None
    for step in range(len(asked.start), asked.most):
        if should_stop is not None and should_stop():
            ended = "stopped"
            break
        if going is None:
            going = model.begin(asked.question, asked.start)
        else:
            going = going.extend(tree.tokens, tree.rows)
        tree.grow(going.logits, going.ruled, step)
        if on_event is not None:
            on_event(Event("search", step + 1, asked.most, tree.best_beginning))
        if tree.is_over(step + 1):
            ended = "end"
            break
    return tree.made(ended)


def best_path(tree: Beams) -> tuple[list[int], Said, Ended]:
    """The best answer of a tree, as `write` gives it; nothing, where there is none yet."""
    best = tree.best()
    nodes = tree.path(int(best[0])) if len(best) else np.zeros(0, np.int64)
    said = Said(
        tree.logp[nodes],
        tree.entropy[nodes],
        tree.rank[nodes],
        tree.alternatives[nodes],
        tree.alternative_logp[nodes],
    )
    return tree.token[nodes].tolist(), said, tree.ending(int(best[0])) if len(best) else tree.ended


class _Growing:
    """A tree while it is searched.

    Attributes:
        tokens, rows: the last token of each beginning that goes on, and the model's row that it comes from.
    """

    def __init__(self, asked: Request, how: How, alternatives: int) -> None:
        self._asked, self._how, self._count = asked, how, alternatives
        self._columns: list[dict[str, NDArray[Any]]] = []
        self._pieces: list[str] = []
        self._alternative_pieces: list[tuple[str, ...]] = []
        self._known: dict[int, str] = {}
        self._mass: list[float] = []
        self._finished: list[float] = []  # how they are judged
        self._sure = 0.0  # the probability of all of them
        self._bent = False  # whether a rule did more than forbid
        self._alive = [_Beginning()]
        self.tokens: list[int] = []
        self.rows: list[int] = []
        self._begin_with(asked.start)

    def grow(self, logits: Tensor, ruled: Tensor, step: int) -> None:
        """One token more of every beginning, and those of the results that go on."""
        for highest in ruled.amax(dim=-1).tolist():
            check_scores(highest, step, self._asked.model)
        logp = wide(logits)
        allowed = logp
        if ruled is not logits:
            allowed = logp.masked_fill(ruled.to(logp.device) == -np.inf, -np.inf)
            self._bent |= bool(((ruled != logits) & ruled.isfinite()).any())
        width, ends = self._how.width, self._asked.model.ends
        most = max(2, 1 + len(ends)) * width
        tokens, own = likeliest(allowed, most)
        totals = (np.array([one.total for one in self._alive])[:, None] + own).ravel()
        order = np.argsort(-totals, kind="stable")[:most]
        order = order[np.isfinite(totals[order])]
        token = tokens.ravel()[order]
        is_end = np.isin(token, list(ends))
        fate = np.full(len(order), _PRUNED)
        fate[is_end & (np.arange(len(order)) < width)] = _FINISHED
        fate[np.flatnonzero(~is_end)[:width]] = _ALIVE
        self._keep(step, logp, order // tokens.shape[1], token, own.ravel()[order], totals[order], fate)

    def is_over(self, length: int) -> bool:
        """Whether no beginning in hand can become better than the worst of `width` finished answers."""
        if not self._alive:
            return True
        penalty, width = self._how.length_penalty, self._how.width
        if len(self._finished) < width:
            return False
        longest = self._asked.most if penalty > 0 else length
        hoped = max(one.total for one in self._alive) / longest**penalty
        return hoped <= sorted(self._finished, reverse=True)[width - 1]

    @property
    def best_beginning(self) -> str:
        """The text of the likeliest beginning that goes on; of none, where all have ended."""
        return "".join(max(self._alive, key=lambda one: one.total).pieces) if self._alive else ""

    def made(self, ended: Ended) -> Beams:
        """The tree as it stands."""
        asked = self._asked
        columns: dict[str, Any] = {
            name: np.concatenate([one[name] for one in self._columns])
            if self._columns
            else np.zeros((0, self._count) if name.startswith("alternative") else 0)
            for name in _COLUMNS
        }
        weights = (asked.model.card.name, asked.model.weights_hash, asked.data)
        parameters = {"how": str(self._how), **asked.parameters}
        notes = asked.notes
        if ended == "stopped":
            notes += ("The search was stopped before its end.",)
        if self._bent:
            notes += (_UNBENT,)
        return Beams(
            **columns,
            mass=np.array(self._mass),
            pieces=tuple(self._pieces),
            alternative_pieces=tuple(self._alternative_pieces),
            prompt=asked.question.prompt,
            how=self._how,
            ended=ended,
            max_new_tokens=asked.most,
            pictures=tuple(np.asarray(one.convert("RGB")) for one in asked.question.pictures),
            credit=asked.credit,
            seconds=time.perf_counter() - asked.began,
            notes=notes,
            provenance=Provenance("search", *weights, parameters, notes=notes),
            live=weakref.ref(asked.model),
            question=asked.question,
        )

    def _begin_with(self, start: Sequence[int]) -> None:
        """A chain of what every answer begins with."""
        if not start:
            return
        said = self._asked.said_of(start, self._count)
        totals = said.logp.cumsum()
        pieces = self._asked.model.decode(start)
        if not np.isfinite(totals[-1]):
            raise BadInputError(
                f"start={''.join(pieces)!r} has probability 0 for {self._asked.model.card.name}, so all that "
                "begins so is equally impossible and no beam is better than another. Take greedy() or "
                "sample(), or another start."
            )
        nodes = np.arange(len(start))
        fate = np.full(len(start), _ALIVE)
        values = (nodes - 1, np.array(start), nodes, said.logp, totals, fate, said.entropy, said.rank,
                  said.tokens, said.token_logp)  # fmt: skip
        self._columns.append(dict(zip(_COLUMNS, values, strict=True)))
        self._pieces += pieces
        for step, row in enumerate(said.tokens):
            told = pieces_after(self._asked.model, start[:step], pieces, row, self._known)
            self._alternative_pieces.append(told)
        self._mass += np.exp(totals).tolist()
        self._alive = [_Beginning(len(start) - 1, float(totals[-1]), tuple(start), tuple(pieces))]

    def _keep(
        self, step: int, logp: Tensor, rows: NDArray[np.int64], token: NDArray[np.int64],
        own: NDArray[np.float64], totals: NDArray[np.float64], fate: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """Write down the candidates of a step, best first."""
        model, before = self._asked.model, self._alive
        first = len(self._pieces)
        shown, shown_logp = likeliest(logp, self._count)
        told = [pieces_after(model, one.tokens, one.pieces, row, self._known)
                for one, row in zip(before, shown, strict=True)]  # fmt: skip
        pieces = [
            pieces_after(model, before[row].tokens, before[row].pieces, [one], self._known)[0]
            for row, one in zip(rows, token, strict=True)
        ]
        entropy = entropies(logp)
        parents, chosen = (torch.as_tensor(one, device=logp.device) for one in (rows, own))
        above = logp[parents] > chosen[:, None]
        values = (
            np.array([one.node for one in before])[rows], token, np.full(len(rows), step), own, totals, fate,
            entropy[rows], 1 + above.sum(dim=-1).cpu().numpy(), shown[rows], shown_logp[rows],
        )  # fmt: skip
        self._columns.append(dict(zip(_COLUMNS, values, strict=True)))
        self._pieces += pieces
        self._alternative_pieces += [told[row] for row in rows]
        going = np.flatnonzero(fate == _ALIVE)
        self._alive = [
            _Beginning(
                first + int(place),
                float(totals[place]),
                (*before[rows[place]].tokens, int(token[place])),
                (*before[rows[place]].pieces, pieces[place]),
            )
            for place in going
        ]
        self.tokens, self.rows = token[going].tolist(), rows[going].tolist()
        done = totals[fate == _FINISHED]
        self._finished += (done / (step + 1.0) ** self._how.length_penalty).tolist()
        self._sure += float(np.exp(done).sum())
        self._mass.append(self._sure + float(np.exp(totals[going]).sum()))


@dataclass(frozen=True)
class _Beginning:
    """What a search goes on from: its last node, its log-probability, what it says."""

    node: int = -1
    total: float = 0.0
    tokens: tuple[int, ...] = ()
    pieces: tuple[str, ...] = ()
