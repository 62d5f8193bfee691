"""The tree of beginnings on the beam page: a search, and every answer that was written from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from widgets.answer.answer_view import named
from workbench.errors import BadInputError
from workbench.generation import FATES, Answer, Beams, How
from workbench.provenance import Provenance

__all__ = ["Tree"]

_ALIVE, _FINISHED, _PRUNED = range(len(FATES))
_STUBS = 3  # alternatives of a written token that are shown as stubs


class Tree:
    """Nodes in the order in which they were found; a node's number never changes while the tree grows."""

    def __init__(self, truths: Mapping[int, bool] | None = None) -> None:
        self.parent: list[int] = []
        self.token: list[int] = []
        self.piece: list[str] = []
        self.logp: list[float] = []
        self.total: list[float] = []
        self.step: list[int] = []
        self.fate: list[int] = []
        self.ends: list[int] = []
        self._search: Beams | None = None
        self.truths = {int(node): bool(true) for node, true in (truths or {}).items()}
        self._children: dict[tuple[int, int], int] = {}

    @classmethod
    def of(cls, result: Answer | Beams, truths: Mapping[int, bool] | None = None) -> Tree:
        """Of a search its own nodes, with their numbers; of an answer its path."""
        tree = cls(truths)
        if isinstance(result, Answer):
            tree.add(result)
            return tree
        columns = (result.parent, result.token, result.pieces, result.logp, result.fate)
        for parent, token, piece, logp, fate in zip(*columns, strict=True):
            tree._node(int(parent), int(token), piece, float(logp), int(fate))
        tree.ends = [int(node) for node in result.answers]
        tree._search = result
        return tree

    def add(self, answer: Answer) -> int:
        """Put an answer into the tree, its likeliest alternatives as stubs; the node where it ends."""
        at = -1
        for step, token in enumerate(answer.tokens):
            before = at
            at = self._node(before, int(token), answer.pieces[step], float(answer.logp[step]), _ALIVE)
            self._stubs(answer, step, before)
        if at >= 0 and answer.ended == "end":
            self.fate[at] = _FINISHED
        if at >= 0 and at not in self.ends:
            self.ends.append(at)
        return at

    def best(self) -> int:
        """The node where the best answer of the search ends, else the one found last.

        Raises:
            BadInputError: the search found nothing.
        """
        found = self.ends if self._search is None else [int(one) for one in self._search.best()]
        if not found:
            raise BadInputError(
                "The search found no answer, not even the beginning of one. Search with more max_new_tokens."
            )
        return found[0]

    def search_of(self, node: int | None) -> Beams | None:
        """The search that found this node; None where an answer was written."""
        known = self._search is not None and node is not None and node < len(self._search.parent)
        return self._search if known else None

    def node_of(self, answer: Answer) -> int | None:
        """The node at which an answer ends, where it is in the tree."""
        at = -1
        for token in answer.tokens:
            found = self._children.get((at, int(token)))
            if found is None:
                return None
            at = found
        return at if at >= 0 else None

    def checked(self, node: int) -> int:
        """The number of a node.

        Raises:
            BadInputError: there is no such node.
        """
        if not 0 <= node < len(self.parent):
            raise BadInputError(f"There is no node {node}; the tree has {len(self.parent)}, from 0.")
        return node

    def path(self, node: int) -> list[int]:
        """Nodes from the first step to this one."""
        found = []
        while node >= 0:
            found.append(node)
            node = self.parent[node]
        return found[::-1]

    def answer(self, node: int, like: Answer | Beams) -> Answer:
        """The path to a node as an answer; what it could have said instead is what the tree holds."""
        search = self._search
        if search is not None and node < len(search.parent) and search.alternatives.size:
            return search.answer(node)
        path = self.path(node)
        rows = [self._siblings(one) for one in path]
        most = max(len(row) for row in rows)
        padded = [[*row, *[-1] * (most - len(row))] for row in rows]
        known = [[one >= 0 for one in row] for row in padded]
        tokens = [[self.token[one] if one >= 0 else -1 for one in row] for row in padded]
        logp = [[self.logp[one] if one >= 0 else -np.inf for one in row] for row in padded]
        pieces = tuple(self.piece[one] for one in path)
        return Answer(
            text="".join(pieces),
            pieces=pieces,
            tokens=np.array([self.token[one] for one in path], np.int64),
            logp=np.array([self.logp[one] for one in path]),
            entropy=np.full(len(path), np.nan),
            rank=np.array([row.index(one) + 1 for row, one in zip(padded, path, strict=True)], np.int64),
            alternatives=np.array(tokens, np.int64),
            alternative_logp=np.array(logp),
            alternative_pieces=tuple(
                tuple(self.piece[one] if there else "" for one, there in zip(row, has, strict=True))
                for row, has in zip(padded, known, strict=True)
            ),
            prompt=like.prompt,
            how=like.how if isinstance(like, Beams) else How(),
            ended="end" if self.fate[node] == _FINISHED else "stopped",
            pictures=like.pictures,
            credit=like.credit,
            notes=like.notes,
            provenance=like.provenance if like.provenance.model else Provenance("search"),
            live=like.live,
            question=like.question,
        )

    def to_view(self, ends: Collection[int] = ()) -> dict[str, Any]:
        """Columns of all nodes; `ends` are tokens that end an answer."""
        return {
            "parent": list(self.parent),
            "piece": list(self.piece),
            "label": [named(*one, ends) for one in zip(self.piece, self.token, strict=True)],
            "logp": [round(value, 6) for value in self.logp],
            "total": [round(value, 6) for value in self.total],
            "step": list(self.step),
            "fate": list(self.fate),
            "ends": list(self.ends),
            "truth": [self.truths.get(node) for node in range(len(self.parent))],
        }

    def _node(self, parent: int, token: int, piece: str, logp: float, fate: int) -> int:
        known = self._children.get((parent, token))
        if known is not None:
            self.fate[known] = fate if self.fate[known] == _PRUNED else self.fate[known]
            return known
        node = len(self.parent)
        self._children[(parent, token)] = node
        self.parent.append(parent)
        self.token.append(token)
        self.piece.append(piece)
        self.logp.append(logp)
        self.total.append(logp + (self.total[parent] if parent >= 0 else 0.0))
        self.step.append(self.step[parent] + 1 if parent >= 0 else 0)
        self.fate.append(fate)
        return node

    def _stubs(self, answer: Answer, step: int, parent: int) -> None:
        rows = zip(
            answer.alternatives[step],
            answer.alternative_pieces[step],
            answer.alternative_logp[step],
            strict=True,
        )
        others = [row for row in rows if row[0] >= 0 and row[0] != answer.tokens[step]]
        for token, piece, logp in others[:_STUBS]:
            if np.isfinite(logp):
                self._node(parent, int(token), piece, float(logp), _PRUNED)

    def _siblings(self, node: int) -> list[int]:
        """Nodes after the same beginning, likeliest first."""
        parent = self.parent[node]
        found = [one for one, above in enumerate(self.parent) if above == parent]
        return sorted(found, key=lambda one: -self.logp[one])
