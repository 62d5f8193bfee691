"""One run in two stages: 1,714 concepts first, so that 200 can be judged unseen; then all 1,914.

On a CPU batches are drawn as they are needed. On a GPU everything lies there beforehand (`deck`), a
batch is all concepts at once, and as many steps are taken as fit into the minutes there are.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from workbench.recipes.emoji_clip import model as architecture
from workbench.recipes.emoji_clip import texts, tokenizer
from workbench.recipes.emoji_clip.batches import Material, Mix, batch, held_out, load_material
from workbench.recipes.emoji_clip.deck import Deck
from workbench.recipes.training import Training

__all__ = ["LENT", "STAGES", "Stage", "learned_tokenizer", "run", "steps_in", "train_stage"]

_log = logging.getLogger(__name__)


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
    strength: float = 1.0  # of the augmentation
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
# A GPU for some minutes. A batch of all concepts has every hard negative in it.
LENT = (
    replace(STAGES[0], steps=4000, warm_up=100, batch_size=1714, average=0.999),
    replace(STAGES[1], steps=6000, warm_up=100, batch_size=1914, average=0.999, mix=Mix(shipped=0.25)),
)

_LOG_EVERY, _LOG_EVERY_QUICK = 20, 100
_TIMED = 20  # steps


def run(
    work: Path,
    weights: Path,
    *,
    seed: int = 0,
    stages: tuple[Stage, ...] | None = None,
    resume: bool = False,
    minutes: float | None = None,
) -> None:
    """Train all stages one after the other, exporting each to `weights/STAGE`; resumes where it stopped.

    Args:
        stages: None takes `LENT` where torch sees a GPU, else `STAGES`.
        resume: begin at the weights of the first stage in `weights`, not at random ones.
        minutes: take as many steps as fit; None takes the steps of the stages.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    chosen = stages or (LENT if device.type == "cuda" else STAGES)
    learned = learned_tokenizer(work)
    start = architecture.stored(weights / chosen[0].name) if resume else None
    begins = f"{chosen[0].name} as it was" if resume else "nothing"
    left = None if minutes is None else 60 * minutes
    for place, stage in enumerate(chosen):
        began = time.perf_counter()
        hidden = held_out(groups=texts.groups(work)) if stage.leave_out else frozenset[str]()
        material = load_material(work, without=hidden)
        source = Deck(material, learned, device) if device.type == "cuda" else material
        if left is not None:
            ready = time.perf_counter() - began
            stage = steps_in(_share_of(chosen, place) * left - ready, stage, source, learned)
        folder = work / "runs" / stage.name
        kept: dict[str, Any] = {"start": start, "begins": begins, "every": _every(stage)}
        start, begins = train_stage(stage, source, learned, folder, seed=seed, **kept), stage.name
        architecture.export(start, learned, weights / stage.name)
        log = (folder / "log.jsonl").read_text("utf-8")
        (weights / stage.name / "training_log.jsonl").write_text(log, "utf-8")
        left = None if left is None else left - (time.perf_counter() - began)


def train_stage(
    stage: Stage,
    source: Material | Deck,
    learned: Tokenizer,
    folder: Path,
    *,
    start: dict[str, Tensor] | None = None,
    begins: str = "nothing",
    seed: int = 0,
    every: int = 100,
) -> dict[str, Tensor]:
    """Train one stage from `start` (or from scratch); returns the averaged weights.

    `folder` keeps a checkpoint (`every` so many steps) and `log.jsonl`; a run that was killed goes on
    from the checkpoint. `begins` says in the log what `start` is. The device is the source's: that of a
    `Deck`, for `Material` the CPU.
    """
    torch.manual_seed(seed)
    model: Any = architecture.build(learned.get_vocab_size(), patch_dropout=stage.patch_dropout)
    if start is not None:
        model.load_state_dict(start)
    training = Training(model.to(_device(source)), stage, folder, epsilon=1e-6, every=every)
    if not training.first:
        training.log(device=_machine(source), start=begins)
    told, began = training.first - 1, time.perf_counter()
    log_every = _LOG_EVERY if isinstance(source, Material) else _LOG_EVERY_QUICK
    for step in range(training.first, stage.steps):
        loss = _step(step, stage, model, training, source, learned, seed)
        if step % log_every == 0 or step + 1 == stage.steps:
            value = round(float(loss), 4)  # a GPU is waited for here, and only here
            scale = round(model.logit_scale.detach().exp().item(), 2)
            seconds = round((time.perf_counter() - began) / (step - told), 4)  # of a step
            training.log(stage=stage.name, step=step, loss=value, scale=scale, seconds=seconds)
            told, began = step, time.perf_counter()
        training.keep(step)
    return training.average


def steps_in(seconds: float, stage: Stage, source: Material | Deck, learned: Tokenizer) -> Stage:
    """The stage with as many steps as fit into `seconds`, by the pace of a few that are thrown away.

    Two in a hundred of the time are left over for the checkpoints.
    """
    model: Any = architecture.build(learned.get_vocab_size(), patch_dropout=stage.patch_dropout)
    training = Training(model.to(_device(source)), replace(stage, steps=10**9), None, epsilon=1e-6)
    began = time.perf_counter()
    for step in range(2 * _TIMED):
        if step == _TIMED:
            started = time.perf_counter()
        loss = _step(step, stage, model, training, source, learned, 0)
        if step + 1 in (_TIMED, 2 * _TIMED):
            float(loss)
    pace = (time.perf_counter() - started) / _TIMED
    fitting = int(0.98 * (seconds - (time.perf_counter() - began)) / pace)
    steps = max(2 * stage.warm_up, fitting)
    _log.info("%s: %.0f ms a step, %d steps in %.0f s", stage.name, 1000 * pace, steps, seconds)
    return replace(stage, steps=steps)


def learned_tokenizer(work: Path) -> Tokenizer:
    """Learned once; a text of a held-out concept may shape a token, never a weight."""
    path = work / "tokenizer.json"
    if not path.is_file():
        tokenizer.learn(texts.vocabulary(work)).save(str(path))
    return Tokenizer.from_file(str(path))


def _step(
    step: int,
    stage: Stage,
    model: Any,
    training: Training,
    source: Material | Deck,
    learned: Tokenizer,
    seed: int,
) -> Tensor:
    """One update; all that is random in it follows from seed and step, so a resumed run is the same."""
    whole = step >= (1 - stage.whole_pictures) * stage.steps
    model.train()
    if whole and not isinstance(model.visual.patch_dropout, nn.Identity):
        model.visual.patch_dropout = nn.Identity()
    torch.manual_seed(seed * 1_000_003 + step)
    pictures, text = _drawn(step, stage, source, learned, seed)
    with torch.autocast(pictures.device.type, torch.bfloat16):
        image, words = architecture.embed_pair(model, pictures, text)
    loss = architecture.contrastive_loss(image, words, model.logit_scale)
    training.update(step, loss)
    return loss.detach()


def _drawn(
    step: int, stage: Stage, source: Material | Deck, learned: Tokenizer, seed: int
) -> tuple[Tensor, Tensor]:
    chance = random.Random(f"{stage.name}/{seed}/{step}")
    if isinstance(source, Material):
        return batch(source, stage.batch_size, learned, chance, stage.mix, stage.strength)
    generator = torch.Generator(source.device).manual_seed(chance.getrandbits(60))
    return source.batch(stage.batch_size, stage.mix, generator, stage.strength)


def _device(source: Material | Deck) -> torch.device:
    return source.device if isinstance(source, Deck) else torch.device("cpu")


def _machine(source: Material | Deck) -> str:
    device = _device(source)
    return "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device)


def _share_of(stages: Sequence[Stage], place: int) -> float:
    """Of the time that is left when a stage begins: by its steps, those of a GPU costing alike."""
    return stages[place].steps / sum(stage.steps for stage in stages[place:])


def _every(stage: Stage) -> int:
    return 100 if stage.batch_size < 1000 else 2000
