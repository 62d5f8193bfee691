"""Temperature, wordings and "none of these" for `photo-lite`, from stamps that training never saw.

Twenty captions at a time: once with the right one among them, once without. The first fits the temperature
(Guo et al. 2017), both together the cosine below which a picture is none of these.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional

from workbench.models.adapters.joined.encoder import JoinedModel

__all__ = ["AMONG", "SETS", "calibrate"]

AMONG = 20
SETS: dict[str, tuple[str, ...]] = {
    "plain": ("{}",),
    "photo": ("a photo of a {}.",),
    "three": ("{}", "a photo of a {}.", "a picture with a {} in it"),
}
_LISTS = 20  # lists of wrong captions drawn for each picture


def calibrate(
    model: JoinedModel, pictures: Sequence[Image], captions: Sequence[str], *, seed: int = 0
) -> dict[str, Any]:
    """The best set of wordings, its logit scale, the reject threshold, and what was measured for each.

    Returns:
        `templates`, `scale` (logits are `scale * cosine`), `threshold` (a cosine), `found` (figures by set).
    """
    names = [re.sub(r"^(an?|the|some) ", "", caption.lower()) for caption in captions]
    image = _unit(_images(model, pictures))
    found = {}
    for name, templates in SETS.items():
        worded = [_texts(model, [form.replace("{}", label) for label in names]) for form in templates]
        text = torch.stack(worded).sum(dim=0)
        found[name] = _judge((image @ _unit(text).mT).numpy(), names, seed) | {"templates": list(templates)}
    best = max(found, key=lambda name: found[name]["right"])
    return {key: found[best][key] for key in ("templates", "scale", "threshold")} | {
        "chosen": best,
        "found": found,
    }


def _judge(cosine: NDArray[np.float32], names: Sequence[str], seed: int) -> dict[str, float]:
    """Accuracy among twenty, the scale with the least log-loss, and the threshold with the best balance."""
    chance = random.Random(seed)
    lists = [_rivals(item, names, chance) for item in range(len(names)) for _ in range(_LISTS)]
    owners = np.repeat(np.arange(len(names)), _LISTS)
    wrong = cosine[owners[:, None], np.array(lists)]
    own = cosine[owners, owners]
    # The right one takes the place of the last rival, so both lists have twenty.
    listed = np.concatenate([own[:, None], wrong[:, :-1]], axis=1)

    def loss(log_scale: float) -> float:
        logits = np.exp(log_scale) * listed
        highest = logits.max(axis=1)
        return float((highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1)) - logits[:, 0]).mean())

    scale = float(np.exp(minimize_scalar(loss, bounds=(0.0, 5.0), method="bounded").x))
    present, absent = listed.max(axis=1), wrong.max(axis=1)
    steps = np.quantile(np.concatenate([present, absent]), np.linspace(0, 1, 201))
    balance = [((present >= step).mean() + (absent < step).mean()) / 2 for step in steps]
    threshold = float(steps[int(np.argmax(balance))])
    return {
        "right": round(float((own > wrong[:, :-1].max(axis=1)).mean()), 4),
        "scale": round(scale, 3),
        "threshold": round(threshold, 4),
        "kept_with_right_label": round(float((present >= threshold).mean()), 4),
        "rejected_without": round(float((absent < threshold).mean()), 4),
    }


def _rivals(item: int, names: Sequence[str], chance: random.Random) -> list[int]:
    others = [row for row, name in enumerate(names) if name != names[item]]
    return chance.sample(others, AMONG)


@torch.inference_mode()
def _images(model: JoinedModel, pictures: Sequence[Image]) -> Tensor:
    look = model.picture.look
    parts = [model.encode_image(look.pixels(pictures[at : at + 16])) for at in range(0, len(pictures), 16)]
    return torch.cat(parts)


@torch.inference_mode()
def _texts(model: JoinedModel, texts: Sequence[str]) -> Tensor:
    return _unit(
        torch.cat(
            [model.encode_text(model.text.words(texts[at : at + 64])) for at in range(0, len(texts), 64)]
        )
    )


def _unit(vectors: Tensor) -> Tensor:
    return functional.normalize(vectors.float(), dim=-1)
