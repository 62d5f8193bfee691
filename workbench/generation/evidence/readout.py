"""`Readout`: what a model would write if it stopped after each of its layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.axes import check_axes, frozen
from workbench.errors import BadInputError
from workbench.formatting import html_table, one_line, plural
from workbench.generation.answer import Answer
from workbench.keeping import Form, Kept
from workbench.provenance import Provenance

__all__ = ["Readout"]


@dataclass(frozen=True, eq=False)
class Readout(Kept):
    """The words that each layer's state stands for, read by the model's own last norm and head.

    A layer's state need not be meant for the head yet: what is read early is a lower bound on what is known
    there, and of places of the picture it says little.

    Attributes:
        answer: whose tokens they are.
        layers: paths of the blocks, in the order of the forward pass.
        pieces: layer x step x word; readable.
        difference: how far the last layer's log-probabilities lie from the model's own; at most 1e-4.
        notes: what the reader must know.
        provenance: of `logit_lens`.

    Shapes:
        tokens, logp: layer x step x word; the likeliest first, log-probabilities natural
        rank: layer x step; of the answer's own token, 1 where it is the likeliest
        chosen: layer x step; log-probability of the answer's own token

    Example:
        >>> import numpy as np
        >>> from workbench.generation import Answer, Readout
        >>> nothing = np.zeros((1, 0))
        >>> answer = Answer("red", ("red",), [7], [-0.1], [0.3], [0], nothing, nothing, ((),))
        >>> found = Readout(answer, ("layers.0", "layers.1"), [[[3]], [[7]]], [[[-1.0]], [[-0.1]]],
        ...                 ((("blue",),), (("red",),)), [[6], [1]], [[-4.0], [-0.1]])
        >>> found.settled.tolist()
        [1]
    """

    _form: ClassVar[Form] = Form("readout", "readout", "workbench.generation.open_readout")

    answer: Answer
    layers: tuple[str, ...]
    tokens: NDArray[np.int64] = field(repr=False)
    logp: NDArray[np.float64] = field(repr=False)
    pieces: tuple[tuple[tuple[str, ...], ...], ...] = field(repr=False)
    rank: NDArray[np.int64] = field(repr=False)
    chosen: NDArray[np.float64] = field(repr=False)
    difference: float = 0.0
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=lambda: Provenance("logit_lens"), repr=False)

    def __post_init__(self) -> None:
        sizes = {"layer": len(self.layers), "step": len(self.answer)}
        dtypes = {"tokens": np.int64, "logp": np.float64, "rank": np.int64, "chosen": np.float64}
        for name, dtype in dtypes.items():
            axes = "layer step word" if name in ("tokens", "logp") else "layer step"
            check_axes(name, getattr(self, name), axes, **sizes)
            object.__setattr__(self, name, frozen(getattr(self, name), dtype))
        if [len(steps) for steps in self.pieces] != [len(self.answer)] * len(self.layers):
            raise BadInputError(
                f"pieces is of {plural(len(self.pieces), 'layer')}; expected {len(self.layers)} of "
                f"{plural(len(self.answer), 'step')} each."
            )

    @property
    def settled(self) -> NDArray[np.int64]:
        """step: the first layer from which on the answer's token stays the likeliest; as many as there are
        layers where the last does not have it first.
        """
        first = np.full(len(self.answer), len(self.layers), np.int64)
        for layer in range(len(self.layers) - 1, -1, -1):
            first[(self.rank[layer] == 1) & (first == layer + 1)] = layer
        return first

    def __repr__(self) -> str:
        text = one_line(self.answer.text, most=40)
        return f"Readout({text!r}, {plural(len(self.layers), 'layer')} x {plural(len(self.answer), 'token')})"

    def _repr_html_(self) -> str:
        rows = [
            (layer, *(step[0] if step else "" for step in steps))
            for layer, steps in zip(self.layers, self.pieces, strict=True)
        ]
        return html_table(
            repr(self), ("layer", *(piece.strip() or "·" for piece in self.answer.pieces)), rows
        )
