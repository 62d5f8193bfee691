"""Training batches: distinct concepts, each in a random style with a random caption, augmented as tensors."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from workbench.data.emoji_table import emoji_rows
from workbench.recipes.emoji_clip.art import STYLES, Style, load_style
from workbench.recipes.emoji_clip.texts import ENGLISH, Captions, captions, groups, sample
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


def held_out(seed: int = 0, groups: Mapping[str, str] | None = None) -> frozenset[str]:
    """Join keys of 200 concepts never seen in stage 1, from every group by its size.

    Args:
        groups: concept -> its group, in Unicode's order; None reads them from the installed packages.
    """
    chance = random.Random(seed)
    belongs = {row.hexcode: row.group for row in emoji_rows()} if groups is None else groups
    members: dict[str, list[str]] = {}
    for key, group in belongs.items():
        members.setdefault(group, []).append(key)
    chosen: list[str] = []
    for _, keys in sorted(members.items()):
        chosen += chance.sample(keys, round(HELD_OUT_COUNT * len(keys) / len(belongs)))
    spare = [key for key in belongs if key not in set(chosen)]
    chosen += chance.sample(spare, max(0, HELD_OUT_COUNT - len(chosen)))
    return frozenset(chosen[:HELD_OUT_COUNT])


def load_material(
    work: Path, *, without: frozenset[str] = frozenset(), styles: Sequence[Style] = STYLES
) -> Material:
    """Pictures and captions of all concepts but those in `without`."""
    belongs = groups(work)
    keys = tuple(key for key in belongs if key not in without)
    pictures: list[NDArray[np.uint8]] = []
    drawings: dict[str, list[int]] = {key: [] for key in keys}
    for style in styles:
        for key, picture in load_style(style, work).items():
            if key in drawings:
                drawings[key].append(len(pictures))
                pictures.append(picture)
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    styled = {key: tuple(rows) for key, rows in drawings.items()}
    return Material(keys, styled, pixels, captions(work), dict(belongs))


def batch(
    material: Material,
    size: int,
    tokenizer: Tokenizer,
    chance: random.Random,
    mix: Mix = Mix(),
    strength: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Pictures (batch x channel x row x col, in 0..1) and token ids (batch x token) of the same concepts.

    Concepts within a batch are distinct, so every other row is a true negative.
    """
    concepts = _concepts(material, size, chance, mix.near)
    rows = [_drawing(material.drawings[key], chance, mix.shipped) for key in concepts]
    languages = ["en" if chance.random() < ENGLISH else "zh" for _ in concepts]
    texts = [
        sample(chance, material.words[language][key], language)
        for key, language in zip(concepts, languages, strict=True)
    ]
    generator = torch.Generator().manual_seed(chance.getrandbits(60))
    return augment(material.pixels[rows], generator, strength), tokens(tokenizer, texts)


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


def augment(pixels: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """RGBA drawings turned, moved, recoloured and put on a ground, mostly white, as at inference.

    No mirroring: it would turn arrows round and swap flags. `strength` stretches every range but the
    grounds'. All is done where `pixels` and `generator` are.
    """
    drawn = _moved(pixels.float() / 255, generator, strength)
    colour, alpha = drawn[:, :3], drawn[:, 3:]
    ground = _ground(len(pixels), generator)
    return _cut(_recoloured(colour, generator, strength) * alpha + ground * (1 - alpha), generator, strength)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * _random(count, generator=generator)


def _random(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.rand(*shape, generator=generator, device=generator.device)


def _moved(drawn: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    count, device = len(drawn), drawn.device
    # Colours are premultiplied while they are interpolated; else the border takes on the hidden colour.
    drawn = torch.cat([drawn[:, :3] * drawn[:, 3:], drawn[:, 3:]], dim=1)
    turns = torch.randn(count, generator=generator, device=device)
    angle = torch.deg2rad(12 * strength * turns.clamp(-2, 2))
    zoom = 1 / _uniform(count, 1 - 0.25 * strength, 1.08, generator)
    stretch = _uniform(count, 1 - 0.08 * strength, 1 + 0.08 * strength, generator)
    theta = torch.zeros(count, 2, 3, device=device)
    theta[:, 0, 0], theta[:, 0, 1] = zoom * stretch * torch.cos(angle), -zoom * torch.sin(angle)
    theta[:, 1, 0], theta[:, 1, 1] = zoom * stretch * torch.sin(angle), zoom * torch.cos(angle)
    theta[:, :, 2] = 0.12 * strength * (2 * _random(count, 2, generator=generator) - 1)
    # As it comes, so that the plain drawing is known best.
    plain = (_random(count, generator=generator) < 0.35).view(-1, 1, 1)
    theta = torch.where(plain, torch.eye(2, 3, device=device), theta)
    grid = functional.affine_grid(theta, [count, 4, IMAGE, IMAGE], align_corners=False)
    moved = functional.grid_sample(drawn, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return torch.cat([moved[:, :3] / moved[:, 3:].clamp_min(1e-4), moved[:, 3:]], dim=1).clamp(0, 1)


def _recoloured(colour: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    count = len(colour)

    def about_one(below: float, above: float, values: int = count) -> Tensor:
        return _uniform(values, 1 - below * strength, 1 + above * strength, generator)

    grey = colour.mean(dim=1, keepdim=True)
    saturation = about_one(0.4, 0.25) * (_random(count, generator=generator) >= 0.04 * strength)
    shifted = grey + saturation.view(-1, 1, 1, 1) * (colour - grey)
    gain = about_one(0.1, 0.1, 3 * count).view(count, 3, 1, 1)
    contrast = about_one(0.25, 0.15).view(-1, 1, 1, 1)
    shift = strength * _uniform(count, -0.08, 0.08, generator).view(-1, 1, 1, 1)
    return ((shifted * gain - 0.5) * contrast + 0.5 + shift).clamp(0, 1)


def _ground(count: int, generator: torch.Generator) -> Tensor:
    kind = _random(count, generator=generator).view(-1, 1, 1, 1)
    flat = _random(count, 3, 1, 1, generator=generator)
    coarse = functional.interpolate(_random(count, 3, 4, 4, generator=generator), IMAGE, mode="bilinear")
    return torch.where(kind > 0.9, coarse, torch.where(kind > 0.75, flat, 1.0))


def _cut(pictures: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """A grey square over a part of one picture in eight."""
    count = len(pictures)
    side = _uniform(count, 8, 20, generator).floor()
    top, left = ((_random(count, generator=generator) * (IMAGE - side)).floor() for _ in range(2))
    side = side * (_random(count, generator=generator) < 0.125 * strength)
    along = torch.arange(IMAGE, device=pictures.device)
    rows, columns = ((along >= start[:, None]) & (along < (start + side)[:, None]) for start in (top, left))
    return torch.where((rows[:, :, None] & columns[:, None, :])[:, None], 0.5, pictures)
