"""`Beams`: everything that a search looked at, as a tree."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.axes import check_axes, frozen
from workbench.errors import BadInputError
from workbench.formatting import one_line, plural
from workbench.generation.answer import Answer, Ended
from workbench.generation.decoding import How
from workbench.generation.drawn import beams_html
from workbench.generation.words import words_of
from workbench.keeping import Form, Kept
from workbench.provenance import Provenance

__all__ = ["FATES", "Beams"]

FATES = ("alive", "finished", "pruned")
"""What became of a node: the search went on from it or would have; it ends an answer; it was not kept."""


@dataclass(frozen=True, eq=False)
class Beams(Kept):
    """A tree of beginnings: each node is one token after its parent's.

    Nodes stand in the order of their steps. Log-probabilities are natural and the model's own.

    Attributes:
        pieces: node; readable, in the context of its path.
        ended: why the search is over: "end", nothing that it held could become better; "length", its answers
            may not be longer; "stopped".
        max_new_tokens: how long an answer could become; 0 where nobody says.
        alternative_pieces: node x alternative; readable.
        prompt, how, pictures, credit, seconds, notes, provenance, live, question: as in `Answer`.

    Shapes:
        parent: node; -1 for the first step's
        token, step, logp, total: node; `total` is the sum of `logp` from the first step on
        fate: node; index into `FATES`
        mass: step; the probability that the kept nodes of a step hold together, the finished ones of this
            and all earlier steps included: what is missing to 1 the beam has lost
        entropy, rank: node; as in `Answer`: of the distribution that its token was taken from; NaN and 0
            where nobody kept them
        alternatives, alternative_logp: node x alternative; the likeliest tokens there, so siblings have the
            same
    """

    _form: ClassVar[Form] = Form("beams", "beams", "workbench.generation.open_beams")
    _bound: ClassVar[dict[str, Any]] = {"live": None, "question": None}
    _left: ClassVar[tuple[str, ...]] = ("live", "question")

    parent: NDArray[np.int64] = field(repr=False)
    token: NDArray[np.int64] = field(repr=False)
    step: NDArray[np.int64] = field(repr=False)
    logp: NDArray[np.float64] = field(repr=False)
    total: NDArray[np.float64] = field(repr=False)
    fate: NDArray[np.uint8] = field(repr=False)
    mass: NDArray[np.float64] = field(repr=False)
    pieces: tuple[str, ...] = field(repr=False)
    prompt: str = ""
    how: How = field(default_factory=lambda: How("beam", width=4))
    pictures: tuple[NDArray[np.uint8], ...] = field(default=(), repr=False)
    credit: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=lambda: Provenance("search"), repr=False)
    live: weakref.ref[Any] | None = field(default=None, repr=False)
    question: Any = field(default=None, repr=False)
    ended: Ended = "end"
    max_new_tokens: int = 0
    entropy: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), repr=False)
    rank: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    alternatives: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64), repr=False)
    alternative_logp: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)), repr=False)
    alternative_pieces: tuple[tuple[str, ...], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        nodes = len(self.parent)
        dtypes = {"parent": np.int64, "token": np.int64, "step": np.int64, "logp": np.float64,
                  "total": np.float64, "fate": np.uint8}  # fmt: skip
        for name, dtype in dtypes.items():
            check_axes(name, getattr(self, name), "node", node=nodes)
            object.__setattr__(self, name, frozen(getattr(self, name), dtype))
        self._check_alternatives(nodes)
        object.__setattr__(self, "mass", frozen(self.mass, np.float64))
        if nodes and (self.parent >= np.arange(nodes)).any():
            raise BadInputError("parent names a node that stands behind its child; expected earlier nodes.")
        if len(self.pieces) != nodes:
            raise BadInputError(f"{len(self.pieces)} pieces for {plural(nodes, 'node')}; expected one each.")
        object.__setattr__(self, "pictures", tuple(frozen(one, np.uint8) for one in self.pictures))

    @property
    def model(self) -> Any | None:
        """The model that was searched, while somebody still holds it; else None."""
        return self.live() if self.live is not None else None

    @property
    def finished(self) -> NDArray[np.int64]:
        """Nodes that end an answer, in the order they were found."""
        return np.flatnonzero(self.fate == FATES.index("finished"))

    def path(self, node: int) -> NDArray[np.int64]:
        """The nodes from the first step to `node`.

        Raises:
            BadInputError: there is no such node.
        """
        if not 0 <= node < len(self.parent):
            raise BadInputError(f"There is no node {node}; the tree has {plural(len(self.parent), 'node')}.")
        found = [int(node)]
        while self.parent[found[-1]] >= 0:
            found.append(int(self.parent[found[-1]]))
        return np.array(found[::-1], np.int64)

    def text(self, node: int) -> str:
        """What is written from the first step to `node`.

        Raises:
            BadInputError: there is no such node.
        """
        return "".join(self.pieces[one] for one in self.path(node))

    @property
    def answers(self) -> NDArray[np.int64]:
        """Nodes at which an answer is over, in the order they were found.

        Where the length cut the search off, those that would have gone on are answers, too; so they are of
        one that was stopped before any was finished.
        """
        ends = self.finished
        if self.ended == "length" or (self.ended == "stopped" and not len(ends)):
            ends = np.sort(np.concatenate([ends, self._held]))
        return ends

    def best(self, length_penalty: float | None = None) -> NDArray[np.int64]:
        """The answers, best first, by log-probability / length ** penalty; no model is asked.

        They are those of a search with this penalty where `settled` says so.

        Args:
            length_penalty: None takes that of the search.

        Raises:
            BadInputError: it is no number.
        """
        penalty = self._penalty(length_penalty)
        ends = self.answers
        judged = self.total[ends] / (self.step[ends] + 1.0) ** penalty
        return ends[np.argsort(-judged, kind="stable")]

    def settled(self, length_penalty: float | None = None) -> bool:
        """Whether nothing that the search held when it was over could become better than `best()[0]`.

        A search that is over for one penalty is so for every smaller one; where it is False, search again
        with the larger.

        Args:
            length_penalty: None takes that of the search.

        Raises:
            BadInputError: it is no number.
        """
        penalty = self._penalty(length_penalty)
        ends, held = self.finished, self._held
        if self.ended == "length":
            return True
        if not len(ends) or not len(held):
            return bool(len(ends))
        longest = self.max_new_tokens if penalty > 0 else self.step[held[0]] + 1.0
        hoped = self.total[held].max() / max(longest, 1.0) ** penalty
        return bool(hoped <= (self.total[ends] / (self.step[ends] + 1.0) ** penalty).max())

    def ending(self, node: int) -> Ended:
        """Why an answer that goes to `node` ends there: "stopped" where it only begins so.

        Raises:
            BadInputError: there is no such node.
        """
        last = self.path(node)[-1]
        if self.fate[last] == FATES.index("finished"):
            return "end"
        return "length" if self.ended == "length" and last in self._held else "stopped"

    def answer(self, node: int) -> Answer:
        """The path to `node` as an `Answer`, with the distribution of each token; no model is asked.

        Raises:
            BadInputError: there is no such node.
        """
        path, ended = self.path(node), self.ending(node)
        pieces = tuple(self.pieces[one] for one in path)
        return Answer(
            text="".join(pieces),
            pieces=pieces,
            tokens=self.token[path],
            logp=self.logp[path],
            entropy=self.entropy[path],
            rank=self.rank[path],
            alternatives=self.alternatives[path],
            alternative_logp=self.alternative_logp[path],
            alternative_pieces=tuple(self.alternative_pieces[one] for one in path),
            prompt=self.prompt,
            how=self.how,
            ended=ended,
            words=words_of(pieces, int(ended == "end")),
            prompt_pieces=getattr(self.question, "pieces", ()),
            roles=getattr(self.question, "roles", np.zeros(0, np.uint8)),
            pictures=self.pictures,
            credit=self.credit,
            seconds=self.seconds,
            notes=self.notes,
            provenance=self.provenance,
            live=self.live,
            question=self.question,
        )

    @property
    def _held(self) -> NDArray[np.int64]:
        """Nodes that the search would have gone on from when it was over."""
        if not len(self.step):
            return np.zeros(0, np.int64)
        return np.flatnonzero((self.fate == FATES.index("alive")) & (self.step == self.step[-1]))

    def _penalty(self, given: float | None) -> float:
        penalty = self.how.length_penalty if given is None else given
        if not np.isfinite(penalty):
            raise BadInputError(f"length_penalty={given} was given; expected a finite number.")
        return float(penalty)

    def _check_alternatives(self, nodes: int) -> None:
        if nodes and not len(self.entropy):  # made by hand: nobody kept them
            missing = {"entropy": np.full(nodes, np.nan), "rank": np.zeros(nodes, np.int64)}
            missing |= {
                "alternatives": np.zeros((nodes, 0), np.int64),
                "alternative_logp": np.zeros((nodes, 0)),
            }
            for name, values in missing.items():
                object.__setattr__(self, name, values)
            object.__setattr__(self, "alternative_pieces", ((),) * nodes)
        count = np.shape(self.alternatives)[-1]
        for name in ("alternatives", "alternative_logp"):
            check_axes(name, getattr(self, name), "node alternative", node=nodes, alternative=count)
        for name in ("entropy", "rank"):
            check_axes(name, getattr(self, name), "node", node=nodes)
        if len(self.alternative_pieces) != nodes:
            raise BadInputError(
                f"alternative_pieces has {len(self.alternative_pieces)} rows; expected {nodes}."
            )
        for name in ("entropy", "alternative_logp"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))
        for name in ("rank", "alternatives"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.int64))

    def _repr_html_(self) -> str:
        return beams_html(self)

    def __repr__(self) -> str:
        ends = self.best()
        said = f", best {one_line(self.text(int(ends[0])))!r}" if len(ends) else ""
        found = f"{plural(len(self.parent), 'node')}, {len(self.finished)} finished{said}"
        return f"Beams({self.how}, {found})"
