"""One run in two stages: 1,714 concepts first, so that 200 can be judged unseen; then all 1,914."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from workbench.recipes.emoji_clip import model as architecture
from workbench.recipes.emoji_clip import texts, tokenizer
from workbench.recipes.emoji_clip.batches import Material, Mix, batch, held_out, load_material

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

Log = Callable[[dict[str, Any]], None]
_CHECKPOINT_EVERY = 100
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
) -> dict[str, Tensor]:
    """Train one stage from `start` (or from scratch); returns the averaged weights.

    `folder` keeps a checkpoint and `log.jsonl`; a run that was killed goes on from the checkpoint.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model: Any = architecture.build(learned.get_vocab_size(), patch_dropout=stage.patch_dropout)
    if start is not None:
        model.load_state_dict(start)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = Optimizer(model, stage)
    first = _resume(folder / "checkpoint.pt", model, average, optimizer)
    log = _logger(folder / "log.jsonl", stage, first)
    for step in range(first, stage.steps):
        began = time.perf_counter()
        loss = _step(step, stage, model, optimizer, material, learned, seed)
        _blend(average, model, min(stage.average, (1 + step) / (10 + step)))
        if step % _LOG_EVERY == 0 or step + 1 == stage.steps:
            seconds = round(time.perf_counter() - began, 2)
            scale = round(model.logit_scale.detach().exp().item(), 2)
            log(
                {
                    "stage": stage.name,
                    "step": step,
                    "loss": round(loss, 4),
                    "scale": scale,
                    "seconds": seconds,
                }
            )
        if (step + 1) % _CHECKPOINT_EVERY == 0 or step + 1 == stage.steps:
            _keep(folder / "checkpoint.pt", step + 1, model, average, optimizer)
    return average


def _step(
    step: int,
    stage: Stage,
    model: Any,
    optimizer: Optimizer,
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
    optimizer.set_rate(_rate(step, stage))
    with torch.autocast("cpu", torch.bfloat16):
        image, words = architecture.embed_pair(model, pictures, text)
    loss = architecture.contrastive_loss(image, words, model.logit_scale)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, math.log(100))
    return float(loss.detach())


class Optimizer:
    """Muon for the matrices inside the blocks, AdamW for everything else, behind one interface.

    At this length of training Muon needs about half the steps of AdamW alone (measured, see the card).

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers".
    """

    def __init__(self, model: nn.Module, stage: Stage) -> None:
        named = list(model.named_parameters())
        hidden = [value for name, value in named if value.ndim == 2 and "resblocks" in name]
        others = [value for name, value in named if not (value.ndim == 2 and "resblocks" in name)]
        self._parts = [
            (
                torch.optim.Muon(hidden, lr=stage.muon, momentum=0.95, weight_decay=stage.weight_decay),
                stage.muon,
            ),
            (
                torch.optim.AdamW(others, lr=stage.peak, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.0),
                stage.peak,
            ),
        ]

    def set_rate(self, share: float) -> None:
        """Both learning rates to this share of their peak."""
        for part, peak in self._parts:
            for group in part.param_groups:
                group["lr"] = share * peak

    def step(self) -> None:
        for part, _ in self._parts:
            part.step()
            part.zero_grad()

    def state_dict(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part, _ in self._parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for (part, _), state in zip(self._parts, states, strict=True):
            part.load_state_dict(state)


def _rate(step: int, stage: Stage) -> float:
    if step < stage.warm_up:
        return (step + 1) / stage.warm_up
    along = (step - stage.warm_up) / max(1, stage.steps - stage.warm_up)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * along)) / 2


@torch.no_grad()
def _blend(average: dict[str, Tensor], model: nn.Module, keep: float) -> None:
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - keep)


def _keep(path: Path, step: int, model: nn.Module, average: dict[str, Tensor], optimizer: Optimizer) -> None:
    part = path.with_suffix(".part")
    state = {
        "step": step,
        "model": model.state_dict(),
        "average": average,
        "optimizer": optimizer.state_dict(),
    }
    torch.save(state, part)
    part.replace(path)


def _resume(path: Path, model: nn.Module, average: dict[str, Tensor], optimizer: Optimizer) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    average.update(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _logger(path: Path, stage: Stage, first: int) -> Log:
    """Lines of JSON; what a killed run wrote after its checkpoint is dropped."""
    lines = path.read_text("utf-8").splitlines() if path.is_file() and first else []
    kept = [line for line in lines if json.loads(line).get("step", -1) < first]
    if not kept:
        kept = [json.dumps({"settings": asdict(stage)})]
    path.write_text("\n".join(kept) + "\n", "utf-8")

    def log(entry: dict[str, Any]) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    return log


def _tokenizer(work: Path) -> Tokenizer:
    """Learned once; a text of a held-out concept may shape a token, never a weight."""
    path = work / "tokenizer.json"
    if not path.is_file():
        tokenizer.learn(texts.vocabulary(work)).save(str(path))
    return Tokenizer.from_file(str(path))
