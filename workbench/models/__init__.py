"""Models by name: `load`, and what there is to load. Dual encoders compare, writers write.

from workbench import models

model = models.load("emoji-clip")
models.available()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.models.base import Advice, Capability, DualEncoder, ModelCard, TokenView
from workbench.models.given import as_encoder, as_model
from workbench.models.writer import ROLES, Continuation, Forced, Question, Writer, WriterCapability

if TYPE_CHECKING:
    from workbench.models.catalogue import Catalogue, available, card
    from workbench.models.loading import fetch, keep, load, loaded, unload
    from workbench.models.writer_given import as_writer

__all__ = [
    "ROLES",
    "Advice",
    "Capability",
    "Catalogue",
    "Continuation",
    "DualEncoder",
    "Forced",
    "ModelCard",
    "Question",
    "TokenView",
    "Writer",
    "WriterCapability",
    "as_encoder",
    "as_model",
    "as_writer",
    "available",
    "card",
    "fetch",
    "keep",
    "load",
    "loaded",
    "unload",
]

_WHERE = (
    {name: "catalogue" for name in ("Catalogue", "available", "card")}
    | {name: "loading" for name in ("fetch", "keep", "load", "loaded", "unload")}
    | {"as_writer": "writer_given"}
)


def __getattr__(name: str) -> Any:
    # Loading needs torch (seconds); the protocol and the cards do not.
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
