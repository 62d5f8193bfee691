"""The scalar of a pair that is explained: from the vectors of its two sides to its target."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from workbench.attribution.targets import Target
from workbench.models.adapters.tower import TwoTower

__all__ = ["pair_score"]


def pair_score(
    model: TwoTower, target: Target, texts: Tensor, image: Tensor, text: Tensor | None = None
) -> Tensor:
    """The target for each row of `image`.

    Args:
        texts: vectors of the target's texts, the explained one first; text x feature.
        image: item x feature, or 1 x feature.
        text: in place of the explained text its changed versions, item x feature.

    Returns:
        item; in float32 or wider, differentiable.
    """
    units = functional.normalize(texts.float() if texts.dtype != torch.float64 else texts, dim=-1)
    image = functional.normalize(image.to(units.dtype), dim=-1)
    first = units[:1] if text is None else functional.normalize(text.to(units.dtype), dim=-1)
    cosine = (image * first).sum(dim=-1)
    if target.kind == "similarity":
        return cosine
    if target.kind == "logit":
        return model.scale * cosine + model.bias
    rest = image @ units[1:].T
    if target.kind == "contrast":
        return cosine - rest[:, 0]
    own = model.scale * cosine + model.bias
    if model.rule == "sigmoid":
        return functional.logsigmoid(own)
    others = model.scale * rest.expand(len(own), -1) + model.bias
    return own - torch.cat([own[:, None], others], dim=1).logsumexp(dim=1)
