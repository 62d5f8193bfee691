"""Which settings to take, found without the two things that the finished models are judged by.

A rehearsal never sees the 200 concepts of stage 1 nor OpenMoji. It leaves out another style (EmojiOne)
and another 200 concepts, and is measured on those: what serves drawings by a hand it never met, and
things it never met, is then used for the real run.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from workbench.recipes.emoji_clip import model as architecture
from workbench.recipes.emoji_clip import texts
from workbench.recipes.emoji_clip.art import STYLES, load_style
from workbench.recipes.emoji_clip.batches import IMAGE, Material, held_out, load_material, tokens
from workbench.recipes.emoji_clip.deck import Deck
from workbench.recipes.emoji_clip.train import LENT, Stage, learned_tokenizer, steps_in, train_stage

__all__ = ["LEFT_OUT", "TRIED", "Outcome", "first_of", "plain", "rehearse", "settled"]

LEFT_OUT = next(style for style in STYLES if style.name == "emojione")
_BASE = replace(LENT[0], name="rehearsal", batch_size=1514)
TRIED: dict[str, Stage] = {
    "as it was": _BASE,
    "strength 1.6": replace(_BASE, strength=1.6),
    "strength 1.6, all patches": replace(_BASE, strength=1.6, patch_dropout=0.0),
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """Shares of pictures whose English and Chinese name came first.

    Attributes:
        new_style: drawings of the style left out, of concepts that were trained on, among all names.
        new_things: Twemoji drawings of the 200 concepts left out, among their own 200 names.
    """

    name: str
    steps: int
    loss: float
    new_style: tuple[float, float]
    new_things: tuple[float, float]
    memory: tuple[float, float]

    @property
    def worth(self) -> float:
        """What is compared: the mean of the four shares that were not trained on."""
        return sum(self.new_style + self.new_things) / 4


def rehearse(work: Path, minutes: float, tried: dict[str, Stage] = TRIED) -> list[Outcome]:
    """Try each setting for `minutes`; the outcomes stand in `rehearsal.json` too, the best one first."""
    groups = texts.groups(work)
    judged = held_out(groups=groups)
    unseen = held_out(1, {key: group for key, group in groups.items() if key not in judged})
    styles = tuple(style for style in STYLES if style is not LEFT_OUT)
    material = load_material(work, without=judged | unseen, styles=styles)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    learned = learned_tokenizer(work)
    source = Deck(material, learned, device)
    found: list[Outcome] = []
    for name, stage in tried.items():
        began = time.perf_counter()
        settled = steps_in(60 * minutes, stage, source, learned)
        folder = work / "runs" / f"rehearsal-{len(found)}"
        state = train_stage(settled, source, learned, folder, every=10**9)
        found.append(_outcome(name, settled, state, work, material, unseen, learned, device, folder))
        _log.info("%s (%.0f s): %s", name, time.perf_counter() - began, asdict(found[-1]))
    found.sort(key=lambda one: one.worth, reverse=True)
    (work / "rehearsal.json").write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n", "utf-8")
    return found


def settled(work: Path, tried: dict[str, Stage] = TRIED) -> tuple[Stage, ...] | None:
    """The stages for a GPU, with the settings that a rehearsal in `work` found best; None without one."""
    kept = work / "rehearsal.json"
    if not kept.is_file():
        return None
    found = tried[json.loads(kept.read_text("utf-8"))[0]["name"]]
    names = ("strength", "patch_dropout", "weight_decay")
    return tuple(replace(stage, **{name: getattr(found, name) for name in names}) for stage in LENT)


def plain(drawings: NDArray[np.uint8]) -> Tensor:
    """Drawings (item x row x col x RGBA) as a model meets them: on white, IMAGE pixels wide, in 0..1."""
    pixels = torch.from_numpy(drawings).permute(0, 3, 1, 2).float() / 255
    flat = pixels[:, :3] * pixels[:, 3:] + 1 - pixels[:, 3:]
    return functional.interpolate(flat, IMAGE, mode="bicubic", antialias=True).clamp(0, 1)


def first_of(model: Any, pictures: Tensor, names: Tensor, right: Tensor) -> float:
    """Share of pictures whose right name (a row of `names`, token ids) has the largest cosine."""
    with torch.inference_mode():
        image, _ = architecture.embed_pair(model, pictures, names[:1])
        _, words = architecture.embed_pair(model, pictures[:1], names)
        return float(((image @ words.T).argmax(dim=1) == right).float().mean())


def _outcome(
    name: str,
    stage: Stage,
    state: dict[str, Tensor],
    work: Path,
    material: Material,
    unseen: frozenset[str],
    learned: Tokenizer,
    device: torch.device,
    folder: Path,
) -> Outcome:
    model: Any = architecture.build(learned.get_vocab_size())
    model.load_state_dict(state)
    model = model.eval().to(device)

    def shares(style: str, asked: list[str], among: list[str]) -> tuple[float, float]:
        drawn = load_style(next(one for one in STYLES if one.name == style), work)
        keys = [key for key in asked if key in drawn]
        pictures = plain(np.stack([drawn[key] for key in keys])).to(device)
        right = torch.tensor([among.index(key) for key in keys], device=device)
        each = [
            tokens(learned, [material.words[language][key].name for key in among])
            for language in ("en", "zh")
        ]
        english, chinese = (round(first_of(model, pictures, ids.to(device), right), 4) for ids in each)
        return english, chinese

    seen, everything = list(material.concepts), list(material.words["en"])
    last = json.loads((folder / "log.jsonl").read_text("utf-8").splitlines()[-1])
    return Outcome(
        name,
        stage.steps,
        last["loss"],
        new_style=shares(LEFT_OUT.name, seen, everything),
        new_things=shares("twemoji", sorted(unseen), sorted(unseen)),
        memory=shares("twemoji", seen, everything),
    )
