"""One run in two stages: 1,714 concepts first, so that 200 can be judged unseen; then all 1,914."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from workbench.recipes.emoji_clip import model as architecture
from workbench.recipes.emoji_clip import texts, tokenizer
from workbench.recipes.emoji_clip.batches import Material, Mix, batch, held_out, load_material
from workbench.recipes.training import Training

__all__ = ["STAGES", "Stage", "run", "train_stage"]


@dataclass(frozen=True)
class Stage:
    """One stretch of training: its length, its learning rate, and whether 200 concepts are left out."""

    name: str
    steps: int
    peak: float
    muon: float
    warm_up: int
    leave_out: bool
    batch_size: int = 256
    whole_pictures: float = 0.12  # last share of the steps, without patch dropout
    patch_dropout: float = 0.5
    weight_decay: float = 0.05
    average: float = 0.995  # of the weights, what is exported
    mix: Mix = field(default_factory=Mix)


STAGES = (
    Stage("emoji-clip-heldout", steps=1000, peak=3e-3, muon=0.02, warm_up=80, leave_out=True),
    Stage(
        "emoji-clip",
        steps=700,
        peak=2e-3,
        muon=0.015,
        warm_up=40,
        leave_out=False,
        # Random batches taught the groups and left faces and flags mixed up among themselves.
        mix=Mix(near=0.5, shipped=0.25),
    ),
)

_LOG_EVERY = 20


def run(work: Path, weights: Path, *, seed: int = 0, stages: tuple[Stage, ...] = STAGES) -> None:
    """Train all stages one after the other, exporting each to `weights/STAGE`; resumes where it stopped."""
    learned = _tokenizer(work)
    start: dict[str, Tensor] | None = None
    for stage in stages:
        material = load_material(work, without=held_out() if stage.leave_out else frozenset())
        start = train_stage(stage, material, learned, work / "runs" / stage.name, start=start, seed=seed)
        architecture.export(start, learned, weights / stage.name)
        log = (work / "runs" / stage.name / "log.jsonl").read_text("utf-8")
        (weights / stage.name / "training_log.jsonl").write_text(log, "utf-8")


def train_stage(
    stage: Stage,
    material: Material,
    learned: Tokenizer,
    folder: Path,
    *,
    start: dict[str, Tensor] | None = None,
    seed: int = 0,
    every: int = 100,
) -> dict[str, Tensor]:
    """Train one stage from `start` (or from scratch); returns the averaged weights.

    `folder` keeps a checkpoint (`every` so many steps) and `log.jsonl`; a run that was killed goes on
    from the checkpoint.
    """
    torch.manual_seed(seed)
    model: Any = architecture.build(learned.get_vocab_size(), patch_dropout=stage.patch_dropout)
    if start is not None:
        model.load_state_dict(start)
    training = Training(model, stage, folder, epsilon=1e-6, every=every)
    for step in range(training.first, stage.steps):
        began = time.perf_counter()
        loss = _step(step, stage, model, training, material, learned, seed)
        if step % _LOG_EVERY == 0 or step + 1 == stage.steps:
            seconds = round(time.perf_counter() - began, 2)
            scale = round(model.logit_scale.detach().exp().item(), 2)
            training.log(stage=stage.name, step=step, loss=round(loss, 4), scale=scale, seconds=seconds)
        training.keep(step)
    return training.average


def _step(
    step: int,
    stage: Stage,
    model: Any,
    training: Training,
    material: Material,
    learned: Tokenizer,
    seed: int,
) -> float:
    """One update; all that is random in it follows from seed and step, so a resumed run is the same."""
    whole = step >= (1 - stage.whole_pictures) * stage.steps
    model.train()
    if whole and not isinstance(model.visual.patch_dropout, nn.Identity):
        model.visual.patch_dropout = nn.Identity()
    torch.manual_seed(seed * 1_000_003 + step)
    chance = random.Random(f"{stage.name}/{seed}/{step}")
    pictures, text = batch(material, stage.batch_size, learned, chance, stage.mix)
    with torch.autocast("cpu", torch.bfloat16):
        image, words = architecture.embed_pair(model, pictures, text)
    loss = architecture.contrastive_loss(image, words, model.logit_scale)
    training.update(step, loss)
    return float(loss.detach())


def _tokenizer(work: Path) -> Tokenizer:
    """Learned once; a text of a held-out concept may shape a token, never a weight."""
    path = work / "tokenizer.json"
    if not path.is_file():
        tokenizer.learn(texts.vocabulary(work)).save(str(path))
    return Tokenizer.from_file(str(path))
