"""Small examples with a known rule, for tests that train."""

from __future__ import annotations

import numpy as np

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
