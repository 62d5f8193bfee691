"""The model that is to write, from what people hold."""

from __future__ import annotations

import os
from typing import Any

from workbench.errors import UnsupportedError
from workbench.models import as_writer
from workbench.models.writer import Writer
from workbench.results import OnEvent, ShouldStop

__all__ = ["writer_of"]


def writer_of(model: Any, on_event: OnEvent | None = None, should_stop: ShouldStop | None = None) -> Writer:
    """A model that writes from what people hold: itself, or what `models.load` takes.

    Raises:
        BadInputError: a module of PyTorch, or no model at all.
        UnsupportedError: a model, but none that writes.
    """
    if isinstance(model, str | os.PathLike):
        from workbench.models.loading import load

        model = load(str(model), on_event=on_event, should_stop=should_stop)
    writer = as_writer(model)
    reason = writer.capabilities.get("write")
    if reason is not None:
        raise UnsupportedError(f"{writer.card.name} cannot write: {reason}")
    return writer
