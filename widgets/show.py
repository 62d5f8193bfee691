"""`show(result)`: the widget that fits a result, chosen by its type."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from widgets.fusion_board import FusionBoard
from widgets.zero_shot_board import ZeroShotBoard
from workbench.data.examples import Examples
from workbench.errors import BadInputError
from workbench.fusion import FusionReport, Proof, Regions
from workbench.models.base import DualEncoder
from workbench.results import Ranking

__all__ = ["show"]


@singledispatch
def show(result: Any, **_options: Any) -> Any:
    """The widget for `result`. It is displayed as a cell's last line, and its choices can be read later.

    A `Ranking` becomes a `ZeroShotBoard`; pass `model=` if the model that made it is no longer held.
    A `FusionReport`, `Proof`, `Regions` or `Examples` becomes a `FusionBoard`.

    Raises:
        BadInputError: there is no widget for this type; the message lists those there are.
    """
    known = ", ".join(sorted(kind.__name__ for kind in show.registry if kind is not object))
    raise BadInputError(f"show() has no widget for a {type(result).__name__}. It shows: {known}.")


@show.register
def _(result: Ranking, *, model: DualEncoder | None = None) -> ZeroShotBoard:
    return ZeroShotBoard(result, model=model)


@show.register
def _(result: FusionReport) -> FusionBoard:
    return FusionBoard(result)


@show.register
def _(result: Proof) -> FusionBoard:
    return FusionBoard(proof=result)


@show.register
def _(result: Regions) -> FusionBoard:
    return FusionBoard(regions=result)


@show.register
def _(result: Examples) -> FusionBoard:
    return FusionBoard(examples=result)
