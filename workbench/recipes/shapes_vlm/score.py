"""What a state answers about scenes it has never seen, and what its eye knows of places and relations."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoProcessor, LlavaForConditionalGeneration

from workbench import data
from workbench.data.pairs import Pairs
from workbench.data.scene_language import Language, caption
from workbench.data.scenes import SIDE, Scene
from workbench.data.wordings import HELD_OUT, TASKS, TRAINED, YES
from workbench.metrics import wilson
from workbench.recipes.shapes_vlm.language import LANGUAGES, UNASKED
from workbench.recipes.shapes_vlm.model import looked, tokens_of

__all__ = ["Answerer", "captions_of", "measure", "probe"]

_SCENES = 250  # of seed 0; training drew from other seeds
_AT_ONCE = 250
_PROBED = 900  # scenes of seed 1 that a probe is fitted and judged on: two thirds, one third
_PLANTED = 0.8  # share of scenes with a companion where the negatives of existence are compared
_NEGATIVES = ("random", "popular", "adversarial")


class Answerer:
    """A folder opened by transformers' own classes; pictures are looked at once for all their questions."""

    def __init__(self, folder: Path) -> None:
        self.model: Any = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self.processor: Any = AutoProcessor.from_pretrained(folder)
        self.words = self.processor.tokenizer

    @torch.no_grad()
    def look(self, pairs: Pairs) -> Tensor:
        """picture x patch x feature: the eye's states."""
        told = []
        for start in range(0, len(pairs), _AT_ONCE):
            rows = range(start, min(start + _AT_ONCE, len(pairs)))
            pictures = [pairs.picture(row) for row in rows]
            pixels = self.processor.image_processor(pictures, return_tensors="pt")["pixel_values"]
            told.append(looked(self.model.model.vision_tower, pixels))
        return torch.cat(told)

    @torch.no_grad()
    def answer(self, states: Tensor, questions: Sequence[str]) -> list[str]:
        """The greedy answer to each question about its picture, as `model.generate` writes it."""
        prompts = [f"{question}<answer>" for question in questions]
        ids = [self.words(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
        told = [""] * len(ids)
        # Prompts of one length stand together, so nothing is padded.
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        for start in range(0, len(order), _AT_ONCE):
            some = order[start : start + _AT_ONCE]
            for length in sorted({len(ids[row]) for row in some}):
                rows = [row for row in some if len(ids[row]) == length]
                text = self.model.get_input_embeddings()(torch.tensor([ids[row] for row in rows]))
                embedded = torch.cat([tokens_of(self.model, states[rows]), text], dim=1)
                mask = torch.ones(embedded.shape[:2], dtype=torch.long)
                written = self.model.generate(inputs_embeds=embedded, attention_mask=mask)
                for row, answer in zip(
                    rows, self.words.batch_decode(written, skip_special_tokens=True), strict=True
                ):
                    told[row] = answer
        return told


def measure(folder: Path, *, scenes: int = _SCENES, probed: int = _PROBED) -> dict[str, Any]:
    """Figures of one state with their n, intervals, majority answers and blind lines.

    Keys: `en` and `zh`, each task -> `trained` wordings (those of this state) and `held_out`; `unasked`,
    captions without an instruction; `negatives`, existence with three kinds of absent things; `probe`, what
    the eye carries.
    """
    answerer = Answerer(folder)
    drawn = data.load("shapes", n=scenes, seed=0)
    states, shown = answerer.look(drawn), list(drawn.columns["scene"])
    figures: dict[str, Any] = {"scenes": scenes, "seed": 0, "unasked": {}}
    for language in LANGUAGES:
        figures[language] = {task: {} for task in TASKS}
        for name, numbers in (("trained", _trained(folder)), ("held_out", HELD_OUT)):
            asked = data.load("shapes-instructions", n=scenes, seed=0, wordings=numbers, language=language)
            for task, cell in _cells(answerer, states, shown, asked).items():
                figures[language][task][name] = cell
        told = answerer.answer(states, [UNASKED[language]] * scenes)
        right = [text in captions_of(scene, language) for text, scene in zip(told, shown, strict=True)]
        figures["unasked"][language] = _share(right)
    figures["negatives"] = _negatives(answerer, scenes)
    figures["probe"] = probe(answerer, scenes=probed)
    return figures


def captions_of(scene: Scene, language: Language) -> set[str]:
    """Every true caption of a scene: its things in any order."""
    return {caption(Scene(order), language) for order in permutations(scene.things)}


def probe(answerer: Answerer, *, scenes: int = _PROBED) -> dict[str, Any]:
    """Linear classifiers on the frozen states of the patches that hold the centres of things.

    `place`: which of nine fields, from one state; `relation`: which of four, from the states of two things.
    Where these fail, no tuning of what comes behind a frozen eye could succeed.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pairs = data.load("shapes", n=scenes, seed=1)
    states = answerer.look(pairs).numpy()
    train = scenes * 2 // 3
    told = {}
    for name, rows in (("place", _placed(states, pairs)), ("relation", _related(states, pairs))):
        items, features, labels = rows
        known = items < train
        fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(
            features[known], labels[known]
        )
        right = fitted.predict(features[~known]) == labels[~known]
        usual = Counter(labels[~known].tolist()).most_common(1)[0][1] / len(right)
        told[name] = _share(right.tolist()) | {"majority": usual}
    return told


def _trained(folder: Path) -> tuple[int, ...]:
    """The wordings that this state was trained on; of one that was asked nothing, those of the others."""
    first = (folder / "training_log.jsonl").read_text("utf-8").splitlines()[0]
    return TRAINED[: json.loads(first)["settings"]["wordings"]] or TRAINED


def _cells(answerer: Answerer, states: Tensor, shown: list[Scene], asked: Pairs) -> dict[str, dict[str, Any]]:
    """Each task's figures, with the pictures and with another scene's."""
    place = {scene: row for row, scene in enumerate(shown)}
    rows = [place[scene] for scene in asked.columns["scene"]]
    others = [(row + 1) % len(shown) for row in rows]
    labels = asked.labels or ()
    seen = answerer.answer(states[rows], asked.texts)
    blind = answerer.answer(states[others], asked.texts)
    told: dict[str, dict[str, Any]] = {}
    for task in TASKS:
        own = [k for k, name in enumerate(asked.columns["task"]) if name == task]
        cell = _share([_right(seen[k], asked, k) for k in own])
        cell["blind"] = float(np.mean([_right(blind[k], asked, k) for k in own]))
        if task != "caption":
            usual = Counter(labels[k] for k in own).most_common(1)[0]
            cell["majority"] = usual[1] / len(own)
        if task in ("existence", "relation"):
            cell["yes"] = float(np.mean([seen[k] in YES for k in own]))
        told[task] = cell
    return told


def _negatives(answerer: Answerer, scenes: int) -> dict[str, dict[str, Any]]:
    told = {}
    for kind in _NEGATIVES:
        asked = data.load(
            "shapes-instructions", n=scenes, seed=0, task="existence", negatives=kind, planted=_PLANTED
        )
        seen = answerer.answer(answerer.look(asked), asked.texts)
        cell = _share([_right(seen[k], asked, k) for k in range(len(asked))])
        told[kind] = cell | {"yes": float(np.mean([answer in YES for answer in seen]))}
    return told


def _right(answer: str, asked: Pairs, row: int) -> bool:
    if asked.columns["task"][row] == "caption":
        return answer in captions_of(asked.columns["scene"][row], asked.columns["language"][row])
    return asked.labels is not None and answer == asked.labels[row]


def _share(right: Sequence[bool]) -> dict[str, Any]:
    value, low, high = wilson(sum(map(int, right)), len(right))
    return {"value": value, "low": low, "high": high, "n": len(right)}


def _centre(states: NDArray[np.float32], item: int, scene: Scene, thing: int) -> NDArray[np.float32]:
    side = round(states.shape[1] ** 0.5)
    row, col = (int(at * side // SIDE) for at in (scene.things[thing].row, scene.things[thing].col))
    return states[item, row * side + col]


def _placed(states: NDArray[np.float32], pairs: Pairs) -> tuple[NDArray[Any], ...]:
    found = [
        (item, _centre(states, item, scene, k), int(thing.row * 3 // SIDE) * 3 + int(thing.col * 3 // SIDE))
        for item, scene in enumerate(pairs.columns["scene"])
        for k, thing in enumerate(scene.things)
    ]
    return tuple(np.array(column) for column in zip(*found, strict=True))


def _related(states: NDArray[np.float32], pairs: Pairs) -> tuple[NDArray[Any], ...]:
    found = [
        (item, np.concatenate([_centre(states, item, scene, k) for k in (0, 1)]), scene.relation(0, 1))
        for item, scene in enumerate(pairs.columns["scene"])
        if len(scene.things) > 1 and scene.relation(0, 1)
    ]
    return tuple(np.array(column) for column in zip(*found, strict=True))
