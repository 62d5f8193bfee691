"""Two towers that never met, joined by a small head: LiT, DeViSE, ConSE and their mixture.

A joined model is a folder with `joined_config.json` and `head.safetensors`; the towers stay where they are.
"""

from __future__ import annotations

from workbench.models.adapters.joined.encoder import JoinedEncoder, JoinedModel, load_joined, tower_files
from workbench.models.adapters.joined.heads import ConseHead, Head, LinearHead, MixtureHead

__all__ = [
    "ConseHead",
    "Head",
    "JoinedEncoder",
    "JoinedModel",
    "LinearHead",
    "MixtureHead",
    "load_joined",
    "tower_files",
]
