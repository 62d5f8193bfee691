"""Join two towers that never met by training a head on pairs: locked-image (and locked-text) tuning.

from workbench import data, models
from workbench.recipes import lit

model = lit.train("efficientnet-lite0", "minilm", data.load("my-pictures.csv"), folder="my-model")
models.load("my-model")                     # from then on

Both towers stay as they are, so their features are computed once and a head trains in seconds. That is
transfer learning (features from one task serve another) and a coordinated representation (each modality
keeps its own encoder; a shared space ties them).

Source: LiT, Zhai et al. 2022; contrastive loss of CLIP, Radford et al. 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench import models
from workbench.data.pairs import Pairs
from workbench.errors import BadInputError, Cancelled
from workbench.formatting import plural
from workbench.models.adapters.joined.describe import describe_picture_tower, describe_text_tower
from workbench.models.adapters.joined.encoder import load_towers, save_joined
from workbench.models.adapters.joined.heads import LinearHead
from workbench.models.adapters.joined.picture_towers import PictureTower
from workbench.models.adapters.joined.text_towers import TextTower
from workbench.models.base import DualEncoder
from workbench.results import Event, OnEvent, ShouldStop
from workbench.runtime import seeded

__all__ = ["Settings", "fit_head", "picture_features", "text_features", "train"]


@dataclass(frozen=True)
class Settings:
    """How a head is trained: AdamW on the symmetric cross-entropy of a batch, the rate falling to 0.

    `margin` instead of None takes the triplet loss with the hardest negative of the batch (FaceNet, Schroff
    et al. 2015; VSE++, Faghri et al. 2018) in place of the contrastive loss.
    """

    joint: int = 256
    steps: int = 600
    batch_size: int = 256
    rate: float = 1e-3
    weight_decay: float = 0.3
    margin: float | None = None
    seed: int = 0


def train(
    image: str,
    text: str,
    pairs: Pairs,
    *,
    folder: str | Path,
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> DualEncoder:
    """Train a head that joins two towers on `pairs`, write it to `folder`, and load it.

    Args:
        image: "efficientnet-lite0", "timm:ARCH", "timm:ARCH/path/to/weights", "hf:ORG/NAME" or a folder.
        text: "minilm", "hf:ORG/NAME" or a folder.

    Raises:
        BadInputError: fewer than eight pairs, or the texts are all the same.
        UnavailableError, BadWeightsError: a tower is not here, or damaged.
        Cancelled: `should_stop` returned true; nothing is written.
    """
    chosen = settings or Settings()
    if len(pairs) < 8 or len(set(pairs.texts)) < 2:
        raise BadInputError(
            f"{plural(len(pairs), 'pair')} with {plural(len(set(pairs.texts)), 'different text')} were "
            "given; a head needs at least 8 pairs and 2 texts to tell apart. Load more pictures, or "
            "captions that differ."
        )
    config: dict[str, Any] = {
        "image": describe_picture_tower(image),
        "text": describe_text_tower(text),
        "head": {"method": "linear", "joint": chosen.joint},
    }
    pictures, words = load_towers(config, Path(folder), name=str(folder), on_event=on_event)
    seen = picture_features(pictures, pairs, on_event=on_event, should_stop=should_stop)[0]
    read = text_features(words, pairs.texts)
    head, scale = fit_head(seen, read, list(pairs.texts), chosen, on_event=on_event, should_stop=should_stop)
    config |= {
        "scale": scale,
        "trained": {"data": pairs.name, "fingerprint": pairs.fingerprint, **asdict(chosen)},
    }
    save_joined(Path(folder), config, head)
    return models.load(str(folder))


@torch.inference_mode()
def picture_features(
    tower: PictureTower,
    pairs: Pairs,
    *,
    batch_size: int = 16,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Pooled features, item x feature, and class probabilities, item x class (None without a classifier)."""
    tower.eval()
    pooled, classes = [], []
    for start in range(0, len(pairs), batch_size):
        _stop(should_stop)
        ids = range(start, min(start + batch_size, len(pairs)))
        features, cells = tower(tower.look.pixels([pairs.picture(i) for i in ids]))
        pooled.append(features)
        if tower.classes is not None:
            classes.append(tower.probabilities(cells))
        if on_event is not None:
            on_event(Event("pictures", ids[-1] + 1, len(pairs)))
    return torch.cat(pooled), torch.cat(classes) if classes else None


@torch.inference_mode()
def text_features(tower: TextTower, texts: Sequence[str], *, batch_size: int = 64) -> Tensor:
    """item x feature. Texts of like length share a batch, so little padding is computed."""
    tower.eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    found = torch.empty(len(texts), tower.feature)
    for start in range(0, len(order), batch_size):
        ids = order[start : start + batch_size]
        found[ids] = tower(tower.words([texts[i] for i in ids]))
    return found


def fit_head(
    image: Tensor,
    text: Tensor,
    same: Sequence[str],
    settings: Settings,
    *,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> tuple[LinearHead, float]:
    """A linear head trained on features that belong together row by row, and its logit scale.

    Args:
        image, text: item x feature.
        same: one key a row; rows of equal keys are not negatives for each other (two pictures of "a cat").
    """
    keys = {key: number for number, key in enumerate(dict.fromkeys(same))}
    group = torch.tensor([keys[key] for key in same])
    with seeded(settings.seed):
        head = LinearHead(image.shape[1], text.shape[1], settings.joint)
        draws = torch.Generator()
        draws.set_state(torch.get_rng_state())  # goes on by itself: training holds up nobody who draws
    scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
    optimizer = torch.optim.AdamW(
        [*head.parameters(), scale], lr=settings.rate, weight_decay=settings.weight_decay
    )
    for step in range(settings.steps):
        _stop(should_stop)
        rows = torch.randperm(len(image), generator=draws)[: settings.batch_size]
        cosine = (
            functional.normalize(head.image(image[rows]), dim=-1)
            @ functional.normalize(head.text(text[rows]), dim=-1).mT
        )
        loss = _loss(cosine, group[rows], scale, settings.margin)
        optimizer.zero_grad()
        loss.backward()
        for part in optimizer.param_groups:
            part["lr"] = settings.rate * (1 - step / settings.steps)
        optimizer.step()
        if on_event is not None and (step + 1) % 20 == 0:
            on_event(Event("training", step + 1, settings.steps, f"loss {loss.item():.3f}"))
    return head.requires_grad_(False), scale.exp().item()


def _loss(cosine: Tensor, group: Tensor, scale: Tensor, margin: float | None) -> Tensor:
    """Contrastive (both ways) or triplet with the hardest negative; rows of one group are no negatives."""
    twins = (group[:, None] == group[None, :]) & ~torch.eye(len(group), dtype=torch.bool)
    if margin is None:
        logits = (cosine * scale.exp()).masked_fill(twins, -math.inf)
        target = torch.arange(len(group))
        return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.mT, target)) / 2
    right = cosine.diagonal()
    others = cosine.masked_fill(twins | torch.eye(len(group), dtype=torch.bool), -math.inf)
    hardest = torch.stack([others.amax(0), others.amax(1)])
    return (margin + hardest - right).clamp_min(0).mean()


def _stop(should_stop: ShouldStop | None) -> None:
    if should_stop is not None and should_stop():
        raise Cancelled("Training was cancelled; nothing was written.")
