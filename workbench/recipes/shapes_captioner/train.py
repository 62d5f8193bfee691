"""One run: every scene with its caption in both languages, the things in a new order each time."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from workbench.data.scenes import SIDE, Scene, draw_scene, make_scene
from workbench.recipes.shapes_captioner import model as architecture
from workbench.recipes.shapes_captioner.language import LANGUAGES, PAD, START, learn, say
from workbench.recipes.shapes_clip.language import mirrored
from workbench.recipes.training import Training

__all__ = ["NAMES", "Settings", "nats", "run", "train"]

NAMES = {
    "transformer": "shapes-captioner",
    "attention": "shapes-captioner-attention",
    "pooled": "shapes-captioner-pooled",
}
_LOG_EVERY = 25
_TRAINING_SEED = 1_000  # scenes of seeds below are never trained on: `data.load("shapes", seed=0)` is unseen
_PAIRS_SEED = 1_000_000
_SHOWS = 3.0  # pixels from a thing's circle to the middle of a patch that still shows part of it


@dataclass(frozen=True)
class Settings:
    """How it is trained; what is stored is the running average of the weights."""

    scenes: int = 50_000
    pairs: int = 30_000
    pairs_share: float = 0.5
    pairs_from: int = 1_100
    place_weight: float = 1.0
    place_from: int = 1_400
    steps: int = 2_800
    batch_size: int = 64
    peak: float = 2e-3
    muon: float = 0.02
    warm_up: int = 50
    weight_decay: float = 0.02
    average: float = 0.995


@dataclass(frozen=True)
class Material:
    """Training scenes and their pictures, scene x channel x row x col, uint8."""

    scenes: tuple[Scene, ...]
    pixels: Tensor
    plain: int


def run(
    work: Path, weights: Path, *, kind: str = "transformer", seed: int = 0, settings: Settings | None = None
) -> None:
    """Train a captioner of a kind and export it; a run that was killed goes on from its checkpoint.

    All kinds see the same scenes and captions in the same order, for as many steps.
    """
    chosen, tokenizer = settings or Settings(), learn()
    material = _material(work, chosen.scenes, chosen.pairs, seed)
    torch.manual_seed(seed)
    if kind == "transformer":
        model: nn.Module = architecture.build(tokenizer)
    else:
        model = architecture.build_ancestor(tokenizer, attends=kind == "attention")
    state = train(model, chosen, material, tokenizer, work / kind, seed=seed)
    folder = weights / NAMES[kind]
    architecture.export(state, tokenizer, folder)
    log = (work / kind / "log.jsonl").read_text("utf-8")
    (folder / "training_log.jsonl").write_text(log, "utf-8")


def train(
    model: nn.Module,
    settings: Settings,
    material: Material,
    tokenizer: Tokenizer,
    folder: Path,
    *,
    seed: int = 0,
    every: int = 100,
) -> dict[str, Tensor]:
    """The averaged weights; `folder` keeps a checkpoint (`every` so many steps) and `log.jsonl`."""
    taught = architecture.Taught(model)
    taught.plain_attention()
    training = Training(taught, settings, folder, every=every, blocks=architecture.BLOCKS)
    began = time.process_time()
    for step in range(training.first, settings.steps):
        told = _step(step, settings, taught, training, material, tokenizer, seed)
        if step % _LOG_EVERY == 0 or step + 1 == settings.steps:
            seconds = round(time.process_time() - began, 1)
            training.log(
                step=step, **{name: round(value, 4) for name, value in told.items()}, cpu_seconds=seconds
            )
        training.keep(step)
    own = "model."
    return {name[len(own) :]: value for name, value in training.average.items() if name.startswith(own)}


def nats(logits: Tensor, target: Tensor, pad: int) -> Tensor:
    """Nats of each caption: the sum over its words, end included; `logits` caption x place x word."""
    each = functional.cross_entropy(
        logits.flatten(0, 1), target.flatten(), ignore_index=pad, reduction="none"
    )
    return each.view(target.shape).sum(dim=1)


def _step(
    step: int,
    settings: Settings,
    model: architecture.Taught,
    training: Training,
    material: Material,
    tokenizer: Tokenizer,
    seed: int,
) -> dict[str, float]:
    """One update; told are nats a word, nats a caption above the floor ln n!, and pixels.

    The floor is the free choice of an order of things; pairs, whose captions state a relation, stand apart.
    Pixels are the mean distance along an axis from the centres that patches tell to the true ones.

    All that is random in it follows from seed and step, so a resumed run is the same.
    """
    chance = random.Random(f"shapes-captioner/{seed}/{step}")
    two = round(settings.pairs_share * settings.batch_size) if step >= settings.pairs_from else 0
    rows = chance.sample(range(material.plain), settings.batch_size - two)
    rows += chance.sample(range(material.plain, len(material.scenes)), two)
    flip = [chance.random() < 0.5 for _ in rows]
    scenes = [
        mirrored(material.scenes[row]) if turned else material.scenes[row]
        for row, turned in zip(rows, flip, strict=True)
    ]
    pixels = (material.pixels[rows].float() / 255 - architecture.MEAN) / architecture.STD
    pixels = torch.where(torch.tensor(flip).view(-1, 1, 1, 1), pixels.flip(-1), pixels)
    read, target = batch(
        tokenizer, [[say(scene, tongue, chance) for tongue in LANGUAGES] for scene in scenes]
    )
    with torch.autocast("cpu", torch.bfloat16):
        logits, centres = model(pixels, read)
    pad: int = tokenizer.get_vocab()[PAD]
    each = nats(logits.float(), target, pad)
    loss = each.sum() / target.ne(pad).sum()
    true, shown = centres_of(scenes)
    away = (centres.float()[shown] - true[shown]).abs().mean()
    training.update(step, loss + (settings.place_weight if step >= settings.place_from else 0.0) * away)
    floor = torch.tensor([math.lgamma(len(scene.things) + 1) for scene in scenes])
    above = each.detach().view(-1, len(LANGUAGES)).mean(dim=1) - floor
    paired = torch.tensor([len(scene.things) == 2 for scene in scenes])
    told = {
        "loss": loss.detach(),
        "above_floor": above[~paired].mean(),
        "pairs_above_floor": above[paired].mean(),
    }
    return {name: float(value) for name, value in told.items()} | {"pixels": float(away.detach()) * SIDE / 2}


def centres_of(scenes: list[Scene]) -> tuple[Tensor, Tensor]:
    """The centre of the nearest thing, picture x patch x (row, col) in -1 to 1; whether a patch shows it."""
    side = architecture.IMAGE // architecture.PATCH
    middle = (np.arange(side) + 0.5) * SIDE / side
    grid = np.stack(np.meshgrid(middle, middle, indexing="ij"), axis=-1).reshape(-1, 2)
    true, shown = np.zeros((len(scenes), side * side, 2)), np.zeros((len(scenes), side * side), bool)
    for item, scene in enumerate(scenes):
        centres = np.array([(thing.row, thing.col) for thing in scene.things])
        gaps = np.linalg.norm(grid[:, None] - centres, axis=2) - [thing.radius for thing in scene.things]
        true[item] = centres[gaps.argmin(axis=1)] / (SIDE / 2) - 1
        shown[item] = gaps.min(axis=1) < _SHOWS
    return torch.from_numpy(true).float(), torch.from_numpy(shown)


def batch(tokenizer: Tokenizer, texts: list[list[str]]) -> tuple[Tensor, Tensor]:
    """What the decoder reads and what it shall write, caption x place; captions of a scene stand together.

    It reads the mark of the language and then the caption, and writes the caption and then the end.
    """
    ids = tokenizer.get_vocab()
    pad, starts = ids[PAD], [ids[START[tongue]] for tongue in LANGUAGES]
    rows = [tokenizer.encode(text).ids for both in texts for text in both]
    longest = max(map(len, rows))
    target = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
    marks = torch.tensor(starts * len(texts))[:, None]
    return torch.cat([marks, target[:, :-1]], dim=1), target


def _material(work: Path, count: int, pairs: int, seed: int) -> Material:
    """Drawn once, kept in `work` beside the checkpoint."""
    plain = [make_scene(_TRAINING_SEED + seed, item) for item in range(count)]
    larger = (make_scene(_PAIRS_SEED + seed, item) for item in range(2 * pairs))
    two = [Scene(scene.things[:2]) for scene in larger if len(scene.things) > 1][:pairs]
    scenes = (*plain, *two)
    kept = work / f"scenes-{seed}-{count}-{pairs}.npy"
    if not kept.is_file():
        work.mkdir(parents=True, exist_ok=True)
        np.save(kept, np.stack([_small(scene) for scene in scenes]))
    pixels = torch.from_numpy(np.load(kept)).permute(0, 3, 1, 2).contiguous()
    return Material(scenes, pixels, len(plain))


def _small(scene: Scene) -> NDArray[np.uint8]:
    side = architecture.IMAGE
    return np.asarray(draw_scene(scene).resize((side, side), Image.Resampling.BICUBIC))
