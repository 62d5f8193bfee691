"""Small examples with a known rule, for tests that train, and how two reports are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np
import torch

from workbench.data.examples import Examples, Tokens


def small_examples(rule=lambda a, b: a ^ b, *, items: int = 240, seed: int = 0, **changes) -> Examples:
    """One bit a modality, shown as 2 picture tokens of 5 features and 3 text tokens of 4, little noise."""
    random = np.random.default_rng(seed)
    a, b = random.integers(0, 2, (2, items))
    image = (2 * a - 1)[:, None, None] + 0.2 * random.normal(size=(items, 2, 5))
    text = (2 * b - 1)[:, None, None] + 0.2 * random.normal(size=(items, 3, 4))
    given = {
        "name": "bits",
        "modalities": {"image": Tokens.of(image), "text": Tokens.of(text)},
        "labels": rule(a, b).astype(np.int64),
        "classes": ("no", "yes"),
        "split": np.repeat([0, 1, 2], [items // 2, items // 4, items - items // 2 - items // 4]).astype(
            np.uint8
        ),
        "meta": {"latents": {"image": a, "text": b}, "bayes_accuracy": 1.0},
    }
    return Examples(**(given | changes))


def same(one, other, apart: tuple[str, ...] = ("examples", "built", "code")) -> bool:
    """Equal to the last bit, NaN like NaN, through every mapping, tuple and dataclass but fields `apart`."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, torch.nn.Module):
        return type(one) is type(other) and same(one.state_dict(), other.state_dict())
    if is_dataclass(one):
        kept = [field.name for field in fields(one) if field.name not in apart]
        return type(one) is type(other) and all(same(getattr(one, k), getattr(other, k), apart) for k in kept)
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(value, other[key], apart) for key, value in one.items())
    if isinstance(one, tuple | list):
        pairs = zip(one, other, strict=False)
        return type(one) is type(other) and len(one) == len(other) and all(same(*two, apart) for two in pairs)
    return one == other or (one != one and other != other)
