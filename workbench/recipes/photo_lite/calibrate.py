"""Temperature, wordings and "none of these" for `photo-lite` and its halves, each on its own.

Pictures that training never saw meet lists of names: with one of their own among them, and with none. Lists
of twenty with the right name fit the temperature (Guo et al. 2017). The cosine below which a picture is none
of these is the one that keeps pictures with a right name and rejects those without equally well; it is found
for lists of several lengths, since the best of many wrong names fits better than the best of few, and a line
over the logarithm of their number goes through what was found.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import minimize_scalar

from workbench import data, models
from workbench.data.pairs import Pairs
from workbench.embedding import embed_pictures, embed_texts
from workbench.models.adapters.joined.encoder import CONFIG
from workbench.models.base import DualEncoder

__all__ = ["AMONG", "COUNTS", "SETS", "Known", "advise", "calibrate", "pictures_of_nothing"]

AMONG = 20
COUNTS = (2, 5, 10, 20, 40)
"""Lengths of the lists that the threshold is fitted on, as far as there are names."""
SETS: dict[str, tuple[str, ...]] = {
    "plain": ("{}",),
    "photo": ("a photo of a {}.",),
    "three": ("{}", "a photo of a {}.", "a picture with a {} in it"),
}
_LISTS = 50  # lists of names drawn for each picture
_NOTHING = 20  # pictures of noise, and as many of one colour
_log = logging.getLogger(__name__)
Found = dict[str, Any]


@dataclass(frozen=True)
class Known:
    """Pictures, all names, and which are right for which: `own`, picture x name. source: said on the card."""

    pictures: Pairs
    names: Sequence[str]
    own: NDArray[np.bool_]
    source: str


def advise(weights: Path, folders: Mapping[str, str], known: Known, *, seed: int = 0) -> None:
    """Calibrate the models in `folders` (method to folder) and write it into their configurations.

    The first one chooses the wordings for all.
    """
    chosen = ""
    for method, folder in folders.items():
        found = calibrate(models.load(str(weights / folder)), known, chosen=chosen, seed=seed)
        chosen = found["chosen"]
        path = weights / folder / CONFIG
        config = json.loads(path.read_text("utf-8"))
        best = found["found"][chosen]
        config["scale"] = best["scale"]
        config["advice"] = {
            "templates": list(SETS[chosen]),
            "measure": "cosine",
            **{name: best[name] for name in ("threshold", "labels", "growth", "measured_to")},
        }
        config["trained"]["calibration"] = found
        path.write_text(json.dumps(config, indent=2) + "\n", "utf-8")
        _log.info("%s: %s", method, config["advice"])


def calibrate(model: DualEncoder, known: Known, *, chosen: str = "", seed: int = 0) -> Found:
    """What was measured for each set of wordings, and which is best.

    Args:
        chosen: the set to take; "" takes the one that is right most often.

    Returns:
        `source`, `pictures`, `names`, `chosen`, `found` (figures by set), `nothing` (by number of
        names, the share of noise and of flat colours that is accepted with the chosen set).
    """
    image, nothing = embed_pictures(model, known.pictures), embed_pictures(model, pictures_of_nothing(seed))
    found, texts = {}, {}
    for name, templates in SETS.items():
        worded = [embed_texts(model, [form.replace("{}", n) for n in known.names]) for form in templates]
        total = np.sum(worded, axis=0)
        texts[name] = total / np.linalg.norm(total, axis=1, keepdims=True)
        found[name] = judge(image @ texts[name].T, known.own, seed) | {"templates": list(templates)}
    best = chosen or max(found, key=lambda name: found[name]["right"])
    return {
        "source": known.source,
        "pictures": len(known.own),
        "names": list(known.names),
        "chosen": best,
        "found": found,
        "nothing": _accepted(nothing @ texts[best].T, found[best], seed),
    }


def judge(cosine: NDArray[np.float32], own: NDArray[np.bool_], seed: int = 0) -> Found:
    """Accuracy among twenty, the scale with the least log-loss, and the threshold by number of names.

    `kept` and `rejected` are counted on the half of the pictures that the line was not fitted on, both ways.
    """
    chance = np.random.default_rng(seed)
    counts = [count for count in COUNTS if count <= (~own).sum(axis=1).min()]
    among = max(count for count in counts if count <= AMONG)
    right, present, absent, listed = _lists(cosine, own, counts, among, chance)
    scale = _scale(listed)
    half = np.arange(len(own)) % 2 == 0
    rates: dict[str, list[NDArray[np.bool_]]] = {"kept": [], "rejected": []}
    for part in (half, ~half):
        level, growth = _line(present[~part], absent[~part], counts)
        line = level + growth * np.log(np.array(counts) / AMONG)
        rates["kept"].append(present[part] >= line)
        rates["rejected"].append(absent[part] < line)
    level, growth = _line(present, absent, counts)
    shares = {name: np.concatenate(parts).mean(axis=(0, 1)) for name, parts in rates.items()}
    return {
        "right": round(float(right.mean()), 4),
        "among": among,
        "scale": round(scale, 3),
        "threshold": round(level, 4),
        "labels": AMONG,
        "growth": round(growth, 4),
        "measured_to": counts[-1],
        "rates": {
            str(count): {name: round(float(share[place]), 4) for name, share in shares.items()}
            for place, count in enumerate(counts)
        },
    }


def pictures_of_nothing(seed: int = 0) -> Pairs:
    """Twenty pictures of noise and then twenty of one colour."""
    chance = np.random.default_rng(seed)
    noise = [Image.fromarray(chance.integers(0, 256, (240, 320, 3), dtype=np.uint8)) for _ in range(_NOTHING)]
    inks = chance.integers(0, 256, (_NOTHING, 3)).tolist()
    return data.from_pictures([*noise, *(Image.new("RGB", (320, 240), tuple(ink)) for ink in inks)])


def _lists(
    cosine: NDArray[np.float32],
    own: NDArray[np.bool_],
    counts: Sequence[int],
    among: int,
    chance: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Of each picture and list: is the right name first among `among`; the best cosine of so many names, with
    a right one among them and with none (picture x list x count); all `among` cosines, the right one first.
    """
    right, present, absent, listed = [], [], [], []
    for row, mine in zip(cosine, own, strict=True):
        others, names = np.flatnonzero(~mine), np.flatnonzero(mine)
        orders = np.stack([chance.permutation(others)[: counts[-1]] for _ in range(_LISTS)])
        wrong, true = row[orders], row[chance.choice(names, _LISTS)]
        best = np.maximum.accumulate(wrong, axis=1)
        absent.append(best[:, np.array(counts) - 1])
        # The right one takes the place of the last rival, so both lists are equally long.
        present.append(np.maximum(best[:, np.array(counts) - 2], true[:, None]))
        right.append(true > best[:, among - 2])
        listed.append(np.concatenate([true[:, None], wrong[:, : among - 1]], axis=1))
    return np.stack(right), np.stack(present), np.stack(absent), np.concatenate(listed)


def _scale(listed: NDArray[np.float32]) -> float:
    def loss(log_scale: float) -> float:
        logits = np.exp(log_scale) * listed.astype(np.float64)
        highest = logits.max(axis=1)
        return float((highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1)) - logits[:, 0]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(0.0, 5.0), method="bounded").x))


def _line(
    present: NDArray[np.float32], absent: NDArray[np.float32], counts: Sequence[int]
) -> tuple[float, float]:
    """(threshold at `AMONG` names, what each e-fold adds): least squares through the best of each length."""
    best = []
    for place in range(len(counts)):
        kept, gone = (np.sort(part[:, :, place], axis=None) for part in (present, absent))
        steps = np.quantile(np.concatenate([kept, gone]), np.linspace(0, 1, 401))
        balance = 1 - np.searchsorted(kept, steps) / len(kept) + np.searchsorted(gone, steps) / len(gone)
        best.append(float(steps[int(np.argmax(balance))]))
    growth, level = np.polyfit(np.log(np.array(counts) / AMONG), best, 1)
    return float(level), float(growth)


def _accepted(cosine: NDArray[np.float32], found: Found, seed: int) -> dict[str, dict[str, float]]:
    """Number of names -> share of noise and of flat colours that gets one of so many."""
    chance = np.random.default_rng(seed)
    shares = {}
    for count in (int(count) for count in found["rates"]):
        line = found["threshold"] + found["growth"] * np.log(count / AMONG)
        picks = np.stack([chance.permutation(cosine.shape[1])[:count] for _ in range(_LISTS)])
        taken = cosine[:, picks].max(axis=2) >= line
        kinds = {"noise": taken[:_NOTHING], "flat": taken[_NOTHING:]}
        shares[str(count)] = {kind: round(float(part.mean()), 4) for kind, part in kinds.items()}
    return shares
