"""Any generative model of transformers behind the protocol `Writer`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor, nn

from workbench.cache import digest
from workbench.errors import BadInputError
from workbench.formatting import plural
from workbench.models.adapters.pieces import readable_tokens
from workbench.models.adapters.writers.blip import BlipAnswers
from workbench.models.adapters.writers.layout import (
    answered,
    context_of,
    encoder_context_of,
    first_row,
    handed_to_generate,
    is_blip_vqa,
    roles_of,
    settled,
    written_name,
)
from workbench.models.adapters.writers.spelling import Speller
from workbench.models.adapters.writers.steps import Prepared, Steps, first_step, prepare
from workbench.models.base import ModelCard
from workbench.models.identity import Identity, code_versions, state_digest
from workbench.models.writer import ROLES, Forced, Question

__all__ = ["Reading", "TransformersWriter"]


class Reading(Protocol):
    """How pictures and an instruction become a model's inputs.

    Attributes:
        tokeniser: of transformers, None where there is none.
    """

    tokeniser: Any | None

    def read(
        self, pictures: Sequence[Image], prompt: str
    ) -> tuple[Mapping[str, Tensor], tuple[int, int] | None, tuple[str, ...]]:
        """The inputs, the range of the user's words in front of the answer, and notes."""
        ...

    def settings(self) -> Any:
        """Everything that decides it, as plain values."""
        ...


class TransformersWriter:
    """A generative model of transformers with its processor; see `workbench.models.Writer`.

    Beyond the protocol: `rules`, what the model's own `generation_config` does to its distribution;
    `device`, `dtype`, `size_bytes`, and the hashes that a dual encoder has, too.
    """

    def __init__(
        self,
        module: nn.Module,
        reading: Reading,
        *,
        card: ModelCard,
        loaded: str = "",
        notes: tuple[str, ...] = (),
    ) -> None:
        self.module: Any = module
        self.notes = notes
        self.precision = str(self.module.dtype).removeprefix("torch.")
        self.context_length = context_of(module)
        self.capabilities: Mapping[str, str | None] = {}
        self.ends: frozenset[int] = frozenset()
        self.rules: tuple[str, ...] = ()
        self._reading, self._speller = reading, Speller(reading.tokeniser)
        self._loaded, self._identity = loaded, Identity(module, "")
        count = sum(parameter.numel() for parameter in module.parameters())
        self.card = replace(card, parameters=card.parameters or count, text_length=self.context_length)

    def take_over(self, prepared: Prepared) -> None:
        """Keep what only a first request shows: the end marks and the rules that `generate` holds to."""
        self.ends, self.rules = prepared.ends, prepared.rules

    @property
    def device(self) -> torch.device:
        """Where its inputs go."""
        return torch.device(self.module.device)

    @property
    def dtype(self) -> torch.dtype:
        """The precision of its forward pass."""
        found: torch.dtype = self.module.dtype
        return found

    @property
    def size_bytes(self) -> int:
        """Bytes of its parameters and buffers."""
        tensors = [*self.module.parameters(), *self.module.buffers()]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    @property
    def weights_hash(self) -> str:
        """As in `Writer`."""
        if not self._loaded:
            self._loaded = digest(type(self.module).__name__, state_digest(self.module))
        changed = self._identity.of(self.module)
        return digest(self._loaded, changed) if changed else self._loaded

    @property
    def preprocessing_hash(self) -> str:
        """Digest of what turns pictures and an instruction into numbers, the code's versions included."""
        return digest(self._reading.settings(), code_versions())

    @property
    def keepable(self) -> bool:
        """Whether what it gives now belongs to `weights_hash`: not while hooks of others stand on it."""
        return not self._identity.is_hooked(self.module)

    def ask(self, pictures: Sequence[Image] = (), prompt: str = "") -> Question:
        """As in `Writer`.

        Raises:
            UnsupportedError: it takes no picture.
            BadInputError: pictures and prompt take more positions than the model has.
        """
        tensors, words, notes = self._reading.read(tuple(pictures), prompt)
        placed = {name: self._placed(value) for name, value in tensors.items()}
        placed = settled(self.module, placed)
        tokens = placed[written_name(self.module)][0].cpu().numpy()
        roles = roles_of(self.module, placed, words)
        self._check_room(len(tokens) + 1, int((roles == ROLES.index("picture")).sum()), "picture and prompt")
        self._check_encoder(placed)
        return Question(
            tensors=placed,
            pictures=tuple(pictures),
            prompt=prompt,
            tokens=tokens,
            pieces=self._named(tokens),
            roles=roles,
            notes=notes,
        )

    def begin(self, question: Question, answer: Sequence[int] = ()) -> Steps:
        """As in `Writer`."""
        self._check_room(len(question.tokens) + len(answer) + 1, 0, "prompt and answer")
        if len(answer) and is_blip_vqa(self.module):  # its generate takes no beginning of an answer
            step = self.begin(question)
            for token in answer:
                step = step.extend([token])
            return step
        tensors = answered(self.module, question.tensors, answer) if len(answer) else question.tensors
        states: dict[int, Any] = {}
        prepared = prepare(self.module, handed_to_generate(self.module, tensors), states)
        encoded = question.tensors.get("input_ids")
        return first_step(self.module, prepared, states, len(question.tokens), encoded)

    def force(self, question: Question, answer: Sequence[int]) -> Forced:
        """As in `Writer`."""
        self._check_room(len(question.tokens) + len(answer), 0, "prompt and answer")
        tensors = answered(self.module, question.tensors, answer)
        first = first_row(self.module, question.tensors)
        module = BlipAnswers(self.module) if is_blip_vqa(self.module) else self.module
        return Forced(module, tensors, np.arange(first, first + len(answer)))

    def encode(self, text: str) -> tuple[int, ...]:
        """As in `Writer`.

        Raises:
            BadInputError: there is no tokeniser, and the text is no list of token ids.
        """
        return self._speller.tokens(text)

    def decode(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """As in `Writer`."""
        return self._speller(tokens)

    def _placed(self, value: Any) -> Any:
        """A tensor on the model's device, numbers of pictures in its precision."""
        if not isinstance(value, Tensor):
            return value
        return value.to(self.device, self.dtype if value.is_floating_point() else None)

    def _named(self, tokens: Any) -> tuple[str, ...]:
        if self._reading.tokeniser is None:
            return tuple(str(int(token)) for token in tokens)
        return readable_tokens(self._reading.tokeniser, tokens)

    def _check_room(self, wanted: int, pictured: int, what: str) -> None:
        if self.context_length is None or wanted <= self.context_length:
            return
        seen = f", {pictured:,} of them for the picture" if pictured else ""
        remedy = (
            "a smaller picture or a shorter prompt" if pictured else "a shorter prompt, or fewer new tokens"
        )
        raise BadInputError(
            f"{self.card.name} has {plural(self.context_length, 'position')} for prompt and answer together; "
            f"{what} take {wanted:,}{seen}. Give {remedy}."
        )

    def _check_encoder(self, tensors: Mapping[str, Tensor]) -> None:
        limit, ids = encoder_context_of(self.module), tensors.get("input_ids")
        if limit is not None and ids is not None and ids.shape[1] > limit:
            raise BadInputError(
                f"{self.card.name} reads {plural(limit, 'position')} before it writes, and the prompt takes "
                f"{ids.shape[1]:,}. Give a shorter prompt."
            )

    def __repr__(self) -> str:
        works = [name for name, reason in self.capabilities.items() if reason is None]
        return (
            f"{type(self).__name__}({self.card.name!r}, {type(self.module).__name__}, {self.precision} on "
            f"{self.device}, can {', '.join(works) or 'nothing yet'})"
        )
