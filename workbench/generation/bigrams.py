"""`Bigrams`: a writer that is a table, whose every probability can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor, nn

from workbench.cache import digest
from workbench.errors import BadInputError
from workbench.formatting import one_line
from workbench.models.base import ModelCard
from workbench.models.writer import Forced, Question, WriterCapability

__all__ = ["Bigrams"]

_MARK = 0  # begins an answer and ends it


class Bigrams:
    """A writer whose next word hangs on the last one alone: a table of shares, made by hand.

    Small enough to check greedy decoding, beam search and sampling with a pencil, where a network would have
    to be believed. It takes pictures and prompts, and neither changes what it writes.

    Attributes:
        words: token -> word; token 0 is the mark that begins and ends, "".
        shares: word x word, rows sum to 1.
        card, capabilities, precision, notes, ends, rules, context_length, module: as of every `Writer`.

    Example:
        >>> from workbench.generation import Bigrams, beam, write
        >>> model = Bigrams({"": {"a": 0.6, "the": 0.4}, "a": {"cat": 0.5, "dog": 0.5}, "the": {"cat": 1},
        ...                  "cat": {"": 1}, "dog": {"": 1}})
        >>> write(model).text, write(model, how=beam(2)).text  # 0.6 * 0.5 against 0.4 * 1
        ('a cat', 'the cat')
    """

    precision = "float32"
    notes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    capabilities: Mapping[WriterCapability, str | None] = {
        "write": None,
        "see": None,
        "converse": "it has no template",
        "gradients": "it is a table",
        "attend_answer": "it has no attention",
    }  # fmt: skip

    def __init__(
        self, table: Mapping[str, Mapping[str, float]], *, context_length: int | None = None
    ) -> None:
        """A writer of this table.

        Args:
            table: word -> following word -> its share, in any unit: each row is divided by its sum. "" begins
                an answer where it is a key, and ends it where it follows.
            context_length: words of an answer at most, its end included; None for no limit.

        Raises:
            BadInputError: a word that nothing follows, or shares that are no shares.
        """
        self.words = ("", *dict.fromkeys(word for row in table.values() for word in row if word))
        places = {word: place for place, word in enumerate(self.words)}
        self.shares = np.zeros((len(places), len(places)))
        for word, place in places.items():
            for following, share in table.get(word, {}).items():
                self.shares[place, places[following]] = share
            if not self.shares[place].sum() > 0 or not (self.shares[place] >= 0).all():
                given = one_line(repr(dict(table.get(word, {}))))
                raise BadInputError(
                    f"What follows {word!r} is {given}; expected shares from 0 up that are not all 0: "
                    '{"cat": 0.7, "": 0.3}, where "" ends the answer.'
                )
        self.shares /= self.shares.sum(axis=1, keepdims=True)
        self.card = ModelCard("bigrams", "none", "table", "shipped")
        self.ends = frozenset({_MARK})
        self.context_length = None if context_length is None else context_length + 1
        self.module: nn.Module = _Table(self.shares)

    @property
    def weights_hash(self) -> str:
        """Digest of the table."""
        return digest(self.words, self.shares.tolist())[:16]

    def ask(self, pictures: Sequence[Image] = (), prompt: str = "") -> Question:
        """The mark that begins, whatever is asked: `pictures` and `prompt` are kept to be shown."""
        return Question({}, tuple(pictures), prompt, np.array([_MARK]), ("",), np.array([2], np.uint8))

    def begin(self, question: Question, answer: Sequence[int] = ()) -> _Rows:
        """One row: what follows the last token of `answer`, or the mark of the `question`."""
        return _Rows(self.module, [*question.tokens.tolist(), *answer][-1:])

    def force(self, question: Question, answer: Sequence[int]) -> Forced:
        """One pass over the `question` and an `answer`."""
        ids = torch.tensor([[*question.tokens.tolist(), *answer]])
        return Forced(self.module, {"input_ids": ids}, np.arange(len(answer)))

    def encode(self, text: str) -> tuple[int, ...]:
        """The words of a `text` as tokens.

        Raises:
            BadInputError: a word that is not in the table.
        """
        places = {word: place for place, word in enumerate(self.words)}
        unknown = [word for word in text.split() if word not in places]
        if unknown:
            raise BadInputError(
                f"{unknown[0]!r} is no word of the table; it has {one_line(', '.join(self.words[1:]))}."
            )
        return tuple(places[word] for word in text.split())

    def decode(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """A word for each of `tokens`, with a space before all but the first; the mark is ""."""
        words = [self.words[token] for token in tokens]
        return tuple(f" {word}" if word and place else word for place, word in enumerate(words))


class _Table(nn.Module):
    """Scores of the next token for every token, one after another."""

    def __init__(self, shares: np.ndarray) -> None:
        super().__init__()
        self.scores: Tensor
        self.register_buffer("scores", torch.from_numpy(shares).log().float())

    def forward(self, input_ids: Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.scores[input_ids])


class _Rows:
    """Beginnings of an answer, of which only the last token counts."""

    def __init__(self, module: nn.Module, last: Sequence[int]) -> None:
        self._module = module
        self.logits: Tensor = module(torch.tensor(last)[:, None]).logits[:, -1]
        self.ruled = self.logits

    def extend(self, tokens: Sequence[int], rows: Sequence[int] | None = None) -> _Rows:
        return _Rows(self._module, tokens)
