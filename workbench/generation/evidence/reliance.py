"""`Reliance`: how many bits each word of an answer loses without a part of what it was written from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.axes import check_axes, frozen
from workbench.errors import BadInputError, UnknownNameError, did_you_mean
from workbench.formatting import html_table, one_line, plural
from workbench.generation.answer import Answer
from workbench.keeping import Form, Kept
from workbench.provenance import Provenance

__all__ = ["WITHOUT", "Reliance"]

WITHOUT = ("others", "blur", "mean", "instruction", "history")
"""What can be taken from an answer: its picture exchanged, blurred or made one colour, the instruction
emptied, its own earlier words exchanged."""


@dataclass(frozen=True, eq=False)
class Reliance(Kept):
    """Bits of each token that hang on a part: log2 of its probability with everything, less that without it.

    0 means that the token would have been as likely without; a word that is written anyway is a prior. Below
    0 the part spoke against it.

    Attributes:
        answer: whose tokens they are.
        parts: names of `WITHOUT`, in the order asked for.
        notes: what was exchanged by what, and what could not be.
        provenance: of `rely`.

    Shapes:
        bits: part x step, float64; the mean over exchanges, inf where the token becomes impossible
        low, high: part x step; the 95 % interval of that mean over exchanges (Student's t), NaN where there
            was one only
        count: part; how many exchanges the mean is of

    Example:
        >>> import numpy as np
        >>> from workbench.generation import Answer, Reliance
        >>> nothing = np.zeros((1, 0))
        >>> answer = Answer("red", ("red",), [7], [-0.1], [0.3], [0], nothing, nothing, ((),))
        >>> found = Reliance(answer, ("others",), [[3.2]], [[2.9]], [[3.5]], (8,))
        >>> found
        Reliance('red', 1 token: others 3.2 bits)
        >>> found.of("others").tolist()
        [3.2]
    """

    _form: ClassVar[Form] = Form("reliance", "reliance", "workbench.generation.open_reliance")

    answer: Answer
    parts: tuple[str, ...]
    bits: NDArray[np.float64] = field(repr=False)
    low: NDArray[np.float64] = field(repr=False)
    high: NDArray[np.float64] = field(repr=False)
    count: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=lambda: Provenance("rely"), repr=False)

    def __post_init__(self) -> None:
        sizes = {"part": len(self.parts), "step": len(self.answer)}
        for name in ("bits", "low", "high"):
            check_axes(name, getattr(self, name), "part step", **sizes)
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))
        if len(self.count) != len(self.parts):
            raise BadInputError(
                f"count={self.count} was given; expected one number for each of {self.parts}."
            )
        object.__setattr__(self, "count", tuple(int(one) for one in self.count))

    def of(self, part: str) -> NDArray[np.float64]:
        """Bits of each token that hang on one part.

        Args:
            part: one of `parts`.

        Returns:
            step: a row of `bits`.

        Raises:
            UnknownNameError: it was not asked for, or could not be taken away; `notes` say why.
        """
        if part not in self.parts:
            raise UnknownNameError(
                f"There is no part {part!r} in it; there are {', '.join(self.parts)}"
                f"{did_you_mean(part, self.parts)}. Its notes say what could not be taken away."
            )
        row: NDArray[np.float64] = self.bits[self.parts.index(part)]
        return row

    def of_words(self) -> NDArray[np.float64]:
        """Bits of each word of the answer: those of its tokens together.

        Returns:
            part x word, in the order of `answer.words`.
        """
        sums = [self.bits[:, start:stop].sum(axis=1) for start, stop in self.answer.words]
        return np.stack(sums, axis=1) if sums else np.zeros((len(self.parts), 0))

    def __repr__(self) -> str:
        text = one_line(self.answer.text, most=40)
        told = [f"{part} {row.sum():.3g}" for part, row in zip(self.parts, self.bits, strict=True)]
        return f"Reliance({text!r}, {plural(len(self.answer), 'token')}: {', '.join(told)} bits)"

    def _repr_html_(self) -> str:
        words = ["".join(self.answer.pieces[start:stop]).strip() for start, stop in self.answer.words]
        rows = [
            (word, *(f"{value:.2f}" for value in column))
            for word, column in zip(words, self.of_words().T, strict=True)
        ]
        return html_table(repr(self), ("word", *(f"without {part}" for part in self.parts)), rows)
