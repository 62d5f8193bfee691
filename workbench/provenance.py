"""`Provenance`: where a result comes from."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from types import MappingProxyType
from typing import Any

from workbench.portable import Portable

__all__ = ["Provenance"]


@cache
def _versions() -> Mapping[str, str]:
    found = {"python": platform.python_version()}
    for name in ("workbench", "numpy", "torch", "open_clip_torch", "transformers"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return MappingProxyType(found)


@dataclass(frozen=True)
class Provenance(Portable):
    """Where a result comes from: enough to make it again, or to know why it differs.

    Attributes:
        verb: what made it.
        model, weights: the model's name, and the digest of its weights; "" where there was none.
        data: digest of the pictures, texts and labels.
        parameters, seed: the settings as they were chosen; the seed is None where nothing was drawn.
        notes: what the reader should know, one sentence each.
        versions: of Python and of the packages that computed it.
    """

    verb: str
    model: str = ""
    weights: str = ""
    data: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=_versions)

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON-ready plain values."""
        return {
            "verb": self.verb,
            "model": self.model,
            "weights": self.weights,
            "data": self.data,
            "parameters": dict(self.parameters),
            "seed": self.seed,
            "notes": list(self.notes),
            "versions": dict(self.versions),
        }
