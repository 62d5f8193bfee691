"""Stand-ins that are small enough to be known by heart."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workbench import data
from workbench.models.base import ModelCard, TokenView

FEATURE = 7
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class FakeEncoder:
    """A dual encoder that knows three colours.

    The first three features of a picture are its mean colour, and those of a text are the colours
    whose names it holds; the other four come from a hash of the text, weaker. So the right colour
    always wins, two wordings of a label never have the same vector, and no probability saturates.
    It counts its calls.
    """

    capabilities: dict[str, str | None] = {"embed_images": None, "embed_texts": None}  # noqa: RUF012
    scale, bias, rule = 3.0, 0.0, "softmax"
    feature, precision, notes, advice = FEATURE, "float32", (), None
    preprocessing_hash = "resize"

    def __init__(self, *, weights_hash: str = "fake") -> None:
        self.weights_hash = weights_hash
        self.card = ModelCard("fake", "none", "fake", "shipped", text_length=16)
        self.pictures_seen = 0
        self.texts_seen: list[str] = []

    def encode_images(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        self.pictures_seen += len(pictures)
        vectors = np.zeros((len(pictures), FEATURE), np.float32)
        for row, picture in enumerate(pictures):
            vectors[row, :3] = np.asarray(picture, dtype=np.float32).mean(axis=(0, 1)) / 255
            vectors[row, 3] = 0.1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts_seen += texts
        vectors = np.zeros((len(texts), FEATURE), np.float32)
        for row, text in enumerate(texts):
            vectors[row, :3] = [colour in text for colour in COLOURS]
            noise = np.frombuffer(hashlib.sha256(text.encode()).digest()[:4], np.uint8)
            vectors[row, 3:] = 0.6 * (noise / 255)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def tokens(self, text: str) -> TokenView:
        pieces = tuple(text.split())
        return TokenView(pieces[:16], 16, len(pieces) > 16)

    def preprocess_view(self, picture: Image.Image) -> Image.Image:
        return picture.resize((8, 8))


def colour_pairs(
    names: Sequence[str] = ("red", "green", "blue", "red"), *, labels: bool = True
) -> data.Pairs:
    """Pictures of 5 x 7 pixels, one of each colour named; the names are the labels."""
    pictures = [Image.new("RGB", (7, 5), COLOURS[name]) for name in names]
    pairs = data.from_pictures(pictures, texts=[f"a {name} card" for name in names])
    if not labels:
        return pairs
    return data.Pairs(pairs.name, pairs.sources, pairs.texts, tuple(names), code="pairs")
