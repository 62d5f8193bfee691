"""Training batches: distinct concepts, each in a random style with a random caption, augmented as tensors."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from workbench.data.emoji_table import emoji_rows
from workbench.recipes.emoji_clip.art import STYLES, load_style
from workbench.recipes.emoji_clip.texts import Captions, captions, sample
from workbench.recipes.emoji_clip.tokenizer import CONTEXT

__all__ = ["IMAGE", "Material", "Mix", "augment", "batch", "held_out", "load_material", "tokens"]

IMAGE = 64  # pixels, the model's input
HELD_OUT_COUNT = 200


@dataclass(frozen=True)
class Mix:
    """How a batch is drawn.

    Attributes:
        near: share of the concepts that come from one group: hard negatives for each other.
        shipped: share of the pictures that are in the shipped style for certain.
    """

    near: float = 0.0
    shipped: float = 0.0


@dataclass(frozen=True)
class Material:
    """Everything training draws from.

    Attributes:
        drawings: concept -> its pictures in all training styles, rows of `pixels`, the shipped style first.
        pixels: picture x channel (RGBA) x row x col, uint8.
        groups: concept -> its group; needed where `Mix.near` is not 0.
    """

    concepts: tuple[str, ...]
    drawings: dict[str, tuple[int, ...]]
    pixels: Tensor
    words: dict[str, dict[str, Captions]]
    groups: dict[str, str] = field(default_factory=dict)


def held_out(seed: int = 0) -> frozenset[str]:
    """Join keys of 200 concepts never seen in stage 1, from every group by its size."""
    rows, chance = emoji_rows(), random.Random(seed)
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row.hexcode)
    chosen: list[str] = []
    for _, keys in sorted(groups.items()):
        chosen += chance.sample(keys, round(HELD_OUT_COUNT * len(keys) / len(rows)))
    spare = [row.hexcode for row in rows if row.hexcode not in set(chosen)]
    chosen += chance.sample(spare, max(0, HELD_OUT_COUNT - len(chosen)))
    return frozenset(chosen[:HELD_OUT_COUNT])


def load_material(work: Path, *, without: frozenset[str] = frozenset()) -> Material:
    """Pictures and captions of all concepts but those in `without`."""
    keys = tuple(row.hexcode for row in emoji_rows() if row.hexcode not in without)
    pictures: list[NDArray[np.uint8]] = []
    drawings: dict[str, list[int]] = {key: [] for key in keys}
    for style in STYLES:
        for key, picture in load_style(style, work).items():
            if key in drawings:
                drawings[key].append(len(pictures))
                pictures.append(picture)
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    styled = {key: tuple(rows) for key, rows in drawings.items()}
    groups = {row.hexcode: row.group for row in emoji_rows()}
    return Material(keys, styled, pixels, captions(work), groups)


def batch(
    material: Material, size: int, tokenizer: Tokenizer, chance: random.Random, mix: Mix = Mix()
) -> tuple[Tensor, Tensor]:
    """Pictures (batch x channel x row x col, in 0..1) and token ids (batch x token) of the same concepts.

    Concepts within a batch are distinct, so every other row is a true negative.
    """
    concepts = _concepts(material, size, chance, mix.near)
    rows = [_drawing(material.drawings[key], chance, mix.shipped) for key in concepts]
    languages = ["en" if chance.random() < 0.55 else "zh" for _ in concepts]
    texts = [
        sample(chance, material.words[language][key], language)
        for key, language in zip(concepts, languages, strict=True)
    ]
    generator = torch.Generator().manual_seed(chance.getrandbits(60))
    return augment(material.pixels[rows], generator), tokens(tokenizer, texts)


def _concepts(material: Material, size: int, chance: random.Random, near: float) -> list[str]:
    """Distinct concepts: a share from one group, so that flags meet flags; the rest from everywhere."""
    if near == 0:
        return chance.sample(material.concepts, size)
    group = material.groups[chance.choice(material.concepts)]
    alike = [key for key in material.concepts if material.groups[key] == group]
    chosen = chance.sample(alike, min(round(near * size), len(alike)))
    taken = set(chosen)
    return chosen + chance.sample([key for key in material.concepts if key not in taken], size - len(chosen))


def _drawing(rows: tuple[int, ...], chance: random.Random, shipped: float) -> int:
    return rows[0] if shipped and chance.random() < shipped else chance.choice(rows)


def tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Token ids, batch x token, padded to the longest text only: the tower is causal, so padding is inert."""
    tokenizer.enable_truncation(CONTEXT)
    tokenizer.enable_padding(pad_id=0)
    return torch.tensor([encoding.ids for encoding in tokenizer.encode_batch(list(texts))])


def augment(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """RGBA drawings turned, moved, recoloured and put on a ground, mostly white, as at inference.

    No mirroring: it would turn arrows round and swap flags.
    """
    drawn = _moved(pixels.float() / 255, generator)
    colour, alpha = drawn[:, :3], drawn[:, 3:]
    return _cut(
        _recoloured(colour, generator) * alpha + _ground(len(pixels), generator) * (1 - alpha), generator
    )


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def _moved(drawn: Tensor, generator: torch.Generator) -> Tensor:
    count = len(drawn)
    # Colours are premultiplied while they are interpolated; else the border takes on the hidden colour.
    drawn = torch.cat([drawn[:, :3] * drawn[:, 3:], drawn[:, 3:]], dim=1)
    angle = torch.deg2rad(12 * torch.randn(count, generator=generator).clamp(-2, 2))
    zoom = 1 / _uniform(count, 0.75, 1.08, generator)
    stretch = _uniform(count, 0.92, 1.08, generator)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = zoom * stretch * torch.cos(angle), -zoom * torch.sin(angle)
    theta[:, 1, 0], theta[:, 1, 1] = zoom * stretch * torch.sin(angle), zoom * torch.cos(angle)
    theta[:, :, 2] = 0.12 * (2 * torch.rand(count, 2, generator=generator) - 1)
    plain = (
        torch.rand(count, generator=generator) < 0.35
    )  # as it comes, so that the plain drawing is known best
    theta[plain] = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]])
    grid = functional.affine_grid(theta, [count, 4, IMAGE, IMAGE], align_corners=False)
    moved = functional.grid_sample(drawn, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return torch.cat([moved[:, :3] / moved[:, 3:].clamp_min(1e-4), moved[:, 3:]], dim=1).clamp(0, 1)


def _recoloured(colour: Tensor, generator: torch.Generator) -> Tensor:
    count = len(colour)
    grey = colour.mean(dim=1, keepdim=True)
    saturation = _uniform(count, 0.6, 1.25, generator)
    saturation[torch.rand(count, generator=generator) < 0.04] = 0
    shifted = grey + saturation.view(-1, 1, 1, 1) * (colour - grey)
    gain = _uniform(3 * count, 0.9, 1.1, generator).view(count, 3, 1, 1)
    contrast = _uniform(count, 0.75, 1.15, generator).view(-1, 1, 1, 1)
    shift = _uniform(count, -0.08, 0.08, generator).view(-1, 1, 1, 1)
    return ((shifted * gain - 0.5) * contrast + 0.5 + shift).clamp(0, 1)


def _ground(count: int, generator: torch.Generator) -> Tensor:
    ground = torch.ones(count, 3, IMAGE, IMAGE)
    kind = torch.rand(count, generator=generator)
    flat = torch.rand(count, 3, 1, 1, generator=generator).expand(-1, -1, IMAGE, IMAGE)
    coarse = functional.interpolate(torch.rand(count, 3, 4, 4, generator=generator), IMAGE, mode="bilinear")
    ground = torch.where((kind > 0.75).view(-1, 1, 1, 1), flat, ground)
    return torch.where((kind > 0.9).view(-1, 1, 1, 1), coarse, ground)


def _cut(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """A grey square over a part of one picture in eight."""
    for place in torch.nonzero(torch.rand(len(pictures), generator=generator) < 0.125).flatten().tolist():
        side = int(torch.randint(8, 20, (1,), generator=generator))
        top, left = torch.randint(0, IMAGE - side, (2,), generator=generator).tolist()
        pictures[place, :, top : top + side, left : left + side] = 0.5
    return pictures
