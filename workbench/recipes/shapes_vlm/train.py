"""Three runs: captions alone; then, from there, instructions in one wording; or in six, in two languages."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.data.scene_language import Language, ask, caption
from workbench.data.scenes import Scene, draw_scene, make_scene
from workbench.data.wordings import TASKS, TRAINED, worded
from workbench.recipes.shapes_vlm import model as architecture
from workbench.recipes.shapes_vlm.language import LANGUAGES, UNASKED, reader
from workbench.recipes.shapes_vlm.packing import nats, pack
from workbench.recipes.training import Training

__all__ = ["NAMES", "STATES", "Material", "Settings", "asked_of", "run", "train"]

_LOG_EVERY = 25
_TRAINING_SEED = 1_000  # scenes of seeds below are never trained on: `data.load("shapes", seed=0)` is unseen
_AT_ONCE = 100


@dataclass(frozen=True)
class Settings:
    """How a state is trained; what is stored is the running average of the weights.

    Attributes:
        start: the state it goes on from; "" begins anew.
        wordings: how many of the six wordings of a task; 0 gives captions without an instruction only.
        languages: in which is asked, one a scene; captions without an instruction come in both.
        captions: whether captions without an instruction are mixed in, so that they are not forgotten.
        caption_weight: of a caption's nats beside those of a short answer.
    """

    start: str = ""
    wordings: int = 0
    languages: tuple[Language, ...] = ("en", "zh")
    captions: bool = True
    caption_weight: float = 0.25
    scenes: int = 24_000
    steps: int = 1_200
    batch_size: int = 32
    peak: float = 2e-3
    muon: float = 0.02
    warm_up: int = 30
    weight_decay: float = 0.02
    average: float = 0.99


# Half of the questions of "six" are English, so that it sees as many of those as "one".
STATES = {
    "captions": Settings(),
    "one": Settings(start="captions", wordings=1, languages=("en",), steps=800),
    "six": Settings(start="captions", wordings=6, steps=1_600),
    "forgets": Settings(start="captions", wordings=1, languages=("en",), captions=False, steps=800),
}
NAMES = {
    "captions": "shapes-vlm-captions",
    "one": "shapes-vlm-one-wording",
    "six": "shapes-vlm",
    "forgets": "shapes-vlm-forgets",
}


@dataclass(frozen=True)
class Material:
    """Training scenes and what the eye makes of them, scene x patch x feature, float16."""

    scenes: Sequence[Scene]
    states: Tensor


class Taught(nn.Module):
    """What is trained of the model: projector and language model. The eye has done its work before."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.projector = model.model.multi_modal_projector
        self.language_model = model.model.language_model

    def whole(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Under the names that the whole model has."""
        place = {"projector.": "model.multi_modal_projector.", "language_model.": "model.language_model."}
        told = {}
        for name, value in state.items():
            own = next(start for start in place if name.startswith(start))
            told[place[own] + name[len(own) :]] = value
        return told


def run(state: str, captioner: Path, work: Path, weights: Path, *, seed: int = 0) -> None:
    """Train one state and export it; a run that was killed goes on from its checkpoint.

    Args:
        state: of `STATES`; the one it starts from must have been trained into the same `work`.
        captioner: the folder whose encoder is the eye.
        work: for drawn scenes, checkpoints and logs, a folder a state.
        weights: where the model's folder is written.
        seed: of scenes, first weights and batches.
    """
    chosen = STATES[state]
    eye, see = architecture.eye_of(captioner)
    material = gathered(eye, see, work, chosen.scenes, seed)
    torch.manual_seed(seed)
    model: Any = architecture.build(eye, material.states[:500].float().flatten(0, 1))
    if chosen.start:
        kept = torch.load(work / chosen.start / "checkpoint.pt", map_location="cpu", weights_only=True)
        Taught(model).load_state_dict(kept["average"])
    told = train(model, chosen, material, work / state, seed=seed)
    folder = weights / NAMES[state]
    architecture.export(told, eye, see, folder)
    log = (work / state / "log.jsonl").read_text("utf-8")
    (folder / "training_log.jsonl").write_text(log, "utf-8")


def train(
    model: Any, settings: Settings, material: Material, folder: Path, *, seed: int = 0, every: int = 50
) -> dict[str, Tensor]:
    """The averaged weights; `folder` keeps a checkpoint (`every` so many steps) and `log.jsonl`."""
    model.set_attn_implementation("eager")  # its backward pass takes half the time of the fused one on a CPU
    taught, words = Taught(model), reader(architecture.CONTEXT)
    training = Training(taught, settings, folder, every=every, blocks=architecture.BLOCKS)
    began = time.process_time()
    for step in range(training.first, settings.steps):
        chance = random.Random(f"shapes-vlm/{seed}/{settings.wordings}/{settings.captions}/{step}")
        rows = chance.sample(range(len(material.scenes)), settings.batch_size)
        asked = [asked_of(material.scenes[row], settings, chance) for row in rows]
        packed = pack(words, [[(question, answer) for _, question, answer in each] for each in asked])
        with torch.autocast("cpu", torch.bfloat16):
            each = nats(model, material.states[rows].float(), packed)
        tasks = [[task for task, _, _ in questions] for questions in asked]
        weight = torch.tensor(
            [
                [settings.caption_weight if task == "caption" else 1.0 for task in row]
                + [0.0] * (each.shape[1] - len(row))
                for row in tasks
            ]
        )
        training.update(step, (each * weight).sum() / weight.sum())
        if step % _LOG_EVERY == 0 or step + 1 == settings.steps:
            seconds = round(time.process_time() - began, 1)
            training.log(step=step, **_by_task(tasks, each.detach()), cpu_seconds=seconds)
        training.keep(step)
    return taught.whole(training.average)


def asked_of(scene: Scene, settings: Settings, chance: random.Random) -> list[tuple[str, str, str]]:
    """(task, instruction, answer) of one scene for one step; captions name the things in any order."""
    told = []
    if settings.captions or not settings.wordings:
        for language in LANGUAGES if settings.wordings else LANGUAGES * 2:
            told.append(("caption", UNASKED[language], _shuffled(scene, language, chance)))
    if not settings.wordings:
        return told
    language = chance.choice(settings.languages)
    for task in TASKS:
        number = TRAINED[chance.randrange(settings.wordings)]
        if task == "caption":
            told.append((task, worded(task, number, language), _shuffled(scene, language, chance)))
        elif (asked := ask(scene, task, chance)) is not None:
            told.append((task, *asked.said(number, language)))
    return told


def gathered(eye: Any, see: Any, work: Path, count: int, seed: int) -> Material:
    """Scenes drawn and looked at once; the states are kept in `work` beside the checkpoints."""
    scenes = tuple(make_scene(_TRAINING_SEED + seed, item) for item in range(count))
    kept = work / f"states-{seed}-{count}.npy"
    if not kept.is_file():
        work.mkdir(parents=True, exist_ok=True)
        np.save(kept, np.concatenate([_seen(eye, see, scenes[k : k + _AT_ONCE]) for k in _starts(count)]))
    return Material(scenes, torch.from_numpy(np.load(kept)))


def _starts(count: int) -> range:
    return range(0, count, _AT_ONCE)


def _seen(eye: Any, see: Any, scenes: Sequence[Scene]) -> NDArray[np.float16]:
    pixels = see([draw_scene(scene) for scene in scenes], return_tensors="pt")["pixel_values"]
    states: NDArray[np.float16] = architecture.looked(eye, pixels).half().numpy()
    return states


def _shuffled(scene: Scene, language: Language, chance: random.Random) -> str:
    return caption(Scene(tuple(chance.sample(scene.things, len(scene.things)))), language)


def _by_task(tasks: list[list[str]], each: Tensor) -> dict[str, float]:
    """Mean nats of an answer."""
    told: dict[str, list[float]] = {}
    for row, names in enumerate(tasks):
        for column, task in enumerate(names):
            told.setdefault(task, []).append(float(each[row, column]))
    return {task: round(sum(values) / len(values), 4) for task, values in told.items()}
