"""What a model that writes must offer to be used here: captioners, and vision-language models that answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from workbench.axes import frozen
from workbench.models.base import ModelCard

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["ROLES", "Continuation", "Forced", "Question", "Writer", "WriterCapability"]

WriterCapability = Literal["write", "see", "converse", "gradients", "attend_answer"]
"""write: it generates. see: it takes a picture. converse: its processor has a chat template. gradients: they
reach its inputs. attend_answer: its attention can be read, so a word's map can be drawn."""

ROLES = ("picture", "instruction", "frame")
"""What a position of the prompt is: a part of a picture; what the user wrote; what the template put around it
(begin marks, "USER:", the mark before the answer)."""


@dataclass(frozen=True, eq=False)
class Question:
    """What a model is given before it writes: pictures and an instruction, as its processor makes them.

    Attributes:
        tensors: name -> tensor of one item, as the model takes them.
        pictures: as they were given.
        prompt: the user's words, without the template.
        tokens: position; the ids in front of the answer: the prompt of a decoder, placeholders of pictures
            included, or the start of an encoder-decoder's own text.
        pieces: position; the same, readable.
        roles: position; index into `ROLES`.
        notes: what the reader must know (a picture that was cut into tiles, a prompt without a template).
    """

    tensors: Mapping[str, Tensor] = field(repr=False)
    pictures: tuple[Image, ...] = field(default=(), repr=False)
    prompt: str = ""
    tokens: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    pieces: tuple[str, ...] = field(default=(), repr=False)
    roles: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8), repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", frozen(self.tokens, np.int64))
        object.__setattr__(self, "roles", frozen(self.roles, np.uint8))


@dataclass(frozen=True, eq=False)
class Forced:
    """One teacher-forced pass: a question with its answer, and where each token of the answer is produced.

    Attributes:
        module: what is called.
        tensors: its keyword arguments, one item.
        settings: those that are no tensor.
        rows: token of the answer -> position in the output's logits that gives its distribution. The row
            *before* the token in a decoder's own sequence; so a word's attention is read there, too.
    """

    module: nn.Module = field(repr=False)
    tensors: Mapping[str, Tensor] = field(repr=False)
    rows: NDArray[np.int64] = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)


class Continuation(Protocol):
    """Several beginnings of an answer, one a row, each with the distribution of its next token.

    Attributes:
        logits: row x token, float32, on the model's device: unprocessed scores of the next token; float64 of
            a model in float64. Log-probabilities that are kept or shown are of these.
        ruled: the same under `Writer.rules`; `logits` itself where there are none. Tokens are chosen by
            these, as the library's own `generate` does.
    """

    logits: Tensor
    ruled: Tensor

    def extend(self, tokens: Sequence[int], rows: Sequence[int] | None = None) -> Continuation:
        """One token more: row `i` of what is returned is row `rows[i]` of this one, then `tokens[i]`.

        Rows may be left out, repeated or exchanged; None keeps them as they are. This continuation is used
        up: the model's cache goes over into the new one.
        """
        ...


@runtime_checkable
class Writer(Protocol):
    """A model that writes a text, given pictures, an instruction, or both.

    The adapter owns preprocessing, the chat template, tokenisation and the model's cache; how a token is
    chosen is no affair of it (`workbench.generation`).

    Attributes:
        card: the row of the registry, completed from the loaded weights.
        capabilities: every `WriterCapability` with None where it works, else the reason why it does not.
        precision: the dtype of the forward pass, "float32" or "bfloat16".
        notes: what the user should know about this load.
        ends: ids of the tokens that end an answer.
        rules: what the model's own `generation_config` does to its distribution ("repetition_penalty=1.1"),
            empty for most models; an answer's notes are to name them.
        context_length: positions of prompt and answer together, None where the model names no limit.
        module: the network itself, for `capture` and `attribute`.
    """

    card: ModelCard
    capabilities: Mapping[str, str | None]
    precision: str
    notes: tuple[str, ...]
    ends: frozenset[int]
    rules: tuple[str, ...]
    context_length: int | None
    module: nn.Module

    @property
    def weights_hash(self) -> str:
        """Digest of the weights that it computes with now; part of every cache key."""
        ...

    def ask(self, pictures: Sequence[Image] = (), prompt: str = "") -> Question:
        """The model's inputs for `pictures` and `prompt`, in its own template.

        Args:
            pictures: in the order in which the model is to read them; none for a text alone.
            prompt: the user's words; "" for a picture alone.

        Raises:
            UnsupportedError: pictures, and it takes none.
            BadInputError: neither was given, or they take more positions than the model has.
        """
        ...

    def begin(self, question: Question, answer: Sequence[int] = ()) -> Continuation:
        """One row: the question, then these tokens of an answer, then the distribution of the next.

        Args:
            question: of `ask`.
            answer: ids that the answer begins with.

        Raises:
            BadInputError: there is no room for them, or they hold the mark of a picture.
        """
        ...

    def force(self, question: Question, answer: Sequence[int]) -> Forced:
        """One pass over question and `answer`, with the distributions that writing step by step gives.

        Args:
            question: of `ask`.
            answer: its token ids.

        Raises:
            BadInputError: there is no room for them, or they hold the mark of a picture.
        """
        ...

    def encode(self, text: str) -> tuple[int, ...]:
        """The tokens that an answer of this text has: decoded and joined they are the text; no marks.

        Args:
            text: an answer, or how it begins.

        Raises:
            BadInputError: the vocabulary cannot spell it.
        """
        ...

    def decode(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """The readable piece of each token, in context: joined they are the text, end marks are "".

        Where several tokens spell one character (byte-level vocabularies), the last holds it, the others "".

        Args:
            tokens: ids of an answer, from its first.
        """
        ...
