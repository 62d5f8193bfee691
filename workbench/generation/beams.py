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
from workbench.generation.decoding import How
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
        prompt, how, pictures, credit, notes: as in `Answer`.

    Shapes:
        parent: node; -1 for the first step's
        token, step, logp, total: node; `total` is the sum of `logp` from the first step on
        fate: node; index into `FATES`
        mass: step; the probability that the kept nodes of a step hold together, the finished ones of this
            and all earlier steps included: what is missing to 1 the beam has lost
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

    def __post_init__(self) -> None:
        nodes = len(self.parent)
        dtypes = {"parent": np.int64, "token": np.int64, "step": np.int64, "logp": np.float64,
                  "total": np.float64, "fate": np.uint8}  # fmt: skip
        for name, dtype in dtypes.items():
            check_axes(name, getattr(self, name), "node", node=nodes)
            object.__setattr__(self, name, frozen(getattr(self, name), dtype))
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

    def best(self, length_penalty: float | None = None) -> NDArray[np.int64]:
        """The finished nodes, best first, by log-probability / length ** penalty; no model is asked.

        Args:
            length_penalty: None takes that of the search.
        """
        penalty = self.how.length_penalty if length_penalty is None else length_penalty
        ends = self.finished
        judged = self.total[ends] / (self.step[ends] + 1.0) ** penalty
        return ends[np.argsort(-judged, kind="stable")]

    def __repr__(self) -> str:
        ends = self.best()
        said = f", best {one_line(self.text(int(ends[0])))!r}" if len(ends) else ""
        return f"Beams({self.how}, {plural(len(self.parent), 'node')}, {len(ends)} finished{said})"
