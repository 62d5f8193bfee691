"""Settings worth seeing, the great ones and those that fail, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["PRESETS", "Preset", "preset"]


@dataclass(frozen=True)
class Preset:
    """One setting of the plane.

    Attributes:
        works: whether the fusion looked at can solve the task.
        settings: traits of the board to set: task, layer, bottleneck, beside.
        why: what the reader should see, and the reason, in one or two sentences.
    """

    name: str
    title: str
    works: bool
    why: str
    settings: Mapping[str, Any] = field(default_factory=dict)


PRESETS: tuple[Preset, ...] = (
    Preset(
        "xor-late", "Late fusion on XOR", False,
        "Each modality gives one score, and the scores are added: s00 + s11 = s01 + s10, so no weights put "
        "both diagonals on their sides. It may still get three corners of four: judge it by AUROC and loss.",
        {"task": "xor", "layer": 3, "bottleneck": 0, "beside": ["mean-logits", "concat-linear"]},
    ),
    Preset(
        "xor-early", "Exchange from the first layer", True,
        "The streams read each other from the start, so a block can compare the two values.",
        {"task": "xor", "layer": 0, "bottleneck": 0, "beside": ["early-tokens", "concat-mlp"]},
    ),
    Preset(
        "mbt-one", "A bottleneck in the last layer only", False,
        "The shared tokens are written after the last block, and no block reads them again. It is called mid "
        "fusion and is late fusion. A common way to build it wrong.",
        {"task": "xor", "layer": 2, "bottleneck": 4, "beside": ["bottleneck", "mean-logits"]},
    ),
    Preset(
        "mbt-two", "A bottleneck in two layers", True,
        "Written after one block, read by the next: a single shared token is enough for XOR.",
        {"task": "xor", "layer": 1, "bottleneck": 1, "beside": ["bottleneck"]},
    ),
    Preset(
        "scalar-gate", "One weight for each modality", False,
        "It looks like attention over modalities. z h(a) + (1 - z) t(b) > k comes down to comparing a sum "
        "of one term a modality, so XOR stays beyond it; a weight for each feature (GMU) can do it.",
        {"task": "xor", "layer": 3, "bottleneck": 0, "beside": ["scalar-gate", "gmu"]},
    ),
    Preset(
        "and-sum", "AND needs no fusion", True,
        "Half a bit of synergy, and yet a + b > 1.5 decides it. Synergy says that both are informative "
        "together, not that a sum of scores is too weak.",
        {"task": "and", "layer": 3, "bottleneck": 0, "beside": ["mean-logits", "tensor"]},
    ),
    Preset(
        "ring-sum", "A ring is a sum", True,
        "The border is curved, but a squared plus b squared is one score for each modality. Curved is not "
        "the same as joint.",
        {"task": "ring", "layer": 3, "bottleneck": 0, "beside": ["mean-logits", "concat-linear"]},
    ),
    Preset(
        "match-product", "Are they alike?", True,
        "Whether two values agree is a product of features: bilinear fusion was made for it; a sum is lost.",
        {"task": "match", "layer": 0, "bottleneck": 0, "beside": ["low-rank", "mean-logits"]},
    ),
    Preset(
        "unique", "Only the picture matters", True,
        "One modality says everything, so every fusion pays for a second stream that it does not need. "
        "Compare with the picture alone.",
        {"task": "unique-image", "layer": 3, "bottleneck": 0, "beside": ["only-image", "early-tokens"]},
    ),
)  # fmt: skip


def preset(name: str) -> Preset | None:
    """The preset of that name, or None."""
    return next((row for row in PRESETS if row.name == name), None)
