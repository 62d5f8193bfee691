"""One run: captions against captions, and every phrase against every picture that holds its thing."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from workbench.data.scenes import Scene, draw_scene, make_scene
from workbench.recipes.emoji_clip.batches import tokens
from workbench.recipes.emoji_clip.model import embed_pair
from workbench.recipes.shapes_clip import model as architecture
from workbench.recipes.shapes_clip.language import learn, mirrored, phrases, positives, say, say_wrongly

__all__ = ["NAME", "Settings", "caption_loss", "phrase_loss", "run", "train"]

NAME = "shapes-clip"
_LOG_EVERY = 25
_TRAINING_SEED = 1_000  # scenes of seeds below are never trained on: `data.load("shapes", seed=0)` is unseen
Log = Callable[[dict[str, Any]], None]


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
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model: Any = architecture.build(tokenizer.get_vocab_size())
    average = {name: value.clone() for name, value in model.state_dict().items()}
    optimizers = _optimizers(model, settings)
    first = _resume(folder / "checkpoint.pt", model, average, optimizers)
    log = _logger(folder / "log.jsonl", settings, first)
    for step in range(first, settings.steps):
        began = time.perf_counter()
        losses = _step(step, settings, model, optimizers, material, tokenizer, seed)
        _blend(average, model, min(settings.average, (1 + step) / (10 + step)))
        if step % _LOG_EVERY == 0 or step + 1 == settings.steps:
            seconds = round(time.perf_counter() - began, 2)
            log({"step": step, **{k: round(v, 4) for k, v in losses.items()}, "seconds": seconds})
        if (step + 1) % every == 0 or step + 1 == settings.steps:
            _keep(folder / "checkpoint.pt", step + 1, model, average, optimizers)
    return average


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
    optimizers: list[tuple[torch.optim.Optimizer, float]],
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
    share = _rate(step, settings)
    for optimizer, peak in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = share * peak
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
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer, _ in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        model.logit_scale.clamp_(0, math.log(100))
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


def _optimizers(model: nn.Module, settings: Settings) -> list[tuple[torch.optim.Optimizer, float]]:
    """Muon for the matrices inside the blocks, AdamW for all else; each with its peak rate.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers".
    """
    named = list(model.named_parameters())
    hidden = [value for name, value in named if value.ndim == 2 and "resblocks" in name]
    others = [value for name, value in named if not (value.ndim == 2 and "resblocks" in name)]
    decay = settings.weight_decay
    return [
        (torch.optim.Muon(hidden, lr=settings.muon, momentum=0.95, weight_decay=decay), settings.muon),
        (torch.optim.AdamW(others, lr=settings.peak, betas=(0.9, 0.98), weight_decay=0.0), settings.peak),
    ]


def _rate(step: int, settings: Settings) -> float:
    if step < settings.warm_up:
        return (step + 1) / settings.warm_up
    along = (step - settings.warm_up) / max(1, settings.steps - settings.warm_up)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * along)) / 2


@torch.no_grad()
def _blend(average: dict[str, Tensor], model: nn.Module, keep: float) -> None:
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - keep)


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


def _keep(
    path: Path,
    step: int,
    model: nn.Module,
    average: dict[str, Tensor],
    optimizers: list[tuple[torch.optim.Optimizer, float]],
) -> None:
    part = path.with_suffix(".part")
    states = [optimizer.state_dict() for optimizer, _ in optimizers]
    torch.save({"step": step, "model": model.state_dict(), "average": average, "optimizers": states}, part)
    part.replace(path)


def _resume(
    path: Path,
    model: nn.Module,
    average: dict[str, Tensor],
    optimizers: list[tuple[torch.optim.Optimizer, float]],
) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    average.update(state["average"])
    for (optimizer, _), kept in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(kept)
    return int(state["step"])


def _logger(path: Path, settings: Settings, first: int) -> Log:
    """Lines of JSON; what a killed run wrote after its checkpoint is dropped."""
    lines = path.read_text("utf-8").splitlines() if path.is_file() and first else []
    kept = [line for line in lines if json.loads(line).get("step", -1) < first]
    path.write_text("\n".join(kept or [json.dumps({"settings": asdict(settings)})]) + "\n", "utf-8")

    def log(entry: dict[str, Any]) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    return log
