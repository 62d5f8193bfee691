"""One run: captions against captions, and every phrase against every picture that holds its thing."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from workbench.data.scenes import Scene, draw_scene, make_scene
from workbench.recipes.emoji_clip.batches import tokens
from workbench.recipes.emoji_clip.model import embed_pair
from workbench.recipes.shapes_clip import model as architecture
from workbench.recipes.shapes_clip.language import learn, mirrored, phrases, positives, say, say_wrongly
from workbench.recipes.training import Training

__all__ = ["NAME", "Settings", "caption_loss", "phrase_loss", "run", "train"]

NAME = "shapes-clip"
_LOG_EVERY = 25
_TRAINING_SEED = 1_000  # scenes of seeds below are never trained on: `data.load("shapes", seed=0)` is unseen


@dataclass(frozen=True)
class Settings:
    """How it is trained; what is stored is the running average of the weights."""

    scenes: int = 20_000
    steps: int = 1_500
    batch_size: int = 128
    peak: float = 2e-3
    muon: float = 0.02
    warm_up: int = 60
    weight_decay: float = 0.05
    average: float = 0.99
    phrase_weight: float = 1.0


@dataclass(frozen=True)
class Material:
    """Training scenes and their pictures, scene x channel x row x col, uint8."""

    scenes: tuple[Scene, ...]
    pixels: Tensor


def run(work: Path, weights: Path, *, seed: int = 0, settings: Settings | None = None) -> None:
    """Train and export to `weights/shapes-clip`; a run that was killed goes on from its checkpoint."""
    chosen, tokenizer = settings or Settings(), learn()
    material = _material(work, chosen.scenes, seed)
    state = train(chosen, material, tokenizer, work, seed=seed)
    architecture.export(state, tokenizer, weights / NAME)
    log = (work / "log.jsonl").read_text("utf-8")
    (weights / NAME / "training_log.jsonl").write_text(log, "utf-8")


def train(
    settings: Settings,
    material: Material,
    tokenizer: Tokenizer,
    folder: Path,
    *,
    seed: int = 0,
    every: int = 100,
) -> dict[str, Tensor]:
    """The averaged weights; `folder` keeps a checkpoint (`every` so many steps) and `log.jsonl`."""
    torch.manual_seed(seed)
    model: Any = architecture.build(tokenizer.get_vocab_size())
    training = Training(model, settings, folder, every=every)
    for step in range(training.first, settings.steps):
        began = time.perf_counter()
        losses = _step(step, settings, model, training, material, tokenizer, seed)
        if step % _LOG_EVERY == 0 or step + 1 == settings.steps:
            seconds = round(time.perf_counter() - began, 2)
            training.log(step=step, **{k: round(v, 4) for k, v in losses.items()}, seconds=seconds)
        training.keep(step)
    return training.average


def caption_loss(image: Tensor, text: Tensor, wrong: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross-entropy in which every picture also meets the wrong captions of the whole batch.

    Source: CLIP, Radford et al. 2021, figure 3; hard negatives as in NegCLIP, Yuksekgonul et al. 2023.
    """
    target = torch.arange(len(image))
    to_text = scale * image @ torch.cat([text, wrong]).T
    to_image = scale * text @ image.T
    return (functional.cross_entropy(to_text, target) + functional.cross_entropy(to_image, target)) / 2


def phrase_loss(image: Tensor, text: Tensor, holds: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy with several right answers: a phrase fits many pictures and a picture many phrases.

    Source: the supervised contrastive loss, Khosla et al. 2020, equation 2.
    """
    logits = scale * image @ text.T
    used = holds.sum(dim=0) > 0
    by_picture = _spread(logits, holds).mean()
    return (by_picture + _spread(logits.T[used], holds.T[used]).mean()) / 2


def _spread(logits: Tensor, right: Tensor) -> Tensor:
    return -(logits.log_softmax(dim=1) * right).sum(dim=1) / right.sum(dim=1).clamp_min(1)


def _step(
    step: int,
    settings: Settings,
    model: Any,
    training: Training,
    material: Material,
    tokenizer: Tokenizer,
    seed: int,
) -> dict[str, float]:
    """One update; all that is random in it follows from seed and step, so a resumed run is the same."""
    chance = random.Random(f"{NAME}/{seed}/{step}")
    rows = chance.sample(range(len(material.scenes)), settings.batch_size)
    flip = [chance.random() < 0.5 for _ in rows]
    scenes = [
        mirrored(material.scenes[row]) if turned else material.scenes[row]
        for row, turned in zip(rows, flip, strict=True)
    ]
    pictures = _augmented(material.pixels[rows], torch.tensor(flip), chance.getrandbits(60))
    texts = [say(scene, chance) for scene in scenes] + [say_wrongly(scene, chance) for scene in scenes]
    known = phrases()
    with torch.autocast("cpu", torch.bfloat16):
        image, words = embed_pair(model, pictures, tokens(tokenizer, texts))
        named = _embed_texts(model, tokens(tokenizer, [phrase.text for phrase in known]))
    scale, count = model.logit_scale.exp(), len(rows)
    image, words, named = image.float(), words.float(), named.float()
    by_caption = caption_loss(image, words[:count], words[count:], scale)
    holds = torch.from_numpy(positives(scenes, known))
    both = slice(0, 30), slice(30, len(known))  # whole phrases, and single attributes, each among its kind
    by_phrase = sum(phrase_loss(image, named[part], holds[:, part], scale) for part in both)
    loss = by_caption + settings.phrase_weight * by_phrase / 2
    training.update(step, loss)
    parts = {"loss": loss, "caption_loss": by_caption, "phrase_loss": by_phrase / 2, "scale": scale}
    return {name: float(value.detach()) for name, value in parts.items()}


def _embed_texts(model: Any, text: Tensor) -> Tensor:
    """Unit vectors of token ids shorter than the full context; the tower is causal, so padding is inert."""
    length = text.shape[1]
    hidden = model.token_embedding(text) + model.positional_embedding[:length]
    hidden = model.ln_final(model.transformer(hidden, attn_mask=model.attn_mask[:length, :length]))
    pooled = hidden[torch.arange(len(text)), text.argmax(dim=1)]
    return functional.normalize(pooled @ model.text_projection, dim=-1)


def _augmented(pixels: Tensor, flip: Tensor, seed: int) -> Tensor:
    """In 0..1: mirrored where asked, a little lighter or darker, and one in four with noise."""
    generator = torch.Generator().manual_seed(seed)
    pictures = pixels.float() / 255
    pictures = torch.where(flip.view(-1, 1, 1, 1), pictures.flip(-1), pictures)
    gain = 0.9 + 0.2 * torch.rand(len(pictures), 3, 1, 1, generator=generator)
    noisy = (torch.rand(len(pictures), 1, 1, 1, generator=generator) < 0.25).float()
    noise = 0.04 * torch.randn(pictures.shape, generator=generator)
    return (pictures * gain + noisy * noise).clamp(0, 1)


def _material(work: Path, count: int, seed: int) -> Material:
    """Drawn once, kept in `work` beside the checkpoint."""
    scenes = tuple(make_scene(_TRAINING_SEED + seed, item) for item in range(count))
    kept = work / f"scenes-{seed}-{count}.npy"
    if not kept.is_file():
        work.mkdir(parents=True, exist_ok=True)
        np.save(kept, np.stack([_small(scene) for scene in scenes]))
    return Material(scenes, torch.from_numpy(np.load(kept)).permute(0, 3, 1, 2).contiguous())


def _small(scene: Scene) -> NDArray[np.uint8]:
    side = architecture.IMAGE
    return np.asarray(draw_scene(scene).resize((side, side), Image.Resampling.BICUBIC))
