"""`Answer`: what a model wrote, with the distribution that each token was chosen from."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.axes import check_axes, frozen
from workbench.errors import BadInputError
from workbench.formatting import one_line, plural
from workbench.generation.decoding import How
from workbench.generation.drawn import answer_html
from workbench.keeping import Form, Kept
from workbench.provenance import Provenance

__all__ = ["Answer", "Ended"]

Ended = Literal["end", "length", "stopped"]
"""Why an answer is over: the model ended it; it reached the most tokens; somebody stopped it."""


@dataclass(frozen=True, eq=False)
class Answer(Kept):
    """What a model wrote about pictures and an instruction, token by token.

    Log-probabilities are natural, and those of the model itself: before temperature, `top_k` and `top_p`.

    Attributes:
        prompt: the instruction, as it was given.
        text: the answer, without marks.
        pieces: step; readable, joined they are `text`; marks are "", so is all but the last token of a
            character that several tokens spell.
        words: half-open ranges of steps, (start, stop), that belong to one word on the screen: in order,
            together all steps.
        how: how tokens were chosen.
        ended: why it is over.
        alternative_pieces: step x alternative; readable, in the order of `alternatives`.
        prompt_pieces: position; the tokens in front of the answer.
        roles: position; index into `workbench.models.ROLES`.
        pictures: each row x col x channel, uint8: as they were given.
        credit: shown wherever they are.
        seconds: how long it took, the question included.
        notes: what the reader must know.
        provenance: which model, which weights, which settings.
        live: the model, while somebody holds it.
        question: what it was given, while this kernel lives.

    Shapes:
        tokens, logp, rank: step; of the chosen token; rank 1 is the likeliest
        entropy: step, in nats
        alternatives, alternative_logp: step x alternative, likeliest first; the chosen one is among them
            only if it is likely enough
    """

    _form: ClassVar[Form] = Form("answer", "answer", "workbench.generation.open_answer")
    _bound: ClassVar[dict[str, Any]] = {"live": None, "question": None}
    _left: ClassVar[tuple[str, ...]] = ("live", "question")

    text: str
    pieces: tuple[str, ...]
    tokens: NDArray[np.int64] = field(repr=False)
    logp: NDArray[np.float64] = field(repr=False)
    entropy: NDArray[np.float64] = field(repr=False)
    rank: NDArray[np.int64] = field(repr=False)
    alternatives: NDArray[np.int64] = field(repr=False)
    alternative_logp: NDArray[np.float64] = field(repr=False)
    alternative_pieces: tuple[tuple[str, ...], ...] = field(repr=False)
    prompt: str = ""
    how: How = field(default_factory=How)
    ended: Ended = "end"
    words: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    prompt_pieces: tuple[str, ...] = field(default=(), repr=False)
    roles: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8), repr=False)
    pictures: tuple[NDArray[np.uint8], ...] = field(default=(), repr=False)
    credit: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=lambda: Provenance("write"), repr=False)
    live: weakref.ref[Any] | None = field(default=None, repr=False)
    question: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        steps = len(self.tokens)
        for name, dtype in (("tokens", np.int64), ("rank", np.int64), ("logp", float), ("entropy", float)):
            check_axes(name, getattr(self, name), "step", step=steps)
            object.__setattr__(self, name, frozen(getattr(self, name), dtype))
        count = np.shape(self.alternatives)[-1] if np.ndim(self.alternatives) == 2 else 0
        for name, dtype in (("alternatives", np.int64), ("alternative_logp", float)):
            check_axes(name, getattr(self, name), "step alternative", step=steps, alternative=count)
            object.__setattr__(self, name, frozen(getattr(self, name), dtype))
        if len(self.pieces) != steps or "".join(self.pieces) != self.text:
            raise BadInputError(
                f"{plural(len(self.pieces), 'piece')} for {plural(steps, 'token')}; expected one a token, "
                f"which joined are the text {one_line(self.text)!r}."
            )
        words = self.words or tuple((step, step + 1) for step in range(steps))
        if [step for start, stop in words for step in range(start, stop)] != list(range(steps)):
            raise BadInputError(f"words={words} was given; expected ranges that cover {steps} steps.")
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "roles", frozen(self.roles, np.uint8))
        object.__setattr__(self, "pictures", tuple(frozen(one, np.uint8) for one in self.pictures))

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def model(self) -> Any | None:
        """The model that wrote it, while somebody still holds it; else None."""
        return self.live() if self.live is not None else None

    @property
    def total(self) -> float:
        """Log-probability of the whole answer, its end included where it ended by itself."""
        return float(self.logp.sum())

    def word_at(self, step: int) -> int:
        """The number of the word that a `step` belongs to.

        Raises:
            BadInputError: there is no such step.
        """
        for number, (start, stop) in enumerate(self.words):
            if start <= step < stop:
                return number
        raise BadInputError(f"There is no step {step}; the answer has {plural(len(self), 'token')}, from 0.")

    def _repr_html_(self) -> str:
        return answer_html(self)

    def __repr__(self) -> str:
        return f"Answer({one_line(self.text)!r}, {plural(len(self), 'token')}, {self.how}, {self.ended})"
