"""`show(result)`: the widget that fits a result, chosen by its type."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

from widgets.attention_lens import AttentionLens
from widgets.attribution_board import AttributionBoard
from widgets.zero_shot_board import ZeroShotBoard
from workbench.attribution import Attributions, Heatmap
from workbench.capture import Trace
from workbench.errors import BadInputError
from workbench.models.base import DualEncoder
from workbench.results import Ranking

__all__ = ["show"]


@singledispatch
def show(result: Any, **_options: Any) -> Any:
    """The widget for `result`. It is displayed as a cell's last line, and its choices can be read later.

    A `Ranking` becomes a `ZeroShotBoard`, a `Heatmap` or `Attributions` an `AttributionBoard`, a `Trace` an
    `AttentionLens`; pass `model=` if the model that made it is no longer held.

    Raises:
        BadInputError: there is no widget for this type; the message lists those there are.
    """
    known = ", ".join(sorted(kind.__name__ for kind in show.registry if kind is not object))
    raise BadInputError(f"show() has no widget for a {type(result).__name__}. It shows: {known}.")


@show.register
def _(result: Ranking, *, model: DualEncoder | None = None) -> ZeroShotBoard:
    return ZeroShotBoard(result, model=model)


@show.register(Heatmap)
@show.register(Attributions)
def _(result: Heatmap | Attributions, *, model: DualEncoder | None = None) -> AttributionBoard:
    return AttributionBoard(result, model=model)


@show.register
def _(result: Trace, *, model: Any = None, sites: Sequence[str] | None = None) -> AttentionLens:
    return AttentionLens(result, model=model, sites=sites)
