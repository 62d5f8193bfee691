"""From cut-outs and class names to the shipped head: features once, then a linear map beside ConSE."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor

from workbench import data
from workbench.models.adapters.joined.describe import PHOTO_PICTURES, PHOTO_TEXTS
from workbench.models.adapters.joined.encoder import CONFIG, HEAD, load_towers, save_joined
from workbench.models.adapters.joined.heads import ConseHead, MixtureHead
from workbench.models.adapters.joined.picture_towers import PictureTower
from workbench.recipes.lit import Settings, fit_head, text_features
from workbench.recipes.photo_lite.calibrate import Known, advise
from workbench.recipes.photo_lite.classes import class_features, name_vectors
from workbench.recipes.photo_lite.material import Item, items
from workbench.recipes.photo_lite.scenes import scenes

__all__ = ["FINAL", "FOLDERS", "held_out", "run", "singles", "stamps"]

FINAL = "photo-lite"
FOLDERS = {"mixture": FINAL, "conse": f"{FINAL}-conse", "linear": f"{FINAL}-linear"}
"""Method to folder; the first is the model, the others its halves."""
_KEPT_EVERY = 7  # of the photographic stamps every seventh is kept for choosing and calibrating
MIXED = 1500
POWER, SHARE = 0.75, 0.7
_STRENGTHS = (2.0, 4.0, 6.0)
_NOTE = (
    "photo-lite is no CLIP: an ImageNet classifier (EfficientNet-Lite0) and a sentence encoder (MiniLM), "
    "joined by a small head. It knows things that ImageNet has, and no people. With a network, load a CLIP: "
    "it is far better."
)
_log = logging.getLogger(__name__)


def run(work: Path, weights: Path, *, seed: int = 0) -> None:
    """Write `photo-lite` and its two halves below `weights`; features are kept in `work` for a second run."""
    settings = Settings(joint=256, steps=600, batch_size=512, weight_decay=0.3, seed=seed)
    config: dict[str, Any] = {"image": PHOTO_PICTURES, "text": PHOTO_TEXTS}
    pictures, words = load_towers(config, work, name=FINAL)
    image, texts = _learning(pictures, work, seed)
    names, wordings = name_vectors(lambda listed: text_features(words, listed))
    classifier: Any = pictures.network.get_classifier()  # type: ignore[operator]
    imagined = class_features(classifier.weight.detach(), image.mean(dim=0), _STRENGTHS)
    rows, read, same = _together(image, texts, text_features(words, texts), imagined, wordings)
    linear, _ = fit_head(rows, read, same, settings)
    conse = ConseHead(len(names), names.shape[1], POWER)
    conse.names.copy_(names)
    conse.centre.copy_(names.mean(dim=0))
    mixture = MixtureHead(conse, linear, SHARE)
    config |= {
        "head": {"method": "mixture", "joint": settings.joint, "power": POWER, "share": SHARE},
        "scale": 1.0,  # until `advise` has measured it
        "notes": [_NOTE],
        "trained": {**asdict(settings), "rows": len(rows)},
    }
    save_joined(weights / FINAL, config, mixture.half())
    for method in ("conse", "linear"):
        _half(weights, config, method)
    _log.info("%d rows, %.1f MB", len(rows), (weights / FINAL / HEAD).stat().st_size / 1e6)
    advise(weights, FOLDERS, _known_stamps(work, pictures.look.side, seed), seed=seed)


def _known_stamps(work: Path, side: int, seed: int) -> Known:
    """Without photographs: stamps that training never saw, by their captions."""
    shown = list(singles(held_out(stamps(work)), side=side, seed=seed + 1))
    said = [re.sub(r"^(an?|the|some) ", "", captions[0].lower()) for _, captions in shown]
    names = list(dict.fromkeys(said))
    own = np.array([[name == one for name in names] for one in said])
    return Known(
        data.from_pictures([picture for picture, _ in shown]), names, own, "photographic stamps, by caption"
    )


def stamps(work: Path) -> list[Item]:
    """The cut-outs of Tux Paint alone."""
    return [item for item in items(work) if item.package == "tuxpaint-stamps-default"]


def held_out(listed: Sequence[Item]) -> list[Item]:
    """Photographic stamps that training never sees."""
    photographs = [item for item in listed if item.file.suffix == ".png"]
    return photographs[::_KEPT_EVERY]


def singles(chosen: Sequence[Item], *, side: int, seed: int) -> Iterator[tuple[Image, tuple[str, ...]]]:
    """Each item alone on a ground, with its captions."""
    return scenes(chosen, side=side, mixed=0, seed=seed)


def _half(weights: Path, config: dict[str, Any], method: str) -> None:
    """A folder that points to the same head and uses one half of it."""
    folder = weights / f"{FINAL}-{method}"
    folder.mkdir(parents=True, exist_ok=True)
    own = config | {"head": config["head"] | {"method": method, "file": f"../{FINAL}/{HEAD}"}}
    (folder / CONFIG).write_text(json.dumps(own, indent=2) + "\n", "utf-8")


def _learning(tower: PictureTower, work: Path, seed: int) -> tuple[Tensor, list[str]]:
    """Features of every training picture, one row a caption, and the captions."""
    kept = work / f"features-{tower.look.side}-{seed}.pt"
    if not kept.is_file():
        without = {item.file for item in held_out(stamps(work))}
        known = [item for item in items(work) if item.file not in without]
        drawn = scenes(known, side=tower.look.side, mixed=MIXED, seed=seed)
        features, captions = _features(tower, drawn)
        part = kept.with_suffix(".part")
        torch.save({"features": features, "captions": captions}, part)
        part.replace(kept)
    found = torch.load(kept, weights_only=True)
    rows = [(row, text) for row, listed in enumerate(found["captions"]) for text in listed]
    return found["features"].float()[[row for row, _ in rows]], [text for _, text in rows]


@torch.inference_mode()
def _features(
    tower: PictureTower, drawn: Iterator[tuple[Image, tuple[str, ...]]], batch_size: int = 16
) -> tuple[Tensor, list[list[str]]]:
    tower.eval()
    found, captions, waiting = [], [], []
    for picture, texts in drawn:
        waiting.append(picture)
        captions.append(list(texts))
        if len(waiting) == batch_size:
            found.append(tower(tower.look.pixels(waiting))[0].half())
            waiting.clear()
            if len(found) % 20 == 0:
                _log.info("%d pictures", len(captions))
    if waiting:
        found.append(tower(tower.look.pixels(waiting))[0].half())
    return torch.cat(found), captions


def _together(
    image: Tensor, texts: list[str], read: Tensor, imagined: Tensor, wordings: Tensor
) -> tuple[Tensor, Tensor, list[str]]:
    """Real pictures with their captions, and imagined ones of every class with each wording of its name."""
    strengths, classes, wordings_each = len(imagined), wordings.shape[0], wordings.shape[1]
    rows, names, same = [image], [read], list(texts)
    for wording in range(wordings_each):
        rows.append(imagined[wording % strengths])
        names.append(wordings[:, wording])
        same += [f"class {number}" for number in range(classes)]
    return torch.cat(rows), torch.cat(names), same
