"""All that training draws from on one device, so that a GPU never waits for a picture or a word.

The same draws as `batches.batch`, by tensors: every caption that `texts.sample` can give is cut into
tokens beforehand (166,000 rows), and a step picks rows of that table and of the drawings.
"""

from __future__ import annotations

from itertools import accumulate, chain

import torch
from tokenizers import Tokenizer
from torch import Tensor

from workbench.recipes.emoji_clip.batches import Material, Mix, augment, tokens
from workbench.recipes.emoji_clip.texts import (
    BARE_AGAIN,
    BARE_BELOW,
    ENGLISH,
    NAME_BELOW,
    TEMPLATES,
    Captions,
)

__all__ = ["Deck"]

_LANGUAGES = ("en", "zh")


class Deck:
    """Drawings and captions of `material` on `device`; `batch` gives pictures and token ids there."""

    def __init__(self, material: Material, tokenizer: Tokenizer, device: torch.device) -> None:
        self.device, self.concepts = device, material.concepts
        self._pixels = material.pixels.to(device)
        rows = [material.drawings[key] for key in material.concepts]
        most = max(map(len, rows))
        padded = [one + one[:1] * (most - len(one)) for one in rows]
        self._drawings = torch.tensor(padded, device=device)
        self._drawn = torch.tensor([len(one) for one in rows], device=device)
        known = [material.words[language][key] for language in _LANGUAGES for key in material.concepts]
        forms = [
            _forms(one, language)
            for language, words in zip(_LANGUAGES, _halves(known), strict=True)
            for one in words
        ]
        starts = [0, *accumulate(map(len, forms))][:-1]
        shape = (len(_LANGUAGES), len(material.concepts))
        self._starts = torch.tensor(starts, device=device).view(shape)
        self._words = torch.tensor([1 + len(one.others) for one in known], device=device).view(shape)
        self._templates = torch.tensor([len(TEMPLATES[language]) for language in _LANGUAGES], device=device)
        self._tokens = tokens(tokenizer, list(chain.from_iterable(forms))).to(device)

    def batch(
        self, size: int, mix: Mix, generator: torch.Generator, strength: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Pictures (batch x channel x row x col, in 0..1) and token ids (batch x token) of distinct concepts.

        A batch of all concepts holds every hard negative already; `mix.near` is for smaller ones, which
        `batches.batch` draws.
        """
        if mix.near and size < len(self.concepts):
            raise ValueError(f"near={mix.near} with {size} of {len(self.concepts)} concepts in a batch")
        chosen = torch.randperm(len(self.concepts), generator=generator, device=self.device)[:size]
        pictures = augment(self._pixels[self._picked(chosen, mix, generator)], generator, strength)
        return pictures, self._tokens[self._captions(chosen, generator)].long()

    def _picked(self, chosen: Tensor, mix: Mix, generator: torch.Generator) -> Tensor:
        """A drawing of each concept: the first, which is in the shipped style, for certain in its share."""
        place = (self._uniform(len(chosen), generator) * self._drawn[chosen]).long()
        place = torch.where(self._uniform(len(chosen), generator) < mix.shipped, 0, place)
        return self._drawings[chosen, place]

    def _captions(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """A row of the table of captions for each concept; the shares are those of `texts.sample`."""
        count = len(chosen)
        language = (self._uniform(count, generator) >= ENGLISH).long()
        kind = self._uniform(count, generator)
        others = self._words[language, chosen] - 1
        other = 1 + (self._uniform(count, generator) * others).long()
        word = torch.where((kind < NAME_BELOW) | (others == 0), 0, other)
        known = self._templates[language]
        form = 1 + (self._uniform(count, generator) * known).long()
        form = torch.where((kind < BARE_BELOW) | (kind > BARE_AGAIN), 0, form)
        return self._starts[language, chosen] + word * (1 + known) + form

    def _uniform(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.rand(count, generator=generator, device=self.device)


def _forms(known: Captions, language: str) -> list[str]:
    """Every word bare and in every template, word by word."""
    forms = ("{}", *TEMPLATES[language])
    return [form.replace("{}", word) for word in (known.name, *known.others) for form in forms]


def _halves(known: list[Captions]) -> tuple[list[Captions], list[Captions]]:
    return known[: len(known) // 2], known[len(known) // 2 :]
