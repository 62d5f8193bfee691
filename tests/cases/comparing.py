"""Small comparisons: pictures with nothing to see, pairs with a split, tokens in hand."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from workbench import data
from workbench.data.examples import Examples, Tokens
from workbench.fusion import Design, FusionReport, Plan, compare

QUICK = Plan(design=Design(width=8), epochs=4, batch_size=32, contributions=False)
CAPTIONS = ("a red ball", "a blue cube")


def noise(random: np.random.Generator, side: int = 16) -> Image.Image:
    """A picture with nothing to see."""
    return Image.fromarray(random.integers(0, 255, (side, side, 3), dtype=np.uint8))


def scene(random: np.random.Generator, side: int = 96) -> Image.Image:
    """Soft blobs of colour, as in a photograph out of focus: no two are alike."""
    small = random.integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


def saved(picture: Image.Image, quality: int) -> Image.Image:
    """The picture after it went through a JPEG."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return Image.open(out).convert("RGB")


def pairs_of(pictures, labels, *, texts=None, split=None) -> data.Pairs:
    """Labelled pictures with captions that say nothing, and a split if one is given."""
    texts = texts or [CAPTIONS[k % 2] for k in range(len(pictures))]
    pairs = data.from_pictures(pictures, texts=texts, labels=labels)
    return replace(pairs, columns={} if split is None else {"split": tuple(split)})


def parts(count: int) -> list[str]:
    """Two thirds of the rows train, a sixth validation, a sixth test."""
    held = count // 6
    return ["train"] * (count - 2 * held) + ["validation"] * held + ["test"] * held


def leaks_of(given, **options) -> FusionReport:
    """Each modality alone, compared in a few seconds."""
    return compare(given, ["only-image", "only-text"], seeds=2, plan=QUICK, **options)


def in_hand(tokens: dict[str, np.ndarray], labels, classes=("a", "b"), **more) -> Examples:
    """Examples of these tokens, with classes "a" and "b"; two thirds of the rows train."""
    count = len(labels)
    split = np.repeat([0, 1, 2], [count - 2 * (count // 6), count // 6, count // 6]).astype(np.uint8)
    made = {name: Tokens.of(values) for name, values in tokens.items()}
    return Examples("in hand", made, np.asarray(labels), classes, split, **more)
