"""Traces that were saved, opened again."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

from workbench.attention.sites import Site
from workbench.attention.token_layout import PatchGrid, TokenLayout
from workbench.calling import verb
from workbench.capture.trace import AttentionMap, Trace
from workbench.data import Pair
from workbench.keeping import opened
from workbench.models.given import as_model
from workbench.results import Provenance

__all__ = ["open_trace"]


@verb
def open_trace(folder: str | Path, pair: Pair | None = None, *, model: Any = None) -> Trace:
    """A trace that `trace.save(folder)` wrote: every weight, the picture as the model saw it, the text.

    Args:
        folder: as it was given to `trace.save`.
        pair: what was captured, to ask the model about it again; must be the same picture.
        model: what was captured; must have the same weights.

    Returns:
        The `Trace`, equal to the one that was saved.

    Raises:
        BadInputError: nothing whole is there, or `pair` or `model` are others.

    Example:
        >>> from workbench import data
        >>> from workbench.capture import capture, open_trace
        >>> trace = capture("emoji-clip", data.load("emoji")[0], "text")
        >>> open_trace(trace.save("a trace")).text == trace.text
        True
    """
    live = None if model is None else weakref.ref(as_model(model))
    parts = (AttentionMap, Site, TokenLayout, PatchGrid, Provenance)
    found: Trace = opened(folder, Trace._form, Trace, parts, pair=pair, live=live)
    return found
